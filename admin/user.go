package admin

import (
	"net/http"
	"strings"

	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// users is the page of accounts, and of what each role may do.
func (k *Console) users(c *gin.Context) (page, error) {
	accounts, err := k.Staff.Accounts(c.Request.Context())
	if err != nil {
		return page{}, err
	}
	table := web.Table{Caption: web.Tr(c, "账号", "Accounts"), Columns: heads(c, "用户名", "Username", "姓名", "Name", "岗位", "Role", "城市", "City", "状态", "Status", "操作", "Act")}
	for _, a := range accounts {
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Text(a.Username), web.Text(a.Name), web.Text(roleName(c, a.Role)),
			web.Text(cityName(c, a.City)), web.State(k.accountStatus(a)), web.Act(switchForm(c, a))}})
	}
	roles := roleTable(c)
	return page{Title: web.Tr(c, "账号与岗位", "Accounts and roles"),
		State:  web.Tr(c, "没有岗位同时拥有经办和复核的权限；系统、安全、审计由不同岗位管理。", "No role both makes and checks; system, security and audit are kept by different roles."),
		Blocks: []block{{Table: &table}, {Acts: []act{newUser(c), renewal(c)}}, {Title: web.Tr(c, "岗位权限", "What each role may do"), Table: &roles}}}, nil
}

func (k *Console) accountStatus(a staff.Account) string {
	if k.Now().Before(a.LockedUntil.Time()) {
		return "locked"
	}
	return a.Status
}

func cityName(c *gin.Context, code string) string {
	if code == staff.AllCities {
		return web.Tr(c, "全部", "All")
	}
	return code
}

func roleName(c *gin.Context, role staff.Role) string {
	return web.StatusOf(web.Locale(c), "role."+string(role)).Word
}

func roleTable(c *gin.Context) web.Table {
	table := web.Table{Caption: web.Tr(c, "岗位", "Roles"), Columns: heads(c, "岗位", "Role", "权限", "Permissions")}
	for _, role := range staff.Roles {
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Text(roleName(c, role)), web.Text(strings.Join(role.Permissions(), web.Tr(c, "、", ", ")))}})
	}
	return table
}

func switchForm(c *gin.Context, a staff.Account) web.Form {
	form := web.Form{Action: "/console/users/switch", Inline: true, Quiet: true, Submit: web.Tr(c, "停用", "Disable"),
		Hidden: map[string]string{"username": a.Username, "to": "disabled"}}
	if a.Status == "disabled" {
		form.Submit, form.Hidden["to"] = web.Tr(c, "启用", "Enable"), "active"
	}
	return form
}

func newUser(c *gin.Context) act {
	var roles []web.Option
	for _, role := range staff.Roles {
		roles = append(roles, web.Option{Value: string(role), Label: roleName(c, role)})
	}
	return act{Title: web.Tr(c, "新建账号", "Add an account"), Text: web.Tr(c, "动态验证码密钥只在建立后显示一次，请当面交给本人。", "The secret of the one-time code is shown once; hand it over in person."),
		Form: web.Form{Action: "/console/users", Submit: web.Tr(c, "建立账号", "Add"), Fields: []web.Field{
			{Name: "username", Label: web.Tr(c, "用户名", "Username"), Required: true, Value: c.PostForm("username"), Autocomplete: "off"},
			{Name: "name", Label: web.Tr(c, "姓名", "Name"), Required: true, Value: c.PostForm("name"), Autocomplete: "off"},
			{Name: "role", Label: web.Tr(c, "岗位", "Role"), Type: "select", Options: roles, Value: c.PostForm("role")},
			{Name: "city", Label: web.Tr(c, "城市代码", "City code"), Hint: web.Tr(c, "* 表示全部城市。", "* is all cities."), Required: true, Value: c.PostForm("city")},
			{Name: "password", Label: web.Tr(c, "初始密码", "First password"), Type: "password", Required: true, Autocomplete: "new-password"}}}}
}

// addUser makes the account and shows, this once, the secret from which its authenticator makes the codes.
func (k *Console) addUser(c *gin.Context) error {
	secret, address, err := k.Staff.NewSecret(c.PostForm("username"))
	if err != nil {
		return err
	}
	account, err := k.Staff.AddAccount(c.Request.Context(), web.ActorOf(c).Username, staff.NewAccount{Username: c.PostForm("username"), Name: c.PostForm("name"),
		City: c.PostForm("city"), Role: staff.Role(c.PostForm("role")), Password: c.PostForm("password"), TOTPSecret: secret})
	if err != nil {
		if fault.KindOf(err) >= fault.Internal {
			return err
		}
		return k.render(c, k.users, err)
	}
	return k.showSecret(c, account, secret, address)
}

// switchUser disables or enables an account. Nobody disables themselves: the last administrator would lock the door.
func (k *Console) switchUser(c *gin.Context) (string, error) {
	actor, name := web.ActorOf(c), c.PostForm("username")
	if name == actor.Username {
		return "", errSelf
	}
	a, err := k.account(c, name)
	if err != nil {
		return "", err
	}
	change := k.Staff.Disable
	if c.PostForm("to") == "active" {
		change = k.Staff.Enable
	}
	return done("/console/users", "saved"), change(c.Request.Context(), actor.Username, a.ID)
}

func (k *Console) account(c *gin.Context, username string) (staff.Account, error) {
	accounts, err := k.Staff.Accounts(c.Request.Context())
	if err != nil {
		return staff.Account{}, err
	}
	for _, a := range accounts {
		if a.Username == username {
			return a, nil
		}
	}
	return staff.Account{}, staff.ErrNoAccount
}

func renewal(c *gin.Context) act {
	return act{Title: web.Tr(c, "重新发放登录凭据", "Renew an account's credentials"),
		Text: web.Tr(c, "本人遗失密码或验证器时使用：换新密码和动态口令，结束其全部登录。请当面核对身份。", "For who has lost password or authenticator: both are replaced and all sessions end. Check in person who it is."),
		Form: web.Form{Action: "/console/users/renew", Submit: web.Tr(c, "重新发放", "Renew"), Fields: []web.Field{
			{Name: "username", Label: web.Tr(c, "用户名", "Username"), Required: true, Autocomplete: "off"},
			{Name: "password", Label: web.Tr(c, "新的初始密码", "New first password"), Type: "password", Required: true, Autocomplete: "new-password"}}}}
}

// renewUser replaces what an account signs in with, and shows the new secret this once.
func (k *Console) renewUser(c *gin.Context) error {
	account, err := k.account(c, c.PostForm("username"))
	var secret, address string
	if err == nil {
		secret, address, err = k.Staff.Renew(c.Request.Context(), web.ActorOf(c).Username, account, c.PostForm("password"))
	}
	if err != nil {
		if fault.KindOf(err) >= fault.Internal {
			return err
		}
		return k.render(c, k.users, err)
	}
	return k.showSecret(c, account, secret, address)
}

func (k *Console) showSecret(c *gin.Context, account staff.Account, secret, address string) error {
	return k.web.Render(c, http.StatusOK, "admin/secret.html", struct{ Name, Username, Secret, Address string }{account.Name, account.Username, secret, address})
}

var errSelf = fault.New(fault.Conflict, "own-account", "不能停用自己的账号。", "Nobody disables their own account.")
