package identity

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// KeeperPath is where a keeper's process answers: POST, the body sealed, the answer sealed.
const KeeperPath = "/keeper/v1/tags"

const (
	maxKeeperBatch = 5000    // documents in one call
	maxKeeperBody  = 1 << 20 // bytes
)

// keeperRequest is the plain text of a call.
type keeperRequest struct {
	Draw      string           `json:"draw"`
	Hash      string           `json:"hash"`
	Documents []keeperDocument `json:"documents"`
}

type keeperDocument struct {
	Kind   Kind   `json:"kind"`
	Number string `json:"number"`
}

// keeperAnswer is the plain text of an answer: a tag of 64 hex digits for each document, in order.
type keeperAnswer struct {
	Tags []string `json:"tags"`
}

// KeeperChannel seals what passes between the platform and the keeper under a key that only they have. So each knows that
// the other wrote it, and nobody between them reads a document, whether or not there is TLS around it. An answer is bound
// to its call, so that no other answer can be put in its place.
type KeeperChannel struct{ vault *Vault }

// NewKeeperChannel makes a channel from the shared key of 32 bytes.
func NewKeeperChannel(key []byte) (*KeeperChannel, error) {
	vault, err := NewVault(Intl, key)
	if err != nil {
		return nil, err
	}
	return &KeeperChannel{vault}, nil
}

var callBinding = []byte("keeper call")

func answerBinding(call []byte) []byte {
	digest := sha256.Sum256(call)
	return append([]byte("keeper answer "), digest[:]...)
}

// KeeperServer answers the platform's calls from a keeper. It writes down how many tags it made for which draw, and nothing
// else.
type KeeperServer struct {
	Keeper  Keeper
	Channel *KeeperChannel
	Log     *slog.Logger
}

// ServeHTTP answers one call. A body that the channel cannot open is 401, one that makes no sense 400.
func (s *KeeperServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != KeeperPath {
		http.NotFound(w, r)
		return
	}
	call, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxKeeperBody))
	if err != nil {
		http.Error(w, "the call is too long", http.StatusRequestEntityTooLarge)
		return
	}
	plain, err := s.Channel.vault.Open(call, callBinding)
	if err != nil {
		http.Error(w, "the call is not sealed by the platform", http.StatusUnauthorized)
		return
	}
	answer, err := s.answer(r.Context(), plain)
	if err != nil {
		s.Log.Warn("keeper call refused", "error", err)
		http.Error(w, "the call cannot be read", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(s.Channel.vault.Seal(answer, answerBinding(call))) // the caller has gone if this fails
}

func (s *KeeperServer) answer(ctx context.Context, plain []byte) ([]byte, error) {
	var in keeperRequest
	if json.Unmarshal(plain, &in) != nil || len(in.Documents) > maxKeeperBatch {
		return nil, errors.New("malformed call") // the decoder's own words could quote a document
	}
	documents := make([]Document, len(in.Documents))
	for i, d := range in.Documents {
		documents[i] = Document{Kind: d.Kind, Number: d.Number}
	}
	tags, err := s.Keeper.Tags(ctx, in.Draw, in.Hash, documents)
	if err != nil {
		return nil, err
	}
	out := keeperAnswer{Tags: make([]string, len(tags))}
	for i, tag := range tags {
		out.Tags[i] = hex.EncodeToString(tag[:])
	}
	s.Log.Info("tags made", "draw", in.Draw, "hash", in.Hash, "count", len(tags))
	return json.Marshal(out)
}

// RemoteKeeper is a keeper in a process of its own, which a notary or a bank runs.
type RemoteKeeper struct {
	url     string
	channel *KeeperChannel
	client  *http.Client
}

// NewRemoteKeeper reaches the keeper at a base URL.
func NewRemoteKeeper(url string, channel *KeeperChannel) *RemoteKeeper {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 8
	return &RemoteKeeper{url, channel, &http.Client{Transport: transport, Timeout: 10 * time.Second}}
}

// Tags asks the keeper for a batch. Nothing of the batch stands in an error.
func (k *RemoteKeeper) Tags(ctx context.Context, drawID, hash string, docs []Document) ([][32]byte, error) {
	in := keeperRequest{Draw: drawID, Hash: hash, Documents: make([]keeperDocument, len(docs))}
	for i, doc := range docs {
		in.Documents[i] = keeperDocument{doc.Kind, doc.Number}
	}
	plain, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	answer, err := k.call(ctx, k.channel.vault.Seal(plain, callBinding))
	if err != nil {
		return nil, fmt.Errorf("the pseudonym keeper: %w", err)
	}
	return readTags(answer, len(docs))
}

func (k *RemoteKeeper) call(ctx context.Context, call []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, k.url+KeeperPath, bytes.NewReader(call))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/octet-stream")
	response, err := k.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	sealed, err := io.ReadAll(io.LimitReader(response.Body, maxKeeperBody))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered %s", response.Status)
	}
	return k.channel.vault.Open(sealed, answerBinding(call))
}

func readTags(answer []byte, n int) ([][32]byte, error) {
	var out keeperAnswer
	if json.Unmarshal(answer, &out) != nil || len(out.Tags) != n {
		return nil, fmt.Errorf("the pseudonym keeper: want %d tags", n)
	}
	tags := make([][32]byte, n)
	for i, text := range out.Tags {
		digits, err := hex.DecodeString(text)
		if err != nil || len(digits) != 32 {
			return nil, fmt.Errorf("the pseudonym keeper: tag %d is none", i)
		}
		tags[i] = [32]byte(digits)
	}
	return tags, nil
}
