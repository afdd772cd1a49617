package database

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	_ "github.com/pingcap/tidb/pkg/parser/test_driver" // what the parser keeps literals in
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"

	"hongbao/internal/fault"
)

// serverOf is a session on a MySQL server of a version, without a connection.
func serverOf(t *testing.T, version string) *gorm.DB {
	t.Helper()
	dialector := mysqlDialector{gormmysql.New(gormmysql.Config{DSN: "root@tcp(127.0.0.1:1)/none", SkipInitializeWithVersion: true, ServerVersion: version}).(*gormmysql.Dialector)}
	db, err := gorm.Open(dialector, &gorm.Config{DisableAutomaticPing: true})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

const tidbVersion = "8.0.11-TiDB-v8.5.0"

// No TiDB runs where these tests do. What can be had is the parser of its server: it reads every statement of the migrations
// but the triggers, which are left out there, and what each connection begins with.
func TestTiDBReadsTheMigrations(t *testing.T) {
	files, err := loadMigrations(MySQL)
	if err != nil {
		t.Fatal(err)
	}
	reader, triggers := parser.New(), 0
	for _, file := range files {
		for step, statement := range file.statements {
			_, err := reader.ParseOneStmt(statement, "utf8mb4", "utf8mb4_bin")
			if makesTrigger(statement) {
				triggers++
			}
			if (err != nil) != makesTrigger(statement) {
				t.Errorf("%04d_%s, step %d: %v", file.version, file.name, step+1, err)
			}
		}
	}
	if triggers == 0 {
		t.Error("there are no triggers left: leaving them out is dead")
	}
	for _, statement := range []string{isolation, causalReads} {
		if _, err := reader.ParseOneStmt(statement, "utf8mb4", "utf8mb4_bin"); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

func TestLockClauses(t *testing.T) {
	sqlite, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sqlite.Close() })
	tidb := serverOf(t, tidbVersion)
	for _, c := range []struct {
		name string
		tx   *gorm.DB
		want []string
	}{
		{"sqlite", sqlite.read, []string{"", "", ""}},
		{"mariadb", serverOf(t, "10.11.19-MariaDB-0+deb12u1"), []string{" FOR UPDATE", " LOCK IN SHARE MODE", " FOR UPDATE SKIP LOCKED"}},
		{"mysql", serverOf(t, "8.4.3"), []string{" FOR UPDATE", " LOCK IN SHARE MODE", " FOR UPDATE SKIP LOCKED"}},
		{"tidb", tidb, []string{" FOR UPDATE", " FOR UPDATE", " FOR UPDATE"}},
	} {
		if got := []string{Locked(c.tx), Shared(c.tx), Unlocked(c.tx)}; !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", c.name, got)
		}
	}
	for _, clause := range []string{Locked(tidb), Shared(tidb), Unlocked(tidb)} {
		statement, err := parser.New().ParseOneStmt("SELECT id FROM leases WHERE id = 1"+clause, "", "")
		if err != nil || statement.(*ast.SelectStmt).LockInfo.LockType != ast.SelectLockForUpdate {
			t.Errorf("%q is no lock to TiDB: %v", clause, err)
		}
	}
}

// The server of these sessions is not there, so whatever is sent to it fails.
func TestTiDBGetsNoTriggerAndNoReadOnlyTransaction(t *testing.T) {
	tidb, other := serverOf(t, tidbVersion), serverOf(t, "8.4.3")
	const trigger = "CREATE TRIGGER a BEFORE DELETE ON b FOR EACH ROW SIGNAL SQLSTATE '45000'"
	if err := runStep(tidb, trigger); err != nil {
		t.Errorf("the trigger was sent: %v", err)
	}
	if runStep(tidb, "CREATE TABLE a (b BIGINT)") == nil || runStep(other, trigger) == nil {
		t.Error("a step was left out")
	}
	if snapshotOf(tidb).ReadOnly || !snapshotOf(other).ReadOnly {
		t.Error("a snapshot is read-only on every server but TiDB")
	}
}

func TestConflictsOfTiDBAreRunAgain(t *testing.T) {
	for _, c := range []struct {
		number                uint16
		atCommit, before, off bool
	}{{8002, true, true, false}, {8005, true, true, false}, {8022, true, true, false}, {8028, true, true, false}, {9007, true, true, false},
		{9001, false, true, true}, {9002, false, true, true}, {9003, false, true, true}, {9005, false, true, true}, {8004, false, false, false}} {
		err := &mysql.MySQLError{Number: c.number, Message: "said by TiDB"}
		if retryable(err, true) != c.atCommit || retryable(err, false) != c.before {
			t.Errorf("%d: run again at commit %v, before %v", c.number, retryable(err, true), retryable(err, false))
		}
		if off := fault.KindOf(unavailable(err)) == fault.Unavailable; off != c.off {
			t.Errorf("%d: away %v", c.number, off)
		}
	}
}
