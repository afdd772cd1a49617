package beacon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"hongbao/lottery/draw"
)

// Client asks several relays of drand's HTTP API at once and verifies every
// answer. One honest relay is enough; a relay that answers wrongly is reported
// and cannot hold up a draw.
type Client struct {
	Chain   draw.Chain
	Relays  []string                      // base URLs, without a slash at the end
	HTTP    *http.Client                  // nil: http.DefaultClient
	Timeout time.Duration                 // for each relay; 0: 5 seconds
	Fault   func(relay string, err error) // optional: told of each relay that failed or disagreed
}

// Round fetches a round and returns it with the relay that carried it. The error
// is ErrNotYet when no relay has it and at least one says that it is early;
// ErrDisagreement when all there is does not verify.
func (c *Client) Round(ctx context.Context, round uint64) (draw.BeaconRound, error) {
	return c.ask(ctx, fmt.Sprint(round), func(r draw.BeaconRound) error {
		if r.Round != round {
			return fmt.Errorf("%w: asked for round %d, got %d", ErrDisagreement, round, r.Round)
		}
		return nil
	})
}

// Latest fetches the newest round that any relay has.
func (c *Client) Latest(ctx context.Context) (draw.BeaconRound, error) {
	return c.ask(ctx, "latest", func(draw.BeaconRound) error { return nil })
}

// CheckInfo demands that every relay serves this chain.
func (c *Client) CheckInfo(ctx context.Context) error {
	if len(c.Relays) == 0 {
		return errors.New("no relay is set")
	}
	errs := make([]error, len(c.Relays))
	c.each(ctx, func(ctx context.Context, i int, relay string) {
		if _, err := FetchChain(ctx, c.HTTP, relay, c.Chain.Hash); err != nil {
			errs[i] = fmt.Errorf("%s: %w", relay, err)
		}
	})
	return errors.Join(errs...)
}

// ask queries all relays, verifies the answers and returns the highest round.
func (c *Client) ask(ctx context.Context, which string, accept func(draw.BeaconRound) error) (draw.BeaconRound, error) {
	if len(c.Relays) == 0 {
		return draw.BeaconRound{}, errors.New("no relay is set")
	}
	rounds, errs := make([]draw.BeaconRound, len(c.Relays)), make([]error, len(c.Relays))
	c.each(ctx, func(ctx context.Context, i int, relay string) {
		rounds[i], errs[i] = fetchRound(ctx, c.HTTP, relay+"/"+c.Chain.Hash.String()+"/public/"+which)
		if errs[i] == nil {
			errs[i] = accept(rounds[i])
		}
		if errs[i] == nil {
			errs[i] = disagreement(Verify(c.Chain, rounds[i].Round, rounds[i].Signature))
		}
		rounds[i].CarriedBy = relay
	})
	return c.best(rounds, errs)
}

func disagreement(err error) error {
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDisagreement, err)
	}
	return nil
}

// best reports the relays that failed and picks among the others.
func (c *Client) best(rounds []draw.BeaconRound, errs []error) (draw.BeaconRound, error) {
	var best draw.BeaconRound
	for i, err := range errs {
		if err == nil && rounds[i].Round > best.Round {
			best = rounds[i]
		}
		if err != nil && c.Fault != nil {
			c.Fault(c.Relays[i], err)
		}
	}
	if best.Round > 0 {
		return best, nil
	}
	return best, errors.Join(errs...)
}

// each calls ask for all relays at once, each within the timeout.
func (c *Client) each(ctx context.Context, ask func(ctx context.Context, i int, relay string)) {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = 5 * time.Second
	}
	var wg sync.WaitGroup
	for i, relay := range c.Relays {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			ask(ctx, i, relay)
		})
	}
	wg.Wait()
}

// maxAnswer is more than any answer of the API is long.
const maxAnswer = 1 << 16

// get fetches a URL; 404 and 425 mean that a round is not there yet.
func get(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	if client == nil {
		client = http.DefaultClient
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusOK:
		return io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	case http.StatusNotFound, http.StatusTooEarly:
		return nil, ErrNotYet
	}
	return nil, fmt.Errorf("the relay answers %s", res.Status)
}

func fetchRound(ctx context.Context, client *http.Client, url string) (draw.BeaconRound, error) {
	b, err := get(ctx, client, url)
	if err != nil {
		return draw.BeaconRound{}, err
	}
	r, err := parseAnswer(b)
	return r, disagreement(err)
}

// info is the answer of drand's /info.
type info struct {
	PublicKey string      `json:"public_key"`
	Period    uint32      `json:"period"`
	Genesis   int64       `json:"genesis_time"`
	Hash      draw.Digest `json:"hash"`
	GroupHash draw.Digest `json:"groupHash"`
	Scheme    string      `json:"schemeID"`
	Metadata  struct {
		BeaconID string `json:"beaconID"`
	} `json:"metadata"`
}

// FetchChain asks one relay for the chain of a hash. What it returns is
// authentic whoever the relay is, since the hash is computed again.
func FetchChain(ctx context.Context, client *http.Client, relay string, hash draw.Digest) (draw.Chain, error) {
	b, err := get(ctx, client, relay+"/"+hash.String()+"/info")
	if errors.Is(err, ErrNotYet) {
		return draw.Chain{}, fmt.Errorf("%w: it does not know the chain", ErrDisagreement)
	}
	if err != nil {
		return draw.Chain{}, err
	}
	var in info
	if err := json.Unmarshal(b, &in); err != nil {
		return draw.Chain{}, fmt.Errorf("%w: %w", ErrDisagreement, err)
	}
	key, err := decodeHex(in.PublicKey)
	if err != nil {
		return draw.Chain{}, disagreement(err)
	}
	c := draw.Chain{PublicKey: key, Period: in.Period, Genesis: in.Genesis, GenesisSeed: in.GroupHash,
		Hash: in.Hash, Scheme: in.Scheme, BeaconID: in.Metadata.BeaconID}
	if err := c.Validate(); err != nil {
		return draw.Chain{}, disagreement(err)
	}
	if c.Hash != hash {
		return draw.Chain{}, fmt.Errorf("%w: it serves another chain", ErrDisagreement)
	}
	return c, nil
}
