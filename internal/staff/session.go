package staff

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"
	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
)

// Limits of signing in.
const (
	SessionLife = 8 * time.Hour // a session ends this long after it began, in use or not
	MaxFailures = 5             // failures in a row that lock an account
	LockTime    = 15 * time.Minute
)

// The answers to a sign-in that fails, and to a token that is not, or no longer, good. A wrong name, a wrong password, a
// wrong code and a disabled account are not told apart.
var (
	ErrSignIn = fault.New(fault.Unauthenticated, "sign-in-failed",
		"用户名、密码或动态口令有误。", "The username, the password or the one-time code is wrong.")
	ErrLocked = fault.New(fault.TooMany, "account-locked",
		"连续登录失败，账户已锁定，请稍后再试。", "Too many failed attempts: the account is locked for a while.")
	ErrNoCode = fault.New(fault.Forbidden, "one-time-code-needed",
		"这个岗位的账号须先绑定动态口令。请联系安全管理员。", "Accounts of this role need one-time codes. Please ask a security administrator.")
	ErrNoSuchSession = fault.New(fault.NotFound, "session-missing", "没有这个登录。", "There is no such session.")
	ErrNoSession     = fault.New(fault.Unauthenticated, "not-signed-in", "请先登录。", "Please sign in first.")
)

// SignIn opens a session and gives its token, of which only a hash is stored. Every attempt counts as failed until it has
// succeeded, so that attempts made at the same time cannot outrun the lock: the fifth in a row locks the account for 15
// minutes. A one-time code is good for one sign-in, in its own 30 seconds or the next or the last.
// Errors are ErrSignIn, ErrLocked, and ErrNoCode for an account without one-time codes whose role needs them.
func (s *Service) SignIn(ctx context.Context, username, password, totp, address string) (token string, account Account, err error) {
	secret, err := readSecrets(s.DB.Read(ctx), username)
	if errors.Is(err, ErrNoAccount) {
		s.waste(password)
		return "", Account{}, ErrSignIn
	}
	if err != nil {
		return "", Account{}, err
	}
	if err := s.attempt(ctx, secret); err != nil {
		return "", Account{}, err
	}
	step, ok, err := s.proves(secret, password, totp)
	if err != nil {
		return "", Account{}, err
	}
	if !ok {
		return "", Account{}, s.refuse(ctx, username, address)
	}
	if s.needsCodes(secret.Role) && len(secret.TOTPSecret) == 0 {
		return "", Account{}, ErrNoCode
	}
	return s.open(ctx, secret, step, address)
}

// waste takes as long as the password of a real account would.
func (s *Service) waste(password string) {
	_, _ = bcrypt.GenerateFromPassword([]byte(password[:min(len(password), 72)]), s.cost())
}

// attempt counts one failure in advance.
func (s *Service) attempt(ctx context.Context, secret secrets) error {
	var counted bool
	err := s.DB.InTx(ctx, func(tx *gorm.DB) (err error) {
		counted, err = countFailure(tx, secret.ID, database.At(s.Now()), database.At(s.Now().Add(LockTime)))
		return err
	})
	if err == nil && !counted {
		err = ErrLocked.After(LockTime)
	}
	return err
}

// proves reports whether password and code are right, and the step of the code.
func (s *Service) proves(secret secrets, password, totp string) (step int64, ok bool, err error) {
	ok = bcrypt.CompareHashAndPassword([]byte(secret.Password), []byte(password)) == nil && secret.Status == active
	if len(secret.TOTPSecret) == 0 {
		return secret.TOTPStep, ok, nil
	}
	key, _, err := s.openSecret(secret)
	if err != nil {
		return 0, false, err
	}
	step, right, err := matchStep(string(key), totp, s.Now())
	return step, ok && right && step > secret.TOTPStep, err
}

// matchStep finds the step around now to which a one-time code belongs.
func matchStep(key, given string, now time.Time) (step int64, ok bool, err error) {
	current := now.Unix() / stepSeconds
	for _, candidate := range []int64{current, current - 1, current + 1} {
		want, err := code(key, candidate)
		if err != nil {
			return 0, false, fmt.Errorf("computing a one-time code: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(strings.TrimSpace(given))) == 1 {
			step, ok = candidate, true
		}
	}
	return step, ok, nil
}

func (s *Service) refuse(ctx context.Context, username, address string) error {
	err := s.DB.InTx(ctx, func(tx *gorm.DB) error {
		return s.record(tx, username, "session.refused", username, map[string]any{"address": address})
	})
	if err != nil {
		return err
	}
	return ErrSignIn
}

func (s *Service) open(ctx context.Context, secret secrets, step int64, address string) (string, Account, error) {
	var random [32]byte
	if _, err := io.ReadFull(s.Random, random[:]); err != nil {
		return "", Account{}, fmt.Errorf("making a session token: %w", err)
	}
	token, now := base64.RawURLEncoding.EncodeToString(random[:]), s.Now()
	err := s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if err := proveOnce(tx, secret, step); err != nil {
			return err
		}
		if err := insertSession(tx, session{hashToken(token), secret.ID, database.At(now), database.At(now.Add(SessionLife)), address}); err != nil {
			return err
		}
		return s.record(tx, secret.Username, "session.opened", secret.Username, map[string]any{"address": address})
	})
	if err != nil {
		return "", Account{}, err
	}
	account := secret.Account
	account.LockedUntil = 0
	return token, account, nil
}

func hashToken(token string) database.Bytes32 { return sha256.Sum256([]byte(token)) }

// Account gives the account behind a session token. The error is ErrNoSession when the session has ended or never was, or
// when the account has been disabled.
func (s *Service) Account(ctx context.Context, token string) (Account, error) {
	return readSession(s.DB.Read(ctx), hashToken(token), database.At(s.Now()))
}

// SignOut ends the session of a token. The error is ErrNoSession when there is none.
func (s *Service) SignOut(ctx context.Context, token string) error {
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		account, err := readSession(tx, hashToken(token), database.At(s.Now()))
		if err != nil {
			return err
		}
		if err := deleteSession(tx, hashToken(token)); err != nil {
			return err
		}
		return s.record(tx, account.Username, "session.closed", account.Username, nil)
	})
}

// Session is an open session as its owner, or a security administrator, sees it. ID is the token's hash: it names the session and
// opens nothing.
type Session struct {
	TokenHash database.Bytes32
	Username  string
	Name      string
	Role      Role
	CreatedAt database.Millis
	ExpiresAt database.Millis
	Address   string
}

// ID names the session.
func (s Session) ID() string { return hex.EncodeToString(s.TokenHash[:]) }

// SessionID names the session of a token.
func SessionID(token string) string { return Session{TokenHash: hashToken(token)}.ID() }

// Sessions lists the open sessions of an account, or of all accounts when username is "", the newest first.
func (s *Service) Sessions(ctx context.Context, username string) ([]Session, error) {
	return listSessions(s.DB.Read(ctx), username, database.At(s.Now()))
}

// RevokeSession ends an open session of an account; of any account when username is "". The error is ErrNoSuchSession when there
// is none.
func (s *Service) RevokeSession(ctx context.Context, actor, username, id string) error {
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		open, err := listSessions(tx, username, database.At(s.Now()))
		if err != nil {
			return err
		}
		i := slices.IndexFunc(open, func(one Session) bool { return one.ID() == id })
		if i < 0 {
			return ErrNoSuchSession
		}
		if err := deleteSession(tx, open[i].TokenHash); err != nil {
			return err
		}
		return s.record(tx, actor, "session.revoked", open[i].Username, map[string]any{"address": open[i].Address})
	})
}
