package campaign

import (
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"time"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/identity"
)

// appealable are the refusals of a submission against which its sender may appeal. Their order is part of attempt numbers, so
// it only grows.
var appealable = []string{errEvidence.Code, errTooYoung.Code, errTooOld.Code, errDistrict.Code, errLocation.Code, errNameMismatch.Code}

var (
	errAttempt     = fault.Field("attempt", "attempt", "申诉编号与所填的证件、手机号不符。", "The attempt number does not belong to this document and phone.")
	attemptHyphens = strings.NewReplacer("-", "", " ", "")
)

// attemptNumber shows that a document and a phone were refused for a reason in an hour of the registration: 4 bits of reason,
// 16 bits of hours since the opening and 40 bits of a keyed hash, as twelve characters in three groups. Nothing is stored
// about whoever was refused; the number is all that an appeal needs.
func (l *Live) attemptNumber(vault *identity.Vault, row *registrationRow, reason string, at time.Time) string {
	hours := uint64(max(0, at.Sub(l.OpenAt.Time())/time.Hour)) & 0xffff
	return attemptText(vault, row, uint64(slices.Index(appealable, reason)), hours)
}

func attemptText(vault *identity.Vault, row *registrationRow, reason, hours uint64) string {
	digest := vault.Index("attempt", fmt.Sprintf("%x %x %d %d", row.DocumentIndex[:], row.PhoneIndex[:], reason, hours))
	bits := reason<<56 | hours<<40 | mark((*database.Bytes32)(&digest))>>24
	var text []byte
	for i := range 12 {
		if i == 4 || i == 8 {
			text = append(text, '-')
		}
		text = append(text, codeAlphabet[bits>>(55-5*i)&31])
	}
	return string(text)
}

// readAttempt gives the reason of a refused attempt and the end of the hour in which it was made, if the number belongs to the
// document and phone of the row.
func (l *Live) readAttempt(vault *identity.Vault, row *registrationRow, typed string) (reason string, at time.Time, err error) {
	typed = strings.ToUpper(attemptHyphens.Replace(clip(typed)))
	if len(typed) != 12 {
		return "", at, errAttempt
	}
	var bits uint64
	for _, letter := range []byte(typed) {
		place := strings.IndexByte(codeAlphabet, letter)
		if place < 0 {
			return "", at, errAttempt
		}
		bits = bits<<5 | uint64(place)
	}
	code, hours := bits>>56, bits>>40&0xffff
	right := attemptHyphens.Replace(attemptText(vault, row, code, hours))
	if code >= uint64(len(appealable)) || subtle.ConstantTimeCompare([]byte(right), []byte(typed)) == 0 {
		return "", at, errAttempt
	}
	return appealable[code], l.OpenAt.Time().Add(time.Duration(hours+1) * time.Hour), nil
}

// appealably adds the attempt number to a refusal against which an appeal can be made.
func (l *Live) appealably(vault *identity.Vault, a *application, refused error, now time.Time) error {
	found, ok := fault.As(refused)
	if !ok || !l.Book.Appeals.Set() || !slices.Contains(appealable, found.Code) {
		return refused
	}
	return found.Under(l.attemptNumber(vault, a.row, found.Code, now))
}
