package staff

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/identity"
	"hongbao/internal/testkit"
)

const password = "correct horse battery"

// office is a staff room with a clock that the test sets.
type office struct {
	*Service
	*testing.T
	clock *testkit.Clock
}

func withOffice(t *testing.T, test func(o office)) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		vault, err := identity.NewVault(identity.Intl, make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		clock := testkit.NewClock(time.Date(2020, 12, 5, 1, 0, 0, 0, time.UTC))
		test(office{&Service{DB: db, Vault: vault, Now: clock.Now, Random: rand.Reader, Cost: bcrypt.MinCost}, t, clock})
		if _, err := audit.Verify(t.Context(), db); err != nil {
			t.Error(err)
		}
	})
}

func (o office) hire(username string, role Role, secret string) Account {
	o.Helper()
	account, err := o.AddAccount(o.Context(), "setup", NewAccount{Username: username, Name: "某人", City: "suzhou", Role: role,
		Password: password, TOTPSecret: secret})
	if err != nil {
		o.Fatal(err)
	}
	return account
}

func (o office) expect(err, want error) {
	o.Helper()
	if !errors.Is(err, want) || want == nil && err != nil {
		o.Errorf("got %v, want %v", err, want)
	}
}

func (o office) signIn(password, code string) error {
	_, _, err := o.SignIn(context.Background(), "li", password, code, "192.0.2.1")
	return err
}

func TestRolesSeparateMakersFromCheckers(t *testing.T) {
	makes := []Permission{CampaignEdit, DrawRun, MoneyPrepare}
	approves := []Permission{CampaignApprove, DrawConfirm, MoneyApprove}
	holders := map[Permission]int{}
	for _, role := range Roles {
		made, checked := 0, 0
		for _, p := range role.Permissions() {
			holders[p]++
		}
		for i := range makes {
			if role.May(makes[i]) {
				made++
			}
			if role.May(approves[i]) {
				checked++
			}
		}
		if made > 0 && checked > 0 || len(role.Permissions()) == 0 {
			t.Errorf("%s makes %d and checks %d", role, made, checked)
		}
	}
	for _, p := range []Permission{CampaignEdit, CampaignApprove, DrawRun, DrawConfirm, MoneyPrepare, MoneyApprove, MerchantsEdit,
		RegistrationsView, AppealsDecide, ReportsDownload, ReportsMake, ReportsRelease, AuditView, JobsRun, StaffEdit, DeskRegister} {
		if holders[p] == 0 {
			t.Errorf("nobody may %s", p)
		}
	}
	if len(permissions) != len(Roles) || Role("root").May(StaffEdit) || SystemAdmin.May("") {
		t.Error("the table and the list of roles differ")
	}
}

// Jobs, accounts and the record are kept by three roles (MLPS 2.0: 系统管理员, 安全管理员, 审计管理员), of which none does another's work, and
// the first two see nobody. All three, and who moves money, sign in with one-time codes.
func TestThreeAdministratorsAreKeptApart(t *testing.T) {
	for role, own := range map[Role]Permission{SystemAdmin: JobsRun, SecurityAdmin: StaffEdit, Auditor: AuditView} {
		for _, p := range []Permission{JobsRun, StaffEdit, AuditView} {
			if role.May(p) != (p == own) {
				t.Errorf("%s and %s", role, p)
			}
		}
		if role != Auditor && len(role.Permissions()) != 1 {
			t.Errorf("%s may more than its own work: %v", role, role.Permissions())
		}
	}
	for _, role := range Roles {
		want := slices.Contains([]Role{Operations, Approver, Auditor, SystemAdmin, SecurityAdmin}, role)
		if role.NeedsCodes() != want {
			t.Errorf("%s signs in with codes: %v", role, !want)
		}
	}
}

func TestAddAccountRefuses(t *testing.T) {
	withOffice(t, func(o office) {
		o.hire("li", Regulator, "")
		good := NewAccount{Username: "wang", Name: "王", City: AllCities, Role: CityAdmin, Password: password}
		for name, c := range map[string]struct {
			spoil func(a *NewAccount)
			want  error
		}{
			"taken":           {func(a *NewAccount) { a.Username = "li" }, ErrUsernameTaken},
			"upper case":      {func(a *NewAccount) { a.Username = "Wang" }, ErrUsername},
			"no name":         {func(a *NewAccount) { a.Name = "" }, ErrName},
			"no such role":    {func(a *NewAccount) { a.Role = "root" }, ErrRole},
			"bad city":        {func(a *NewAccount) { a.City = "" }, ErrCity},
			"short":           {func(a *NewAccount) { a.Password = "123456789" }, ErrPassword},
			"longer than 72":  {func(a *NewAccount) { a.Password = fmt.Sprintf("%073d", 1) }, ErrPassword},
			"holds the name":  {func(a *NewAccount) { a.Password = "xxxxxxWANG1" }, ErrPassword},
			"no such secret":  {func(a *NewAccount) { a.TOTPSecret = "1!" }, ErrSecret},
			"nothing amiss":   {func(*NewAccount) {}, nil},
			"the same again.": {func(a *NewAccount) { a.Username, a.Password = "zhao", "wangwangwang" }, nil},
		} {
			a := good
			c.spoil(&a)
			_, err := o.AddAccount(o.Context(), "setup", a)
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				o.Errorf("%s: %v", name, err)
			}
		}
		list, err := o.Accounts(o.Context())
		if err != nil || len(list) != 3 || list[0].Username != "li" || list[0].City != "suzhou" {
			o.Errorf("%+v, %v", list, err)
		}
	})
}

