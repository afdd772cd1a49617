package campaign

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"time"

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
	wait := max(s.attempts.take(attempt{"send", key}, s.Now(), 1, time.Minute), s.attempts.take(attempt{"send-day", key}, s.Now(), 10, 24*time.Hour))
	if wait > 0 {
		return errTooManyCodes.After(wait)
	}
	body := fmt.Sprintf("【%s】登记验证码 %s，%d 分钟内有效。工作人员不会向您索要。", live.Book.City.Name.ZH, smsCode(vault, number, s.Now()), int(smsWindow.Minutes()))
	if err := s.SMS.Send(ctx, number, body); err != nil {
		return fault.New(fault.Unavailable, "sms", "短信暂时无法发送，请稍后再试。", "The SMS cannot be sent right now; please try again shortly.").With(err)
	}
	return nil
}

// checkCode accepts the code of this window or the one before. Five wrong ones for a phone wait for the next window. At a
// branch desk the person stands there, and no code is needed.
func (s *Service) checkCode(live *Live, vault *identity.Vault, sub Submission) error {
	if !live.Book.SMSCode || sub.Desk != "" {
		return nil
	}
	phone, err := identity.ParsePhone(numeral(sub.Phone))
	if err != nil {
		return err
	}
	key := attempt{"code", *index(vault, "phone", phone)}
	if wait := s.attempts.take(key, s.Now(), 5, smsWindow); wait > 0 {
		return errTooManyCodes.After(wait)
	}
	now, typed := s.Now(), []byte(sub.SMSCode)
	this := subtle.ConstantTimeCompare(typed, []byte(smsCode(vault, phone, now)))
	last := subtle.ConstantTimeCompare(typed, []byte(smsCode(vault, phone, now.Add(-smsWindow))))
	if this|last == 0 {
		return errSMSCode
	}
	s.attempts.forgive(key)
	return nil
}
