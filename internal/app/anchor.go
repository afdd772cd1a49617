package app

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/gin-gonic/gin"
	"golang.org/x/mod/sumdb/note"

	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/web"
	"hongbao/lottery"
)

// auditLog names the key that signs the anchors of the audit chain. No city is called so: a code has no dot.
const auditLog = "platform.audit"

var errNoAnchor = fault.New(fault.NotFound, "anchor-none", "还没有公布过审计锚点。", "No anchor of the audit chain has been published yet.")

// anchorsShown are the newest anchors, one a day.
const anchorsShown = 400

// anchorJob publishes the head of the audit chain, signed, once a day.
func (p *platform) anchorJob() database.Job {
	return database.Job{Name: "audit-anchor", ZH: "签名公布审计链的当前哈希", Schedule: "15 0 * * *", Run: func(ctx context.Context) (int, error) {
		key, err := p.anchorKey()
		if err != nil {
			return 0, err
		}
		made, err := audit.PublishAnchor(ctx, p.db, key, key.VKey, p.scheduler.Now())
		if made {
			return 1, err
		}
		return 0, err
	}}
}

func (p *platform) anchorKey() (lottery.LogKey, error) { return p.lottery.LogKey(auditLog) }

// anchorRoutes are for everybody: an anchor proves nothing to whom cannot read it.
func (p *platform) anchorRoutes() {
	api := p.web.API("/api/v1/audit")
	api.GET("/anchor", web.Operation{ZH: "审计链最新的锚点（签名便笺）。", EN: "The newest anchor of the audit chain, a signed note.", Answer: web.Files{"text/plain"}, Also: []int{404}}, p.getAnchor)
	api.GET("/anchors", web.Operation{ZH: "一年的锚点，各附其签名公钥；key 是现在的公钥。", EN: "The anchors of a year, each with the key that verifies it; key is the present one.",
		Answer: web.Object{"key": "", "anchors": []audit.PublishedAnchor{}}}, p.getAnchors)
}

// getAnchor answers with the newest anchor as a signed note.
func (p *platform) getAnchor(c *gin.Context) error {
	anchors, err := audit.Published(c.Request.Context(), p.db, 1)
	if err != nil {
		return err
	}
	if len(anchors) == 0 {
		return errNoAnchor
	}
	c.String(http.StatusOK, "%s", anchors[0].Note)
	return nil
}

// getAnchors answers with the anchors of a year, each with its key. One from before keys were stored has the present key if it verifies.
func (p *platform) getAnchors(c *gin.Context) error {
	key, err := p.anchorKey()
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(key.VKey)
	if err != nil {
		return err
	}
	anchors, err := audit.Published(c.Request.Context(), p.db, anchorsShown)
	if err != nil {
		return err
	}
	for i, a := range anchors {
		if _, err := audit.OpenAnchor([]byte(a.Note), verifier); a.VKey == "" && err == nil {
			anchors[i].VKey = key.VKey
		}
	}
	c.JSON(http.StatusOK, gin.H{"key": key.VKey, "anchors": append([]audit.PublishedAnchor{}, anchors...)})
	return nil
}

// checkKept holds the chain against an anchor that somebody outside has kept, with the keys they have kept too: there is another one
// for each time that the log key was changed.
func checkKept(ctx context.Context, db *database.DB, path string, keys []string) error {
	signed, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	verifiers := make([]note.Verifier, len(keys))
	for i, key := range keys {
		if verifiers[i], err = note.NewVerifier(key); err != nil {
			return fmt.Errorf("--anchor-key: %w", err)
		}
	}
	a, err := audit.OpenAnchor(signed, verifiers...)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return audit.Holds(ctx, db, a)
}
