// Package staff knows who works on the platform: accounts with a role and a city, what each role may do, sessions with
// password and one-time code, and approvals, by which a second person lets a step happen that the first has prepared.
package staff

import "slices"

// Role is what an account may do. An account has one.
type Role string

// The roles.
const (
	CityAdmin   Role = "city-admin"   // the city's commerce bureau: what is given, to whom, where
	Operations  Role = "operations"   // prepares money
	Approver    Role = "approver"     // the second person: checks and lets happen, makes nothing
	Auditor     Role = "auditor"      // reads everything that was done
	Regulator   Role = "regulator"    // takes the reports
	Branch      Role = "branch"       // an operator's branch: registers people who cannot do it themselves
	SystemAdmin Role = "system-admin" // jobs and the state of the program: no account, no campaign, no person, no money
	// SecurityAdmin keeps accounts, sessions and API tokens, and nothing else. With SystemAdmin and Auditor it is one of the three
	// administrators whom MLPS 2.0 keeps apart (系统管理员, 安全管理员, 审计管理员).
	SecurityAdmin Role = "security-admin"
)

// Roles lists every role, in the order in which the console shows them.
var Roles = []Role{CityAdmin, Operations, Approver, Auditor, Regulator, Branch, SystemAdmin, SecurityAdmin}

// Permission is one kind of deed. It is a plain string so that rooms can hand it to internal/web.
type Permission = string

// The permissions.
const (
	CampaignEdit      Permission = "campaign.edit"
	CampaignApprove   Permission = "campaign.approve"
	DrawRun           Permission = "draw.run"
	DrawConfirm       Permission = "draw.confirm"
	MoneyPrepare      Permission = "money.prepare"
	MoneyApprove      Permission = "money.approve"
	MerchantsEdit     Permission = "merchants.edit"
	RegistrationsView Permission = "registrations.view"
	AppealsDecide     Permission = "appeals.decide"
	ReportsDownload   Permission = "reports.download"
	ReportsMake       Permission = "reports.make"
	ReportsRelease    Permission = "reports.release" // lets identity out in full
	AuditView         Permission = "audit.view"
	JobsRun           Permission = "jobs.run"
	StaffEdit         Permission = "staff.edit"
	DeskRegister      Permission = "desk.register"
)

// permissions is the whole table. A role holds permissions of makers or of checkers, never of both.
var permissions = map[Role][]Permission{
	CityAdmin:     {CampaignEdit, DrawRun, MerchantsEdit, RegistrationsView, AppealsDecide, ReportsMake, ReportsDownload},
	Operations:    {MoneyPrepare, MerchantsEdit, RegistrationsView, AppealsDecide, DeskRegister, ReportsMake, ReportsDownload},
	Approver:      {CampaignApprove, DrawConfirm, MoneyApprove, ReportsRelease, ReportsDownload},
	Auditor:       {AuditView, ReportsMake, ReportsDownload},
	Regulator:     {ReportsMake, ReportsDownload},
	Branch:        {DeskRegister},
	SystemAdmin:   {JobsRun},
	SecurityAdmin: {StaffEdit},
}

// May reports whether the role holds the permission. An unknown role holds none.
func (r Role) May(p Permission) bool { return slices.Contains(permissions[r], p) }

// coded are the permissions whose holders sign in with a one-time code: who moves money, and the three administrators.
var coded = []Permission{MoneyPrepare, MoneyApprove, JobsRun, StaffEdit, AuditView}

// NeedsCodes reports whether accounts of the role sign in with a one-time code.
func (r Role) NeedsCodes() bool { return slices.ContainsFunc(coded, r.May) }

// Permissions lists what the role may do.
func (r Role) Permissions() []Permission { return slices.Clone(permissions[r]) }
