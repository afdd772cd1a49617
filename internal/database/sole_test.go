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
	defer first.Close()
	second, err := Open(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	release, err := first.Sole(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.Sole(ctx); !errors.Is(err, ErrTaken) {
		t.Errorf("a second process: %v", err)
	}
	if _, err := second.SQL().Exec("CREATE TABLE t (a)"); err != nil {
		t.Errorf("the database itself is locked: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	release, err = second.Sole(ctx)
	if err != nil {
		t.Fatalf("after the first has gone: %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}
