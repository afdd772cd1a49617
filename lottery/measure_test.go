package lottery

import (
	"testing"
	"time"

	"hongbao/internal/database"
	"hongbao/internal/testkit"
	"hongbao/internal/watch"
	"hongbao/lottery/beacon"
)

// read asks one gauge of this room.
func (s *street) read(name string) (samples []watch.Sample) {
	s.Helper()
	for _, g := range s.service.Gauges() {
		if g.Name == name {
			samples, err := g.Read(ctx)
			s.must(err)
			return samples
		}
	}
	s.Fatalf("there is no gauge %s", name)
	return nil
}

// A draw whose round is due is late by as much as the clock says, until somebody gives the round.
func TestBeaconLateness(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		s := newStreet(t, db)
		late := func(want time.Duration) {
			t.Helper()
			got := s.read("hongbao_beacon_late_seconds")
			if len(got) != 1 || got[0].Value != want.Seconds() || got[0].Labels[0] != slug {
				t.Fatalf("%+v, want %v for %s", got, want, slug)
			}
		}
		s.toSealed(20)
		if got := s.read("hongbao_beacon_late_seconds"); got != nil {
			t.Errorf("before its reveals a draw waits for no round: %+v", got)
		}
		for name := range s.helpers {
			s.reveal(name)
		}
		s.advance(Revealed, forWitnesses)
		s.work(2)
		late(0)
		relay := s.service.Beacon
		s.service.Beacon = &beacon.Client{Chain: s.service.Chain, Relays: []string{"http://127.0.0.1:1"}, Timeout: time.Second}
		s.clock.Set(s.draw().RoundAt.Time().Add(10 * time.Minute))
		if _, err := s.service.AdvanceDue(ctx); err == nil {
			t.Error("a relay that is down is not reported")
		}
		late(10 * time.Minute)
		s.service.Beacon = relay
		s.advance(Drawn, forWitnesses)
		if got := s.read("hongbao_beacon_late_seconds"); got != nil {
			t.Errorf("the round is there, and the draw still waits for it: %+v", got)
		}
	})
}
