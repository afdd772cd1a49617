// Package disbursement is the money: envelopes for the winners, the orders with which operator banks credit wallets and
// take back what is unspent, what the operators tell of spending, and the ledger in which every fen stands.
//
// What always holds: a status changes only by a guarded update, and its posting stands in the same transaction. No
// transaction is open while an operator is called. The number of an order is made before the first call and never used
// for anything else; what an operator has not clearly answered is unknown, and is asked again until it is settled.
package disbursement

import (
	"context"
	"io"
	"log/slog"
	"time"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/money"
	"hongbao/internal/signing"
	"hongbao/internal/staff"
	"hongbao/lottery"
)

// Campaigns is what this room asks of campaign.Service.
type Campaigns interface {
	Get(ctx context.Context, id int64) (campaign.Campaign, error)
	BySlug(ctx context.Context, slug string) (campaign.Campaign, error)
	RuleBook(ctx context.Context, id int64) (*campaign.RuleBook, error)
	Registrants(ctx context.Context, ids []int64) ([]campaign.Registrant, error)
	Contacts(ctx context.Context, actor string, ids []int64) ([]campaign.Contact, error)
	Acquirers(ctx context.Context, campaignID int64) (map[string]string, error)
	Admit(ctx context.Context, p campaign.Purchase) (limit money.Fen, err error)
	Notify(tx *gorm.DB, campaignID int64, stage string, from time.Time, registrationIDs ...int64) error
	MarkSettled(tx *gorm.DB, id int64) error
	MerchantNames(ctx context.Context, campaignID int64, numbers []string) (map[string]string, error)
	ByDocument(ctx context.Context, actor string, campaignID int64, document string) (campaign.Masked, error)
	HandOutCode(ctx context.Context, campaignID, registrationID int64) (string, error)
	CodeOf(ctx context.Context, campaignID, registrationID int64) (string, error)
	CodeCounts(ctx context.Context, campaignID int64) (campaign.CodeCounts, error)
}

// Lottery is what this room asks of lottery.Service.
type Lottery interface {
	Published(ctx context.Context) ([]lottery.Draw, error)
	Winners(ctx context.Context, drawID, after int64, limit int) ([]lottery.Winner, error)
	Promote(ctx context.Context, tx *gorm.DB, campaignID int64, old [32]byte, reason string) (registrationID int64, ok bool, err error)
}

// Approvals is what this room asks of staff.Service: a second person's decision.
type Approvals interface {
	Request(tx *gorm.DB, a staff.Approval) (id int64, err error)
	Handle(kind string, h staff.Handler)
	HandleRejected(kind string, h staff.Handler)
}

// Service holds the envelopes and the money. All fields are required, save Parties and Seals.
type Service struct {
	DB        *database.DB
	Campaigns Campaigns
	Lottery   Lottery
	Staff     Approvals
	Operators map[string]Operator                       // by name
	Parties   map[string]string                         // who signs for an operator that is behind an access point, by the operator's name; may be nil
	Seals     map[string]signing.PublicKey              // to which files for an operator are sealed, by its name; may be nil
	LogKey    func(city string) (lottery.LogKey, error) // signs the close-out certificate
	PublicURL string                                    // how the public reaches us, for the QR code of a certificate
	Signer    *signing.Signer                           // signs our answers to operators
	Verifier  *signing.Verifier                         // believes their messages
	Now       func() time.Time
	Random    io.Reader // order numbers, leases, jitter
	Log       *slog.Logger
}

// Jobs lists the recurring work of this room. Each run is bounded, may be repeated, and may run in several processes.
func (s *Service) Jobs() []database.Job {
	return []database.Job{
		{Name: "envelopes-award", ZH: "为中签者建立红包", Schedule: "*/5 * * * *", Run: s.AwardDue},
		{Name: "wallets-find", ZH: "向运营机构查找中签者的钱包", Schedule: "* * * * *", Run: s.FindWallets},
		{Name: "claim-deadline", ZH: "收回逾期未领取的红包并递补", Schedule: "*/5 * * * *", Run: s.ClaimDeadline},
		{Name: "winners-remind", ZH: "到账通知与到期前提醒", Schedule: "*/5 * * * *", Run: s.RemindDue},
		{Name: "misuse-detect", ZH: "按规则从消费中找出疑似套现", Schedule: "*/10 * * * *", Run: s.DetectMisuse},
		{Name: "orders-dispatch", ZH: "向运营机构发送已批准的指令", Schedule: "* * * * *", Run: s.Dispatch},
		{Name: "orders-resolve", ZH: "向运营机构追问未决的指令", Schedule: "* * * * *", Run: s.Resolve},
		{Name: "envelopes-expire", ZH: "到期停用红包并准备收回", Schedule: "*/5 * * * *", Run: s.Expire},
		{Name: "statements-reconcile", ZH: "取运营机构日对账单并三方核对", Schedule: "30 9-20 * * *", Run: s.Reconcile},
		{Name: "winners-make", ZH: "编制运营机构的中签名单文件", Schedule: "*/5 * * * *", Run: s.MakeWinnerFiles},
		{Name: "settlements-make", ZH: "编制商户前一日结算单", Schedule: "15 2 * * *", Run: s.MakeSettlements},
	}
}

func (s *Service) now() database.Millis { return database.At(s.Now()) }
