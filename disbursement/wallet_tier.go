package disbursement

import (
	"fmt"
	"time"

	"hongbao/campaign"
	"hongbao/internal/money"
	"hongbao/internal/web"
)

// WalletLimits are what a tier of wallet may hold, pay at once and pay in a day, in fen. 0 is no limit.
type WalletLimits struct {
	Balance, Payment, Day money.Fen
}

// WalletTiers is the dated table of wallet tiers: those of the first pilots, and those since. Each holds from its moment on;
// index 0 is tier 1, the strongest identity, and index 3 is tier 4, a phone number alone.
var WalletTiers = []struct {
	From  time.Time
	Tiers [4]WalletLimits
}{
	{time.Time{}, [4]WalletLimits{
		{500_000 * money.Yuan, 50_000 * money.Yuan, 100_000 * money.Yuan}, {10_000 * money.Yuan, 5_000 * money.Yuan, 10_000 * money.Yuan},
		{2_000 * money.Yuan, 2_000 * money.Yuan, 2_000 * money.Yuan}, {1_000 * money.Yuan, 500 * money.Yuan, 1_000 * money.Yuan}}},
	{time.Date(2021, 1, 1, 0, 0, 0, 0, campaign.Shanghai), [4]WalletLimits{
		{0, 50_000 * money.Yuan, 100_000 * money.Yuan}, {500_000 * money.Yuan, 50_000 * money.Yuan, 100_000 * money.Yuan},
		{20_000 * money.Yuan, 5_000 * money.Yuan, 10_000 * money.Yuan}, {10_000 * money.Yuan, 2_000 * money.Yuan, 5_000 * money.Yuan}}},
}

// LimitsOf gives the limits of a tier (1 to 4) at a moment.
func LimitsOf(tier int, at time.Time) WalletLimits {
	i := len(WalletTiers) - 1
	for at.Before(WalletTiers[i].From) {
		i--
	}
	return WalletTiers[i].Tiers[tier-1]
}

// refusalWords say why an operator could not credit an envelope, and what to do about it. A reason that is not here is shown
// as the operator's own.
var refusalWords = map[string]campaign.Text{
	ReasonWalletMissing:  {ZH: "运营机构找不到您的钱包。请确认钱包是用登记的手机号开立、没有注销。", EN: "The operator finds no wallet of yours. Please make sure that it was opened with the registered phone and is not closed."},
	ReasonNotDelivered:   {ZH: "钱包退回了这笔红包。请确认钱包状态正常，款项会重新发放。", EN: "The wallet sent the money back. Please make sure that it is in good standing; the money will be sent again."},
	ReasonContentDiffers: {ZH: "运营机构没有受理，工作人员正在处理。您不需要做什么。", EN: "The operator did not take the order; staff are on it. There is nothing for you to do."},
	ReasonCouponUsed:     {ZH: "运营机构称该红包已入账，工作人员正在核实。您不需要做什么。", EN: "The operator says that the envelope is credited already; staff are on it. There is nothing for you to do."},
	ReasonMalformed:      {ZH: "运营机构没有受理，工作人员正在处理。您不需要做什么。", EN: "The operator did not take the order; staff are on it. There is nothing for you to do."},
	"expired":            {ZH: "红包在入账前已到期，款项退回出资方。", EN: "The envelope expired before it could be credited; the money goes back to its source."},
}

// RefusalText says in plain words why a credit was refused: for a limit of the wallet, with what the tier holds by the table
// of the day.
func RefusalText(reason string, tier int, at time.Time) campaign.Text {
	if reason != ReasonBalanceLimit {
		if known, ok := refusalWords[reason]; ok {
			return known
		}
		return campaign.Text{ZH: "运营机构没有受理：" + reason, EN: "The operator did not take the order: " + reason}
	}
	holds := campaign.Text{}
	if tier >= 1 && tier <= 4 {
		if limit := LimitsOf(tier, at).Balance; limit > 0 {
			holds = campaign.Text{ZH: fmt.Sprintf("您的钱包是第%s类，最多存 %s 元。", []string{"一", "二", "三", "四"}[tier-1], web.Yuan(limit)),
				EN: fmt.Sprintf("Yours is a wallet of tier %d, which holds at most %s yuan. ", tier, web.Yuan(limit))}
		}
	}
	return campaign.Text{ZH: "红包加上钱包里的余额超过了钱包的限额，没有入账。" + holds.ZH + "请在数字人民币 App 升级钱包，或先用掉、转出一部分余额；之后会重新发放。",
		EN: "With what the wallet holds, the envelope exceeds the wallet's limit and was not credited. " + holds.EN + "Please upgrade the wallet in the e-CNY app, or spend or move some of what it holds; the money will then be sent again."}
}
