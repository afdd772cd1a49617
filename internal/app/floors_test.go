package app

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors is the house's one rule of imports: a room imports rooms of lower floors only. docs/architecture.md shows the same list.
var floors = [][]string{
	{"internal/money", "internal/fault", "internal/signing", "internal/watch", "lottery/draw", "migrations", "examples"},
	{"internal/database"},
	{"internal/allowance", "internal/audit", "internal/identity", "internal/sheet", "internal/web", "lottery/beacon"},
	{"internal/staff"},
	{"internal/webhook"},
	{"campaign"},
	{"lottery"},
	{"disbursement"},
	{"reporting", "disbursement/gateway", "disbursement/sandbox", "disbursement/operatortest", "campaign/office"},
	{"admin", "internal/rehearsal"},
	{"internal/app"},
	{"."}, // main.go
}

// outside are rooms that stand beside the floors: testkit serves tests, lottery/wasm is a main package of its own.
var outside = map[string][]string{
	"internal/testkit":          {"internal/database", "migrations", "internal/fault"},
	"internal/testkit/chromium": {},
	"lottery/wasm":              {"lottery/draw", "lottery/beacon"},
}

// fences keep a library in the rooms made for it.
var fences = []struct {
	imports string
	allowed func(file string) bool
}{
	{"github.com/gin-gonic/gin", func(f string) bool {
		return filepath.Base(f) == "http.go" || strings.HasSuffix(f, "_http.go") || in(f, "admin", "internal/web", "internal/app")
	}},
	{"gorm.io/driver/", func(f string) bool { return in(f, "internal/database") }},
	{"modernc.org/sqlite", func(f string) bool { return in(f, "internal/database") }},
	{"github.com/go-sql-driver/mysql", func(f string) bool { return in(f, "internal/database", "internal/testkit") }},
	{"github.com/robfig/cron", func(f string) bool { return in(f, "internal/app") }},
	{"github.com/spf13/cobra", func(f string) bool { return in(f, "internal/app") }},
	{"github.com/xuri/excelize", func(f string) bool { return in(f, "reporting", "internal/sheet") }},
	{"math/rand", func(f string) bool { return in(f, "disbursement/sandbox", "internal/rehearsal") }},
}

func in(file string, rooms ...string) bool {
	return slices.Contains(rooms, filepath.ToSlash(filepath.Dir(file)))
}

// file is one Go file: its path inside the module and what it imports.
type file struct {
	path    string
	imports []string
}

// breaches lists every import that goes up, sideways, over a fence, or into a room that has no floor.
func breaches(files []file) (found []string) {
	level := make(map[string]int)
	for i, rooms := range floors {
		for _, room := range rooms {
			level[room] = i
		}
	}
	for _, f := range files {
		room := filepath.ToSlash(filepath.Dir(f.path))
		own, known := level[room]
		if _, beside := outside[room]; !known && !beside {
			found = append(found, fmt.Sprintf("%s: room %s has no floor", f.path, room))
			continue
		}
		for _, imported := range f.imports {
			target, ours := strings.CutPrefix(imported, "hongbao/")
			if ours && known && target != room && !(isFloor(level, target) && level[target] < own) {
				found = append(found, fmt.Sprintf("%s: floor %d imports %s", f.path, own, target))
			}
			if ours && !known && !slices.Contains(outside[room], target) {
				found = append(found, fmt.Sprintf("%s: imports %s", f.path, target))
			}
			for _, fence := range fences {
				if strings.HasPrefix(imported, fence.imports) && !fence.allowed(f.path) {
					found = append(found, fmt.Sprintf("%s: %s is fenced off", f.path, imported))
				}
			}
		}
	}
	return found
}

func isFloor(level map[string]int, room string) bool {
	_, ok := level[room]
	return ok
}

func TestImportsPointDown(t *testing.T) {
	for _, b := range breaches(readImports(t, filepath.Join("..", ".."))) {
		t.Error(b)
	}
}

func TestBreachesAreFound(t *testing.T) {
	cases := map[string]file{
		"up":             {"campaign/campaign.go", []string{"hongbao/lottery"}},
		"sideways":       {"internal/audit/audit.go", []string{"hongbao/internal/identity"}},
		"no floor":       {"internal/util/util.go", nil},
		"testkit":        {"campaign/campaign.go", []string{"hongbao/internal/testkit"}},
		"gin outside":    {"campaign/campaign.go", []string{"github.com/gin-gonic/gin"}},
		"driver outside": {"campaign/store.go", []string{"gorm.io/driver/mysql"}},
		"dice in money":  {"disbursement/envelope.go", []string{"math/rand/v2"}},
	}
	for name, f := range cases {
		if len(breaches([]file{f})) != 1 {
			t.Errorf("%s: not found", name)
		}
	}
	allowed := file{"campaign/http.go", []string{"hongbao/internal/fault", "github.com/gin-gonic/gin", "fmt"}}
	if found := breaches([]file{allowed}); len(found) != 0 {
		t.Errorf("a good file is refused: %v", found)
	}
}

func readImports(t *testing.T, root string) (files []file) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root && d.Name() != ".." || d.Name() == "testdata" || d.Name() == "var") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, source, parser.ImportsOnly)
		if err != nil {
			return err
		}
		relative, _ := filepath.Rel(root, path)
		f := file{path: relative}
		for _, spec := range parsed.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			f.imports = append(f.imports, imported)
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
