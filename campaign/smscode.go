package campaign

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/fault"
	"hongbao/internal/identity"
)

// smsWindow is how long a code is good for: its own window and the next.
const smsWindow = 10 * time.Minute

// smsCode is the six digits that prove a phone: a function of phone and window under the campaign's key, never stored.
func smsCode(vault *identity.Vault, phone string, at time.Time) string {
	digest := vault.Index("sms-code", fmt.Sprintf("%s %d", phone, at.Unix()/int64(smsWindow/time.Second)))
	return fmt.Sprintf("%06d", binary.BigEndian.Uint64(digest[:])%1_000_000)
}

// SendCode sends the SMS code of a phone, once a minute and ten times a day at most.
func (s *Service) SendCode(ctx context.Context, slug, phone string) error {
	live, err := s.Live(ctx, slug)
	if err != nil {
		return err
	}
	if err := live.accepts(s.Now()); err != nil {
		return err
	}
	number, err := identity.ParsePhone(numeral(phone))
	if err != nil {
		return err
	}
	vault, err := s.Keys.VaultFor(ctx, live.ID)
	if err != nil {
		return err
	}
	key := *index(vault, "phone", number)
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		for _, l := range []limit{minuteSends, daySends} {
			if _, err := l.use(tx, key, s.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	body := fmt.Sprintf("【%s】登记验证码 %s，%d 分钟内有效。工作人员不会向您索要。", live.Book.City.Name.ZH, smsCode(vault, number, s.Now()), int(smsWindow.Minutes()))
	if err := s.SMS.Send(ctx, number, body); err != nil {
		return fault.New(fault.Unavailable, "sms", "短信暂时无法发送，请稍后再试。", "The SMS cannot be sent right now; please try again shortly.").With(err)
	}
	return nil
}

// coded reports whether an application needs an SMS code. At a branch desk the person stands there, and none is needed.
func (a *application) coded() bool { return a.live.Book.SMSCode && a.desk == "" }

// checkCode accepts the code of this window or the one before. After five wrong ones at all replicas a phone waits for the end of the
// window; whether a right one comes too late for that, the group looks (see screenTries).
func (s *Service) checkCode(ctx context.Context, vault *identity.Vault, a *application, code string) error {
	if !a.coded() {
		return nil
	}
	now, who := s.Now(), *a.row.PhoneIndex
	leave, err := s.tries.enter(attempt{codeTries.what, who}, now)
	if err != nil {
		return err
	}
	defer leave()
	this := subtle.ConstantTimeCompare([]byte(code), []byte(smsCode(vault, a.person.Phone, now)))
	last := subtle.ConstantTimeCompare([]byte(code), []byte(smsCode(vault, a.person.Phone, now.Add(-smsWindow))))
	if this|last == 0 {
		return s.miss(ctx, codeTries, who, errSMSCode)
	}
	return nil
}
