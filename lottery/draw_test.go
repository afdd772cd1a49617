package lottery

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/staff"
	"hongbao/internal/testkit"
	"hongbao/internal/web"
	"hongbao/lottery/beacon"
	"hongbao/lottery/draw"
)

// One draw from its notice to its promotions, over HTTP, with witnesses who check what they sign.
func TestDrawFromNoticeToPromotions(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		s := newStreet(t, db)
		s.toPublished(40)
		checkFigures(s)
		checkResults(s)
		checkPromotions(s)
		checkBundle(s)
		checkPages(s)
	})
}

func checkFigures(s *street) {
	v := s.advance(Published, "")
	if want := (Figures{Registered: 40, Entries: 36, Excluded: 4, Winners: 12, Waitlist: 3}); v.Figures != want {
		s.Errorf("figures %+v, want %+v", v.Figures, want)
	}
	if v.Verified == nil || !v.Verified.OK || v.Label != draw.RehearsalLabel {
		s.Errorf("verified %+v, label %q", v.Verified, v.Label)
	}
	kinds := []draw.Kind{draw.KindNotice, draw.KindChain, draw.KindExcluded, draw.KindPlan, draw.KindReveals, draw.KindBeacon, draw.KindResult}
	for i, doc := range v.Documents {
		if doc.Kind != kinds[i] || doc.Cosigned != 2 || doc.Position != int64(i+1) || doc.Time == "" {
			s.Errorf("document %d: %+v", i, doc)
		}
	}
	c, err := s.service.Campaigns.Get(ctx, s.id)
	if err != nil || c.Status != campaign.Drawn {
		s.Errorf("the campaign is %s: %v", c.Status, err)
	}
	winners, err := s.service.Winners(ctx, s.draw().ID, 0, 100)
	s.must(err)
	paid := map[string]int64{}
	for _, w := range winners {
		paid[w.Source] += w.AmountFen
	}
	if len(winners) != 12 || paid["city"] != 130000 || paid["jd"] != 20000 {
		s.Errorf("%d winners, paid %v", len(winners), paid)
	}
}

// checkResults asks for every citizen's result and checks its proof against the public files.
func checkResults(s *street) {
	plan, err := publishedPlan(s.db.Read(ctx), s.draw())
	s.must(err)
	outcomes := map[Outcome]int{}
	for _, p := range s.people {
		r := result(s, p.id)
		outcomes[r.Outcome]++
		if r.Entry != p.entry.String() {
			s.Fatalf("entry %s, want %s", r.Entry, p.entry)
		}
		if r.Outcome == Excluded {
			continue
		}
		i := slices.IndexFunc(plan.Pools, func(pool draw.Pool) bool { return pool.Name == p.pool })
		proof := draw.Inclusion{Index: r.Inclusion.Index, Size: r.Inclusion.Size, Path: r.Inclusion.Path}
		s.must(proof.Verify(plan.Hash, p.entry, plan.Pools[i].Root))
	}
	if outcomes[Won] != 12 || outcomes[Waits] != 3 || outcomes[Excluded] != 4 || outcomes[NotWon] != 21 {
		s.Errorf("outcomes %v", outcomes)
	}
}

func result(s *street, registration int64) Result {
	s.Helper()
	token := s.web.IssueCitizen(web.Citizen{RegistrationID: registration, CampaignID: s.id})
	var r Result
	s.want(200, token, "GET", "/api/v1/me/result", "", &r)
	return r
}

