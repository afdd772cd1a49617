package app

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"hongbao/lottery/beacon"
	"hongbao/lottery/draw"
)

// cityLog is a platform that serves a city's log in which notices stand, and takes the cosignatures of one witness.
type cityLog struct {
	*testing.T
	signer   note.Signer
	vkey     string
	witness  string // vkey
	notices  map[string][]byte
	lines    []draw.LogLine
	cosigned map[int]string
	deaf     bool // takes no signatures
}

func newCityLog(t *testing.T, witness string) (*cityLog, string) {
	skey, vkey, err := note.GenerateKey(rand.Reader, "log.city.example")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	p := &cityLog{T: t, signer: signer, vkey: vkey, witness: witness, notices: map[string][]byte{}, cosigned: map[int]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/log/city/wanted", p.wanted)
	mux.HandleFunc("POST /api/v1/log/city/checkpoints/{size}/cosignatures", p.take)
	mux.HandleFunc("GET /api/v1/draws/{draw}/bundle/notice", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(p.notices[r.PathValue("draw")]) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return p, server.URL
}

// publish logs the notice of a new draw.
func (p *cityLog) publish(id string) {
	p.Helper()
	n := draw.Notice{ID: id, Log: p.vkey, Witnesses: []string{p.witness}, Quorum: 1, Open: 2000000000,
		Terms: draw.Terms{Hash: draw.SHA256, Close: 2000003600, Delay: 3600, Chain: beacon.Quicknet().Hash, Tiers: []draw.Tier{{Name: "all", Scope: "*", Count: 1, Amount: 20000}}}}
	round, err := beacon.Quicknet().RoundAfter(n.Close + n.Delay)
	if err != nil {
		p.Fatal(err)
	}
	n.Round = round
	text, err := n.Bytes("公告")
	if err != nil {
		p.Fatal(err)
	}
	p.notices[id] = text
	p.lines = append(p.lines, draw.LogLine{Kind: draw.KindNotice, ID: id, Hash: draw.SHA256.Sum(text)})
}

func (p *cityLog) checkpoint(size int) string {
	signed, err := draw.SignCheckpoint(draw.Checkpoint{Origin: p.signer.Name(), Size: int64(size), Root: draw.LogRoot(p.lines[:size])}, p.signer)
	if err != nil {
		p.Fatal(err)
	}
	return string(signed)
}

func (p *cityLog) wanted(w http.ResponseWriter, _ *http.Request) {
	wanted := []map[string]any{}
	for i, line := range p.lines {
		if p.cosigned[i+1] == "" {
			wanted = append(wanted, map[string]any{"size": i + 1, "draw": line.ID, "kind": line.Kind, "checkpoint": p.checkpoint(i + 1)})
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"origin": p.signer.Name(), "log": string(draw.FormatLog(p.lines)), "wanted": wanted})
}

func (p *cityLog) take(w http.ResponseWriter, r *http.Request) {
	if p.deaf {
		http.Error(w, "no", http.StatusServiceUnavailable)
		return
	}
	size, _ := strconv.Atoi(r.PathValue("size"))
	line, _ := io.ReadAll(r.Body)
	keys, err := (&draw.Notice{Log: p.vkey, Witnesses: []string{p.witness}, Quorum: 1}).Keys()
	if err == nil {
		_, err = draw.AddCosignature([]byte(p.checkpoint(size)), string(line), keys)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.cosigned[size] = string(line)
}

// A witness signs what it has checked, once; it never signs a log that has changed behind its back.
func TestWitness(t *testing.T) {
	dir := t.TempDir()
	key, state := filepath.Join(dir, "press.key"), filepath.Join(dir, "press.json")
	status, vkey := run("witness", "keygen", "--name", "press.example", "--key", key)
	if info, err := os.Stat(key); status != 0 || err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("keygen: %d %s %v", status, vkey, err)
	}
	if status, _ := run("witness", "keygen", "--name", "press.example", "--key", key); status == 0 {
		t.Fatal("a key was overwritten")
	}
	p, url := newCityLog(t, strings.TrimSpace(vkey))
	work := func(wantStatus int, want string) {
		t.Helper()
		status, out := run("witness", "--platform", url, "--city", "city", "--log", p.vkey, "--key", key, "--state", state)
		if status != wantStatus || !strings.Contains(out, want) {
			t.Fatalf("%d %s, want %d %s", status, out, wantStatus, want)
		}
	}
	p.publish("first")
	work(0, "cosigned 1: notice of first")
	p.publish("second")
	p.publish("third")
	work(0, "cosigned 3: notice of third")
	if len(p.cosigned) != 3 {
		t.Fatalf("%d cosignatures", len(p.cosigned))
	}
	p.publish("fourth")
	p.deaf = true
	work(1, "503")
	p.deaf = false
	work(0, "cosigned 4") // a signature that did not arrive is sent again

	p.publish("fifth")
	good := p.notices["fifth"]
	p.notices["fifth"] = []byte(strings.Replace(string(good), "20000\n", "10000\n", 1))
	work(1, "REFUSED 5")
	p.notices["fifth"] = good

	kept := p.lines[1]
	p.lines[1].Hash = draw.SHA256.Sum([]byte("another notice"))
	work(1, "REFUSED 5")
	delete(p.cosigned, 2)
	work(1, "REFUSED 2")
	p.lines[1] = kept
	work(0, fmt.Sprintf("cosigned %d", 5))
	other, _ := newCityLog(t, p.witness)
	p.publish("sixth")
	p.vkey = other.vkey
	work(1, "REFUSED 6") // not the key that the witness was given
}
