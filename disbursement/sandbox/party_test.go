package sandbox

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"hongbao/internal/signing"
	"hongbao/lottery/draw"
)

// publicLog is a platform that serves one city's log, in which so far only notices stand.
type publicLog struct {
	t        *testing.T
	signer   note.Signer
	keys     draw.Keys
	notices  map[string][]byte
	lines    []draw.LogLine
	cosigned map[int64][]byte
	reveals  []map[string]string
}

func (l *publicLog) append(id string, notice []byte) {
	l.notices[id] = notice
	l.lines = append(l.lines, draw.LogLine{Kind: draw.KindNotice, ID: id, Hash: draw.SHA256.Sum(notice)})
}

func (l *publicLog) checkpoint(size int) []byte {
	c := draw.Checkpoint{Origin: l.signer.Name(), Size: int64(size), Root: draw.LogRoot(l.lines[:size])}
	signed, err := draw.SignCheckpoint(c, l.signer)
	if err != nil {
		l.t.Fatal(err)
	}
	return signed
}

func (l *publicLog) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/log/{city}/wanted", func(w http.ResponseWriter, r *http.Request) {
		wanted := []map[string]any{}
		for i, line := range l.lines {
			if l.cosigned[int64(i+1)] == nil {
				wanted = append(wanted, map[string]any{"size": i + 1, "draw": line.ID, "kind": line.Kind, "checkpoint": string(l.checkpoint(i + 1))})
			}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"origin": l.signer.Name(), "log": string(draw.FormatLog(l.lines)), "wanted": wanted})
	})
	mux.HandleFunc("GET /api/v1/draws/{draw}/bundle/{path...}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("path") != "notice" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(l.notices[r.PathValue("draw")])
	})
	mux.HandleFunc("POST /api/v1/log/{city}/checkpoints/{size}/cosignatures", func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.Atoi(r.PathValue("size"))
		line, _ := io.ReadAll(r.Body)
		signed, err := draw.AddCosignature(l.checkpoint(size), string(line), l.keys)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		l.cosigned[int64(size)] = signed
	})
	mux.HandleFunc("POST /api/v1/draws/{draw}/reveals", func(w http.ResponseWriter, r *http.Request) {
		var in map[string]string
		_ = json.NewDecoder(r.Body).Decode(&in)
		l.reveals = append(l.reveals, in)
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

func control(t *testing.T, url, action string, in any) (int, map[string]any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(url+"/control/"+action, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(response.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, out
}

// A party commits, looks at the log, cosigns what is right, reveals what it committed to, and refuses a log that has changed
// behind its back.
func TestPartyInADraw(t *testing.T) {
	now := time.Date(2020, 12, 4, 12, 0, 0, 0, time.UTC)
	key, err := signing.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	street, err := Start(context.Background(), Options{Seed: 1, Now: func() time.Time { return now }, PlatformKey: &key.PublicKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = street.Close() })
	skey, vkey, err := note.GenerateKey(rand.Reader, "suzhou.log")
	if err != nil {
		t.Fatal(err)
	}
	log := &publicLog{t: t, notices: map[string][]byte{}, cosigned: map[int64][]byte{}}
	if log.signer, err = note.NewSigner(skey); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(log.handler())
	t.Cleanup(server.Close)
	street.SetPlatform(server.URL)

	notice := func(id string) []byte {
		n := &draw.Notice{ID: id, Log: vkey, Quorum: 1, Open: now.Unix() + 3600, Terms: draw.Terms{Hash: draw.SHA256, Close: now.Unix() + 7200,
			Delay: 3600, Round: 1, Tiers: []draw.Tier{{Name: "first", Scope: "*", Count: 1, Amount: 20000}}}}
		status, out := control(t, street.NotaryURL(), "commit", map[string]string{"draw": id})
		if status != http.StatusOK {
			t.Fatalf("commit: %d %v", status, out)
		}
		commitment, err := draw.ParseDigest(out["commitment"].(string))
		if err != nil {
			t.Fatal(err)
		}
		n.Helpers, n.Witnesses = []draw.Helper{{Name: Notary, Commitment: commitment}}, []string{out["vkey"].(string)}
		text, err := n.Bytes("抽签公告")
		if err != nil {
			t.Fatal(err)
		}
		if log.keys, err = n.Keys(); err != nil {
			t.Fatal(err)
		}
		return text
	}
	look := map[string]string{"city": "suzhou", "draw": "one"}
	log.append("one", notice("one"))
	if status, out := control(t, street.NotaryURL(), "witness", look); status != http.StatusOK || out["cosigned"] != 1.0 {
		t.Fatalf("witness: %d %v", status, out)
	}
	if cosigned, err := log.keys.Open(log.cosigned[1]); err != nil || cosigned.Times[0] != now.Unix() {
		t.Errorf("%+v %v", cosigned, err)
	}
	log.append("two", notice("two"))
	original := log.notices["two"]
	log.notices["two"] = append([]byte("x"), original...)
	if status, out := control(t, street.NotaryURL(), "witness", look); status != http.StatusConflict || out["code"] != "witness-refuses" {
		t.Errorf("a notice that is not the one in the log: %d %v", status, out)
	}
	log.notices["two"], log.lines[0].Hash = original, draw.SHA256.Sum([]byte("another notice"))
	if status, out := control(t, street.NotaryURL(), "witness", look); status != http.StatusConflict || !strings.Contains(fmt.Sprint(out["detail"]), "consistency") {
		t.Errorf("a log whose first line has changed: %d %v", status, out)
	}
	if status, _ := control(t, street.NotaryURL(), "reveal", map[string]string{"draw": "one"}); status != http.StatusOK || len(log.reveals) != 1 {
		t.Fatalf("reveal: %d", status)
	}
	secret, err := draw.ParseDigest(log.reveals[0]["reveal"])
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := draw.ParseNotice(log.notices["one"])
	if err != nil {
		t.Fatal(err)
	}
	if draw.Commit(draw.SHA256, "one", Notary, secret) != parsed.Helpers[0].Commitment {
		t.Error("what is revealed is not what was committed to")
	}
}
