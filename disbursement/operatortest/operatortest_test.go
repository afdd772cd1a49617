package operatortest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm2"

	"hongbao/disbursement"
	"hongbao/disbursement/gateway"
	"hongbao/disbursement/operatortest"
	"hongbao/disbursement/sandbox"
	"hongbao/internal/signing"
)

const (
	phone   = "13800138000"
	noPhone = "13800138001"
)

var platformKey = func() *sm2.PrivateKey {
	key, err := signing.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	return key
}()

func openStreet(t *testing.T, faults sandbox.Faults, seed int64, now func() time.Time) *sandbox.Street {
	t.Helper()
	street, err := sandbox.Start(context.Background(), sandbox.Options{Seed: seed, Faults: faults, Now: now, PlatformKey: &platformKey.PublicKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = street.Close() })
	return street
}

// wired is an operator with its address.
type wired struct {
	disbursement.Operator
	wire *operatortest.Wire
}

// operators opens a street and a gateway to each of its banks, where phone has a wallet.
func operators(t *testing.T, faults sandbox.Faults, seed int64, now func() time.Time) map[string]wired {
	t.Helper()
	street, all := openStreet(t, faults, seed, now), make(map[string]wired)
	for name, url := range street.Banks() {
		public, keys := street.PublicKeys()[name], &signing.Directory{}
		if err := keys.Add(name, signing.PublicKey{Key: public}); err != nil {
			t.Fatal(err)
		}
		openWallet(t, url)
		signer := signing.Signer{Party: disbursement.PlatformParty, Key: platformKey, Now: now}
		op, err := gateway.New(gateway.Profile{Name: name, URL: url, Keys: keys, SealKey: public, Batch: 50, Signer: signer})
		if err != nil {
			t.Fatal(err)
		}
		all[name] = wired{op, &operatortest.Wire{URL: url, Party: name, Signer: signer}}
	}
	return all
}

func openWallet(t *testing.T, url string) {
	t.Helper()
	in, err := json.Marshal(map[string]string{"phone": phone, "name": "张三"})
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(url+"/app/wallets", "application/json", bytes.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("wallet: %d", response.StatusCode)
	}
}

func fixtures(now time.Time) operatortest.Fixtures {
	return operatortest.Fixtures{PromotionID: "suzhou-2020", Phone: phone, NoPhone: noPhone, App: "jd", ForeignApp: "weibo",
		AmountFen: 200_00, Now: now, StatementDay: now.AddDate(0, 0, -7)}
}

func TestSandboxConforms(t *testing.T) {
	now := time.Date(2020, 12, 11, 12, 0, 0, 0, time.UTC)
	for _, faults := range []sandbox.Faults{sandbox.FaultsNone, sandbox.FaultsNormal, sandbox.FaultsHarsh} {
		t.Run(string(faults), func(t *testing.T) {
			for name, op := range operators(t, faults, 7, func() time.Time { return now }) {
				f := fixtures(now)
				f.Wire = op.wire
				for _, result := range operatortest.Run(context.Background(), op, f) {
					if !result.OK || result.Skipped {
						t.Errorf("%s %s: %s", name, result.Name, result.Detail)
					}
				}
			}
		})
	}
}

// broken spoils one promise of an operator; the suite must see it.
type broken struct {
	disbursement.Operator
	credit func(op disbursement.Operator, orders []disbursement.CreditOrder) ([]disbursement.Outcome, error)
	recall func(op disbursement.Operator, orders []disbursement.RecallOrder) ([]disbursement.Outcome, error)
	query  func(op disbursement.Operator, numbers []string) ([]disbursement.Outcome, error)
}

func (b broken) Credit(ctx context.Context, orders []disbursement.CreditOrder) ([]disbursement.Outcome, error) {
	if b.credit == nil {
		return b.Operator.Credit(ctx, orders)
	}
	return b.credit(b.Operator, orders)
}

func (b broken) Recall(ctx context.Context, orders []disbursement.RecallOrder) ([]disbursement.Outcome, error) {
	if b.recall == nil {
		return b.Operator.Recall(ctx, orders)
	}
	return b.recall(b.Operator, orders)
}

func (b broken) Query(ctx context.Context, numbers []string) ([]disbursement.Outcome, error) {
	if b.query == nil {
		return b.Operator.Query(ctx, numbers)
	}
	return b.query(b.Operator, numbers)
}

func TestBrokenPromisesAreSeen(t *testing.T) {
	now := time.Date(2020, 12, 11, 12, 0, 0, 0, time.UTC)
	ctx := context.Background()
	cases := map[string]struct {
		spoiled broken
		check   string
	}{
		"credits anything twice": {broken{credit: func(op disbursement.Operator, orders []disbursement.CreditOrder) ([]disbursement.Outcome, error) {
			return []disbursement.Outcome{{OrderNo: orders[0].OrderNo, State: disbursement.StateSucceeded, AmountFen: orders[0].AmountFen}}, nil
		}}, "credit-content-differs"},
		"failed where never received": {broken{query: func(op disbursement.Operator, numbers []string) ([]disbursement.Outcome, error) {
			outcomes, err := op.Query(ctx, numbers)
			for i := range outcomes {
				if outcomes[i].State == disbursement.StateNeverReceived {
					outcomes[i].State = disbursement.StateFailed
				}
			}
			return outcomes, err
		}}, "query-never-received"},
		"outcomes in another order": {broken{query: func(op disbursement.Operator, numbers []string) ([]disbursement.Outcome, error) {
			outcomes, err := op.Query(ctx, numbers)
			if len(outcomes) > 1 {
				outcomes[0], outcomes[1] = outcomes[1], outcomes[0]
			}
			return outcomes, err
		}}, "batch-in-order"},
		"recalls the same money twice": {broken{recall: func(op disbursement.Operator, orders []disbursement.RecallOrder) ([]disbursement.Outcome, error) {
			outcomes, err := op.Recall(ctx, orders)
			for i := range outcomes {
				if outcomes[i].State == disbursement.StateSucceeded {
					outcomes[i].AmountFen = 200_00
				}
			}
			return outcomes, err
		}}, "recall-nothing-left"},
	}
	for name, c := range cases {
		c.spoiled.Operator = operators(t, sandbox.FaultsNone, 1, func() time.Time { return now })["icbc"]
		f := fixtures(now)
		f.Patience = 200 * time.Millisecond
		report := operatortest.Run(ctx, c.spoiled, f)
		seen := false
		for _, result := range report {
			seen = seen || result.Name == c.check && !result.OK
		}
		if !seen || report.OK() {
			t.Errorf("%s: %+v", name, report)
		}
	}
}
