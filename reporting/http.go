package reporting

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/internal/web"
)

// Routes mounts the staff API of reports: the catalogue, making, the list, and the download.
func (s *Service) Routes(r *gin.Engine, w *web.Web) {
	api := r.Group("/api/v1/admin")
	api.GET("/reports", w.Staff(staff.ReportsDownload), w.Handle(s.listCatalogue))
	api.GET("/reports/:id/file", w.Staff(staff.ReportsDownload), w.Handle(s.download))
	api.POST("/campaigns/:slug/reports", w.Staff(staff.ReportsMake), w.Handle(s.make))
	api.GET("/campaigns/:slug/reports", w.Staff(staff.ReportsDownload), w.Handle(s.list))
}

func (s *Service) listCatalogue(c *gin.Context) error {
	type item struct {
		Name string `json:"name"`
		ZH   string `json:"title_zh"`
		EN   string `json:"title_en"`
	}
	items := []item{}
	for _, r := range Catalogue() {
		items = append(items, item{r.Name, r.ZH, r.EN})
	}
	c.JSON(http.StatusOK, gin.H{"reports": items})
	return nil
}

// make produces one report, or the whole catalogue when name is "all".
func (s *Service) make(c *gin.Context) error {
	var ask struct {
		Name   string `json:"name"`
		Format string `json:"format"`
	}
	if err := web.Bind(c, &ask); err != nil {
		return err
	}
	if ask.Format == "" {
		ask.Format = XLSX
	}
	id, err := s.visible(c)
	if err != nil {
		return err
	}
	names := []string{ask.Name}
	if ask.Name == "all" {
		names = names[:0]
		for _, r := range Catalogue() {
			names = append(names, r.Name)
		}
	}
	runs := []Run{}
	for _, name := range names {
		run, err := s.Produce(c.Request.Context(), name, id, ask.Format, web.ActorOf(c).Username)
		if err != nil {
			return err
		}
		runs = append(runs, run)
	}
	c.JSON(http.StatusCreated, gin.H{"reports": runs})
	return nil
}

func (s *Service) list(c *gin.Context) error {
	id, err := s.visible(c)
	if err != nil {
		return err
	}
	runs, err := s.Runs(c.Request.Context(), id, 200)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, gin.H{"reports": runs})
	return nil
}

// visible finds the campaign in the path, if the actor serves its city.
func (s *Service) visible(c *gin.Context) (int64, error) {
	campaign, err := s.Campaigns.BySlug(c.Request.Context(), c.Param("slug"))
	if err != nil {
		return 0, err
	}
	return campaign.ID, web.ActorOf(c).MustSee(campaign.City)
}

func (s *Service) download(c *gin.Context) error {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return fault.Field("id", "number", "编号必须是数字", "the id must be a number")
	}
	run, err := s.Run(c.Request.Context(), id)
	if err != nil {
		return err
	}
	campaign, err := s.Campaigns.Get(c.Request.Context(), run.CampaignID)
	if err != nil {
		return err
	}
	if err := web.ActorOf(c).MustSee(campaign.City); err != nil {
		return err
	}
	c.Header("Content-Type", contentTypes[run.Format])
	c.Header("Content-Disposition", fmt.Sprintf("attachment; filename=%q", run.Number+"."+run.Format))
	return s.Download(c.Request.Context(), run, web.ActorOf(c).Username, c.Writer)
}

var contentTypes = map[string]string{
	XLSX:  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	CSV:   "text/csv; charset=utf-8",
	JSONL: "application/jsonl; charset=utf-8",
}
