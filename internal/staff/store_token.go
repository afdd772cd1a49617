package staff

import (
	"strings"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

const tokenColumns = `api_tokens.id, accounts.username, api_tokens.name, api_tokens.city, scopes, made_by, api_tokens.created_at, expires_at, last_used_at,
	revoked_at, revoked_by`

// tokenRow is a token as read; its scopes are one column.
type tokenRow struct {
	ID                                          int64
	Username, Name, City, Scopes                string
	MadeBy                                      string
	CreatedAt, ExpiresAt, LastUsedAt, RevokedAt database.Millis
	RevokedBy                                   string
}

func (r tokenRow) token() Token {
	return Token{r.ID, r.Username, r.Name, r.City, strings.Fields(r.Scopes), r.MadeBy, r.CreatedAt, r.ExpiresAt, r.LastUsedAt, r.RevokedAt, r.RevokedBy}
}

func insertToken(tx *gorm.DB, account int64, t Token, hash database.Bytes32) (int64, error) {
	row := struct {
		ID, AccountID        int64
		Name, City, Scopes   string
		TokenHash            database.Bytes32
		MadeBy               string
		CreatedAt, ExpiresAt database.Millis `gorm:"autoCreateTime:false"`
	}{0, account, t.Name, t.City, strings.Join(t.Scopes, " "), hash, t.MadeBy, t.CreatedAt, t.ExpiresAt}
	err := tx.Table("api_tokens").Create(&row).Error
	return row.ID, wrap("storing a token", err)
}

// countTokens counts the tokens in force, holding on to their account so that two are not made past the limit at once.
func countTokens(tx *gorm.DB, account int64, now database.Millis) (n int64, err error) {
	if err := tx.Exec("UPDATE accounts SET status = status WHERE id = ?", account).Error; err != nil {
		return 0, wrap("counting tokens", err)
	}
	err = tx.Raw("SELECT COUNT(*) FROM api_tokens WHERE account_id = ? AND revoked_at = 0 AND expires_at > ?", account, now).Row().Scan(&n)
	return n, wrap("counting tokens", err)
}

func readToken(tx *gorm.DB, hash database.Bytes32, now database.Millis) (Account, Token, error) {
	var row tokenRow
	err := found(tx.Raw("SELECT "+tokenColumns+` FROM api_tokens JOIN accounts ON accounts.id = api_tokens.account_id
		WHERE token_hash = ? AND expires_at > ? AND revoked_at = 0 AND accounts.status = ?`, hash, now, active).Scan(&row), ErrToken)
	if err != nil {
		return Account{}, Token{}, err
	}
	owner, err := readSecrets(tx, row.Username)
	return owner.Account, row.token(), err
}

func noteTokenUse(tx *gorm.DB, id int64, now database.Millis) error {
	return wrap("noting a token's use", tx.Exec("UPDATE api_tokens SET last_used_at = ? WHERE id = ? AND last_used_at < ?", now, id, now).Error)
}

func listTokens(tx *gorm.DB, username string) ([]Token, error) {
	query, arguments := "SELECT "+tokenColumns+" FROM api_tokens JOIN accounts ON accounts.id = api_tokens.account_id", []any{}
	if username != "" {
		query, arguments = query+" WHERE accounts.username = ?", []any{username}
	}
	var rows []tokenRow
	if err := tx.Raw(query+" ORDER BY api_tokens.id DESC LIMIT 1000", arguments...).Scan(&rows).Error; err != nil {
		return nil, wrap("listing tokens", err)
	}
	list := make([]Token, len(rows))
	for i, row := range rows {
		list[i] = row.token()
	}
	return list, nil
}

func tokenByID(tx *gorm.DB, id int64, username string) (Token, error) {
	var row tokenRow
	err := found(tx.Raw("SELECT "+tokenColumns+` FROM api_tokens JOIN accounts ON accounts.id = api_tokens.account_id
		WHERE api_tokens.id = ? AND (? = '' OR accounts.username = ?)`, id, username, username).Scan(&row), ErrNoToken)
	return row.token(), err
}

func revokeToken(tx *gorm.DB, id int64, by string, now database.Millis) error {
	result := tx.Exec("UPDATE api_tokens SET revoked_at = ?, revoked_by = ? WHERE id = ? AND revoked_at = 0", now, by, id)
	if result.Error == nil && result.RowsAffected != 1 {
		return ErrNoToken
	}
	return wrap("revoking a token", result.Error)
}

func listSessions(tx *gorm.DB, username string, now database.Millis) (list []Session, err error) {
	query := `SELECT token_hash, accounts.username, accounts.name, role, sessions.created_at, expires_at, address
		FROM sessions JOIN accounts ON accounts.id = sessions.account_id WHERE expires_at > ? AND (? = '' OR accounts.username = ?)
		ORDER BY sessions.created_at DESC, token_hash LIMIT 1000`
	err = tx.Raw(query, now, username, username).Scan(&list).Error
	return list, wrap("listing sessions", err)
}
