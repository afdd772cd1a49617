package reporting

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"gorm.io/gorm"
)

// settledCampaign is a whole campaign in a few rows: one winner who spent and gave back, one who did not claim, one on the waitlist,
// one who withdrew; a merchant whose name a spreadsheet could take for a formula. Its ledger adds up. Moments are in minutes from M.
const settledCampaign = `
INSERT INTO refusals (campaign_id, reason, hour_at, count) VALUES (1, 'too-young', M+0, 3)
INSERT INTO registrations (id, campaign_id, entry, salt, sealed, pool, district, operator, tier_choice, consents, status, reason, source, body_hash, registered_at, changed_at) VALUES
 (1, 1, H01, H00, H00, 'suzhou', 'gusu', 'icbc', '', '', 'confirmed', '', 'online', H00, M+10, M+10),
 (2, 1, H02, H00, H00, 'suzhou', 'xiangcheng', 'abc', '', '', 'confirmed', '', 'desk', H00, M+70, M+70),
 (3, 1, H03, H00, H00, 'suzhou', 'gusu', 'icbc', '', '', 'confirmed', '', 'online', H00, M+1500, M+1500),
 (4, 1, H04, H00, H00, 'suzhou', 'gusu', 'abc', '', '', 'withdrawn', '', 'online', H00, M+1501, M+1501)
INSERT INTO draws (id, campaign_id, slug, city, status, hash, quorum, round, open_at, close_at, notice_hash, plan_hash, seed, result_hash, registered, entries, created_at, changed_at) VALUES
 (1, 1, 'suzhou-2020', 'suzhou', 'published', 'sha256', 2, 12345, M+0, M+2880, H0A, H0B, H0C, H0D, 4, 3, M+0, M+0)
INSERT INTO draw_pools (id, draw_id, pool, n, root) VALUES (1, 1, 'suzhou', 3, H0E)
INSERT INTO draw_parties (id, draw_id, name, commitment, reveal, witness_vkey) VALUES (1, 1, 'icbc', H11, H12, ''), (2, 1, 'notary', NULL, NULL, 'notary.test/witness+00000000+AAAA')
INSERT INTO log_lines (id, city, position, draw_id, kind, hash, line, at) VALUES (1, 'suzhou', 1, 1, 'notice', H0A, 'x', M+0), (2, 'suzhou', 2, 1, 'plan', H0B, 'y', M+2900)
INSERT INTO cosignatures (id, city, size, witness, at, line, received_at) VALUES (1, 'suzhou', 1, 'notary.test/witness', 1607133660, 'z', M+1)
INSERT INTO awards (id, draw_id, kind, line, tier, scope, place, entry, score, registration_id, amount_fen, source, prize_scope, status, changed_at) VALUES
 (1, 1, 'win', 1, 'envelope-200', '*', 1, H01, H21, 1, 20000, 'city', '*', 'held', M+2900), (2, 1, 'win', 1, 'envelope-200', '*', 2, H02, H22, 2, 20000, 'city', '*', 'released', M+2900),
 (3, 1, 'wait', 2, '', '*', 1, H03, H23, 3, 0, '', '*', 'waiting', M+2900)
INSERT INTO backfills (id, draw_id, position, old_entry, reason, new_entry, at) VALUES (1, 1, 1, H02, 'unclaimed', NULL, M+9000)
INSERT INTO envelopes (id, campaign_id, registration_id, award_id, entry, tier, source, amount_fen, operator, coupon_id, wallet_token, status, claim_until_at, expires_at, credited_fen, spent_fen, recalled_fen, awarded_at, claimed_at, credited_at, changed_at) VALUES
 (1, 1, 1, 1, H01, 'envelope-200', 'city', 20000, 'icbc', 'COUPON1', 'w', 'closed', M+8000, M+20000, 20000, 12005, 7995, M+2900, M+3000, M+3100, M+20100),
 (2, 1, 2, 2, H02, 'envelope-200', 'city', 20000, 'abc', 'COUPON2', '', 'forfeited', M+8000, M+20000, 0, 0, 0, M+2900, 0, 0, M+8001)
INSERT INTO disbursement_batches (id, campaign_id, kind, purpose, status, prepared_by, prepared_at, changed_at) VALUES (1, 1, 'credit', '', 'done', 'li', M+3000, M+3200), (2, 1, 'recall', '', 'done', 'li', M+20000, M+20100)
INSERT INTO disbursement_orders (id, batch_id, campaign_id, envelope_id, kind, order_no, operator, source, wallet_token, coupon_id, amount_fen, settled_fen, status, attempts, lease_token, operator_ref, reason, replaced_by, created_at, changed_at) VALUES
 (1, 1, 1, 1, 'credit', 'ORDER1', 'icbc', 'city', 'w', 'COUPON1', 20000, 0, 'failed', 1, '', '', '账户状态异常', 'ORDER2', M+3000, M+3050),
 (2, 1, 1, 1, 'credit', 'ORDER2', 'icbc', 'city', 'w', 'COUPON1', 20000, 20000, 'succeeded', 2, '', 'R1', '', '', M+3060, M+3100),
 (3, 2, 1, 1, 'recall', 'ORDER3', 'icbc', 'city', 'w', 'COUPON1', 8000, 7995, 'succeeded', 1, '', 'R2', '', '', M+20010, M+20100)
INSERT INTO approvals (id, campaign_id, city, kind, subject, summary, status, maker, made_at, checker, decided_at) VALUES (1, 1, 'suzhou', 'funding.receive', '1', '{}', 'approved', 'li', M+0, 'wang', M+5)
INSERT INTO funding_receipts (id, campaign_id, source, amount_fen, evidence, status, approval_id, made_by, made_at, changed_at) VALUES (1, 1, 'city', 2000000000, '回单 0001', 'approved', 1, 'li', M+0, M+5)
INSERT INTO ledger_accounts (id, campaign_id, source, operator, kind, balance_fen) VALUES (1, 1, 'city', '', 'source', -2000000000), (2, 1, 'city', '', 'float', 0), (3, 1, 'city', 'icbc', 'in_flight', 0),
 (4, 1, 'city', 'icbc', 'issued', 0), (5, 1, 'city', 'icbc', 'spent', 12005), (6, 1, 'city', 'icbc', 'recalled', 0), (7, 1, 'city', '', 'returned', 1999987995)
INSERT INTO ledger_transactions (id, campaign_id, ref, kind, at) VALUES (1, 1, 'funding 1', 'fund', M+5), (2, 1, 'order 2', 'dispatch', M+3060), (3, 1, 'settle 2', 'settle', M+3100), (4, 1, 'event 1', 'payment', M+4000),
 (5, 1, 'event 2', 'refund', M+5000), (6, 1, 'settle 3', 'recall', M+20100), (7, 1, 'return 1', 'return', M+21000)
INSERT INTO ledger_postings (transaction_id, account_id, envelope_id, amount_fen) VALUES (1, 1, 0, -2000000000), (1, 2, 0, 2000000000), (2, 2, 1, -20000), (2, 3, 1, 20000), (3, 3, 1, -20000), (3, 4, 1, 20000),
 (4, 4, 1, -15005), (4, 5, 1, 15005), (5, 5, 1, -3000), (5, 4, 1, 3000), (6, 4, 1, -7995), (6, 6, 1, 7995), (7, 6, 1, -7995), (7, 2, 0, -1999980000), (7, 7, 0, 1999987995)
INSERT INTO merchants (campaign_id, merchant_no, name, district, class, status, pay_modes, scenarios, app, address, lat, lng, cap_fen) VALUES (1, 'X-1', '=1+1', 'gusu', '@class', 'active', 'tap', 'in-store', '', '', 0, 0, 0)
INSERT INTO spending_events (id, operator, event_no, body_hash, kind, payment_no, refund_no, envelope_id, campaign_id, merchant_no, pay_mode, scenario, app, amount_fen, envelope_fen, wallet_fen, card_fen, delivery_district, self_operated, device, occurred_at, received_at, origin, settlement_id) VALUES
 (1, 'icbc', 'EVENT1', H31, 'payment', 'PAY1', '', 1, 1, 'X-1', 'tap', 'in-store', 'jd', 18005, 15005, 1000, 2000, '', 0, 'device-1', M+4000, M+4001, 'callback', 1),
 (2, 'icbc', 'EVENT2', H32, 'refund', 'PAY1', 'REF1', 1, 1, 'X-1', 'tap', 'in-store', 'jd', 3000, 3000, 0, 0, '', 0, '', M+5000, M+5001, 'callback', 1)
INSERT INTO merchant_settlements (id, campaign_id, merchant_no, payee, day, status, line_count, paid_fen, refunded_fen, net_fen, digest, made_at, changed_at) VALUES (1, 1, 'X-1', 'wallet', '2020-12-08', 'due', 2, 15005, 3000, 12005, 'd1', M+6000, M+6000)
INSERT INTO settlement_lines (id, settlement_id, event_id, kind, operator, event_no, number, payment_no, occurred_at, amount_fen) VALUES (1, 1, 1, 'payment', 'icbc', 'EVENT1', 'PAY1', '', M+4000, 15005), (2, 1, 2, 'refund', 'icbc', 'EVENT2', 'REF1', 'PAY1', M+5000, -3000)
INSERT INTO sub_wallets (id, campaign_id, registration_id, operator, app, token, per_payment_fen, per_day_fen, status, pushed_at, changed_at) VALUES (1, 1, 1, 'icbc', 'jd', 't', 20000, 50000, 'active', M+3200, M+3200)
INSERT INTO misuse_rules (campaign_id, version, rules, made_by, made_at) VALUES (1, 2, '[{"rule":"late-refunds","at_least":1,"hold":true}]', 'li', M+3900)
INSERT INTO misuse_alerts (id, campaign_id, merchant_no, rule, rule_version, subject, status, events, envelope_fen, first_at, last_at, raised_at, decided_by, decided_at, reason) VALUES
 (1, 1, 'X-1', 'late-refunds', 2, '', 'dismissed', 1, 3000, M+5000, M+5000, M+5010, 'wang', M+5500, '商品有瑕疵'), (2, 1, 'X-2', 'one-device', 1, 'device-1', 'open', 1, 15005, M+4000, M+4000, M+5010, '', 0, '')
INSERT INTO misuse_evidence (alert_id, event_id) VALUES (1, 2), (2, 1)
INSERT INTO settlement_holds (id, campaign_id, merchant_no, status, reason, evidence, held_by, held_at, released_at, changed_at) VALUES (1, 1, 'X-1', 'released', '到期后退款', 'alert:1', 'system:misuse-detect', M+5010, M+5600, M+5600)
INSERT INTO statements (id, campaign_id, operator, day, edition, digest, line_count, total_fen, status, received_at) VALUES (1, 1, 'icbc', '2020-12-08', 1, 's1', 3, 32005, 'different', M+6500)
INSERT INTO differences (id, campaign_id, operator, day, order_no, kind, ours, theirs, status, reason, owner, found_at, resolved_at) VALUES (1, 1, 'icbc', '2020-12-08', 'PAY1', 'amount', '15005', '15004', 'resolved', '对方更正', 'li', M+6500, M+9500),
 (2, 1, 'icbc', '2020-12-08', 'PAY9', 'missing-here', '', '100', 'open', '', '', M+6500, 0)`

