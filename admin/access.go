package admin

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// accessRoutes are the sessions and API tokens: a member of staff's own, and everybody's for who keeps the accounts.
func (k *Console) accessRoutes(w *web.Web) {
	api := w.API("/api/v1/admin").Staff("")
	api.GET("/sessions", web.Operation{ZH: "未结束的登录。", EN: "Open sessions.", Answer: web.Object{"sessions": []sessionJSON{}}}, k.listSessions)
	api.POST("/sessions/:session/revoke", web.Operation{ZH: "结束一个登录。", EN: "Ends a session."}, k.postRevokeSession)
	api.GET("/tokens", web.Operation{ZH: "接口令牌。", EN: "API tokens.", Answer: web.Object{"tokens": []staff.Token{}}}, k.listTokens)
	api.POST("/tokens", web.Operation{ZH: "签发接口令牌；令牌只显示这一次。", EN: "Makes an API token; its text is shown this once.", Body: tokenJSON{}, Status: 201,
		Answer: web.Object{"token": staff.Token{}, "text": ""}, Also: []int{404, 409}}, k.postToken)
	api.POST("/tokens/:id/revoke", web.Operation{ZH: "撤销接口令牌。", EN: "Revokes an API token."}, k.postRevokeToken)
	r := w.Engine.Group("/console/access", w.Staff(""))
	r.GET("", k.show(k.access))
	r.POST("/sessions/:session/revoke", k.does(k.access, k.endOtherSession))
	r.POST("/tokens", w.Handle(k.issueToken))
	r.POST("/tokens/:id/revoke", k.does(k.access, k.endToken))
}

// tokenJSON asks for a token. Days is its life; the username is one's own unless one keeps the accounts.
type tokenJSON struct {
	Username string   `json:"username,omitempty"`
	Name     string   `json:"name"`
	City     string   `json:"city,omitempty"`
	Scopes   []string `json:"scopes"`
	Days     int      `json:"days"`
}

type sessionJSON struct {
	ID        string `json:"id"`
	Username  string `json:"username"`
	Role      string `json:"role"`
	OpenedAt  string `json:"opened_at"`
	ExpiresAt string `json:"expires_at"`
	Address   string `json:"address"`
}

// reach is whose sessions and tokens the person may see and end: their own, or "" for everybody's.
func (k *Console) reach(c *gin.Context) string {
	actor := web.ActorOf(c)
	if actor.Scopes == nil && k.may(actor, staff.StaffEdit) {
		return ""
	}
	return actor.Username
}

func (k *Console) listSessions(c *gin.Context) error {
	open, err := k.Staff.Sessions(c.Request.Context(), k.reach(c))
	if err != nil {
		return err
	}
	answer := []sessionJSON{}
	for _, s := range open {
		answer = append(answer, sessionJSON{s.ID(), s.Username, string(s.Role), web.ISO(s.CreatedAt), web.ISO(s.ExpiresAt), s.Address})
	}
	c.JSON(http.StatusOK, gin.H{"sessions": answer})
	return nil
}

func (k *Console) postRevokeSession(c *gin.Context) error {
	if _, err := k.endOtherSession(c); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (k *Console) endOtherSession(c *gin.Context) (string, error) {
	return done("/console/access", "saved"), k.Staff.RevokeSession(c.Request.Context(), web.ActorOf(c).Username, k.reach(c), c.Param("session"))
}

func (k *Console) listTokens(c *gin.Context) error {
	tokens, err := k.Staff.Tokens(c.Request.Context(), k.reach(c))
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, gin.H{"tokens": tokens})
	return nil
}

func (k *Console) postToken(c *gin.Context) error {
	var in tokenJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	text, token, err := k.issue(c, in)
	if err != nil {
		return err
	}
	c.JSON(http.StatusCreated, gin.H{"token": token, "text": text})
	return nil
}

// issue makes a token for the person, or for the account that an administrator names.
func (k *Console) issue(c *gin.Context, in tokenJSON) (string, staff.Token, error) {
	actor := web.ActorOf(c)
	if k.reach(c) != "" || in.Username == "" {
		in.Username = actor.Username
	}
	days := min(max(in.Days, 0), 1000) // what is out of range stays so
	return k.Staff.IssueToken(c.Request.Context(), actor.Username, staff.NewToken{Username: in.Username, Name: strings.TrimSpace(in.Name), City: strings.TrimSpace(in.City),
		Scopes: in.Scopes, Life: time.Duration(days) * 24 * time.Hour})
}