func TestSessionBeginsAndEnds(t *testing.T) {
	withOffice(t, func(o office) {
		hired := o.hire("li", Regulator, "")
		token, account, err := o.SignIn(o.Context(), "li", password, "", "192.0.2.1")
		o.expect(err, nil)
		seen, err := o.Account(o.Context(), token)
		if err != nil || seen != account || seen.ID != hired.ID || seen.Role != Regulator {
			o.Errorf("%+v, %v", seen, err)
		}
		_, err = o.Account(o.Context(), token+"x")
		o.expect(err, ErrNoSession)
		o.clock.Advance(SessionLife - time.Millisecond)
		_, err = o.Account(o.Context(), token)
		o.expect(err, nil)
		o.clock.Advance(time.Millisecond)
		_, err = o.Account(o.Context(), token)
		o.expect(err, ErrNoSession)

		token, _, err = o.SignIn(o.Context(), "li", password, "", "192.0.2.1")
		o.expect(err, nil)
		o.expect(o.SignOut(o.Context(), token), nil)
		o.expect(o.SignOut(o.Context(), token), ErrNoSession)
		_, err = o.Account(o.Context(), token)
		o.expect(err, ErrNoSession)
	})
}

func TestDisabledAndNewPasswordEndSessions(t *testing.T) {
	withOffice(t, func(o office) {
		account := o.hire("li", Regulator, "")
		token, _, err := o.SignIn(o.Context(), "li", password, "", "")
		o.expect(err, nil)
		o.expect(o.SetPassword(o.Context(), "root", account.ID, "short"), ErrPassword)
		o.expect(o.SetPassword(o.Context(), "root", account.ID, "another password"), nil)
		_, err = o.Account(o.Context(), token)
		o.expect(err, ErrNoSession)
		o.expect(o.signIn(password, ""), ErrSignIn)
		token, _, err = o.SignIn(o.Context(), "li", "another password", "", "")
		o.expect(err, nil)
		o.expect(o.Disable(o.Context(), "root", account.ID), nil)
		o.expect(o.Disable(o.Context(), "root", account.ID), database.ErrAdvanced)
		_, err = o.Account(o.Context(), token)
		o.expect(err, ErrNoSession)
		o.expect(o.signIn("another password", ""), ErrSignIn)
		o.expect(o.Enable(o.Context(), "root", account.ID), nil)
		o.expect(o.signIn("another password", ""), nil)
		o.expect(o.Disable(o.Context(), "root", 99), ErrNoAccount)
	})
}

func TestFiveFailuresLock(t *testing.T) {
	withOffice(t, func(o office) {
		o.hire("li", Regulator, "")
		for range MaxFailures - 1 {
			o.expect(o.signIn("wrong", ""), ErrSignIn)
		}
		o.expect(o.signIn(password, ""), nil) // success clears the count
		for range MaxFailures {
			o.expect(o.signIn("wrong", ""), ErrSignIn)
		}
		o.expect(o.signIn(password, ""), ErrLocked)
		o.clock.Advance(LockTime - time.Millisecond)
		o.expect(o.signIn(password, ""), ErrLocked)
		o.clock.Advance(time.Millisecond)
		o.expect(o.signIn("wrong", ""), ErrSignIn) // counts from one again
		o.expect(o.signIn(password, ""), nil)
		_, _, err := o.SignIn(o.Context(), "nobody", password, "", "")
		o.expect(err, ErrSignIn)
	})
}

func TestGuessesAtTheSameTimeCannotOutrunTheLock(t *testing.T) {
	withOffice(t, func(o office) {
		o.hire("li", Regulator, "")
		var tried, locked atomic.Int32
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				switch err := o.signIn("wrong", ""); {
				case errors.Is(err, ErrSignIn):
					tried.Add(1)
				case errors.Is(err, ErrLocked):
					locked.Add(1)
				default:
					o.Error(err)
				}
			})
		}
		group.Wait()
		if tried.Load() != MaxFailures || locked.Load() != 20-MaxFailures {
			o.Errorf("%d guesses were looked at, %d met the lock", tried.Load(), locked.Load())
		}
	})
}

