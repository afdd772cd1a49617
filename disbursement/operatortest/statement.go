package operatortest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"hongbao/disbursement"
)

func (s *suite) statementFuture(ctx context.Context) error {
	return s.refused(ctx, disbursement.ErrStatementNotReady, func() error {
		file, err := s.Statement(ctx, s.Now.Add(48*time.Hour))
		if err == nil {
			err = errors.Join(err, file.Close())
		}
		return err
	})
}

// statementDigest reads a statement to its end, where count, total and digest must fit.
func (s *suite) statementDigest(ctx context.Context) error {
	if s.StatementDay.IsZero() {
		return fmt.Errorf("%w: no day with a statement is given", errSkipped)
	}
	var file io.ReadCloser
	err := s.again(ctx, func() (done bool, err error) {
		file, err = s.Statement(ctx, s.StatementDay)
		return err == nil || settledError(err), err
	})
	if err != nil {
		return err
	}
	defer file.Close()
	_, _, err = disbursement.ReadStatement(file, func(disbursement.StatementHead, disbursement.StatementLine) error { return nil })
	return err
}
