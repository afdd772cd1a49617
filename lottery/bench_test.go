package lottery

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"testing"
	"time"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/testkit"
	"hongbao/lottery/draw"
)

const benchEntries = 1_000_000

// benchDatabases are the ways in which a ratio is measured: SQLite always, the server when one is named.
func benchDatabases(b *testing.B, run func(b *testing.B, db *database.DB)) {
	b.Run("sqlite", func(b *testing.B) { run(b, testkit.DB(b)) })
	if os.Getenv(testkit.Server) == "" {
		return
	}
	b.Run("mysql", func(b *testing.B) {
		db, err := database.Open(ctx, testkit.MySQL(b))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = db.Close() })
		if _, err := database.Migrate(ctx, db); err != nil {
			b.Fatal(err)
		}
		run(b, db)
	})
}

// BenchmarkFreeze freezes a million registrations of one pool, with every count of a freeze, and reports how many times as long that takes
// as reading the same column of the same rows in the same order with database/sql (x-read).
func BenchmarkFreeze(b *testing.B) {
	benchDatabases(b, func(b *testing.B, db *database.DB) {
		fillRegistrations(b, db, benchEntries)
		s := &Service{DB: db, Now: time.Now, Campaigns: &campaign.Service{DB: db, Now: time.Now}}
		var reading, freezing time.Duration
		for i := 0; b.Loop(); i++ {
			reading += timed(b, func() error { return readColumn(db.Reader()) })
			d := benchDraw(b, db, i)
			freezing += timed(b, func() error {
				return db.InTx(ctx, func(tx *gorm.DB) error {
					n, err := s.freezePool(ctx, tx, d, "east")
					if err != nil {
						return err
					}
					return s.freezeCounts(ctx, tx, d, n)
				})
			})
		}
		b.ReportMetric(float64(freezing)/float64(reading), "x-read")
	})
}

// BenchmarkLookup asks for the standing of entries in the index, and reports how many times as long the same look-up takes by query (x-query).
func BenchmarkLookup(b *testing.B) {
	benchDatabases(b, func(b *testing.B, db *database.DB) {
		index, entries := benchIndex(b)
		d := benchDraw(b, db, 0)
		fillAwards(b, db, d, index)
		query, err := db.Reader().Prepare("SELECT kind, tier, place FROM awards WHERE draw_id = ? AND entry = ?")
		if err != nil {
			b.Fatal(err)
		}
		defer query.Close()
		const batch = 2000 // so that reading the clock does not count
		var looking, querying time.Duration
		for i := 0; b.Loop(); i += batch {
			looking += timed(b, func() error {
				return each(batch, func(j int) error { return lookIn(index, entries.At((i+j)*7919%entries.Len())) })
			})
			querying += timed(b, func() error {
				return each(batch, func(j int) error { return lookUp(query, d.ID, entries.At((i+j)*7919%entries.Len())) })
			})
		}
		b.ReportMetric(float64(querying)/float64(looking), "x-query")
	})
}