// checkPromotions gives prizes up until the waitlists are used up, one of them by somebody who came from a waitlist.
func checkPromotions(s *street) {
	winners, err := s.service.Winners(ctx, s.draw().ID, 0, 100)
	s.must(err)
	first, ok, err := s.promote(winners[0].Entry, "given-up")
	if err != nil || !ok {
		s.Fatalf("first promotion: %v %v", ok, err)
	}
	if r := result(s, first); r.Outcome != Promoted || r.AmountFen != winners[0].AmountFen || r.Tier != winners[0].Tier {
		s.Errorf("the promoted has %+v", r)
	}
	if _, _, err := s.promote(winners[0].Entry, "given-up"); !isFault(err, errNotHeld) {
		s.Errorf("a prize given up twice: %v", err)
	}
	if v := s.advance(Published, forWitnesses); v.Figures.Promotions != 1 {
		s.Errorf("%d promotions logged", v.Figures.Promotions)
	}
	promoted := s.people[slices.IndexFunc(s.people, func(p person) bool { return p.id == first })]
	spilled := winners[len(winners)-1] // of the east, which has a waitlist of its own
	if n := promoteAtOnce(s, promoted.entry, winners[1].Entry, winners[2].Entry, winners[3].Entry); n != 1 {
		s.Errorf("%d prizes went to the one place that the waitlist of all had left", n)
	}
	if n := promoteAtOnce(s, spilled.Entry); n != 1 {
		s.Error("a spilled prize does not go to the waitlist of its own pool")
	}
	if v := s.advance(Published, forWitnesses); v.Figures.Promotions != 1 {
		s.Error("a batch was logged before the one before it was cosigned")
	}
	s.work(2)
	s.advance(Published, forWitnesses)
	s.work(2)
	if v := s.advance(Published, ""); v.Figures.Promotions != 6 || !v.Verified.OK {
		s.Errorf("after the promotions: %+v", v)
	}
}

// promoteAtOnce gives these prizes up at the same moment and counts those that went on.
func promoteAtOnce(s *street, entries ...[32]byte) (went int) {
	s.Helper()
	type outcome struct {
		ok  bool
		err error
	}
	outcomes := make(chan outcome)
	for _, entry := range entries {
		go func() {
			_, ok, err := s.promote(entry, "unclaimed")
			outcomes <- outcome{ok, err}
		}()
	}
	for range entries {
		o := <-outcomes
		if o.err != nil {
			s.Error(o.err)
		}
		if o.ok {
			went++
		}
	}
	return went
}

// checkBundle verifies the exported directory, signed, and demands that a changed byte anywhere is detected.
func checkBundle(s *street) {
	dir := s.TempDir()
	s.must(s.service.ExportBundle(ctx, slug, dir))
	verify := func() *draw.Report { return draw.Verifier{Beacon: beacon.Verify}.Verify(draw.FS(os.DirFS(dir))) }
	s.must(verify().Err())
	s.must(s.verify().Err())
	files := 0
	s.must(filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		original, err := os.ReadFile(path)
		s.must(err)
		spoiled := bytes.Clone(original)
		spoiled[len(spoiled)/2] ^= 1
		s.must(os.WriteFile(path, spoiled, 0o600))
		if verify().OK() {
			s.Errorf("a changed byte in %s goes unseen", path)
		}
		return os.WriteFile(path, original, 0o600)
	}))
	if files < 18 {
		s.Errorf("only %d files in the bundle", files)
	}
}

func checkPages(s *street) {
	for _, path := range []string{"/draws", "/draws/" + slug} {
		if page := s.want(200, "", "GET", path, "", nil); !strings.Contains(page, s.book.Name.ZH) {
			s.Errorf("%s does not name the campaign", path)
		}
	}
	page := s.want(200, "", "GET", "/draws/"+slug, "", nil)
	wanted := []string{"彩排", "为什么没有人能作弊", "全部文件核对通过", "bundle/pools/east"}
	for name := range s.helpers {
		wanted = append(wanted, PartyTitle(s.book, name, "zh"))
	}
	for _, want := range wanted {
		if !strings.Contains(page, want) {
			s.Errorf("the page lacks %q", want)
		}
	}
}

// Below the quorum nothing moves, whoever runs the job.
func TestBelowQuorumNothingMoves(t *testing.T) {
	s := newStreet(t, testkit.DB(t))
	s.enrol([]string{"bank-a", "bank-b"}, []string{"press", "university", "notary"}, 2)
	if status, _ := s.call("", "GET", "/api/v1/draws/"+slug, ""); status != 404 {
		t.Errorf("a draw in preparation is public: %d", status)
	}
	s.publishNotice()
	s.work(1)
	s.advance(Noticed, forWitnesses)
	s.clock.Set(s.book.Windows.Open)
	s.work(2)
	s.advance(Noticed, forVoid)
	if n, err := s.service.Campaigns.OpenDue(ctx); n != 0 || err != nil {
		t.Errorf("registration opened without a cosigned notice: %d %v", n, err)
	}
}

