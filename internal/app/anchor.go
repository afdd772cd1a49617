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
		made, err := audit.PublishAnchor(ctx, p.db, key, p.scheduler.Now())
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
	api.GET("/anchors", web.Operation{ZH: "一年的锚点，和签名公钥。", EN: "The anchors of a year, and the key that signs them.", Answer: web.Object{"key": "", "anchors": []string{}}}, p.getAnchors)
}

// getAnchor answers with the newest anchor as a signed note.
func (p *platform) getAnchor(c *gin.Context) error {
	notes, err := audit.Published(c.Request.Context(), p.db, 1)
	if err != nil {
		return err
	}
	if len(notes) == 0 {
		return errNoAnchor
	}
	c.String(http.StatusOK, "%s", notes[0])
	return nil
}

// getAnchors answers with the anchors of a year, and the key that signs them.
func (p *platform) getAnchors(c *gin.Context) error {
	key, err := p.anchorKey()
	if err != nil {
		return err
	}
	notes, err := audit.Published(c.Request.Context(), p.db, anchorsShown)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, gin.H{"key": key.VKey, "anchors": append([]string{}, notes...)})
	return nil
}

// checkKept holds the chain against an anchor that somebody outside has kept, with the key they have kept too.
func checkKept(ctx context.Context, db *database.DB, path, key string) error {
	signed, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return fmt.Errorf("--anchor-key: %w", err)
	}
	a, err := audit.OpenAnchor(signed, verifier)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return audit.Holds(ctx, db, a)
}
