// Package money holds amounts of public money. An amount is a whole number of fen in an int64; there is no float
// anywhere near it, and a split gives back every remainder.
package money

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"sort"
	"strconv"
	"strings"
)

// Fen is an amount in fen, a hundredth of a yuan.
type Fen int64

// Yuan is one yuan in fen.
const Yuan Fen = 100

// ErrSyntax says that a text is not an amount with at most two decimals.
var ErrSyntax = errors.New("money: not an amount in yuan with at most two decimals")

// ErrRange says that an amount does not fit into an int64 of fen.
var ErrRange = errors.New("money: amount out of range")

// String gives the amount in yuan with two decimals and no grouping, as in "200.00".
func (f Fen) String() string {
	sign, magnitude := "", uint64(f)
	if f < 0 {
		sign, magnitude = "-", -magnitude
	}
	return fmt.Sprintf("%s%d.%02d", sign, magnitude/100, magnitude%100)
}

// Parse reads an amount in yuan: "200", "200.5", "200.00", "20,000.00", each with an optional leading minus.
// Commas, where there are any, must stand at every third digit. Errors are ErrSyntax and ErrRange.
func Parse(text string) (Fen, error) {
	digits, negative := strings.CutPrefix(text, "-")
	whole, cents, dotted := strings.Cut(digits, ".")
	if dotted && (len(cents) == 0 || len(cents) > 2) {
		return 0, ErrSyntax
	}
	whole, ok := ungroup(whole)
	cents += strings.Repeat("0", 2-len(cents))
	if !ok || !allDigits(whole) || !allDigits(cents) {
		return 0, ErrSyntax
	}
	value, err := strconv.ParseInt(whole+cents, 10, 64)
	if err != nil {
		return 0, ErrRange
	}
	if negative {
		value = -value
	}
	return Fen(value), nil
}

func ungroup(whole string) (string, bool) {
	groups := strings.Split(whole, ",")
	for i, group := range groups {
		if i > 0 && len(group) != 3 || len(groups) > 1 && (group == "" || len(group) > 3) {
			return "", false
		}
	}
	return strings.Join(groups, ""), true
}

func allDigits(text string) bool {
	for _, r := range text {
		if r < '0' || r > '9' {
			return false
		}
	}
	return text != ""
}

// Split divides total in proportion to the weights by the method of the largest remainder; among equal remainders the
// earlier share gets the extra fen. The shares always add up to total. A negative total is the mirror of its opposite.
// Split panics if a weight is negative or no weight is positive: such a division has no meaning.
func Split(total Fen, weights []int64) []Fen {
	sum := sumOf(weights)
	magnitude := uint64(total)
	if total < 0 {
		magnitude = -magnitude
	}
	shares, remainders, left := make([]Fen, len(weights)), make([]uint64, len(weights)), magnitude
	for i, weight := range weights {
		high, low := bits.Mul64(magnitude, uint64(weight))
		share, remainder := bits.Div64(high, low, sum)
		shares[i], remainders[i] = Fen(share), remainder
		left -= share
	}
	for _, i := range byRemainder(remainders)[:left] {
		shares[i]++
	}
	if total < 0 {
		for i := range shares {
			shares[i] = -shares[i]
		}
	}
	return shares
}

func sumOf(weights []int64) uint64 {
	var sum uint64
	for _, weight := range weights {
		if weight < 0 || sum > math.MaxInt64 {
			panic("money: weights must be non-negative and their sum must fit into an int64")
		}
		sum += uint64(weight)
	}
	if sum == 0 {
		panic("money: a split needs a positive weight")
	}
	return sum
}

func byRemainder(remainders []uint64) []int {
	order := make([]int, len(remainders))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return remainders[order[a]] > remainders[order[b]] })
	return order
}
