package admin

import (
	"context"
	"net/http"
	"strings"

	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// credentials are what a member of staff signs in with: the password and the six digits of the authenticator (RFC 6238).
type credentials struct {
	Username string `json:"username"`
	Password string `json:"password"`
	TOTP     string `json:"totp"`
}

type accountJSON struct {
	Username string `json:"username"`
	Name     string `json:"name"`
	Role     string `json:"role"`
	City     string `json:"city"`
}

// Authenticate finds who a session's token, or an API token, belongs to.
func Authenticate(ctx context.Context, people *staff.Service, token string) (web.Actor, error) {
	if staff.IsToken(token) {
		a, scopes, err := people.TokenAccount(ctx, token)
		return web.Actor{ID: a.ID, Username: a.Username, Name: a.Name, Role: string(a.Role), City: a.City, Scopes: scopes}, err
	}
	a, err := people.Account(ctx, token)
	return web.Actor{ID: a.ID, Username: a.Username, Name: a.Name, Role: string(a.Role), City: a.City}, err
}

// openSession is POST /api/v1/sessions.
func (k *Console) openSession(c *gin.Context) error {
	var in credentials
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	token, account, err := k.signIn(c, in)
	if err != nil {
		return err
	}
	c.JSON(http.StatusCreated, gin.H{"token": token, "account": accountJSON{account.Username, account.Name, string(account.Role), account.City}})
	return nil
}

func (k *Console) signIn(c *gin.Context, in credentials) (string, staff.Account, error) {
	token, account, err := k.Staff.SignIn(c.Request.Context(), in.Username, in.Password, in.TOTP, c.ClientIP())
	if err != nil {
		return "", account, err
	}
	k.web.SignInCookie(c, token, int(staff.SessionLife.Seconds()))
	return token, account, nil
}

// closeSession is DELETE /api/v1/sessions.
func (k *Console) closeSession(c *gin.Context) error {
	if err := k.endSession(c); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (k *Console) endSession(c *gin.Context) error {
	if err := k.Staff.SignOut(c.Request.Context(), web.SessionToken(c)); err != nil {
		return err
	}
	k.web.SignOut(c)
	return nil
}

func (k *Console) signOut(c *gin.Context) error {
	if err := k.endSession(c); err != nil {
		return err
	}
	c.Redirect(http.StatusSeeOther, "/console/sign-in")
	return nil
}

// signInPage answers GET /console/sign-in with 200, and stands with 401 where a page was asked for without a session.
func (k *Console) signInPage(c *gin.Context) error {
	return k.signInForm(c, http.StatusOK, next(c.Query("next")), nil)
}

func (k *Console) notSignedIn(c *gin.Context) {
	address := "/console"
	if c.Request.Method == http.MethodGet {
		address = next(c.Request.URL.RequestURI())
	}
	if err := k.signInForm(c, http.StatusUnauthorized, address, nil); err != nil {
		c.AbortWithStatus(http.StatusUnauthorized)
	}
}

// submitSignIn is the form's POST.
func (k *Console) submitSignIn(c *gin.Context) error {
	address := next(c.PostForm("next"))
	_, _, err := k.signIn(c, credentials{c.PostForm("username"), c.PostForm("password"), c.PostForm("totp")})
	if err == nil {
		c.Redirect(http.StatusSeeOther, address)
		return nil
	}
	if fault.KindOf(err) >= fault.Internal {
		return err
	}
	return k.signInForm(c, int(fault.KindOf(err)), address, err)
}

func (k *Console) signInForm(c *gin.Context, status int, address string, refusal error) error {
	form := web.Form{Action: "/console/sign-in", Submit: web.Tr(c, "登录", "Sign in"), Hidden: map[string]string{"next": address},
		Fields: []web.Field{
			{Name: "username", Label: web.Tr(c, "用户名", "Username"), Required: true, Autocomplete: "username", Value: c.PostForm("username"), Autofocus: true},
			{Name: "password", Label: web.Tr(c, "密码", "Password"), Type: "password", Required: true, Autocomplete: "current-password"},
			{Name: "totp", Label: web.Tr(c, "动态验证码", "One-time code"), Hint: web.Tr(c, "验证器应用上的 6 位数字，没有绑定可不填。", "Six digits from your authenticator; leave empty if you have none."),
				InputMode: "numeric", Autocomplete: "one-time-code", MaxLength: 6, Pattern: "[0-9]{6}"}}}
	if refusal != nil {
		form.Error = web.Sentence(c, refusal)
	}
	return k.web.Render(c, status, "admin/sign-in.html", struct{ Form web.Form }{form})
}

// next keeps a redirect inside the console.
func next(address string) string {
	if address == "/console" || strings.HasPrefix(address, "/console/") && !strings.HasPrefix(address, "/console/sign-") {
		return address
	}
	return "/console"
}
