package campaign

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"hongbao/internal/database"
	"hongbao/lottery/draw"
)

// WritePairs writes a line "pool salt person" (hex) for every entry in the draw, by pool and in order of the entry. It is
// what auditors get: enough to recompute all entries and to see that all persons differ, and no identity.
func (s *Service) WritePairs(ctx context.Context, campaignID int64, w io.Writer) error {
	return s.eachPair(ctx, campaignID, func(pool string, salt, person database.Bytes32) error {
		_, err := fmt.Fprintf(w, "%s %x %x\n", pool, salt[:], person[:])
		return err
	})
}

// CheckPairs compares pairs with a draw's public bundle and gives their number: every pair gives the published entry at its
// place, none is missing, and no person stands there twice.
func CheckPairs(pairs io.Reader, bundle draw.Bundle) (n int64, err error) {
	plan, err := bundlePlan(bundle)
	if err != nil {
		return 0, err
	}
	list := &pairList{hash: plan.Hash, lines: bufio.NewScanner(pairs), persons: map[draw.Digest]int64{}}
	for _, pool := range plan.Pools {
		if err := list.checkPool(bundle, pool); err != nil {
			return list.n, fmt.Errorf("pool %s: %w", pool.Name, err)
		}
	}
	if list.lines.Scan() {
		return list.n, fmt.Errorf("pair %d has no published entry", list.n+1)
	}
	return list.n, list.lines.Err()
}

func bundlePlan(bundle draw.Bundle) (*draw.Plan, error) {
	file, err := bundle.Open("plan")
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, 16<<20))
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	return draw.ParsePlan(text)
}

// pairList reads pairs one after another and remembers the persons.
type pairList struct {
	hash    draw.Hash
	lines   *bufio.Scanner
	persons map[draw.Digest]int64
	n       int64
}

func (l *pairList) checkPool(bundle draw.Bundle, pool draw.Pool) (err error) {
	file, err := bundle.Open("pools/" + pool.Name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	entries := bufio.NewReaderSize(file, 1<<16)
	for i := range pool.Size {
		var published draw.Digest
		if _, err := io.ReadFull(entries, published[:]); err != nil {
			return fmt.Errorf("entry %d of %d: %w", i+1, pool.Size, err)
		}
		entry, err := l.next(pool.Name)
		if err != nil {
			return err
		}
		if entry != published {
			return fmt.Errorf("pair %d gives the entry %s, published is %s", l.n, entry, published)
		}
	}
	return nil
}

// next reads a pair of the pool and gives its entry.
func (l *pairList) next(pool string) (draw.Digest, error) {
	if !l.lines.Scan() {
		return draw.Digest{}, errors.Join(fmt.Errorf("there are only %d pairs", l.n), l.lines.Err())
	}
	l.n++
	fields := strings.Split(l.lines.Text(), " ")
	if len(fields) != 3 || fields[0] != pool {
		return draw.Digest{}, fmt.Errorf("pair %d is none of pool %s", l.n, pool)
	}
	salt, err := draw.ParseDigest(fields[1])
	if err != nil {
		return draw.Digest{}, fmt.Errorf("pair %d: %w", l.n, err)
	}
	person, err := draw.ParseDigest(fields[2])
	if err != nil {
		return draw.Digest{}, fmt.Errorf("pair %d: %w", l.n, err)
	}
	if before := l.persons[person]; before != 0 {
		return draw.Digest{}, fmt.Errorf("pairs %d and %d are one person", before, l.n)
	}
	l.persons[person] = l.n
	return draw.Entry(l.hash, salt, person), nil
}
