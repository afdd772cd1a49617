package campaign

import (
	"io"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/internal/web"
	"hongbao/lottery/draw"
)

// maxList bounds an uploaded list of documents or merchants in bytes.
const maxList = 64 << 20

var (
	errEntry = fault.Field("entry", "entry", "应为 64 位小写十六进制。", "Must be 64 lower-case hex digits.")
	errFile  = fault.Field("file", "file", "没有收到文件。", "No file was received.")
)

func (s *Service) staffRoutes(r *gin.RouterGroup, w *web.Web) {
	city := w.Handle(s.cityOnly)
	edit, merchants := w.Staff(staff.CampaignEdit), w.Staff(staff.MerchantsEdit)
	r.GET("", w.Staff(""), w.Handle(s.getStaffCampaigns))
	r.POST("", edit, w.Upload(maxRuleBook+1), w.Handle(s.postCampaign))
	r.POST("/:slug/publish", edit, city, w.Handle(s.postPublish))
	r.POST("/:slug/cancel", edit, city, w.Handle(s.postCancel))
	r.POST("/:slug/evidence", edit, city, w.Upload(maxList), w.Handle(s.postEvidence))
	r.POST("/:slug/related-people", edit, city, w.Upload(maxList), w.Handle(s.postRelated))
	r.POST("/:slug/exclusions", edit, city, w.Handle(s.postExclusion))
	r.POST("/:slug/merchants", merchants, city, w.Upload(maxList), w.Handle(s.postMerchants))
	r.PATCH("/:slug/merchants/:no", merchants, city, w.Handle(s.patchMerchant))
	r.GET("/:slug/messages", w.Staff(staff.ReportsDownload), city, w.Handle(s.getMessageCounts))
	r.POST("/:slug/registrations", w.Staff(staff.DeskRegister), city, w.Handle(s.postDesk(w)))
}

// cityOnly hides the campaigns of other cities from staff.
func (s *Service) cityOnly(c *gin.Context) error {
	found, err := s.BySlug(c.Request.Context(), c.Param("slug"))
	if err != nil {
		return err
	}
	return web.ActorOf(c).MustSee(found.City)
}

func (s *Service) getStaffCampaigns(c *gin.Context) error {
	rows, err := s.List(c.Request.Context(), web.ActorOf(c).City)
	if err != nil {
		return err
	}
	found := []campaignJSON{}
	for _, row := range rows {
		live, err := s.live(c.Request.Context(), row.ID)
		if err != nil {
			return err
		}
		found = append(found, live.json())
	}
	c.JSON(http.StatusOK, gin.H{"campaigns": found})
	return nil
}

func (s *Service) postCampaign(c *gin.Context) error {
	yaml, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return err
	}
	book, err := ParseRuleBook(yaml)
	if err != nil {
		return err
	}
	if err := web.ActorOf(c).MustSee(book.City.Code); err != nil {
		return err
	}
	made, err := s.Create(c.Request.Context(), web.ActorOf(c).Username, yaml)
	if err != nil {
		return err
	}
	live, err := s.live(c.Request.Context(), made.ID)
	if err != nil {
		return err
	}
	c.JSON(http.StatusCreated, live.json())
	return nil
}

func (s *Service) postPublish(c *gin.Context) error {
	id, err := s.RequestPublish(c.Request.Context(), web.ActorOf(c).Username, c.Param("slug"))
	if err != nil {
		return err
	}
	c.JSON(http.StatusAccepted, gin.H{"approval_id": id})
	return nil
}

func (s *Service) postCancel(c *gin.Context) error {
	var in struct {
		Reason string `json:"reason"`
	}
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	if err := s.Cancel(c.Request.Context(), web.ActorOf(c).Username, c.Param("slug"), in.Reason); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Service) getMessageCounts(c *gin.Context) error {
	found, err := s.BySlug(c.Request.Context(), c.Param("slug"))
	if err != nil {
		return err
	}
	counts, err := s.MessageCounts(c.Request.Context(), found.ID)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, gin.H{"messages": counts})
	return nil
}

// uploaded gives the list in the request: the field "file" of a form, or the body itself.
func uploaded(c *gin.Context) (io.ReadCloser, error) {
	if !strings.HasPrefix(c.ContentType(), "multipart/") {
		return c.Request.Body, nil
	}
	file, _, err := c.Request.FormFile("file")
	if err != nil {
		return nil, errFile.With(err)
	}
	return file, nil
}

func (s *Service) postEvidence(c *gin.Context) error {
	return s.importList(c, func(file io.Reader) (Import, error) {
		actor := web.ActorOf(c).Username
		return s.ImportEvidence(c.Request.Context(), actor, c.Param("slug"), c.Query("kind"), c.DefaultQuery("source", "uploaded by "+actor), file)
	})
}

func (s *Service) postRelated(c *gin.Context) error {
	return s.importList(c, func(file io.Reader) (Import, error) {
		return s.FileRelated(c.Request.Context(), web.ActorOf(c).Username, c.Param("slug"), c.Query("source"), file)
	})
}

func (s *Service) postMerchants(c *gin.Context) error {
	return s.importList(c, func(file io.Reader) (Import, error) {
		return s.ImportMerchants(c.Request.Context(), web.ActorOf(c).Username, c.Param("slug"), file)
	})
}

func (s *Service) importList(c *gin.Context, read func(file io.Reader) (Import, error)) error {
	file, err := uploaded(c)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read from
	result, err := read(file)
	if err != nil {
		return err
	}
	if result.Rejected == nil {
		result.Rejected = []BadLine{}
	}
	c.JSON(http.StatusOK, result)
	return nil
}

func (s *Service) postExclusion(c *gin.Context) error {
	var in struct {
		Entry  string `json:"entry"`
		Reason string `json:"reason"`
	}
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	entry, err := draw.ParseDigest(in.Entry)
	if err != nil {
		return errEntry.With(err)
	}
	if err := s.Exclude(c.Request.Context(), web.ActorOf(c).Username, c.Param("slug"), entry, in.Reason); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Service) patchMerchant(c *gin.Context) error {
	var in struct {
		Status string `json:"status"`
		Reason string `json:"reason"`
	}
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	if err := s.SetMerchantStatus(c.Request.Context(), web.ActorOf(c).Username, c.Param("slug"), c.Param("no"), in.Status, in.Reason); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
