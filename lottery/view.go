package lottery

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/lottery/draw"
)

// View is what the public sees of a draw, as JSON and behind the page.
type View struct {
	ID         string       `json:"id"`
	City       string       `json:"city"`
	Status     Status       `json:"status"`
	WaitingFor string       `json:"waiting_for"` // see waitingFor
	Hash       draw.Hash    `json:"hash"`
	Round      uint64       `json:"round"`
	RoundAt    string       `json:"round_at"` // RFC 3339, Asia/Shanghai; empty before the notice
	RevealBy   string       `json:"reveal_by"`
	OpenAt     string       `json:"open_at"`
	CloseAt    string       `json:"close_at"`
	Label      string       `json:"label"` // of a chain that is no public randomness
	Quorum     int          `json:"quorum"`
	Witnesses  []string     `json:"witnesses"`
	Helpers    []HelperView `json:"helpers"`
	Figures    Figures      `json:"figures"`
	Documents  []Document   `json:"documents"`
	Verified   *Verified    `json:"verified"` // by this platform; null until published
}

// HelperView is one helper. Missing is final; before that a helper that has not revealed is only late.
type HelperView struct {
	Name       string `json:"name"`
	Commitment string `json:"commitment"`
	Revealed   bool   `json:"revealed"`
	Missing    bool   `json:"missing"`
}

// Figures are the counts of a draw; 0 until they are known.
type Figures struct {
	Registered int64 `json:"registered"`
	Entries    int64 `json:"entries"`
	Excluded   int64 `json:"excluded"`
	Winners    int64 `json:"winners"`
	Waitlist   int64 `json:"waitlist"`
	Promotions int64 `json:"promotions"`
}

// Document is one public file as logged.
type Document struct {
	Kind     draw.Kind `json:"kind"`
	Path     string    `json:"path"` // in the bundle
	Hash     string    `json:"hash"`
	Position int64     `json:"position"` // of its line in the log
	At       string    `json:"at"`
	Cosigned int       `json:"cosigned"`
	Time     string    `json:"time"` // when the quorum was reached, by the witnesses' clocks
}

// Verified is what the public verifier said when this platform last ran it over the public files.
type Verified struct {
	At     string       `json:"at"`
	OK     bool         `json:"ok"`
	Checks []draw.Check `json:"checks"`
}

// View gives the public state of a draw. A draw whose notice is not published does not exist for the public.
func (s *Service) View(ctx context.Context, slug string) (*View, error) {
	d, err := drawBySlug(s.DB.Read(ctx), slug)
	if err != nil {
		return nil, err
	}
	if d.Status == Prepared {
		return nil, errNoDraw
	}
	return s.view(ctx, d)
}

// StaffView is View that also shows a draw in preparation.
func (s *Service) StaffView(ctx context.Context, slug string) (*View, error) {
	d, err := drawBySlug(s.DB.Read(ctx), slug)
	if err != nil {
		return nil, err
	}
	return s.view(ctx, d)
}

// Views lists all public draws, the newest first.
func (s *Service) Views(ctx context.Context) ([]*View, error) {
	draws, err := publicDraws(s.DB.Read(ctx))
	if err != nil {
		return nil, err
	}
	views := make([]*View, len(draws))
	for i := range draws {
		if views[i], err = s.view(ctx, &draws[i]); err != nil {
			return nil, err
		}
	}
	return views, nil
}

func (s *Service) view(ctx context.Context, d *Draw) (*View, error) {
	db := s.DB.Read(ctx)
	v := &View{ID: d.Slug, City: d.City, Status: d.Status, Hash: d.Hash, Round: d.Round, Quorum: d.Quorum, Witnesses: []string{}, Helpers: []HelperView{},
		RoundAt: stamp(d.RoundAt), RevealBy: stamp(d.RevealBy), OpenAt: stamp(d.OpenAt), CloseAt: stamp(d.CloseAt), Label: s.Chain.Label(),
		Figures: Figures{Registered: d.Registered, Entries: d.Entries, Excluded: d.Registered - d.Entries, Promotions: d.PromotionsLogged}}
	parties, err := partyRows(db, d.ID)
	if err != nil {
		return nil, err
	}
	v.addParties(d, parties)
	if d.Status != Prepared {
		chain, err := s.chainOf(ctx, d)
		if err != nil {
			return nil, err
		}
		v.Label = chain.Label()
	}
	if v.Figures.Winners, v.Figures.Waitlist, err = awardCounts(db, d.ID); err != nil {
		return nil, err
	}
	if err := s.addDocuments(ctx, v, d); err != nil {
		return nil, err
	}
	if v.WaitingFor, err = s.waitingFor(ctx, d, parties); err != nil {
		return nil, err
	}
	return v, v.addReport(d)
}

