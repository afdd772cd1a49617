package database

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
)

func TestSQLiteServesOneProcess(t *testing.T) {
	ctx, url := context.Background(), "sqlite:"+filepath.Join(t.TempDir(), "a b.db")
	first, err := Open(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Open(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := first.Sole(ctx); err != nil {
		t.Fatal(err)
	}
	if err := second.Sole(ctx); !errors.Is(err, ErrTaken) {
		t.Errorf("a second process: %v", err)
	}
	if _, err := second.SQL().Exec("CREATE TABLE t (a)"); err != nil {
		t.Errorf("the database itself is locked: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := second.Sole(ctx); err != nil {
		t.Fatalf("after the first has gone: %v", err)
	}
}