// begin is 2020-12-05 10:00 in Shanghai, in milliseconds.
const begin = 1607133600000

// fill stores the campaign: a statement begins where a line begins with INSERT.
func fill(t *testing.T, o *office) {
	t.Helper()
	text := strings.TrimSpace(settledCampaign)
	err := o.DB.InTx(context.Background(), func(tx *gorm.DB) error {
		if err := tx.Exec("DELETE FROM merchants").Error; err != nil { // the example's
			return err
		}
		for _, statement := range strings.Split("\n"+text, "\nINSERT")[1:] {
			if err := tx.Exec("INSERT" + moments.ReplaceAllStringFunc(hashes.ReplaceAllStringFunc(statement, digestOf), moment)).Error; err != nil {
				return fmt.Errorf("%.80s: %w", statement, err)
			}
		}
		return tx.Exec("UPDATE campaigns SET status = 'settled', rule_hash = " + digestOf("H0F") + " WHERE id = 1").Error // an example may change
	})
	must(t, err)
}

// TestGoldenCells holds every cell of every report of a small settled campaign against testdata/golden: what a cell shows, sheet by
// sheet. HONGBAO_UPDATE=1 writes them anew; read the difference before you keep it.
func TestGoldenCells(t *testing.T) {
	withOffice(t, func(o *office) {
		fill(o.t, o)
		cover, words, err := o.cover(context.Background(), o.id, "golden", "regulator")
		must(o.t, err)
		for _, r := range Catalogue() {
			if r.Name == "fairness" || r.Name == "audit" {
				continue // figures of the draw's own files, held in fairness_test; a chain over the whole rule book, held in internal/audit
			}
			var file bytes.Buffer
			scope := Scope{Tx: o.DB.Read(context.Background()), Campaign: o.id, At: o.clock.Now(), Words: words}
			if _, err := r.Workbook(context.Background(), scope, cover, &file); err != nil {
				o.t.Errorf("%s: %v", r.Name, err)
				continue
			}
			path, got := filepath.Join("testdata", "golden", r.Name+".txt"), grid(o.t, &file)
			if os.Getenv("HONGBAO_UPDATE") != "" {
				must(o.t, os.WriteFile(path, []byte(got), 0o644))
			}
			want, err := os.ReadFile(path)
			must(o.t, err)
			if got != string(want) {
				o.t.Errorf("%s is not %s:\n%s", r.Name, path, firstDifference(got, string(want)))
			}
		}
	})
}

