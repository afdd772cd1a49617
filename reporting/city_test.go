package reporting

import (
	"context"
	"fmt"
	"testing"
)

// Every cut of the city's figures comes to what the ledger says was spent, and a row that the ledger lacks is seen.
func TestCityFiguresAddUp(t *testing.T) {
	withOffice(t, func(o *office) {
		ctx := context.Background()
		exec := func(statement string) {
			o.t.Helper()
			_, err := o.DB.SQL().Exec(statement)
			must(o.t, err)
		}
		event := func(id int, kind, merchant, scenario, operator string, envelope, own int, at int64) {
			exec(fmt.Sprintf(`INSERT INTO spending_events (id, operator, event_no, body_hash, kind, payment_no, refund_no, envelope_id, campaign_id, merchant_no, pay_mode, scenario, app, amount_fen,
				envelope_fen, wallet_fen, card_fen, delivery_district, self_operated, device, occurred_at, received_at, origin)
				VALUES (%d, '%s', 'E%d', '01234567890123456789012345678901', '%s', 'P%d', '', 9, 1, '%s', 'tap', '%s', '', %d, %d, %d, 0, '', 0, '', %d, 1, 'callback')`,
				id, operator, id, kind, id, merchant, scenario, envelope+own, envelope, own, at))
		}
		const noon, evening = 1607745600000, 1607774400000 // 12:00 and 20:00 of 12 December 2020 in Shanghai
		event(1, "payment", "SZ-0001", "in-store", "icbc", 15000, 5000, noon)
		event(2, "payment", "SZ-ON01", "online-self-operated", "boc", 8000, 0, evening)
		event(3, "refund", "SZ-0001", "in-store", "icbc", 1000, 5000, evening)
		exec(`INSERT INTO ledger_accounts (id, campaign_id, source, operator, kind, balance_fen) VALUES (1, 1, 'city', 'icbc', 'spent', 22000)`)
		exec(`INSERT INTO ledger_transactions (id, campaign_id, ref, kind, at) VALUES (1, 1, 'x', 'payment', 1)`)
		exec(`INSERT INTO ledger_postings (id, transaction_id, account_id, envelope_id, amount_fen) VALUES (1, 1, 1, 9, 22000)`)
		f, err := o.CityFigures(ctx, o.id)
		must(o.t, err)
		if !f.AddsUp || f.SpentFen != 22000 || f.OnlineFen != 8000 || f.OfflineFen != 14000 || f.OwnFen != 0 || f.Payments != 2 || len(f.Cuts) != len(cityCuts) {
			o.t.Errorf("%+v", f)
		}
		hours := f.Cuts[len(f.Cuts)-1]
		if hours.By != "hour" || len(hours.Rows) != 2 || hours.Rows[0].Code != "12" || hours.Rows[1].Code != "20" || hours.Rows[1].EnvelopeFen != 7000 {
			o.t.Errorf("%+v", hours)
		}
		event(4, "payment", "SZ-0001", "in-store", "icbc", 1, 0, noon)
		if f, err = o.CityFigures(ctx, o.id); err != nil || f.AddsUp {
			o.t.Errorf("a fen that the ledger lacks is not seen: %+v, %v", f, err)
		}
	})
}
