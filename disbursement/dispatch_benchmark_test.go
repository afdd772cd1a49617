package disbursement_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"hongbao/disbursement"
	"hongbao/disbursement/gateway"
	"hongbao/disbursement/sandbox"
	"hongbao/internal/signing"
)

// BenchmarkDispatch pays through six sandbox operators over HTTP, signed in both directions, each with 20 ms latency and
// 500 calls a second of one order. x-limit is the time taken by what the limits alone allow.
func BenchmarkDispatch(b *testing.B) {
	const envelopes, limit = 24_000, 500
	ctx := context.Background()
	now := func() time.Time { return time.Date(2020, 12, 11, 2, 0, 0, 0, time.UTC) }
	for b.Loop() {
		b.StopTimer()
		key, err := signing.GenerateKey(nil)
		if err != nil {
			b.Fatal(err)
		}
		street, err := sandbox.Start(ctx, sandbox.Options{Seed: 1, Now: now, PlatformKey: &key.PublicKey, Latency: 20 * time.Millisecond})
		if err != nil {
			b.Fatal(err)
		}
		tokens := openWallets(b, street, envelopes)
		s := disbursement.DispatchBench(b, envelopes, now, func(envelope int64) string { return tokens[envelope] })
		for name, url := range street.Banks() {
			s.Operators[name] = limited(b, name, url, street, signing.Signer{Party: disbursement.PlatformParty, Key: key, Now: now}, limit)
		}
		b.StartTimer()
		began := time.Now()
		n, err := s.Dispatch(ctx)
		took := time.Since(began)
		b.StopTimer()
		if err != nil || n != envelopes {
			b.Fatalf("%d orders were dispatched: %v", n, err)
		}
		counts, err := s.Counts(ctx, 7)
		if err != nil || counts.Orders[disbursement.OrderSucceeded] != envelopes {
			b.Fatalf("orders %v, %v", counts.Orders, err)
		}
		if err := street.Close(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(envelopes/took.Seconds(), "orders/s")
		b.ReportMetric(took.Seconds()/(envelopes/float64(len(s.Operators))/limit), "x-limit")
		b.StartTimer()
	}
}

func limited(b *testing.B, name, url string, street *sandbox.Street, signer signing.Signer, limit float64) disbursement.Operator {
	b.Helper()
	public, keys := street.PublicKeys()[name], &signing.Directory{}
	if err := keys.Add(name, signing.PublicKey{Key: public}); err != nil {
		b.Fatal(err)
	}
	operator, err := gateway.New(gateway.Profile{Name: name, URL: url, Signer: signer, Keys: keys, SealKey: public, Rate: limit, Batch: 1})
	if err != nil {
		b.Fatal(err)
	}
	return operator
}

// openWallets opens a wallet for each envelope, from 1, at the bank that the envelope will be at.
func openWallets(b *testing.B, street *sandbox.Street, envelopes int64) map[int64]string {
	b.Helper()
	tokens, mutex, group := make(map[int64]string, envelopes), sync.Mutex{}, sync.WaitGroup{}
	for part := range int64(8) {
		group.Go(func() {
			for id := part + 1; id <= envelopes; id += 8 {
				url := street.Banks()[sandbox.Operators[id%int64(len(sandbox.Operators))]] + "/app/wallets"
				response, err := http.Post(url, "application/json", bytes.NewBufferString(fmt.Sprintf(`{"phone": "139%08d"}`, id)))
				if err != nil {
					b.Error(err)
					return
				}
				var wallet disbursement.Wallet
				err = json.NewDecoder(response.Body).Decode(&wallet)
				response.Body.Close()
				if err != nil || wallet.Token == "" {
					b.Errorf("%d %v", response.StatusCode, err)
					return
				}
				mutex.Lock()
				tokens[id] = wallet.Token
				mutex.Unlock()
			}
		})
	}
	group.Wait()
	return tokens
}
