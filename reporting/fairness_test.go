package reporting

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/lottery/draw"
)

// drawnFrom puts a published draw of n entries with every tenth a winner beside the office's campaign. Entry i is of registration i+1.
func (o *office) drawnFrom(n int) {
	o.t.Helper()
	plan := &draw.Plan{ID: "suzhou-2020", Terms: draw.Terms{Hash: draw.SHA256, Tiers: []draw.Tier{{Name: "envelope-200", Scope: "suzhou", Count: int64(n / 10), Amount: 20000}}},
		Pools: []draw.Pool{{Name: "suzhou", Size: int64(n)}}}
	must(o.t, o.DB.InTx(context.Background(), func(tx *gorm.DB) error {
		exec := func(statement string, values ...any) {
			must(o.t, tx.Exec(statement, values...).Error)
		}
		exec("INSERT INTO draws (id, campaign_id, slug, city, status, hash, quorum, open_at, close_at, entries, created_at, changed_at) VALUES (1, ?, 'suzhou-2020', 'suzhou', 'published', 'sha256', 1, 1, 2, ?, 1, 1)", o.id, n)
		exec("INSERT INTO draw_files (draw_id, name, part, data) VALUES (1, 'plan', 0, ?)", plan.Bytes())
		for i := range n {
			key := sha256.Sum256(fmt.Append(nil, i))
			exec(`INSERT INTO registrations (id, campaign_id, entry, salt, sealed, document_index, pool, district, operator, tier_choice, consents, status, reason, source, body_hash, registered_at, changed_at)
				VALUES (?, ?, ?, ?, ?, ?, 'suzhou', 'gusu', ?, '', '', 'confirmed', '', 'online', ?, ?, 1)`,
				i+1, o.id, key[:], key[:], []byte{1}, key[:], []string{"icbc", "abc"}[i%2], key[:], 1607212800000+int64(i)*60000)
			if i%10 == 0 {
				exec(`INSERT INTO awards (draw_id, kind, line, tier, scope, place, entry, score, registration_id, amount_fen, source, prize_scope, status, changed_at)
					VALUES (1, 'tier', 0, 'envelope-200', 'suzhou', ?, ?, ?, ?, 20000, 'city', 'suzhou', 'held', 1)`, i/10+1, key[:], key[:], i+1)
			}
			if i < 3 {
				exec("INSERT INTO related_people (campaign_id, document_index, source, filed_at) VALUES (?, ?, ?, 1)", o.id, key[:], []string{"市商务局", "工行"}[min(i, 1)])
			}
		}
		return nil
	}))
}

func TestFairnessReport(t *testing.T) {
	withOffice(t, func(o *office) {
		o.drawnFrom(300)
		var file bytes.Buffer
		_, err := o.Make(context.Background(), "fairness", o.id, JSONL, "n-1", "regulator", &file)
		must(t, err)
		text := file.String()
		for _, want := range []string{
			`{"entries":300,"expected":30,"pool":"suzhou","rate":0.1,"sheet":"by_pool","winners":30}`,
			`"operator":"icbc","rate":0.2,"sheet":"by_operator","winners":30}`,
			`"hour":"2020-12-06 08:00"`, `"sheet":"by_position","tenth":"10"`,
			`{"entries":3,"expected":0.3,`, `"relation":"related"`, `"sheet":"by_relation","winners":1}`,
			`"question":"operator","sheet":"tests","statistic":`, `"method":"runs"`, `"method":"exact"`, `"verdict":"uneven"`,
			`{"entries":2,"filed":2,"late":0,"registered":2,"sheet":"related","source":"工行","winners":0}`,
			`{"entries":1,"filed":1,"late":0,"registered":1,"sheet":"related","source":"市商务局","winners":1}`,
		} {
			if !strings.Contains(text, want) {
				t.Errorf("no %s in\n%s", want, text)
			}
		}
		var first, second bytes.Buffer
		one, err := o.Make(context.Background(), "fairness", o.id, XLSX, "n-2", "regulator", &first)
		must(t, err)
		two, err := o.Make(context.Background(), "fairness", o.id, XLSX, "n-2", "regulator", &second)
		must(t, err)
		if one.Digest != two.Digest || one.Rows < 20 {
			t.Errorf("the same draw gives other figures the second time: %+v, %+v", one, two)
		}
		must(t, o.DB.InTx(context.Background(), func(tx *gorm.DB) error {
			return tx.Exec("UPDATE registrations SET status = ? WHERE id = 300", campaign.Excluded).Error
		}))
		if _, err := o.Make(context.Background(), "fairness", o.id, JSONL, "n-3", "regulator", &file); err == nil {
			t.Error("a report over fewer registrations than the draw had entries is released")
		}
	})
}
