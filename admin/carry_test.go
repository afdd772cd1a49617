package admin

import (
	"context"
	"strings"
	"testing"

	"gorm.io/gorm"

	"hongbao/lottery/beacon"
	"hongbao/lottery/draw"
)

// round1000 is quicknet's signature of round 1000, from lottery/draw/testdata.
const round1000 = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"

// set runs statements on the desk's draw, which brings it to a stage that otherwise takes witnesses.
func (d *desk) set(statements map[string][]any) {
	d.t.Helper()
	err := d.DB.InTx(context.Background(), func(tx *gorm.DB) error {
		for statement, values := range statements {
			if err := tx.Exec(statement, values...).Error; err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// What comes over the network in a usual draw is carried in from a file or pasted, and checked all the same.
func TestRevealsAndBeaconAreCarriedIn(t *testing.T) {
	d := newDesk(t)
	d.withCampaign()
	d.Draws.VerifyBeacon = beacon.Verify
	secret := draw.Digest{7}
	commitment := draw.Commit(draw.SHA256, slug, "icbc", secret)
	d.set(map[string][]any{
		"UPDATE draws SET status = 'sealed', round = 1000, round_at = 1692806364000, reveal_by = 1692800000000": nil,
		"UPDATE draw_parties SET commitment = ? WHERE name = 'icbc'":                                            {commitment[:]},
		"INSERT INTO draw_files (draw_id, name, part, data) SELECT id, 'chain.json', 0, ? FROM draws":           {beacon.Quicknet().JSON()},
	})
	address := "/console/draws/" + slug
	d.must(d.ask("city-admin", "GET", address, ""), 200, "以文件公开随机数")
	d.must(d.upload("city-admin", address+"/reveals", "icbc "+draw.Digest{8}.String()+"\n"), 400, "与公告中的承诺不符")
	d.must(d.upload("city-admin", address+"/reveals", "icbc\n"), 400, "第 1 行应为")
	d.must(d.form("city-admin", address+"/reveals", "text", ""), 400, "二者选一")
	d.must(d.upload("auditor", address+"/reveals", "icbc "+secret.String()), 403, "")
	d.must(d.upload("city-admin", address+"/reveals", "icbc "+secret.String()+"\n"), 303, "done=saved")
	view, err := d.Draws.StaffView(t.Context(), slug)
	if err != nil || !view.Helpers[1].Revealed || view.Helpers[0].Revealed {
		t.Fatalf("%+v %v", view.Helpers, err)
	}
	d.set(map[string][]any{
		"UPDATE draws SET status = 'revealed'": nil,
		"INSERT INTO log_lines (city, position, draw_id, kind, hash, line, at) SELECT city, 1, id, 'reveals', ?, '', 1 FROM draws":            {secret[:]},
		"INSERT INTO cosignatures (city, size, witness, at, line, received_at) SELECT city, 1, 'notary.test/witness', 1000, '', 1 FROM draws": nil,
	})
	d.must(d.ask("city-admin", "GET", address, ""), 200, "带入信标")
	d.must(d.form("city-admin", address+"/beacon", "text", strings.Repeat("0", 96)), 400, "不是该轮次的有效信标值")
	d.must(d.upload("city-admin", address+"/beacon", `{"round":1000,"signature":"`+round1000+`"}`, "text", round1000), 400, "二者选一")
	d.must(d.form("city-admin", address+"/beacon", "text", round1000[:48]+"\n"+round1000[48:]), 303, "done=saved")
	if view, err = d.Draws.StaffView(t.Context(), slug); err != nil || view.Status != "seeded" {
		t.Errorf("%v %s", err, view.Status)
	}
}
