package web

import "strings"

// Status is how a status of any room is shown: a word and a tone (quiet, active, done, warn, bad). Tones also differ
// by a mark, so that colour is never alone.
type Status struct {
	Word, Tone string
}

// statuses names every status once for all pages. A code that means different things in two rooms is written with the
// room before it, as in "campaign.closed".
var statuses = map[string][3]string{
	"draft":               {"草稿", "Draft", "quiet"},
	"approved":            {"已批准", "Approved", "active"},
	"announced":           {"已公告", "Announced", "active"},
	"open":                {"进行中", "Open", "active"},
	"closed":              {"已关闭", "Closed", "done"},
	"campaign.open":       {"报名中", "Registration open", "active"},
	"campaign.closed":     {"报名截止", "Registration closed", "quiet"},
	"drawn":               {"已抽签", "Drawn", "done"},
	"settled":             {"已结清", "Settled", "done"},
	"cancelled":           {"已取消", "Cancelled", "bad"},
	"registered":          {"已登记", "Registered", "done"},
	"confirmed":           {"已确认", "Confirmed", "done"},
	"withdrawn":           {"已撤回", "Withdrawn", "quiet"},
	"finding.found":       {"待核查", "To be looked at", "warn"},
	"finding.proposed":    {"待复核排除", "Exclusion proposed", "active"},
	"finding.cleared":     {"保留", "Cleared", "done"},
	"appeal.open":         {"待处理", "Open", "warn"},
	"upheld":              {"未支持", "Not granted", "quiet"},
	"reversed":            {"申诉成立", "Granted", "done"},
	"excluded":            {"已排除", "Excluded", "warn"},
	"prepared":            {"待审批", "Prepared", "warn"},
	"draw.prepared":       {"准备中", "Preparing", "quiet"},
	"noticed":             {"公告待见证", "Notice to be witnessed", "warn"},
	"frozen":              {"名单已封存", "List sealed", "active"},
	"planned":             {"方案已公布", "Plan published", "active"},
	"sealed":              {"方案已见证", "Plan witnessed", "active"},
	"revealed":            {"随机数已揭示", "Reveals frozen", "active"},
	"seeded":              {"种子已生成", "Seed derived", "active"},
	"published":           {"结果已公布", "Published", "done"},
	"voided":              {"已作废", "Voided", "bad"},
	"void":                {"已作废", "Voided", "bad"},
	"awarded":             {"待领取", "To be claimed", "warn"},
	"claimed":             {"已领取", "Claimed", "active"},
	"ordered":             {"发放中", "Being credited", "active"},
	"credited":            {"已到账", "Credited", "done"},
	"expired":             {"已到期", "Expired", "quiet"},
	"forfeited":           {"逾期未领", "Not claimed in time", "quiet"},
	"envelope.closed":     {"已结清", "Settled", "done"},
	"dispatching":         {"发送中", "Dispatching", "active"},
	"done":                {"已完成", "Done", "done"},
	"sending":             {"发送中", "Sending", "active"},
	"accepted":            {"银行已受理", "Accepted", "active"},
	"processing":          {"银行处理中", "Processing", "active"},
	"unknown":             {"结果待查", "Unknown", "warn"},
	"succeeded":           {"成功", "Succeeded", "done"},
	"failed":              {"失败", "Failed", "bad"},
	"returned":            {"已退回", "Returned", "warn"},
	"matched":             {"相符", "Matched", "done"},
	"different":           {"有差异", "Different", "bad"},
	"refused":             {"已拒绝", "Refused", "bad"},
	"difference.open":     {"待处理", "Open", "warn"},
	"resolved":            {"已处理", "Resolved", "done"},
	"pending":             {"待复核", "Pending", "warn"},
	"rejected":            {"已驳回", "Rejected", "bad"},
	"active":              {"正常", "Active", "done"},
	"paused":              {"已暂停", "Paused", "warn"},
	"suspended":           {"已停用", "Suspended", "bad"},
	"held":                {"暂缓结算", "Held", "warn"},
	"releasing":           {"待复核解除", "Release asked", "warn"},
	"released":            {"已解除", "Released", "done"},
	"winners.made":        {"已编制", "Made", "done"},
	"due":                 {"应结算", "Due", "active"},
	"disabled":            {"已停用", "Disabled", "bad"},
	"locked":              {"已锁定", "Locked", "bad"},
	"running":             {"运行中", "Running", "active"},
	"ok":                  {"正常", "OK", "done"},
	"error":               {"出错", "Error", "bad"},
	"role.city-admin":     {"城市管理员", "City administrator", "quiet"},
	"role.operations":     {"经办", "Operations", "quiet"},
	"role.approver":       {"复核人", "Approver", "quiet"},
	"role.auditor":        {"审计员", "Auditor", "quiet"},
	"role.regulator":      {"监管人员", "Regulator", "quiet"},
	"role.branch":         {"网点柜员", "Branch desk", "quiet"},
	"role.system-admin":   {"系统管理员", "System administrator", "quiet"},
	"role.security-admin": {"安全管理员", "Security administrator", "quiet"},
	"alert.open":          {"待核查", "To be looked at", "warn"},
	"alert.confirmed":     {"已确认", "Confirmed", "bad"},
	"alert.dismissed":     {"已排除", "Dismissed", "quiet"},
	"waiting":             {"待发送", "Waiting", "active"},
	"sent":                {"已发送", "Sent", "done"},
	"queued":              {"排队中", "Queued", "quiet"},
	"report.held":         {"等待放行", "Waiting for release", "warn"},
	"revoked":             {"已撤销", "Revoked", "bad"},
	"delivery.pending":    {"待投递", "Waiting", "active"},
	"delivery.failed":     {"投递失败", "Failed", "bad"},
	"delivered":           {"已送达", "Delivered", "done"},
	"never":               {"未运行", "Never run", "quiet"},
}

// StatusOf gives the word and the tone of a status code. For "room.code" the plain code is the fallback; a code that
// is not named here shows itself.
func StatusOf(locale, code string) Status {
	named, ok := statuses[code]
	if !ok {
		_, plain, _ := strings.Cut(code, ".")
		if named, ok = statuses[plain]; !ok {
			return Status{code, "quiet"}
		}
	}
	if locale == "en" {
		return Status{named[1], named[2]}
	}
	return Status{named[0], named[2]}
}
