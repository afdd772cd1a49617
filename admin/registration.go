package admin

import (
	"cmp"
	"io"
	"net/url"
	"strings"

	"hongbao/campaign"
	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/internal/web"
	"hongbao/lottery/draw"

	"github.com/gin-gonic/gin"
)

// reasons names, by fault code, why a registration was refused.
var reasons = map[string][2]string{
	"already-registered": {"证件或手机号已登记过", "Already registered"}, "closed": {"登记已截止", "Registration closed"}, "not-open": {"登记未开始", "Not open yet"},
	"document-number": {"证件号码有误", "Document number"}, "document-kind": {"证件种类有误", "Kind of document"}, "document-kind-not-admitted": {"不受理这种证件", "Document not admitted"},
	"document-linked": {"新旧证件不是同一人", "Linked document"}, "name": {"姓名有误", "Name"}, "phone-number": {"手机号有误", "Phone number"}, "sms-code": {"短信验证码有误", "SMS code"},
	"no-evidence": {"名单中查无此人", "No evidence"}, "too-young": {"未达规定年龄", "Too young"}, "too-old": {"超过规定年龄", "Too old"}, "not-in-city": {"登记时不在本市", "Not in the city"},
	"district-not-covered": {"区县不在范围内", "District not covered"}, "district": {"没有选择区县", "No district"}, "operator": {"没有选择运营机构", "No operator"}, "tier": {"没有选择档次", "No tier"},
	"consents": {"没有同意必需的说明", "Consent missing"}, "device": {"设备标识过长", "Device id"}, "idempotency-key": {"重复提交内容不同", "Another body under one key"},
	"busy": {"当时登记的人太多", "Too busy"}, "too-many-attempts": {"尝试次数过多", "Too many attempts"}, "sms": {"短信发送失败", "SMS failed"}, "cancelled": {"活动已取消", "Cancelled"},
}

func reasonName(c *gin.Context, code string) string {
	if excluded, ok := campaign.ExclusionReasons[code]; ok {
		return strings.TrimRight(excluded.In(web.Locale(c)), "。.")
	}
	name, ok := reasons[code]
	if !ok {
		return code
	}
	return web.Tr(c, name[0], name[1])
}

const rollPage = 50

// registrations is how a campaign's registration goes, and who has registered, masked.
func (k *Console) registrations(c *gin.Context) (page, error) {
	shown, chosen, field, err := k.onCampaign(c, page{Title: web.Tr(c, "登记", "Registrations"), State: web.Tr(c, "身份信息加密保存，只显示遮盖后的内容；每次查看都会留痕。", "Identity is sealed and shown masked; every look is on the record.")})
	if err != nil || chosen.ID == 0 {
		return shown, err
	}
	book, err := k.Campaigns.RuleBook(c.Request.Context(), chosen.ID)
	if err != nil {
		return shown, err
	}
	roll, err := k.rollTable(c, chosen, book)
	if err != nil {
		return shown, err
	}
	counts, err := k.registrationCounts(c, chosen, book)
	if err != nil {
		return shown, err
	}
	shown.Blocks = append([]block{counts[0], {Filters: rollFilter(c, field, book)}, {Table: roll}}, k.registrationActs(c, chosen)...)
	shown.Blocks = append(shown.Blocks, counts[1:]...)
	return shown, nil
}

// registrationCounts are the figures of a registration, then why people were refused and excluded.
func (k *Console) registrationCounts(c *gin.Context, chosen campaign.Campaign, book *campaign.RuleBook) ([]block, error) {
	registered, err := k.Campaigns.Registered(c.Request.Context(), chosen.ID)
	if err != nil {
		return nil, err
	}
	excluded, err := k.Campaigns.ExcludedCounts(c.Request.Context(), chosen.ID)
	if err != nil {
		return nil, err
	}
	refused, err := k.Campaigns.Refused(c.Request.Context(), chosen.ID)
	if err != nil {
		return nil, err
	}
	return []block{{Figures: []web.Figure{
		{Label: web.Tr(c, "登记", "Registered"), Value: web.Count(registered), Unit: web.Tr(c, "人", "")},
		{Label: web.Tr(c, "红包", "Envelopes"), Value: web.Count(book.Envelopes()), Unit: web.Tr(c, "个", "")},
		{Label: web.Tr(c, "目前中签率", "Chance so far"), Value: web.Share(min(book.Envelopes(), registered), registered)},
		{Label: web.Tr(c, "已排除或撤回", "Excluded or withdrawn"), Value: web.Count(total(excluded)), Unit: web.Tr(c, "人", "")},
		{Label: web.Tr(c, "未受理", "Refused"), Value: web.Count(total(refused)), Unit: web.Tr(c, "次", "times")}}},
		{Columns: []block{{Title: web.Tr(c, "未受理原因", "Why refused"), Table: reasonTable(c, refused)}, {Title: web.Tr(c, "排除原因", "Why excluded"), Table: reasonTable(c, excluded)}}}}, nil
}

