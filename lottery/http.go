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
	r.GET("/draws/:slug/winners", w.Handle(s.getWinners(w)))
	r.GET("/draws/:slug/names", w.Handle(s.getNames(w)))

	s.publicRoutes(w)
	s.staffRoutes(w)
}

var plain = web.Files{"text/plain"}

func (s *Service) publicRoutes(w *web.Web) {
	api := w.API("/api/v1")
	api.GET("/draws", web.Operation{ZH: "已公告的抽签。", EN: "Draws whose notice is out.", Answer: web.Object{"draws": []View{}}}, s.getDraws)
	api.GET("/draws/:slug", web.Operation{ZH: "一次抽签的公开状态。", EN: "The public state of one draw.", Answer: View{}}, s.getDraw)
	api.GET("/draws/:slug/bundle/*path", web.Operation{ZH: "公开文件包中的一个文件。", EN: "One file of the public bundle.",
		Answer: web.Files{"text/plain", "application/json", "application/octet-stream"}}, s.getBundle)
	api.GET("/draws/:slug/pools/:pool/proofs/:entry", web.Operation{ZH: "证明一份登记在或不在名单中。", EN: "Proves that an entry stands in a pool, or does not.", Answer: Proof{}}, s.getProof)
	api.Limited("reveal").POST("/draws/:slug/reveals", web.Operation{ZH: "协助方公开其秘密。", EN: "A helper reveals its secret.", Body: revealJSON{}, Also: []int{403, 409, 410}}, s.postReveal)
	api.GET("/log/:city", web.Operation{ZH: "城市公开日志的全文。", EN: "The whole public log of a city.", Answer: plain}, s.getLog)
	api.GET("/log/:city/checkpoint", web.Operation{ZH: "最新的检查点（签名便笺）。", EN: "The newest checkpoint, a signed note.", Answer: plain}, s.getCheckpoint)
	api.GET("/log/:city/checkpoints/:size", web.Operation{ZH: "某一大小的检查点。", EN: "The checkpoint of a size.", Answer: plain}, s.getCheckpoint)
	api.GET("/log/:city/wanted", web.Operation{ZH: "等待见证方签名的检查点。", EN: "Checkpoints that wait for a witness.", Query: map[string]string{"witness": "Name of the witness"}, Answer: Work{}}, s.getWanted)
	api.Limited("cosign").POST("/log/:city/checkpoints/:size/cosignatures", web.Operation{ZH: "提交见证签名。", EN: "Hands in cosignatures.", Body: plain, Answer: Cosigned{}, Also: []int{403, 409}}, s.postCosignatures)
	api.Citizen().GET("/me/result", web.Operation{ZH: "我的抽签结果及证明。", EN: "One's own result with its proof.", Answer: Result{}, Also: []int{404}}, s.getResult)
}

func (s *Service) staffRoutes(w *web.Web) {
	admin := w.API("/api/v1/admin/draws").Staff(staff.DrawRun).Group("/:slug", s.cityOnly)
	admin.GET("", web.Operation{ZH: "抽签的状态，公告前也可见。", EN: "The state of a draw, also before its notice.", Answer: View{}}, s.getStaffDraw)
	admin.PUT("/parties", web.Operation{ZH: "指定协助方和见证方。", EN: "Names helpers and witnesses.", Body: Parties{}, Answer: View{}, Also: []int{409}}, s.putParties)
	admin.GET("/notice", web.Operation{ZH: "公告全文，供核对。", EN: "The text of the notice, to be read before it is approved.", Answer: plain, Also: []int{409}}, s.getNotice)
	admin.POST("/notice", web.Operation{ZH: "请求发布公告。", EN: "Asks to publish the notice.", Status: 202, Answer: approvalJSON, Also: []int{409}}, s.postNotice)
	admin.POST("/void", web.Operation{ZH: "请求作废抽签。", EN: "Asks to void the draw.", Body: reasonJSON{}, Status: 202, Answer: approvalJSON, Also: []int{409}}, s.postVoid)
	admin.POST("/beacon", web.Operation{ZH: "代为提交信标轮次。", EN: "Carries in a beacon round by hand.", Body: web.Files{"application/json", "text/plain"}, Answer: View{}, Also: []int{409}}, s.postBeacon)
}

// approvalJSON answers an act that waits for a second person.
var approvalJSON = web.Object{"approval_id": int64(0)}

type reasonJSON struct {
	Reason string `json:"reason"`
}

type revealJSON struct {
	Name   string `json:"name"`
	Reveal string `json:"reveal"`
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
	var body revealJSON
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
	var body reasonJSON
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

func (s *Service) getWinners(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		page, err := s.winnersPage(c.Request.Context(), c.Param("slug"), c.Query("after"), c.Query("entry"), web.Locale(c))
		if err != nil {
			return err
		}
		return w.Render(c, http.StatusOK, "lottery/winners.html", page)
	}
}

func (s *Service) getNames(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		page, err := s.namesPage(c.Request.Context(), c.Param("slug"), c.Query("from"), web.Locale(c))
		if err != nil {
			return err
		}
		return w.Render(c, http.StatusOK, "lottery/names.html", page)
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