func (k *Console) postRevokeToken(c *gin.Context) error {
	if _, err := k.endToken(c); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (k *Console) endToken(c *gin.Context) (string, error) {
	id, err := web.PathID(c, "id", staff.ErrNoToken)
	if err != nil {
		return "", err
	}
	return done("/console/access", "saved"), k.Staff.RevokeToken(c.Request.Context(), web.ActorOf(c).Username, k.reach(c), id)
}

// issueToken is the form's POST: it shows the token's text, this once.
func (k *Console) issueToken(c *gin.Context) error {
	days, err := strconv.Atoi(strings.TrimSpace(c.PostForm("days")))
	if err != nil {
		days = 0
	}
	var scopes []string
	for _, scope := range staff.TokenScopes {
		if c.PostForm("scope-"+scope) != "" {
			scopes = append(scopes, scope)
		}
	}
	text, token, err := k.issue(c, tokenJSON{c.PostForm("username"), c.PostForm("name"), c.PostForm("city"), scopes, days})
	if err != nil {
		if fault.KindOf(err) >= fault.Internal {
			return err
		}
		return k.render(c, k.access, err)
	}
	shown := page{Title: web.Tr(c, "接口令牌已签发", "API token made"), State: token.Name, Back: accessTitle(c), BackURL: "/console/access",
		Alert:  &alert{Tone: "warning", Text: web.Tr(c, "令牌只显示这一次，平台只保存其散列值。请立即存入密码库。", "The token is shown once; only its hash is kept. Put it into a vault now.")},
		Blocks: []block{{Code: text}, {Facts: []fact{{Label: web.Tr(c, "账号", "Account"), Value: token.Username}, {Label: web.Tr(c, "权限", "Scopes"), Value: strings.Join(token.Scopes, ", ")}, {Label: web.Tr(c, "有效至", "Valid until"), Value: web.Date(token.ExpiresAt.Time())}}}}}
	return k.web.Render(c, http.StatusOK, "admin/page.html", shown)
}

func accessTitle(c *gin.Context) string { return web.Tr(c, "登录与令牌", "Sessions and tokens") }

// access is the page of sessions and API tokens.
func (k *Console) access(c *gin.Context) (page, error) {
	open, err := k.Staff.Sessions(c.Request.Context(), k.reach(c))
	if err != nil {
		return page{}, err
	}
	tokens, err := k.Staff.Tokens(c.Request.Context(), k.reach(c))
	if err != nil {
		return page{}, err
	}
	sessions, issued := sessionTable(c, open), k.tokenTable(c, tokens)
	state := web.Tr(c, "您名下未结束的登录和接口令牌。不认识的请立即结束。", "Your open sessions and API tokens. End at once what you do not know.")
	if k.reach(c) == "" {
		state = web.Tr(c, "全部账号未结束的登录和接口令牌。", "Open sessions and API tokens of all accounts.")
	}
	shown := page{Title: accessTitle(c), State: state, Blocks: []block{{Title: sessions.Caption, Table: &sessions}, {Title: issued.Caption, Table: &issued}}}
	if form, ok := k.tokenForm(c); ok {
		shown.Blocks = append(shown.Blocks, block{Acts: []act{form}})
	}
	return shown, nil
}

func sessionTable(c *gin.Context, open []staff.Session) web.Table {
	table := web.Table{Caption: web.Tr(c, "未结束的登录", "Open sessions"), Columns: heads(c, "账号", "Account", "岗位", "Role", "登录时间", "Signed in", "到期", "Ends", "来源地址", "From", "操作", "Act")}
	mine := staff.SessionID(web.SessionToken(c))
	for _, s := range open {
		end := web.Form{Action: "/console/access/sessions/" + s.ID() + "/revoke", Submit: web.Tr(c, "结束", "End"), Inline: true, Quiet: true}
		who := web.Cell{Text: s.Username, Note: s.Name}
		if s.ID() == mine {
			who.Note = web.Tr(c, "本次登录", "This session")
		}
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{who, web.Text(roleName(c, s.Role)), web.When(s.CreatedAt), web.When(s.ExpiresAt), web.Text(s.Address), web.Act(end)}})
	}
	return table
}

