package database_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/testkit"
)

// withParcels runs a test on both dialects with a table of the shape that rooms have, and parcel 1 in it. The ids are given:
// a Galera node counts in steps of the cluster's size.
func withParcels(t *testing.T, test func(t *testing.T, db *database.DB)) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		id := "BIGINT AUTO_INCREMENT PRIMARY KEY"
		if db.Dialect() == database.SQLite {
			id = "INTEGER PRIMARY KEY"
		}
		for _, statement := range []string{
			"CREATE TABLE parcels (id " + id + ", tag VARBINARY(32) NOT NULL, status VARCHAR(24) NOT NULL, count BIGINT NOT NULL DEFAULT 0)",
			"CREATE UNIQUE INDEX parcels_tag ON parcels (tag)",
			"INSERT INTO parcels (id, tag, status) VALUES (1, 'first', 'new')",
		} {
			if _, err := db.SQL().Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		t.Cleanup(func() { must(t, db.SQL(), "DROP TABLE parcels") })
		test(t, db)
	})
}

func TestOpenRefusesBadURLsWithoutRepeatingThem(t *testing.T) {
	for _, url := range []string{"", "sqlite:", "sqlite::memory:", "mysql:", "mysql:///db", "postgres://u:hunter2@h/db",
		"mysql://u:hunter2@h:port/db", "mysql://u:hunter2@h/db?multiStatements=true", "mysql://u:hunter2@h/db?tls=unheard-of"} {
		db, err := database.Open(context.Background(), url)
		if db != nil || fault.KindOf(err) != fault.Invalid || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Open(%q) = %v", url, err)
		}
	}
	_, err := database.Open(context.Background(), "mysql://root:hunter2@127.0.0.1:1/none")
	if fault.KindOf(err) != fault.Unavailable || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a server that is not there: %v", err)
	}
}

func TestOpenMakesTheDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a dir", "100% #1?.db")
	db, err := database.Open(context.Background(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	var mode, synchronous string
	row := db.SQL().QueryRow("SELECT journal_mode, synchronous FROM pragma_journal_mode, pragma_synchronous")
	if err := row.Scan(&mode, &synchronous); err != nil || mode != "wal" || synchronous != "2" {
		t.Errorf("journal %q, synchronous %q, %v", mode, synchronous, err)
	}
}

func TestReaderCannotWriteOnSQLite(t *testing.T) {
	db := testkit.DB(t)
	if _, err := db.Reader().Exec("INSERT INTO leases VALUES ('a', 'b', 1, 1)"); err == nil {
		t.Error("the reading pool wrote")
	}
}

func TestAdvanceHasOneWinner(t *testing.T) {
	withParcels(t, func(t *testing.T, db *database.DB) {
		var won, lost atomic.Int32
		var group sync.WaitGroup
		for range 16 {
			group.Go(func() {
				err := db.InTx(context.Background(), func(tx *gorm.DB) error {
					return database.Advance(tx, "parcels", 1, "new", "sent", map[string]any{"count": gorm.Expr("count + 1")})
				})
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, database.ErrAdvanced) && fault.KindOf(err) == fault.Conflict:
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		group.Wait()
		var count int64
		if err := db.Read(t.Context()).Raw("SELECT count FROM parcels WHERE status = 'sent'").Scan(&count).Error; err != nil {
			t.Fatal(err)
		}
		if won.Load() != 1 || lost.Load() != 15 || count != 1 {
			t.Errorf("%d won, %d lost, counted %d", won.Load(), lost.Load(), count)
		}
	})
}

func TestAdvanceToTheSameStatusCountsMatchedRows(t *testing.T) {
	withParcels(t, func(t *testing.T, db *database.DB) {
		err := db.InTx(t.Context(), func(tx *gorm.DB) error {
			return database.Advance(tx, "parcels", 1, "new", "new", nil)
		})
		if err != nil {
			t.Error("a row that matches but does not change must count:", err)
		}
	})
}

func TestConcurrentReadThenWriteLosesNothing(t *testing.T) {
	withParcels(t, func(t *testing.T, db *database.DB) {
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for range 10 {
					if err := db.InTx(context.Background(), addOne); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		var count int64
		if err := db.Read(t.Context()).Raw("SELECT count FROM parcels WHERE id = 1").Scan(&count).Error; err != nil || count != 80 {
			t.Errorf("counted %d, %v", count, err)
		}
	})
}

func addOne(tx *gorm.DB) error {
	var count int64
	if err := tx.Raw("SELECT count FROM parcels WHERE id = 1" + database.Locked(tx)).Scan(&count).Error; err != nil {
		return err
	}
	return tx.Exec("UPDATE parcels SET count = ? WHERE id = 1", count+1).Error
}

func TestDeadlockIsRunAgain(t *testing.T) {
	withParcels(t, func(t *testing.T, db *database.DB) {
		must(t, db.SQL(), "INSERT INTO parcels (id, tag, status) VALUES (2, 'second', 'new')")
		var runs atomic.Int32
		var meet sync.WaitGroup
		meet.Add(2)
		met := [2]sync.Once{}
		cross := func(party int, first, second int64) error {
			return db.InTx(context.Background(), func(tx *gorm.DB) error {
				runs.Add(1)
				if err := tx.Exec("UPDATE parcels SET count = count + 1 WHERE id = ?", first).Error; err != nil {
					return err
				}
				if db.Dialect() == database.MySQL { // SQLite lets only one of them in at a time
					met[party].Do(func() { meet.Done(); meet.Wait() })
				}
				return tx.Exec("UPDATE parcels SET count = count + 1 WHERE id = ?", second).Error
			})
		}
		var group sync.WaitGroup
		group.Go(func() { report(t, cross(0, 1, 2)) })
		group.Go(func() { report(t, cross(1, 2, 1)) })
		group.Wait()
		var total int64
		if err := db.Read(t.Context()).Raw("SELECT SUM(count) FROM parcels").Scan(&total).Error; err != nil || total != 4 {
			t.Errorf("total %d, %v", total, err)
		}
		if db.Dialect() == database.MySQL && runs.Load() < 3 {
			t.Errorf("no deadlock happened in %d runs", runs.Load())
		}
	})
}

func TestLostConnectionIsRunAgain(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		if db.Dialect() != database.MySQL {
			return
		}
		runs := 0
		err := db.InTx(t.Context(), func(tx *gorm.DB) error {
			if runs++; runs == 1 {
				var id int64
				if err := tx.Raw("SELECT CONNECTION_ID()").Scan(&id).Error; err != nil {
					return err
				}
				if err := db.Read(t.Context()).Exec("KILL ?", id).Error; err != nil {
					return err
				}
			}
			return tx.Exec("INSERT INTO leases (name, owner, token, until_at) VALUES ('k', 'o', 1, 1)").Error
		})
		var rows int64
		db.Read(t.Context()).Raw("SELECT COUNT(*) FROM leases WHERE name = 'k'").Scan(&rows)
		if err != nil || runs != 2 || rows != 1 {
			t.Errorf("%d runs, %d rows, %v", runs, rows, err)
		}
	})
}

func TestInTxRollsBackOnErrorAndPanic(t *testing.T) {
	withParcels(t, func(t *testing.T, db *database.DB) {
		stop := errors.New("stop")
		err := db.InTx(t.Context(), func(tx *gorm.DB) error { spoil(t, tx); return stop })
		if !errors.Is(err, stop) {
			t.Error(err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			report(t, db.InTx(t.Context(), func(tx *gorm.DB) error { spoil(t, tx); panic("stop") }))
		}()
		var rows int64
		if err := db.Read(t.Context()).Raw("SELECT COUNT(*) FROM parcels").Scan(&rows).Error; err != nil || rows != 1 {
			t.Errorf("%d rows, %v", rows, err)
		}
	})
}

func spoil(t *testing.T, tx *gorm.DB) {
	report(t, tx.Exec("INSERT INTO parcels (tag, status) VALUES ('spoiled', 'new')").Error)
}

func TestInsertManyAndDuplicates(t *testing.T) {
	withParcels(t, func(t *testing.T, db *database.DB) {
		columns := []string{"tag", "status"}
		var rows [][]any
		for i := range 1201 {
			rows = append(rows, []any{[]byte{byte(i >> 8), byte(i), '\'', '\\', 0}, "new"})
		}
		report(t, db.InTx(t.Context(), func(tx *gorm.DB) error { return database.InsertMany(tx, "parcels", columns, rows) }))
		err := db.InTx(t.Context(), func(tx *gorm.DB) error { return database.InsertMany(tx, "parcels", columns, rows[:2]) })
		if !database.IsDuplicate(err) {
			t.Errorf("not told as a duplicate: %v", err)
		}
		viaGORM := db.InTx(t.Context(), func(tx *gorm.DB) error {
			return tx.Table("parcels").Create(map[string]any{"tag": "first", "status": "new"}).Error
		})
		if !database.IsDuplicate(viaGORM) || database.IsDuplicate(errors.New("other")) || database.IsDuplicate(nil) {
			t.Errorf("IsDuplicate is wrong for %v", viaGORM)
		}
		report(t, db.InTx(t.Context(), func(tx *gorm.DB) error {
			fresh := append([][]any{{[]byte("fresh"), "new"}}, rows...)
			inserted, err := database.InsertNew(tx, "parcels", columns, fresh)
			if inserted != 1 {
				t.Errorf("inserted %d new rows", inserted)
			}
			return err
		}))
		var count int64
		if err := db.Read(t.Context()).Raw("SELECT COUNT(*) FROM parcels").Scan(&count).Error; err != nil || count != 1203 {
			t.Errorf("%d rows, %v", count, err)
		}
	})
}

func TestSnapshotSeesOneMoment(t *testing.T) {
	withParcels(t, func(t *testing.T, db *database.DB) {
		report(t, db.Snapshot(t.Context(), func(tx *gorm.DB) error {
			var before, after int64
			report(t, tx.Raw("SELECT COUNT(*) FROM parcels").Scan(&before).Error)
			must(t, db.SQL(), "INSERT INTO parcels (tag, status) VALUES ('meanwhile', 'new')")
			report(t, tx.Raw("SELECT COUNT(*) FROM parcels").Scan(&after).Error)
			if before != 1 || after != 1 {
				t.Errorf("saw %d, then %d rows", before, after)
			}
			return nil
		}))
	})
}

func TestMillis(t *testing.T) {
	moment := time.Date(2020, 12, 11, 20, 0, 0, int(7*time.Millisecond), time.FixedZone("CST", 8*3600))
	if got := database.At(moment).Time(); !got.Equal(moment) || got.Location() != time.UTC {
		t.Errorf("%v became %v", moment, got)
	}
	if database.At(time.Time{}) != 0 || !database.Millis(0).Time().IsZero() {
		t.Error("never must be zero both ways")
	}
}

func TestBytes32(t *testing.T) {
	withParcels(t, func(t *testing.T, db *database.DB) {
		want := database.Bytes32{1, 2, 0xff}
		report(t, db.InTx(t.Context(), func(tx *gorm.DB) error {
			return tx.Exec("INSERT INTO parcels (tag, status) VALUES (?, 'new')", want).Error
		}))
		var row struct{ Tag database.Bytes32 }
		report(t, db.Read(t.Context()).Raw("SELECT tag FROM parcels WHERE tag = ?", want).Scan(&row).Error)
		if row.Tag != want {
			t.Errorf("read %x", row.Tag)
		}
		if db.Read(t.Context()).Raw("SELECT tag FROM parcels WHERE id = 1").Scan(&row).Error == nil {
			t.Error("five bytes passed for thirty-two")
		}
	})
}

// A disk that is full, here a file that may not grow, is told apart from a mistake of ours; what was committed stays, and the
// writer goes on when there is room again.
func TestFullDiskIsUnavailable(t *testing.T) {
	ctx := context.Background()
	db := testkit.DB(t)
	write := func() error {
		return db.InTx(ctx, func(tx *gorm.DB) error {
			return tx.Exec("INSERT INTO leases (name, owner, token, until_at) VALUES (?, zeroblob(100000), 1, 0)", time.Now().String()).Error
		})
	}
	limit := func(pages int) {
		if _, err := db.SQL().Exec(fmt.Sprint("PRAGMA max_page_count = ", pages)); err != nil {
			t.Fatal(err)
		}
	}
	if err := write(); err != nil {
		t.Fatal(err)
	}
	limit(1) // no fewer than the file has
	if err := write(); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("on a full disk: %v", err)
	}
	limit(1 << 30)
	if err := write(); err != nil {
		t.Errorf("with room again: %v", err)
	}
	var rows int
	if err := db.Read(ctx).Raw("SELECT COUNT(*) FROM leases WHERE LENGTH(owner) = 100000").Scan(&rows).Error; err != nil || rows != 2 {
		t.Errorf("%d rows, %v", rows, err)
	}
}
