package staff

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
	"golang.org/x/crypto/bcrypt"
	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/identity"
)

// Service is the staff room.
type Service struct {
	DB       *database.DB
	Vault    *identity.Vault // seals the secrets of the one-time codes
	Previous *identity.Vault // opens those that a rotation of the master key has not reached yet; nil otherwise
	Now      func() time.Time
	Random   io.Reader // crypto/rand.Reader
	Cost     int       // of bcrypt; 0 stands for 12, tests take bcrypt.MinCost

	WithoutCodes bool // every role may sign in by password alone: only where no money is real, as in the demo

	approved, rejected map[string]Handler
}

// The statuses of an account.
const (
	active   = "active"
	disabled = "disabled"
)

// AllCities is the city of an account that serves every city.
const AllCities = "*"

// Account is a member of staff. It is active until it is disabled; it is never deleted, since the record names it.
type Account struct {
	ID          int64           `json:"id"`
	Username    string          `json:"username"`
	Name        string          `json:"name"`
	City        string          `json:"city"` // a city's code, or AllCities
	Role        Role            `json:"role"`
	Status      string          `json:"status"` // active or disabled
	LockedUntil database.Millis `json:"locked_until" gorm:"column:locked_until_at"`
	CreatedAt   database.Millis `json:"created_at" gorm:"autoCreateTime:false"`
}

// Sees reports whether the account serves the city with this code; every account sees what belongs to no city ("").
func (a Account) Sees(city string) bool { return a.City == AllCities || city == "" || a.City == city }

// NewAccount is what it takes to make an account.
type NewAccount struct {
	Username, Name, City string
	Role                 Role
	Password             string
	TOTPSecret           string // base32, as NewSecret makes it; "" for an account that signs in by password alone, whose role needs no codes
}

// The reasons why an account is refused.
var (
	ErrUsername = fault.Field("username", "username",
		"用户名应为2至32位小写字母、数字、点、横线或下划线。", "A username has 2 to 32 lower-case letters, digits, dots, hyphens or underscores.")
	ErrUsernameTaken = fault.Field("username", "username-taken", "该用户名已被使用。", "This username is taken.")
	ErrName          = fault.Field("name", "name", "请填写姓名（不超过64字）。", "Please give a name of at most 64 characters.")
	ErrRole          = fault.Field("role", "role", "没有这个岗位。", "There is no such role.")
	ErrCity          = fault.Field("city", "city", "城市代码有误。", "This is not the code of a city.")
	ErrPassword      = fault.Field("password", "password",
		"密码应为10至72个字节，且不得包含用户名。", "A password has 10 to 72 bytes and does not contain the username.")
	ErrNoSecret  = fault.Field("totp_secret", "totp-secret-needed", "这个岗位须绑定动态口令。", "This role needs the secret of one-time codes.")
	ErrSecret    = fault.Field("totp_secret", "totp-secret", "动态口令密钥有误。", "The secret of the one-time code is not valid.")
	ErrNoAccount = fault.New(fault.NotFound, "account-missing", "没有这个账户。", "There is no such account.")
)

