package disbursement

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/money"
)

const (
	walletChunk   = 200 // phones opened and asked about at a time
	walletCallers = 8   // at one operator
)

// FindWallets looks for the wallets of those who have claimed, at all operators at once. A citizen who has none yet is
// looked for again, less and less often.
func (s *Service) FindWallets(ctx context.Context) (int, error) {
	return s.eachOperator(ctx, 1, s.findChunk)
}

func (s *Service) findChunk(ctx context.Context, name string, operator Operator) (int, error) {
	looking, err := walletless(s.DB.Read(ctx), name, s.now(), walletChunk)
	if err != nil || len(looking) == 0 {
		return 0, err
	}
	phones, err := s.phones(ctx, looking)
	if err != nil {
		return 0, err
	}
	found := make([]Wallet, len(looking))
	var problem error
	var group sync.WaitGroup
	var mutex sync.Mutex
	for start := range walletCallers {
		group.Go(func() {
			for i := start; i < len(looking); i += walletCallers {
				wallet, err := findWallet(ctx, operator, WalletRequest{Phone: phones[looking[i].RegistrationID]})
				mutex.Lock()
				found[i], problem = wallet, errors.Join(problem, err)
				mutex.Unlock()
			}
		})
	}
	group.Wait()
	if problem != nil {
		s.Log.Warn("wallets could not be looked for", "operator", name, "error", problem)
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error { return s.keepWallets(tx, looking, found) })
	return len(looking), err
}

// phones opens the phone numbers for the operators that the citizens chose, and for nobody else.
func (s *Service) phones(ctx context.Context, envelopes []Envelope) (map[int64]string, error) {
	byCampaign := map[int64][]int64{}
	for _, e := range envelopes {
		byCampaign[e.CampaignID] = append(byCampaign[e.CampaignID], e.RegistrationID)
	}
	phones := map[int64]string{}
	for _, ids := range byCampaign {
		contacts, err := s.Campaigns.Contacts(ctx, "system:wallets-find", ids)
		if err != nil {
			return nil, fmt.Errorf("opening contacts: %w", err)
		}
		for _, c := range contacts {
			phones[c.RegistrationID] = c.Phone
		}
	}
	return phones, nil
}

// findWallet gives the wallet, without a token while there is none.
func findWallet(ctx context.Context, operator Operator, r WalletRequest) (Wallet, error) {
	if r == (WalletRequest{}) {
		return Wallet{}, nil
	}
	wallet, err := operator.FindWallet(ctx, r)
	if errors.Is(err, ErrWalletMissing) {
		return Wallet{}, nil
	}
	if err == nil && !isToken(wallet.Token) {
		err = errors.New("disbursement: a wallet token that is none")
	}
	if err != nil {
		return Wallet{}, err
	}
	return wallet, nil
}

func (s *Service) keepWallets(tx *gorm.DB, looking []Envelope, found []Wallet) error {
	later := map[int][]int64{} // by attempts so far
	tokens, tiers, ids := newCases(len(looking)), newCases(len(looking)), []int64{}
	for i, e := range looking {
		if found[i].Token == "" {
			later[e.WalletAttempts] = append(later[e.WalletAttempts], e.ID)
			continue
		}
		tokens.add(e.ID, found[i].Token)
		tiers.add(e.ID, found[i].Tier)
		ids = append(ids, e.ID)
	}
	for _, attempts := range slices.Sorted(maps.Keys(later)) {
		if err := lookLater(tx, later[attempts], s.retryAt(attempts+3)); err != nil { // from 40 s up
			return err
		}
	}
	return setWallets(tx, looking[0].Operator, ids, tokens, tiers, s.now())
}

// SubWalletRow is a sub-wallet that was pushed to a merchant app.
type SubWalletRow struct {
	ID             int64           `json:"id"`
	CampaignID     int64           `json:"-"`
	RegistrationID int64           `json:"-"`
	Operator       string          `json:"operator"`
	App            string          `json:"app"`
	Token          string          `json:"-"` // the app's, not the citizen's
	PerPaymentFen  money.Fen       `json:"per_payment_fen"`
	PerDayFen      money.Fen       `json:"per_day_fen"`
	Status         string          `json:"status"`
	PushedAt       database.Millis `json:"pushed_at"`
	ChangedAt      database.Millis `json:"changed_at"`
}

var errNoWallet = fault.New(fault.Conflict, "wallet-missing", "请先在所选运营机构开立数字人民币钱包。", "Please open a wallet at your operator first.")

