package app

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// goldenBundle copies the bundle that other implementations read.
func goldenBundle(t *testing.T) (dir string, write func(name string, change func([]byte) []byte)) {
	t.Helper()
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../lottery/draw/testdata/bundle")); err != nil {
		t.Fatal(err)
	}
	return dir, func(name string, change func([]byte) []byte) {
		t.Helper()
		path := filepath.Join(dir, name)
		content, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, change(content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A bundle is verified from a directory or a URL, with a receipt or without, and every failure is told.
func TestVerifyCommand(t *testing.T) {
	dir, write := goldenBundle(t)
	receipt := filepath.Join(dir, "receipt.txt")
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	want := func(wantStatus int, texts []string, arguments ...string) {
		t.Helper()
		status, out := run(append([]string{"verify"}, arguments...)...)
		if status != wantStatus {
			t.Errorf("%v: %d %s", arguments, status, out)
		}
		for _, text := range texts {
			if !strings.Contains(out, text) {
				t.Errorf("%v: no %q in %s", arguments, text, out)
			}
		}
	}
	want(0, []string{"pass  order and time", "pass  receipt's result"}, dir, "--receipt", receipt)
	want(0, []string{"pass  order and time", "no reveal from bank-a"}, server.URL+"/")
	write("excluded", func(b []byte) []byte { return append(b, "a 1\n"...) })
	write("pools/north", func(b []byte) []byte { return bytes.ReplaceAll(b, b[:1], []byte{b[0] ^ 1}) })
	write("receipt.txt", func(b []byte) []byte { return bytes.Replace(b, []byte("pool north"), []byte("pool south"), 1) })
	failures := []string{"FAIL  excluded", "FAIL  pool north", "FAIL  log line excluded", "FAIL  receipt", "pass  plan"}
	want(1, failures, dir, "--receipt", receipt)
	want(1, failures[:3], server.URL)

	dir, _ = goldenBundle(t)
	for _, name := range []string{"log", "checkpoints"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	want(1, []string{"FAIL  log"}, dir)
	want(0, []string{"order and time were not checked"}, dir, "--unsigned")
}
