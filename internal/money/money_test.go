package money

import (
	"errors"
	"math"
	"math/rand"
	"slices"
	"testing"
)

func TestParseAndString(t *testing.T) {
	for text, want := range map[string]Fen{
		"0": 0, "200": 20000, "200.00": 20000, "200.5": 20050, "0.07": 7, "-0.07": -7, "20,000.00": 2000000,
		"1,234,567.89": 123456789, "92233720368547758.07": math.MaxInt64,
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %d, %v; want %d", text, got, err, want)
		}
		again, err := Parse(got.String())
		if err != nil || again != got {
			t.Errorf("Parse(%q.String()) = %d, %v", text, again, err)
		}
	}
	if got := Fen(math.MinInt64).String(); got != "-92233720368547758.08" {
		t.Errorf("smallest amount prints %q", got)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "-", ".", ".5", "1.", "1.234", "1e3", " 1", "1 ", "+1", "--1", "2,00", "20,00.00",
		",200", "1,2345", "0x10", "２００", "1.2.3", "1,,000", "1,000,"} {
		if got, err := Parse(text); !errors.Is(err, ErrSyntax) {
			t.Errorf("Parse(%q) = %d, %v; want ErrSyntax", text, got, err)
		}
	}
	if _, err := Parse("92233720368547758.08"); !errors.Is(err, ErrRange) {
		t.Errorf("one fen too many: %v", err)
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		total   Fen
		weights []int64
		want    []Fen
	}{
		{100, []int64{1, 1, 1}, []Fen{34, 33, 33}},
		{-100, []int64{1, 1, 1}, []Fen{-34, -33, -33}},
		{10, []int64{0, 3, 7}, []Fen{0, 3, 7}},
		{5, []int64{1, 2, 2, 2}, []Fen{1, 2, 1, 1}},
		{0, []int64{1, 9}, []Fen{0, 0}},
		{math.MaxInt64, []int64{math.MaxInt64}, []Fen{math.MaxInt64}},
	} {
		if got := Split(c.total, c.weights); !slices.Equal(got, c.want) {
			t.Errorf("Split(%d, %v) = %v; want %v", c.total, c.weights, got, c.want)
		}
	}
}

func TestSplitGivesBackEveryRemainder(t *testing.T) {
	source := rand.New(rand.NewSource(1))
	for range 2000 {
		weights := make([]int64, 1+source.Intn(9))
		for i := range weights {
			weights[i] = source.Int63n(1 << 40)
		}
		weights[0]++
		total := Fen(source.Int63() - source.Int63())
		var sum Fen
		for _, share := range Split(total, weights) {
			sum += share
		}
		if sum != total {
			t.Fatalf("Split(%d, %v) adds up to %d", total, weights, sum)
		}
	}
}

func TestSplitPanicsWithoutWeight(t *testing.T) {
	for _, weights := range [][]int64{nil, {0, 0}, {-1, 2}, {math.MaxInt64, math.MaxInt64, 1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Split by %v did not panic", weights)
				}
			}()
			Split(1, weights)
		}()
	}
}
