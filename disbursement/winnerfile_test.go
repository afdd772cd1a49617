package disbursement

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hongbao/internal/fault"
	"hongbao/internal/signing"
)

// fetch asks as a party for a file in an operator's name, and gives the status and what came.
func (s *served) fetch(party, operator, number string) (int, []byte) {
	s.t.Helper()
	request := httptest.NewRequest(http.MethodGet, "/operator/v1/winners"+number+"?operator="+operator, nil)
	s.must((&signing.Signer{Party: party, Key: s.keys[party], Now: s.clock.Now}).SignRequest(request, PlatformParty, nil))
	answer := httptest.NewRecorder()
	s.web.Engine.ServeHTTP(answer, request)
	return answer.Code, answer.Body.Bytes()
}

// winnersWorld has winners at two operators whose files wait for a second person.
func winnersWorld(t *testing.T) *served {
	s := serve(t, 6)
	s.Seals = map[string]signing.PublicKey{"icbc": {Key: &s.keys["icbc"].PublicKey}, "abc": {Key: &s.keys["abc"].PublicKey}}
	_, err := s.AwardDue(context.Background())
	s.must(err)
	files, err := s.RequestWinnerFiles(context.Background(), "maker", campaignID)
	s.must(err)
	if len(files) != 2 {
		t.Fatalf("%+v", files)
	}
	return s
}

func TestEachOperatorGetsItsOwnWinnersAndNoOthers(t *testing.T) {
	s := winnersWorld(t)
	made, err := s.MakeWinnerFiles(context.Background())
	s.must(err)
	if made != 0 {
		t.Fatal("made without approval")
	}
	s.approve(true)
	made, err = s.MakeWinnerFiles(context.Background())
	s.must(err)
	if made != 2 {
		t.Fatalf("%d made", made)
	}
	files, err := s.WinnerFiles(context.Background(), campaignID)
	s.must(err)
	for _, f := range files {
		other := map[string]string{"icbc": "abc", "abc": "icbc"}[f.Operator]
		for name, c := range map[string]struct {
			party, operator string
			want            int
		}{"its own": {f.Operator, f.Operator, 200}, "another's, in its own name": {other, other, 404}, "another's, in the other's name": {other, f.Operator, 403}, "an outsider": {"stranger", f.Operator, 401}} {
			if status, text := s.fetch(c.party, c.operator, "/"+f.Number); status != c.want {
				t.Errorf("%s: %d %s", name, status, text)
			}
		}
		status, list := s.fetch(f.Operator, f.Operator, "")
		if status != 200 || !strings.Contains(string(list), f.Number) || strings.Count(string(list), `"number"`) != 1 {
			t.Errorf("%d %s", status, list)
		}
		_, file := s.fetch(f.Operator, f.Operator, "/"+f.Number)
		d, text, err := OpenWinners(file, &s.keys[PlatformParty].PublicKey, s.keys[f.Operator])
		s.must(err)
		rows := strings.Split(strings.TrimSpace(string(text)), "\n")
		if d.Winners != int64(len(rows)-1) || d.TotalFen != f.TotalFen || rows[0] != strings.Join(WinnersHead, ",") {
			t.Errorf("%+v\n%s", d, text)
		}
		for _, e := range s.envelopes() {
			if phone := fmt.Sprintf("139%08d", e.RegistrationID); strings.Contains(string(text), e.CouponID) != (e.Operator == f.Operator) || strings.Contains(string(text), phone) != (e.Operator == f.Operator) {
				t.Errorf("envelope %d of %s in the file of %s", e.ID, e.Operator, f.Operator)
			}
			if strings.Contains(string(file), e.CouponID) {
				t.Error("the list can be read without a key")
			}
		}
		if _, _, err := OpenWinners(file, &s.keys[PlatformParty].PublicKey, s.keys[other]); fault.KindOf(err) != fault.Invalid {
			t.Errorf("another operator opens it: %v", err)
		}
		if _, _, err := OpenWinners(file, &s.keys["stranger"].PublicKey, s.keys[f.Operator]); fault.KindOf(err) != fault.Invalid {
			t.Errorf("another's signature is believed: %v", err)
		}
		d.Winners++
		changed, err := json.Marshal(d)
		s.must(err)
		if _, _, err := OpenWinners(changed, &s.keys[PlatformParty].PublicKey, s.keys[f.Operator]); fault.KindOf(err) != fault.Invalid {
			t.Errorf("a changed file is believed: %v", err)
		}
	}
	var downloads int
	s.must(s.DB.Read(context.Background()).Raw("SELECT COUNT(*) FROM audit_entries WHERE action = 'winners.download' AND actor LIKE 'operator:%'").Scan(&downloads).Error)
	if downloads != 4 {
		t.Errorf("%d downloads are on the record", downloads)
	}
}

func TestRejectedWinnersFilesAreNotMade(t *testing.T) {
	s := winnersWorld(t)
	s.approve(false)
	if made, err := s.MakeWinnerFiles(context.Background()); err != nil || made != 0 {
		t.Errorf("%d %v", made, err)
	}
	delete(s.Seals, "abc")
	if _, err := s.RequestWinnerFiles(context.Background(), "maker", campaignID); fault.KindOf(err) != fault.Conflict {
		t.Errorf("an operator without a key: %v", err)
	}
	legal := map[string]bool{"prepared approved": true, "prepared rejected": true, "approved made": true}
	for _, from := range WinnerFileStatuses {
		for _, to := range WinnerFileStatuses {
			if from.May(to) != legal[string(from)+" "+string(to)] {
				t.Errorf("%s to %s: %v", from, to, from.May(to))
			}
		}
	}
}
