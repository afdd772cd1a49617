package disbursement

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/money"
	"hongbao/internal/web"
)

type fundingJSON struct {
	Source    string    `json:"source"`
	AmountFen money.Fen `json:"amount_fen"`
	Evidence  string    `json:"evidence"`
}

type kindJSON struct {
	Kind string `json:"kind"`
}

type dayJSON struct {
	Operator string `json:"operator"`
	Day      string `json:"day"`
}

type reasonJSON struct {
	Reason string `json:"reason"`
}

// campaignFiguresJSON is everything that is counted of a campaign, by funding source and in all.
type campaignFiguresJSON struct {
	Summary
	Coverage Coverage `json:"coverage"`
	Counts   Counts   `json:"counts"`
}

var (
	batchesJSON    = web.Object{"batches": []Batch{}}
	statementsJSON = web.Object{"statements": []Statement{}}
)

func (s *Service) getFunding(c *gin.Context, of campaign.Campaign) error {
	rows, err := receiptsOf(s.DB.Read(c.Request.Context()), of.ID)
	return web.WriteAll(c, "receipts", rows, err, func(r Receipt) int64 { return r.ID })
}

func (s *Service) postFunding(c *gin.Context, of campaign.Campaign) error {
	var in fundingJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	receipt, err := s.ReceiveFunding(c.Request.Context(), web.ActorOf(c).Username, of.ID, in.Source, in.AmountFen, in.Evidence)
	if err != nil {
		return err
	}
	c.JSON(http.StatusAccepted, receipt)
	return nil
}

func (s *Service) getBatches(c *gin.Context, of campaign.Campaign) error {
	rows, err := s.Batches(c.Request.Context(), of.ID)
	return web.WriteAll(c, "batches", rows, err, func(b Batch) int64 { return b.ID })
}

// postBatches answers 202 with new batches, 200 with those of the kind that wait for approval when nothing new is
// ready, and 409 when there are none of either.
func (s *Service) postBatches(c *gin.Context, of campaign.Campaign) error {
	var in kindJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	made, err := s.Prepare(c.Request.Context(), web.ActorOf(c).Username, of.ID, in.Kind)
	if !errors.Is(err, ErrNothingReady) {
		return writeBatches(c, http.StatusAccepted, made, err)
	}
	waiting, err := s.waitingBatches(c.Request.Context(), of.ID, in.Kind)
	if err == nil && len(waiting) == 0 {
		err = ErrNothingReady
	}
	return writeBatches(c, http.StatusOK, waiting, err)
}

func writeBatches(c *gin.Context, status int, batches []Batch, err error) error {
	if err != nil {
		return err
	}
	c.JSON(status, gin.H{"batches": batches})
	return nil
}

func (s *Service) postReturn(c *gin.Context, of campaign.Campaign) error {
	batch, err := s.RequestReturn(c.Request.Context(), web.ActorOf(c).Username, of.ID)
	return writeBatches(c, http.StatusAccepted, []Batch{batch}, err)
}

func (s *Service) getFigures(c *gin.Context, of campaign.Campaign) error {
	summary, err := s.Summary(c.Request.Context(), of.ID)
	if err != nil {
		return err
	}
	coverage, err := s.Coverage(c.Request.Context(), of.ID)
	if err != nil {
		return err
	}
	counts, err := s.Counts(c.Request.Context(), of.ID)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, campaignFiguresJSON{summary, coverage, counts})
	return nil
}

var errAt = fault.Field("at", "at", "时刻应为 RFC 3339 格式。", "The moment must be in RFC 3339.")

// getProof gives the budget proof now, or at ?at= (RFC 3339).
func (s *Service) getProof(c *gin.Context, of campaign.Campaign) error {
	at := s.Now()
	if text := c.Query("at"); text != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, text); err != nil {
			return errAt.With(err)
		}
	}
	proofs, err := s.Prove(c.Request.Context(), of.ID, at)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, gin.H{"at": database.At(at).Time(), "sources": proofs})
	return nil
}

func (s *Service) getStatements(c *gin.Context, of campaign.Campaign) error {
	rows, err := s.Statements(c.Request.Context(), of.ID)
	return web.WriteAll(c, "statements", rows, err, func(r Statement) int64 { return r.ID })
}

func (s *Service) postReconcile(c *gin.Context, _ campaign.Campaign) error {
	var in dayJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	rows, err := s.ReconcileDay(c.Request.Context(), in.Operator, in.Day)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, gin.H{"statements": rows})
	return nil
}

func (s *Service) getDifferences(c *gin.Context, of campaign.Campaign) error {
	rows, err := s.Differences(c.Request.Context(), of.ID)
	return web.WriteAll(c, "differences", rows, err, func(d Difference) int64 { return d.ID })
}

func (s *Service) postResolve(c *gin.Context, of campaign.Campaign) error {
	var in reasonJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	id, err := web.PathID(c, "id", errID)
	if err != nil {
		return err
	}
	if err := s.ResolveDifference(c.Request.Context(), web.ActorOf(c).Username, of.ID, id, in.Reason); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
