package sandbox

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"golang.org/x/mod/sumdb/note"

	"hongbao/disbursement"
	"hongbao/internal/signing"
	"hongbao/lottery/beacon"
	"hongbao/lottery/draw"
)

// party is a bank or the notary in a draw: a helper that adds a secret, and a witness that looks at everything before it
// cosigns. It trusts the platform with nothing but the log key, which it learns from the first notice it sees and pins.
type party struct {
	street *Street
	name   string
	keys   *keyPair
	vkey   string
	cosign note.Signer

	mu   sync.Mutex // one look at the log at a time
	logs map[string]note.Verifier
	last map[string]*draw.Checkpoint
}

func newParty(s *Street, name string) (*party, error) {
	p := &party{street: s, name: name, logs: map[string]note.Verifier{}, last: map[string]*draw.Checkpoint{}}
	key, err := signing.ParsePrivateKey(fmt.Sprintf("%x", digestOf(s.options.Seed, name, "sm2")))
	if err != nil {
		return nil, fmt.Errorf("sandbox: key of %s: %w", name, err)
	}
	p.keys = &keyPair{party: name, now: s.options.Now, all: []*sm2.PrivateKey{key}}
	seed := digestOf(s.options.Seed, name, "witness")
	public := ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
	plain, err := note.NewEd25519VerifierKey(name, public)
	if err != nil {
		return nil, fmt.Errorf("sandbox: witness key of %s: %w", name, err)
	}
	hash := strings.Split(plain, "+")[1]
	skey := fmt.Sprintf("PRIVATE+KEY+%s+%s+%s", name, hash, base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...)))
	if p.cosign, err = draw.NewCosigner(skey, s.options.Now); err != nil {
		return nil, fmt.Errorf("sandbox: witness key of %s: %w", name, err)
	}
	p.vkey, err = draw.WitnessKey(plain)
	return p, err
}

// keyPair signs for a bank, or for several behind one access point. While its key is being replaced, what was sealed to the
// old one is opened too.
type keyPair struct {
	party string
	now   func() time.Time

	mu  sync.Mutex
	all []*sm2.PrivateKey // the newest first
}

func (k *keyPair) signer() *signing.Signer {
	k.mu.Lock()
	defer k.mu.Unlock()
	return &signing.Signer{Party: k.party, Key: k.all[0], Now: k.now}
}

func (k *keyPair) unseal(place, text string) (plain []byte, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.all {
		if plain, err = signing.Unseal(key, place, text); err == nil {
			return plain, nil
		}
	}
	return nil, err
}

// Rotate gives a bank, or the access point, a new key, with which it signs from now on, and gives its public half.
func (s *Street) Rotate(name string) (*ecdsa.PublicKey, error) {
	keys := s.keysOf(name)
	if keys == nil {
		return nil, fmt.Errorf("sandbox: nobody is called %s", name)
	}
	keys.mu.Lock()
	defer keys.mu.Unlock()
	key, err := signing.ParsePrivateKey(fmt.Sprintf("%x", digestOf(s.options.Seed, name, "sm2", fmt.Sprint(len(keys.all)))))
	if err != nil {
		return nil, err
	}
	keys.all = append([]*sm2.PrivateKey{key}, keys.all...)
	return &key.PublicKey, nil
}

// TrustPlatform lets every bank believe one more key of the platform, as it does while the platform's key is replaced.
func (s *Street) TrustPlatform(key signing.PublicKey) error {
	for _, b := range s.banks {
		if err := b.verifier.Keys.Add(disbursement.PlatformParty, key); err != nil {
			return err
		}
	}
	return nil
}

// DistrustPlatform ends what TrustPlatform, or the options, began.
func (s *Street) DistrustPlatform(key *ecdsa.PublicKey, until time.Time) {
	for _, b := range s.banks {
		b.verifier.Keys.Retire(disbursement.PlatformParty, signing.KeyID(key), until)
	}
}

func (p *party) routes(mux *http.ServeMux) {
	mux.Handle("POST /control/commit", handle(p.commit))
	mux.Handle("POST /control/reveal", handle(p.reveal))
	mux.Handle("POST /control/witness", handle(p.witness))
}

