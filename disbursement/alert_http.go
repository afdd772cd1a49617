package disbursement

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"hongbao/campaign"
	"hongbao/internal/web"
)

type alertEvidenceJSON struct {
	Alert
	Evidence []paymentJSON `json:"evidence"`
}

type decisionJSON struct {
	Status AlertStatus `json:"status"` // confirmed or dismissed
	Reason string      `json:"reason"`
}

func (s *Service) getAlerts(c *gin.Context, of campaign.Campaign) error {
	found, err := s.Alerts(c.Request.Context(), of.ID, AlertStatus(c.Query("status")), 0)
	return web.WriteAll(c, "alerts", found, err, func(a Alert) int64 { return a.ID })
}

func (s *Service) getAlert(c *gin.Context, of campaign.Campaign) error {
	id, err := web.PathID(c, "id", errID)
	if err != nil {
		return err
	}
	alert, err := s.Alert(c.Request.Context(), of.ID, id)
	if err != nil {
		return err
	}
	evidence, err := s.Evidence(c.Request.Context(), id)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, alertEvidenceJSON{alert, each(evidence, Spending.json)})
	return nil
}

func (s *Service) postAlertDecision(c *gin.Context, of campaign.Campaign) error {
	id, err := web.PathID(c, "id", errID)
	if err != nil {
		return err
	}
	var in decisionJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	if err := s.DecideAlert(c.Request.Context(), web.ActorOf(c).Username, of.ID, id, in.Status, in.Reason); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
