package lottery

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/lottery/beacon"
	"hongbao/lottery/draw"
)

// The kinds of approval that this room asks for.
const (
	approvalNotice = "draw.notice"
	approvalVoid   = "draw.void"
)

var (
	errRound   = fault.New(fault.Conflict, "round-near", "信标轮次已公布或距今太近，不能再用于抽签。", "The beacon round is published already, or too near to be used.")
	errChanged = fault.New(fault.Conflict, "notice-changed", "送审后内容已变化，请重新送审。", "The notice has changed since it was sent for approval; send it again.")
	errOpened  = fault.New(fault.Conflict, "registration-open", "登记时间已到，公告须在登记开始之前发布。", "Registration has begun; a notice must come before it.")
)

// Notice makes the notice of a prepared draw as it would be published: prose from the rule book, then the lines that machines read.
func (s *Service) Notice(ctx context.Context, slug string) ([]byte, error) {
	d, err := drawBySlug(s.DB.Read(ctx), slug)
	if err != nil {
		return nil, err
	}
	if d.Status != Prepared {
		return nil, errStatus
	}
	c, book, err := s.campaignOf(ctx, d.CampaignID)
	if err != nil {
		return nil, err
	}
	parties, err := partyRows(s.DB.Read(ctx), d.ID)
	if err != nil {
		return nil, err
	}
	n, err := s.terms(d, book, parties)
	if err != nil {
		return nil, err
	}
	file, err := n.Bytes(prose(c.Slug, book, n, s.Chain))
	if err != nil {
		return nil, errParties("公告无法生成，请检查各方的公钥", "The notice cannot be made; please check the parties' keys.").(*fault.Error).With(err)
	}
	return file, nil
}

// terms is what machines read of the notice. Helpers stand in ascending order, everything else in the rule book's.
func (s *Service) terms(d *Draw, book *campaign.RuleBook, parties []partyRow) (*draw.Notice, error) {
	key, err := s.LogKey(d.City)
	if err != nil {
		return nil, fmt.Errorf("log key of %s: %w", d.City, err)
	}
	w := book.Windows
	round, err := s.Chain.RoundAfter(w.Draw().Unix())
	if err != nil {
		return nil, errRound.With(err)
	}
	n := &draw.Notice{ID: d.Slug, Log: key.VKey, Quorum: d.Quorum, Open: w.Open.Unix(), Terms: draw.Terms{
		Hash: d.Hash, Close: w.Close.Unix(), Delay: int64(w.DrawDelay / time.Second), Chain: s.Chain.Hash, Round: round}}
	for _, p := range parties {
		if p.Commitment != nil {
			n.Helpers = append(n.Helpers, draw.Helper{Name: p.Name, Commitment: draw.Digest(*p.Commitment)})
		}
		if p.WitnessVKey != "" {
			n.Witnesses = append(n.Witnesses, p.WitnessVKey)
		}
	}
	for _, t := range book.Tiers {
		n.Tiers = append(n.Tiers, draw.Tier{Name: t.Name, Scope: t.Pool, Count: t.Count, Amount: int64(t.Amount)})
	}
	for _, sp := range book.Spill {
		n.Spills = append(n.Spills, draw.Spill{Tier: sp.Tier, Scope: sp.Pool})
	}
	for _, wait := range book.Wait {
		n.Waits = append(n.Waits, draw.Wait{Scope: wait.Pool, Count: wait.Count})
	}
	return n, nil
}

// checkAhead refuses a round that is published already, or so near that the steps before it cannot be cosigned in time.
func (s *Service) checkAhead(chain draw.Chain, round uint64) error {
	if err := beacon.CheckAhead(chain, round, s.Now(), s.minDelay()); err != nil {
		return errRound.With(err)
	}
	return nil
}

// RequestNotice sends the notice for approval by a second person, who is shown its text and hash, and keeps it until then.
func (s *Service) RequestNotice(ctx context.Context, actor, slug string) (approval int64, err error) {
	file, err := s.Notice(ctx, slug)
	if err != nil {
		return 0, err
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		d, err := lockDraw(tx, slug)
		if err != nil {
			return err
		}
		hash := d.Hash.Sum(file)
		if err := updatePrepared(tx, d.ID, map[string]any{"notice_hash": database.Bytes32(hash)}); err != nil {
			return err
		}
		if err := replaceFile(tx, d.ID, draw.KindNotice.File(), file); err != nil {
			return err
		}
		approval, err = s.Staff.Request(tx, staff.Approval{CampaignID: d.CampaignID, City: d.City, Kind: approvalNotice, Subject: slug, Maker: actor,
			Summary: map[string]any{"notice_hash": hash.String(), "quorum": d.Quorum, "notice": string(file)}})
		return err
	})
	return approval, err
}

// publishNotice is what the approval of a notice does: the very bytes that were approved go into the log, before registration opens.
func (s *Service) publishNotice(_ context.Context, tx *gorm.DB, a staff.Approval) error {
	d, err := lockDraw(tx, a.Subject)
	if err != nil {
		return err
	}
	var approved struct {
		NoticeHash draw.Digest `json:"notice_hash"`
	}
	if err := summaryOf(a, &approved); err != nil {
		return err
	}
	if d.NoticeHash == nil || draw.Digest(*d.NoticeHash) != approved.NoticeHash {
		return errChanged
	}
	file, err := readFile(tx, d.ID, draw.KindNotice.File())
	if err != nil {
		return err
	}
	n, err := draw.ParseNotice(file)
	if err != nil {
		return fmt.Errorf("stored notice: %w", err)
	}
	if s.Now().Unix() >= n.Open {
		return errOpened
	}
	if n.Chain != s.Chain.Hash {
		return errChanged
	}
	if err := s.checkAhead(s.Chain, n.Round); err != nil {
		return err
	}
	return s.logNotice(tx, d, n, file, a.Checker)
}

func (s *Service) logNotice(tx *gorm.DB, d *Draw, n *draw.Notice, file []byte, actor string) error {
	roundAt := time.Unix(s.Chain.RoundTime(n.Round), 0)
	set := map[string]any{"round": n.Round, "round_at": database.At(roundAt), "reveal_by": database.At(roundAt.Add(-s.revealMargin()))}
	if err := s.advance(tx, d, Noticed, actor, set); err != nil {
		return err
	}
	if err := writeFile(tx, d.ID, draw.KindChain.File(), s.Chain.JSON()); err != nil {
		return err
	}
	return s.appendLine(tx, d, draw.KindNotice, d.Hash.Sum(file))
}

func summaryOf(a staff.Approval, v any) error {
	raw, err := json.Marshal(a.Summary)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}

// publishedNotice is the notice as logged.
func publishedNotice(tx *gorm.DB, d *Draw) (*draw.Notice, error) {
	file, err := readFile(tx, d.ID, draw.KindNotice.File())
	if err != nil {
		return nil, err
	}
	return draw.ParseNotice(file)
}

// keyName is the name in a C2SP verifier key.
func keyName(vkey string) string {
	name, _, _ := strings.Cut(vkey, "+")
	return name
}
