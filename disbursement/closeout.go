package disbursement

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/money"
)

// CloseOutFormat is the format of a close-out certificate.
const CloseOutFormat = "hongbao-closeout/1"

// CloseOut is the certificate with which the money of a campaign is closed: where every fen of every source went. Its digest
// is the SHA-256 of the document as it is served; the note over it is signed with the city's log key. Amounts in fen.
type CloseOut struct {
	Format    string           `json:"format"`
	Campaign  string           `json:"campaign"`
	City      string           `json:"city"`
	NameZH    string           `json:"name_zh"`
	NameEN    string           `json:"name_en"`
	RuleBook  string           `json:"rule_book"` // SHA-256 of the rule book, hex
	At        time.Time        `json:"at"`
	Envelopes int64            `json:"envelopes"` // that were credited
	Merchants int64            `json:"merchants"` // that were paid
	Sources   []CloseOutSource `json:"sources"`
	Total     CloseOutSource   `json:"total"`
}

// CloseOutSource is the money of one funding source: Budget = NotReceived + Received, and Received = Spent + Returned.
type CloseOutSource struct {
	Source      string    `json:"source"`
	TitleZH     string    `json:"title_zh"`
	TitleEN     string    `json:"title_en"`
	Budget      money.Fen `json:"budget_fen"`
	NotReceived money.Fen `json:"not_received_fen"`
	Received    money.Fen `json:"received_fen"`
	Spent       money.Fen `json:"spent_fen"`
	Returned    money.Fen `json:"returned_fen"`
}

func (t *CloseOutSource) add(s CloseOutSource) {
	t.Budget += s.Budget
	t.NotReceived += s.NotReceived
	t.Received += s.Received
	t.Spent += s.Spent
	t.Returned += s.Returned
}

// Blocker is something that keeps a campaign from being closed: how many, and how much money where that is known.
type Blocker struct {
	Code  string    `json:"code"`
	Count int64     `json:"count"`
	Fen   money.Fen `json:"amount_fen"`
}

// The codes of blockers.
const (
	BlockedBySpending    = "spending-open"       // envelopes may still be spent
	BlockedByEnvelopes   = "envelopes-open"      // that have still to be claimed, to expire or to be recalled
	BlockedByOrders      = "orders-open"         // that are not settled
	BlockedByMoney       = "money-outstanding"   // on accounts other than spent and returned
	BlockedByDifferences = "differences-open"    // that nobody has explained
	BlockedByStatements  = "statements-missing"  // days of an operator whose statement was refused or has not come
	BlockedByMerchants   = "settlements-open"    // due to merchants, or held
	BlockedByUnstated    = "events-not-stated"   // payments and refunds that are in no merchant's statement
	BlockedByFunding     = "funding-not-decided" // money received that waits for a second person
)

// Why a certificate is refused.
var (
	errBlocked    = fault.New(fault.Conflict, "close-out-blocked", "还有未了结的事项，不能出具结清证明；清单见结清页。", "Something is still open, so there is no certificate yet; the page of the close-out lists it.")
	errClosedOut  = fault.New(fault.Conflict, "closed-out", "结清证明已经出具。", "The certificate has been issued.")
	ErrNoCloseOut = fault.New(fault.NotFound, "close-out-missing", "结清证明尚未出具。", "There is no close-out certificate yet.")
)

// Blockers lists what still keeps a campaign from being closed; none when the certificate can be issued.
func (s *Service) Blockers(ctx context.Context, campaignID int64) ([]Blocker, error) {
	book, err := s.Campaigns.RuleBook(ctx, campaignID)
	if err != nil {
		return nil, err
	}
	return s.blockers(s.DB.Read(ctx), campaignID, book)
}

func (s *Service) blockers(tx *gorm.DB, campaignID int64, book *campaign.RuleBook) ([]Blocker, error) {
	found, err := openThings(tx, campaignID)
	if err != nil {
		return nil, err
	}
	days, err := daysWithoutStatement(tx, campaignID)
	if days > 0 {
		found = append(found, Blocker{Code: BlockedByStatements, Count: days})
	}
	if err == nil && s.Now().Before(book.Windows.SpendUntil) {
		found = append([]Blocker{{Code: BlockedBySpending, Count: 1}}, found...)
	}
	return found, err
}

// RequestCloseOut asks a second person to let the certificate be issued.
func (s *Service) RequestCloseOut(ctx context.Context, maker string, campaignID int64) (approvalID int64, err error) {
	book, err := s.Campaigns.RuleBook(ctx, campaignID)
	if err != nil {
		return 0, err
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		c, err := s.closing(tx, campaignID, book)
		if err != nil {
			return err
		}
		summary := map[string]any{"received_fen": c.Total.Received, "spent_fen": c.Total.Spent, "returned_fen": c.Total.Returned, "sources": len(c.Sources)}
		if approvalID, err = s.ask(tx, maker, campaignID, book.City.Code, approvalCloseOut, campaignID, summary); err != nil {
			return err
		}
		return s.audited(tx, maker, "close-out.request", book.ID, fmt.Sprintf("approval:%d", approvalID), summary)
	})
	return approvalID, err
}

