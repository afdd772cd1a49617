package campaign

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// SMSText is a city's own text of the official SMS of a stage, in place of the platform's: {campaign} stands for the
// campaign's name, {code} for the confirmation code.
type SMSText struct {
	Stage string `yaml:"stage" json:"stage"`
	Text  string `yaml:"text" json:"text"`
}

// maxSMSText bounds a text in characters: with the city's name, the code word and the closing line it stays three SMS.
const maxSMSText = 120

// link finds what a phone would make a link of.
var link = regexp.MustCompile(`(?i)://|www\.|[a-z0-9-]\.(com|cn|net|org|gov|top|xyz|vip|cc|me|io|info|link|app)\b`)

func (rb *RuleBook) checkSMSTexts(r *reading) {
	for field, name := range map[string]string{"name.zh": rb.Name.ZH, "city.name.zh": rb.City.Name.ZH} {
		if link.MatchString(name) {
			r.add(field, "会写进官方短信，不能含链接", "stands in official SMS, which never hold a link")
		}
	}
	for i, own := range rb.SMSTexts {
		path := fmt.Sprintf("sms_texts[%d]", i)
		if _, ok := messageTexts[own.Stage]; !ok {
			r.add(path+".stage", "没有这种短信", "is not a stage at which there is an SMS")
		}
		if slices.IndexFunc(rb.SMSTexts, func(t SMSText) bool { return t.Stage == own.Stage }) < i {
			r.add(path+".stage", "这种短信出现了两次", "stands here twice")
		}
		if link.MatchString(own.Text) {
			r.add(path+".text", "官方短信不能含链接", "holds a link; official SMS never do")
		}
		if utf8.RuneCountInString(own.Text) > maxSMSText {
			r.add(path+".text", "最多 %d 字", "must be at most %d characters", maxSMSText)
		}
		if strings.Contains(own.Text, "{code}") != (own.Stage == StageConfirm) {
			r.add(path+".text", "只有 confirm 短信要写 {code}", "must hold {code} if it is the confirm SMS, and only then")
		}
	}
}

// smsText is the text of a stage with name and code in it.
func (rb *RuleBook) smsText(stage, name, code string) string {
	if own, ok := find(rb.SMSTexts, stage, func(t SMSText) string { return t.Stage }); ok {
		return strings.NewReplacer("{campaign}", name, "{code}", code).Replace(own.Text)
	}
	text := messageTexts[stage]
	if strings.Contains(text, "%[2]s") {
		return fmt.Sprintf(text, name, code)
	}
	return fmt.Sprintf(text, name)
}

// SMSPreview gives the official SMS of every stage as people will get them, without code and code word.
func (rb *RuleBook) SMSPreview() (list []SMSText) {
	for _, known := range StageTitles {
		list = append(list, SMSText{known.Stage, rb.sms(known.Stage, rb.Name.ZH, "********")})
	}
	return list
}

func (rb *RuleBook) sms(stage, name, code string) string {
	return "【" + rb.City.Name.ZH + "】" + rb.smsText(stage, name, code) + noLink
}
