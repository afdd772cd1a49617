package campaign

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/identity"
)

// SMS sends a text to a mobile number of the mainland. It may be asked twice for the same text.
type SMS interface {
	Send(ctx context.Context, phone, body string) error
}

// Stages of a campaign at which people get an official SMS.
const (
	StageConfirm  = "confirm"
	StageWon      = "won"
	StagePromoted = "promoted"
	StageCredited = "credited"
	StageReminder = "reminder" // awarded and not claimed
	StageWallet   = "wallet"   // claimed and no wallet to be found
	StageExpiring = "expiring" // something is left and the end is near
	StageExpired  = "expired"
	StageExcluded = "excluded"
	StageReversed = "appeal-reversed"
	StageUpheld   = "appeal-upheld"
)

// messageTexts are the texts by stage. None holds a link, and none ever will: people are told so. %[1]s is the campaign,
// %[2]s the confirmation code, which stands in the SMS and not in the database.
var messageTexts = map[string]string{
	StageConfirm:  "您已提交%[1]s登记。确认码 %[2]s，请在活动页面输入以完成登记；查询结果时也要用到，请保留。",
	StageWon:      "您在%[1]s中签。请用登记的手机号在数字人民币 App 开立所选运营机构的钱包，并在活动页面领取。",
	StagePromoted: "您在%[1]s候补中签。请尽快在活动页面领取，逾期将由下一位候补。",
	StageCredited: "%[1]s红包已到账，请在数字人民币 App 查看，在活动商户使用。",
	StageReminder: "您在%[1]s中签的红包尚未领取，领取期限将至，请到活动页面查看。",
	StageWallet:   "您已领取%[1]s红包，但所选运营机构还没有您的钱包。请用登记的手机号开立，逾期将递补给他人。",
	StageExpiring: "您在%[1]s的红包还有余额，使用期将至，到期未用的部分退回出资方。",
	StageExcluded: "您在%[1]s的登记经核查未能参加抽签。理由和申诉办法请到活动页面查询。",
	StageReversed: "您就%[1]s提出的申诉成立，您的登记已参加抽签。",
	StageUpheld:   "您就%[1]s提出的申诉未获支持，理由请到活动页面查询。",
	StageExpired:  "%[1]s红包使用期已过，未使用的金额已退回出资方。",
}

// noLink ends every official message.
const noLink = "官方短信不含链接。"

const (
	messageWaiting = "waiting"
	messageSent    = "sent"
	messageFailed  = "failed"
	messageTries   = 5
)

var errStage = fault.Field("stage", "stage", "没有这种短信。", "There is no such message.")

// message is the stored form: the confirmation code is hidden.
func (l *Live) message(registrationID, campaignID int64, stage string, now time.Time) messageRow {
	return messageRow{CampaignID: campaignID, RegistrationID: registrationID, Stage: stage, Status: messageWaiting,
		Body: l.text(stage, "********"), QueuedAt: database.At(now)}
}

func (l *Live) text(stage, code string) string {
	return l.Book.sms(stage, l.NameZH, code)
}

// official is a message as it goes out: with the code, the receiver's code word, and the number under which anybody can ask
// whether it is genuine.
func (l *Live) official(m messageRow, vault *identity.Vault, entry database.Bytes32, codeWord string) string {
	text := strings.TrimSuffix(l.text(m.Stage, confirmationCode(vault, entry)), noLink)
	if codeWord != "" {
		text += "您的暗语：" + codeWord + "。"
	}
	return text + noLink + "编号 " + messageNumber(vault, m.ID) + "。"
}

const (
	messageChunk = 200 // read at a time
	messageRun   = 4000
	messageLanes = 8 // calls to the gateway at once
)

// SendMessages sends what is due in the outbox, a few thousand a run, and says how many went out. A message that five
// attempts could not send has failed. In quiet hours only confirmation codes go out; the rest waits for the morning.
func (s *Service) SendMessages(ctx context.Context) (n int, err error) {
	for seen := 0; seen < messageRun; {
		due, err := dueMessages(s.DB.Read(ctx), s.Now(), messageChunk)
		if err != nil || len(due) == 0 {
			return n, err
		}
		sent, err := s.sendChunk(ctx, due)
		n, seen = n+sent, seen+len(due)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (s *Service) sendChunk(ctx context.Context, due []messageRow) (n int, err error) {
	var group sync.WaitGroup
	var mu sync.Mutex
	for lane := range messageLanes {
		group.Go(func() {
			for i := lane; i < len(due); i += messageLanes {
				sent, problem := s.sendMessage(ctx, due[i])
				mu.Lock()
				if err = errors.Join(err, problem); sent {
					n++
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return n, err
}

func (s *Service) sendMessage(ctx context.Context, m messageRow) (sent bool, err error) {
	live, err := s.live(ctx, m.CampaignID)
	if err != nil {
		return false, err
	}
	if awake := live.Book.Posting().Awake(s.Now()); awake.After(s.Now()) && m.Stage != StageConfirm {
		return false, s.DB.InTx(ctx, func(tx *gorm.DB) error { return postponeMessages(tx, m.CampaignID, awake) })
	}
	to := messageSent
	if err := s.deliver(ctx, m); err != nil {
		s.Log.Warn("sms not sent", "message", m.ID, "error", err)
		if to = messageWaiting; m.Attempts+1 >= messageTries {
			to = messageFailed
		}
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error { return settleMessage(tx, m, to, s.Now()) })
	return to == messageSent, err
}

func (s *Service) deliver(ctx context.Context, m messageRow) error {
	live, vault, row, err := s.opened(ctx, m.RegistrationID)
	if err != nil {
		return err
	}
	contact, err := unseal(vault, row)
	if err != nil {
		return err
	}
	return s.SMS.Send(ctx, contact.Phone, live.official(m, vault, row.Entry, contact.CodeWord))
}
