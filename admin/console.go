// Package admin is the staff console: pages by kind of work, and the staff API that belongs to no room (sessions,
// approvals, jobs, audit). It holds no rule and no SQL: each page asks a room's service and shows the answer with the
// one table and the one form of internal/web.
package admin

import (
	"context"
	"embed"
	"time"

	"hongbao/campaign"
	"hongbao/disbursement"
	"hongbao/internal/database"
	"hongbao/internal/staff"
	"hongbao/internal/web"
	"hongbao/internal/webhook"
	"hongbao/lottery"
	"hongbao/reporting"
)

//go:embed templates static
var templates embed.FS

// Console is the staff console. All fields are required.
type Console struct {
	DB        *database.DB
	Staff     *staff.Service
	Campaigns *campaign.Service
	Draws     *lottery.Service
	Money     *disbursement.Service
	Reports   *reporting.Service
	Webhooks  *webhook.Service
	Now       func() time.Time
	Version   string // of the program, for the system page

	Jobs []database.Job
	// RunNow runs a job at once on behalf of who and says how many rows it moved.
	RunNow func(ctx context.Context, job, who string) (rows int, err error)
	// Runs gives the last runs of a job, newest first; LastRuns the last one of each job.
	Runs     func(ctx context.Context, job string, limit int) ([]JobRun, error)
	LastRuns func(ctx context.Context) ([]JobRun, error)

	web *web.Web
}

// JobRun is one run of a job. FinishedAt is zero while it runs.
type JobRun struct {
	Job, By, Error        string
	StartedAt, FinishedAt database.Millis
	Rows                  int64
}

// Routes mounts the console and its API. It comes after the rooms' Routes.
func (k *Console) Routes(w *web.Web) {
	k.web = w
	w.Pages.Add("admin", templates)
	w.Pages.Navigate(drawn(navigation)...)
	w.SignIn = k.notSignedIn
	w.CityName = k.cityName
	k.apiRoutes(w)
	k.accessRoutes(w)
	k.webhookRoutes(w)
	k.deskRoutes(w)
	k.campaignRoutes(w)
	k.reviewRoutes(w)
	k.moneyRoutes(w)
	k.settlementRoutes(w)
	k.alertRoutes(w)
	k.claimRoutes(w)
}

// seesWork is the permission to look at campaigns, draws and money: who may download the reports may see the same facts
// on a page. It leaves out the branch desks and the administrators of system and security.
const seesWork = staff.ReportsDownload

// navigation is by work, not by table. An entry without a permission is for all staff.
var navigation = []web.NavItem{
	{Path: "/console", ZH: "总览", EN: "Overview"},
	{Path: "/console/campaigns", ZH: "活动", EN: "Campaigns", Permission: seesWork},
	{Path: "/console/registrations", ZH: "登记", EN: "Registrations", Permission: staff.RegistrationsView},
	{Path: "/console/desk", ZH: "柜台登记", EN: "Desk", Permission: staff.DeskRegister},
	{Path: "/console/review", ZH: "核查与申诉", EN: "Review and appeals", Permission: staff.RegistrationsView},
	{Path: "/console/draws", ZH: "抽签", EN: "Draws", Permission: seesWork},
	{Path: "/console/disbursement", ZH: "发放", EN: "Disbursement", Permission: seesWork},
	{Path: "/console/wallets", ZH: "钱包与消费", EN: "Wallets and spending", Permission: seesWork},
	{Path: "/console/desk/claims", ZH: "网点代领", EN: "Claims at a branch", Permission: staff.DeskRegister},
	{Path: "/console/codes", ZH: "兑换码", EN: "Codes", Permission: seesWork},
	{Path: "/console/messages", ZH: "短信", EN: "Messages", Permission: seesWork},
	{Path: "/console/merchants", ZH: "商户", EN: "Merchants", Permission: seesWork},
	{Path: "/console/settlements", ZH: "商户结算", EN: "Settlement", Permission: seesWork},
	{Path: "/console/alerts", ZH: "预警", EN: "Alerts", Permission: seesWork},
	{Path: "/console/reconciliation", ZH: "对账", EN: "Reconciliation", Permission: seesWork},
	{Path: "/console/results", ZH: "活动成效", EN: "Results", Permission: seesWork},
	{Path: "/console/reports", ZH: "报表", EN: "Reports", Permission: seesWork},
	{Path: "/console/approvals", ZH: "审批", EN: "Approvals", Permission: seesWork},
	{Path: "/console/audit", ZH: "审计", EN: "Audit", Permission: staff.AuditView},
	{Path: "/console/webhooks", ZH: "事件回调", EN: "Webhooks", Permission: staff.CampaignEdit},
	{Path: "/console/access", ZH: "登录与令牌", EN: "Sessions and tokens"},
	{Path: "/console/users", ZH: "账号与岗位", EN: "Accounts and roles", Permission: staff.StaffEdit},
	{Path: "/console/system", ZH: "系统", EN: "System", Permission: staff.JobsRun},
}

