package staff

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
)

// TokenScopes are the permissions that a program may hold: it reads and orders reports, and decides nothing.
var TokenScopes = []Permission{ReportsDownload, ReportsMake, AuditView, RegistrationsView}

// Limits of tokens.
const (
	MaxTokenLife  = 366 * 24 * time.Hour
	MaxTokens     = 20 // in force, of one account
	tokenPrefix   = "hbt_"
	tokenUseNoted = time.Minute // how exactly the last use is known
)

// Token lets a program act for an account within scopes, until it expires or is revoked. The token itself is told once;
// only its hash is stored. It is worth nothing while its account is disabled, and never more than its account.
type Token struct {
	ID         int64           `json:"id"`
	Username   string          `json:"username"` // of its account
	Name       string          `json:"name"`     // what it is for
	City       string          `json:"city"`     // a city's code, or AllCities
	Scopes     []Permission    `json:"scopes"`
	MadeBy     string          `json:"made_by"`
	CreatedAt  database.Millis `json:"created_at"`
	ExpiresAt  database.Millis `json:"expires_at"`
	LastUsedAt database.Millis `json:"last_used_at"` // to the minute
	RevokedAt  database.Millis `json:"revoked_at"`
	RevokedBy  string          `json:"revoked_by,omitempty"`
}

// Status is active, expired or revoked.
func (t Token) Status(now time.Time) string {
	switch {
	case t.RevokedAt != 0:
		return "revoked"
	case database.At(now) >= t.ExpiresAt:
		return "expired"
	}
	return active
}

// NewToken is what it takes to make a token. An empty City stands for the account's own.
type NewToken struct {
	Username, Name, City string
	Scopes               []Permission
	Life                 time.Duration
}

// The reasons why a token is refused.
var (
	ErrTokenName   = fault.Field("name", "token-name", "请写明令牌的用途（不超过64字）。", "Please say what the token is for, in at most 64 characters.")
	ErrTokenScopes = fault.Field("scopes", "token-scopes", "请至少选择一项该岗位拥有的只读权限。", "Choose at least one scope, and only those that a token may have and the role holds.")
	ErrTokenLife   = fault.Field("days", "token-life", "有效期应为1到366天。", "A token is valid for 1 to 366 days.")
	ErrTokenCity   = fault.Field("city", "token-city", "令牌的城市不能超出账号的城市。", "A token does not reach beyond its account's city.")
	ErrManyTokens  = fault.New(fault.Conflict, "token-count", "该账号的有效令牌已达上限，请先撤销不用的令牌。", "The account has as many tokens as it may; revoke one that is not used.")
	ErrNoToken     = fault.New(fault.NotFound, "token-missing", "没有这个令牌。", "There is no such token.")
	ErrToken       = fault.New(fault.Unauthenticated, "token-refused", "令牌无效、已过期或已撤销。", "The token is not valid, has expired or was revoked.")
)

// IsToken tells an API token from a session's.
func IsToken(text string) bool { return strings.HasPrefix(text, tokenPrefix) }

// IssueToken makes a token for an account; actor is who makes it. The text is not kept and cannot be shown again.
func (s *Service) IssueToken(ctx context.Context, actor string, n NewToken) (text string, made Token, err error) {
	owner, err := readSecrets(s.DB.Read(ctx), n.Username)
	if err != nil {
		return "", Token{}, err
	}
	if n.City == "" {
		n.City = owner.City
	}
	if err := checkToken(owner.Account, n); err != nil {
		return "", Token{}, err
	}
	var random [32]byte
	if _, err := io.ReadFull(s.Random, random[:]); err != nil {
		return "", Token{}, fmt.Errorf("making a token: %w", err)
	}
	text, now := tokenPrefix+base64.RawURLEncoding.EncodeToString(random[:]), s.Now()
	slices.Sort(n.Scopes)
	made = Token{Username: owner.Username, Name: n.Name, City: n.City, Scopes: slices.Compact(n.Scopes), MadeBy: actor,
		CreatedAt: database.At(now), ExpiresAt: database.At(now.Add(n.Life))}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if n, err := countTokens(tx, owner.ID, made.CreatedAt); err != nil || n >= MaxTokens {
			return errors.Join(err, ErrManyTokens)
		}
		if made.ID, err = insertToken(tx, owner.ID, made, hashToken(text)); err != nil {
			return err
		}
		return s.record(tx, actor, "token.issued", tokenSubject(made), map[string]any{"scopes": made.Scopes, "city": made.City, "expires_at": made.ExpiresAt})
	})
	if err != nil {
		return "", Token{}, err
	}
	return text, made, nil
}

func tokenSubject(t Token) string { return fmt.Sprintf("token %d of %s", t.ID, t.Username) }

func checkToken(owner Account, n NewToken) error {
	switch {
	case n.Name == "" || utf8.RuneCountInString(n.Name) > 64:
		return ErrTokenName
	case len(n.Scopes) == 0 || slices.ContainsFunc(n.Scopes, func(p Permission) bool { return !slices.Contains(TokenScopes, p) || !owner.Role.May(p) }):
		return ErrTokenScopes
	case n.Life < 24*time.Hour || n.Life > MaxTokenLife:
		return ErrTokenLife
	case n.City != owner.City && owner.City != AllCities || n.City != AllCities && !cityPattern.MatchString(n.City):
		return ErrTokenCity
	}
	return nil
}

// TokenAccount gives the account behind a token, with the token's city for its own, and the scopes. The error is ErrToken
// when the token does not open anything, whatever the reason.
func (s *Service) TokenAccount(ctx context.Context, text string) (Account, []Permission, error) {
	now := database.At(s.Now())
	account, t, err := readToken(s.DB.Read(ctx), hashToken(text), now)
	if err != nil {
		return Account{}, nil, err
	}
	if t.LastUsedAt+database.Millis(tokenUseNoted.Milliseconds()) <= now {
		err = s.DB.InTx(ctx, func(tx *gorm.DB) error { return noteTokenUse(tx, t.ID, now) })
	}
	account.City = t.City
	return account, t.Scopes, err
}

// Tokens lists the tokens of an account, or of all accounts when username is "", the newest first.
func (s *Service) Tokens(ctx context.Context, username string) ([]Token, error) {
	return listTokens(s.DB.Read(ctx), username)
}

// RevokeToken ends a token of an account; of any account when username is "". The error is ErrNoToken when there is none in force.
func (s *Service) RevokeToken(ctx context.Context, actor, username string, id int64) error {
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		t, err := tokenByID(tx, id, username)
		if err != nil {
			return err
		}
		if err := revokeToken(tx, id, actor, database.At(s.Now())); err != nil {
			return err
		}
		return s.record(tx, actor, "token.revoked", tokenSubject(t), nil)
	})
}
