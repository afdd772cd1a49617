package database

import (
	"slices"
	"testing"
)

func TestCut(t *testing.T) {
	text := "-- a comment; with a semicolon;\nCREATE TABLE a (\n  b INT -- inside\n);\r\n\nINSERT INTO a VALUES ('x;y');\n" +
		"CREATE TRIGGER t BEFORE UPDATE ON a\nBEGIN\n  SELECT RAISE(ABORT, 'no');\nEND;\n" +
		"CREATE TRIGGER u BEFORE DELETE ON a BEGIN SELECT 1; END;\n" +
		"CREATE TRIGGER v BEFORE DELETE ON a FOR EACH ROW SIGNAL SQLSTATE '45000';\n"
	want := []string{
		"CREATE TABLE a (\n  b INT -- inside\n)", "INSERT INTO a VALUES ('x;y')",
		"CREATE TRIGGER t BEFORE UPDATE ON a\nBEGIN\n  SELECT RAISE(ABORT, 'no');\nEND",
		"CREATE TRIGGER u BEFORE DELETE ON a BEGIN SELECT 1; END",
		"CREATE TRIGGER v BEFORE DELETE ON a FOR EACH ROW SIGNAL SQLSTATE '45000'",
	}
	got, err := cut(text)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("cut gave %q, %v", got, err)
	}
	for _, bad := range []string{"SELECT 1", "SELECT 1;\n-- +goose Down\nSELECT 2;\n"} {
		if got, err := cut(bad); err == nil {
			t.Errorf("cut(%q) = %q", bad, got)
		}
	}
}
