package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// Citizen is what a citizen's token proves: one registration in one campaign, and nothing about the person.
type Citizen struct {
	RegistrationID, CampaignID int64
}

const (
	citizenPurpose = "hongbao citizen token v1"
	citizenBody    = 24
)

// IssueCitizen makes a token for the citizen: base64url of registration id, campaign id and expiry in Unix seconds
// (each 8 bytes, big endian) followed by their HMAC-SHA-256 under Secret. It needs no stored session.
func (w *Web) IssueCitizen(citizen Citizen) string {
	body := make([]byte, 0, citizenBody+sha256.Size)
	body = binary.BigEndian.AppendUint64(body, uint64(citizen.RegistrationID))
	body = binary.BigEndian.AppendUint64(body, uint64(citizen.CampaignID))
	body = binary.BigEndian.AppendUint64(body, uint64(w.Now().Add(w.CitizenTTL).Unix()))
	return base64.RawURLEncoding.EncodeToString(append(body, w.citizenMAC(body)...))
}

func (w *Web) readCitizen(token string) (Citizen, error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != citizenBody+sha256.Size || !hmac.Equal(raw[citizenBody:], w.citizenMAC(raw[:citizenBody])) {
		return Citizen{}, errCitizen
	}
	expiry := time.Unix(int64(binary.BigEndian.Uint64(raw[16:])), 0)
	if !w.Now().Before(expiry) {
		return Citizen{}, errCitizen
	}
	return Citizen{int64(binary.BigEndian.Uint64(raw)), int64(binary.BigEndian.Uint64(raw[8:]))}, nil
}

func (w *Web) citizenMAC(body []byte) []byte {
	mac := hmac.New(sha256.New, w.Secret)
	mac.Write([]byte(citizenPurpose))
	mac.Write(body)
	return mac.Sum(nil)
}
