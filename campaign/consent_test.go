package campaign

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"hongbao/internal/testkit"
)

// consentDigests pin every text that was ever in force: SHA-256 over purpose@version, the text in 中文, the text in English and
// "required" or "optional", each ended by a line feed. A line is added for a new version; none ever changes or goes.
var consentDigests = map[string]string{
	"registration@1": "fedf5510cf5a05977d0203aef5338a61f890fcd7f77e7c9ad9c0105e6597601b",
	"operator@1":     "9bc86f2a885937f7b344689c19eb03fe71c0305d730a7dad3fe4163a6333ca1c",
	"risk@1":         "510c844dcb046ea77543d05f4066f06f4263b45ca6d05a92ee682d7530506444",
	"risk@2":         "0abb2137436858232dba2cf52b66688e5f3573c8b5c543cd379542e1d016e61b",
	"risk@3":         "44538059e80b9fb7d89f354a2b8a43fd4fe65f913a407be0c71f33be98b11fd0",
	"location@1":     "f1caf4a45c575713b90618f66883b32fd8131ef34a101c3a896bcf3b6b80c181",
}

func TestANewConsentTextIsANewVersion(t *testing.T) {
	known := map[string]bool{}
	for _, c := range consents {
		weight := map[bool]string{true: "required", false: "optional"}[c.Required]
		digest := sha256.Sum256([]byte(c.ID() + "\n" + c.Text.ZH + "\n" + c.Text.EN + "\n" + weight + "\n"))
		if got := hex.EncodeToString(digest[:]); got != consentDigests[c.ID()] {
			t.Errorf("%s is not the text that people agreed to (%s): a new text takes a new version, beside the old ones", c.ID(), got)
		}
		if known[c.ID()] {
			t.Errorf("%s has two texts", c.ID())
		}
		known[c.ID()] = true
	}
	for id := range consentDigests {
		if !known[id] {
			t.Errorf("the text of %s is gone; people agreed to it", id)
		}
	}
}

// A person's data gives the text that the person read, not the one that has followed it, which is the only one asked for now.
func TestMyDataGivesTheTextThatWasAgreedTo(t *testing.T) {
	w := newWorld(t, testkit.DB(t))
	c := w.open(suzhou(t, anyone...))
	receipt, err := w.Register(t.Context(), person(c.Slug, 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.DB.SQL().Exec("UPDATE registrations SET consents = 'registration@1 risk@1'"); err != nil {
		t.Fatal(err)
	}
	data, err := w.MyData(t.Context(), receipt.ID)
	if err != nil || len(data.Consents) != 2 || data.Consents[1].ID() != "risk@1" || data.Consents[1].Text.ZH != "同意用设备标识和网络地址的摘要识别批量登记。任何排除都说明理由，并可申诉。" {
		t.Errorf("%+v, %v", data.Consents, err)
	}
	old := person(c.Slug, 2)
	old.Consents = []string{"registration", "operator", "risk@1"}
	if _, err := w.Register(t.Context(), old); err == nil {
		t.Error("a text that is not in force any more was agreed to")
	}
}
