package campaign

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"hongbao/internal/identity"
	"hongbao/internal/web"
)

func (s *Service) challengeRoutes(w *web.Web) {
	w.API("/api/v1/campaigns/:slug").Limited("register").POST("/challenges", web.Operation{ZH: "取得防脚本验证题；bits 为 0 表示不需要。",
		EN: "Gives the challenge against scripts; bits of 0 mean that none is asked for.", Body: phoneJSON{}, Answer: PosedChallenge{}, Also: []int{403, 410, 429}}, s.postChallenge)
}

func (s *Service) postChallenge(c *gin.Context) error {
	var in phoneJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	posed, err := s.PoseChallenge(c.Request.Context(), c.Param("slug"), in.Phone)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, posed)
	return nil
}

// challenge is what the last step shows of a challenge: what the browser has to find, and what it may wait for instead.
type challenge struct {
	Text string
	Bits int
	Wait string
}

// poseTo gives the passage a challenge once its phone is known, if it has none that is still good. It travels along from the
// step of the particulars, so that most of a wait is over when the person submits.
func (s *Service) poseTo(z *wizard) error {
	live := z.view.Live
	phone, err := identity.ParsePhone(numeral(z.sub.Phone))
	if err != nil || !live.Book.Challenge.Set() {
		return nil // the step of the phone says so
	}
	vault, err := s.Keys.VaultFor(z.c.Request.Context(), live.ID)
	if err != nil {
		return err
	}
	c, ok := readPosed(vault, z.sub.Challenge)
	if !ok || c.phone != mark(index(vault, "phone", phone)) || s.Now().Sub(time.Unix(c.at, 0)) > challengeLife/2 {
		z.sub.Challenge = s.pose(live, vault, phone).Text
		c, _ = readPosed(vault, z.sub.Challenge)
	}
	c = c.to(live, z.sub.Consents)
	left := max(0, time.Unix(c.at, 0).Add(c.wait).Sub(s.Now()))
	z.challenge = &challenge{z.sub.Challenge, c.bits, fmt.Sprint(int(left/time.Second) + 1)}
	return nil
}

const deviceCookie = "hb_device"

// device is a random mark of the browser, for those who agree to risk control; it is stored as a keyed hash only.
func device(c *gin.Context, w *web.Web, agreed []string) string {
	if !slices.ContainsFunc(agreed, isRisk) {
		return ""
	}
	mark, err := c.Cookie(deviceCookie)
	if err != nil || len(mark) > 64 {
		mark = rand.Text()
		http.SetCookie(c.Writer, &http.Cookie{Name: deviceCookie, Value: mark, Path: "/c/", MaxAge: 90 * 24 * 3600, HttpOnly: true, Secure: w.Secure, SameSite: http.SameSiteLaxMode})
	}
	return strings.TrimSpace(mark)
}