var (
	usernamePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,31}$`)
	cityPattern     = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
)

// NewSecret makes a secret for one-time codes (RFC 6238: SHA-1, 6 digits, 30 seconds) in base32, and the otpauth URL from
// which an authenticator takes it.
func (s *Service) NewSecret(username string) (secret, url string, err error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "hongbao", AccountName: username, SecretSize: 20, Rand: s.Random})
	if err != nil {
		return "", "", fmt.Errorf("making a one-time code secret: %w", err)
	}
	return key.Secret(), key.URL(), nil
}

// AddAccount makes an account; actor is who makes it, for the record. A mistake is a fault of its field.
func (s *Service) AddAccount(ctx context.Context, actor string, a NewAccount) (Account, error) {
	if err := s.check(a); err != nil {
		return Account{}, err
	}
	hash, err := s.hash(a.Password)
	if err != nil {
		return Account{}, err
	}
	account := Account{Username: a.Username, Name: a.Name, City: a.City, Role: a.Role, Status: active, CreatedAt: database.At(s.Now())}
	secret := []byte{}
	if a.TOTPSecret != "" {
		secret = s.Vault.Seal([]byte(a.TOTPSecret), secretBinding(a.Username))
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if account.ID, err = insertAccount(tx, account, hash, secret); err != nil {
			return err
		}
		return s.record(tx, actor, "account.added", account.Username, map[string]any{"role": a.Role, "city": a.City})
	})
	if database.IsDuplicate(err) {
		return Account{}, ErrUsernameTaken
	}
	return account, err
}

func (s *Service) check(a NewAccount) error {
	switch {
	case !usernamePattern.MatchString(a.Username):
		return ErrUsername
	case a.Name == "" || len([]rune(a.Name)) > 64:
		return ErrName
	case !slices.Contains(Roles, a.Role):
		return ErrRole
	case a.City != AllCities && !cityPattern.MatchString(a.City):
		return ErrCity
	case !goodPassword(a.Username, a.Password):
		return ErrPassword
	case s.needsCodes(a.Role) && a.TOTPSecret == "":
		return ErrNoSecret
	}
	if a.TOTPSecret != "" {
		if _, err := code(a.TOTPSecret, 1); err != nil {
			return ErrSecret
		}
	}
	return nil
}

func (s *Service) needsCodes(r Role) bool { return r.NeedsCodes() && !s.WithoutCodes }

func goodPassword(username, password string) bool {
	return len(password) >= 10 && len(password) <= 72 && !strings.Contains(strings.ToLower(password), username)
}

// SetPassword gives an account another password, lifts a lock and ends all its sessions.
func (s *Service) SetPassword(ctx context.Context, actor string, id int64, password string) error {
	return s.change(ctx, actor, id, "account.password-set", func(tx *gorm.DB, a Account) error {
		if !goodPassword(a.Username, password) {
			return ErrPassword
		}
		hash, err := s.hash(password)
		if err != nil {
			return err
		}
		return updateAccount(tx, id, map[string]any{"password": hash, "failed": 0, "locked_until_at": 0})
	})
}

// Renew gives an account another password and another secret of one-time codes, lifts a lock and ends all its sessions. The secret
// and the URL from which an authenticator takes it are to be shown once. It is for who has lost theirs, and for an account that
// never had codes and whose role needs them.
func (s *Service) Renew(ctx context.Context, actor string, a Account, password string) (secret, url string, err error) {
	if secret, url, err = s.NewSecret(a.Username); err != nil {
		return "", "", err
	}
	err = s.change(ctx, actor, a.ID, "account.renewed", func(tx *gorm.DB, a Account) error {
		if !goodPassword(a.Username, password) {
			return ErrPassword
		}
		hash, err := s.hash(password)
		if err != nil {
			return err
		}
		return updateAccount(tx, a.ID, map[string]any{"password": hash, "totp_secret": s.Vault.Seal([]byte(secret), secretBinding(a.Username)), "totp_step": 0,
			"failed": 0, "locked_until_at": 0})
	})
	return secret, url, err
}

// Disable closes an account and ends all its sessions.
func (s *Service) Disable(ctx context.Context, actor string, id int64) error {
	return s.change(ctx, actor, id, "account.disabled", func(tx *gorm.DB, _ Account) error {
		return database.Advance(tx, "accounts", id, active, disabled, nil)
	})
}

// Enable opens a disabled account again.
func (s *Service) Enable(ctx context.Context, actor string, id int64) error {
	return s.change(ctx, actor, id, "account.enabled", func(tx *gorm.DB, _ Account) error {
		return database.Advance(tx, "accounts", id, disabled, active, nil)
	})
}

func (s *Service) change(ctx context.Context, actor string, id int64, action string, work func(*gorm.DB, Account) error) error {
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		account, err := readAccount(tx, id)
		if err != nil {
			return err
		}
		if err := work(tx, account); err != nil {
			return err
		}
		if err := deleteSessions(tx, id); err != nil {
			return err
		}
		return s.record(tx, actor, action, account.Username, nil)
	})
}

// Accounts lists all accounts by username.
func (s *Service) Accounts(ctx context.Context) ([]Account, error) {
	return listAccounts(s.DB.Read(ctx))
}

func (s *Service) record(tx *gorm.DB, actor, action, subject string, detail any) error {
	return audit.Record(tx, audit.Entry{At: s.Now(), Actor: actor, Action: action, Subject: subject, Detail: detail})
}

func (s *Service) hash(password string) (string, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), s.cost())
	if err != nil {
		return "", fmt.Errorf("hashing a password: %w", err)
	}
	return string(hash), nil
}

func (s *Service) cost() int {
	if s.Cost == 0 {
		return 12
	}
	return s.Cost
}

// code is the one-time code of a 30-second step since 1970.
func code(secret string, step int64) (string, error) {
	return totp.GenerateCodeCustom(secret, time.Unix(step*stepSeconds, 0), totp.ValidateOpts{
		Period: stepSeconds, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
}

const stepSeconds = 30

// secretBinding ties a sealed secret to its account.
func secretBinding(username string) []byte { return []byte("totp secret of " + username) }
