package identity

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/testkit"
)

func vaultOf(t *testing.T, suite Suite, first byte) *Vault {
	t.Helper()
	vault, err := NewVault(suite, append([]byte{first}, make([]byte, 31)...))
	if err != nil {
		t.Fatal(err)
	}
	return vault
}

func TestVault(t *testing.T) {
	for _, suite := range []Suite{Intl, SM} {
		vault, plain, aad := vaultOf(t, suite, 1), []byte("张三\x0011010519491231002X"), []byte("registration 7")
		sealed := vault.Seal(plain, aad)
		if again := vault.Seal(plain, aad); bytes.Equal(again, sealed) || bytes.Contains(sealed, plain[:6]) {
			t.Error("sealing must be random and hide the text")
		}
		if got, err := vault.Open(sealed, aad); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s: opened %q, %v", suite, got, err)
		}
		for i := range sealed {
			spoiled := bytes.Clone(sealed)
			spoiled[i] ^= 1
			if _, err := vault.Open(spoiled, aad); !errors.Is(err, ErrSealed) {
				t.Fatalf("%s: byte %d changed: %v", suite, i, err)
			}
		}
		for name, err := range map[string]error{
			"another row":   second(vault.Open(sealed, []byte("registration 8"))),
			"another key":   second(vaultOf(t, suite, 2).Open(sealed, aad)),
			"cut short":     second(vault.Open(sealed[:12], aad)),
			"nothing":       second(vault.Open(nil, aad)),
			"another suite": second(vaultOf(t, map[Suite]Suite{Intl: SM, SM: Intl}[suite], 1).Open(sealed, aad)),
		} {
			if !errors.Is(err, ErrSealed) {
				t.Errorf("%s, %s: %v", suite, name, err)
			}
		}
	}
	if _, err := NewVault("rot13", make([]byte, 32)); err == nil {
		t.Error("an unknown suite passed")
	}
	if _, err := NewVault(Intl, make([]byte, 16)); err == nil {
		t.Error("a short key passed")
	}
}

func second[T any](_ T, err error) error { return err }

func TestIndexIsKeyedAndSeparatesKinds(t *testing.T) {
	for _, suite := range []Suite{Intl, SM} {
		vault := vaultOf(t, suite, 1)
		want := vault.Index("phone", "13812345678")
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for range 100 {
					if vault.Index("phone", "13812345678") != want {
						t.Error("the index must be stable")
					}
				}
			})
		}
		group.Wait()
		if want == vault.Index("document", "13812345678") || want == vaultOf(t, suite, 2).Index("phone", "13812345678") ||
			vault.Index("a", "b\x00c") == vault.Index("a\x00b", "d") {
			t.Error("indexes of different kinds or keys must differ")
		}
	}
}

func TestKeyRing(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx, now := t.Context(), time.Date(2020, 12, 1, 0, 0, 0, 0, time.UTC)
		ring := &KeyRing{Master: bytes.Repeat([]byte{7}, 32), DB: db}
		tx := func(work func(tx *gorm.DB) error) {
			t.Helper()
			if err := db.InTx(ctx, work); err != nil {
				t.Fatal(err)
			}
		}
		tx(func(tx *gorm.DB) error {
			return errors.Join(ring.Create(tx, 1, Intl, now), ring.Create(tx, 2, SM, now))
		})
		one, err := ring.VaultFor(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		sealed := one.Seal([]byte("张三"), nil)

		restarted := &KeyRing{Master: ring.Master, DB: db}
		again, err := restarted.VaultFor(ctx, 1)
		if err != nil || again.Index("x", "y") != one.Index("x", "y") {
			t.Errorf("after a restart: %v", err)
		}
		if plain, err := again.Open(sealed, nil); string(plain) != "张三" || err != nil {
			t.Errorf("after a restart: %q, %v", plain, err)
		}
		if _, err := (&KeyRing{Master: make([]byte, 32), DB: db}).VaultFor(ctx, 2); !errors.Is(err, ErrSealed) {
			t.Errorf("another master key: %v", err)
		}
		if _, err := ring.VaultFor(ctx, 3); err == nil {
			t.Error("a campaign without a key has a vault")
		}
		tx(func(tx *gorm.DB) error { // a wrapped key does not fit another campaign's row
			return tx.Exec("INSERT INTO campaign_keys SELECT 4, wrapped, suite, created_at, destroyed_at FROM campaign_keys WHERE campaign_id = 1").Error
		})
		if _, err := ring.VaultFor(ctx, 4); !errors.Is(err, ErrSealed) {
			t.Errorf("a key moved to another campaign: %v", err)
		}
		var stored []byte
		if err := db.Read(ctx).Raw("SELECT wrapped FROM campaign_keys WHERE campaign_id = 1").Row().Scan(&stored); err != nil {
			t.Fatal(err)
		}
		tx(func(tx *gorm.DB) error {
			digest, err := ring.Destroy(tx, 1, now)
			if digest != sha256.Sum256(stored) {
				t.Error("the digest is not that of the key destroyed")
			}
			return err
		})
		if _, err := ring.VaultFor(ctx, 1); !errors.Is(err, ErrDestroyed) {
			t.Errorf("a destroyed key: %v", err)
		}
		if err := db.InTx(ctx, func(tx *gorm.DB) error { return second(ring.Destroy(tx, 1, now)) }); !errors.Is(err, ErrDestroyed) {
			t.Errorf("destroyed twice: %v", err)
		}
	})
}

