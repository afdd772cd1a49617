package campaign

import (
	"context"
	"io"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/sheet"
)

// Scarce codes are what a winner may need and of which there are few: in 2020 the wallet app was in Apple's store only for
// who had a redemption code. A code is sealed until it is handed out, and is one winner's for good.

var (
	errCode    = fault.Field("code", "code", "兑换码应为 4 到 64 个字母、数字或连字符。", "A code has 4 to 64 letters, digits or hyphens.")
	errTwice   = fault.Field("code", "code-twice", "该兑换码在文件中重复。", "The code stands in the file twice.")
	errNoCodes = fault.New(fault.Conflict, "codes-gone", "兑换码已发完，请稍后再试或前往网点办理。", "All codes are handed out; please try later or visit a branch.")
)

// CodeCounts say how a campaign's scarce codes stand. Imported = Given + Free.
type CodeCounts struct {
	Imported int64 `json:"imported"`
	Given    int64 `json:"given"`
	Free     int64 `json:"free"`
}

// ImportCodes reads a list (CSV or XLSX) with the column code. A code that is there already is not new; lines with a mistake
// are reported without what stood in them.
func (s *Service) ImportCodes(ctx context.Context, actor, slug string, file io.Reader) (Import, error) {
	c, err := s.BySlug(ctx, slug)
	if err != nil {
		return Import{}, err
	}
	vault, err := s.Keys.VaultFor(ctx, c.ID)
	if err != nil {
		return Import{}, err
	}
	result, seen := Import{}, map[string]bool{}
	var rows [][]any
	err = sheet.Read(file, func(line int, cells map[string]string) error {
		result.Lines++
		code := cells["code"]
		switch {
		case len(code) < 4 || len(code) > 64 || !isCode(code):
			result.reject(line, errCode)
		case seen[code]:
			result.reject(line, errTwice)
		default:
			seen[code] = true
			key := database.Bytes32(vault.Index("scarce", code))
			rows = append(rows, []any{c.ID, key[:], vault.Seal([]byte(code), key[:]), int64(database.At(s.Now()))})
		}
		return nil
	}, "code")
	if err != nil {
		return result, err
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		result.Imported, err = insertCodes(tx, rows)
		return err
	})
	if err != nil {
		return result, err
	}
	return result, s.recordImport(ctx, actor, "codes.import", slug, map[string]any{}, result)
}

func isCode(text string) bool {
	for _, r := range text {
		if !(r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '-') {
			return false
		}
	}
	return true
}

// HandOutCode gives a registration its scarce code: the same one whenever asked, and no other's however many ask at once.
// Whether it is a winner's is the caller's to know.
func (s *Service) HandOutCode(ctx context.Context, campaignID, registrationID int64) (string, error) {
	vault, err := s.Keys.VaultFor(ctx, campaignID)
	if err != nil {
		return "", err
	}
	var row codeRow
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		row, err = handOut(tx, campaignID, registrationID, s.Now())
		return err
	})
	if database.IsDuplicate(err) { // the same person asked twice at once, and the other request was first
		row, _, err = codeOf(s.DB.Read(ctx), campaignID, registrationID)
	}
	if err != nil {
		return "", err
	}
	code, err := vault.Open(row.Sealed, row.CodeIndex[:])
	return string(code), err
}

// CodeOf gives the code that a registration has been handed, "" when it has none.
func (s *Service) CodeOf(ctx context.Context, campaignID, registrationID int64) (string, error) {
	row, ok, err := codeOf(s.DB.Read(ctx), campaignID, registrationID)
	if err != nil || !ok {
		return "", err
	}
	vault, err := s.Keys.VaultFor(ctx, campaignID)
	if err != nil {
		return "", err
	}
	code, err := vault.Open(row.Sealed, row.CodeIndex[:])
	return string(code), err
}

// CodeCounts counts a campaign's scarce codes.
func (s *Service) CodeCounts(ctx context.Context, campaignID int64) (CodeCounts, error) {
	return codeCounts(s.DB.Read(ctx), campaignID)
}

// ByDocument finds the registration of a document, for a desk at which the document lies. That somebody looked is on the
// record before anything is given.
func (s *Service) ByDocument(ctx context.Context, actor string, campaignID int64, document string) (Masked, error) {
	list, err := s.Roll(ctx, actor, campaignID, RollFilter{Document: document, Limit: 1})
	switch {
	case err != nil:
		return Masked{}, err
	case document == "" || len(list) == 0:
		return Masked{}, errNoRegistration
	}
	return list[0], nil
}
