package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"hongbao/internal/audit"
)

// acts are the actions of the audit trail that change something and show nobody's data. One that ends in * goes on with a status or kind.
var acts = []string{
	"account.added", "account.disabled", "account.enabled", "account.password-set", "account.renewed", "appeal.decide", "approval.*",
	"batch.prepare", "campaign.*", "campaign.cancel", "campaign.create", "campaign.freeze", "close-out.request", "codes.import",
	"difference.resolve", "draw.*", "draw.parties", "draw.reveal", "envelope.desk-claim", "envelope.forfeit", "envelope.operator",
	"evidence.import", "funding.receive", "identity.*", "identity.person-deleted", "keys.rotate", "merchant.*", "merchants.import",
	"messages.retry", "misuse.*", "misuse.alert", "misuse.rules", "registration.desk", "registration.exclude", "registration.withdraw",
	"related.file", "report.cancel", "risk.assess", "risk.clear", "settlement.hold", "settlement.payout", "settlement.release",
	"token.issued", "token.revoked", "webhook.*", "webhook.registered", "webhook.retried", "winners.make", "winners.request",
}

// Every action that the source puts on the audit trail is either an access, which the access log shows, or listed here as an act.
func TestEveryAuditActionIsClassified(t *testing.T) {
	found := map[string]string{}
	err := filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if name := d.Name(); path != "../.." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "var") {
			return filepath.SkipDir
		}
		readActions(t, path, found)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 50 {
		t.Fatalf("only %d actions were found: the source is not read as it should be", len(found))
	}
	for action, where := range found {
		if slices.Contains(audit.Accesses, action) == slices.Contains(acts, action) {
			t.Errorf("%s: %q must stand in one list: in audit.Accesses if somebody sees personal data or takes a file by it, in acts otherwise", where, action)
		}
	}
	for _, action := range slices.Concat(audit.Accesses, acts) {
		if found[action] == "" {
			t.Errorf("%q is listed, and nothing records it", action)
		}
	}
}

// room is the source of one package.
type room struct {
	*testing.T
	files  *token.FileSet
	funcs  []*ast.FuncDecl
	consts map[string]string
	found  map[string]string // where each action is recorded
}

func readActions(t *testing.T, dir string, found map[string]string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	r := room{t, token.NewFileSet(), nil, map[string]string{}, found}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(r.files, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				r.funcs = append(r.funcs, d)
			case *ast.GenDecl:
				r.keepConstants(d)
			}
		}
	}
	for _, f := range r.funcs {
		ast.Inspect(f, func(n ast.Node) bool {
			if entry, ok := n.(*ast.CompositeLit); ok && isEntry(entry.Type) && len(entry.Elts) > 0 {
				r.readEntry(f, entry)
			}
			return true
		})
	}
}

func (r room) keepConstants(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		value, ok := spec.(*ast.ValueSpec)
		for i := 0; ok && d.Tok == token.CONST && i < len(value.Values); i++ {
			if text, ok := literal(value.Values[i]); ok {
				r.consts[value.Names[i].Name] = text
			}
		}
	}
}

func isEntry(e ast.Expr) bool {
	s, ok := e.(*ast.SelectorExpr)
	if !ok || s.Sel.Name != "Entry" {
		return false
	}
	pkg, ok := s.X.(*ast.Ident)
	return ok && pkg.Name == "audit"
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}

func (r room) readEntry(f *ast.FuncDecl, entry *ast.CompositeLit) {
	for _, e := range entry.Elts {
		if pair, ok := e.(*ast.KeyValueExpr); ok && pair.Key.(*ast.Ident).Name == "Action" {
			r.resolve(f, pair.Value)
			return
		}
	}
	r.Errorf("%s: an audit.Entry without an Action", r.files.Position(entry.Pos()))
}

// resolve follows an expression back to the texts that it may be: a literal, a constant, what callers hand over, what was assigned.
func (r room) resolve(f *ast.FuncDecl, e ast.Expr) {
	where := r.files.Position(e.Pos()).String()
	if text, ok := literal(e); ok {
		r.found[text] = where
		return
	}
	switch e := e.(type) {
	case *ast.BinaryExpr:
		left := e.X
		for inner, ok := left.(*ast.BinaryExpr); ok; inner, ok = left.(*ast.BinaryExpr) {
			left = inner.X
		}
		if text, ok := literal(left); ok {
			r.found[text+"*"] = where
			return
		}
	case *ast.Ident:
		if text, ok := r.consts[e.Name]; ok {
			r.found[text] = where
			return
		}
		if r.handedOver(f, e.Name) || r.assigned(f, e.Name) {
			return
		}
	}
	r.Errorf("%s: which action is recorded cannot be read from the source", where)
}

// handedOver resolves what the package's callers give for a parameter.
func (r room) handedOver(f *ast.FuncDecl, parameter string) bool {
	at := -1
	n := 0
	for _, field := range f.Type.Params.List {
		for _, name := range field.Names {
			if name.Name == parameter {
				at = n
			}
			n++
		}
	}
	for _, caller := range r.funcs {
		ast.Inspect(caller, func(node ast.Node) bool {
			if call, ok := node.(*ast.CallExpr); ok && at >= 0 && called(call) == f.Name.Name && len(call.Args) == n {
				r.resolve(caller, call.Args[at])
			}
			return true
		})
	}
	return at >= 0
}

func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name
	case *ast.Ident:
		return f.Name
	}
	return ""
}

func (r room) assigned(f *ast.FuncDecl, name string) (any bool) {
	ast.Inspect(f, func(node ast.Node) bool {
		a, ok := node.(*ast.AssignStmt)
		for i := 0; ok && len(a.Lhs) == len(a.Rhs) && i < len(a.Lhs); i++ {
			if left, ok := a.Lhs[i].(*ast.Ident); ok && left.Name == name {
				any = true
				r.resolve(f, a.Rhs[i])
			}
		}
		return true
	})
	return any
}
