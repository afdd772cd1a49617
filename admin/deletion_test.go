package admin

import (
	"net/url"
	"strings"
	"testing"

	"hongbao/campaign"
)

// Of whom deleted their own data, staff and auditors see how many and find one by the number that the person shows.
func TestAPersonsOwnDeletionIsFoundByItsNumber(t *testing.T) {
	d := newDesk(t)
	made, ctx := d.registering(), t.Context()
	d.signInAgain()
	var notes []string
	for _, who := range []struct{ document, phone string }{{"320505198001010017", "13900000001"}, {"320505198101010014", "13900000002"}} {
		receipt, err := d.Campaigns.Register(ctx, campaign.Submission{Campaign: made.Slug, Name: "张三", Document: who.document, Phone: who.phone, Operator: "icbc", District: "gusu",
			Consents: []string{"registration", "operator"}})
		if err != nil {
			t.Fatal(err)
		}
		note, err := d.Campaigns.Forget(ctx, receipt.ID)
		if err != nil {
			t.Fatal(err)
		}
		notes = append(notes, note)
	}
	number := strings.TrimPrefix(strings.Split(notes[0], "\n")[1], "number ")
	page := "/console/campaigns/" + made.Slug + "/deletions"
	for _, role := range []string{"auditor", "operations"} {
		d.must(d.ask(role, "GET", page, ""), 200, number)
		d.must(d.ask(role, "GET", page+"?limit=1", ""), 200, "cursor=")
		found := d.must(d.ask(role, "GET", page+"?number="+url.QueryEscape(number), ""), 200, "registrations 1").Body.String()
		if strings.Contains(found, "张") || strings.Contains(found, "320505") || strings.Contains(found, "1390000000") {
			t.Errorf("the page of a deletion shows who the person was")
		}
		d.must(d.ask(role, "GET", page+"?number="+strings.Repeat("0", 64), ""), 200, "没有这样的证书")
		d.must(d.ask(role, "GET", page+"?number=13900000001", ""), 400, "应为证书编号")
	}
}
