package app

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	_ "github.com/pingcap/tidb/pkg/parser/test_driver" // what the parser keeps literals in
)

// No TiDB runs where these tests do. A MariaDB that calls itself one is treated as one: a rehearsal goes through on it without
// triggers and skipped locks, and the parser of TiDB's server reads every statement that came. What TiDB answers is not known.
func TestTiDBReadsWhatARehearsalAsks(t *testing.T) {
	if testing.Short() {
		t.Skip("a rehearsal on a server of its own")
	}
	server := privateMariaDB(t, "--version=8.0.11-TiDB-v8.5.0", "--general-log", "--general-log-file=asked.log")
	smallRehearsal(t, rehearsalOptions{campaign: suzhou, registrations: 300, faults: "normal", seed: 5, database: server.create("hongbao")})
	log, err := os.ReadFile(filepath.Join(server.data, "db", "asked.log"))
	if err != nil {
		t.Fatal(err)
	}
	reader, shapes := parser.New(), map[string]bool{}
	for _, statement := range logged(string(log)) {
		shape := parser.Normalize(statement, "ON")
		if shapes[shape] {
			continue
		}
		shapes[shape] = true
		read, err := reader.ParseOneStmt(statement, "utf8mb4", "utf8mb4_bin")
		if err != nil {
			t.Errorf("TiDB does not read %s: %v", shape, err)
			continue
		}
		read.Accept(refused{t, shape})
	}
	if len(shapes) < 400 {
		t.Errorf("only %d kinds of statements were read", len(shapes))
	}
}

// entry begins an entry of the general log: a time or none, a connection, a command.
var entry = regexp.MustCompile(`(?m)^(?:\d{6} [ \d]\d:\d\d:\d\d|\t)\t *\d+ ([A-Z][A-Za-z ]*)\t`)

func logged(text string) (statements []string) {
	entries := entry.FindAllStringSubmatchIndex(text, -1)
	for i, at := range entries {
		end := len(text)
		if i+1 < len(entries) {
			end = entries[i+1][0]
		}
		if command := text[at[2]:at[3]]; command == "Query" || command == "Prepare" {
			statements = append(statements, text[at[1]:end])
		}
	}
	return statements
}

// refused finds what TiDB reads and then refuses or passes over.
type refused struct {
	t     *testing.T
	shape string
}

func (r refused) Enter(node ast.Node) (ast.Node, bool) {
	switch n := node.(type) {
	case *ast.SelectStmt:
		if n.LockInfo != nil && n.LockInfo.LockType != ast.SelectLockForUpdate {
			r.t.Errorf("TiDB has no lock %q: %s", n.LockInfo.LockType, r.shape)
		}
	case *ast.BeginStmt:
		if n.ReadOnly {
			r.t.Errorf("TiDB has no transactions that only read: %s", r.shape)
		}
	}
	return node, false
}

func (refused) Leave(node ast.Node) (ast.Node, bool) { return node, true }
