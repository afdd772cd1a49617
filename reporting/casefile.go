package reporting

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/fault"
)

// A case file is what the police or an audit bureau get of one alert: a zip of tables, with a list of the files' digests that
// the city's log key signs. It names no person; who is behind an envelope is released by two people, as in any report.
const (
	caseList      = "SHA256SUMS"
	caseSignature = "SHA256SUMS.note"
	caseHead      = "hongbao case file v1\n"
	maxCase       = 256 << 20 // bytes of one file in it that is to be verified
)

var (
	errNoCase   = fault.New(fault.NotFound, "alert-missing", "没有这条预警。", "There is no such alert.")
	errNoKey    = fault.New(fault.Internal, "case-unsigned", "系统错误。", "Internal error.")
	errCaseFile = fault.Field("file", "case-file", "不是可以打开的案卷，或签名、内容不符。", "This is no case file that can be opened, or its signature or a file's content does not hold.")
)

// caseTables are the tables of a case file. Amounts are in fen, moments in milliseconds since 1970 UTC, as stored.
var caseTables = []struct{ name, query string }{
	{"alert.csv", "SELECT * FROM misuse_alerts WHERE id = @alert"},
	{"rules.csv", "SELECT r.* FROM misuse_rules r JOIN misuse_alerts a ON a.campaign_id = r.campaign_id AND a.rule_version = r.version WHERE a.id = @alert"},
	{"merchant.csv", "SELECT m.merchant_no, m.name, m.district, m.class, m.status, m.pay_modes, m.scenarios, m.app, m.address, m.cap_fen FROM merchants m JOIN misuse_alerts a ON a.campaign_id = m.campaign_id AND a.merchant_no = m.merchant_no WHERE a.id = @alert"},
	{"events.csv", "SELECT e.* FROM misuse_evidence x JOIN spending_events e ON e.id = x.event_id WHERE x.alert_id = @alert ORDER BY e.occurred_at, e.id"},
	{"envelopes.csv", "SELECT v.coupon_id, v.tier, v.operator, v.status, v.amount_fen, v.credited_fen, v.spent_fen, v.recalled_fen, v.credited_at, v.expires_at FROM envelopes v WHERE v.id IN" +
		" (SELECT e.envelope_id FROM misuse_evidence x JOIN spending_events e ON e.id = x.event_id WHERE x.alert_id = @alert) ORDER BY v.id"},
	{"all_spending_at_merchant.csv", "SELECT e.* FROM spending_events e JOIN misuse_alerts a ON a.campaign_id = e.campaign_id AND a.merchant_no = e.merchant_no WHERE a.id = @alert ORDER BY e.occurred_at, e.id"},
	{"other_alerts.csv", "SELECT o.* FROM misuse_alerts o JOIN misuse_alerts a ON a.campaign_id = o.campaign_id AND a.merchant_no = o.merchant_no WHERE a.id = @alert AND o.id <> a.id ORDER BY o.id"},
	{"holds.csv", "SELECT h.* FROM settlement_holds h JOIN misuse_alerts a ON a.campaign_id = h.campaign_id AND a.merchant_no = h.merchant_no WHERE a.id = @alert ORDER BY h.id"},
	{"settlements.csv", "SELECT s.* FROM merchant_settlements s JOIN misuse_alerts a ON a.campaign_id = s.campaign_id AND a.merchant_no = s.merchant_no WHERE a.id = @alert ORDER BY s.id"},
}

// caseSummary is summary.json.
type caseSummary struct {
	Campaign    string    `json:"campaign"`
	City        string    `json:"city"`
	Alert       int64     `json:"alert"`
	MerchantNo  string    `json:"merchant_no"`
	Rule        string    `json:"rule"`
	RuleVersion int64     `json:"rule_version"`
	Subject     string    `json:"subject"`
	Status      string    `json:"status"`
	Events      int64     `json:"events"`
	EnvelopeFen int64     `json:"envelope_fen"`
	FirstAt     time.Time `json:"first_at"`
	LastAt      time.Time `json:"last_at"`
	MadeAt      time.Time `json:"made_at"`
	MadeBy      string    `json:"made_by"`
	Version     string    `json:"version"` // of the software
}

// CaseFile makes the signed case file of an alert and puts on the record who took it, with the digest of its list.
func (s *Service) CaseFile(ctx context.Context, actor string, campaignID, alertID int64) ([]byte, error) {
	c, err := s.Campaigns.Get(ctx, campaignID)
	if err != nil {
		return nil, err
	}
	if s.LogKey == nil {
		return nil, errNoKey
	}
	key, err := s.LogKey(c.City)
	if err != nil {
		return nil, err
	}
	summary := caseSummary{Campaign: c.Slug, City: c.City, MadeAt: s.Now().UTC(), MadeBy: actor, Version: s.Version}
	var files []caseEntry
	err = s.DB.Snapshot(ctx, func(tx *gorm.DB) error {
		files, err = caseFiles(tx, c.ID, alertID, &summary)
		return err
	})
	if err != nil {
		return nil, err
	}
	archive, list, err := sealCase(files, summary, key.Signer)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256([]byte(list))
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		return audit.Record(tx, audit.Entry{At: s.Now(), Actor: actor, Action: "misuse.case", Campaign: c.Slug, Subject: fmt.Sprintf("alert:%d", alertID),
			Detail: map[string]any{"merchant": summary.MerchantNo, "rule": summary.Rule, "count": summary.Events, "digest": hex.EncodeToString(digest[:])}})
	})
	return archive, err
}

