package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// shanghai is the zone of banking days: UTC+8 all year.
var shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// Statement implements disbursement.Operator. The file is kept on disk until it is closed, since its signature covers all
// of it and it may be large.
func (g *Gateway) Statement(ctx context.Context, day time.Time) (io.ReadCloser, error) {
	path := "/bank/v1/statements/" + day.In(shanghai).Format(time.DateOnly)
	a, err := g.call(ctx, http.MethodGet, path, nil, readFile)
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, a.refusal()
	}
	return spooled{a.file}, nil
}

// readFile takes a statement to disk; a refusal, which is short, is read as a body.
func readFile(g *Gateway, asked string, response *http.Response) (a answer, err error) {
	if response.StatusCode != http.StatusOK {
		return readBody(g, asked, response)
	}
	file, err := os.CreateTemp("", "hongbao-statement-*")
	if err != nil {
		return answer{}, err
	}
	defer func() {
		if err != nil {
			_ = spooled{file}.Close()
		}
	}()
	n, err := io.Copy(file, io.LimitReader(response.Body, statementLimit+1))
	if err != nil {
		return answer{}, err
	}
	if n > statementLimit {
		return answer{}, fmt.Errorf("the statement is longer than %d bytes", int64(statementLimit))
	}
	if _, err = file.Seek(0, io.SeekStart); err != nil {
		return answer{}, err
	}
	if err = g.verifier.VerifyResponseFrom(g.profile.Party, asked, response, file); err != nil {
		return answer{}, err
	}
	_, err = file.Seek(0, io.SeekStart)
	return answer{status: response.StatusCode, file: file}, err
}

// spooled is a file that is gone once it is closed.
type spooled struct{ *os.File }

func (s spooled) Close() error { return errors.Join(s.File.Close(), os.Remove(s.Name())) }