func TestPlanWaitsForQuorumAndRevealsForPlan(t *testing.T) {
	s := newStreet(t, testkit.DB(t))
	s.toPlanned(20)
	s.work(1)
	s.advance(Planned, forWitnesses)
	if status, answer := s.reveal("notary"); status != 409 || !strings.Contains(answer, "reveal-early") {
		t.Errorf("a reveal before the plan is cosigned: %d %s", status, answer)
	}
}

// A helper that stays silent counts as zeros and is named; a reveal after the time is refused.
func TestMissingAndLateReveal(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		s := newStreet(t, db)
		s.toSealed(30)
		for _, name := range []string{"bank-a", "notary", "notary"} {
			if status, answer := s.reveal(name); status != 204 {
				t.Fatalf("%s: %d %s", name, status, answer)
			}
		}
		s.refused(400, "reveal-wrong", "", "POST", "/api/v1/draws/"+slug+"/reveals", fmt.Sprintf(`{"name":"bank-b","reveal":%q}`, s.helpers["notary"]))
		s.refused(404, "helper-unknown", "", "POST", "/api/v1/draws/"+slug+"/reveals", fmt.Sprintf(`{"name":"bank-z","reveal":%q}`, s.helpers["notary"]))
		s.advance(Sealed, forReveals)
		s.clock.Set(s.draw().RevealBy.Time())
		if status, answer := s.reveal("bank-b"); status != 410 {
			t.Errorf("a late reveal: %d %s", status, answer)
		}
		v := s.advance(Revealed, forWitnesses)
		for _, h := range v.Helpers {
			if h.Missing != (h.Name == "bank-b") {
				t.Errorf("helper %+v", h)
			}
		}
		if status, answer := s.reveal("bank-b"); status != 410 {
			t.Errorf("a reveal after the freeze: %d %s", status, answer)
		}
		s.work(2)
		s.clock.Set(s.book.Windows.Draw().Add(time.Minute))
		s.advance(Drawn, forWitnesses)
		s.work(2)
		s.advance(Published, "")
		if reveals := s.want(200, "", "GET", "/api/v1/draws/"+slug+"/bundle/reveals", "", nil); !strings.Contains(reveals, "bank-b -\n") {
			t.Errorf("reveals: %s", reveals)
		}
		s.must(s.verify().Err())
	})
}

// Reveals that are not cosigned before the round can no longer make an honest seed.
func TestRevealsCosignedTooLateStall(t *testing.T) {
	s := newStreet(t, testkit.DB(t))
	s.toSealed(20)
	s.clock.Set(s.draw().RevealBy.Time())
	s.advance(Revealed, forWitnesses)
	s.clock.Set(s.draw().RoundAt.Time())
	s.work(2)
	s.advance(Revealed, forVoid)
}

// A freeze that comes so late that the round is near gives no plan.
func TestNearRoundGivesNoPlan(t *testing.T) {
	s := newStreet(t, testkit.DB(t))
	s.toAnnounced(20)
	s.clock.Set(s.book.Windows.Draw().Add(-30 * time.Minute))
	s.job(s.service.Campaigns.CloseDue)
	s.advance(Frozen, forVoid)
}

func TestNoticeOfANearRoundOrOpenRegistrationIsRefused(t *testing.T) {
	s := newStreet(t, testkit.DB(t))
	s.enrol([]string{"bank-a", "bank-b"}, []string{"press"}, 1)
	approval, err := s.service.RequestNotice(ctx, "city-admin.li", slug)
	s.must(err)
	s.service.MinDelay = 30 * 24 * time.Hour
	if err := s.tryDecide(approval); !isFault(err, errRound) {
		t.Errorf("a near round: %v", err)
	}
	s.service.MinDelay = 0
	s.clock.Set(s.book.Windows.Open)
	if err := s.tryDecide(approval); !isFault(err, errOpened) {
		t.Errorf("a notice after the opening: %v", err)
	}
}

