package admin

import (
	"fmt"
	"io"
	"strings"

	"hongbao/campaign"
	"hongbao/internal/fault"
	"hongbao/internal/web"
	"hongbao/lottery"
	"hongbao/lottery/draw"

	"github.com/gin-gonic/gin"
)

// carryLimit bounds what is carried in by hand, in bytes: a round, or the reveals of 99 helpers.
const carryLimit = 64 << 10

// carryActs bring in by hand what otherwise comes over the network: the helpers' reveals, and the beacon round.
func carryActs(c *gin.Context, found campaign.Campaign, view *lottery.View) []act {
	address := "/console/draws/" + found.Slug
	file := func(hint string) web.Field {
		return web.Field{Name: "file", Label: web.Tr(c, "或者选择文件", "Or choose a file"), Hint: hint, Type: "file", Accept: ".txt,.json,text/plain,application/json"}
	}
	switch {
	case view.Status == lottery.Sealed && view.WaitingFor == "reveals":
		return []act{{Title: web.Tr(c, "以文件公开随机数", "Reveal by file"),
			Text: web.Tr(c, "协助方没有网络时，把其写出的一行带来：名称 随机数。与公告承诺不符的不收；收下即公开。", "For a helper without a network: the line that it wrote, name and secret. What does not match its commitment is refused; what is taken is public."),
			Form: web.Form{Action: address + "/reveals", Upload: true, Submit: web.Tr(c, "公开", "Reveal"), Fields: []web.Field{
				{Name: "text", Type: "textarea", Rows: 3, Label: web.Tr(c, "粘贴，每行一个协助方", "Paste, one helper a line"), Value: c.PostForm("text"), Autocomplete: "off"}, file("")}}}}
	case view.Status == lottery.Revealed && view.WaitingFor != "void":
		return []act{{Title: web.Tr(c, "带入信标", "Carry the beacon in"),
			Text: web.Tr(c, fmt.Sprintf("网络不通时，可在任何地方取得 drand 第 %d 轮后带来。签名会照样验证，谁带来都一样。", view.Round), fmt.Sprintf("Where no relay can be reached, drand round %d can be fetched anywhere and carried in. Its signature is verified all the same.", view.Round)),
			Form: web.Form{Action: address + "/beacon", Upload: true, Submit: web.Tr(c, "验证并带入", "Verify and take"), Fields: []web.Field{
				{Name: "text", Type: "textarea", Rows: 4, Label: web.Tr(c, "粘贴信标的 JSON，或 96 位十六进制签名", "Paste the round's JSON, or the 96 hex digits of its signature"), Value: c.PostForm("text"), Autocomplete: "off"}, file("")}}}}
	}
	return nil
}

var errCarried = fault.Field("text", "carried", "请粘贴内容或选择文件，二者选一。", "Paste the text or choose a file, one of both.")

// carried is what was pasted, or the file.
func carried(c *gin.Context) (string, error) {
	text := strings.TrimSpace(c.PostForm("text"))
	file, _, err := c.Request.FormFile("file")
	if err != nil {
		if text == "" {
			return "", errCarried
		}
		return text, nil
	}
	defer func() { _ = file.Close() }() // only read from
	content, err := io.ReadAll(file)
	if err != nil {
		return "", errNoFile.With(err)
	}
	if whole := strings.TrimSpace(string(content)); (whole == "") != (text == "") {
		return whole + text, nil
	}
	return "", errCarried
}

// carriedFor is the campaign in the path and what was carried in for its draw.
func (k *Console) carriedFor(c *gin.Context) (slug, text string, err error) {
	found, err := k.theCampaign(c)
	if err == nil {
		text, err = carried(c)
	}
	return found.Slug, text, err
}

func (k *Console) carryBeacon(c *gin.Context) (string, error) {
	slug, text, err := k.carriedFor(c)
	if err != nil {
		return "", err
	}
	return done("/console/draws/"+slug, "saved"), k.Draws.CarryBeacon(c.Request.Context(), slug, text, web.ActorOf(c).Username)
}

// carryReveals takes reveals line by line. One that is refused ends it; those above it are public, and taking them again changes nothing.
func (k *Console) carryReveals(c *gin.Context) (string, error) {
	slug, text, err := k.carriedFor(c)
	if err != nil {
		return "", err
	}
	for i, line := range strings.Split(text, "\n") {
		name, secret, _ := strings.Cut(strings.TrimSpace(line), " ")
		reveal, err := draw.ParseDigest(secret)
		if err != nil {
			return "", fault.Field("text", "reveal-line", fmt.Sprintf("第 %d 行应为：名称 空格 64 位十六进制。", i+1), fmt.Sprintf("Line %d must be a name, a space and 64 hex digits.", i+1))
		}
		if err := k.Draws.Reveal(c.Request.Context(), slug, name, reveal); err != nil {
			return "", err
		}
	}
	return done("/console/draws/"+slug, "saved"), nil
}
