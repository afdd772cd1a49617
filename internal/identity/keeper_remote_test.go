package identity

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func channel(t *testing.T, key byte) *KeeperChannel {
	t.Helper()
	made, err := NewKeeperChannel(bytes.Repeat([]byte{key}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// What passes between platform and keeper: the same tags as in one process, no document in sight, no stranger heard.
func TestRemoteKeeper(t *testing.T) {
	local := &FileKeeper{Secret: bytes.Repeat([]byte{3}, 32)}
	var log, wire bytes.Buffer
	server := &KeeperServer{Keeper: local, Channel: channel(t, 1), Log: slog.New(slog.NewTextHandler(&log, nil))}
	var last []byte
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		last = body
		wire.Write(body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		server.ServeHTTP(w, r)
	}))
	defer site.Close()
	document, err := ParseDocument("", "11010519491231002X")
	if err != nil {
		t.Fatal(err)
	}
	remote := NewRemoteKeeper(site.URL, channel(t, 1))
	want, _ := local.Tags(t.Context(), "suzhou-2020", "sm3", []Document{document})
	got, err := remote.Tags(t.Context(), "suzhou-2020", "sm3", []Document{document})
	if err != nil || len(got) != 1 || got[0] != want[0] {
		t.Errorf("another tag than in one process: %v", err)
	}
	if strings.Contains(wire.String()+log.String(), document.Number) {
		t.Error("the document can be read on the way or in the log")
	}
	stranger := NewRemoteKeeper(site.URL, channel(t, 2))
	if _, err := stranger.Tags(t.Context(), "suzhou-2020", "sm3", []Document{document}); err == nil || strings.Contains(err.Error(), document.Number) {
		t.Errorf("a stranger heard %v", err)
	}
	if _, err := remote.Tags(t.Context(), "suzhou-2020", "md5", []Document{document}); err == nil {
		t.Error("a hash that no draw uses")
	}
	if _, err := remote.Tags(t.Context(), "suzhou-2020", "sm3", make([]Document, maxKeeperBatch+1)); err == nil {
		t.Error("a batch above the limit")
	}
	_, _ = remote.Tags(t.Context(), "suzhou-2020", "sm3", []Document{document})
	for _, changed := range [][]byte{nil, last[:len(last)-1], append(bytes.Clone(last), 0)} {
		answer, err := http.Post(site.URL+KeeperPath, "application/octet-stream", bytes.NewReader(changed))
		if err != nil || answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("a changed call: %v %v", answer.Status, err)
		}
	}
}

// An answer belongs to its call: the answer to another call, though sealed by the keeper, is not taken.
func TestAnswerOfAnotherCallIsRefused(t *testing.T) {
	keeper := &KeeperServer{Keeper: &FileKeeper{Secret: bytes.Repeat([]byte{3}, 32)}, Channel: channel(t, 1), Log: slog.New(slog.DiscardHandler)}
	var first []byte
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		keeper.ServeHTTP(answer, r)
		if first == nil {
			first = answer.Body.Bytes()
		}
		_, _ = w.Write(first)
	}))
	defer site.Close()
	remote := NewRemoteKeeper(site.URL, channel(t, 1))
	if _, err := remote.Tags(t.Context(), "a", "sha256", []Document{{Kind: Resident, Number: "1"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Tags(t.Context(), "a", "sha256", []Document{{Kind: Resident, Number: "2"}}); err == nil {
		t.Error("one person got the tag of another")
	}
}
