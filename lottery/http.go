package lottery

import (
	"embed"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/internal/web"
	"hongbao/lottery/draw"
)

//go:embed all:templates static
var templates embed.FS

// hasWasm tells whether `make wasm` had put the beacon check for browsers into static/ when this was built.
var hasWasm = func() bool {
	_, program := fs.Stat(templates, "static/beacon.wasm")
	_, runtime := fs.Stat(templates, "static/wasm_exec.js")
	return program == nil && runtime == nil
}()

var (
	errSize  = fault.Field("size", "size", "检查点大小应为正整数。", "The size must be a whole number from 1.")
	errHex   = fault.Field("reveal", "reveal", "应为 64 位小写十六进制。", "Must be 64 lower-case hex digits.")
	errEntry = fault.Field("entry", "entry", "应为 64 位小写十六进制。", "Must be 64 lower-case hex digits.")
	errBody  = fault.New(fault.Invalid, "body", "提交的内容无法读取。", "The body cannot be read.")
)

// Routes adds this room's pages and API.
func (s *Service) Routes(r *gin.Engine, w *web.Web) {
	w.Pages.Add("lottery", templates)
	r.GET("/draws", w.Handle(s.drawsPage(w)))
	r.GET("/draws/:slug", w.Handle(s.drawPage(w)))
	r.GET("/c/:slug/outcome", w.CitizenPage(), w.Handle(s.outcomePage(w)))

	api := r.Group("/api/v1")
	api.GET("/draws", w.Handle(s.getDraws))
	api.GET("/draws/:slug", w.Handle(s.getDraw))
	api.GET("/draws/:slug/bundle/*path", w.Handle(s.getBundle))
	api.GET("/draws/:slug/pools/:pool/proofs/:entry", w.Handle(s.getProof))
	api.POST("/draws/:slug/reveals", w.Limited("reveal"), w.Handle(s.postReveal))
	api.GET("/log/:city", w.Handle(s.getLog))
	api.GET("/log/:city/checkpoint", w.Handle(s.getCheckpoint))
	api.GET("/log/:city/checkpoints/:size", w.Handle(s.getCheckpoint))
	api.GET("/log/:city/wanted", w.Handle(s.getWanted))
	api.POST("/log/:city/checkpoints/:size/cosignatures", w.Limited("cosign"), w.Handle(s.postCosignatures))
	api.GET("/me/result", w.Citizen(), w.Handle(s.getResult))

	admin := api.Group("/admin/draws/:slug", w.Staff(staff.DrawRun), w.Handle(s.cityOnly))
	admin.GET("", w.Handle(s.getStaffDraw))
	admin.PUT("/parties", w.Handle(s.putParties))
	admin.GET("/notice", w.Handle(s.getNotice))
	admin.POST("/notice", w.Handle(s.postNotice))
	admin.POST("/void", w.Handle(s.postVoid))
	admin.POST("/beacon", w.Handle(s.postBeacon))
}

// cityOnly hides the draws of other cities from staff.
func (s *Service) cityOnly(c *gin.Context) error {
	campaign, err := s.Campaigns.BySlug(c.Request.Context(), c.Param("slug"))
	if err != nil {
		return err
	}
	return web.ActorOf(c).MustSee(campaign.City)
}

func (s *Service) getDraws(c *gin.Context) error {
	views, err := s.Views(c.Request.Context())
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, gin.H{"draws": views})
	return nil
}

func (s *Service) getDraw(c *gin.Context) error {
	return answer(c, func() (*View, error) { return s.View(c.Request.Context(), c.Param("slug")) })
}

func (s *Service) getStaffDraw(c *gin.Context) error {
	return answer(c, func() (*View, error) { return s.StaffView(c.Request.Context(), c.Param("slug")) })
}

func answer[T any](c *gin.Context, ask func() (T, error)) error {
	result, err := ask()
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, result)
	return nil
}

// getBundle streams one file of the bundle.
func (s *Service) getBundle(c *gin.Context) error {
	name := strings.TrimPrefix(c.Param("path"), "/")
	bundle, err := s.OpenBundle(c.Request.Context(), c.Param("slug"))
	if err != nil {
		return err
	}
	file, err := bundle.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return errNoFile
	}
	if err != nil {
		return err
	}
	defer file.Close()
	c.Header("Content-Type", contentType(name))
	c.Status(http.StatusOK)
	_, err = io.Copy(c.Writer, file)
	return err
}

func contentType(name string) string {
	switch {
	case strings.HasPrefix(name, "pools/"):
		return "application/octet-stream"
	case strings.HasSuffix(name, ".json"):
		return "application/json"
	}
	return "text/plain; charset=utf-8"
}