func TestOneTimeCode(t *testing.T) {
	withOffice(t, func(o office) {
		secret, url, err := o.NewSecret("li")
		if err != nil || url == "" {
			o.Fatal(err)
		}
		o.hire("li", Operations, secret)
		at := func(shift time.Duration) string {
			given, err := code(secret, o.clock.Now().Add(shift).Unix()/stepSeconds)
			o.expect(err, nil)
			return given
		}
		o.expect(o.signIn(password, ""), ErrSignIn)
		o.expect(o.signIn(password, at(-time.Minute)), ErrSignIn)
		o.expect(o.signIn("wrong", at(0)), ErrSignIn)
		o.expect(o.signIn(password, at(0)), nil) // a wrong password has not used it up
		o.expect(o.signIn(password, at(0)), ErrSignIn)
		o.expect(o.signIn(password, at(-30*time.Second)), ErrSignIn) // older than the last that was used
		o.expect(o.signIn(password, at(30*time.Second)), nil)        // a clock half a minute ahead
		o.clock.Advance(2 * time.Minute)
		o.expect(o.signIn(password, at(-30*time.Second)), nil)

		var stored []byte
		if err := o.DB.Read(o.Context()).Raw("SELECT totp_secret FROM accounts").Row().Scan(&stored); err != nil || string(stored) == secret {
			o.Errorf("stored in clear: %q, %v", stored, err)
		}
	})
}

func TestOneTimeCodeOpensOneSessionOfMany(t *testing.T) {
	withOffice(t, func(o office) {
		secret, _, err := o.NewSecret("li")
		o.expect(err, nil)
		o.hire("li", Operations, secret)
		given, err := code(secret, o.clock.Now().Unix()/stepSeconds)
		o.expect(err, nil)
		var opened atomic.Int32
		var group sync.WaitGroup
		for range MaxFailures {
			group.Go(func() {
				if o.signIn(password, given) == nil {
					opened.Add(1)
				}
			})
		}
		group.Wait()
		if opened.Load() != 1 {
			o.Errorf("one code opened %d sessions", opened.Load())
		}
	})
}

func (o office) request(a Approval) int64 {
	o.Helper()
	var id int64
	err := o.DB.InTx(o.Context(), func(tx *gorm.DB) (err error) {
		id, err = o.Request(tx, a)
		return err
	})
	if err != nil {
		o.Fatal(err)
	}
	return id
}

var batch = Approval{CampaignID: 7, City: "suzhou", Kind: "disbursement.batch", Subject: "batch 1", Maker: "li",
	Summary: map[string]any{"total_fen": 2000000}}

var wang = Account{Username: "wang", Role: Approver, City: "suzhou"}

func TestDecideAsksForASecondPerson(t *testing.T) {
	withOffice(t, func(o office) {
		o.Handle("disbursement.batch", func(context.Context, *gorm.DB, Approval) error { return nil })
		id := o.request(batch)
		for name, c := range map[string]struct {
			checker Account
			approve bool
			reason  string
			want    error
		}{
			"the maker":           {Account{Username: "li", Role: Approver, City: AllCities}, true, "", ErrOwnRequest},
			"the wrong role":      {Account{Username: "zhao", Role: CityAdmin, City: "suzhou"}, true, "", ErrNotChecker},
			"another city":        {Account{Username: "zhao", Role: Approver, City: "luohu"}, true, "", ErrNoApproval},
			"no reason to reject": {wang, false, "", ErrReason},
		} {
			if err := o.Decide(o.Context(), id, c.checker, c.approve, c.reason); !errors.Is(err, c.want) {
				o.Errorf("%s: %v", name, err)
			}
		}
		o.expect(o.Decide(o.Context(), id+1, wang, true, ""), ErrNoApproval)
		o.expect(o.Withdraw(o.Context(), id, wang), ErrNotMaker)
		o.expect(o.Decide(o.Context(), id, wang, true, "figures compared"), nil)
		a, err := o.Approval(o.Context(), id)
		if err != nil || a.Status != Approved || a.Checker != "wang" || a.Reason != "figures compared" || a.DecidedAt != database.At(o.clock.Now()) {
			o.Errorf("%+v, %v", a, err)
		}
	})
}

