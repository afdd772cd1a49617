package database

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"hongbao/migrations"
)

// migration is one numbered file, cut into the statements that are its steps.
type migration struct {
	version    int
	name       string
	statements []string
}

// loadMigrations reads the files of one dialect in the order of their numbers; number 0 is the runner's own.
func loadMigrations(dialect string) ([]migration, error) {
	names, err := fs.Glob(migrations.Files, dialect+"/*.sql")
	if err != nil {
		return nil, err
	}
	var loaded []migration
	for _, name := range names {
		text, err := migrations.Files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		number, title, ok := strings.Cut(strings.TrimSuffix(path.Base(name), ".sql"), "_")
		version, err := strconv.Atoi(number)
		if err != nil || !ok || len(number) < 4 {
			return nil, fmt.Errorf("migration %s: the name must be NNNN_name.sql", name)
		}
		statements, err := cut(string(text))
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", name, err)
		}
		loaded = append(loaded, migration{version, title, statements})
	}
	slices.SortFunc(loaded, func(a, b migration) int { return a.version - b.version })
	for i := range loaded[1:] {
		if loaded[i].version == loaded[i+1].version {
			return nil, fmt.Errorf("migration %04d exists twice", loaded[i].version)
		}
	}
	return loaded, nil
}

// cut splits a migration file by the rules of the package comment of migrations.
func cut(text string) (statements []string, err error) {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		if strings.HasPrefix(line, "-- +goose Down") {
			return nil, fmt.Errorf("there is no way down: %q", line)
		}
		if line == "" || strings.HasPrefix(strings.TrimSpace(line), "--") {
			continue
		}
		lines = append(lines, line)
		if statement := strings.Join(lines, "\n"); ended(statement, line) {
			statements = append(statements, strings.TrimSuffix(statement, ";"))
			lines = nil
		}
	}
	if lines != nil {
		return nil, fmt.Errorf("the last statement does not end with a semicolon")
	}
	return statements, nil
}

func ended(statement, line string) bool {
	if makesTrigger(statement) && slices.Contains(strings.Fields(strings.ToUpper(statement)), "BEGIN") {
		last := strings.Fields(strings.ToUpper(line))
		return last[len(last)-1] == "END;"
	}
	return strings.HasSuffix(line, ";")
}

func makesTrigger(statement string) bool {
	words := strings.Fields(strings.ToUpper(statement))
	return len(words) > 1 && words[0] == "CREATE" && words[1] == "TRIGGER"
}
