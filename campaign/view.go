package campaign

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"hongbao/internal/money"
	"hongbao/internal/web"
)

// campaignView is what every page of a campaign shows.
type campaignView struct {
	*Live
	Locale     string
	Now        time.Time
	Registered int64 // so far, where the page tells the chance; not to the minute

	Preview []web.Option // stages of a preview, whose Value is the address: nobody but staff sees the page so
}

// stageMoments are the stages of a campaign's page with the status that each has.
var stageMoments = []struct {
	stage, status string
	title         Text
	at            func(w Windows) time.Time
}{
	{"before", Announced, Text{"登记前", "Before"}, func(w Windows) time.Time { return w.Open.Add(-time.Hour) }},
	{"open", Open, Text{"登记中", "Registration"}, func(w Windows) time.Time { return w.Open.Add(time.Hour) }},
	{"pending", Closed, Text{"等待抽签", "Before the draw"}, func(w Windows) time.Time { return w.Close }},
	{"drawn", Drawn, Text{"抽签后", "After the draw"}, func(w Windows) time.Time { return w.ClaimFrom }},
	{"over", Settled, Text{"结束后", "Afterwards"}, func(w Windows) time.Time { return w.SpendUntil }},
}

// Preview is the campaign's page as citizens will see it at a stage, for the template campaign/home.html. An unknown stage
// is the first.
func (l *Live) Preview(locale, stage, address string) any {
	shown, view := *l, campaignView{Locale: locale}
	for i, one := range stageMoments {
		if i == 0 || one.stage == stage {
			shown.Status, view.Now = one.status, one.at(l.Book.Windows)
		}
		view.Preview = append(view.Preview, web.Option{Value: address + "?stage=" + one.stage, Label: one.title.In(locale)})
	}
	view.Live = &shown
	return view
}

// Title is the campaign's name.
func (v campaignView) Title() string { return v.Book.Name.In(v.Locale) }

// CityName is the city's name.
func (v campaignView) CityName() string { return v.Book.City.Name.In(v.Locale) }

// Chip is the status as the pages name it.
func (v campaignView) Chip() string { return "campaign." + v.Status }

// Registering reports whether registration is open now.
func (v campaignView) Registering() bool { return v.accepts(v.Now) == nil }

// Stage says which of the pages' states this is: before, open, pending, drawn, over or cancelled.
func (v campaignView) Stage() string {
	switch {
	case v.Status == Cancelled:
		return "cancelled"
	case v.Status == Settled || !v.Now.Before(v.SpendUntilAt.Time()):
		return "over"
	case v.Status == Drawn:
		return "drawn"
	case v.Registering():
		return "open"
	case v.Now.Before(v.OpenAt.Time()) || v.Status == Announced:
		return "before"
	}
	return "pending"
}

// DrawAt is the moment of the draw.
func (v campaignView) DrawAt() time.Time { return v.Book.Windows.Draw() }

// RuleDigest is the hash of the rule book's file, in hex.
func (v campaignView) RuleDigest() string { return hex.EncodeToString(v.RuleHash[:]) }

// Amounts are the amounts of the tiers in yuan, as in "178 / 238".
func (v campaignView) Amounts() string {
	var parts []string
	for i := len(v.Book.Tiers) - 1; i >= 0; i-- {
		parts = append(parts, web.Yuan(v.Book.Tiers[i].Amount))
	}
	return strings.Join(parts, " / ")
}

// Conditions says who may register.
func (v campaignView) Conditions() []string { return v.Book.Conditions(v.Locale) }

// Funders lists who pays, with amounts.
func (v campaignView) Funders() []web.Figure {
	var list []web.Figure
	for _, source := range v.Book.Funding {
		list = append(list, web.Figure{Label: source.Title.In(v.Locale), Value: web.Yuan(source.Amount), Unit: Text{"元", "yuan"}.In(v.Locale)})
	}
	return list
}

// Figures are the numbers of the home page.
func (v campaignView) Figures() []web.Figure {
	say := func(zh, en string) string { return Text{zh, en}.In(v.Locale) }
	list := []web.Figure{
		{Label: say("红包", "Envelopes"), Value: web.Count(v.Book.Envelopes()), Unit: say("个", "")},
		{Label: say("总额", "Budget"), Value: budgetText(v.Budget, v.Locale), Unit: say("元", "yuan")},
	}
	if v.Registered > 0 {
		list = append(list, web.Figure{Label: say("已登记", "Registered"), Value: web.Count(v.Registered), Unit: say("人", "people")},
			web.Figure{Label: say("目前中签率", "Chance so far"), Value: web.Share(min(v.Registered, v.Book.Envelopes()), v.Registered)})
	}
	return list
}

// budgetText shortens a round sum as people say it: 2,000 万.
func budgetText(budget money.Fen, locale string) string {
	if tenThousand := 10_000 * money.Yuan; locale != "en" && budget%tenThousand == 0 {
		return web.Count(int64(budget/tenThousand)) + " 万"
	}
	return web.Yuan(budget)
}

