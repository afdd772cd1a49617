package app

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/crypto/bcrypt"

	"hongbao/disbursement"
	"hongbao/disbursement/sandbox"
	"hongbao/internal/signing"
	"hongbao/lottery/beacon"
)

// world is everything outside the service, simulated on this machine: six operators, the notary, the telecom operator and the
// beacon, each an HTTP server of its own, all on one clock.
type world struct {
	street *sandbox.Street
	beacon *beacon.Sandbox
	relay  string // the beacon's address
	server *http.Server
}

// genesis and period are of the sandbox beacon's chain: before any campaign that an example describes.
var genesis = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

const period = 3 // seconds

// startWorld opens the servers; they stop when ctx ends or at close.
func startWorld(ctx context.Context, options sandbox.Options) (*world, error) {
	w := &world{}
	var err error
	if w.beacon, err = beacon.NewSandbox([]byte("hongbao sandbox beacon"), genesis.Unix(), period, options.Now); err != nil {
		return nil, err
	}
	if w.street, err = sandbox.Start(ctx, options); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, w.street.Close())
	}
	w.relay = "http://" + l.Addr().String()
	w.server = &http.Server{Handler: w.beacon.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go w.server.Serve(l)
	context.AfterFunc(ctx, func() { w.server.Close() })
	return w, nil
}

func (w *world) close() error { return errors.Join(w.server.Close(), w.street.Close()) }

// around is what the service sees of the world.
func (w *world) around(now func() time.Time, keys Keys) (surroundings, error) {
	around := surroundings{
		now: now, chain: w.beacon.Chain(), beacon: &beacon.Client{Chain: w.beacon.Chain(), Relays: []string{w.relay}},
		operatorSet: newOperatorSet(), badge: "rehearsal",
		proxies:     []string{"127.0.0.1"},
		instruments: newInstruments(),
		cost:        bcrypt.MinCost, // staff sign in after each jump of the clock, and their passwords are random or printed on the screen
	}
	signer := signing.Signer{Party: disbursement.PlatformParty, Key: keys.Operator, Now: now}
	for _, entry := range w.entries() {
		if err := around.add(entry, caller{signer: signer, measures: around.instruments.gateway}); err != nil {
			return around, err
		}
	}
	city := &Config{SMS: w.street.SMSURL(), SMSToken: sandbox.CityToken, Names: w.street.SMSURL(), NamesToken: sandbox.CityToken,
		Evidence: w.street.SMSURL(), EvidenceToken: sandbox.CityToken}
	city.offices(&around)
	return around, nil
}

// entries are the street's banks as an operators file describes them.
func (w *world) entries() (list []operatorEntry) {
	keys, addresses := w.street.PublicKeys(), w.street.Banks()
	for _, name := range slices.Sorted(maps.Keys(addresses)) {
		list = append(list, operatorEntry{Name: name, URL: addresses[name], Keys: []string{signing.FormatPublicKey(keys[name])}})
	}
	if members := w.street.Members(); len(members) > 0 {
		point := operatorEntry{Name: sandbox.AccessPoint, URL: w.street.AccessPointURL(), Keys: []string{signing.FormatPublicKey(keys[sandbox.AccessPoint])}}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			point.Members = append(point.Members, memberEntry{Name: name, Bank: members[name]})
		}
		list = append(list, point)
	}
	return list
}
