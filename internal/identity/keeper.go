package identity

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Keeper is the pseudonym keeper: the role, not the platform's, that turns an identity into a person tag. Tags gives one
// tag for each document, in order; equal documents get equal tags within a draw, and draws cannot be linked.
type Keeper interface {
	Tags(ctx context.Context, drawID string, docs []Document) ([][32]byte, error)
}

// FileKeeper is a keeper within this process, for rehearsals and for cities whose keeper hands over its secret.
type FileKeeper struct {
	Secret []byte // 32 bytes
	// Suite gives the suite of a draw, whose hash the tags use; nil stands for Intl.
	Suite func(ctx context.Context, drawID string) (Suite, error)
}

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
func (k *FileKeeper) Tags(ctx context.Context, drawID string, docs []Document) ([][32]byte, error) {
	suite := Intl
	if k.Suite != nil {
		var err error
		if suite, err = k.Suite(ctx, drawID); err != nil {
			return nil, err
		}
	}
	use, err := suite.algorithms()
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(use.hash, k.Secret, nil, "hongbao keeper v1\n"+drawID, 32)
	if err != nil {
		return nil, err
	}
	tags, mac := make([][32]byte, len(docs)), hmac.New(use.hash, key)
	for i, doc := range docs {
		mac.Reset()
		mac.Write([]byte(drawID + "\n" + string(doc.Kind) + "\n" + doc.Number))
		mac.Sum(tags[i][:0])
	}
	return tags, nil
}
