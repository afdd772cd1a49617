package webhook

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"hongbao/internal/staff"
	"hongbao/internal/web"
)

// Routes adds this room's API.
func (s *Service) Routes(w *web.Web) {
	api := w.API("/api/v1/admin/webhooks").Staff(staff.CampaignEdit)
	api.GET("", web.Operation{ZH: "本城市的回调地址，和核验签名的公钥。", EN: "The city's webhooks, and the key that verifies their signatures.",
		Answer: web.Object{"webhooks": []Webhook{}, "key": ""}}, s.getWebhooks)
	api.POST("", web.Operation{ZH: "登记回调地址。", EN: "Registers a webhook.", Body: newJSON{}, Status: 201, Answer: Webhook{}}, s.postWebhook)
	one := api.Group("/:id", s.cityOnly)
	one.POST("/status", web.Operation{ZH: "暂停或恢复。", EN: "Pauses or resumes.", Body: statusJSON{}, Answer: Webhook{}, Also: []int{409}}, s.postStatus)
	one.GET("/deliveries", web.Operation{ZH: "投递记录，新的在前。", EN: "The delivery log, newest first.", Answer: web.List("deliveries", Delivery{})}, s.getDeliveries)
	one.POST("/deliveries/:delivery/retry", web.Operation{ZH: "重发失败的投递。", EN: "Makes a failed delivery due again.", Also: []int{409}}, s.postRetry)
}

type newJSON struct {
	City string `json:"city"`
	URL  string `json:"url"`
}

type statusJSON struct {
	Status string `json:"status"`
}

// cityOnly hides the webhooks of other cities.
func (s *Service) cityOnly(c *gin.Context) error {
	_, err := s.Visible(c)
	return err
}

// Visible finds the webhook in the path, if the actor serves its city.
func (s *Service) Visible(c *gin.Context) (Webhook, error) {
	id, err := web.PathID(c, "id", ErrMissing)
	if err != nil {
		return Webhook{}, err
	}
	found, err := s.Webhook(c.Request.Context(), id)
	if err != nil {
		return found, err
	}
	return found, web.ActorOf(c).MustSee(found.City)
}

func (s *Service) getWebhooks(c *gin.Context) error {
	list, err := s.Webhooks(c.Request.Context(), web.ActorOf(c).City)
	if err != nil {
		return err
	}
	_, public, err := s.Key()
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, gin.H{"webhooks": append([]Webhook{}, list...), "key": public})
	return nil
}

func (s *Service) postWebhook(c *gin.Context) error {
	var in newJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	if !web.ActorOf(c).Sees(in.City) {
		return ErrCity
	}
	made, err := s.Register(c.Request.Context(), web.ActorOf(c).Username, in.City, in.URL)
	if err != nil {
		return err
	}
	c.JSON(http.StatusCreated, made)
	return nil
}

func (s *Service) postStatus(c *gin.Context) error {
	var in statusJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	found, err := s.Visible(c)
	if err != nil {
		return err
	}
	if err := s.SetStatus(c.Request.Context(), web.ActorOf(c).Username, found.ID, in.Status); err != nil {
		return err
	}
	found.Status = in.Status
	c.JSON(http.StatusOK, found)
	return nil
}

func (s *Service) getDeliveries(c *gin.Context) error {
	window, err := web.WindowOf(c)
	if err != nil {
		return err
	}
	found, err := s.Visible(c)
	if err != nil {
		return err
	}
	rows, err := s.Deliveries(c.Request.Context(), found.ID, window.After, window.Limit+1)
	return web.WriteList(c, window, "deliveries", rows, err, func(d Delivery) int64 { return d.ID })
}

func (s *Service) postRetry(c *gin.Context) error {
	found, err := s.Visible(c)
	if err != nil {
		return err
	}
	id, err := web.PathID(c, "delivery", ErrMissing)
	if err != nil {
		return err
	}
	if err := s.Retry(c.Request.Context(), web.ActorOf(c).Username, found, id); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
