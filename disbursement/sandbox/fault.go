package sandbox

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
)

// Faults is how badly the street behaves.
type Faults string

// The levels of faults.
const (
	FaultsNone   Faults = "none"
	FaultsNormal Faults = "normal"
	FaultsHarsh  Faults = "harsh"
)

// faultLevels gives the column of faultTable, and how many attempts about one number can meet a fault of delivery.
var faultLevels = map[Faults]struct{ column, attempts int }{
	FaultsNone: {-1, 0}, FaultsNormal: {0, 1}, FaultsHarsh: {1, 3},
}

// fault is one kind of misbehaviour.
type fault string

const (
	calm          fault = ""
	slow          fault = "slow"
	timeoutBefore fault = "timeout-before" // the connection breaks, nothing was done
	timeoutAfter  fault = "timeout-after"  // the connection breaks, all was done
	errorBefore   fault = "error-before"   // 5xx, nothing was done
	errorAfter    fault = "error-after"    // 5xx, all was done
	processing    fault = "processing"     // the answer says processing, though it is done: ask again
	returned      fault = "returned"       // success, then the money comes back
	walletLimit   fault = "wallet-limit"   // the wallet's limit refuses
	duplicated    fault = "event-duplicated"
	delayed       fault = "event-delayed" // later ones overtake it
	lost          fault = "event-lost"    // only the statement tells
	late          fault = "statement-late"
	damaged       fault = "statement-damaged"
	missingLine   fault = "statement-missing-line" // the line comes in the next day's file
	wrongAmount   fault = "statement-wrong-amount" // the second edition corrects it
)

// faultTable gives, for each occasion, faults with their chances in 1/1000 at normal and harsh.
var faultTable = map[string][]struct {
	fault  fault
	chance [2]uint64
}{
	"order":     {{slow, [2]uint64{10, 30}}, {timeoutBefore, [2]uint64{5, 30}}, {timeoutAfter, [2]uint64{5, 30}}, {errorBefore, [2]uint64{3, 20}}, {errorAfter, [2]uint64{3, 20}}},
	"effect":    {{processing, [2]uint64{50, 150}}, {returned, [2]uint64{5, 20}}, {walletLimit, [2]uint64{5, 20}}},
	"query":     {{slow, [2]uint64{10, 30}}, {timeoutAfter, [2]uint64{10, 50}}, {errorAfter, [2]uint64{10, 50}}},
	"wallet":    {{slow, [2]uint64{10, 30}}, {timeoutAfter, [2]uint64{5, 30}}, {errorAfter, [2]uint64{5, 30}}},
	"event":     {{duplicated, [2]uint64{50, 200}}, {delayed, [2]uint64{50, 200}}, {lost, [2]uint64{10, 50}}},
	"statement": {{late, [2]uint64{100, 200}}, {damaged, [2]uint64{50, 100}}, {missingLine, [2]uint64{150, 250}}, {wrongAmount, [2]uint64{150, 250}}},
}

// dice decide faults by number. The same bank meets the same fault for the same number, whenever and however often asked.
type dice struct {
	seed     int64
	bank     string
	level    Faults
	mu       sync.Mutex
	attempts map[string]int
}

// roll gives the fault of a number on an occasion.
func (d *dice) roll(occasion, number string) fault {
	column := faultLevels[d.level].column
	if column < 0 {
		return calm
	}
	sum := digestOf(d.seed, d.bank, occasion, number)
	left := binary.BigEndian.Uint64(sum[:]) % 1000
	for _, f := range faultTable[occasion] {
		if left < f.chance[column] {
			return f.fault
		}
		left -= f.chance[column]
	}
	return calm
}

// next is roll for one more attempt about the number: every attempt has a fault of its own, and from some attempt on there
// is none, so that patience is always rewarded.
func (d *dice) next(occasion, number string) fault {
	d.mu.Lock()
	if d.attempts == nil {
		d.attempts = make(map[string]int)
	}
	key := occasion + " " + number
	attempt := d.attempts[key]
	d.attempts[key]++
	d.mu.Unlock()
	if attempt >= faultLevels[d.level].attempts {
		return calm
	}
	return d.roll(occasion, fmt.Sprintf("%s %d", number, attempt))
}

// digestOf derives everything that looks random from the seed: faults, keys, secrets and numbers.
func digestOf(seed int64, parts ...string) [32]byte {
	return sha256.Sum256([]byte(fmt.Sprintf("hongbao sandbox\n%d\n%s", seed, strings.Join(parts, "\n"))))
}

// numberOf derives a number of 32 characters [A-Z2-7].
func numberOf(seed int64, parts ...string) string {
	sum := digestOf(seed, parts...)
	return base32.StdEncoding.EncodeToString(sum[:20])
}
