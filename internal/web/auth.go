package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"hongbao/internal/fault"

	"github.com/gin-gonic/gin"
)

// SessionCookie holds a member of staff's session token; CitizenCookie a citizen's token.
const (
	SessionCookie = "hb_session"
	CitizenCookie = "hb_citizen"

	actorKey   = "web.actor"
	citizenKey = "web.citizen"
)

var (
	errSignIn  = fault.New(fault.Unauthenticated, "not-signed-in", "请先登录。", "Please sign in first.")
	errScope   = fault.New(fault.Forbidden, "scope", "令牌没有这项权限。", "The token does not have this scope.")
	errRole    = fault.New(fault.Forbidden, "role", "您的岗位没有这项权限。", "Your role does not hold this permission.")
	errCitizen = fault.New(fault.Unauthenticated, "citizen-token", "凭证无效或已过期，请用手机号和确认码重新查询。", "The token is invalid or has expired; please look yourself up again with phone and confirmation code.")
)

// Actor is a signed-in member of staff. City is the code of the one city the account serves, or "*" for all.
type Actor struct {
	ID                         int64
	Username, Name, Role, City string
	Scopes                     []string // of an API token: what it may do of what the role may; nil for a session
}

// Sees reports whether the actor serves the city with this code.
func (a Actor) Sees(city string) bool { return a.City == "*" || a.City == city && city != "" }

// MustSee gives NotFound for another city's things: their existence is not told either.
func (a Actor) MustSee(city string) error {
	if !a.Sees(city) {
		return errNoRoute
	}
	return nil
}

// Staff lets a request pass when it comes from a member of staff whose role holds the permission; any signed-in member
// of staff when permission is "". The session token is a Bearer token or the session cookie.
func (w *Web) Staff(permission string) gin.HandlerFunc {
	return func(c *gin.Context) {
		actor, err := w.authenticate(c)
		if err == nil {
			err = w.allow(c, actor, permission)
		}
		if err != nil {
			w.Fail(c, err)
			return
		}
		c.Next()
	}
}

// allow says whether the actor may. An API token opens the API only, within its scopes, and what is for all staff only to read.
func (w *Web) allow(c *gin.Context, actor Actor, permission string) error {
	switch {
	case permission != "" && !w.May(actor.Role, permission):
		return errRole
	case actor.Scopes == nil:
		return nil
	case !isAPI(c):
		return errSignIn
	case permission == "" && c.Request.Method == http.MethodGet, slices.Contains(actor.Scopes, permission):
		return nil
	}
	return errScope
}

func (w *Web) authenticate(c *gin.Context) (Actor, error) {
	token := SessionToken(c)
	if token == "" {
		return Actor{}, errSignIn
	}
	actor, err := w.Authenticate(c.Request.Context(), token)
	if err != nil {
		return Actor{}, err
	}
	c.Set(actorKey, actor)
	return actor, nil
}

// ActorOf gives the member of staff behind a request that passed Staff. It panics on any other request.
func ActorOf(c *gin.Context) Actor { return c.MustGet(actorKey).(Actor) }

// Citizen lets a request pass when it carries a valid citizen token, as Bearer token or cookie.
func (w *Web) Citizen() gin.HandlerFunc {
	return func(c *gin.Context) {
		citizen, err := w.readCitizen(tokenOf(c, CitizenCookie))
		if err != nil {
			w.Fail(c, err)
			return
		}
		c.Set(citizenKey, citizen)
		c.Next()
	}
}

// CitizenPage is Citizen for the pages of a campaign: those without a valid token are led to where they get one.
func (w *Web) CitizenPage() gin.HandlerFunc {
	return func(c *gin.Context) {
		citizen, err := w.readCitizen(tokenOf(c, CitizenCookie))
		if err != nil {
			c.Redirect(http.StatusSeeOther, "/c/"+url.PathEscape(c.Param("slug"))+"/result")
			c.Abort()
			return
		}
		c.Set(citizenKey, citizen)
		c.Next()
	}
}

// CitizenOf gives the citizen behind a request that passed Citizen. It panics on any other request.
func CitizenOf(c *gin.Context) Citizen { return c.MustGet(citizenKey).(Citizen) }

// SessionToken is the token that a member of staff sent, or "".
func SessionToken(c *gin.Context) string { return tokenOf(c, SessionCookie) }

func tokenOf(c *gin.Context, cookie string) string {
	if scheme, token, ok := strings.Cut(c.GetHeader("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	token, err := c.Cookie(cookie)
	if err != nil {
		return ""
	}
	return token
}

// SignInCookie gives the browser a session; seconds is its life.
func (w *Web) SignInCookie(c *gin.Context, token string, seconds int) {
	w.setCookie(c, SessionCookie, token, seconds)
}

// CitizenSignIn gives the browser the citizen's token, for the pages without scripts.
func (w *Web) CitizenSignIn(c *gin.Context, citizen Citizen) {
	w.setCookie(c, CitizenCookie, w.IssueCitizen(citizen), int(w.CitizenTTL.Seconds()))
}

// SignOut takes both cookies back.
func (w *Web) SignOut(c *gin.Context) {
	w.setCookie(c, SessionCookie, "", -1)
	w.setCookie(c, CitizenCookie, "", -1)
}

func (w *Web) setCookie(c *gin.Context, name, value string, seconds int) {
	http.SetCookie(c.Writer, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: seconds, HttpOnly: true,
		Secure: w.Secure, SameSite: http.SameSiteLaxMode})
}
