package staff

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
)

func TestToken(t *testing.T) {
	withOffice(t, func(o office) {
		o.hire("reg", Regulator, "")
		ask := NewToken{Username: "reg", Name: "季度报表", Scopes: []Permission{ReportsDownload, ReportsMake}, Life: 30 * 24 * time.Hour}
		text, made, err := o.IssueToken(o.Context(), "reg", ask)
		o.expect(err, nil)
		if !IsToken(text) || made.City != "suzhou" {
			o.Errorf("%q %+v", text, made)
		}
		var stored string
		o.expect(o.DB.Read(o.Context()).Raw("SELECT hex(token_hash) FROM api_tokens").Row().Scan(&stored), nil)
		if strings.Contains(stored, text) || len(stored) != 64 {
			o.Errorf("stored as %q", stored)
		}
		account, scopes, err := o.TokenAccount(o.Context(), text)
		if err != nil || account.Username != "reg" || !slices.Equal(scopes, []Permission{ReportsDownload, ReportsMake}) {
			o.Errorf("%+v %v %v", account, scopes, err)
		}
		if _, _, err := o.TokenAccount(o.Context(), text+"x"); !errors.Is(err, ErrToken) {
			o.Error(err)
		}
		if _, err := o.Account(o.Context(), text); !errors.Is(err, ErrNoSession) {
			o.Errorf("a token opens what sessions do: %v", err)
		}
		if list, err := o.Tokens(o.Context(), "reg"); err != nil || len(list) != 1 || list[0].LastUsedAt == 0 || list[0].Status(o.clock.Now()) != "active" {
			o.Errorf("%+v %v", list, err)
		}
		o.expect(o.RevokeToken(o.Context(), "x", "somebody", made.ID), ErrNoToken)
		o.expect(o.RevokeToken(o.Context(), "reg", "reg", made.ID), nil)
		o.expect(o.RevokeToken(o.Context(), "reg", "", made.ID), ErrNoToken)
		if _, _, err := o.TokenAccount(o.Context(), text); !errors.Is(err, ErrToken) {
			o.Errorf("revoked: %v", err)
		}
	})
}

func TestTokenEnds(t *testing.T) {
	withOffice(t, func(o office) {
		owner := o.hire("reg", Regulator, "")
		ask := NewToken{Username: "reg", Name: "x", Scopes: []Permission{ReportsDownload}, Life: 24 * time.Hour}
		text, _, err := o.IssueToken(o.Context(), "reg", ask)
		o.expect(err, nil)
		o.expect(o.Disable(o.Context(), "boss", owner.ID), nil)
		if _, _, err := o.TokenAccount(o.Context(), text); !errors.Is(err, ErrToken) {
			o.Errorf("of a disabled account: %v", err)
		}
		o.expect(o.Enable(o.Context(), "boss", owner.ID), nil)
		if _, _, err := o.TokenAccount(o.Context(), text); err != nil {
			o.Error(err)
		}
		o.clock.Advance(24 * time.Hour)
		if _, _, err := o.TokenAccount(o.Context(), text); !errors.Is(err, ErrToken) {
			o.Errorf("expired: %v", err)
		}
	})
}