// Apps lists the merchant apps that an envelope's operator pushes sub-wallets to, by the rule book.
func (s *Service) Apps(ctx context.Context, e Envelope) ([]campaign.App, error) {
	book, err := s.Campaigns.RuleBook(ctx, e.CampaignID)
	if err != nil {
		return nil, err
	}
	operator, _ := book.Operator(e.Operator)
	apps := []campaign.App{}
	for _, name := range operator.Apps {
		if app, ok := book.App(name); ok {
			apps = append(apps, app)
		}
	}
	return apps, nil
}

// SubWallets lists a registration's sub-wallets, the closed ones as well, newest first.
func (s *Service) SubWallets(ctx context.Context, registrationID int64) ([]SubWalletRow, error) {
	return subWalletsOf(s.DB.Read(ctx), registrationID)
}

// PushSubWallet pushes a sub-wallet to an app with limits per payment and per day in fen. An app outside the matrix of
// the rule book is ErrAppNotServed. Pushing again changes nothing at the operator, so a call that broke off is repeated.
func (s *Service) PushSubWallet(ctx context.Context, registrationID int64, app string, perPayment, perDay money.Fen) (SubWalletRow, error) {
	envelope, operator, err := s.walletOf(ctx, registrationID)
	if err != nil {
		return SubWalletRow{}, err
	}
	apps, err := s.Apps(ctx, envelope)
	if err != nil {
		return SubWalletRow{}, err
	}
	if !slices.ContainsFunc(apps, func(a campaign.App) bool { return a.Name == app }) {
		return SubWalletRow{}, ErrAppNotServed
	}
	if perPayment <= 0 || perDay < perPayment {
		return SubWalletRow{}, ErrSubWalletLimit
	}
	pushed, err := operator.PushSubWallet(ctx, SubWalletRequest{WalletToken: envelope.WalletToken, App: app, PerPaymentFen: perPayment, PerDayFen: perDay})
	if err != nil {
		return SubWalletRow{}, err
	}
	row := SubWalletRow{CampaignID: envelope.CampaignID, RegistrationID: registrationID, Operator: envelope.Operator, App: app, PushedAt: s.now()}
	return s.keepSubWallet(ctx, row, pushed)
}

// SetSubWallet changes limits, pauses (status paused), resumes (active) or closes (closed) a sub-wallet of a registration.
func (s *Service) SetSubWallet(ctx context.Context, registrationID, id int64, status string, perPayment, perDay money.Fen) (SubWalletRow, error) {
	_, operator, err := s.walletOf(ctx, registrationID)
	if err != nil {
		return SubWalletRow{}, err
	}
	row, err := subWalletByID(s.DB.Read(ctx), registrationID, id)
	if err != nil {
		return SubWalletRow{}, err
	}
	var changed SubWallet
	switch {
	case status == SubWalletClosed:
		changed, err = operator.CloseSubWallet(ctx, row.Token)
	case row.Status == SubWalletClosed, status != SubWalletActive && status != SubWalletPaused:
		err = ErrSubWalletMissing
	case perPayment <= 0 || perDay < perPayment:
		err = ErrSubWalletLimit
	default:
		changed, err = operator.SetSubWallet(ctx, SubWalletChange{Token: row.Token, Status: status, PerPaymentFen: perPayment, PerDayFen: perDay})
	}
	if err != nil {
		return SubWalletRow{}, err
	}
	return s.keepSubWallet(ctx, row, changed)
}

func (s *Service) walletOf(ctx context.Context, registrationID int64) (Envelope, Operator, error) {
	envelope, err := s.Of(ctx, registrationID)
	if err != nil {
		return Envelope{}, nil, err
	}
	operator, ok := s.Operators[envelope.Operator]
	if !ok {
		return Envelope{}, nil, fmt.Errorf("disbursement: operator %q is not connected", envelope.Operator)
	}
	if envelope.WalletToken == "" || envelope.Status == Forfeited {
		return Envelope{}, nil, errNoWallet
	}
	return envelope, operator, nil
}

func (s *Service) keepSubWallet(ctx context.Context, row SubWalletRow, at SubWallet) (SubWalletRow, error) {
	row.Token, row.Status, row.PerPaymentFen, row.PerDayFen, row.ChangedAt = at.Token, at.Status, at.PerPaymentFen, at.PerDayFen, s.now()
	if !isToken(row.Token) || row.Token == "" {
		return SubWalletRow{}, errors.New("disbursement: a sub-wallet token that is none")
	}
	err := s.DB.InTx(ctx, func(tx *gorm.DB) (err error) {
		row, err = upsertSubWallet(tx, row)
		return err
	})
	return row, err
}
