package lottery

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/lottery/draw"
)

// Party is one outside party of a draw. With a commitment it is a helper, with a key a witness, with both it is both.
type Party struct {
	Name       string `json:"name"`                 // token
	Commitment string `json:"commitment,omitempty"` // hex32, draw.Commit of its secret
	VKey       string `json:"vkey,omitempty"`       // C2SP verifier key, Ed25519 or cosignature/v1
}

// Parties are all outside parties of a draw, and how many witnesses must cosign each step.
type Parties struct {
	Quorum  int     `json:"quorum"`
	Parties []Party `json:"parties"`
}

// The least number of helpers: with one, that one and the beacon would be the whole seed.
const minHelpers = 2

var (
	errNoDraw     = fault.New(fault.NotFound, "draw-unknown", "没有这场抽签。", "There is no such draw.")
	errApproved   = fault.New(fault.Conflict, "campaign-not-approved", "活动尚未通过复核，或已经公告。", "The campaign is not approved yet, or is announced already.")
	errHelper     = fault.New(fault.NotFound, "helper-unknown", "公告中没有这位随机数协助方。", "The notice declares no such helper.")
	errEarly      = fault.New(fault.Conflict, "reveal-early", "名单尚未由见证人签署，请暂不公开随机数。", "The lists are not cosigned yet; keep the secret.")
	errLate       = fault.New(fault.Gone, "reveal-late", "公开随机数的时间已过，本场按缺席计入。", "The time for reveals is over; this helper counts as missing.")
	errWrong      = fault.Field("reveal", "reveal-wrong", "与公告中的承诺不符。", "This does not match the commitment in the notice.")
	errParties    = func(zh, en string) error { return fault.Field("parties", "parties", zh, en) }
	errCommitment = fault.Field("parties", "commitment", "承诺应为 64 位十六进制小写。", "A commitment is 64 lower-case hex digits.")
)

func (p Parties) check() error {
	helpers, witnesses := 0, 0
	names := map[string]bool{}
	for _, party := range p.Parties {
		if !draw.IsToken(party.Name) || names[party.Name] {
			return errParties("名称重复或不合规则："+party.Name, "A name is repeated or no token: "+party.Name)
		}
		if party.Commitment == "" && party.VKey == "" {
			return errParties("每一方至少要有承诺或公钥："+party.Name, "Every party needs a commitment or a key: "+party.Name)
		}
		names[party.Name] = true
		helpers += min(1, len(party.Commitment))
		witnesses += min(1, len(party.VKey))
	}
	if helpers < minHelpers {
		return errParties("至少要有两个随机数协助方", "There must be at least two helpers")
	}
	if p.Quorum > witnesses || 2*p.Quorum <= witnesses {
		return errParties("法定数应超过见证人的一半且不多于其总数", "The quorum must be a majority of the witnesses")
	}
	return nil
}

func (p Party) row(drawID int64) (partyRow, error) {
	row := partyRow{DrawID: drawID, Name: p.Name}
	if p.Commitment != "" {
		d, err := draw.ParseDigest(p.Commitment)
		if err != nil {
			return row, errCommitment.With(err)
		}
		row.Commitment = (*database.Bytes32)(&d)
	}
	if p.VKey == "" {
		return row, nil
	}
	key, err := draw.WitnessKey(p.VKey)
	if err != nil {
		return row, fault.Field("parties", "vkey", "见证人公钥无效："+p.Name, "The witness key is not valid: "+p.Name).With(err)
	}
	row.WitnessVKey, row.WitnessName = key, keyName(key)
	return row, nil
}

// SetParties enrols the helpers and witnesses of a campaign's draw, and makes the draw when there is none. It may be repeated until
// the notice is published; what it replaces was never public.
func (s *Service) SetParties(ctx context.Context, actor, slug string, parties Parties) error {
	if err := parties.check(); err != nil {
		return err
	}
	c, err := s.Campaigns.BySlug(ctx, slug)
	if err != nil {
		return err
	}
	book, err := s.Campaigns.RuleBook(ctx, c.ID)
	if err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		d, err := s.prepared(tx, c, book, parties.Quorum)
		if err != nil {
			return err
		}
		if err := replaceParties(tx, d.ID, parties.Parties); err != nil {
			return err
		}
		return audit.Record(tx, audit.Entry{At: s.Now(), Actor: actor, Action: "draw.parties", Campaign: slug, Subject: "draw:" + slug, Detail: parties})
	})
}

