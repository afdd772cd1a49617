package rehearsal

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/pquerna/otp/totp"
)

// Account is a member of staff as `hongbao user add` made it.
type Account struct {
	Username, Role, Password, TOTPSecret string
}

// desk is a member of staff at work: signed in over the API, and signed in again when the session has run out.
type desk struct {
	Account
	client
	clock Clock

	mu    sync.Mutex
	token string
}

// ask sends a request as this member of staff.
func (d *desk) ask(ctx context.Context, method, path string, in, out any) error {
	token, err := d.session(ctx, "")
	if err != nil {
		return err
	}
	err = d.do(ctx, method, path, bearer(token), in, out)
	if !refusedWith(err, http.StatusUnauthorized) {
		return err
	}
	if token, err = d.session(ctx, token); err != nil {
		return err
	}
	return d.do(ctx, method, path, bearer(token), in, out)
}

// session returns a token that is not the spent one.
func (d *desk) session(ctx context.Context, spent string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.token != spent {
		return d.token, nil
	}
	code, err := d.oneTimeCode()
	if err != nil {
		return "", err
	}
	var answer struct{ Token string }
	in := map[string]string{"username": d.Username, "password": d.Password, "totp": code}
	if err := d.do(ctx, http.MethodPost, "/api/v1/sessions", nil, in, &answer); err != nil {
		return "", fmt.Errorf("sign in %s: %w", d.Username, err)
	}
	d.token = answer.Token
	return d.token, nil
}

// oneTimeCode waits for a new code, since each is good for one sign-in; an account without a secret has none.
func (d *desk) oneTimeCode() (string, error) {
	if d.TOTPSecret == "" {
		return "", nil
	}
	d.clock.Set(d.clock.Now().Add(31 * time.Second))
	return totp.GenerateCode(d.TOTPSecret, d.clock.Now())
}

func bearer(token string) http.Header {
	return http.Header{"Authorization": {"Bearer " + token}}
}

// staff is who works on the campaign. Maker and checker are different people, and so are their roles.
type staff struct {
	admin, operations, approver, auditor, regulator, system *desk
}

func newStaff(accounts []Account, c client, clock Clock) (*staff, error) {
	byRole := make(map[string]*desk)
	for _, a := range accounts {
		byRole[a.Role] = &desk{Account: a, client: c, clock: clock}
	}
	s := &staff{byRole["city-admin"], byRole["operations"], byRole["approver"], byRole["auditor"], byRole["regulator"], byRole["system-admin"]}
	for _, role := range []string{"city-admin", "operations", "approver", "auditor", "regulator", "system-admin"} {
		if byRole[role] == nil {
			return nil, fmt.Errorf("no account with the role %s", role)
		}
	}
	return s, nil
}

// Propose sends a rule book as the city's administrator and gives the service's refusal, if it refuses.
func Propose(ctx context.Context, platform string, clock Clock, accounts []Account, book []byte) error {
	team, err := newStaff(accounts, client{base: platform, http: newHTTP()}, clock)
	if err != nil {
		return err
	}
	return team.admin.ask(ctx, http.MethodPost, "/api/v1/admin/campaigns", body{"text/yaml", book}, nil)
}

// approval is a request that waits for a second person.
type approval struct {
	ID      int64
	Kind    string
	Status  string
	Subject string
	Maker   string
}

// approveAll lets the approver decide every pending request, as a second person.
func (s *staff) approveAll(ctx context.Context) (int, error) {
	var answer struct{ Approvals []approval }
	if err := s.approver.ask(ctx, http.MethodGet, "/api/v1/admin/approvals?status=pending&limit=1000", nil, &answer); err != nil {
		return 0, err
	}
	decided := 0
	for _, a := range answer.Approvals {
		if a.Status != "pending" {
			continue
		}
		in := map[string]any{"approve": true, "reason": "rehearsal: figures compared"}
		if err := s.approver.ask(ctx, http.MethodPost, fmt.Sprintf("/api/v1/admin/approvals/%d/decision", a.ID), in, nil); err != nil {
			return decided, err
		}
		decided++
	}
	return decided, nil
}

// run starts a job now and returns how many rows it moved.
func (s *staff) run(ctx context.Context, job string) (int, error) {
	var answer struct{ Rows int }
	err := s.system.ask(ctx, http.MethodPost, "/api/v1/admin/jobs/"+job+"/run", struct{}{}, &answer)
	return answer.Rows, err
}

// drain runs the jobs again and again until none of them moves a row.
func (s *staff) drain(ctx context.Context, jobs ...string) (total int, err error) {
	for moved := 1; moved > 0; {
		moved = 0
		for _, job := range jobs {
			n, err := s.run(ctx, job)
			if err != nil {
				return total, err
			}
			moved += n
		}
		total += moved
	}
	return total, nil
}
