package lottery

import (
	"context"

	"hongbao/lottery/draw"
)

// Proof tells whether an entry was in a pool of a published draw; one of the two is set. It holds nothing that the pool's public file
// does not, and spares a phone the download of the whole list.
type Proof struct {
	Inclusion *draw.Inclusion `json:"inclusion,omitempty"`
	Absence   *draw.Absence   `json:"absence,omitempty"`
}

// Proof gives the proof of an entry's place in a pool, or of its absence.
func (s *Service) Proof(ctx context.Context, slug, pool string, entry draw.Digest) (*Proof, error) {
	d, err := drawBySlug(s.DB.Read(ctx), slug)
	if err != nil {
		return nil, err
	}
	index, err := s.Index(ctx, d)
	if err != nil {
		return nil, err
	}
	for _, p := range index.pools {
		if p.Name == pool {
			return p.proof(entry)
		}
	}
	return nil, errNoFile
}

func (p indexedPool) proof(entry draw.Digest) (*Proof, error) {
	if i, found := p.entries.Search(entry); found {
		inclusion := p.tree.Inclusion(i)
		return &Proof{Inclusion: &inclusion}, nil
	}
	absence, err := p.tree.Absence(entry)
	return &Proof{Absence: &absence}, err
}
