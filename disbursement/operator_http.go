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
	if err := s.speaks(party, *about); err != nil {
		return "", err
	}
	return *about, nil
}

// speaks says whether a party may speak for an operator: itself, or one behind its access point.
func (s *Service) speaks(party, operator string) error {
	if cmp.Or(s.Parties[operator], operator) != party || s.Operators[operator] == nil {
		return errSpeaker
	}
	return nil
}

// question reads an operator's signed question without a body. ?operator= says who asks, where an access point signs.
func (s *Service) question(c *gin.Context) (operator string, err error) {
	party, _, err := s.Verifier.ReadRequest(c.Request, maxMessage)
	if err != nil {
		return "", unbelieved(err)
	}
	operator = cmp.Or(c.Query("operator"), party)
	return operator, s.speaks(party, operator)
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

// getWinnerFiles lists the winners' files of the operator that asks.
func (s *Service) getWinnerFiles(c *gin.Context) error {
	operator, err := s.question(c)
	if err != nil {
		return err
	}
	files, err := s.WinnerFilesFor(c.Request.Context(), operator)
	if err != nil {
		return err
	}
	return s.answer(c, http.StatusOK, gin.H{"files": files})
}

// getWinnerFile gives the operator that asks a file of its own.
func (s *Service) getWinnerFile(c *gin.Context) error {
	operator, err := s.question(c)
	if err != nil {
		return err
	}
	document, err := s.FetchWinners(c.Request.Context(), operator, c.Param("number"))
	if err != nil {
		return err
	}
	return s.answer(c, http.StatusOK, json.RawMessage(document))
}
