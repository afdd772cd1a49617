package draw

import (
	"flag"
	"os"
	"testing"
)

var (
	largeDir     = flag.String("bundle", "", "directory for TestLargeBundle to write to")
	largeEntries = flag.Int("entries", 10_000_000, "how many entries TestLargeBundle makes")
)

// TestLargeBundle writes a whole signed bundle of two pools for measuring a verifier's time and memory:
// go test ./lottery/draw -run LargeBundle -bundle DIR, then hongbao verify DIR.
func TestLargeBundle(t *testing.T) {
	if *largeDir == "" {
		t.Skip("needs -bundle DIR")
	}
	s := newStage(t, SHA256)
	s.notice.Tiers[0].Count, s.notice.Tiers[1].Count, s.notice.Waits[0].Count = int64(*largeEntries/20), int64(*largeEntries/100), int64(*largeEntries/100)
	s.publishNotice()
	s.plan = &Plan{ID: testID, Notice: s.hash.Sum(s.read(KindNotice)), Terms: s.notice.Terms}
	all := sortedEntries(*largeEntries)
	half := len(all) / entrySize / 2 * entrySize
	for i, e := range []Entries{all[:half], all[half:]} {
		name := []string{"north", "south"}[i]
		s.write(PoolFile(name), e)
		s.plan.Pools = append(s.plan.Pools, Pool{name, int64(e.Len()), NewTree(s.hash, e).Root()})
	}
	s.publish(KindChain, quicknet(t).JSON(), testClose+10)
	s.publish(KindExcluded, nil, testClose+20)
	s.publish(KindPlan, s.plan.Bytes(), testClose+30)
	s.publishReveals()
	s.publishResult()
	s.must(os.CopyFS(*largeDir, s.files))
}
