package identity

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
)

// ErrDestroyed says that the campaign's key, and with it every identity of the campaign, is gone for good.
var ErrDestroyed = fault.New(fault.Gone, "identity-destroyed",
	"该活动的个人信息已按规定销毁。", "The personal data of this campaign has been destroyed, as the rules demand.")

// cached bounds how long a process goes on using a key that another process has destroyed.
const cached = time.Minute

// KeyRing keeps one key per campaign in the table campaign_keys, wrapped by the master key, which is not in the database.
// It must not be copied after first use.
type KeyRing struct {
	Master []byte // 32 bytes
	DB     *database.DB

	mu     sync.Mutex
	vaults map[int64]openVault
}

type openVault struct {
	vault *Vault
	until time.Time
}

// Create makes the key of a campaign within tx.
func (k *KeyRing) Create(tx *gorm.DB, campaignID int64, suite Suite, now time.Time) error {
	wrapping, err := NewVault(suite, k.Master)
	if err != nil {
		return err
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	err = tx.Exec("INSERT INTO campaign_keys (campaign_id, wrapped, suite, created_at, destroyed_at) VALUES (?, ?, ?, ?, 0)",
		campaignID, wrapping.Seal(key, binding(campaignID)), suite, database.At(now)).Error
	if err != nil {
		return fmt.Errorf("storing the key of campaign %d: %w", campaignID, err)
	}
	return nil
}

// VaultFor opens the vault of a campaign. The error is ErrDestroyed when its key is gone.
func (k *KeyRing) VaultFor(ctx context.Context, campaignID int64) (*Vault, error) {
	k.mu.Lock()
	found, ok := k.vaults[campaignID]
	k.mu.Unlock()
	if ok && time.Now().Before(found.until) { // the process's own clock: a key's life in memory is no campaign rule
		return found.vault, nil
	}
	vault, err := k.unwrap(ctx, campaignID)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		delete(k.vaults, campaignID)
		return nil, err
	}
	if k.vaults == nil {
		k.vaults = map[int64]openVault{}
	}
	k.vaults[campaignID] = openVault{vault, time.Now().Add(cached)}
	return vault, nil
}

func (k *KeyRing) unwrap(ctx context.Context, campaignID int64) (*Vault, error) {
	var row struct {
		Wrapped     []byte
		Suite       Suite
		DestroyedAt database.Millis
	}
	result := k.DB.Read(ctx).Raw("SELECT wrapped, suite, destroyed_at FROM campaign_keys WHERE campaign_id = ?", campaignID).Scan(&row)
	if result.Error != nil {
		return nil, fmt.Errorf("reading the key of campaign %d: %w", campaignID, result.Error)
	}
	if result.RowsAffected == 0 {
		return nil, fmt.Errorf("identity: campaign %d has no key", campaignID)
	}
	if row.DestroyedAt != 0 {
		return nil, ErrDestroyed
	}
	wrapping, err := NewVault(row.Suite, k.Master)
	if err != nil {
		return nil, err
	}
	key, err := wrapping.Open(row.Wrapped, binding(campaignID))
	if err != nil {
		return nil, fmt.Errorf("unwrapping the key of campaign %d, is the master key another one? %w", campaignID, err)
	}
	return NewVault(row.Suite, key)
}

// Destroy forgets the key of a campaign within tx, which makes its sealed identities unreadable and its indexes
// meaningless. Every process follows within a minute. A key that is already destroyed, or missing, is an error.
func (k *KeyRing) Destroy(tx *gorm.DB, campaignID int64, now time.Time) error {
	result := tx.Exec("UPDATE campaign_keys SET wrapped = ?, destroyed_at = ? WHERE campaign_id = ? AND destroyed_at = 0",
		[]byte{}, database.At(now), campaignID)
	if result.Error == nil && result.RowsAffected != 1 {
		return ErrDestroyed
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.vaults, campaignID)
	return result.Error
}

// binding ties a wrapped key to its campaign.
func binding(campaignID int64) []byte { return fmt.Appendf(nil, "campaign key %d", campaignID) }