// What is published is what was approved: parties changed in between make a new notice.
func TestApprovedNoticeIsThePublishedOne(t *testing.T) {
	s := newStreet(t, testkit.DB(t))
	s.enrol([]string{"bank-a", "bank-b"}, []string{"press"}, 1)
	approval, err := s.service.RequestNotice(ctx, "city-admin.li", slug)
	s.must(err)
	s.enrol([]string{"bank-a", "bank-c"}, []string{"university"}, 1)
	if err := s.tryDecide(approval); !isFault(err, errChanged) {
		t.Errorf("another notice than the approved: %v", err)
	}
	s.witnesses = s.witnesses[1:]
	s.publishNotice()
	s.work(1)
	s.advance(Announced, forClose)
	s.refused(409, "campaign-not-approved", "city-admin.li", "PUT", admin+"/parties",
		`{"quorum":1,"parties":[{"name":"a","commitment":"`+strings.Repeat("1", 64)+`"},{"name":"b","commitment":"`+strings.Repeat("2", 64)+`"},{"name":"press","vkey":"`+s.witnesses[0].vkey+`"}]}`)
}

func TestBeaconCarriedInByHand(t *testing.T) {
	s := newStreet(t, testkit.DB(t))
	s.toRevealed(20)
	s.clock.Set(s.book.Windows.Draw().Add(time.Minute))
	round, err := s.service.Beacon.Round(ctx, s.draw().Round)
	s.must(err)
	other, err := s.service.Beacon.Round(ctx, s.draw().Round-1)
	s.must(err)
	s.service.Beacon = &beacon.Client{Chain: s.service.Chain, Relays: []string{"http://127.0.0.1:1"}, Timeout: time.Second}
	if _, err := s.service.AdvanceDue(ctx); err == nil {
		t.Error("a relay that is down is not reported")
	}
	s.refused(400, "beacon-invalid", "city-admin.li", "POST", admin+"/beacon", hex.EncodeToString(other.Signature))
	s.want(200, "city-admin.li", "POST", admin+"/beacon", hex.EncodeToString(round.Signature), nil)
	s.advance(Drawn, forWitnesses)
	s.work(2)
	s.advance(Published, "")
	file, err := draw.ParseBeaconRound([]byte(s.want(200, "", "GET", "/api/v1/draws/"+slug+"/bundle/beacon.json", "", nil)))
	if err != nil || file.CarriedBy != "city-admin.li" {
		t.Errorf("carried by %q: %v", file.CarriedBy, err)
	}
}

func TestVoidTakesTwoPeopleAndAPublicReason(t *testing.T) {
	s := newStreet(t, testkit.DB(t))
	s.toSealed(20)
	reason := "信标服务长时间中断，按公告所列规则作废。"
	body, err := json.Marshal(map[string]string{"reason": reason})
	s.must(err)
	s.refused(400, "reason", "city-admin.li", "POST", admin+"/void", `{"reason":"短"}`)
	s.refused(403, "role", "approver.chen", "POST", admin+"/void", string(body))
	var asked struct {
		ID int64 `json:"approval_id"`
	}
	s.want(202, "city-admin.li", "POST", admin+"/void", string(body), &asked)
	s.advance(Sealed, forReveals)
	s.decide(asked.ID)
	s.advance(Voided, forWitnesses)
	s.work(2)
	s.advance(Voided, "")
	if got := s.want(200, "", "GET", "/api/v1/draws/"+slug+"/bundle/void", "", nil); got != reason+"\n" {
		t.Errorf("void: %q", got)
	}
	if status, _ := s.reveal("bank-a"); status == 204 {
		t.Error("a reveal is taken in a voided draw")
	}
	s.must(s.verify().Err())
	if page := s.want(200, "", "GET", "/draws/"+slug, "", nil); !strings.Contains(page, reason) {
		t.Error("the page does not say why")
	}
	s.refused(409, "draw-status", "city-admin.li", "POST", admin+"/void", string(body))
}

// Once the round is out, somebody may know the result: it can no longer be discarded.
func TestNoVoidOnceTheSeedCanBeKnown(t *testing.T) {
	s := newStreet(t, testkit.DB(t))
	s.toRevealed(20)
	body := `{"reason":"we would rather have another result"}`
	s.want(202, "city-admin.li", "POST", admin+"/void", body, nil)
	s.clock.Set(s.draw().RoundAt.Time())
	s.refused(409, "void-too-late", "city-admin.li", "POST", admin+"/void", body)
	if err := s.tryDecide(s.lastApproval()); !isFault(err, errMayKnow) {
		t.Errorf("an old request decided after the round: %v", err)
	}
	s.clock.Advance(outage)
	s.want(202, "city-admin.li", "POST", admin+"/void", body, nil)
}

