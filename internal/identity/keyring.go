package identity

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
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
	Master   []byte // 32 bytes
	Previous []byte // the master key before this one, while not every campaign's key is wrapped anew; nil otherwise
	DB       *database.DB

	mu     sync.Mutex
	vaults map[int64]openVault
}

type openVault struct {
	vault *Vault
	until time.Time
}

// keyRow is a campaign's key as stored.
type keyRow struct {
	CampaignID  int64
	Wrapped     []byte // empty once destroyed
	Suite       Suite
	DestroyedAt database.Millis
}

const keyColumns = "campaign_id, wrapped, suite, destroyed_at"

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
	var row keyRow
	result := k.DB.Read(ctx).Raw("SELECT "+keyColumns+" FROM campaign_keys WHERE campaign_id = ?", campaignID).Scan(&row)
	if result.Error != nil {
		return nil, fmt.Errorf("reading the key of campaign %d: %w", campaignID, result.Error)
	}
	if result.RowsAffected == 0 {
		return nil, fmt.Errorf("identity: campaign %d has no key", campaignID)
	}
	if row.DestroyedAt != 0 {
		return nil, ErrDestroyed
	}
	key, _, err := k.open(row)
	if err != nil {
		return nil, err
	}
	return NewVault(row.Suite, key)
}

// open unwraps a campaign's key with the master key or, in the time of a rotation, the one before; current tells which.
func (k *KeyRing) open(row keyRow) (key []byte, current bool, err error) {
	for _, master := range [][]byte{k.Master, k.Previous} {
		if master == nil {
			continue
		}
		var wrapping *Vault
		if wrapping, err = NewVault(row.Suite, master); err != nil {
			return nil, false, err
		}
		if key, err = wrapping.Open(row.Wrapped, binding(row.CampaignID)); err == nil {
			return key, bytes.Equal(master, k.Master), nil
		}
	}
	return nil, false, fmt.Errorf("unwrapping the key of campaign %d, is the master key another one? %w", row.CampaignID, err)
}

// Destroy forgets the key of a campaign within tx, which makes its sealed identities unreadable and its indexes
// meaningless, and gives the SHA-256 of the wrapped key that is no more. Every process follows within a minute. A key that
// is already destroyed, or missing, is an error.
func (k *KeyRing) Destroy(tx *gorm.DB, campaignID int64, now time.Time) (digest [32]byte, err error) {
	var row keyRow
	if err := tx.Raw("SELECT "+keyColumns+" FROM campaign_keys WHERE campaign_id = ?", campaignID).Scan(&row).Error; err != nil {
		return digest, fmt.Errorf("reading the key of campaign %d: %w", campaignID, err)
	}
	result := tx.Exec("UPDATE campaign_keys SET wrapped = ?, destroyed_at = ? WHERE campaign_id = ? AND destroyed_at = 0 AND wrapped = ?",
		[]byte{}, database.At(now), campaignID, row.Wrapped)
	if result.Error == nil && result.RowsAffected != 1 {
		return digest, ErrDestroyed
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.vaults, campaignID)
	return sha256.Sum256(row.Wrapped), result.Error
}

// binding ties a wrapped key to its campaign.
func binding(campaignID int64) []byte { return fmt.Appendf(nil, "campaign key %d", campaignID) }
