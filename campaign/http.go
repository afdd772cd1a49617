package campaign

import (
	"embed"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"hongbao/internal/web"
	"hongbao/lottery/draw"
)

//go:embed templates/*.html static
var templates embed.FS

// Routes adds this room's pages and API. Handlers hand on the request's context, never Gin's own: Gin uses that again for
// another request while a database driver may still look at it.
func (s *Service) Routes(r *gin.Engine, w *web.Web) {
	w.Pages.Add("campaign", templates)
	s.pages(r, w)
	s.publicRoutes(w)
	s.messageRoutes(w)
	s.citizenRoutes(w)
	s.appealRoutes(r, w)
	s.staffRoutes(w)
	s.reviewRoutes(w)
	s.challengeRoutes(w)
}

func (s *Service) publicRoutes(w *web.Web) {
	api := w.API("/api/v1/campaigns")
	api.GET("", web.Operation{ZH: "已公告的活动。", EN: "Campaigns whose notice is out.", Query: map[string]string{"city": "Code of a city; all when left out"},
		Answer: web.Object{"campaigns": []campaignJSON{}}}, s.getCampaigns)
	one := api.Group("/:slug")
	one.GET("", web.Operation{ZH: "一个活动的全部规则。", EN: "One campaign with all its rules.", Answer: detailJSON{}}, s.getCampaign)
	one.GET("/merchants", web.Operation{ZH: "可以使用红包的商户。", EN: "Merchants where envelopes may be spent.", Query: merchantQuery,
		Answer: web.Object{"merchants": []ListedMerchant{}, "next": ""}}, s.getMerchants)
	one.Limited("sms").POST("/sms-codes", web.Operation{ZH: "向手机号发送短信验证码。", EN: "Sends an SMS code to a phone.", Body: phoneJSON{},
		Also: []int{403, 409, 410, 429}}, s.postCode)
	one.Limited("register").POST("/registrations", web.Operation{ZH: "登记参加抽签；同一 Idempotency-Key 可安全重试。",
		EN: "Registers a person for the draw; safe to repeat under one Idempotency-Key.", Body: Submission{}, Status: 201, Answer: receiptJSON{}, Also: []int{403, 409, 410, 429}}, s.postRegistration(w))
	proof := one.Limited("lookup")
	proof.POST("/merchants/near", web.Operation{ZH: "离一个位置（WGS-84）最近的商户；位置不记录。", EN: "Merchants nearest to a position (WGS-84), which is not recorded.", Body: positionJSON{},
		Answer: web.Object{"merchants": []NearMerchant{}, "more": false}, Also: []int{429}}, s.postNear)
	proof.POST("/confirmations", web.Operation{ZH: "以手机号和确认码确认登记。", EN: "Confirms a registration with phone and confirmation code.", Body: proofJSON{},
		Answer: receiptJSON{}, Also: []int{403, 409, 410, 429}}, s.postProof(w, s.Confirm))
	proof.POST("/lookups", web.Operation{ZH: "以手机号和确认码查询登记。", EN: "Finds a registration by phone and confirmation code.", Body: proofJSON{},
		Answer: receiptJSON{}, Also: []int{403, 409, 410, 429}}, s.postProof(w, s.Lookup))
}

func (s *Service) messageRoutes(w *web.Web) {
	w.API("/api/v1/messages").Limited("lookup").POST("/check", web.Operation{ZH: "核对一条短信是否由平台发出，按编号或全文。", EN: "Tells whether a message is genuine, by its number or its whole text.",
		Body: messageTextJSON{}, Answer: Checked{}, Also: []int{429}}, s.postMessageCheck)
}

