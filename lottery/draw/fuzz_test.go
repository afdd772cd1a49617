package draw

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/fstest"
)

// fuzzFormat demands of a text format that what is accepted is written back
// byte for byte: one document has one form.
func fuzzFormat(f *testing.F, seeds [][]byte, parse func([]byte) ([]byte, error)) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		again, err := parse(b)
		if err == nil && !bytes.Equal(again, b) {
			t.Errorf("accepted %q, written back as %q", b, again)
		}
	})
}

func FuzzPlan(f *testing.F) {
	seeds := [][]byte{fullBundle(f, SM3).read(KindPlan), []byte(readVector(f, "2_pools_sha256").Plan)}
	fuzzFormat(f, seeds, func(b []byte) ([]byte, error) {
		p, err := ParsePlan(b)
		if err != nil {
			return nil, err
		}
		return p.Bytes(), p.Validate()
	})
}

func FuzzResult(f *testing.F) {
	fuzzFormat(f, [][]byte{fullBundle(f, SHA256).read(KindResult)}, func(b []byte) ([]byte, error) {
		r, err := ParseResult(b)
		if err != nil {
			return nil, err
		}
		return r.Bytes(), nil
	})
}

func FuzzBackfill(f *testing.F) {
	fuzzFormat(f, [][]byte{fullBundle(f, SHA256).read(KindBackfill), nil}, func(b []byte) ([]byte, error) {
		list, err := ParseBackfill(b)
		return FormatBackfill(list), err
	})
}

func FuzzReveals(f *testing.F) {
	s := fullBundle(f, SHA256)
	fuzzFormat(f, [][]byte{s.read(KindReveals), []byte("bank-a -\nnotary -\n")}, func(b []byte) ([]byte, error) {
		list, err := ParseReveals(s.plan, b)
		return FormatReveals(list), err
	})
}

func FuzzLog(f *testing.F) {
	fuzzFormat(f, [][]byte{fullBundle(f, SHA256).files[logFile].Data}, func(b []byte) ([]byte, error) {
		lines, err := ParseLog(b)
		return FormatLog(lines), err
	})
}

func FuzzExcluded(f *testing.F) {
	fuzzFormat(f, [][]byte{fullBundle(f, SHA256).read(KindExcluded)}, func(b []byte) ([]byte, error) {
		list, err := ParseExcluded(b)
		if err != nil {
			return nil, err
		}
		return FormatExcluded(list)
	})
}

func FuzzReceipt(f *testing.F) {
	s := fullBundle(f, SHA256)
	fuzzFormat(f, [][]byte{[]byte(s.openings[0].Text())}, func(b []byte) ([]byte, error) {
		r, err := parseReceipt(string(b))
		return []byte(r.Text()), err
	})
}

// FuzzCheckpoint needs no signature: the text must have one form, and opening
// any bytes must not panic, nor accept any but the one signed note.
func FuzzCheckpoint(f *testing.F) {
	s := fullBundle(f, SHA256)
	keys, err := s.notice.Keys()
	s.must(err)
	genuine := map[string]bool{}
	for name, file := range s.files {
		if bytes.HasPrefix([]byte(name), []byte("checkpoints/")) {
			f.Add(file.Data)
			text, _, _ := bytes.Cut(file.Data, []byte("\n\n"))
			genuine[string(text)+"\n"] = true
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := parseCheckpoint(string(b)); err == nil && c.text() != string(b) {
			t.Errorf("%q is accepted as a checkpoint", b)
		}
		if c, err := keys.Open(b); err == nil && !genuine[c.text()] {
			t.Errorf("%q is accepted as signed", b)
		}
	})
}

func FuzzNotice(f *testing.F) {
	s := fullBundle(f, SHA256)
	f.Add(s.read(KindNotice))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := ParseNotice(b)
		if err != nil {
			return
		}
		again, err := n.Bytes("")
		if err != nil {
			t.Fatalf("%q is accepted and cannot be written: %v", b, err)
		}
		if m, err := ParseNotice(again); err != nil || m.ID != n.ID || m.Quorum != n.Quorum {
			t.Errorf("%q reads differently once written (%v)", b, err)
		}
	})
}

func FuzzJSON(f *testing.F) {
	s := fullBundle(f, SHA256)
	f.Add(s.read(KindChain))
	f.Add(s.read(KindBeacon))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := ParseChain(b); err == nil {
			if again, err := ParseChain(c.JSON()); err != nil || again.Hash != c.Hash {
				t.Errorf("%q reads differently once written (%v)", b, err)
			}
		}
		if r, err := ParseBeaconRound(b); err == nil {
			if again, err := ParseBeaconRound(r.JSON()); err != nil || again.Value() != r.Value() {
				t.Errorf("%q reads differently once written (%v)", b, err)
			}
		}
	})
}

// FuzzBundle puts any bytes in the place of one file of a signed bundle: only the file itself passes.
func FuzzBundle(f *testing.F) {
	s := fullBundle(f, SM3)
	names := slices.Sorted(maps.Keys(s.files))
	for i, name := range names {
		f.Add(uint(i), s.files[name].Data)
	}
	f.Fuzz(func(t *testing.T, which uint, data []byte) {
		name := names[which%uint(len(names))]
		files := maps.Clone(s.files)
		files[name] = &fstest.MapFile{Data: data}
		if same := bytes.Equal(data, s.files[name].Data); verify(files).OK() != same {
			t.Errorf("%s as %q: the same %v, verified %v", name, data, same, !same)
		}
	})
}

// FuzzSelect draws from random plans and lists, and demands what plain sorting gives: exact counts, nobody twice.
func FuzzSelect(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, a, b uint64) {
		p, registered := randomDraw(rand.New(rand.NewPCG(a, b)))
		pools, seed := sealPools(p, registered), SHA256.Sum([]byte{byte(a), byte(b)})
		s, err := Select(p, seed, pools)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(s.Result().Bytes(), plainResult(p, seed, pools).Bytes()) {
			t.Errorf("differs from plain sorting; plan\n%s", p.Bytes())
		}
		checkAwards(t, p, pools, s.Result())
	})
}
