package campaign

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/internal/web"
)

// findingJSON is a finding for staff. Times are RFC 3339.
type findingJSON struct {
	ID       int64     `json:"id"`
	Rule     string    `json:"rule"`
	Version  string    `json:"version"`
	Members  int64     `json:"members"`
	Status   string    `json:"status"`
	Sentence Text      `json:"sentence"`
	FoundAt  time.Time `json:"found_at"`
}

// appealJSON is an appeal for staff; the person is named by the entry alone.
type appealJSON struct {
	ID       int64     `json:"id"`
	Entry    string    `json:"entry"`
	Against  string    `json:"against"`
	Status   string    `json:"status"`
	FiledAt  time.Time `json:"filed_at"`
	DecideBy time.Time `json:"decide_by"`
	Overdue  bool      `json:"overdue"`
}

type decisionJSON struct {
	Reverse bool   `json:"reverse"`
	Answer  string `json:"answer"`
}

func (s *Service) reviewRoutes(w *web.Web) {
	api := w.API("/api/v1/admin/campaigns")
	view, edit := api.Staff(staff.RegistrationsView).Group("/:slug", s.cityOnly), api.Staff(staff.CampaignEdit).Group("/:slug", s.cityOnly)
	view.GET("/findings", web.Operation{ZH: "风险规则指出的登记。", EN: "Registrations that the risk rules name.", Answer: web.Object{"findings": []findingJSON{}}}, s.getFindings)
	edit.POST("/findings/:id/exclusion", web.Operation{ZH: "提请另一人核定排除。", EN: "Asks a second person to exclude whom a finding names.", Body: reasonJSON{}, Status: 202,
		Answer: approvalJSON, Also: []int{409}}, s.postFindingExclusion)
	edit.POST("/findings/:id/clearance", web.Operation{ZH: "排除嫌疑，保留登记。", EN: "Lets whom a finding names stay.", Body: reasonJSON{}, Also: []int{409}}, s.postFindingClearance)
	view.GET("/appeals", web.Operation{ZH: "申诉。", EN: "Appeals, oldest first.", Query: map[string]string{"status": "open, upheld or reversed"},
		Answer: web.Object{"appeals": []appealJSON{}}}, s.getAppeals)
	api.Staff(staff.AppealsDecide).Group("/:slug", s.cityOnly).POST("/appeals/:id/decision", web.Operation{ZH: "处理申诉。", EN: "Decides on an appeal.",
		Body: decisionJSON{}, Also: []int{409}}, s.postAppealDecision)
}

func (s *Service) getFindings(c *gin.Context) error {
	live, err := s.Live(c.Request.Context(), c.Param("slug"))
	if err != nil {
		return err
	}
	findings, err := s.Findings(c.Request.Context(), live.ID)
	if err != nil {
		return err
	}
	list := []findingJSON{}
	for _, f := range findings {
		list = append(list, findingJSON{f.ID, f.Rule, f.Version, f.Members, f.Status, live.Book.Sentence(f), f.FoundAt.Time()})
	}
	c.JSON(http.StatusOK, gin.H{"findings": list})
	return nil
}

// ofCampaign gives the id in the path, if what it names belongs to the campaign in the path.
func (s *Service) ofCampaign(c *gin.Context, missing *fault.Error, campaignOf func(id int64) (int64, error)) (int64, error) {
	id, err := web.PathID(c, "id", missing)
	if err != nil {
		return 0, err
	}
	live, err := s.Live(c.Request.Context(), c.Param("slug"))
	if err != nil {
		return 0, err
	}
	owner, err := campaignOf(id)
	if err != nil {
		return 0, err
	}
	return id, unless(owner == live.ID, missing)
}

func (s *Service) findingOf(c *gin.Context) (int64, error) {
	return s.ofCampaign(c, errNoFinding, func(id int64) (int64, error) {
		f, err := s.Finding(c.Request.Context(), id)
		return f.CampaignID, err
	})
}

func (s *Service) postFindingExclusion(c *gin.Context) error {
	var in reasonJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	id, err := s.findingOf(c)
	if err != nil {
		return err
	}
	approval, err := s.ProposeExclusion(c.Request.Context(), web.ActorOf(c).Username, id, in.Reason)
	if err != nil {
		return err
	}
	c.JSON(http.StatusAccepted, gin.H{"approval_id": approval})
	return nil
}

func (s *Service) postFindingClearance(c *gin.Context) error {
	var in reasonJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	id, err := s.findingOf(c)
	if err != nil {
		return err
	}
	if err := s.ClearFinding(c.Request.Context(), web.ActorOf(c).Username, id, in.Reason); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Service) getAppeals(c *gin.Context) error {
	live, err := s.Live(c.Request.Context(), c.Param("slug"))
	if err != nil {
		return err
	}
	appeals, err := s.Appeals(c.Request.Context(), web.ActorOf(c).Username, live.Campaign, AppealFilter{Status: c.Query("status"), Limit: rollPageMax})
	if err != nil {
		return err
	}
	list := []appealJSON{}
	for _, a := range appeals {
		list = append(list, appealJSON{a.ID, web.HashText(a.Person.Entry[:]), a.Reason, a.Status, a.FiledAt.Time(), a.DecideBy.Time(), a.Overdue(s.Now())})
	}
	c.JSON(http.StatusOK, gin.H{"appeals": list})
	return nil
}

func (s *Service) postAppealDecision(c *gin.Context) error {
	var in decisionJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	id, err := s.ofCampaign(c, errNoAppeal, func(id int64) (int64, error) {
		appeal, err := s.Appeal(c.Request.Context(), id)
		return appeal.CampaignID, err
	})
	if err != nil {
		return err
	}
	if err := s.DecideAppeal(c.Request.Context(), web.ActorOf(c).Username, id, in.Reverse, in.Answer); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
