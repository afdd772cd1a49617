package disbursement

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/money"
	"hongbao/internal/signing"
)

// WinnersFormat is the format of a winners' file.
const WinnersFormat = "hongbao-winners/1"

// WinnersDocument is the file that an operator gets of its own winners, as JSON. Envelope is the list, CSV in UTF-8 under the
// heads WinnersHead, sealed for the operator's key as signing.Seal does (SM4-GCM under a key that SM2 encrypts), with Place
// as its place. Signature is the platform's (SM2 with SM3) over the document without it, in the form that json.Marshal gives.
type WinnersDocument struct {
	Format    string    `json:"format"`
	Number    string    `json:"number"`
	Campaign  string    `json:"campaign"`
	Operator  string    `json:"operator"`
	MadeAt    time.Time `json:"made_at"`
	Winners   int64     `json:"winners"`
	TotalFen  money.Fen `json:"total_fen"`
	Digest    string    `json:"digest"`    // SM3 of the list, hex
	SealedTo  string    `json:"sealed_to"` // id of the operator's key
	SignedBy  string    `json:"signed_by"` // id of the platform's key
	Envelope  string    `json:"envelope"`
	Signature string    `json:"signature,omitempty"`
}

// WinnersHead heads the list: the envelope, its tier and amount in fen, the phone with which the winner registered, and until
// when the envelope may be claimed and spent (RFC 3339, UTC).
var WinnersHead = []string{"coupon_id", "tier", "amount_fen", "phone", "claim_until", "expires_at"}

// Place names the document where it is sealed and signed.
func (d WinnersDocument) Place() string {
	return "winners " + d.Campaign + " " + d.Operator + " " + d.Number
}

func (d WinnersDocument) signed() ([]byte, error) {
	d.Signature = ""
	return json.Marshal(d)
}

// Why a winners' file is not believed or not there.
var (
	ErrWinnersFile = fault.New(fault.Invalid, "winners-file", "名单文件无法打开：签名、接收方或内容不符。", "The winners' file cannot be opened: signature, receiver or content do not fit.")
	ErrNoWinners   = fault.New(fault.NotFound, "winners-missing", "没有这份名单文件。", "There is no such winners' file.")
	errNoSealKey   = fault.New(fault.Conflict, "operator-key-missing", "运营机构的公钥未配置，无法加密名单。", "An operator's public key is not configured: nothing can be sealed to it.")
)

// OpenWinners verifies a winners' file and gives its list. platform is the platform's public key, key the operator's.
func OpenWinners(file []byte, platform *ecdsa.PublicKey, key *sm2.PrivateKey) (WinnersDocument, []byte, error) {
	var d WinnersDocument
	if err := json.Unmarshal(file, &d); err != nil || d.Format != WinnersFormat {
		return d, nil, ErrWinnersFile.With(errors.Join(err, fmt.Errorf("format %q", d.Format)))
	}
	body, err := d.signed()
	if err != nil {
		return d, nil, err
	}
	if err := signing.VerifyDocument(platform, PlatformParty, d.Place(), body, d.Signature); err != nil {
		return d, nil, ErrWinnersFile.With(err)
	}
	list, err := signing.Unseal(key, d.Place(), d.Envelope)
	if err != nil {
		return d, nil, ErrWinnersFile.With(fmt.Errorf("sealed to the key %s: %w", d.SealedTo, err))
	}
	if ListDigest(list) != d.Digest {
		return d, nil, ErrWinnersFile.With(errors.New("the list has another digest"))
	}
	return d, list, nil
}

// WinnerFileStatus is where a winners' file is.
type WinnerFileStatus string

// Files for all operators of a campaign are asked for by one person and approved or rejected by another; then a job makes them.
const (
	WinnersPrepared WinnerFileStatus = "prepared"
	WinnersApproved WinnerFileStatus = "approved"
	WinnersRejected WinnerFileStatus = "rejected"
	WinnersMade     WinnerFileStatus = "made"
)

// WinnerFileStatuses are all of them.
var WinnerFileStatuses = []WinnerFileStatus{WinnersPrepared, WinnersApproved, WinnersRejected, WinnersMade}

// May says whether a file may go from one status to another.
func (from WinnerFileStatus) May(to WinnerFileStatus) bool {
	switch from {
	case WinnersPrepared:
		return to == WinnersApproved || to == WinnersRejected
	case WinnersApproved:
		return to == WinnersMade
	}
	return false
}

