package identity

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"

	"github.com/emmansun/gmsm/sm3"
)

// Keeper is the pseudonym keeper: the role, not the platform's, that turns an identity into a person tag. Tags gives one
// tag for each document, in order, by the hash that the draw uses, "sha256" or "sm3"; equal documents get equal tags within
// a draw, and draws cannot be linked.
type Keeper interface {
	Tags(ctx context.Context, drawID, hash string, docs []Document) ([][32]byte, error)
}

// FileKeeper is a keeper within this process: what the keeper's own process runs, and what a rehearsal does without one.
type FileKeeper struct {
	Secret []byte // 32 bytes
}

var keeperHashes = map[string]func() hash.Hash{"sha256": sha256.New, "sm3": sm3.New}

// OpenKeeper reads the secret of a keeper from the file at path, and makes it there, readable by its owner only, when the
// file is missing.
func OpenKeeper(path string) (*FileKeeper, error) {
	secret, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		secret = make([]byte, 32)
		_, _ = rand.Read(secret) // never fails
		err = os.WriteFile(path, secret, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("the pseudonym keeper's secret: %w", err)
	}
	if len(secret) != 32 {
		return nil, fmt.Errorf("the pseudonym keeper's secret has 32 bytes, not %d", len(secret))
	}
	return &FileKeeper{Secret: secret}, nil
}

// Tags computes draw/v1's person = HMAC-H(k, draw id ‖ "\n" ‖ document kind ‖ "\n" ‖ document number), with k derived
// from the secret for this draw.
func (k *FileKeeper) Tags(_ context.Context, drawID, hash string, docs []Document) ([][32]byte, error) {
	use, ok := keeperHashes[hash]
	if !ok {
		return nil, fmt.Errorf("identity: no draw uses the hash %q", hash)
	}
	key, err := hkdf.Key(use, k.Secret, nil, "hongbao keeper v1\n"+drawID, 32)
	if err != nil {
		return nil, err
	}
	tags, mac := make([][32]byte, len(docs)), hmac.New(use, key)
	for i, doc := range docs {
		mac.Reset()
		mac.Write([]byte(drawID + "\n" + string(doc.Kind) + "\n" + doc.Number))
		mac.Sum(tags[i][:0])
	}
	return tags, nil
}
