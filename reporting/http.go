package reporting

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/internal/web"
)

// Routes mounts the staff API of reports: the catalogue, orders, their progress and cancelling, the list, and the download.
func (s *Service) Routes(r *gin.Engine, w *web.Web) {
	api := w.API("/api/v1/admin")
	read, maker := api.Staff(staff.ReportsDownload), api.Staff(staff.ReportsMake)
	read.GET("/reports", web.Operation{ZH: "报表目录。", EN: "The catalogue of reports.", Answer: web.Object{"reports": []itemJSON{}}}, s.listCatalogue)
	read.GET("/reports/:id", web.Operation{ZH: "一份报表的进度与摘要。", EN: "Progress and digest of one report.", Answer: Run{}}, s.show)
	read.GET("/reports/:id/file", web.Operation{ZH: "下载报表；每次下载都会记入审计并标注在文件中。", EN: "The report's file; each download is on the audit trail and marked in the file.",
		Answer: web.Files{contentTypes[XLSX], "text/csv", "application/jsonl"}, Also: []int{409, 410}}, s.download)
	maker.POST("/reports/:id/cancel", web.Operation{ZH: "取消尚未完成的报表。", EN: "Cancels a report that is not finished.", Also: []int{409}}, s.cancel)
	maker.POST("/reports/:id/password", web.Operation{ZH: "取得未脱敏报表的密码，仅一次。", EN: "The password of an unmasked report, once.", Answer: web.Object{"password": ""}, Also: []int{409, 410}}, s.showPassword)
	maker.POST("/campaigns/:slug/reports", web.Operation{ZH: "生成一份或全部（all）报表。", EN: "Orders one report, or all of them by the name all.", Body: orderJSON{},
		Status: 202, OrStatus: 201, Answer: web.Object{"reports": []Run{}}, Also: []int{409}}, s.order)
	read.GET("/campaigns/:slug/city-figures", web.Operation{ZH: "活动对外口径的数字；各分项之和等于账本。", EN: "What a city tells of a campaign; every cut comes to the ledger's sum.", Answer: CityFigures{}}, s.cityFigures)
	read.GET("/campaigns/:slug/reports", web.Operation{ZH: "一个活动的报表。", EN: "The reports of a campaign.", Answer: web.List("reports", Run{})}, s.list)
}

type itemJSON struct {
	Name string `json:"name"`
	ZH   string `json:"title_zh"`
	EN   string `json:"title_en"`
}

type orderJSON struct {
	Name     string `json:"name"`
	Format   string `json:"format,omitempty"` // xlsx when empty
	Wait     bool   `json:"wait,omitempty"`
	Unmasked bool   `json:"unmasked,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

func (s *Service) listCatalogue(c *gin.Context) error {
	items := []itemJSON{}
	for _, r := range Catalogue() {
		items = append(items, itemJSON{r.Name, r.ZH, r.EN})
	}
	c.JSON(http.StatusOK, gin.H{"reports": items})
	return nil
}

// order takes an order for one report, or for the whole catalogue when the name is "all". With wait it answers when the reports
// are made (201), otherwise at once (202).
func (s *Service) order(c *gin.Context) error {
	var ask orderJSON
	if err := web.Bind(c, &ask); err != nil {
		return err
	}
	id, err := s.visible(c)
	if err != nil {
		return err
	}
	names := []string{ask.Name}
	if ask.Name == "all" {
		names = allNames()
	}
	runs, status := []Run{}, http.StatusAccepted
	for _, name := range names {
		var run Run
		by := web.ActorOf(c).Username
		if ask.Wait && !ask.Unmasked {
			status = http.StatusCreated
			run, err = s.Produce(c.Request.Context(), name, id, ask.Format, by)
		} else {
			run, err = s.Order(c.Request.Context(), Order{id, name, ask.Format, by, ask.Unmasked, ask.Reason})
		}
		if err != nil {
			return err
		}
		runs = append(runs, run)
	}
	c.JSON(status, gin.H{"reports": runs})
	return nil
}

func (s *Service) list(c *gin.Context) error {
	id, err := s.visible(c)
	if err != nil {
		return err
	}
	window, err := web.WindowOf(c)
	if err != nil {
		return err
	}
	runs, err := s.Runs(c.Request.Context(), id, window.After, window.Limit+1)
	return web.WriteList(c, window, "reports", runs, err, func(r Run) int64 { return r.ID })
}

// visible finds the campaign in the path, if the actor serves its city.
func (s *Service) visible(c *gin.Context) (int64, error) {
	campaign, err := s.Campaigns.BySlug(c.Request.Context(), c.Param("slug"))
	if err != nil {
		return 0, err
	}
	return campaign.ID, web.ActorOf(c).MustSee(campaign.City)
}

// run finds the report in the path, if the actor serves its campaign's city.
func (s *Service) run(c *gin.Context) (Run, error) {
	id, err := web.PathID(c, "id", fault.Field("id", "number", "编号必须是数字。", "The id must be a number."))
	if err != nil {
		return Run{}, err
	}
	run, err := s.Run(c.Request.Context(), id)
	if err != nil {
		return run, err
	}
	campaign, err := s.Campaigns.Get(c.Request.Context(), run.CampaignID)
	if err != nil {
		return run, err
	}
	return run, web.ActorOf(c).MustSee(campaign.City)
}

func (s *Service) cityFigures(c *gin.Context) error {
	id, err := s.visible(c)
	if err != nil {
		return err
	}
	figures, err := s.CityFigures(c.Request.Context(), id)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, figures)
	return nil
}

func (s *Service) show(c *gin.Context) error {
	run, err := s.run(c)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, run)
	return nil
}

func (s *Service) cancel(c *gin.Context) error {
	run, err := s.run(c)
	if err != nil {
		return err
	}
	if err := s.Cancel(c.Request.Context(), run, web.ActorOf(c).Username); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Service) showPassword(c *gin.Context) error {
	run, err := s.run(c)
	if err != nil {
		return err
	}
	password, err := s.Password(c.Request.Context(), run, web.ActorOf(c).Username)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, gin.H{"password": password})
	return nil
}

func (s *Service) download(c *gin.Context) error {
	run, err := s.run(c)
	if err != nil {
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