// WinnerFile is a file of winners as it is kept: sealed, so that nobody on this side can read it.
type WinnerFile struct {
	ID         int64            `json:"-"`
	CampaignID int64            `json:"-"`
	Operator   string           `json:"operator"`
	Number     string           `json:"number"` // 32 characters [0-9A-Z]
	Status     WinnerFileStatus `json:"status"`
	Winners    int64            `json:"winners"`
	TotalFen   money.Fen        `json:"total_fen"`
	Digest     string           `json:"digest"`
	SealedTo   string           `json:"sealed_to"`
	ApprovalID int64            `json:"-"`
	AskedBy    string           `json:"-"`
	AskedAt    database.Millis  `json:"-"`
	MadeAt     database.Millis  `json:"-"`
	FetchedAt  database.Millis  `json:"-"` // when the operator first got it
	ChangedAt  database.Millis  `json:"-"`
}

// RequestWinnerFiles asks a second person to let every operator have the list of its own winners as it stands now.
func (s *Service) RequestWinnerFiles(ctx context.Context, maker string, campaignID int64) ([]WinnerFile, error) {
	book, err := s.Campaigns.RuleBook(ctx, campaignID)
	if err != nil {
		return nil, err
	}
	var files []WinnerFile
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		files = nil
		sums, err := winnerSums(tx, campaignID)
		if err != nil {
			return err
		}
		if len(sums) == 0 {
			return ErrNothingReady
		}
		for _, sum := range sums {
			if s.Seals[sum.Operator].Key == nil {
				return errNoSealKey.With(fmt.Errorf("operator %s", sum.Operator))
			}
			file := WinnerFile{CampaignID: campaignID, Operator: sum.Operator, Number: s.number(), Status: WinnersPrepared, AskedBy: maker, AskedAt: s.now(), ChangedAt: s.now()}
			if err := insertWinnerFile(tx, &file); err != nil {
				return err
			}
			files = append(files, file)
		}
		return s.askWinnerFiles(tx, maker, book, files, sums)
	})
	return files, err
}

func (s *Service) askWinnerFiles(tx *gorm.DB, maker string, book *campaign.RuleBook, files []WinnerFile, sums []WinnerSum) error {
	summary := map[string]any{"operators": len(files), "sums": sums}
	approvalID, err := s.ask(tx, maker, files[0].CampaignID, book.City.Code, approvalWinners, files[0].ID, summary)
	if err != nil {
		return err
	}
	for i := range files {
		files[i].ApprovalID = approvalID
		if err := winnersAsked(tx, files[i].ID, approvalID); err != nil {
			return err
		}
	}
	return s.audited(tx, maker, "winners.request", book.ID, fmt.Sprintf("approval:%d", approvalID), summary)
}

func (s *Service) decideWinners(tx *gorm.DB, id int64, approved bool) error {
	to := WinnersRejected
	if approved {
		to = WinnersApproved
	}
	files, err := winnerFilesTogether(tx, id)
	for _, file := range files {
		err = errors.Join(err, s.advanceWinners(tx, file, to, nil))
	}
	return err
}

func (s *Service) advanceWinners(tx *gorm.DB, file WinnerFile, to WinnerFileStatus, set map[string]any) error {
	return advance(tx, "winner_files", file.ID, file.Status, to, s.now(), set)
}

// MakeWinnerFiles makes the files that are approved, one after the other.
func (s *Service) MakeWinnerFiles(ctx context.Context) (int, error) {
	files, err := winnerFilesWhere(s.DB.Read(ctx), "status = ? ORDER BY id LIMIT 100", WinnersApproved)
	for i, file := range files {
		if err := s.makeWinnerFile(ctx, file); err != nil {
			return i, fmt.Errorf("winners of %s: %w", file.Operator, err)
		}
	}
	return len(files), err
}

// winnersActor is who looks at the phones of the winners, on the record.
const winnersActor = "system:winners-make"

func (s *Service) makeWinnerFile(ctx context.Context, file WinnerFile) error {
	seal := s.Seals[file.Operator]
	if seal.Key == nil {
		return errNoSealKey
	}
	c, err := s.Campaigns.Get(ctx, file.CampaignID)
	if err != nil {
		return err
	}
	list, err := s.listWinners(ctx, &file)
	if err != nil {
		return err
	}
	file.Digest, file.SealedTo, file.MadeAt = ListDigest(list), signing.KeyID(seal.Key), s.now()
	document, err := s.sealWinners(c.Slug, file, seal.Key, list)
	if err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		set := map[string]any{"winners": file.Winners, "total_fen": int64(file.TotalFen), "digest": file.Digest, "sealed_to": file.SealedTo, "made_at": file.MadeAt}
		if err := s.advanceWinners(tx, file, WinnersMade, set); err != nil {
			return err
		}
		if err := insertWinnerParts(tx, file.ID, document); err != nil {
			return err
		}
		return s.audited(tx, winnersActor, "winners.make", c.Slug, "winners:"+file.Number, map[string]any{"operator": file.Operator, "winners": file.Winners, "total_fen": file.TotalFen, "digest": file.Digest})
	})
}

