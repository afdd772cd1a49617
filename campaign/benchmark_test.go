package campaign

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"hongbao/internal/database"
	"hongbao/internal/testkit"
	"hongbao/internal/web"
)

const benchCallers = 256

// BenchmarkIntake compares, in one process and against one database, what 256 callers get through the intake with one
// GORM Create a request (x-naive, p99-ratio) and with bulk inserts (of-ceiling), and the whole HTTP path with the same
// path without its commit (of-http). Commits are durable in all of them.
func BenchmarkIntake(b *testing.B) {
	address := testkit.SQLite(b)
	if os.Getenv(testkit.Server) != "" {
		address = testkit.MySQL(b)
	}
	db, err := database.Open(context.Background(), address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	if _, err := database.Migrate(context.Background(), db); err != nil {
		b.Fatal(err)
	}
	bench := &bench{world: newWorld(b, db), b: b}
	bench.campaign = bench.open(suzhou(b, anyone...))
	naive := naiveDB(b, db, address)
	for b.Loop() {
		slow, slowP99 := bench.create(naive, 6_000)
		fast, fastP99 := bench.through(60_000)
		ceiling := bench.bulk(100_000)
		whole, bare := bench.http(30_000, false), bench.http(30_000, true)
		b.ReportMetric(slow, "naive/s")
		b.ReportMetric(fast, "intake/s")
		b.ReportMetric(fast/slow, "x-naive")
		b.ReportMetric(fast/ceiling, "of-ceiling")
		b.ReportMetric(float64(fastP99)/float64(slowP99), "p99-ratio")
		b.ReportMetric(whole, "http/s")
		b.ReportMetric(whole/bare, "of-http")
	}
}

// naiveDB is GORM as it comes, with a pool of 64.
func naiveDB(b *testing.B, db *database.DB, address string) *gorm.DB {
	silent := &gorm.Config{Logger: logger.Discard}
	if db.Dialect() == database.SQLite {
		naive, err := gorm.Open(db.Read(context.Background()).Dialector, silent)
		if err != nil {
			b.Fatal(err)
		}
		naive.ConnPool = db.SQL()
		naive.Statement.ConnPool = db.SQL()
		return naive
	}
	target, err := url.Parse(address)
	if err != nil {
		b.Fatal(err)
	}
	pool, err := sql.Open("mysql", fmt.Sprintf("%s@tcp(%s)%s", target.User, target.Host, target.Path))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { pool.Close() })
	pool.SetMaxOpenConns(64)
	pool.SetMaxIdleConns(64)
	naive, err := gorm.Open(mysql.New(mysql.Config{Conn: pool}), silent)
	if err != nil {
		b.Fatal(err)
	}
	return naive
}

type bench struct {
	*world
	b        *testing.B
	campaign Campaign
	next     int
}

// applications are n new people, checked and sealed, with entries.
func (s *bench) applications(n int) []*waiter {
	ctx := context.Background()
	live, err := s.Live(ctx, s.campaign.Slug)
	if err != nil {
		s.b.Fatal(err)
	}
	vault, err := s.Keys.VaultFor(ctx, live.ID)
	if err != nil {
		s.b.Fatal(err)
	}
	list := make([]*waiter, n)
	for i := range list {
		a, err := s.apply(live, vault, person(live.Slug, s.next))
		if err != nil {
			s.b.Fatal(err)
		}
		list[i] = &waiter{application: a}
		s.next++
	}
	if err := s.tag(ctx, list); err != nil {
		s.b.Fatal(err)
	}
	return list
}

// measure runs do for each of n from 256 callers and gives the rate and the 99th percentile.
func (s *bench) measure(n int, do func(i int) error) (rate float64, p99 time.Duration) {
	times := make([]time.Duration, n)
	var failed atomic.Value
	start := time.Now()
	inParallel(benchCallers, n, func(i int) {
		began := time.Now()
		if err := do(i); err != nil {
			failed.Store(err)
		}
		times[i] = time.Since(began)
	})
	elapsed := time.Since(start)
	if err := failed.Load(); err != nil {
		s.b.Fatal(err)
	}
	slices.Sort(times)
	return float64(n) / elapsed.Seconds(), times[n*99/100]
}

func (s *bench) create(naive *gorm.DB, n int) (float64, time.Duration) {
	list := s.applications(n)
	return s.measure(n, func(i int) error { return naive.Table("registrations").Create(list[i].row).Error })
}

func (s *bench) through(n int) (float64, time.Duration) {
	list := s.applications(n)
	return s.measure(n, func(i int) error { return s.submit(context.Background(), list[i].application) })
}

// bulk inserts statements of 1,000 rows over four connections.
func (s *bench) bulk(n int) float64 {
	list := s.applications(n)
	rows := make([][]any, n)
	for i, w := range list {
		rows[i] = w.row.values()
	}
	start := time.Now()
	inParallel(4, n/1000, func(i int) {
		text := "INSERT INTO registrations (" + strings.Join(registrationColumns, ", ") + ") VALUES " +
			strings.TrimSuffix(strings.Repeat("(?"+strings.Repeat(", ?", len(registrationColumns)-1)+"), ", 1000), ", ")
		if _, err := s.DB.SQL().Exec(text, slices.Concat(rows[i*1000:(i+1)*1000]...)...); err != nil {
			s.b.Error(err)
		}
	})
	return float64(n) / time.Since(start).Seconds()
}

// http sends whole requests through the engine; bare leaves the commit out.
func (s *bench) http(n int, bare bool) float64 {
	s.intake.store = nil
	if bare {
		s.intake.store = func(_ context.Context, group []*waiter) ([]outcome, error) { return make([]outcome, len(group)), nil }
	}
	defer func() { s.intake.store = nil }()
	pages := web.New(web.Options{Secret: bytes.Repeat([]byte{1}, 32), Now: s.clock.Now, Log: s.Log,
		Authenticate: func(context.Context, string) (web.Actor, error) { return web.Actor{}, nil },
		May:          func(string, string) bool { return false }})
	s.Routes(pages.Engine, pages)
	bodies, first := make([]string, n), s.next
	for i := range bodies {
		sub := person(s.campaign.Slug, first+i)
		bodies[i] = fmt.Sprintf(`{"name":%q,"document":%q,"phone":%q,"operator":"icbc","district":"gusu","consents":["registration@1","operator@1","risk"]}`,
			sub.Name, sub.Document, sub.Phone)
	}
	s.next += n
	path := "/api/v1/campaigns/" + s.campaign.Slug + "/registrations"
	rate, _ := s.measure(n, func(i int) error {
		request := httptest.NewRequest("POST", path, strings.NewReader(bodies[i]))
		request.Header.Set("Content-Type", "application/json")
		answer := httptest.NewRecorder()
		pages.Engine.ServeHTTP(answer, request)
		if answer.Code != http.StatusCreated {
			return fmt.Errorf("%d %s", answer.Code, answer.Body)
		}
		return nil
	})
	return rate
}
