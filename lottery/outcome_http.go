package lottery

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"hongbao/campaign"
	"hongbao/internal/money"
	"hongbao/internal/web"
)

// outcome is what one person's page of the result shows.
type outcome struct {
	*Result
	Slug   string
	Name   string
	Amount money.Fen
	Live   *campaign.Live
	Others int64 // entries in the same pool
}

// Won reports whether there is an envelope to claim.
func (o outcome) Won() bool { return o.Outcome == Won || o.Outcome == Promoted }

// Drawn reports whether the entry stood in a draw whose result is public, so that there is a proof to tell of.
func (o outcome) Drawn() bool { return o.Inclusion != nil }

// outcomePage tells the holder of a registration what the draw gave it, and how to check that.
func (s *Service) outcomePage(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		live, err := s.Campaigns.Live(c.Request.Context(), c.Param("slug"))
		if err != nil {
			return err
		}
		citizen := web.CitizenOf(c)
		if citizen.CampaignID != live.ID {
			c.Redirect(http.StatusSeeOther, "/c/"+live.Slug+"/result")
			return nil
		}
		result, err := s.ResultOf(c.Request.Context(), live.ID, citizen.RegistrationID)
		if err != nil {
			return err
		}
		page := outcome{Result: result, Slug: live.Slug, Name: live.Name(web.Locale(c)), Amount: money.Fen(result.AmountFen), Live: live}
		if result.Inclusion != nil {
			page.Others = result.Inclusion.Size - 1
		}
		return w.Render(c, http.StatusOK, "lottery/outcome.html", page)
	}
}

// DrawAt is when the draw takes place.
func (o outcome) DrawAt() time.Time { return o.Live.Book.Windows.Draw() }

// Short gives the beginning and the end of the entry.
func (o outcome) Short() string { return web.Short(o.Entry) }