func (v *View) addParties(d *Draw, parties []partyRow) {
	for _, p := range parties {
		if p.WitnessName != "" {
			v.Witnesses = append(v.Witnesses, p.WitnessName)
		}
		if p.Commitment != nil {
			frozen := !d.Status.before(Revealed) && d.Status != Voided
			v.Helpers = append(v.Helpers, HelperView{Name: p.Name, Commitment: draw.Digest(*p.Commitment).String(),
				Revealed: p.Reveal != nil, Missing: frozen && p.Reveal == nil})
		}
	}
}

func (s *Service) addDocuments(ctx context.Context, v *View, d *Draw) error {
	db := s.DB.Read(ctx)
	list, err := documents(db, d.ID)
	if err != nil {
		return err
	}
	v.Documents = make([]Document, len(list))
	for i, row := range list {
		v.Documents[i] = Document{Kind: row.Kind, Path: row.Kind.File(), Hash: draw.Digest(row.Hash).String(), Position: row.Position,
			At: stamp(row.At), Cosigned: row.Cosigned}
		at, err := quorumTime(db, d, row.Position)
		if err != nil {
			return err
		}
		v.Documents[i].Time = stamp(at)
	}
	return nil
}

func (v *View) addReport(d *Draw) error {
	if d.VerifiedAt == 0 {
		return nil
	}
	var report draw.Report
	if err := json.Unmarshal([]byte(d.Report), &report); err != nil {
		return err
	}
	v.Verified = &Verified{At: stamp(d.VerifiedAt), OK: d.VerifiedOK, Checks: report.Checks}
	return nil
}

// What a draw waits for. Empty: for nobody; the next run of lottery-advance goes on.
const (
	forApproval  = "approval"
	forWitnesses = "witnesses"
	forClose     = "campaign-close"
	forReview    = "review"
	forReveals   = "reveals"
	forBeacon    = "beacon"
	forVoid      = "void" // it missed its time: only two people can end it
)

// waitingFor says whom a draw waits for, for the pages and for the rehearsal.
func (s *Service) waitingFor(ctx context.Context, d *Draw, parties []partyRow) (string, error) {
	db, now := s.DB.Read(ctx), s.now()
	if c, err := s.Campaigns.Get(ctx, d.CampaignID); err != nil || c.Status == campaign.Cancelled && Voided.follows(d.Status) {
		return forVoid, err
	}
	switch d.Status {
	case Prepared:
		return forApproval, nil
	case Noticed:
		return witnessesBefore(now, d.OpenAt)(cosignedBy(db, d, draw.KindNotice))
	case Announced:
		book, err := s.Campaigns.RuleBook(ctx, d.CampaignID)
		if err != nil {
			return "", err
		}
		return cmp.Or(pick(now < d.CloseAt, forClose), pick(now < database.At(book.Windows.Freeze()), forReview)), nil
	case Frozen:
		return pick(now > database.At(d.RoundAt.Time().Add(-s.minDelay())), forVoid), nil
	case Planned:
		return witnessesBefore(now, d.RoundAt)(cosignedBy(db, d, draw.KindChain, draw.KindExcluded, draw.KindPlan))
	case Sealed:
		return waitingForReveals(d, parties, now), nil
	case Revealed:
		waiting, err := witnessesBefore(now, d.RoundAt)(cosignedBy(db, d, draw.KindReveals))
		return pick(waiting == "", forBeacon) + waiting, err
	case Seeded:
		return "", nil
	}
	_, cosigned, err := drawLines(db, d)
	return pick(!cosigned, forWitnesses), err
}

// witnessesBefore reads the answer of cosignedBy for a quorum that must be reached before the deadline.
func witnessesBefore(now, deadline database.Millis) func(at database.Millis, cosigned bool, err error) (string, error) {
	return func(at database.Millis, cosigned bool, err error) (string, error) {
		switch {
		case err != nil || cosigned && at < deadline:
			return "", err
		case cosigned || now >= deadline:
			return forVoid, nil
		}
		return forWitnesses, nil
	}
}

func waitingForReveals(d *Draw, parties []partyRow, now database.Millis) string {
	switch {
	case now >= d.RoundAt:
		return forVoid
	case now >= d.RevealBy || !silent(parties):
		return ""
	}
	return forReveals
}

func pick(condition bool, text string) string {
	if condition {
		return text
	}
	return ""
}

// stamp is a moment for the public: RFC 3339 in Asia/Shanghai, empty for never.
func stamp(m database.Millis) string {
	if m == 0 {
		return ""
	}
	return m.Time().In(campaign.Shanghai).Format(time.RFC3339)
}

var errNoFile = fault.New(fault.NotFound, "file-not-public", "这个文件不存在，或尚未公布。", "There is no such file, or it is not public yet.")