// rollFilter is the form whose choices live in the address. A phone or a document is found by its whole number only.
func rollFilter(c *gin.Context, field web.Field, book *campaign.RuleBook) *web.Form {
	status := anyStatusField(c, campaign.Registered, campaign.Confirmed, campaign.Withdrawn, campaign.Excluded)
	operator := web.Field{Name: "operator", Label: web.Tr(c, "运营机构", "Operator"), Type: "select", Value: c.Query("operator"), Options: []web.Option{everything(c)}}
	for _, o := range book.Operators {
		operator.Options = append(operator.Options, web.Option{Value: o.Name, Label: o.Title.In(web.Locale(c))})
	}
	source := web.Field{Name: "source", Label: web.Tr(c, "渠道", "Channel"), Type: "select", Value: c.Query("source"), Options: []web.Option{everything(c),
		{Value: "online", Label: web.Tr(c, "网上", "Online")}, {Value: "desk", Label: web.Tr(c, "网点柜台", "Branch desk")}}}
	return filters(c, field, status, operator, districtField(c, book), source)
}

func districtField(c *gin.Context, book *campaign.RuleBook) web.Field {
	field := web.Field{Name: "district", Label: web.Tr(c, "区县", "District"), Type: "select", Value: c.Query("district"), Options: []web.Option{everything(c)}}
	for _, d := range book.City.Districts {
		field.Options = append(field.Options, web.Option{Value: d.Name, Label: cmp.Or(d.Title.In(web.Locale(c)), d.Name)})
	}
	return field
}

func (k *Console) rollTable(c *gin.Context, chosen campaign.Campaign, book *campaign.RuleBook) (*web.Table, error) {
	before, err := rowInQuery(c, "before")
	if err != nil {
		return nil, err
	}
	roll, err := k.Campaigns.Roll(c.Request.Context(), web.ActorOf(c).Username, chosen.ID, campaign.RollFilter{Status: c.Query("status"), Operator: c.Query("operator"),
		District: c.Query("district"), Source: c.Query("source"), Phone: c.PostForm("phone"), Document: c.PostForm("document"), Before: before, Limit: rollPage})
	table := &web.Table{Caption: web.Tr(c, "登记", "Registrations"), Columns: heads(c, "抽签编号", "Entry", "姓名", "Name", "证件号码", "Document", "手机号", "Phone", "运营机构", "Operator", "区县", "District", "状态", "Status", "登记时间", "Registered at"),
		Empty: web.Empty{Title: web.Tr(c, "没有符合条件的登记", "No registration matches"), Text: web.Tr(c, "登记开放后，市民的登记会出现在这里。", "Registrations appear here once registration opens.")}}
	for _, m := range roll {
		table.Rows = append(table.Rows, rollRow(c, book, m))
	}
	if len(roll) == rollPage {
		table.Next = nextFrom(c, "/console/registrations", "before", roll[len(roll)-1].ID)
	}
	return table, err
}

func rollRow(c *gin.Context, book *campaign.RuleBook, m campaign.Masked) web.Row {
	operator, _ := book.Operator(m.Operator)
	district, _ := book.District(m.District)
	state := web.State(m.Status)
	if m.Reason != "" {
		state.Note = reasonName(c, m.Reason)
	}
	when := web.When(m.RegisteredAt)
	if m.Source == "desk" {
		when.Note = web.Tr(c, "网点柜台", "Branch desk")
	}
	return web.Row{Cells: []web.Cell{web.Digest(m.Entry[:]), web.Text(m.Name), web.Text(m.Document), web.Text(m.Phone), web.Text(cmp.Or(operator.Title.In(web.Locale(c)), m.Operator)),
		web.Text(cmp.Or(district.Title.In(web.Locale(c)), m.District)), state, when}}
}

// registrationActs are what may be done about registrations. A number that is looked for travels in the body, since an
// address is kept in logs and histories.
func (k *Console) registrationActs(c *gin.Context, chosen campaign.Campaign) []block {
	address := "/console/registrations/" + chosen.Slug
	acts := []act{{Title: web.Tr(c, "按手机号或证件号码查找", "Find by phone or document"), Open: c.PostForm("phone")+c.PostForm("document") != "",
		Text: web.Tr(c, "须输入完整号码，查找会留痕。", "It takes the whole number, and is on the record."),
		Form: web.Form{Action: address + "/find", Submit: web.Tr(c, "查找", "Find"), Quiet: true, Fields: []web.Field{
			{Name: "phone", Label: web.Tr(c, "手机号", "Phone"), Type: "tel", InputMode: "numeric", MaxLength: 20, Autocomplete: "off", Value: c.PostForm("phone")},
			{Name: "document", Label: web.Tr(c, "证件号码", "Document"), MaxLength: 40, Autocomplete: "off", Value: c.PostForm("document")}}}}}
	if k.may(web.ActorOf(c), staff.ReportsMake) {
		acts = append(acts, exportAct(c, chosen.Slug))
	}
	if k.may(web.ActorOf(c), staff.CampaignEdit) && chosen.FrozenAt == 0 && cancellable(chosen.Status) {
		acts = append(acts, evidenceAct(c, address), exclusionAct(c, address))
	}
	return []block{{Title: web.Tr(c, "可以办理", "What can be done"), Acts: acts}}
}