func (s *Service) citizenRoutes(w *web.Web) {
	me := w.API("/api/v1/me").Citizen()
	me.GET("/registration", web.Operation{ZH: "我的登记。", EN: "One's own registration.", Answer: receiptJSON{}, Also: []int{404}}, s.getMine(w))
	me.DELETE("/registration", web.Operation{ZH: "撤回我的登记。", EN: "Withdraws one's own registration.", Also: []int{404, 409, 410}}, s.deleteMine)
	me.GET("/data", web.Operation{ZH: "平台保存的关于我的全部资料。", EN: "Everything the platform keeps about oneself.", Answer: MyData{}, Also: []int{404}}, s.getMyData)
	me.DELETE("/data", web.Operation{ZH: "删除我的个人信息，返回签名的删除证明；名单锁定前同时退出。", EN: "Deletes one's own personal data and answers with a signed certificate; withdraws while the list is open.",
		Answer: certificateNote{}, Also: []int{404, 409, 410}}, s.deleteMyData)
}

var merchantQuery = map[string]string{"words": "In name, address or number", "pay_mode": "Way of paying", "scenario": "Scenario", "district": "District", "app": "App", "status": "Status", "after": "Number of the merchant after which to go on"}

// public gives a campaign that people may see: one whose notice is out.
func (s *Service) public(c *gin.Context) (*Live, error) {
	live, err := s.Live(c.Request.Context(), c.Param("slug"))
	if err == nil && (live.Status == Draft || live.Status == Approved) {
		err = errNoCampaign
	}
	return live, err
}

// campaignJSON is what everybody may know of a campaign. Times are RFC 3339.
type campaignJSON struct {
	Slug      string   `json:"slug"`
	Status    string   `json:"status"`
	Name      Text     `json:"name"`
	City      string   `json:"city"`
	Windows   Windows  `json:"windows"`
	DrawAt    string   `json:"draw_at"`
	BudgetFen int64    `json:"budget_fen"`
	Envelopes int64    `json:"envelopes"`
	RuleHash  string   `json:"rule_hash"`
	Tiers     []Tier   `json:"tiers"`
	Funding   []Source `json:"funding"`
}

func (l *Live) json() campaignJSON {
	return campaignJSON{Slug: l.Slug, Status: l.Status, Name: l.Book.Name, City: l.City, Windows: l.Book.Windows,
		DrawAt: l.Book.Windows.Draw().Format(time.RFC3339), BudgetFen: int64(l.Budget), Envelopes: l.Book.Envelopes(),
		RuleHash: draw.Digest(l.RuleHash).String(), Tiers: l.Book.Tiers, Funding: l.Book.Funding}
}

// detailJSON is what a form for registering needs to know.
type detailJSON struct {
	campaignJSON
	CityDetail   City       `json:"city_detail"`
	Pools        Pools      `json:"pools"`
	Operators    []Operator `json:"operators"`
	Apps         []App      `json:"apps"`
	Scenarios    []Scenario `json:"scenarios"`
	Eligibility  Rule       `json:"eligibility"`
	Documents    []string   `json:"documents"`
	MinAge       int        `json:"min_age"`
	Consents     []Consent  `json:"consents"`
	SMSCode      bool       `json:"sms_code"`
	Confirmation string     `json:"confirmation"`
	Retention    Retention  `json:"retention"`
}

func (s *Service) getCampaigns(c *gin.Context) error {
	list, err := s.publicList(c)
	if err != nil {
		return err
	}
	found := []campaignJSON{}
	for _, live := range list {
		found = append(found, live.json())
	}
	c.JSON(http.StatusOK, gin.H{"campaigns": found})
	return nil
}

// publicList gives the campaigns that people may see, without asking the database for each request.
func (s *Service) publicList(c *gin.Context) ([]*Live, error) {
	ctx, city := c.Request.Context(), clip(c.Query("city"))
	ids, err := s.listed.get(city, s.Now(), func() (ids []int64, err error) {
		rows, err := s.List(ctx, city)
		for _, row := range rows {
			ids = append(ids, row.ID)
		}
		return ids, err
	})
	if err != nil {
		return nil, err
	}
	var list []*Live
	for _, id := range ids {
		live, err := s.live(ctx, id)
		if err != nil {
			return nil, err
		}
		if live.Status != Draft && live.Status != Approved {
			list = append(list, live)
		}
	}
	return list, nil
}

