package reporting

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/testkit"
)

const benchRows = 1_048_575

// BenchmarkWorkbook writes a full worksheet and the rows that go on to the next, 1,048,575 rows of 12 columns from the database, and then has
// excelize's stream writer, as it comes, write the same cells from memory. x-excelize is the first time over the second, peak-MiB the
// memory that the first needed above what stood before.
func BenchmarkWorkbook(b *testing.B) {
	db := testkit.DB(b)
	ctx := context.Background()
	seedOrders(b, db, benchRows)
	report := Report{Name: "orders", ZH: orders.ZH, EN: orders.EN, Sheets: orders.Sheets[:1]}
	for b.Loop() {
		idle, peak := settle(), watch()
		start := time.Now()
		o, err := report.Workbook(ctx, scope(db), cover, io.Discard)
		ours := time.Since(start)
		most := peak()
		if err != nil || o.Rows != benchRows {
			b.Fatal(o.Rows, err)
		}
		rows := keepRows(b, ctx, db, report.Sheets[0])
		settle()
		start = time.Now()
		plain(b, rows)
		theirs := time.Since(start)
		b.ReportMetric(ours.Seconds()/theirs.Seconds(), "x-excelize")
		b.ReportMetric(float64(most-idle)/(1<<20), "peak-MiB")
		b.ReportMetric(ours.Seconds(), "s/workbook")
		b.ReportMetric(theirs.Seconds(), "s/excelize")
	}
	b.ReportMetric(0, "ns/op")
}

// plain is excelize's stream writer as its documentation shows it.
func plain(b *testing.B, rows [][]any) {
	f := excelize.NewFile()
	defer f.Close()
	if _, err := newLook(f); err != nil {
		b.Fatal(err)
	}
	stream, err := f.NewStreamWriter("Sheet1")
	if err != nil {
		b.Fatal(err)
	}
	for i, row := range rows {
		at, _ := excelize.CoordinatesToCellName(1, i+1)
		if err := stream.SetRow(at, row); err != nil {
			b.Fatal(err)
		}
	}
	if err := stream.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Write(io.Discard); err != nil {
		b.Fatal(err)
	}
}

// keepRows reads the same cells into memory, as excelize takes them.
func keepRows(b *testing.B, ctx context.Context, db *database.DB, s Sheet) (rows [][]any) {
	err := s.each(ctx, scope(db), func(values []any) error {
		row := make([]any, len(values))
		for i, v := range values {
			if v != nil {
				row[i] = excelize.Cell{StyleID: 1 + int(s.Columns[i].Kind), Value: asExcel(s.Columns[i].Kind, v)}
			}
		}
		rows = append(rows, row)
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return rows
}

func asExcel(k Kind, v any) any {
	if n, ok := v.(int64); ok && k == Money {
		return float64(n) / 100
	} else if ok && k == Moment {
		return serial(n / 1000)
	}
	return v
}

func seedOrders(b *testing.B, db *database.DB, n int) {
	err := db.InTx(context.Background(), func(tx *gorm.DB) error {
		if err := tx.Exec("INSERT INTO disbursement_batches (id, campaign_id, kind, purpose, status, prepared_by, prepared_at, changed_at) VALUES (1, 1, 'credit', '', 'done', 'x', 1, 1)").Error; err != nil {
			return err
		}
		return tx.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
			INSERT INTO disbursement_orders (batch_id, campaign_id, envelope_id, kind, order_no, operator, source, wallet_token, coupon_id, amount_fen, settled_fen, status, attempts, lease_token, operator_ref, reason, replaced_by, created_at, changed_at)
			SELECT 1, 1, i, 'credit', printf('HB20201211%022d', i * 7919), CASE i % 6 WHEN 0 THEN 'icbc' WHEN 1 THEN 'abc' WHEN 2 THEN 'boc' WHEN 3 THEN 'ccb' WHEN 4 THEN 'bocom' ELSE 'psbc' END,
			'city', '', '', 20000, 20000, 'succeeded', 1 + i % 2, '', printf('R%016x', i * 2654435761 % 4294967296), CASE i % 50 WHEN 0 THEN '账户状态异常，已重发' ELSE '' END, '', 1607688000000 + i * 37, 1607688000000 + i * 41 FROM n`, n).Error
	})
	if err != nil {
		b.Fatal(err)
	}
}

// settle collects garbage and gives the memory that is held.
func settle() uint64 {
	debug.FreeOSMemory()
	return held()
}

// held is what the process holds of the machine's memory: SQLite's share is not Go's, so the kernel is asked where there is one to ask.
func held() uint64 {
	if statm, err := os.ReadFile("/proc/self/statm"); err == nil {
		var size, resident uint64
		if _, err := fmt.Sscan(string(statm), &size, &resident); err == nil {
			return resident * uint64(os.Getpagesize())
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys - m.HeapReleased
}

// watch samples the memory held until the function it gives is called, which gives the most.
func watch() (peak func() uint64) {
	var most atomic.Uint64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			most.Store(max(most.Load(), held()))
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() uint64 { close(stop); <-done; return most.Load() }
}