func TestCosignaturesThatAreRefused(t *testing.T) {
	s := newStreet(t, testkit.DB(t))
	s.toPlanned(20)
	d, size := s.draw(), int64(4) // notice, chain, excluded, plan
	bare := s.want(200, "", "GET", "/api/v1/log/lakeside/checkpoints/4", "", nil)
	path := fmt.Sprintf("/api/v1/log/lakeside/checkpoints/%d/cosignatures", size)
	press := s.witnesses[0]
	sign := func() string {
		line, err := draw.Cosign([]byte(bare), press.signer)
		s.must(err)
		return line
	}
	good := sign()
	s.clock.Set(d.CloseAt.Time().Add(-time.Second))
	early := sign()
	s.clock.Set(d.CloseAt.Time().Add(2 * time.Minute))
	future := sign()
	s.clock.Set(d.CloseAt.Time())
	stranger := strings.Replace(good, "press", "stranger", 1)
	s.refused(403, "cosignature-undeclared", "", "POST", path, stranger)
	s.refused(400, "cosignature-invalid", "", "POST", path, "not a line at all, this\n")
	s.refused(400, "cosignature-invalid", "", "POST", "/api/v1/log/lakeside/checkpoints/3/cosignatures", good)
	s.refused(409, "cosignature-too-early", "", "POST", path, early)
	s.refused(409, "cosignature-clock", "", "POST", path, future)
	s.refused(404, "checkpoint-unknown", "", "POST", "/api/v1/log/lakeside/checkpoints/99/cosignatures", good)
	s.want(200, "", "POST", path, good, nil)
	s.want(200, "", "POST", path, good, nil)
	s.clock.Advance(time.Second)
	s.refused(409, "cosignature-repeated", "", "POST", path, sign())
	var work Work
	s.want(200, "", "GET", "/api/v1/log/lakeside/wanted?witness=press", "", &work)
	if len(work.Wanted) != 2 {
		t.Errorf("wanted of a witness that cosigned one of three: %d", len(work.Wanted))
	}
}

// Two processes that run the job at once take each step once.
func TestTwoProcessesTakeEachStepOnce(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		s := newStreet(t, db)
		s.toAnnounced(60)
		s.clock.Set(s.book.Windows.Close)
		s.job(s.service.Campaigns.CloseDue)
		failures := make(chan error, 4)
		for range cap(failures) {
			go func() {
				_, err := s.service.AdvanceDue(ctx)
				failures <- err
			}()
		}
		for range cap(failures) {
			s.must(<-failures)
		}
		v := s.advance(Planned, forWitnesses)
		if len(v.Documents) != 4 || v.Figures.Entries != 54 {
			t.Errorf("%d documents, %d entries", len(v.Documents), v.Figures.Entries)
		}
	})
}

func TestPartiesThatAreRefused(t *testing.T) {
	s := newStreet(t, testkit.DB(t))
	commitment := strings.Repeat("1", 64)
	for _, body := range []string{
		`{"quorum":1,"parties":[]}`,
		`{"quorum":1,"parties":[{"name":"a","commitment":"` + commitment + `"}]}`,
		`{"quorum":0,"parties":[{"name":"a","commitment":"` + commitment + `"},{"name":"b","commitment":"` + commitment + `"}]}`,
		`{"quorum":1,"parties":[{"name":"a","commitment":"` + commitment + `"},{"name":"b","commitment":"xx"},{"name":"c","vkey":"x"}]}`,
		`{"quorum":1,"parties":[{"name":"a","commitment":"` + commitment + `"},{"name":"a","commitment":"` + commitment + `"},{"name":"c","vkey":"x"}]}`,
		`{"quorum":1,"parties":[{"name":"a","commitment":"` + commitment + `"},{"name":"b"},{"name":"c","vkey":"x"}]}`,
	} {
		if status, answer := s.call("city-admin.li", "PUT", admin+"/parties", body); status != 400 {
			t.Errorf("%d for %s: %s", status, body, answer)
		}
	}
	s.refused(401, "not-signed-in", "", "PUT", admin+"/parties", `{}`)
	s.refused(403, "role", "approver.chen", "PUT", admin+"/parties", `{}`)
}