func (s *Service) getCampaign(c *gin.Context) error {
	live, err := s.public(c)
	if err != nil {
		return err
	}
	book := live.Book
	c.JSON(http.StatusOK, detailJSON{live.json(), book.City, book.Pools, book.Operators, book.Apps, book.Scenarios, book.Eligibility,
		book.Documents, book.MinAge, live.Consents(), book.SMSCode, book.Confirmation, book.Keeping()})
	return nil
}

type phoneJSON struct {
	Phone string `json:"phone"`
}

func (s *Service) postCode(c *gin.Context) error {
	var in phoneJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	if err := s.SendCode(c.Request.Context(), c.Param("slug"), in.Phone); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// receiptJSON is the answer to a registration.
type receiptJSON struct {
	Registration     entryJSON `json:"registration"`
	Receipt          string    `json:"receipt"`
	ConfirmationCode string    `json:"confirmation_code"`
	Token            string    `json:"token"`
}

type entryJSON struct {
	Entry        string    `json:"entry"`
	Pool         string    `json:"pool"`
	Operator     string    `json:"operator"`
	Status       string    `json:"status"`
	Reason       string    `json:"reason,omitempty"`
	RegisteredAt time.Time `json:"registered_at"`
}

func (r Receipt) json(w *web.Web) receiptJSON {
	return receiptJSON{entryJSON{r.Entry.String(), r.Pool, r.Operator, r.Status, r.Reason, r.RegisteredAt}, r.Note, r.ConfirmationCode,
		w.IssueCitizen(web.Citizen{RegistrationID: r.ID, CampaignID: r.CampaignID})}
}

func (s *Service) postRegistration(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error { return s.answerRegistration(c, w, "") }
}

func (s *Service) postDesk(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error { return s.answerRegistration(c, w, web.ActorOf(c).Username) }
}

func (s *Service) answerRegistration(c *gin.Context, w *web.Web, desk string) error {
	var sub Submission
	if err := web.Bind(c, &sub); err != nil {
		return err
	}
	sub.Campaign, sub.IdempotencyKey, sub.Desk = c.Param("slug"), c.GetHeader("Idempotency-Key"), desk
	if desk == "" {
		sub.Network = c.ClientIP()
	}
	receipt, err := s.Register(c.Request.Context(), sub)
	if err != nil {
		return err
	}
	c.JSON(http.StatusCreated, receipt.json(w))
	return nil
}

// proofJSON is what proves that a registration is one's own.
type proofJSON struct {
	Phone string `json:"phone"`
	Code  string `json:"code"`
}

// postProof answers whoever proves with phone and confirmation code that a registration is theirs.
func (s *Service) postProof(w *web.Web, prove prover) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		var in proofJSON
		if err := web.Bind(c, &in); err != nil {
			return err
		}
		receipt, err := prove(c.Request.Context(), c.Param("slug"), in.Phone, in.Code)
		if err != nil {
			return err
		}
		c.JSON(http.StatusOK, receipt.json(w))
		return nil
	}
}

func (s *Service) getMine(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		receipt, err := s.Mine(c.Request.Context(), web.CitizenOf(c).RegistrationID)
		if err != nil {
			return err
		}
		c.JSON(http.StatusOK, receipt.json(w))
		return nil
	}
}

func (s *Service) deleteMine(c *gin.Context) error {
	if err := s.Withdraw(c.Request.Context(), web.CitizenOf(c).RegistrationID); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Service) getMyData(c *gin.Context) error {
	data, err := s.MyData(c.Request.Context(), web.CitizenOf(c).RegistrationID)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, data)
	return nil
}

// certificateNote is the signed certificate of a deletion.
type certificateNote struct {
	Certificate string `json:"certificate"`
}

// deleteMyData answers with the signed certificate of the deletion.
func (s *Service) deleteMyData(c *gin.Context) error {
	certificate, err := s.Forget(c.Request.Context(), web.CitizenOf(c).RegistrationID)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, certificateNote{certificate})
	return nil
}
