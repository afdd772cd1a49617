package disbursement_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"hongbao/disbursement"
	"hongbao/disbursement/gateway"
	"hongbao/disbursement/sandbox"
	"hongbao/internal/database"
	"hongbao/internal/signing"
	"hongbao/internal/testkit"
)

// line lies between the platform and one bank, and counts what the platform gives it to carry.
type line struct {
	mu      sync.Mutex
	calls   int
	credits map[string]int // by order number, how often it was given to the line as a credit
	dead    func(*http.Request) (*http.Response, error)
}

func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	l.calls++
	if strings.HasSuffix(r.URL.Path, "/credits") {
		l.credits[orderIn(r)]++
	}
	carry := l.dead
	l.mu.Unlock()
	if carry == nil {
		carry = http.DefaultTransport.RoundTrip
	}
	return carry(r)
}

// orderIn is the number of the one order in a call.
func orderIn(r *http.Request) string {
	var in struct{ Orders []disbursement.CreditOrder }
	body, err := r.GetBody()
	if err == nil {
		err = json.NewDecoder(body).Decode(&in)
	}
	if err != nil || len(in.Orders) != 1 {
		panic("a call without one order")
	}
	return in.Orders[0].OrderNo
}

func (l *line) die(death func(*http.Request) (*http.Response, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = death
}

// carried is how many calls there were, and how often at most one order was sent.
func (l *line) carried() (calls, often int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.credits {
		often = max(often, n)
	}
	return l.calls, often
}

// detour sends calls to another address.
func detour(address string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.URL.Host = address
		return http.DefaultTransport.RoundTrip(r)
	}
}

// deaths are the ways in which a bank is gone. Each gives what a call meets.
var deaths = map[string]func(*testing.T) func(*http.Request) (*http.Response, error){
	"refuses connections": func(t *testing.T) func(*http.Request) (*http.Response, error) {
		l := listening(t)
		l.Close()
		return detour(l.Addr().String())
	},
	"never answers": func(t *testing.T) func(*http.Request) (*http.Response, error) {
		return detour(listening(t).Addr().String())
	},
	// What it still took it has carried out; nobody hears of it.
	"dies at work": func(t *testing.T) func(*http.Request) (*http.Response, error) {
		return func(r *http.Request) (*http.Response, error) {
			answer, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				return nil, err
			}
			answer.Body.Close()
			return nil, io.ErrUnexpectedEOF
		}
	},
}

// listening is a listener that takes connections and never looks at them.
func listening(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// rest is how long the circuit to the dead bank stays open; the clock of a circuit is the machine's.
const rest = time.Second

// street opens two banks' wallets for the winners and gives the lines to the banks.
func street(t *testing.T, clock *testkit.Clock) (*sandbox.Street, map[string]disbursement.Operator, map[string]*line) {
	t.Helper()
	key, err := signing.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	banks, err := sandbox.Start(context.Background(), sandbox.Options{Seed: 1, Now: clock.Now, PlatformKey: &key.PublicKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { banks.Close() })
	operators, lines := map[string]disbursement.Operator{}, map[string]*line{}
	for _, name := range []string{"icbc", "abc"} {
		public, keys := banks.PublicKeys()[name], &signing.Directory{}
		if err := keys.Add(name, signing.PublicKey{Key: public}); err != nil {
			t.Fatal(err)
		}
		lines[name] = &line{credits: map[string]int{}}
		operators[name], err = gateway.New(gateway.Profile{Name: name, URL: banks.Banks()[name], Keys: keys, SealKey: public, Batch: 1, Timeout: 2 * time.Second, Rest: rest,
			Signer: signing.Signer{Party: disbursement.PlatformParty, Key: key, Now: clock.Now}, Client: &http.Client{Transport: lines[name]}})
		if err != nil {
			t.Fatal(err)
		}
	}
	return banks, operators, lines
}

// At a bank that is dead nobody's money is lost and nothing is sent twice, few calls are made to it, and the other bank's people
// are paid in the same run. When it is back, all are paid, once.
func TestDeadOperator(t *testing.T) {
	const winners = 80
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		for name, death := range deaths {
			t.Run(name, func(t *testing.T) {
				disbursement.Clean(t, db)
				clock := testkit.NewClock(disbursement.ClaimFrom())
				banks, operators, lines := street(t, clock)
				w := disbursement.NewOutside(t, db, winners, clock, operators)
				names, phones := w.People()
				for i, phone := range phones {
					openWallet(t, banks.Banks()[names[i]], phone)
				}
				w.ApproveCredits()
				before, _ := lines["icbc"].carried()
				lines["icbc"].die(death(t))
				w.Round(time.Minute)
				if got := w.Credits(); got["abc"][disbursement.OrderSucceeded] != winners/2 || got["icbc"][disbursement.OrderUnknown] != winners/2 {
					t.Fatalf("after one run: %v", got)
				}
				first, _ := lines["icbc"].carried()
				began := time.Now()
				for range 12 {
					w.Round(10 * time.Minute)
				}
				calls, often := lines["icbc"].carried()
				probes := 1 + int(time.Since(began)/rest) // one is let through whenever the circuit has rested
				if calls-first > probes || often > 1 {
					t.Errorf("%d calls at first, then %d in 12 runs; an order was sent %d times", first-before, calls-first, often)
				}
				if got := w.Credits(); got["icbc"][disbursement.OrderUnknown] != winners/2 {
					t.Errorf("after two hours: %v", got)
				}
				lines["icbc"].die(nil)
				for deadline := time.Now().Add(time.Minute); w.Credits()["icbc"][disbursement.OrderSucceeded] != winners/2; {
					if time.Now().After(deadline) {
						t.Fatalf("the bank is back: %v", w.Credits())
					}
					time.Sleep(rest / 10)
					w.Round(10 * time.Minute)
				}
				for i, phone := range phones {
					if err := holdsOne(banks.Banks()[names[i]], phone); err != nil {
						t.Errorf("winner %d: %v", i, err)
					}
				}
			})
		}
	})
}

func openWallet(t *testing.T, bank, phone string) {
	t.Helper()
	answer, err := http.Post(bank+"/app/wallets", "application/json", strings.NewReader(`{"phone": "`+phone+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
}

// holdsOne looks into a citizen's wallet for the envelope.
func holdsOne(bank, phone string) error {
	answer, err := http.Get(bank + "/app/wallets/" + phone)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var wallet struct {
		Coupons []struct {
			LeftFen int64 `json:"left_fen"`
		}
	}
	if err := json.NewDecoder(answer.Body).Decode(&wallet); err != nil {
		return err
	}
	if len(wallet.Coupons) != 1 || wallet.Coupons[0].LeftFen != 200_00 {
		return errors.New("the wallet does not hold one envelope of 200 yuan")
	}
	return nil
}