func (k *Console) apiRoutes(w *web.Web) {
	api := w.API("/api/v1")
	api.Limited("sign-in").POST("/sessions", web.Operation{ZH: "以密码和动态验证码登录。", EN: "Signs in with password and one-time code.", Body: credentials{}, Status: 201,
		Answer: web.Object{"token": "", "account": accountJSON{}}, Also: []int{401, 403}}, k.openSession)
	api.Staff("").DELETE("/sessions", web.Operation{ZH: "退出登录。", EN: "Signs out."}, k.closeSession)
	work, jobs, trail := api.Staff(seesWork), api.Staff(staff.JobsRun), api.Staff(staff.AuditView)
	work.GET("/admin/approvals", web.Operation{ZH: "待复核与已复核的事项。", EN: "What waits for a second person, and what was decided.", Query: map[string]string{"status": "pending, approved, rejected or withdrawn"},
		Answer: web.List("approvals", approvalJSON{})}, k.listApprovals)
	work.POST("/admin/approvals/:id/decision", web.Operation{ZH: "批准或驳回。", EN: "Approves or rejects.", Body: decisionJSON{}, Also: []int{409}}, k.decideApproval)
	jobs.GET("/admin/jobs", web.Operation{ZH: "自动任务及其上次运行。", EN: "Recurring jobs with their last runs.", Answer: web.Object{"jobs": []jobJSON{}}}, k.listJobs)
	jobs.POST("/admin/jobs/:name/run", web.Operation{ZH: "立即运行一项任务。", EN: "Runs a job now.", Answer: web.Object{"rows": 0}, Also: []int{409}}, k.runJob)
	trail.GET("/admin/audit", web.Operation{ZH: "审计记录，新的在前。", EN: "The audit trail, newest first.", Query: auditQuery, Answer: web.List("entries", entryJSON{}), Also: []int{404}}, k.listAudit)
	trail.POST("/admin/audit/verify", web.Operation{ZH: "重算整条审计链。", EN: "Recomputes the whole audit chain.", Answer: verifiedJSON{}}, k.verifyAudit)
}

// deskRoutes are the pages that belong to staff work itself.
func (k *Console) deskRoutes(w *web.Web) {
	r := w.Engine.Group("/console")
	r.GET("/sign-in", w.Handle(k.signInPage))
	r.POST("/sign-in", w.Limited("sign-in"), w.Handle(k.submitSignIn))
	r.POST("/sign-out", w.Staff(""), w.Handle(k.signOut))
	r.GET("", w.Staff(""), k.show(k.dashboard))
	r.GET("/desk", w.Staff(staff.DeskRegister), k.show(k.desk))
	r.POST("/desk/:slug", w.Staff(staff.DeskRegister), w.Handle(k.registerAtDesk))
	r.GET("/approvals", w.Staff(seesWork), k.show(k.approvals))
	r.GET("/approvals/:id", w.Staff(seesWork), k.show(k.approval))
	r.POST("/approvals/:id", w.Staff(seesWork), k.does(k.approval, k.decide))
	r.GET("/audit", w.Staff(staff.AuditView), k.show(k.auditTrail))
	r.POST("/audit/verify", w.Staff(staff.AuditView), k.show(k.auditVerified))
	r.POST("/audit/check", w.Staff(staff.AuditView), k.show(k.auditChecked))
	r.GET("/system", w.Staff(staff.JobsRun), k.show(k.system))
	r.GET("/system/jobs", w.Staff(staff.JobsRun), k.show(k.jobs))
	r.GET("/system/jobs/:name", w.Staff(staff.JobsRun), k.show(k.job))
	r.GET("/system/jobs/:name/live", w.Staff(staff.JobsRun), w.Handle(k.followJob))
	r.POST("/system/jobs/:name/run", w.Staff(staff.JobsRun), k.does(k.job, k.runJobNow))
	r.GET("/users", w.Staff(staff.StaffEdit), k.show(k.users))
	r.POST("/users", w.Staff(staff.StaffEdit), w.Handle(k.addUser))
	r.POST("/users/renew", w.Staff(staff.StaffEdit), w.Handle(k.renewUser))
	r.POST("/users/switch", w.Staff(staff.StaffEdit), k.does(k.users, k.switchUser))
}

// may says whether the person behind the request holds a permission, so that a page offers only what will be allowed.
func (k *Console) may(actor web.Actor, permission string) bool {
	return k.web.May(actor.Role, permission)
}
