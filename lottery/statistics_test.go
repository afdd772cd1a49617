package lottery

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

// Quantiles from the published tables of the chi-square distribution.
func TestUpperGammaAgainstTables(t *testing.T) {
	for _, c := range []struct{ freedom, statistic, p float64 }{
		{1, 3.841459, 0.05}, {1, 6.634897, 0.01}, {2, 5.991465, 0.05}, {3, 0.351846, 0.95}, {10, 18.307038, 0.05}, {10, 29.588298, 0.001},
		{30, 50.892181, 0.01}, {100, 124.342113, 0.05}, {100, 77.929465, 0.95}, {2, 2 * math.Ln2, 0.5}, {4, 0, 1},
	} {
		if got := upperGamma(c.freedom/2, c.statistic/2); !near(got, c.p, 1e-6) {
			t.Errorf("%v degrees of freedom above %v: %v, want %v", c.freedom, c.statistic, got, c.p)
		}
	}
	for f := range 400 { // for an even number it is a sum of Poisson terms
		x, sum, term := float64(f+1)*0.9, 0.0, math.Exp(-float64(f+1)*0.9)
		for k := range f + 1 {
			sum += term
			term *= x / float64(k+1)
		}
		if got := upperGamma(float64(f+1), x); !near(got, sum, 1e-10) {
			t.Fatalf("Q(%d, %v) is %v, want %v", f+1, x, got, sum)
		}
	}
}

func TestChiSquareOfAKnownTable(t *testing.T) {
	// 2 by 2: 20 of 100 and 40 of 100. Pearson's statistic is 9.5238, p 0.002028.
	statistic, freedom, p := chiSquare([][]group{{{100, 20}, {100, 40}}})
	if !near(statistic, 9.523810, 1e-5) || freedom != 1 || !near(p, 0.002028, 1e-5) {
		t.Errorf("%v %v %v", statistic, freedom, p)
	}
	// Two pools whose quotas differ but who are each even have nothing to find; a small group joins its neighbour.
	statistic, freedom, p = chiSquare([][]group{{{100, 50}, {100, 50}}, {{1000, 10}, {1000, 10}, {3, 0}}})
	if statistic > 0.1 || freedom != 2 || p < 0.9 {
		t.Errorf("%v %v %v", statistic, freedom, p)
	}
	for _, none := range [][][]group{nil, {{{5, 1}, {5, 1}}}, {{{100, 0}, {100, 0}}}, {{{100, 100}, {50, 50}}}} {
		if _, freedom, p := chiSquare(none); freedom != 0 || p != 1 {
			t.Errorf("%v: %v %v", none, freedom, p)
		}
	}
}

func TestRuns(t *testing.T) {
	var r runs
	r.add([]bool{true, true, false, false, false, true, true, true, true, false, false, true, false, true, true, false, false, true, false, false, true})
	// 11 winners, 10 losers: 11.476 runs are expected with variance 4.964; there are 11.
	if r.count != 11 || !near(r.mean, 11.47619, 1e-5) || !near(r.variance, 4.963719, 1e-5) {
		t.Errorf("%+v", r)
	}
	if deviate, p, enough := r.test(); !enough || !near(deviate, -0.213730, 1e-5) || !near(p, 0.830756, 1e-5) {
		t.Errorf("%v %v %v", deviate, p, enough)
	}
	var clustered runs
	clustered.add(append(slices.Repeat([]bool{true}, 50), slices.Repeat([]bool{false}, 50)...))
	if _, p, _ := clustered.test(); p > 1e-9 {
		t.Errorf("winners in one block: %v", p)
	}
	if _, p, enough := new(runs).test(); enough || p != 1 {
		t.Error("nothing is tested")
	}
}

func TestHolm(t *testing.T) {
	got := holm([]float64{0.01, 0.04, 0.03, 0.005})
	for i, want := range []float64{0.03, 0.06, 0.06, 0.02} {
		if !near(got[i], want, 1e-12) {
			t.Errorf("%v", got)
		}
	}
}

// Under chance alone the tests must not cry out more often than they say.
func TestLevelOfTheTests(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	chi, run := 0, 0
	const draws = 2000
	for range draws {
		won := make([]bool, 600)
		for _, i := range dice.Perm(len(won))[:60] {
			won[i] = true
		}
		groups := make([]group, 6)
		for i, w := range won {
			groups[i%6].entries++
			if w {
				groups[i%6].winners++
			}
		}
		if _, _, p := chiSquare([][]group{groups}); p < 0.05 {
			chi++
		}
		var r runs
		r.add(won)
		if _, p, _ := r.test(); p < 0.05 {
			run++
		}
	}
	if chi < draws*3/100 || chi > draws*7/100 || run < draws*2/100 || run > draws*8/100 {
		t.Errorf("of %d fair draws, chi-square rejects %d and runs %d at 5 %%", draws, chi, run)
	}
}

// The tea taster of Fisher: 3 of 4 right by chance in 17 of 70 ways. Two urns are as one whose chances are added up by hand.
func TestExactExcess(t *testing.T) {
	tea := urn{all: group{8, 4}, part: group{4, 3}}
	winners, p, possible := exactExcess([]urn{tea})
	if winners != 3 || !possible || math.Abs(p-17.0/70) > 1e-12 {
		t.Errorf("%d, %v, %v", winners, p, possible)
	}
	coin := urn{all: group{2, 1}, part: group{1, 1}} // one of two wins: one half
	if winners, p, _ := exactExcess([]urn{tea, coin}); winners != 4 || math.Abs(p-(1.0/70+16.0/70/2)) > 1e-12 {
		t.Errorf("two urns: %d, %v", winners, p)
	}
	for _, u := range []urn{{all: group{5, 0}, part: group{2, 0}}, {all: group{5, 5}, part: group{2, 2}}, {all: group{5, 3}}, {all: group{90_000, 40_000}, part: group{most + 1, 9}}} {
		if _, p, possible := exactExcess([]urn{u}); possible || p != 1 {
			t.Errorf("%+v: %v, %v", u, p, possible)
		}
	}
}