// The log is the city's: lines of another draw may stand between those of this one, and each bundle ends with its own last line.
func TestTwoDrawsInOneLog(t *testing.T) {
	s := newStreet(t, testkit.DB(t))
	s.toPublished(20)
	later := s.announceNext()
	s.must(s.verify().Err())
	winners, err := s.service.Winners(ctx, s.draw().ID, 0, 1)
	s.must(err)
	if _, _, err := s.promote(winners[0].Entry, "given-up"); err != nil {
		t.Fatal(err)
	}
	s.advance(Published, forWitnesses)
	s.work(3)
	v := s.advance(Published, "")
	if last := v.Documents[len(v.Documents)-1]; last.Kind != draw.KindBackfill || last.Position != 9 {
		t.Errorf("the promotions stand at %+v", last)
	}
	s.must(s.verify().Err())
	other, err := drawBySlug(s.db.Read(ctx), later)
	if err != nil || other.Status != Announced {
		t.Errorf("the other draw: %+v, %v", other, err)
	}
	s.refused(404, "file-not-public", "", "GET", "/api/v1/draws/"+slug+"/bundle/checkpoints/8", "")
}

// announceNext publishes the notice of another draw of the city, with the same witnesses.
func (s *street) announceNext() (slug string) {
	s.Helper()
	later := s.book.Moved("lakeside-next", 60*24*time.Hour)
	_, err := s.service.Campaigns.Create(ctx, "maker", later.YAML())
	s.must(err)
	approval, err := s.service.Campaigns.RequestPublish(ctx, "maker", later.ID)
	s.must(err)
	s.decide(approval)
	parties := Parties{Quorum: 2}
	for _, w := range s.witnesses {
		parties.Parties = append(parties.Parties, Party{Name: w.name, VKey: w.vkey,
			Commitment: draw.Commit(draw.SHA256, later.ID, w.name, draw.Digest{1}).String()})
	}
	s.must(s.service.SetParties(ctx, "city-admin.li", later.ID, parties))
	approval, err = s.service.RequestNotice(ctx, "city-admin.li", later.ID)
	s.must(err)
	s.decide(approval)
	return later.ID
}

// The log key is changed between two draws, and the log's name stays: the draw before still verifies, witnesses go on from what they
// have cosigned, and the next draw's notice is under the new key. A step of a draw whose notice names the old one is cosigned by nobody.
func TestLogKeyChangesBetweenDraws(t *testing.T) {
	s := newStreet(t, testkit.DB(t))
	s.toPublished(20)
	s.work(3)
	skey, vkey, err := note.GenerateKey(rand.Reader, s.log.Name())
	s.must(err)
	signer, err := note.NewSigner(skey)
	s.must(err)
	s.service.LogKey = func(string) (LogKey, error) { return LogKey{Signer: signer, VKey: vkey}, nil }
	earlier := s.log
	s.log, err = note.NewVerifier(vkey)
	s.must(err)
	s.must(s.verify().Err())
	later := s.announceNext()
	s.work(3)
	next, err := drawBySlug(s.db.Read(ctx), later)
	s.must(err)
	if at, err := cosignedTime(s.db.Read(ctx), next, draw.KindNotice); at == 0 || err != nil {
		t.Errorf("the next notice is not cosigned: %v", err)
	}
	s.newWitness(earlier)
	s.must(s.verify().Err())
	winners, err := s.service.Winners(ctx, s.draw().ID, 0, 1)
	s.must(err)
	_, _, err = s.promote(winners[0].Entry, "given-up")
	s.must(err)
	s.advance(Published, forWitnesses)
	var work Work
	s.want(200, "", "GET", "/api/v1/log/lakeside/wanted?witness="+s.witnesses[0].name, "", &work)
	if len(work.Wanted) != 1 || work.Wanted[0].Draw != slug {
		t.Fatalf("wanted %+v", work.Wanted)
	}
	late := []byte(work.Wanted[0].Checkpoint)
	check := draw.WitnessCheck{Log: s.log, Last: s.witnesses[0].last, Beacon: beacon.Verify, Bundle: func(id string) (draw.Bundle, error) { return bundleOverHTTP{s, id}, nil }}
	if _, report := check.Check(late, []byte(work.Log)); report.OK() {
		t.Error("a witness agrees to a step under a key that its notice does not name")
	}
	line, err := draw.Cosign(late, s.witnesses[0].signer)
	s.must(err)
	s.refused(400, "cosignature-invalid", "", "POST", fmt.Sprintf("/api/v1/log/lakeside/checkpoints/%d/cosignatures", work.Wanted[0].Size), line)
}

