package campaign

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"hongbao/internal/fault"
	"hongbao/internal/web"
)

const shopPage = 50

// filterOf reads what the address or the form asks for; where names the source of the values.
func filterOf(where func(name string) string) MerchantFilter {
	return MerchantFilter{Words: typed(where("words")), PayMode: clip(where("pay_mode")), Scenario: clip(where("scenario")),
		District: clip(where("district")), App: clip(where("app")), After: clip(where("after")), Limit: shopPage}
}

// typed is what people type into a field, as a query takes it.
func typed(text string) string { return strings.ToValidUTF8(clip(strings.TrimSpace(text)), "") }

// shopList is what the page of merchants shows.
type shopList struct {
	View      campaignView
	Form      web.Form
	Here      *web.Form
	Merchants []shop
	Next      string    // address of the next page
	NextForm  *web.Form // the next page of what is near a position, which stands in no address
	From      string    // from where distances are
	Error     string
}

func (s *Service) merchantsPage(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		view, err := s.view(c)
		if err != nil {
			return err
		}
		filter, place := filterOf(c.Query), typed(c.Query("place"))
		shown := shopList{View: view, Form: view.filterForm(filter, place), Here: view.hereForm(filter, web.Tr(c, "按离我的距离排列", "Nearest to me first"), nil)}
		if place != "" {
			err = s.shopsNearPlace(c, &shown, filter, place)
		}
		if refusal, ok := fault.As(err); ok && refusal.Kind < fault.Internal {
			shown.Error, place, err = web.Sentence(c, refusal), "", nil
		}
		if err == nil && place == "" {
			err = s.shopsInOrder(c, &shown, filter)
		}
		if err != nil {
			return err
		}
		return w.Render(c, http.StatusOK, "campaign/merchants.html", shown)
	}
}

func (s *Service) shopsInOrder(c *gin.Context, shown *shopList, filter MerchantFilter) error {
	list, err := s.publicMerchants(c.Request.Context(), shown.View.ID, filter)
	if err != nil {
		return err
	}
	if shown.Merchants = shown.View.shops(list); len(list) == filter.Limit {
		shown.Next = pageAfter(c, "after", list[len(list)-1].No)
	}
	return nil
}

func (s *Service) shopsNearPlace(c *gin.Context, shown *shopList, filter MerchantFilter, place string) error {
	ctx := c.Request.Context()
	from, err := s.place(ctx, shown.View.Live, place)
	if err != nil {
		return err
	}
	skip, _ := strconv.Atoi(c.Query("skip"))
	list, more, err := s.near(ctx, shown.View.Live, filter, from, skip)
	if err != nil {
		return err
	}
	if shown.Merchants, shown.From = shown.View.nearShops(list), place; more {
		shown.Next = pageAfter(c, "skip", strconv.Itoa(max(skip, 0)+len(list)))
	}
	return nil
}

// pageAfter is the address of this page with one value of its query changed.
func pageAfter(c *gin.Context, name, value string) string {
	query := c.Request.URL.Query()
	query.Set(name, value)
	return c.Request.URL.Path + "?" + query.Encode()
}

// positionOf reads a phone's position, WGS-84.
func positionOf(lat, lng string) (Point, error) {
	at := Point{}
	var err1, err2 error
	at.Lat, err1 = strconv.ParseFloat(lat, 64)
	at.Lng, err2 = strconv.ParseFloat(lng, 64)
	if err1 != nil || err2 != nil || !(at.Lat >= -90 && at.Lat <= 90 && at.Lng >= -180 && at.Lng <= 180) {
		return Point{}, errPosition
	}
	return fromWGS84(at), nil
}

func (s *Service) nearPage(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		view, err := s.view(c)
		if err != nil {
			return err
		}
		from, err := positionOf(c.PostForm("lat"), c.PostForm("lng"))
		if err != nil {
			return err
		}
		filter := filterOf(c.PostForm)
		skip, _ := strconv.Atoi(c.PostForm("skip"))
		list, more, err := s.near(c.Request.Context(), view.Live, filter, from, skip)
		if err != nil {
			return err
		}
		shown := shopList{View: view, Form: view.filterForm(filter, ""), Merchants: view.nearShops(list), From: web.Tr(c, "您现在的位置", "where you are")}
		if more {
			shown.NextForm = view.hereForm(filter, web.Tr(c, "下一页", "Next page"),
				map[string]string{"lat": c.PostForm("lat"), "lng": c.PostForm("lng"), "skip": strconv.Itoa(max(skip, 0) + len(list))})
		}
		return w.Render(c, http.StatusOK, "campaign/merchants.html", shown)
	}
}

func (s *Service) getMerchants(c *gin.Context) error {
	live, err := s.public(c)
	if err != nil {
		return err
	}
	filter := filterOf(c.Query)
	filter.Status, filter.Limit = clip(c.Query("status")), 100
	list, err := s.publicMerchants(c.Request.Context(), live.ID, filter)
	if err != nil {
		return err
	}
	next := ""
	if len(list) == filter.Limit {
		next = list[len(list)-1].No
	}
	if list == nil {
		list = []ListedMerchant{}
	}
	c.JSON(http.StatusOK, gin.H{"merchants": list, "next": next})
	return nil
}

// positionJSON asks for the merchants nearest to a position in degrees, WGS-84 as phones give it.
type positionJSON struct {
	Lat     float64 `json:"lat"`
	Lng     float64 `json:"lng"`
	PayMode string  `json:"pay_mode"`
	Words   string  `json:"words"`
	Skip    int     `json:"skip"` // how many to pass over
}

// postNear answers with the merchants nearest to a position. It is a POST, so that no log of addresses holds the position.
func (s *Service) postNear(c *gin.Context) error {
	live, err := s.public(c)
	if err != nil {
		return err
	}
	var in positionJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	from, err := positionOf(strconv.FormatFloat(in.Lat, 'f', -1, 64), strconv.FormatFloat(in.Lng, 'f', -1, 64))
	if err != nil {
		return err
	}
	list, more, err := s.near(c.Request.Context(), live, MerchantFilter{PayMode: clip(in.PayMode), Words: typed(in.Words), Limit: shopPage}, from, in.Skip)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, gin.H{"merchants": list, "more": more})
	return nil
}