// prepared gives the draw of an approved campaign while it is being prepared; an earlier draft of its notice is dropped.
func (s *Service) prepared(tx *gorm.DB, c campaign.Campaign, book *campaign.RuleBook, quorum int) (*Draw, error) {
	if c.Status != campaign.Approved {
		return nil, errApproved
	}
	d, err := drawBySlug(tx, c.Slug)
	if fault.KindOf(err) == fault.NotFound {
		d = &Draw{CampaignID: c.ID, Slug: c.Slug, City: book.City.Code, Status: Prepared, Hash: draw.Hash(book.HashName), Quorum: quorum,
			OpenAt: database.At(book.Windows.Open), CloseAt: database.At(book.Windows.Close), CreatedAt: s.now(), ChangedAt: s.now()}
		return d, tx.Table("draws").Create(d).Error
	}
	if err != nil {
		return nil, err
	}
	err = updatePrepared(tx, d.ID, map[string]any{"quorum": quorum, "notice_hash": nil, "changed_at": s.now()})
	return d, err
}

// Reveal takes a helper's secret: 32 bytes whose commitment is in the notice. The secret is its own credential, and is checked before
// anything is locked. It is taken while the draw is sealed and before RevealBy; the same secret again changes nothing.
func (s *Service) Reveal(ctx context.Context, slug, name string, secret draw.Digest) error {
	db := s.DB.Read(ctx)
	d, err := drawBySlug(db, slug)
	if err != nil {
		return err
	}
	party, err := helperByName(db, d.ID, name)
	if err != nil {
		return err
	}
	if secret.IsZero() || draw.Commit(d.Hash, d.Slug, name, secret) != draw.Digest(*party.Commitment) {
		return errWrong
	}
	return s.DB.InTx(ctx, func(tx *gorm.DB) error { return s.takeReveal(tx, slug, name, secret) })
}

func (s *Service) takeReveal(tx *gorm.DB, slug, name string, secret draw.Digest) error {
	d, err := lockDraw(tx, slug)
	if err != nil {
		return err
	}
	party, err := helperByName(tx, d.ID, name)
	if err != nil {
		return err
	}
	switch {
	case party.Reveal != nil:
		return nil
	case d.Status.before(Sealed):
		return errEarly
	case d.Status != Sealed || s.now() >= d.RevealBy:
		return errLate
	}
	if err := setReveal(tx, party.ID, secret, s.now()); err != nil {
		return err
	}
	return audit.Record(tx, audit.Entry{At: s.Now(), Actor: "helper:" + name, Action: "draw.reveal", Campaign: slug, Subject: "draw:" + slug})
}

// freezeReveals closes the reveals when all are in or their time is over. A helper that stayed silent counts as zeros and is named.
func (s *Service) freezeReveals(ctx context.Context, d *Draw) (bool, error) {
	due := false
	err := s.DB.InTx(ctx, func(tx *gorm.DB) error {
		locked, err := lockDraw(tx, d.Slug)
		if err != nil {
			return err
		}
		parties, err := partyRows(tx, d.ID)
		if err != nil {
			return err
		}
		if due = !silent(parties) || s.now() >= d.RevealBy; !due {
			return nil
		}
		if s.now() >= d.RoundAt {
			return errStalled
		}
		return s.logReveals(tx, locked, parties)
	})
	return due && err == nil, err
}

// silent reports whether a helper has not revealed.
func silent(parties []partyRow) bool {
	return slices.ContainsFunc(parties, func(p partyRow) bool { return p.Commitment != nil && p.Reveal == nil })
}

func (s *Service) logReveals(tx *gorm.DB, d *Draw, parties []partyRow) error {
	plan, err := publishedPlan(tx, d)
	if err != nil {
		return err
	}
	secrets := map[string]draw.Digest{}
	for _, p := range parties {
		if p.Reveal != nil {
			secrets[p.Name] = draw.Digest(*p.Reveal)
		}
	}
	reveals, err := draw.NewReveals(plan, secrets)
	if err != nil {
		return fmt.Errorf("reveals: %w", err)
	}
	if err := s.advance(tx, d, Revealed, advancing, nil); err != nil {
		return err
	}
	return s.publishFile(tx, d, draw.KindReveals, draw.FormatReveals(reveals))
}

// publishFile stores a public file and adds its line to the log.
func (s *Service) publishFile(tx *gorm.DB, d *Draw, kind draw.Kind, data []byte) error {
	if err := writeFile(tx, d.ID, kind.File(), data); err != nil {
		return err
	}
	return s.appendLine(tx, d, kind, d.Hash.Sum(data))
}