func (k *Console) tokenTable(c *gin.Context, tokens []staff.Token) web.Table {
	table := web.Table{Caption: web.Tr(c, "接口令牌", "API tokens"), Columns: heads(c, "用途", "For", "账号", "Account", "权限", "Scopes", "状态", "Status", "到期", "Ends", "最近使用", "Last used", "操作", "Act"),
		Empty: web.Empty{Title: web.Tr(c, "没有接口令牌", "There are no API tokens"), Text: web.Tr(c, "监管方的程序凭令牌下载报表。", "A regulator's program downloads reports with a token.")}}
	for _, t := range tokens {
		status, act := t.Status(k.Now()), web.Text("")
		if status == "active" {
			act = web.Act(web.Form{Action: "/console/access/tokens/" + strconv.FormatInt(t.ID, 10) + "/revoke", Submit: web.Tr(c, "撤销", "Revoke"), Inline: true, Quiet: true})
		}
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{{Text: t.Name, Note: cityName(c, t.City)}, web.Text(t.Username), {Text: strings.Join(t.Scopes, ", "), Kind: "muted"},
			web.State(status), web.When(t.ExpiresAt), lastUsed(c, t.LastUsedAt), act}})
	}
	return table
}

func lastUsed(c *gin.Context, at database.Millis) web.Cell {
	if at == 0 {
		return web.Text(web.Tr(c, "从未", "Never"))
	}
	return web.When(at)
}

// scopeNames say what a token may do.
var scopeNames = map[string][2]string{
	staff.ReportsDownload:   {"查看和下载报表、活动数字", "See and download reports and figures"},
	staff.ReportsMake:       {"生成报表", "Order reports"},
	staff.AuditView:         {"查看审计记录", "See the audit trail"},
	staff.RegistrationsView: {"查看脱敏的登记", "See registrations, masked"},
}

// tokenForm is offered to whose role holds a scope, and to who keeps the accounts.
func (k *Console) tokenForm(c *gin.Context) (act, bool) {
	actor, all := web.ActorOf(c), k.reach(c) == ""
	form := web.Form{Action: "/console/access/tokens", Submit: web.Tr(c, "签发令牌", "Make the token")}
	if all {
		form.Fields = append(form.Fields, web.Field{Name: "username", Label: web.Tr(c, "账号", "Account"), Required: true, Value: c.PostForm("username"), Autocomplete: "off",
			Hint: web.Tr(c, "令牌的权限不会超出该账号的岗位。", "A token never does more than its account's role.")})
	}
	form.Fields = append(form.Fields, web.Field{Name: "name", Label: web.Tr(c, "用途", "What for"), Required: true, MaxLength: 64, Value: c.PostForm("name"), Autocomplete: "off"},
		web.Field{Name: "city", Label: web.Tr(c, "城市代码", "City code"), Value: c.PostForm("city"), Hint: web.Tr(c, "不填则与账号相同。", "The account's own when left empty."), Autocomplete: "off"},
		web.Field{Name: "days", Label: web.Tr(c, "有效天数", "Valid for, in days"), Required: true, InputMode: "numeric", Pattern: "[0-9]{1,3}", Value: c.DefaultPostForm("days", "90")})
	offered := slices.DeleteFunc(slices.Clone(staff.TokenScopes), func(p string) bool { return !all && !k.may(actor, p) })
	for _, scope := range offered {
		form.Fields = append(form.Fields, web.Field{Name: "scope-" + scope, Type: "checkbox", Label: web.Tr(c, scopeNames[scope][0], scopeNames[scope][1]), Hint: scope, Checked: c.PostForm("scope-"+scope) != ""})
	}
	return act{Title: web.Tr(c, "签发接口令牌", "Make an API token"), Text: web.Tr(c, "程序以令牌代替登录，只能读取和生成报表，不能办理任何审批或资金操作。", "A program signs in with it; it reads and orders reports, and cannot approve or move anything."), Form: form}, len(offered) > 0
}