// closing gives the certificate as it would be issued now, or why it cannot be.
func (s *Service) closing(tx *gorm.DB, campaignID int64, book *campaign.RuleBook) (CloseOut, error) {
	if _, ok, err := closeOutOf(tx, campaignID); err != nil || ok {
		return CloseOut{}, errors.Join(err, map[bool]error{true: errClosedOut}[ok])
	}
	blocked, err := s.blockers(tx, campaignID, book)
	switch {
	case err != nil:
		return CloseOut{}, err
	case len(blocked) > 0:
		return CloseOut{}, errBlocked
	}
	return s.composeCloseOut(tx, campaignID, book)
}

func (s *Service) composeCloseOut(tx *gorm.DB, campaignID int64, book *campaign.RuleBook) (CloseOut, error) {
	c := CloseOut{Format: CloseOutFormat, Campaign: book.ID, City: book.City.Code, NameZH: book.Name.ZH, NameEN: book.Name.EN, RuleBook: fmt.Sprintf("%x", book.Hash()),
		At: s.Now().UTC().Truncate(time.Second)}
	found, err := balances(tx, campaignID)
	if err != nil {
		return c, err
	}
	for _, source := range book.Funding {
		p := prove(source.Name, source.Amount, found)
		row := CloseOutSource{Source: source.Name, TitleZH: source.Title.ZH, TitleEN: source.Title.EN, Budget: p.Budget, NotReceived: p.NotReceived, Received: p.Received, Spent: p.Spent, Returned: p.Returned}
		if !p.Holds || p.Received != p.Spent+p.Returned {
			return c, errBlocked
		}
		c.Sources = append(c.Sources, row)
		c.Total.add(row)
	}
	c.Envelopes, c.Merchants, err = closedCounts(tx, campaignID)
	return c, err
}

// decideCloseOut issues the certificate: what was asked for still holds, or the decision does not stand.
func (s *Service) decideCloseOut(tx *gorm.DB, campaignID int64, approved bool) error {
	if !approved {
		return nil
	}
	book, err := s.Campaigns.RuleBook(tx.Statement.Context, campaignID)
	if err != nil {
		return err
	}
	c, err := s.closing(tx, campaignID, book)
	if err != nil {
		return err
	}
	document, err := json.Marshal(c)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(document)
	issued := IssuedCloseOut{Document: document, Digest: hex.EncodeToString(digest[:]), At: database.At(c.At)}
	if issued.Note, err = s.signCloseOut(c, issued.Digest); err != nil {
		return err
	}
	return insertCloseOut(tx, campaignID, issued)
}

// signCloseOut signs the text that names campaign, digest and time.
func (s *Service) signCloseOut(c CloseOut, digest string) (string, error) {
	key, err := s.LogKey(c.City)
	if err != nil {
		return "", err
	}
	signed, err := note.Sign(&note.Note{Text: closeOutText(c, digest)}, key.Signer)
	return string(signed), err
}

func closeOutText(c CloseOut, digest string) string {
	return fmt.Sprintf("%s\n%s\n%s\n%s\n", CloseOutFormat, c.Campaign, digest, c.At.Format(time.RFC3339))
}

// IssuedCloseOut is a certificate as it is kept and published.
type IssuedCloseOut struct {
	Document []byte // JSON of a CloseOut
	Digest   string // SHA-256 of Document, hex
	Note     string // signed note over the digest
	At       database.Millis
}

// Read gives the certificate's figures.
func (i IssuedCloseOut) Read() (c CloseOut, err error) {
	return c, json.Unmarshal(i.Document, &c)
}

// VerifyCloseOut checks a published certificate: the document, its digest and the note, by the city's log key.
func VerifyCloseOut(document []byte, signed string, key note.Verifier) (c CloseOut, err error) {
	if err := json.Unmarshal(document, &c); err != nil {
		return c, err
	}
	digest := sha256.Sum256(document)
	opened, err := note.Open([]byte(signed), note.VerifierList(key))
	if err != nil {
		return c, err
	}
	if opened.Text != closeOutText(c, hex.EncodeToString(digest[:])) {
		return c, errors.New("disbursement: the note is of another certificate")
	}
	return c, nil
}

// CloseOut gives a campaign's certificate; the error is ErrNoCloseOut until it is issued.
func (s *Service) CloseOut(ctx context.Context, campaignID int64) (IssuedCloseOut, error) {
	found, ok, err := closeOutOf(s.DB.Read(ctx), campaignID)
	if err == nil && !ok {
		err = ErrNoCloseOut
	}
	return found, err
}