func (s *Service) getProof(c *gin.Context) error {
	entry, err := draw.ParseDigest(c.Param("entry"))
	if err != nil {
		return errEntry.With(err)
	}
	return answer(c, func() (*Proof, error) { return s.Proof(c, c.Param("slug"), c.Param("pool"), entry) })
}

func (s *Service) postReveal(c *gin.Context) error {
	var body struct {
		Name   string `json:"name"`
		Reveal string `json:"reveal"`
	}
	if err := web.Bind(c, &body); err != nil {
		return err
	}
	secret, err := draw.ParseDigest(body.Reveal)
	if err != nil {
		return errHex.With(err)
	}
	if err := s.Reveal(c.Request.Context(), c.Param("slug"), body.Name, secret); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Service) getLog(c *gin.Context) error {
	log, err := s.LogText(c.Request.Context(), c.Param("city"))
	return text(c, log, err)
}

func (s *Service) getCheckpoint(c *gin.Context) error {
	size := int64(0)
	if c.Param("size") != "" {
		var err error
		if size, err = sizeOf(c); err != nil {
			return err
		}
	}
	note, err := s.Checkpoint(c.Request.Context(), c.Param("city"), size)
	return text(c, note, err)
}

func text(c *gin.Context, body []byte, err error) error {
	if err != nil {
		return err
	}
	c.Data(http.StatusOK, "text/plain; charset=utf-8", body)
	return nil
}

func sizeOf(c *gin.Context) (int64, error) {
	size, err := strconv.ParseInt(c.Param("size"), 10, 64)
	if err != nil || size < 1 {
		return 0, errSize
	}
	return size, nil
}

func (s *Service) getWanted(c *gin.Context) error {
	return answer(c, func() (Work, error) { return s.Wanted(c.Request.Context(), c.Param("city"), c.Query("witness")) })
}

func (s *Service) postCosignatures(c *gin.Context) error {
	size, err := sizeOf(c)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return errBody.With(err)
	}
	return answer(c, func() (Cosigned, error) { return s.Cosign(c.Request.Context(), c.Param("city"), size, string(body)) })
}

func (s *Service) getResult(c *gin.Context) error {
	citizen := web.CitizenOf(c)
	return answer(c, func() (*Result, error) {
		return s.ResultOf(c.Request.Context(), citizen.CampaignID, citizen.RegistrationID)
	})
}

func (s *Service) putParties(c *gin.Context) error {
	var body Parties
	if err := web.Bind(c, &body); err != nil {
		return err
	}
	if err := s.SetParties(c.Request.Context(), web.ActorOf(c).Username, c.Param("slug"), body); err != nil {
		return err
	}
	return s.getStaffDraw(c)
}

func (s *Service) getNotice(c *gin.Context) error {
	notice, err := s.Notice(c.Request.Context(), c.Param("slug"))
	return text(c, notice, err)
}

func (s *Service) postNotice(c *gin.Context) error {
	approval, err := s.RequestNotice(c.Request.Context(), web.ActorOf(c).Username, c.Param("slug"))
	return asked(c, approval, err)
}

func (s *Service) postVoid(c *gin.Context) error {
	var body struct {
		Reason string `json:"reason"`
	}
	if err := web.Bind(c, &body); err != nil {
		return err
	}
	approval, err := s.RequestVoid(c.Request.Context(), web.ActorOf(c).Username, c.Param("slug"), body.Reason)
	return asked(c, approval, err)
}

func asked(c *gin.Context, approval int64, err error) error {
	if err != nil {
		return err
	}
	c.JSON(http.StatusAccepted, gin.H{"approval_id": approval})
	return nil
}

func (s *Service) postBeacon(c *gin.Context) error {
	body, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return errBody.With(err)
	}
	if err := s.CarryBeacon(c.Request.Context(), c.Param("slug"), string(body), web.ActorOf(c).Username); err != nil {
		return err
	}
	return s.getStaffDraw(c)
}

func (s *Service) drawsPage(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		list, err := s.list(c.Request.Context(), web.Locale(c))
		if err != nil {
			return err
		}
		return w.Render(c, http.StatusOK, "lottery/draws.html", list)
	}
}

func (s *Service) drawPage(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		page, err := s.page(c.Request.Context(), c.Param("slug"), web.Locale(c))
		if err != nil {
			return err
		}
		if page.Wasm {
			web.AllowWasm(c)
		}
		return w.Render(c, http.StatusOK, "lottery/draw.html", page)
	}
}