type caseEntry struct {
	name string
	text []byte
}

func caseFiles(tx *gorm.DB, campaignID, alertID int64, summary *caseSummary) (files []caseEntry, err error) {
	var found []struct {
		ID                                int64
		MerchantNo, Rule, Subject, Status string
		RuleVersion, Events, EnvelopeFen  int64
		FirstAt, LastAt                   database.Millis
	}
	if err := tx.Raw("SELECT * FROM misuse_alerts WHERE id = ? AND campaign_id = ?", alertID, campaignID).Scan(&found).Error; err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errNoCase
	}
	a := found[0]
	summary.Alert, summary.MerchantNo, summary.Rule, summary.RuleVersion, summary.Subject, summary.Status = a.ID, a.MerchantNo, a.Rule, a.RuleVersion, a.Subject, a.Status
	summary.Events, summary.EnvelopeFen, summary.FirstAt, summary.LastAt = a.Events, a.EnvelopeFen, a.FirstAt.Time(), a.LastAt.Time()
	text, err := json.MarshalIndent(summary, "", "  ")
	if err != nil {
		return nil, err
	}
	files = append(files, caseEntry{"summary.json", append(text, '\n')})
	for _, table := range caseTables {
		rows, err := tx.Raw(table.query, map[string]any{"alert": alertID}).Rows()
		if err != nil {
			return nil, fmt.Errorf("case table %s: %w", table.name, err)
		}
		text, err := tableText(rows)
		if err != nil {
			return nil, fmt.Errorf("case table %s: %w", table.name, err)
		}
		files = append(files, caseEntry{table.name, text})
	}
	return files, nil
}

// tableText writes rows as CSV with a head; bytes that are a digest are in hex.
func tableText(rows *sql.Rows) ([]byte, error) {
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	if err := w.Write(columns); err != nil {
		return nil, err
	}
	for rows.Next() {
		values, places := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			places[i] = &values[i]
		}
		if err := rows.Scan(places...); err != nil {
			return nil, err
		}
		line := make([]string, len(columns))
		for i, value := range values {
			line[i] = plainText(columns[i], value)
		}
		if err := w.Write(line); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return text.Bytes(), rows.Err()
}

func plainText(column string, value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case []byte:
		if strings.HasSuffix(column, "_hash") {
			return hex.EncodeToString(value)
		}
		return string(value)
	case int64:
		return strconv.FormatInt(value, 10)
	}
	return fmt.Sprint(value)
}

// sealCase writes the archive: the files, the list of their digests, and the signed note over that list.
func sealCase(files []caseEntry, summary caseSummary, signer note.Signer) (archive []byte, list string, err error) {
	var sums strings.Builder
	for _, file := range files {
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(file.text), file.name)
	}
	list = sums.String()
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%scampaign %s\nalert %d\nmade %s by %s\n\n%s", caseHead, summary.Campaign, summary.Alert,
		summary.MadeAt.In(shanghai).Format(time.RFC3339), summary.MadeBy, list)}, signer)
	if err != nil {
		return nil, "", err
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, file := range append(files, caseEntry{caseList, []byte(list)}, caseEntry{caseSignature, signed}) {
		entry, err := w.CreateHeader(&zip.FileHeader{Name: file.name, Method: zip.Deflate, Modified: summary.MadeAt})
		if err != nil {
			return nil, "", err
		}
		if _, err := entry.Write(file.text); err != nil {
			return nil, "", err
		}
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	return out.Bytes(), list, nil
}

// VerifyCase checks a case file by the public key of its city's log: the signature holds, every file is the one that was
// listed, and there is no other. It gives the signed text.
func VerifyCase(archive io.ReaderAt, size int64, vkey string) (signedText string, err error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return "", fault.Field("key", "key", "公钥无法识别。", "The key cannot be read.").With(err)
	}
	opened, err := zip.NewReader(archive, size)
	if err != nil {
		return "", errCaseFile.With(err)
	}
	texts := map[string][]byte{}
	for _, file := range opened.File {
		if _, twice := texts[file.Name]; twice {
			return "", errCaseFile.With(fmt.Errorf("%s stands in it twice", file.Name))
		}
		if texts[file.Name], err = entryText(file); err != nil {
			return "", errCaseFile.With(err)
		}
	}
	signed, err := note.Open(texts[caseSignature], note.VerifierList(verifier))
	if err != nil {
		return "", errNotSigned.With(err)
	}
	head, list, _ := strings.Cut(signed.Text, "\n\n")
	if !strings.HasPrefix(head+"\n", caseHead) || list != string(texts[caseList]) {
		return "", errCaseFile.With(fmt.Errorf("the signature is not over the list of digests"))
	}
	return signed.Text, listed(list, texts)
}

// listed holds every file against the list, and the list against the files.
func listed(list string, texts map[string][]byte) error {
	named := 2 // the list itself and its signature
	for line := range strings.Lines(list) {
		digest, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		text, there := texts[name]
		if sum := sha256.Sum256(text); !ok || !there || hex.EncodeToString(sum[:]) != digest {
			return errCaseFile.With(fmt.Errorf("%s is not the file that was listed", name))
		}
		named++
	}
	if named != len(texts) {
		return errCaseFile.With(fmt.Errorf("%d files, %d of them listed", len(texts), named))
	}
	return nil
}

func entryText(file *zip.File) ([]byte, error) {
	r, err := file.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, maxCase+1))
	if err == nil && len(text) > maxCase {
		err = fmt.Errorf("%s is longer than %d bytes", file.Name, maxCase)
	}
	return text, err
}