// ListDigest is the digest that a winners' file gives of its list: SM3, hex.
func ListDigest(text []byte) string {
	digest := sm3.Sum(text)
	return hex.EncodeToString(digest[:])
}

// listWinners writes the list of an operator's winners and counts them.
func (s *Service) listWinners(ctx context.Context, file *WinnerFile) ([]byte, error) {
	var text bytes.Buffer
	out := csv.NewWriter(&text)
	_ = out.Write(WinnersHead) // a csv.Writer keeps its error
	for after := int64(0); ; {
		page, err := winnersOf(s.DB.Read(ctx), file.CampaignID, file.Operator, after, prepareChunk)
		if err != nil || len(page) == 0 {
			out.Flush()
			return text.Bytes(), errors.Join(err, out.Error())
		}
		contacts, err := s.Campaigns.Contacts(ctx, winnersActor, each(page, func(e Envelope) int64 { return e.RegistrationID }))
		if err != nil {
			return nil, err
		}
		phones := make(map[int64]string, len(contacts))
		for _, contact := range contacts {
			phones[contact.RegistrationID] = contact.Phone
		}
		for _, e := range page {
			after = e.ID
			file.Winners++
			file.TotalFen += e.AmountFen
			_ = out.Write([]string{e.CouponID, e.Tier, strconv.FormatInt(int64(e.AmountFen), 10), phones[e.RegistrationID], e.ClaimUntilAt.Time().Format(time.RFC3339), e.ExpiresAt.Time().Format(time.RFC3339)})
		}
	}
}

func (s *Service) sealWinners(slug string, file WinnerFile, to *ecdsa.PublicKey, list []byte) ([]byte, error) {
	d := WinnersDocument{Format: WinnersFormat, Number: file.Number, Campaign: slug, Operator: file.Operator, MadeAt: file.MadeAt.Time().Truncate(time.Second), Winners: file.Winners,
		TotalFen: file.TotalFen, Digest: file.Digest, SealedTo: file.SealedTo, SignedBy: signing.KeyID(&s.Signer.Key.PublicKey)}
	var err error
	if d.Envelope, err = signing.Seal(s.Random, to, d.Place(), list); err != nil {
		return nil, err
	}
	body, err := d.signed()
	if err != nil {
		return nil, err
	}
	if d.Signature, err = s.Signer.SignDocument(d.Place(), body); err != nil {
		return nil, err
	}
	return json.Marshal(d)
}

// WinnerFiles lists the files of a campaign, newest first, at most 200.
func (s *Service) WinnerFiles(ctx context.Context, campaignID int64) ([]WinnerFile, error) {
	return winnerFilesWhere(s.DB.Read(ctx), "campaign_id = ? ORDER BY id DESC LIMIT 200", campaignID)
}

// WinnerFilesFor lists what is made for an operator, newest first, at most 200.
func (s *Service) WinnerFilesFor(ctx context.Context, operator string) ([]WinnerFile, error) {
	return winnerFilesWhere(s.DB.Read(ctx), "operator = ? AND status = ? ORDER BY id DESC LIMIT 200", operator, WinnersMade)
}

// FetchWinners gives an operator a file of its own; those of others are not there. It is on the audit trail.
func (s *Service) FetchWinners(ctx context.Context, operator, number string) ([]byte, error) {
	found, err := winnerFilesWhere(s.DB.Read(ctx), "number = ? AND operator = ? AND status = ?", number, operator, WinnersMade)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, ErrNoWinners
	}
	file := found[0]
	c, err := s.Campaigns.Get(ctx, file.CampaignID)
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if err := winnersFetched(tx, file.ID, s.now()); err != nil {
			return err
		}
		return s.audited(tx, "operator:"+operator, "winners.download", c.Slug, "winners:"+number, map[string]any{"operator": operator, "digest": file.Digest})
	})
	if err != nil {
		return nil, err
	}
	return winnerParts(s.DB.Read(ctx), file.ID)
}