// newWitness has cosigned nothing yet, so it checks the log from the start: it has to be told which key the log had before.
func (s *street) newWitness(earlier note.Verifier) {
	s.Helper()
	newest, err := s.service.Checkpoint(ctx, "lakeside", 0)
	s.must(err)
	log, err := s.service.LogText(ctx, "lakeside")
	s.must(err)
	check := draw.WitnessCheck{Log: s.log, Beacon: beacon.Verify, Bundle: func(id string) (draw.Bundle, error) { return bundleOverHTTP{s, id}, nil }}
	if _, report := check.Check(newest, log); report.OK() {
		s.Error("a notice under an unknown key is agreed to")
	}
	check.Earlier = []note.Verifier{earlier}
	_, report := check.Check(newest, log)
	s.must(report.Err())
}

// A cancelled campaign leaves its draw to be voided in public; the job goes on with the others.
func TestCancelledCampaignLeavesAVoid(t *testing.T) {
	s := newStreet(t, testkit.DB(t))
	s.toAnnounced(10)
	s.must(s.service.Campaigns.Cancel(ctx, "maker", slug, "防疫需要"))
	s.clock.Set(s.book.Windows.Close)
	s.advance(Announced, forVoid)
	s.want(202, "city-admin.li", "POST", admin+"/void", `{"reason":"活动已取消，抽签随之作废。"}`, nil)
	s.decide(s.lastApproval())
	s.advance(Voided, forWitnesses)
	s.work(2)
	s.must(s.verify().Err())
}

// Two people in the hall confirm what is sealed, before the randomness exists; the draw does not wait for them.
func TestCeremonyTakesTwoPeopleBeforeTheRound(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		s := newStreet(t, db)
		s.toAnnounced(40)
		if _, err := s.service.RequestCeremony(ctx, "city-admin.li", slug); !isFault(err, errCeremony) {
			t.Errorf("before the plan: %v", err)
		}
		s.clock.Set(s.book.Windows.Close)
		s.job(s.service.Campaigns.CloseDue)
		s.advance(Planned, forWitnesses)
		approval, err := s.service.RequestCeremony(ctx, "city-admin.li", slug)
		s.must(err)
		hall := func() *Ceremony {
			c, err := s.service.Ceremony(ctx, slug)
			s.must(err)
			return c
		}
		if c := hall(); c.Confirmation == nil || c.Confirmation.Checker != "" || c.PlanHash == "" || c.Seed != "" || len(c.Prizes) > 0 {
			t.Errorf("after the first person: %+v", c)
		}
		own := staff.Account{Username: "city-admin.li", Role: staff.Approver, City: staff.AllCities}
		if err := s.service.Staff.Decide(ctx, approval, own, true, ""); !isFault(err, staff.ErrOwnRequest) {
			t.Errorf("one person confirmed twice: %v", err)
		}
		s.decide(approval)
		if c := hall(); c.Confirmation.Checker != "approver.chen" {
			t.Errorf("after the second person: %+v", c.Confirmation)
		}
		late, err := s.service.RequestCeremony(ctx, "city-admin.li", slug)
		s.must(err)
		s.clock.Advance(time.Minute)
		s.work(2)
		s.advance(Sealed, forReveals)
		for name := range s.helpers {
			s.reveal(name)
		}
		s.advance(Revealed, forWitnesses)
		s.work(2)
		s.clock.Set(s.book.Windows.Draw())
		if err := s.tryDecide(late); !isFault(err, errCeremony) {
			t.Errorf("confirmed after the round: %v", err)
		}
		s.advance(Drawn, forWitnesses)
		s.work(2)
		s.advance(Published, "")
		given := int64(0)
		for _, prize := range hall().Prizes {
			if given += prize.Got; prize.Got > prize.Count || int64(len(prize.First)) != min(prize.Got, firstShown) {
				t.Errorf("%+v", prize)
			}
		}
		if c := hall(); given != 12 || c.Seed == "" {
			t.Errorf("the hall sees %d prizes, seed %q", given, c.Seed)
		}
	})
}