func timed(b *testing.B, work func() error) time.Duration {
	start := time.Now()
	if err := work(); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

func each(n int, work func(i int) error) error {
	for i := range n {
		if err := work(i); err != nil {
			return err
		}
	}
	return nil
}

func lookIn(index *Index, entry draw.Digest) error {
	if _, ok := index.Look(entry); !ok {
		return fmt.Errorf("%s is not in the index", entry)
	}
	return nil
}

func lookUp(query *sql.Stmt, drawID int64, entry draw.Digest) error {
	var kind, tier string
	var place int
	if err := query.QueryRow(drawID, entry[:]).Scan(&kind, &tier, &place); err != nil && !isNoRows(err) {
		return err
	}
	return nil
}

// readColumn reads all entries in order.
func readColumn(db *sql.DB) error {
	rows, err := db.Query("SELECT entry FROM registrations WHERE campaign_id = 1 AND pool = 'east' AND status = 'confirmed' ORDER BY entry")
	if err != nil {
		return err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var entry sql.RawBytes
		if err := rows.Scan(&entry); err != nil {
			return err
		}
		n++
	}
	if n != benchEntries {
		return fmt.Errorf("%d rows", n)
	}
	return rows.Err()
}

func fillRegistrations(b *testing.B, db *database.DB, n int) {
	b.Helper()
	columns := []string{"campaign_id", "entry", "salt", "sealed", "pool", "district", "operator", "tier_choice",
		"consents", "status", "reason", "source", "body_hash", "registered_at", "changed_at"}
	book, err := os.ReadFile("testdata/book.yaml")
	if err != nil {
		b.Fatal(err)
	}
	statements := []string{`INSERT INTO cities (id, code, name_zh, name_en, colour, contact, changed_at) VALUES (1, 'c', 'c', 'c', '', '', 1)`,
		`INSERT INTO campaigns (id, slug, city_id, name_zh, name_en, rule_book, rule_hash, status, notice_at, open_at, close_at, claim_from_at, claim_until_at,
		spend_from_at, spend_until_at, budget_fen, created_at, created_by) VALUES (1, 'c', 1, 'c', 'c', ?, X'3031323334353637383930313233343536373839303132333435363738393031', 'closed', 1, 1, 2, 3, 4, 5, 6, 1, 1, 'x')`}
	for i, statement := range statements {
		if _, err := db.SQL().Exec(statement, []any{book}[:i]...); err != nil {
			b.Fatal(err)
		}
	}
	random := make([]byte, 2*32)
	sealed := make([]byte, 200)
	for at := 0; at < n; at += 10_000 {
		rows := make([][]any, 10_000)
		for i := range rows {
			_, _ = rand.Read(random)
			v := append([]byte(nil), random...)
			rows[i] = []any{1, v[:32], v[32:], sealed, "east", "d", "icbc", "", "", "confirmed", "", "online", v[:32], 1, 1}
		}
		err := db.InTx(ctx, func(tx *gorm.DB) error { return database.InsertMany(tx, "registrations", columns, rows) })
		if err != nil {
			b.Fatal(err)
		}
	}
}

// benchDraw makes a draw's row of its own, so that every round freezes anew.
func benchDraw(b *testing.B, db *database.DB, i int) *Draw {
	b.Helper()
	d := &Draw{CampaignID: int64(1000 + i), Slug: fmt.Sprintf("bench-%d", i), City: "c", Status: Announced, Hash: draw.SHA256, Quorum: 1}
	if err := db.InTx(ctx, func(tx *gorm.DB) error { return tx.Table("draws").Create(d).Error }); err != nil {
		b.Fatal(err)
	}
	d.CampaignID = 1
	return d
}

// benchIndex is the index of a draw of a million entries, with one win in twenty.
func benchIndex(b *testing.B) (*Index, draw.Entries) {
	b.Helper()
	entries := make(draw.Entries, benchEntries*32)
	for i := range benchEntries { // ascending by construction: a counter in front of random bytes
		copy(entries[i*32:], []byte{byte(i >> 16), byte(i >> 8), byte(i)})
		_, _ = rand.Read(entries[i*32+3 : (i+1)*32])
	}
	tree := draw.NewTree(draw.SHA256, entries)
	pool := draw.Pool{Name: "all", Size: benchEntries, Root: tree.Root()}
	plan := &draw.Plan{ID: "bench", Terms: draw.Terms{Hash: draw.SHA256, Tiers: []draw.Tier{{Name: "one", Scope: draw.AllPools, Count: benchEntries / 20, Amount: 20000}},
		Waits: []draw.Wait{{Scope: draw.AllPools, Count: 1000}}}, Pools: []draw.Pool{pool}}
	seed := draw.SHA256.Sum([]byte("seed"))
	selection, err := draw.Select(plan, seed, []draw.Entries{entries})
	if err != nil {
		b.Fatal(err)
	}
	return &Index{plan: plan, result: selection.Result(), pools: []indexedPool{{Pool: pool, entries: entries, tree: tree}}}, entries
}

func fillAwards(b *testing.B, db *database.DB, d *Draw, index *Index) {
	b.Helper()
	var rows []awardRow
	for line, a := range index.result.Awards {
		for place, w := range a.Winners {
			rows = append(rows, awardRow{DrawID: d.ID, Kind: string(a.Kind), Line: line, Tier: a.Name, Scope: a.Scope, Place: place + 1,
				Entry: database.Bytes32(w.Entry), Score: database.Bytes32(w.Score), Status: Held})
		}
	}
	if err := db.InTx(ctx, func(tx *gorm.DB) error { return insertAwards(tx, rows) }); err != nil {
		b.Fatal(err)
	}
}