func TestHandlerStandsAndFallsWithTheDecision(t *testing.T) {
	withOffice(t, func(o office) {
		broken, fail := errors.New("no float"), true
		o.Handle("disbursement.batch", func(_ context.Context, tx *gorm.DB, a Approval) error {
			if err := tx.Exec("INSERT INTO leases (name, owner, token, until_at) VALUES (?, ?, 1, 1)", a.Subject, a.Checker).Error; err != nil {
				return err
			}
			if fail {
				return broken
			}
			return nil
		})
		rejected := 0
		o.HandleRejected("disbursement.batch", func(context.Context, *gorm.DB, Approval) error { rejected++; return nil })
		id := o.request(batch)
		o.expect(o.Decide(o.Context(), id, wang, true, ""), broken)
		if a, _ := o.Approval(o.Context(), id); a.Status != Pending {
			o.Errorf("a decision whose deed failed is %s", a.Status)
		}
		fail = false
		o.expect(o.Decide(o.Context(), id, wang, true, ""), nil)
		var owner string
		if err := o.DB.Read(o.Context()).Raw("SELECT owner FROM leases WHERE name = 'batch 1'").Scan(&owner).Error; err != nil || owner != "wang" {
			o.Errorf("the deed was done by %q, %v", owner, err)
		}
		o.expect(o.Decide(o.Context(), o.request(batch), wang, false, "wrong total"), nil)
		o.expect(o.Withdraw(o.Context(), o.request(batch), Account{Username: "li"}), nil)
		if rejected != 2 {
			o.Errorf("%d of 2 heard that nothing will happen", rejected)
		}
		unhandled := batch
		unhandled.Kind = "return.surplus"
		if err := o.Decide(o.Context(), o.request(unhandled), wang, true, ""); err == nil {
			o.Error("approved what nobody carries out")
		}
		err := o.DB.InTx(o.Context(), func(tx *gorm.DB) error {
			_, err := o.Request(tx, Approval{Kind: "money.take", Maker: "li"})
			return err
		})
		o.expect(err, errUnknownKind)
		cityless := batch
		cityless.City = ""
		err = o.DB.InTx(o.Context(), func(tx *gorm.DB) error {
			_, err := o.Request(tx, cityless)
			return err
		})
		if err == nil {
			o.Error("what is about a campaign was asked of any city's approvers")
		}
	})
}

func TestApprovalIsDecidedOnce(t *testing.T) {
	withOffice(t, func(o office) {
		var done atomic.Int32
		o.Handle("disbursement.batch", func(context.Context, *gorm.DB, Approval) error { return nil })
		id := o.request(batch)
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				if o.Decide(context.Background(), id, wang, i%2 == 0, "said so") == nil {
					done.Add(1)
				}
			})
		}
		group.Wait()
		if done.Load() != 1 {
			o.Errorf("decided %d times", done.Load())
		}
	})
}

func TestEveryPairOfStatuses(t *testing.T) {
	statuses := []string{Pending, Approved, Rejected, Withdrawn}
	withOffice(t, func(o office) {
		o.Handle("disbursement.batch", func(context.Context, *gorm.DB, Approval) error { return nil })
		move := map[string]func(id int64) error{
			Approved:  func(id int64) error { return o.Decide(o.Context(), id, wang, true, "") },
			Rejected:  func(id int64) error { return o.Decide(o.Context(), id, wang, false, "no") },
			Withdrawn: func(id int64) error { return o.Withdraw(o.Context(), id, Account{Username: "li"}) },
		}
		for _, from := range statuses {
			for _, to := range statuses {
				want := from == Pending && to != Pending
				if legal(from, to) != want {
					o.Errorf("legal(%s, %s) = %v", from, to, !want)
				}
				if to == Pending {
					continue // no deed leads back
				}
				id := o.request(batch)
				if from != Pending {
					o.expect(move[from](id), nil)
				}
				err := move[to](id)
				if want != (err == nil) || !want && !errors.Is(err, ErrDecided) {
					o.Errorf("%s to %s: %v", from, to, err)
				}
			}
		}
	})
}

func TestListApprovals(t *testing.T) {
	withOffice(t, func(o office) {
		first, second := o.request(batch), Approval{Kind: "draw.notice", City: "luohu", CampaignID: 8, Maker: "li"}
		last := o.request(second)
		for _, c := range []struct {
			filter ApprovalFilter
			want   []int64
		}{
			{ApprovalFilter{}, []int64{last, first}}, {ApprovalFilter{City: "suzhou"}, []int64{first}}, {ApprovalFilter{City: AllCities}, []int64{last, first}},
			{ApprovalFilter{CampaignID: 8, Status: Pending}, []int64{last}}, {ApprovalFilter{Status: Approved}, nil},
			{ApprovalFilter{Kind: "draw.notice"}, []int64{last}}, {ApprovalFilter{Before: last, Limit: 5}, []int64{first}},
		} {
			list, err := o.List(o.Context(), c.filter)
			var got []int64
			for _, a := range list {
				got = append(got, a.ID)
			}
			if err != nil || fmt.Sprint(got) != fmt.Sprint(c.want) {
				o.Errorf("%+v gave %v, %v", c.filter, got, err)
			}
		}
	})
}