// A rotation goes on while the keys are in use, may break off and be run again, and leaves nothing under the old key.
func TestRotation(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx, now := t.Context(), time.Date(2020, 12, 1, 0, 0, 0, 0, time.UTC)
		old, fresh := bytes.Repeat([]byte{7}, 32), bytes.Repeat([]byte{8}, 32)
		before := &KeyRing{Master: old, DB: db}
		err := db.InTx(ctx, func(tx *gorm.DB) error {
			for id := range int64(6) {
				if err := before.Create(tx, id+1, []Suite{Intl, SM}[id%2], now); err != nil {
					return err
				}
			}
			return second(before.Destroy(tx, 6, now))
		})
		if err != nil {
			t.Fatal(err)
		}
		sealed := map[int64][]byte{}
		for id := range int64(5) {
			vault, err := before.VaultFor(ctx, id+1)
			if err != nil {
				t.Fatal(err)
			}
			sealed[id+1] = vault.Seal([]byte("张三"), nil)
		}
		opens := func(ring *KeyRing) error { // each time a process that has just started
			for id, text := range sealed {
				vault, err := ring.VaultFor(ctx, id)
				if err != nil {
					return err
				}
				if plain, err := vault.Open(text, nil); string(plain) != "张三" {
					return errors.Join(errors.New("another key"), err)
				}
			}
			return nil
		}
		stopped, group := make(chan struct{}), sync.WaitGroup{}
		for range 3 {
			group.Go(func() {
				for {
					select {
					case <-stopped:
						return
					default:
					}
					if err := opens(&KeyRing{Master: fresh, Previous: old, DB: db}); err != nil {
						t.Errorf("while the keys are wrapped anew: %v", err)
						return
					}
				}
			})
		}
		rotating := &KeyRing{Master: fresh, Previous: old, DB: db}
		gone, leave := context.WithCancel(ctx)
		leave()
		if done, err := rotating.Rotate(gone); err == nil {
			t.Errorf("a rotation broken off: %+v", done)
		}
		done, err := rotating.Rotate(ctx)
		close(stopped)
		group.Wait()
		if err != nil || done != (Rotation{Rewrapped: 5, Destroyed: 1}) {
			t.Errorf("%+v, %v", done, err)
		}
		if done, err := rotating.Rotate(ctx); err != nil || done != (Rotation{Current: 5, Destroyed: 1}) {
			t.Errorf("again: %+v, %v", done, err)
		}
		if err := opens(&KeyRing{Master: fresh, DB: db}); err != nil {
			t.Errorf("with the new key alone: %v", err)
		}
		if err := opens(&KeyRing{Master: old, DB: db}); !errors.Is(err, ErrSealed) {
			t.Errorf("with the old key alone: %v", err)
		}
		if done, err := (&KeyRing{Master: bytes.Repeat([]byte{9}, 32), Previous: old, DB: db}).Rotate(ctx); !errors.Is(err, ErrSealed) || done.Rewrapped != 0 {
			t.Errorf("with two keys that open nothing: %+v, %v", done, err)
		}
	})
}

func TestFileKeeper(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keeper.key")
	keeper, err := OpenKeeper(path)
	if err != nil {
		t.Fatal(err)
	}
	resident, _ := ParseDocument("", "11010519491231002X")
	card := numbered("91112419800229001")
	plain, _ := ParseDocument("", card)
	linked, _ := ParseDocument("", card+"/CAN110178010112")
	tagsBy := func(k Keeper, draw, hash string) [][32]byte {
		t.Helper()
		list, err := k.Tags(context.Background(), draw, hash, []Document{resident, plain, linked})
		if err != nil || len(list) != 3 {
			t.Fatal(list, err)
		}
		return list
	}
	tags := func(k Keeper, draw string) [][32]byte { return tagsBy(k, draw, "sha256") }
	first := tags(keeper, "suzhou-2020")
	if first[1] != first[2] || first[0] == first[1] {
		t.Error("a linked card counts by its new number, and people differ")
	}
	if tags(keeper, "luohu-2020")[0] == first[0] {
		t.Error("draws can be linked")
	}
	again, err := OpenKeeper(path)
	if err != nil || tags(again, "suzhou-2020")[0] != first[0] {
		t.Errorf("after a restart: %v", err)
	}
	if tagsBy(again, "suzhou-2020", "sm3")[0] == first[0] {
		t.Error("the draw's hash does not reach the tag")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the secret's file: %v, %v", info.Mode(), err)
	}
}
