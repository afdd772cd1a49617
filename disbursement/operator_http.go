package disbursement

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"hongbao/internal/signing"
)

// message reads a signed message and gives the operator that it is about: the one that signed, or one for which the signing
// access point speaks.
func (s *Service) message(c *gin.Context, into any, about *string) (operator string, err error) {
	party, body, err := s.Verifier.ReadRequest(c.Request, maxMessage)
	if err != nil {
		return "", unbelieved(err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return "", errMessage.With(err)
	}
	if cmp.Or(s.Parties[*about], *about) != party || s.Operators[*about] == nil {
		return "", errSpeaker
	}
	return *about, nil
}

// unbelieved is what an outsider hears whose message is not believed.
func unbelieved(err error) error {
	for _, reason := range []error{signing.ErrUnsigned, signing.ErrStale, signing.ErrKey, signing.ErrSignature, signing.ErrReplayed} {
		if errors.Is(err, reason) {
			return errSignature.With(err)
		}
	}
	if errors.Is(err, signing.ErrTooLarge) {
		return errMessage.With(err)
	}
	return err
}

// answer signs an answer to an operator.
func (s *Service) answer(c *gin.Context, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	c.Header("Content-Type", "application/json")
	if status == http.StatusNoContent {
		body = nil
	}
	return s.Signer.Respond(c.Writer, c.Request, status, body)
}

// postEvents is answered with 204 once every event is stored, or with 200 and the reasons for those that are refused.
func (s *Service) postEvents(c *gin.Context) error {
	var in EventBatch
	operator, err := s.message(c, &in, &in.Operator)
	if err != nil {
		return err
	}
	if len(in.Events) > maxEvents {
		return errMessage
	}
	refused, err := s.Receive(c.Request.Context(), operator, in.Events)
	if err != nil {
		return err
	}
	if len(refused) == 0 {
		return s.answer(c, http.StatusNoContent, nil)
	}
	return s.answer(c, http.StatusOK, gin.H{"refused": refused})
}

func (s *Service) postAdmission(c *gin.Context) error {
	var in AdmissionRequest
	operator, err := s.message(c, &in, &in.Operator)
	if err != nil {
		return err
	}
	answer, err := s.AdmitPurchase(c.Request.Context(), operator, in)
	if err != nil {
		return err
	}
	return s.answer(c, http.StatusOK, answer)
}