func TestTokenIsRefused(t *testing.T) {
	withOffice(t, func(o office) {
		o.hire("reg", Regulator, "")
		for name, c := range map[string]struct {
			spoil func(*NewToken)
			want  error
		}{
			"no name":         {func(n *NewToken) { n.Name = "" }, ErrTokenName},
			"no scope":        {func(n *NewToken) { n.Scopes = nil }, ErrTokenScopes},
			"not the role's":  {func(n *NewToken) { n.Scopes = []Permission{AuditView} }, ErrTokenScopes},
			"no such scope":   {func(n *NewToken) { n.Scopes = []Permission{MoneyApprove} }, ErrTokenScopes},
			"for ever":        {func(n *NewToken) { n.Life = MaxTokenLife + time.Hour }, ErrTokenLife},
			"for an hour":     {func(n *NewToken) { n.Life = time.Hour }, ErrTokenLife},
			"another city":    {func(n *NewToken) { n.City = "luohu" }, ErrTokenCity},
			"all cities":      {func(n *NewToken) { n.City = AllCities }, ErrTokenCity},
			"no such account": {func(n *NewToken) { n.Username = "nobody" }, ErrNoAccount},
		} {
			ask := NewToken{Username: "reg", Name: "x", Scopes: []Permission{ReportsDownload}, Life: 24 * time.Hour}
			c.spoil(&ask)
			if _, _, err := o.IssueToken(o.Context(), "reg", ask); !errors.Is(err, c.want) {
				o.Errorf("%s: %v", name, err)
			}
		}
		for range MaxTokens {
			_, _, err := o.IssueToken(o.Context(), "reg", NewToken{Username: "reg", Name: "x", Scopes: []Permission{ReportsDownload}, Life: 24 * time.Hour})
			o.expect(err, nil)
		}
		_, _, err := o.IssueToken(o.Context(), "reg", NewToken{Username: "reg", Name: "x", Scopes: []Permission{ReportsDownload}, Life: 24 * time.Hour})
		o.expect(err, ErrManyTokens)
	})
}

func TestMoneyAndAdministrationNeedOneTimeCodes(t *testing.T) {
	withOffice(t, func(o office) {
		for _, role := range Roles {
			_, err := o.AddAccount(o.Context(), "setup", NewAccount{Username: "some." + string(role), Name: "某人", City: "suzhou", Role: role, Password: password})
			if want := map[bool]error{true: ErrNoSecret}[role.NeedsCodes()]; !errors.Is(err, want) || want == nil && err != nil {
				o.Errorf("%s: %v", role, err)
			}
		}
		li := o.hire("li", Regulator, "")
		o.expect(o.DB.InTx(o.Context(), func(tx *gorm.DB) error { // as an account of before might be
			return tx.Exec("UPDATE accounts SET role = 'operations' WHERE username = 'li'").Error
		}), nil)
		o.expect(o.signIn(password, ""), ErrNoCode)
		for _, a := range []string{"short", "another long password"} {
			secret, _, err := o.Renew(o.Context(), "boss", li, a)
			if a == "short" {
				o.expect(err, ErrPassword)
				continue
			}
			o.expect(err, nil)
			given, err := code(secret, o.clock.Now().Unix()/stepSeconds)
			o.expect(err, nil)
			o.expect(o.signIn(password, given), ErrSignIn)
			o.expect(o.signIn(a, given), nil)
		}
	})
}

func TestSessionsAreListedAndRevoked(t *testing.T) {
	withOffice(t, func(o office) {
		o.hire("li", Regulator, "")
		o.hire("wang", Regulator, "")
		var tokens []string
		for _, name := range []string{"li", "li", "wang"} {
			token, _, err := o.SignIn(context.Background(), name, password, "", "192.0.2.7")
			o.expect(err, nil)
			tokens = append(tokens, token)
			o.clock.Advance(time.Minute)
		}
		all, err := o.Sessions(o.Context(), "")
		if err != nil || len(all) != 3 || all[0].Username != "wang" || all[0].Address != "192.0.2.7" {
			o.Errorf("%+v %v", all, err)
		}
		o.expect(o.RevokeSession(o.Context(), "li", "li", SessionID(tokens[2])), ErrNoSuchSession)
		o.expect(o.RevokeSession(o.Context(), "li", "li", SessionID(tokens[0])), nil)
		o.expect(o.RevokeSession(o.Context(), "li", "li", SessionID(tokens[0])), ErrNoSuchSession)
		if _, err := o.Account(o.Context(), tokens[0]); !errors.Is(err, ErrNoSession) {
			o.Error(err)
		}
		if _, err := o.Account(o.Context(), tokens[1]); err != nil {
			o.Error(err)
		}
		o.clock.Advance(SessionLife)
		if mine, err := o.Sessions(o.Context(), "li"); err != nil || len(mine) != 0 {
			o.Errorf("%+v %v", mine, err)
		}
	})
}
