package staff

import (
	"encoding/json"
	"fmt"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

const accountColumns = "accounts.id, username, name, city, role, status, locked_until_at, accounts.created_at"

// secrets is an account with what proves it.
type secrets struct {
	Account    `gorm:"embedded"`
	Password   string // bcrypt
	TOTPSecret []byte `gorm:"column:totp_secret"` // sealed; empty when the password is enough
	TOTPStep   int64  `gorm:"column:totp_step"`   // of the last code that was used
}

type session struct {
	TokenHash database.Bytes32
	AccountID int64
	CreatedAt database.Millis `gorm:"autoCreateTime:false"`
	ExpiresAt database.Millis
	Address   string
}

func insertAccount(tx *gorm.DB, a Account, password string, secret []byte) (int64, error) {
	row := secrets{Account: a, Password: password, TOTPSecret: secret}
	err := tx.Table("accounts").Select("username", "name", "city", "role", "status", "created_at", "password", "totp_secret").Create(&row).Error
	return row.ID, wrap("storing the account", err)
}

func updateAccount(tx *gorm.DB, id int64, columns map[string]any) error {
	return wrap("changing the account", tx.Table("accounts").Where("id = ?", id).Updates(columns).Error)
}

// found gives missing when a query succeeded without a row.
func found(result *gorm.DB, missing error) error {
	if result.Error == nil && result.RowsAffected == 0 {
		return missing
	}
	return wrap("reading", result.Error)
}

func readAccount(tx *gorm.DB, id int64) (a Account, err error) {
	err = found(tx.Raw("SELECT "+accountColumns+" FROM accounts WHERE id = ?", id).Scan(&a), ErrNoAccount)
	return a, err
}

func readSecrets(tx *gorm.DB, username string) (s secrets, err error) {
	query := "SELECT " + accountColumns + ", password, totp_secret, totp_step FROM accounts WHERE username = ?"
	err = found(tx.Raw(query, username).Scan(&s), ErrNoAccount)
	return s, err
}

func listAccounts(tx *gorm.DB) (list []Account, err error) {
	err = tx.Raw("SELECT " + accountColumns + " FROM accounts ORDER BY username").Scan(&list).Error
	return list, wrap("listing accounts", err)
}

// countFailure adds one failure, locking the account at the last that is allowed, and reports false while it is locked.
// The lock is set before the count: MySQL evaluates the assignments in turn, SQLite all on the old row.
func countFailure(tx *gorm.DB, id int64, now, lock database.Millis) (bool, error) {
	result := tx.Exec(`UPDATE accounts SET
		locked_until_at = CASE WHEN failed + 1 >= ? THEN ? ELSE 0 END,
		failed = CASE WHEN failed + 1 >= ? THEN 0 ELSE failed + 1 END
		WHERE id = ? AND locked_until_at <= ?`, MaxFailures, lock, MaxFailures, id, now)
	return result.RowsAffected == 1, wrap("counting an attempt", result.Error)
}

// proveOnce clears the failures of an account and uses up the step of its one-time code: ErrSignIn when someone else has
// used it meanwhile.
func proveOnce(tx *gorm.DB, s secrets, step int64) error {
	result := tx.Exec("UPDATE accounts SET failed = 0, locked_until_at = 0, totp_step = ? WHERE id = ? AND status = ? AND totp_step = ?",
		step, s.ID, active, s.TOTPStep)
	if result.Error == nil && result.RowsAffected != 1 {
		return ErrSignIn
	}
	return wrap("proving an account", result.Error)
}

// insertSession also clears away the sessions of the account that have ended.
func insertSession(tx *gorm.DB, s session) error {
	err := tx.Exec("DELETE FROM sessions WHERE account_id = ? AND expires_at <= ?", s.AccountID, s.CreatedAt).Error
	if err == nil {
		err = tx.Table("sessions").Create(&s).Error
	}
	return wrap("storing a session", err)
}

func readSession(tx *gorm.DB, token database.Bytes32, now database.Millis) (a Account, err error) {
	err = found(tx.Raw("SELECT "+accountColumns+` FROM sessions JOIN accounts ON accounts.id = sessions.account_id
		WHERE token_hash = ? AND expires_at > ? AND status = ?`, token, now, active).Scan(&a), ErrNoSession)
	return a, err
}

func deleteSession(tx *gorm.DB, token database.Bytes32) error {
	return wrap("ending a session", tx.Exec("DELETE FROM sessions WHERE token_hash = ?", token).Error)
}

func deleteSessions(tx *gorm.DB, account int64) error {
	return wrap("ending sessions", tx.Exec("DELETE FROM sessions WHERE account_id = ?", account).Error)
}

// approvalRow is an approval as stored.
type approvalRow struct {
	ID, CampaignID      int64
	City, Kind, Subject string
	Summary             string
	Status, Maker       string
	MadeAt              database.Millis
	Checker             string
	DecidedAt           database.Millis
	Reason              string
}

func (r approvalRow) approval() Approval {
	return Approval{r.ID, r.CampaignID, r.City, r.Kind, r.Subject, json.RawMessage(r.Summary), r.Status, r.Maker, r.MadeAt,
		r.Checker, r.DecidedAt, r.Reason}
}

func insertApproval(tx *gorm.DB, a Approval) (int64, error) {
	row := approvalRow{CampaignID: a.CampaignID, City: a.City, Kind: a.Kind, Subject: a.Subject,
		Summary: string(a.Summary.(json.RawMessage)), Status: a.Status, Maker: a.Maker, MadeAt: a.MadeAt}
	err := tx.Table("approvals").Create(&row).Error
	return row.ID, wrap("storing an approval", err)
}

func readApproval(tx *gorm.DB, id int64) (Approval, error) {
	var row approvalRow
	err := found(tx.Raw("SELECT * FROM approvals WHERE id = ?", id).Scan(&row), ErrNoApproval)
	return row.approval(), err
}

func advanceApproval(tx *gorm.DB, a Approval, from string) error {
	return database.Advance(tx, "approvals", a.ID, from, a.Status,
		map[string]any{"checker": a.Checker, "decided_at": a.DecidedAt, "reason": a.Reason})
}

func listApprovals(tx *gorm.DB, f ApprovalFilter) ([]Approval, error) {
	query := tx.Table("approvals").Order("id DESC")
	for column, value := range map[string]string{"kind": f.Kind, "status": f.Status, "subject": f.Subject} {
		if value != "" {
			query = query.Where(column+" = ?", value)
		}
	}
	if f.CampaignID != 0 {
		query = query.Where("campaign_id = ?", f.CampaignID)
	}
	if f.City != "" && f.City != AllCities {
		query = query.Where("city IN ?", []string{"", f.City})
	}
	if f.Before > 0 {
		query = query.Where("id < ?", f.Before)
	}
	if f.Limit <= 0 {
		f.Limit = 100
	}
	var rows []approvalRow
	if err := query.Limit(min(f.Limit, 1001)).Find(&rows).Error; err != nil {
		return nil, wrap("listing approvals", err)
	}
	list := make([]Approval, len(rows))
	for i, row := range rows {
		list[i] = row.approval()
	}
	return list, nil
}

func wrap(what string, err error) error {
	if err != nil {
		err = fmt.Errorf("%s: %w", what, err)
	}
	return err
}
