package app

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"hongbao/internal/database"
	"hongbao/internal/rehearsal"
	"hongbao/reporting"
)

// spoils has, for every invariant, statements that break it in a database in which all hold. The triggers and unique
// keys that would refuse them are taken away first, as by someone with a database administrator's power.
var spoils = map[string][]string{
	"budget-adds-up":                     {"UPDATE campaigns SET budget_fen = budget_fen + 1"},
	"budget-is-unissued-plus-issued":     {"UPDATE envelopes SET credited_fen = credited_fen - 1 WHERE id = (SELECT MIN(id) FROM envelopes WHERE credited_fen > 0)"},
	"issued-is-spent-recalled-in-flight": {"UPDATE envelopes SET recalled_fen = recalled_fen + 1 WHERE id = (SELECT MIN(id) FROM envelopes WHERE credited_fen > 0)"},
	"sources-never-overdrawn":            {"UPDATE ledger_accounts SET balance_fen = balance_fen - 100000000000 WHERE id = (SELECT MIN(id) FROM ledger_accounts WHERE kind = 'spent')"},
	"ledger-sums-to-zero":                {"DROP TRIGGER ledger_postings_no_update", "UPDATE ledger_postings SET amount_fen = amount_fen + 1 WHERE id = 1"},
	"ledger-balances":                    {"UPDATE ledger_accounts SET balance_fen = balance_fen + 1 WHERE id = 1"},
	"envelope-amounts":                   {"UPDATE envelopes SET spent_fen = credited_fen + 1 WHERE id = (SELECT MIN(id) FROM envelopes WHERE credited_fen > 0)"},
	"credited-exactly-once": {"CREATE TABLE again AS SELECT * FROM disbursement_orders WHERE kind = 'credit' AND status = 'succeeded' LIMIT 1",
		"UPDATE again SET id = -1, order_no = 'AGAIN'", "INSERT INTO disbursement_orders SELECT * FROM again"},
	"recalls-match":           {"UPDATE disbursement_orders SET settled_fen = settled_fen + 1 WHERE id = (SELECT MIN(id) FROM disbursement_orders WHERE kind = 'recall' AND status = 'succeeded')"},
	"spending-matches-events": {"DELETE FROM spending_events WHERE id = (SELECT MIN(id) FROM spending_events WHERE kind = 'payment' AND envelope_fen > 0)"},
	"payments-split-exactly":  {"PRAGMA ignore_check_constraints = ON", "UPDATE spending_events SET wallet_fen = wallet_fen + 1 WHERE id = 1"},
	"winners-are-tier-counts": {"DELETE FROM awards WHERE id = (SELECT MIN(id) FROM awards WHERE kind = 'tier')"},
	"one-win-per-person": {"PRAGMA foreign_keys = OFF", "CREATE TABLE people AS SELECT * FROM registrations", "DROP TABLE registrations", "ALTER TABLE people RENAME TO registrations",
		"UPDATE registrations SET person = zeroblob(32)"},
	"envelopes-have-awards":               {"UPDATE envelopes SET entry = zeroblob(32) WHERE id = (SELECT MIN(id) FROM envelopes)"},
	"registered-is-entries-plus-excluded": {"UPDATE draw_pools SET n = n + 1 WHERE id = 1"},
	"maker-is-not-checker":                {"PRAGMA ignore_check_constraints = ON", "UPDATE approvals SET checker = maker WHERE id = (SELECT MIN(id) FROM approvals WHERE status = 'approved')"},
	"orders-were-approved":                {"UPDATE approvals SET status = 'pending' WHERE id = (SELECT MIN(id) FROM approvals WHERE kind = 'disbursement.batch' AND status = 'approved')"},
	"settlements-are-their-lines":         {"UPDATE merchant_settlements SET net_fen = net_fen + 1, paid_fen = paid_fen + 1 WHERE id = 1"},
	"spending-is-settled-once":            {"DROP TRIGGER settlement_lines_no_delete", "DELETE FROM settlement_lines WHERE id = (SELECT MIN(id) FROM settlement_lines)"},
	"settled-held-due-is-spent":           {"UPDATE merchant_settlements SET status = 'settled', net_fen = net_fen + 1, paid_fen = paid_fen + 1 WHERE id = 1"},
	"proof-verifies":                      {"UPDATE draw_files SET data = CAST('draw/v2' || substr(data, 8) AS BLOB) WHERE name = 'plan'"},
	"audit-anchors-hold":                  {"INSERT INTO audit_anchors (seq, hash, at, note) VALUES (1, zeroblob(32), 0, 'hongbao audit anchor v1')"},
	"audit-chain-intact":                  {"DROP TRIGGER audit_entries_no_update", "UPDATE audit_entries SET actor = 'nobody' WHERE seq = 2"},
}

// Each invariant of `hongbao check` is able to fail: a rehearsal's database in which all hold is copied, and one row spoiled.
func TestCheckSeesEachSpoiledRow(t *testing.T) {
	dir := t.TempDir()
	o := rehearsalOptions{campaign: suzhou, registrations: 400, faults: "normal", seed: 4, out: dir}
	if _, err := rehearse(context.Background(), o, rehearsal.Progress{Out: t.Output()}); err != nil {
		t.Fatal(err)
	}
	sound := filepath.Join(dir, "rehearsal.db")
	for name, ok := range checked(t, sound, nil) {
		if !ok {
			t.Errorf("%s does not hold before anything is spoiled", name)
		}
		statements := spoils[name]
		if statements == nil {
			t.Errorf("nothing spoils %s", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			if checked(t, copied(t, sound), statements)[name] {
				t.Error("the check does not see it")
			}
		})
	}
}

// checked spoils a database and gives the outcome of each check by name.
func checked(t *testing.T, path string, statements []string) map[string]bool {
	t.Helper()
	ctx := context.Background()
	db, err := database.Open(ctx, "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.SQL().ExecContext(ctx, s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	results, err := reporting.Check(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	outcomes := map[string]bool{}
	for _, r := range results {
		outcomes[r.Name] = r.OK
	}
	return outcomes
}

func copied(t *testing.T, path string) string {
	t.Helper()
	from, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.Create(filepath.Join(t.TempDir(), "spoiled.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	return to.Name()
}
