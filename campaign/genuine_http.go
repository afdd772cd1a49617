package campaign

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"hongbao/internal/fault"
	"hongbao/internal/web"
)

type messageTextJSON struct {
	Text string `json:"text"` // the whole message, or its number
}

func (s *Service) postMessageCheck(c *gin.Context) error {
	var in messageTextJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	checked, err := s.CheckMessage(c.Request.Context(), in.Text)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, checked)
	return nil
}

// verdicts are how the page says what came of a check.
var verdicts = map[string]struct {
	tone        string
	title, text Text
}{
	MessageGenuine: {"success", Text{"这是官方短信", "This message is genuine"}, Text{"内容与平台发出的完全一致。如果您设过防骗暗语，短信里应有您的暗语。", "It is word for word what the platform sent. If you chose a code word, it stands in the message."}},
	MessageNumber:  {"info", Text{"这个编号是平台发出的", "The number is one of ours"}, Text{"请把收到的短信与下面的原文逐字对照；编号可能被抄到假短信里。", "Compare what you received with the text below, word for word: a forger can copy a number."}},
	MessageAltered: {"danger", Text{"内容被改过，不要相信", "The words were changed. Do not trust it"}, Text{"编号是真的，内容不是平台发出的。原文见下。", "The number is genuine, the words are not ours. What we sent stands below."}},
	MessageUnknown: {"danger", Text{"平台没有发过这条短信", "The platform has not sent this message"}, Text{"官方短信末尾都有编号，例如“编号 12345-ABCDEF”。不要点击链接，不要转账，不要提供验证码。", "Every official message ends with a number such as “编号 12345-ABCDEF”. Follow no link, transfer nothing, give nobody a code."}},
	MessageCode:    {"warning", Text{"验证码短信不能这样核对", "A code cannot be checked here"}, Text{"验证码只在您自己点击获取后才会发出，平台不保存。没有点过就不要理会，也不要告诉任何人。", "A code is sent only after you asked for it yourself, and is not kept. If you did not, ignore it, and tell nobody."}},
	MessageErased:  {"warning", Text{"该活动已结束，个人信息已销毁", "That campaign is over and its personal data destroyed"}, Text{"平台不会再就这个活动发短信，新收到的都是假的。", "Nothing is sent about it any more: what arrives now is forged."}},
}

func (s *Service) checkPage(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error { return showCheck(c, w, http.StatusOK, nil, nil) }
}

func (s *Service) postCheck(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		checked, err := s.CheckMessage(c.Request.Context(), c.PostForm("text"))
		if found, ok := fault.As(err); ok && found.Kind < fault.Internal {
			return showCheck(c, w, int(found.Kind), nil, err)
		}
		if err != nil {
			return err
		}
		return showCheck(c, w, http.StatusOK, &checked, nil)
	}
}

func showCheck(c *gin.Context, w *web.Web, status int, checked *Checked, failed error) error {
	form := web.Form{Action: "/check", Submit: web.Tr(c, "核对", "Check"), Fields: []web.Field{{Name: "text", Label: web.Tr(c, "短信全文或编号", "The whole message, or its number"),
		Type: "textarea", Rows: 4, MaxLength: 500, Required: true, Value: c.PostForm("text"), Hint: web.Tr(c, "从【城市】到编号，完整粘贴", "From the city in brackets to the number")}}}
	markForm(c, &form, failed)
	page := gin.H{"Form": form}
	if checked != nil {
		said := verdicts[checked.Outcome]
		page["Verdict"] = gin.H{"Tone": said.tone, "Title": said.title.In(web.Locale(c)), "Text": said.text.In(web.Locale(c))}
		page["Checked"], page["Name"] = checked, checked.Name.In(web.Locale(c))
	}
	return w.Render(c, status, "campaign/check.html", page)
}