// Ways lists the scenarios with their pay modes in words.
func (v campaignView) Ways() []web.Option {
	var list []web.Option
	for _, scenario := range v.Book.Scenarios {
		var modes []string
		for _, mode := range scenario.PayModes {
			modes = append(modes, words(payModeWords, mode, v.Locale))
		}
		list = append(list, web.Option{Value: scenario.Name, Label: scenario.Title.In(v.Locale), Note: strings.Join(modes, Text{"；", "; "}.In(v.Locale)) + v.limits(scenario)})
	}
	return list
}

func (v campaignView) limits(scenario Scenario) string {
	var names []string
	for _, name := range append(append([]string(nil), scenario.Admission.DeliveryDistricts...), scenario.Admission.Districts...) {
		district, _ := v.Book.District(name)
		names = append(names, district.Title.In(v.Locale))
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf(Text{"（仅限%s）", " (%s only)"}.In(v.Locale), strings.Join(names, Text{"、", ", "}.In(v.Locale)))
}

// Banks lists the operators with the apps they push sub-wallets to.
func (v campaignView) Banks() []web.Option {
	var list []web.Option
	for _, operator := range v.Book.Operators {
		var apps []string
		for _, name := range operator.Apps {
			app, _ := v.Book.App(name)
			apps = append(apps, app.Title.In(v.Locale))
		}
		note := ""
		if len(apps) > 0 {
			note = Text{"可推送子钱包到：", "Sub-wallets for: "}.In(v.Locale) + strings.Join(apps, Text{"、", ", "}.In(v.Locale))
		}
		list = append(list, web.Option{Value: operator.Name, Label: operator.Title.In(v.Locale), Note: note})
	}
	return list
}

// shop is a merchant as a page lists it.
type shop struct {
	Name, Class, District, Address, Modes, Distance string
}

// shops leaves out those that are suspended: an envelope cannot be spent there.
func (v campaignView) shops(list []ListedMerchant) (shown []shop) {
	for _, m := range list {
		if m.Status != MerchantSuspended {
			shown = append(shown, v.shop(m))
		}
	}
	return shown
}

func (v campaignView) shop(m ListedMerchant) shop {
	var modes []string
	for _, mode := range m.PayModes {
		modes = append(modes, words(payModeWords, mode, v.Locale))
	}
	district, _ := v.Book.District(m.District)
	return shop{m.Name, m.Class, district.Title.In(v.Locale), m.Address, strings.Join(modes, " · "), ""}
}

func (v campaignView) nearShops(list []NearMerchant) (shown []shop) {
	for _, m := range list {
		one := v.shop(m.ListedMerchant)
		one.Distance = distanceText(m.Metres, v.Locale)
		shown = append(shown, one)
	}
	return shown
}

// filterForm finds shops by words, pay mode and district, and puts them in order of the distance from a typed place.
func (v campaignView) filterForm(filter MerchantFilter, place string) web.Form {
	all := web.Option{Label: Text{"全部", "All"}.In(v.Locale)}
	districts, modes := []web.Option{all}, []web.Option{all}
	for _, d := range v.Book.City.Districts {
		districts = append(districts, web.Option{Value: d.Name, Label: d.Title.In(v.Locale)})
	}
	for _, mode := range PayModes {
		modes = append(modes, web.Option{Value: mode, Label: words(payModeWords, mode, v.Locale)})
	}
	return web.Form{Action: "/c/" + v.Slug + "/merchants", Method: "get", Submit: Text{"查找", "Find"}.In(v.Locale), Inline: true, Fields: []web.Field{
		{Name: "words", Label: Text{"商户名称或地址", "Name or address"}.In(v.Locale), MaxLength: 30, Value: filter.Words, Autocomplete: "off"},
		{Name: "pay_mode", Label: Text{"怎样付款", "How to pay"}.In(v.Locale), Type: "select", Value: filter.PayMode, Options: modes},
		{Name: "district", Label: Text{"区县", "District"}.In(v.Locale), Type: "select", Value: filter.District, Options: districts},
		{Name: "place", Label: Text{"从哪里算距离", "Distance from"}.In(v.Locale), MaxLength: 30, Value: place, Placeholder: Text{"区县、街道或店名", "district, street or shop"}.In(v.Locale), Autocomplete: "off"}}}
}

// hereForm asks for the shops nearest to where the phone is. The position goes into this one request, rounded to some
// hundred metres by the page, and is kept nowhere.
func (v campaignView) hereForm(filter MerchantFilter, submit string, more map[string]string) *web.Form {
	hidden := map[string]string{"words": filter.Words, "pay_mode": filter.PayMode, "district": filter.District, "lat": "", "lng": ""}
	for name, value := range more {
		hidden[name] = value
	}
	return &web.Form{Action: "/c/" + v.Slug + "/merchants/near", Submit: submit, Hidden: hidden, Quiet: true}
}
