package disbursement

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"hongbao/internal/fault"
	"hongbao/internal/identity"
)

// Why an operator cannot be changed, or a desk cannot claim.
var (
	errOperatorChoice = fault.Field("operator", "operator-choice", "请选择本次活动的另一家运营机构。", "Please choose another operator of this campaign.")
	errOperatorLate   = fault.New(fault.Conflict, "operator-late", "钱包已找到或已发放，不能再更换运营机构。", "The wallet is found or the money is on its way; the operator can no longer change.")
	errDeskChecked    = fault.Field("checked", "desk-checked", "请先核对证件原件。", "Please check the original document first.")
	errDeskProxy      = fault.Field("proxy_document", "desk-proxy", "代办人姓名和证件号码不完整或有误。", "The proxy's name or document number is missing or wrong.")
	errDeskCard       = fault.Field("card", "desk-card", "硬钱包卡号应为 16 到 19 位数字。", "A hard wallet's card number has 16 to 19 digits.")
)

// ChangeOperator lets a winner be credited at another operator of the campaign, as long as no wallet has been found.
// Choosing the same again is no error.
func (s *Service) ChangeOperator(ctx context.Context, registrationID int64, operator string) (Envelope, error) {
	e, err := s.Of(ctx, registrationID)
	if err != nil {
		return Envelope{}, err
	}
	book, err := s.Campaigns.RuleBook(ctx, e.CampaignID)
	if err != nil {
		return Envelope{}, err
	}
	if _, ok := book.Operator(operator); !ok {
		return Envelope{}, errOperatorChoice
	}
	if e.Operator == operator {
		return e, nil
	}
	if e.Status != Awarded && e.Status != Claimed || e.WalletToken != "" {
		return Envelope{}, errOperatorLate
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if err := switchOperator(tx, e, operator, s.now()); err != nil {
			return err
		}
		return s.audited(tx, "citizen", "envelope.operator", book.ID, e.CouponID, map[string]any{"from": e.Operator, "to": operator})
	})
	if fault.KindOf(err) == fault.Conflict {
		return Envelope{}, errOperatorLate.With(err)
	}
	if err != nil {
		return Envelope{}, err
	}
	return s.Of(ctx, registrationID)
}

// DeskClaim is a claim at an operator's branch: for a winner who comes in person, or for one whose proxy brings the winner's
// document. The desk says that it has seen the originals.
type DeskClaim struct {
	Document      string // the winner's number, as on the card that lies on the desk
	Checked       bool
	ProxyName     string // "" when the winner comes in person
	ProxyDocument string
	Card          string // number of a hard wallet handed out at the branch; "" for the wallet of the winner's phone
}

// ClaimAtDesk claims the envelope of the person whose document it is, on the record with who stood at the desk, masked. With
// a hard wallet the operator is asked for it at once, and the envelope will be credited to it.
func (s *Service) ClaimAtDesk(ctx context.Context, actor string, campaignID int64, d DeskClaim) (Envelope, error) {
	detail, err := d.detail()
	if err != nil {
		return Envelope{}, err
	}
	who, err := s.Campaigns.ByDocument(ctx, actor, campaignID, d.Document)
	if err != nil {
		return Envelope{}, err
	}
	e, err := s.Claim(ctx, who.ID)
	if err != nil {
		return Envelope{}, err
	}
	wallet := Wallet{}
	if d.Card != "" {
		if wallet, err = s.hardWallet(ctx, e, d.Card); err != nil {
			return Envelope{}, err
		}
	}
	book, err := s.Campaigns.RuleBook(ctx, campaignID)
	if err != nil {
		return Envelope{}, err
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if wallet.Token != "" {
			if err := giveHardWallet(tx, e, wallet, s.now()); err != nil {
				return err
			}
		}
		return s.audited(tx, actor, "envelope.desk-claim", book.ID, e.CouponID, detail)
	})
	if err != nil {
		return Envelope{}, err
	}
	return s.Of(ctx, who.ID)
}

// detail is what the record keeps of who stood at the desk.
func (d DeskClaim) detail() (map[string]any, error) {
	if !d.Checked {
		return nil, errDeskChecked
	}
	detail := map[string]any{"came": "winner"}
	if d.ProxyName != "" || d.ProxyDocument != "" {
		document, err := identity.ParseDocument("", d.ProxyDocument)
		if err != nil || strings.TrimSpace(d.ProxyName) == "" {
			return nil, errDeskProxy.With(err)
		}
		detail = map[string]any{"came": "proxy", "proxy": identity.MaskName(d.ProxyName), "proxy_document": identity.MaskID(document.Number)}
	}
	if d.Card != "" {
		if len(d.Card) < 16 || len(d.Card) > 19 || strings.Trim(d.Card, "0123456789") != "" {
			return nil, errDeskCard
		}
		detail["hard_wallet"] = "…" + d.Card[len(d.Card)-4:]
	}
	return detail, nil
}

// hardWallet asks the envelope's operator for the wallet of a card.
func (s *Service) hardWallet(ctx context.Context, e Envelope, card string) (Wallet, error) {
	operator, ok := s.Operators[e.Operator]
	if !ok {
		return Wallet{}, fmt.Errorf("disbursement: operator %q is not connected", e.Operator)
	}
	wallet, err := findWallet(ctx, operator, WalletRequest{Card: card})
	if err == nil && wallet.Token == "" {
		err = ErrWalletMissing
	}
	if err == nil && !wallet.Hard {
		err = errDeskCard.With(errors.New("the operator says that it is no hard wallet"))
	}
	return wallet, err
}

var errCodeEarly = fault.New(fault.Conflict, "code-not-won", "领取红包后才能取得兑换码。", "A code is for who has claimed an envelope.")

// Code hands the winner's own scarce code out: the same one whenever asked.
func (s *Service) Code(ctx context.Context, registrationID int64) (string, error) {
	e, err := s.Of(ctx, registrationID)
	if err != nil {
		return "", err
	}
	if e.Status != Claimed && e.Status != Ordered && e.Status != Credited {
		return "", errCodeEarly
	}
	return s.Campaigns.HandOutCode(ctx, e.CampaignID, registrationID)
}