// grid is what the cells of all tables show, a line a row; and the totals of the cover.
func grid(t *testing.T, file *bytes.Buffer) string {
	t.Helper()
	book, err := excelize.OpenReader(file)
	must(t, err)
	var b strings.Builder
	for _, sheet := range book.GetSheetList() {
		if sheet == notesSheet {
			continue
		}
		rows, err := book.GetRows(sheet)
		must(t, err)
		if sheet == coverSheet {
			rows = totalRows(rows)
		}
		fmt.Fprintf(&b, "# %s\n", sheet)
		for _, row := range rows {
			fmt.Fprintf(&b, "%s\n", strings.TrimRight(strings.Join(row, " | "), " "))
		}
	}
	return b.String()
}

func totalRows(rows [][]string) [][]string {
	for i, row := range rows {
		if len(row) > 0 && strings.HasPrefix(row[0], "工作表") {
			return rows[i:]
		}
	}
	return nil
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d is\n%s\nwant\n%s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

var (
	hashes  = regexp.MustCompile(`\bH[0-9A-F]{2}\b`)
	moments = regexp.MustCompile(`\bM\+\d+\b`)
)

// digestOf writes H0A as 32 bytes of 0x0a.
func digestOf(mark string) string { return "X'" + strings.Repeat(mark[1:], 32) + "'" }

// moment writes M+90 as an hour and a half after the beginning.
func moment(mark string) string {
	minutes, _ := strconv.ParseInt(mark[2:], 10, 64) // the pattern has digits only
	return strconv.FormatInt(begin+minutes*60000, 10)
}

// A report is of one moment: while people go on registering, its tables and the counts that they are held against agree.
func TestReportIsOfOneSnapshot(t *testing.T) {
	withOffice(t, func(o *office) {
		fill(o.t, o)
		cover, words, err := o.cover(context.Background(), o.id, "snapshot", "regulator")
		must(o.t, err)
		stop, ended := make(chan struct{}), make(chan error, 1)
		go func() { ended <- o.registerUntil(stop) }()
		seen := map[int64]bool{}
		deadline := time.Now().Add(time.Minute)
		for i := 0; i < 15 || len(seen) < 2 && time.Now().Before(deadline); i++ {
			scope := Scope{Campaign: o.id, Words: words}
			made, err := o.compose(context.Background(), Order{Name: "registrations", Format: CSV}, cover, scope, io.Discard)
			if err != nil {
				o.t.Error(err)
				break
			}
			seen[made.Totals[0].Sum] = true
		}
		close(stop)
		must(o.t, <-ended)
		if len(seen) < 2 {
			o.t.Errorf("nobody registered meanwhile: %v", seen)
		}
	})
}

// registerUntil adds registrations one by one.
func (o *office) registerUntil(stop chan struct{}) error {
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		err := o.DB.InTx(context.Background(), func(tx *gorm.DB) error {
			return tx.Exec("INSERT INTO registrations (campaign_id, entry, salt, sealed, pool, district, operator, tier_choice, consents, status, reason, source, body_hash, registered_at, changed_at) VALUES" +
				strings.NewReplacer("H", digestOf("H00")).Replace(" (1, H, H, H, 'suzhou', 'gusu', 'icbc', '', '', 'confirmed', '', 'online', H, 1607133600000, 1607133600000)")).Error
		})
		if err != nil {
			return err
		}
	}
}