func exportAct(c *gin.Context, slug string) act {
	return act{Title: web.Tr(c, "导出全部登记", "Export every registration"), Text: web.Tr(c, "在后台生成，身份信息遮盖，完成后在“报表”页下载；下载会留痕。", "Made in the background with identity masked; download it on the page of reports, which is on the record."),
		Form: web.Form{Action: "/console/reports/" + slug, Submit: web.Tr(c, "开始导出", "Start the export"), Hidden: map[string]string{"name": "registration-list"}, Fields: []web.Field{formatField(c)}}}
}

func evidenceAct(c *gin.Context, address string) act {
	kind := web.Field{Name: "kind", Label: web.Tr(c, "名单种类", "Kind of list"), Type: "select", Value: c.PostForm("kind")}
	for _, name := range campaign.EvidenceKinds {
		kind.Options = append(kind.Options, web.Option{Value: name, Label: campaign.EvidenceTitle(name, web.Locale(c))})
	}
	return act{Title: web.Tr(c, "导入资格名单", "Import a list of evidence"), Text: web.Tr(c, "CSV 或 Excel，须有 document 一列（证件号码）；只保存加密索引，不保存号码。", "CSV or Excel with a column document; only keyed indexes are kept, never the numbers."),
		Form: web.Form{Action: address + "/evidence", Upload: true, Submit: web.Tr(c, "导入", "Import"), Fields: []web.Field{kind,
			{Name: "source", Label: web.Tr(c, "来源", "Source"), Hint: web.Tr(c, "如：市公安局 2020 年 12 月", "As in: Public Security Bureau, December 2020"), Required: true, MaxLength: 100, Value: c.PostForm("source")},
			{Name: "file", Label: web.Tr(c, "文件", "File"), Type: "file", Accept: ".csv,.xlsx", Required: true}}}}
}

func exclusionAct(c *gin.Context, address string) act {
	reason := web.Field{Name: "reason", Label: web.Tr(c, "理由", "Reason"), Type: "select", Value: c.PostForm("reason")}
	for _, code := range campaign.StaffReasons {
		reason.Options = append(reason.Options, web.Option{Value: code, Label: reasonName(c, code)})
	}
	return act{Title: web.Tr(c, "排除一项登记", "Exclude a registration"), Text: web.Tr(c, "名单锁定前，由另一位同事批准后生效。本人会看到理由并可申诉，各理由的人数会公布。", "Once a second person approves, until the list is frozen. The person sees the reason and may appeal, and how many were excluded for it is public."),
		Form: web.Form{Action: address + "/exclude", Danger: true, Submit: web.Tr(c, "提请排除", "Ask to exclude"), Fields: []web.Field{
			{Name: "entry", Label: web.Tr(c, "抽签编号（64 位）", "Entry (64 digits)"), Required: true, MaxLength: 64, Autocomplete: "off", Value: c.PostForm("entry")}, reason}}}
}

func (k *Console) importEvidence(c *gin.Context) (page, error) {
	return k.imported(c, k.registrations, func(slug string, file io.Reader) (campaign.Import, error) {
		return k.Campaigns.ImportEvidence(c.Request.Context(), web.ActorOf(c).Username, slug, c.PostForm("kind"), c.PostForm("source"), file)
	})
}

func (k *Console) exclude(c *gin.Context) (string, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return "", err
	}
	entry, err := draw.ParseDigest(strings.TrimSpace(c.PostForm("entry")))
	if err != nil {
		return "", fault.Field("entry", "entry", "应为 64 位小写十六进制。", "Must be 64 lower-case hex digits.").With(err)
	}
	_, err = k.Campaigns.RequestExclusion(c.Request.Context(), web.ActorOf(c).Username, found.Slug, entry, c.PostForm("reason"))
	return done("/console/registrations?campaign="+url.QueryEscape(found.Slug), "asked"), err
}

func total(counts []campaign.ReasonCount) (sum int64) {
	for _, one := range counts {
		sum += one.Count
	}
	return sum
}

func reasonTable(c *gin.Context, counts []campaign.ReasonCount) *web.Table {
	table := web.Table{Caption: web.Tr(c, "原因", "Reasons"), Columns: heads(c, "原因", "Reason", "#次数", "#Count"), Empty: web.Empty{Title: web.Tr(c, "没有", "None")}}
	for _, one := range counts {
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Text(reasonName(c, one.Reason)), web.Number(one.Count)}})
	}
	return &table
}
