package campaign

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"hongbao/internal/fault"
)

// Point is a place in degrees, GCJ-02 as Chinese maps and the merchants' list use it.
type Point struct {
	Lat, Lng float64
}

func (p Point) known() bool { return p.Lat != 0 || p.Lng != 0 }

const earthRadius = 6_371_000.0 // metres

// metres is the distance along the ground, as the crow flies.
func (p Point) metres(to Point) float64 {
	radians := math.Pi / 180
	lat, lng := (to.Lat-p.Lat)*radians/2, (to.Lng-p.Lng)*radians/2
	a := math.Sin(lat)*math.Sin(lat) + math.Cos(p.Lat*radians)*math.Cos(to.Lat*radians)*math.Sin(lng)*math.Sin(lng)
	return 2 * earthRadius * math.Asin(math.Sqrt(min(1, a)))
}

// fromWGS84 turns what a phone's positioning gives into GCJ-02: the public approximation, right to a few metres within the
// mainland, where the two differ by several hundred.
func fromWGS84(p Point) Point {
	const axis, flattening = 6378245.0, 0.00669342162296594323
	x, y := p.Lng-105, p.Lat-35
	waves := (20*math.Sin(6*x*math.Pi) + 20*math.Sin(2*x*math.Pi)) * 2 / 3
	lat := -100 + 2*x + 3*y + 0.2*y*y + 0.1*x*y + 0.2*math.Sqrt(math.Abs(x)) + waves +
		(20*math.Sin(y*math.Pi)+40*math.Sin(y/3*math.Pi))*2/3 + (160*math.Sin(y/12*math.Pi)+320*math.Sin(y*math.Pi/30))*2/3
	lng := 300 + x + 2*y + 0.1*x*x + 0.1*x*y + 0.1*math.Sqrt(math.Abs(x)) + waves +
		(20*math.Sin(x*math.Pi)+40*math.Sin(x/3*math.Pi))*2/3 + (150*math.Sin(x/12*math.Pi)+300*math.Sin(x/30*math.Pi))*2/3
	sine := math.Sin(p.Lat * math.Pi / 180)
	magic := 1 - flattening*sine*sine
	root := math.Sqrt(magic)
	return Point{p.Lat + lat*180/((axis*(1-flattening))/(magic*root)*math.Pi), p.Lng + lng*180/(axis/root*math.Cos(p.Lat*math.Pi/180)*math.Pi)}
}

var (
	errPlace    = fault.Field("place", "place-unknown", "没有找到这个地点，请试试区县、街道或商户名称。", "No such place is known; try a district, a street or a shop's name.")
	errPosition = fault.Field("position", "position", "位置无效。", "The position is not valid.")
)

// placed finds the middle of what a typed place names: a district, or the shops whose name or address holds it.
func (rb *RuleBook) placed(place string, all []ListedMerchant) (Point, error) {
	names := func(m ListedMerchant) bool {
		return strings.Contains(m.Address, place) || strings.Contains(m.Name, place)
	}
	for _, d := range rb.City.Districts {
		if place == d.Name || strings.Contains(d.Title.ZH, place) || strings.EqualFold(d.Title.EN, place) {
			names = func(m ListedMerchant) bool { return m.District == d.Name }
			break
		}
	}
	var middle Point
	n := 0.0
	for _, m := range all {
		if at := (Point{m.Lat, m.Lng}); at.known() && names(m) {
			middle, n = Point{middle.Lat + at.Lat, middle.Lng + at.Lng}, n+1
		}
	}
	if n == 0 {
		return Point{}, errPlace
	}
	return Point{middle.Lat / n, middle.Lng / n}, nil
}

// NearMerchant is a merchant with its distance in metres; -1 for one that stands nowhere, such as an app.
type NearMerchant struct {
	ListedMerchant
	Metres int `json:"metres"`
}

// nearest puts merchants into the order of their distance.
func nearest(list []ListedMerchant, from Point) []NearMerchant {
	near := make([]NearMerchant, 0, len(list))
	for _, m := range list {
		metres := -1
		if at := (Point{m.Lat, m.Lng}); at.known() {
			metres = int(math.Round(from.metres(at)))
		}
		near = append(near, NearMerchant{m, metres})
	}
	slices.SortFunc(near, func(a, b NearMerchant) int {
		if (a.Metres < 0) != (b.Metres < 0) {
			return cmp.Compare(b.Metres, a.Metres)
		}
		return cmp.Or(cmp.Compare(a.Metres, b.Metres), cmp.Compare(a.No, b.No))
	})
	return near
}

// everywhere is a campaign's whole list, kept once for all who ask.
func (s *Service) everywhere(ctx context.Context, campaignID int64) ([]ListedMerchant, error) {
	return s.publicMerchants(ctx, campaignID, MerchantFilter{Limit: everyMerchant})
}

// near gives a page of those that fit the filter and take envelopes, the nearest first.
func (s *Service) near(ctx context.Context, live *Live, f MerchantFilter, from Point, after int) (list []NearMerchant, more bool, err error) {
	all, err := s.everywhere(ctx, live.ID)
	if err != nil {
		return nil, false, err
	}
	var fitting []ListedMerchant
	for _, m := range all {
		if m.Status != MerchantSuspended && f.fits(m) {
			fitting = append(fitting, m)
		}
	}
	sorted := nearest(fitting, from)
	after = min(max(after, 0), len(sorted))
	end := min(after+f.Limit, len(sorted))
	return sorted[after:end], end < len(sorted), nil
}

// fits is the filter of the query, for a list that is at hand.
func (f MerchantFilter) fits(m ListedMerchant) bool {
	return (f.PayMode == "" || slices.Contains(m.PayModes, f.PayMode)) && (f.District == "" || m.District == f.District) &&
		(f.Scenario == "" || slices.Contains(m.Scenarios, f.Scenario)) && (f.App == "" || m.App == f.App) &&
		(f.Words == "" || strings.Contains(m.Name, f.Words) || strings.Contains(m.Address, f.Words) || strings.Contains(m.No, f.Words))
}

// place finds a typed place among all merchants of a campaign.
func (s *Service) place(ctx context.Context, live *Live, text string) (Point, error) {
	all, err := s.everywhere(ctx, live.ID)
	if err != nil {
		return Point{}, err
	}
	return live.Book.placed(text, all)
}

// distanceText says how far, as people say it.
func distanceText(metres int, locale string) string {
	switch {
	case metres < 0:
		return ""
	case metres < 1000:
		return fmt.Sprintf(Text{"约 %d 米", "about %d m"}.In(locale), (metres+5)/10*10)
	}
	return fmt.Sprintf(Text{"约 %.1f 公里", "about %.1f km"}.In(locale), float64(metres)/1000)
}
