package campaign

import (
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"time"

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

// listFiles are the media types of an uploaded list.
var listFiles = web.Files{"text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "multipart/form-data"}

func (s *Service) staffRoutes(w *web.Web) {
	api := w.API("/api/v1/admin/campaigns")
	edit, merchants := api.Staff(staff.CampaignEdit), api.Staff(staff.MerchantsEdit)
	api.Staff("").GET("", web.Operation{ZH: "本人所服务城市的全部活动。", EN: "All campaigns of one's own city.", Answer: web.Object{"campaigns": []campaignJSON{}}}, s.getStaffCampaigns)
	edit.POST("", web.Operation{ZH: "以规则书建立活动。", EN: "Makes a campaign of a rule book.", Body: web.Files{"text/yaml"}, Upload: maxRuleBook + 1, Status: 201,
		Answer: campaignJSON{}, Also: []int{404, 409}}, s.postCampaign)
	one := edit.Group("/:slug", s.cityOnly)
	one.POST("/publish", web.Operation{ZH: "请求批准活动。", EN: "Asks for the campaign's approval.", Status: 202, Answer: approvalJSON, Also: []int{409}}, s.postPublish)
	one.POST("/cancel", web.Operation{ZH: "取消活动。", EN: "Cancels the campaign.", Body: reasonJSON{}, Also: []int{409}}, s.postCancel)
	one.POST("/destruction", web.Operation{ZH: "请求销毁活动密钥；须输入活动编号。", EN: "Asks for the campaign's key to be destroyed; its id is typed out.", Body: confirmJSON{}, Status: 202, Answer: approvalJSON, Also: []int{409, 410}}, s.postDestruction)
	one.POST("/evidence", web.Operation{ZH: "导入资格名单。", EN: "Imports a list of evidence.", Query: map[string]string{"kind": "Kind of evidence", "source": "Where the list comes from"},
		Body: listFiles, Upload: maxList, Answer: Import{}, Also: []int{409}}, s.postEvidence)
	one.POST("/related-people", web.Operation{ZH: "申报与主办方有关联的人员，只用于公平性统计。", EN: "Names people related to the organisers, for the fairness figures only.", Query: map[string]string{"source": "Who names them"},
		Body: listFiles, Upload: maxList, Answer: Import{}, Also: []int{409}}, s.postRelated)
	one.POST("/exclusions", web.Operation{ZH: "提请另一人核定，将一份登记排除在抽签之外。", EN: "Asks a second person to exclude a registration from the draw.", Body: exclusionJSON{}, Status: 202, Answer: approvalJSON, Also: []int{409}}, s.postExclusion)
	shops := merchants.Group("/:slug", s.cityOnly)
	shops.POST("/merchants", web.Operation{ZH: "导入商户名单。", EN: "Imports a list of merchants.", Body: listFiles, Upload: maxList, Answer: Import{}, Also: []int{409}}, s.postMerchants)
	shops.PATCH("/merchants/:no", web.Operation{ZH: "变更商户状态。", EN: "Changes a merchant's status.", Body: merchantStatusJSON{}, Also: []int{409}}, s.patchMerchant)
	read := api.Staff(staff.ReportsDownload).Group("/:slug", s.cityOnly)
	read.GET("/deletions", web.Operation{ZH: "个人信息删除证书。", EN: "Certificates of what was deleted of the campaign's personal data.", Answer: web.Object{"certificates": []certificateJSON{}}}, s.getDeletions)
	read.GET("/deletions/personal", web.Operation{ZH: "市民自行删除个人信息的证书，不含身份，新的在前。", EN: "Certificates of people who deleted their own data, without identity, newest first.",
		Query: map[string]string{"number": "A certificate's number, or the entry in it"}, Answer: web.List("certificates", certificateJSON{})}, s.getPersonalDeletions)
	read.GET("/messages", web.Operation{ZH: "短信通知的数目。", EN: "How many messages were sent, by kind and status.", Answer: web.Object{"messages": []MessageCount{}}}, s.getMessageCounts)
	api.Staff(staff.DeskRegister).Group("/:slug", s.cityOnly).POST("/registrations", web.Operation{ZH: "在网点代为登记。", EN: "Registers a person at a branch.",
		Body: Submission{}, Status: 201, Answer: receiptJSON{}, Also: []int{409, 410, 429}}, s.postDesk(w))
}

// approvalJSON answers an act that waits for a second person.
var approvalJSON = web.Object{"approval_id": int64(0)}

type reasonJSON struct {
	Reason string `json:"reason"`
}

type exclusionJSON struct {
	Entry  string `json:"entry"`
	Reason string `json:"reason"`
}

type merchantStatusJSON struct {
	Status string `json:"status"`
	Reason string `json:"reason"`
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
	var in reasonJSON
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
	var in exclusionJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	entry, err := draw.ParseDigest(in.Entry)
	if err != nil {
		return errEntry.With(err)
	}
	approval, err := s.RequestExclusion(c.Request.Context(), web.ActorOf(c).Username, c.Param("slug"), entry, in.Reason)
	if err != nil {
		return err
	}
	c.JSON(http.StatusAccepted, gin.H{"approval_id": approval})
	return nil
}

func (s *Service) patchMerchant(c *gin.Context) error {
	var in merchantStatusJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	if err := s.SetMerchantStatus(c.Request.Context(), web.ActorOf(c).Username, c.Param("slug"), c.Param("no"), in.Status, in.Reason); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// confirmJSON is the id of what is acted on, typed out.
type confirmJSON struct {
	Confirm string `json:"confirm"`
}

// certificateJSON is a certificate of deletion; note is what is signed, with its signature.
type certificateJSON struct {
	Number        string    `json:"number"`
	What          string    `json:"what"`
	At            time.Time `json:"at"`
	RequestedBy   string    `json:"requested_by"`
	DecidedBy     string    `json:"decided_by"`
	Approval      int64     `json:"approval,omitempty"`
	Registrations int64     `json:"registrations"`
	Evidence      int64     `json:"evidence"`
	Digest        string    `json:"digest"`
	Note          string    `json:"note"`
	id            int64     // of a person's own deletion
}

func (s *Service) getDeletions(c *gin.Context) error {
	found, err := s.BySlug(c.Request.Context(), c.Param("slug"))
	if err != nil {
		return err
	}
	list, err := s.Deletions(c.Request.Context(), found.ID)
	if err != nil {
		return err
	}
	shown := []certificateJSON{}
	for _, d := range list {
		shown = append(shown, d.json())
	}
	c.JSON(http.StatusOK, gin.H{"certificates": shown})
	return nil
}

func (d Deletion) json() certificateJSON {
	return certificateJSON{Number: d.Number, What: d.Kind, At: d.At, RequestedBy: d.RequestedBy, DecidedBy: d.DecidedBy, Approval: d.Approval,
		Registrations: d.Registrations, Evidence: d.Evidence, Digest: hex.EncodeToString(d.Digest[:]), Note: d.Note}
}

func (s *Service) getPersonalDeletions(c *gin.Context) error {
	window, err := web.WindowOf(c)
	if err != nil {
		return err
	}
	found, err := s.BySlug(c.Request.Context(), c.Param("slug"))
	if err != nil {
		return err
	}
	list, err := s.PersonalDeletions(c.Request.Context(), found.ID, PersonalFilter{Number: c.Query("number"), Before: window.After, Limit: window.Limit + 1})
	shown := []certificateJSON{}
	for _, d := range list {
		one := d.json()
		one.id = d.ID
		shown = append(shown, one)
	}
	return web.WriteList(c, window, "certificates", shown, err, func(one certificateJSON) int64 { return one.id })
}

func (s *Service) postDestruction(c *gin.Context) error {
	var in confirmJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	id, err := s.RequestDestruction(c.Request.Context(), web.ActorOf(c).Username, c.Param("slug"), in.Confirm)
	if err != nil {
		return err
	}
	c.JSON(http.StatusAccepted, gin.H{"approval_id": id})
	return nil
}
