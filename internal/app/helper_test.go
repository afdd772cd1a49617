package app

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hongbao/lottery/draw"
)

// A helper commits, and reveals by HTTP or by a line; what it reveals is what it committed to.
func TestHelperCommitsAndReveals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "icbc.secret")
	status, commitment := run("helper", "commit", "--draw", "suzhou-2020", "--name", "icbc", "--hash", "sm3", "--secret", path)
	if info, err := os.Stat(path); status != 0 || err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("commit: %d %s %v", status, commitment, err)
	}
	if status, _ := run("helper", "commit", "--draw", "suzhou-2020", "--name", "icbc", "--secret", path); status == 0 {
		t.Error("a secret was overwritten")
	}
	if status, _ := run("helper", "commit", "--draw", "Suzhou", "--name", "icbc", "--secret", path+"2"); status == 0 {
		t.Error("a draw that cannot be was committed to")
	}
	status, line := run("helper", "reveal", "--secret", path)
	name, secret, _ := strings.Cut(strings.TrimSpace(line), " ")
	digest, err := draw.ParseDigest(secret)
	if status != 0 || err != nil || name != "icbc" || draw.Commit(draw.SM3, "suzhou-2020", "icbc", digest).String() != strings.TrimSpace(commitment) {
		t.Errorf("%d %q is not what was committed to", status, line)
	}
	answer := http.StatusConflict
	var heard string
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		heard = r.Method + " " + r.URL.Path + " " + string(body)
		w.WriteHeader(answer)
		_, _ = w.Write([]byte("not yet"))
	}))
	defer platform.Close()
	if status, out := run("helper", "reveal", "--secret", path, "--platform", platform.URL); status == 0 || !strings.Contains(out, "not yet") {
		t.Errorf("refused: %d %s", status, out)
	}
	answer = http.StatusNoContent
	if status, out := run("helper", "reveal", "--secret", path, "--platform", platform.URL+"/"); status != 0 || heard != `POST /api/v1/draws/suzhou-2020/reveals {"name":"icbc","reveal":"`+secret+`"}` {
		t.Errorf("%d %s: %s", status, out, heard)
	}
}

// The ceremony without a network: the round is carried in, and the result computed from the bundle.
func TestBeaconCarriedIntoABundle(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../lottery/draw/testdata/bundle")); err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	beacon, result := read("beacon.json"), read("result")
	round, err := draw.ParseBeaconRound([]byte(beacon))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"beacon.json", "result"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	carried := filepath.Join(t.TempDir(), "round.txt")
	carry := func(text string) (int, string) {
		if err := os.WriteFile(carried, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return run("draw", "beacon", "--bundle", dir, "--file", carried, "--by", "notary")
	}
	if status, out := carry(strings.Repeat("00", 48)); status == 0 {
		t.Errorf("a wrong signature was taken: %s", out)
	}
	if _, err := os.Stat(filepath.Join(dir, "beacon.json")); err == nil {
		t.Error("a wrong signature was written")
	}
	if status, out := carry(strings.ToUpper(hex.EncodeToString(round.Signature)) + "\n"); status != 0 {
		t.Fatalf("%d %s", status, out)
	}
	if got, err := draw.ParseBeaconRound([]byte(read("beacon.json"))); err != nil || got.Value() != round.Value() || got.CarriedBy != "notary" {
		t.Errorf("%+v, %v", got, err)
	}
	if status, out := run("draw", "run", "--bundle", dir); status != 0 || read("result") != result {
		t.Errorf("%d %s: another result than before", status, out)
	}
}
