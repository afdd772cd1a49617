package reporting

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"hongbao/internal/fault"
)

// A case file holds the evidence of its alert, and no byte of it can be changed, left out or added without being seen.
func TestCaseFileIsSignedAndWhole(t *testing.T) {
	withOffice(t, func(o *office) {
		ctx := context.Background()
		for _, statement := range []string{
			`INSERT INTO misuse_alerts (id, campaign_id, merchant_no, rule, rule_version, subject, status, events, envelope_fen, first_at, last_at, raised_at)
				VALUES (5, 1, 'SZ-0010', 'one-device', 1, 'PHONE-1', 'open', 1, 20000, 1, 2, 3)`,
			`INSERT INTO envelopes (id, campaign_id, registration_id, entry, tier, source, amount_fen, operator, coupon_id, wallet_token, status, claim_until_at, expires_at, awarded_at, changed_at)
				VALUES (9, 1, 4, '01234567890123456789012345678901', 'envelope-200', 'city', 20000, 'icbc', 'COUPON9', 'W', 'credited', 1, 2, 1, 1)`,
			`INSERT INTO spending_events (id, operator, event_no, body_hash, kind, payment_no, refund_no, envelope_id, campaign_id, merchant_no, pay_mode, scenario, app, amount_fen, envelope_fen,
				wallet_fen, card_fen, delivery_district, self_operated, device, occurred_at, received_at, origin)
				VALUES (7, 'icbc', 'E7', '01234567890123456789012345678901', 'payment', 'P7', '', 9, 1, 'SZ-0010', 'tap', 'in-store', '', 20000, 20000, 0, 0, '', 0, 'PHONE-1', 1, 1, 'callback')`,
			"INSERT INTO misuse_evidence (alert_id, event_id) VALUES (5, 7)",
		} {
			_, err := o.DB.SQL().Exec(statement)
			must(o.t, err)
		}
		archive, err := o.CaseFile(ctx, "auditor", o.id, 5)
		must(o.t, err)
		text, err := VerifyCase(bytes.NewReader(archive), int64(len(archive)), o.vkey)
		if err != nil || !strings.Contains(text, "alert 5") || !strings.Contains(text, "suzhou-2020") {
			o.t.Fatalf("%q, %v", text, err)
		}
		events := entryOf(o.t, archive, "events.csv")
		if !strings.Contains(events, "E7") || !strings.Contains(events, "PHONE-1") || !strings.Contains(entryOf(o.t, archive, "envelopes.csv"), "COUPON9") {
			o.t.Errorf("the evidence is not in it: %s", events)
		}
		for name, change := range map[string]func(name, text string) (string, bool){
			"a changed row":  func(name, text string) (string, bool) { return strings.ReplaceAll(text, "PHONE-1", "PHONE-2"), true },
			"a missing file": func(name, text string) (string, bool) { return text, name != "holds.csv" },
			"a changed list": func(name, text string) (string, bool) {
				if name == caseList {
					text = strings.Replace(text, "0", "1", 1)
				}
				return text, true
			},
		} {
			changed := rewritten(o.t, archive, change, "")
			if _, err := VerifyCase(bytes.NewReader(changed), int64(len(changed)), o.vkey); fault.KindOf(err) != fault.Invalid {
				o.t.Errorf("%s: %v", name, err)
			}
		}
		added := rewritten(o.t, archive, func(_, text string) (string, bool) { return text, true }, "extra.csv")
		if _, err := VerifyCase(bytes.NewReader(added), int64(len(added)), o.vkey); fault.KindOf(err) != fault.Invalid {
			o.t.Errorf("an added file: %v", err)
		}
		if _, err := o.CaseFile(ctx, "auditor", o.id, 6); !errors.Is(err, errNoCase) {
			o.t.Errorf("a case of no alert: %v", err)
		}
		var records int
		must(o.t, o.DB.Read(ctx).Raw("SELECT COUNT(*) FROM audit_entries WHERE action = 'misuse.case' AND actor = 'auditor'").Scan(&records).Error)
		if records != 1 {
			o.t.Errorf("%d records", records)
		}
	})
}

func entryOf(t *testing.T, archive []byte, name string) (found string) {
	t.Helper()
	rewritten(t, archive, func(at, text string) (string, bool) {
		if at == name {
			found = text
		}
		return text, true
	}, "")
	return found
}

// rewritten copies an archive through change, which can leave a file out, and adds a file if one is named.
func rewritten(t *testing.T, archive []byte, change func(name, text string) (string, bool), extra string) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	must(t, err)
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	add := func(name, text string) {
		entry, err := w.Create(name)
		must(t, err)
		_, err = io.WriteString(entry, text)
		must(t, err)
	}
	for _, file := range r.File {
		text, err := entryText(file)
		must(t, err)
		if changed, stays := change(file.Name, string(text)); stays {
			add(file.Name, changed)
		}
	}
	if extra != "" {
		add(extra, "more\n")
	}
	must(t, w.Close())
	return out.Bytes()
}
