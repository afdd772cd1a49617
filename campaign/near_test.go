package campaign

import (
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestDistance(t *testing.T) {
	// Beijing to Shanghai: 1,067 km along the great circle.
	if got := (Point{39.9042, 116.4074}).metres(Point{31.2304, 121.4737}); math.Abs(got-1_067_000) > 2000 {
		t.Errorf("%.0f m", got)
	}
	// The published example of the transformation: Tiananmen in WGS-84 and in GCJ-02.
	got := fromWGS84(Point{39.90734, 116.39089})
	if off := got.metres(Point{39.90874, 116.39713}); off > 10 {
		t.Errorf("%+v is %.0f m off", got, off)
	}
}

// Shops are found by words, and put in order of the distance from a typed place or from where the phone is; the position
// stands in no address.
func TestShopsBySearchAndDistance(t *testing.T) {
	s := newSite(t)
	c := s.open(suzhou(t, anyone...))
	if err := s.SetMerchantStatus(t.Context(), "maker", c.Slug, "SZ-0020", MerchantSuspended, "核查"); err != nil {
		t.Fatal(err)
	}
	page := func(method, path, body string) string {
		t.Helper()
		status, text := s.send(method, "/c/"+c.Slug+"/merchants"+path, "", "application/x-www-form-urlencoded", body)
		if status != http.StatusOK {
			t.Fatalf("%s %s: %d %s", method, path, status, text)
		}
		return text
	}
	order := func(page string, names ...string) {
		t.Helper()
		places := make([]int, len(names))
		for i, name := range names {
			places[i] = strings.Index(page, "<strong>"+name)
		}
		if slices.Contains(places, -1) || !slices.IsSorted(places) {
			t.Errorf("%v stand at %v", names, places)
		}
	}
	found := page("GET", "?words="+url.QueryEscape("便利店")+"&district=gusu", "")
	if !strings.Contains(found, "京东便利店姑苏店") || strings.Contains(found, "五星电器") {
		t.Error("words do not find a shop, or find too much")
	}
	if found := page("GET", "?words=%25", ""); strings.Contains(found, "京东") {
		t.Error("a wildcard got through")
	}
	order(page("GET", "?place="+url.QueryEscape("昆山"), ""), "五星电器昆山店", "京东之家园区店", "京东商城自营")
	order(page("GET", "?place="+url.QueryEscape("观前街"), ""), "五星电器观前街店", "京东便利店姑苏店", "五星电器昆山店")
	if found := page("GET", "?place="+url.QueryEscape("火星"), ""); !strings.Contains(found, "没有找到这个地点") || !strings.Contains(found, "五星电器") {
		t.Error("an unknown place is not named, or shows no shop")
	}
	near := page("POST", "/near", "lat=31.871&lng=120.551&pay_mode=tap")
	order(near, "京东便利店张家港店", "京东便利店常熟店")
	if strings.Contains(near, "平江路面馆") || strings.Contains(near, "京东商城自营") {
		t.Error("a suspended shop or another pay mode is listed")
	}
	if status, _ := s.send("POST", "/c/"+c.Slug+"/merchants/near", "", "application/x-www-form-urlencoded", "lat=NaN&lng=1"); status != http.StatusBadRequest {
		t.Errorf("a position that is none: %d", status)
	}
}
