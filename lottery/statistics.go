package lottery

import (
	"math"
	"slices"
)

// least is the count that a cell must expect before Pearson's statistic may be read as chi-square.
const least = 5

// group is a set of entries and how many of them won.
type group struct{ entries, winners int64 }

// chiSquare is Pearson's test that chance alone decided who of each stratum's groups won. Strata are independent draws (pools), whose
// statistics and degrees of freedom add up. Groups that expect too few are joined with the next. It gives p = 1 and freedom 0 when
// there is nothing to compare.
func chiSquare(strata [][]group) (statistic float64, freedom int, p float64) {
	for _, groups := range strata {
		groups, rate := joined(groups)
		for _, g := range groups {
			expected := float64(g.entries) * rate
			statistic += math.Pow(float64(g.winners)-expected, 2) / (expected * (1 - rate))
		}
		freedom += max(len(groups)-1, 0)
	}
	if freedom == 0 {
		return 0, 0, 1
	}
	return statistic, freedom, upperGamma(float64(freedom)/2, statistic/2)
}

// joined adds neighbours up until each group expects enough winners and enough losers; what is left over joins the last. It gives none
// for a stratum that has no two such groups.
func joined(groups []group) (out []group, rate float64) {
	var all, open group
	for _, g := range groups {
		all.entries, all.winners = all.entries+g.entries, all.winners+g.winners
	}
	rate = float64(all.winners) / float64(max(all.entries, 1))
	for _, g := range groups {
		open.entries, open.winners = open.entries+g.entries, open.winners+g.winners
		if float64(open.entries)*min(rate, 1-rate) >= least {
			out, open = append(out, open), group{}
		}
	}
	if len(out) < 2 {
		return nil, rate
	}
	last := &out[len(out)-1]
	last.entries, last.winners = last.entries+open.entries, last.winners+open.winners
	return out, rate
}

// runs counts the runs of winners and losers along one order of each stratum (Wald and Wolfowitz), to find clusters and alternations.
type runs struct {
	count, mean, variance float64
	winners, losers       int64
}

// add takes one stratum's order: whether each entry won.
func (r *runs) add(won []bool) {
	winners := 0
	for i, w := range won {
		if w {
			winners++
		}
		if i == 0 || w != won[i-1] {
			r.count++
		}
	}
	n, product := float64(len(won)), 2*float64(winners)*float64(len(won)-winners)
	r.winners, r.losers = r.winners+int64(winners), r.losers+int64(len(won)-winners)
	if len(won) > 0 {
		r.mean += product/n + 1
	}
	if len(won) > 1 {
		r.variance += product * (product - n) / (n * n * (n - 1))
	}
}

// test gives the normal deviate and its two-sided p; false when there are too few for it.
func (r *runs) test() (deviate, p float64, enough bool) {
	if r.winners < 2*least || r.losers < 2*least || r.variance <= 0 {
		return 0, 1, false
	}
	deviate = (r.count - r.mean) / math.Sqrt(r.variance)
	return deviate, math.Erfc(math.Abs(deviate) / math.Sqrt2), true
}

// urn is one pool and a part of it.
type urn struct{ all, part group }

// most is how many entries of the parts, over all pools, the exact test takes; a longer list is no list of related people.
const most = 20_000

// exactExcess is the exact test that chance alone made the part of each pool win as often as it did, or more often (Fisher, one-sided,
// the pools' hypergeometric distributions added up). It is impossible when nobody of the part was drawn from, or nobody could win or lose.
func exactExcess(urns []urn) (winners int64, p float64, possible bool) {
	sum, entries := []float64{1}, int64(0)
	for _, u := range urns {
		if u.part.entries == 0 || u.all.winners == 0 || u.all.winners == u.all.entries {
			continue
		}
		if entries += u.part.entries; entries > most {
			return 0, 1, false
		}
		winners += u.part.winners
		sum = convolved(sum, hypergeometric(u))
	}
	for _, chance := range sum[min(int(winners), len(sum)):] {
		p += chance
	}
	return winners, min(p, 1), entries > 0
}

// hypergeometric gives the chance of 0, 1, 2 ... winners in the part.
func hypergeometric(u urn) []float64 {
	chances := make([]float64, min(u.part.entries, u.all.winners)+1)
	whole := choose(u.all.entries, u.all.winners)
	for k := range chances {
		chances[k] = math.Exp(choose(u.part.entries, int64(k)) + choose(u.all.entries-u.part.entries, u.all.winners-int64(k)) - whole)
	}
	return chances
}

// choose is the logarithm of n over k; minus infinity when there is no way.
func choose(n, k int64) float64 {
	if k < 0 || k > n {
		return math.Inf(-1)
	}
	return logFactorial(n) - logFactorial(k) - logFactorial(n-k)
}

func logFactorial(n int64) float64 {
	log, _ := math.Lgamma(float64(n) + 1)
	return log
}

// convolved is the distribution of the sum of two independent counts.
func convolved(a, b []float64) []float64 {
	sum := make([]float64, len(a)+len(b)-1)
	for i, x := range a {
		for j, y := range b {
			sum[i+j] += x * y
		}
	}
	return sum
}

// holm corrects p values for the number of tests made (Holm 1979): the smallest times n, the next times n-1, and so on, never
// descending, at most 1. The order of the values is kept.
func holm(values []float64) []float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if values[a] < values[b] {
			return -1
		}
		return 1
	})
	out, floor := make([]float64, len(values)), 0.0
	for rank, i := range order {
		floor = max(floor, min(1, values[i]*float64(len(values)-rank)))
		out[i] = floor
	}
	return out
}

// upperGamma is the regularised upper incomplete gamma function Q(a, x), so that Q(f/2, s/2) is the chance of a chi-square of f
// degrees of freedom above s: the series of P below a+1, Lentz's continued fraction above it (DLMF 8.11.4 and 8.9.2).
func upperGamma(a, x float64) float64 {
	if x <= 0 {
		return 1
	}
	logGamma, _ := math.Lgamma(a)
	scale := math.Exp(a*math.Log(x) - x - logGamma)
	if x < a+1 {
		term, sum := 1/a, 1/a
		for n := a + 1; term > sum*1e-16; n++ {
			term *= x / n
			sum += term
		}
		return 1 - scale*sum
	}
	const tiny = 1e-300
	b := x + 1 - a
	c, d := 1/tiny, 1/b
	h := d
	for i := 1.0; i < 1e6; i++ {
		step := i * (a - i)
		b += 2
		d = 1 / nonZero(step*d+b, tiny)
		c = nonZero(b+step/c, tiny)
		h *= c * d
		if math.Abs(c*d-1) < 1e-15 {
			break
		}
	}
	return scale * h
}

func nonZero(x, tiny float64) float64 {
	if math.Abs(x) < tiny {
		return tiny
	}
	return x
}