// drawIn names a draw. Hash is the draw's hash, sha256 if empty; it goes into the commitment.
type drawIn struct {
	Draw string    `json:"draw"`
	City string    `json:"city"`
	Hash draw.Hash `json:"hash"`
}

func (p *party) secret(drawID string) draw.Digest {
	return digestOf(p.street.options.Seed, p.name, "secret", drawID)
}

func (p *party) commit(_ context.Context, in drawIn) (any, error) {
	if in.Hash == "" {
		in.Hash = draw.SHA256
	}
	if !draw.IsToken(in.Draw) || !in.Hash.Valid() {
		return nil, refusal{http.StatusBadRequest, "draw-malformed", "no such draw id or hash"}
	}
	commitment := draw.Commit(in.Hash, in.Draw, p.name, p.secret(in.Draw))
	return map[string]string{"name": p.name, "commitment": commitment.String(), "vkey": p.vkey}, nil
}

func (p *party) reveal(ctx context.Context, in drawIn) (any, error) {
	body := map[string]string{"name": p.name, "reveal": p.secret(in.Draw).String()}
	if err := p.street.postJSON(ctx, "/api/v1/draws/"+url.PathEscape(in.Draw)+"/reveals", body); err != nil {
		return nil, err
	}
	return body, nil
}

// work is what the log wants of a witness.
type work struct {
	Log    string
	Wanted []struct {
		Size       int64
		Draw       string
		Checkpoint string
	}
}

// witness looks at every checkpoint that waits for this witness, in order, and cosigns what is right. At the first that is
// not, it stops and says why.
func (p *party) witness(ctx context.Context, in drawIn) (any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	path := "/api/v1/log/" + url.PathEscape(in.City)
	var todo work
	if err := p.street.getJSON(ctx, path+"/wanted?witness="+url.QueryEscape(p.name), &todo); err != nil {
		return nil, err
	}
	for _, w := range todo.Wanted {
		key, err := p.logKey(ctx, in.City, w.Draw)
		if err != nil {
			return nil, err
		}
		line, seen, err := p.look(ctx, in.City, key, []byte(w.Checkpoint), []byte(todo.Log))
		if err != nil {
			return nil, err
		}
		if err := p.street.postText(ctx, fmt.Sprintf("%s/checkpoints/%d/cosignatures", path, w.Size), line); err != nil {
			return nil, err
		}
		p.last[in.City] = seen
	}
	return map[string]int{"cosigned": len(todo.Wanted)}, nil
}

func (p *party) look(ctx context.Context, city string, key note.Verifier, checkpoint, log []byte) (string, *draw.Checkpoint, error) {
	check := draw.WitnessCheck{Log: key, Last: p.last[city], Beacon: beacon.Verify,
		Bundle: func(id string) (draw.Bundle, error) { return remoteBundle{ctx, p.street, id}, nil }}
	seen, report := check.Check(checkpoint, log)
	if !report.OK() {
		return "", nil, refusal{http.StatusConflict, "witness-refuses", fmt.Sprintf("checkpoint %d: %v", seen.Size, report.Failures())}
	}
	line, err := draw.Cosign(checkpoint, p.cosign)
	return line, &seen, err
}

// logKey is the city's log key: what the first notice said, for good.
func (p *party) logKey(ctx context.Context, city, drawID string) (note.Verifier, error) {
	if key, known := p.logs[city]; known {
		return key, nil
	}
	file, err := remoteBundle{ctx, p.street, drawID}.Open("notice")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	notice, err := draw.ParseNotice(text)
	if err != nil {
		return nil, err
	}
	key, err := note.NewVerifier(notice.Log)
	if err != nil {
		return nil, fmt.Errorf("log key of the notice: %w", err)
	}
	p.logs[city] = key
	return key, nil
}

// remoteBundle is a draw's public bundle as the platform serves it.
type remoteBundle struct {
	ctx    context.Context
	street *Street
	draw   string
}

func (b remoteBundle) Open(name string) (io.ReadCloser, error) {
	response, err := b.street.get(b.ctx, "/api/v1/draws/"+url.PathEscape(b.draw)+"/bundle/"+name)
	var no refusal
	if errors.As(err, &no) && no.Status == http.StatusNotFound {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}
