package rehearsal

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// Summary is summary.json. Amounts are fen; credited = spent + recalled + in flight. Coverage counts settled rows.
type Summary struct {
	Campaign      string         `json:"campaign"`
	Registrations int            `json:"registrations"`
	Refused       int            `json:"refused"`
	RefusedBy     map[string]int `json:"refused_by"`
	Winners       int            `json:"winners"`
	Money
	Discrepancies int         `json:"discrepancies"`
	Draw          DrawDigests `json:"draw"`
	Coverage      Coverage    `json:"coverage"`
	Phases        []Phase     `json:"phases"`
	Checks        []Check     `json:"checks"`

	// Sample is somebody whose result can be looked up: a winner with a credited envelope if there is one.
	Sample Lookup `json:"-"`
}

// Lookup is what a citizen types to see the own result.
type Lookup struct {
	Phone, Code string
}

// Money is a campaign's money in fen.
type Money struct {
	Budget   int64 `json:"budget_fen"`
	Awarded  int64 `json:"awarded_fen"`
	Credited int64 `json:"credited_fen"`
	Spent    int64 `json:"spent_fen"`
	Recalled int64 `json:"recalled_fen"`
	Returned int64 `json:"returned_fen"`
	InFlight int64 `json:"in_flight_fen"` // in wallets, neither spent nor recalled
}

// DrawDigests are the plan's hash, the seed and the result file's hash, 64 hex digits each.
type DrawDigests struct {
	PlanHash   string `json:"plan_hash"`
	Seed       string `json:"seed"`
	ResultHash string `json:"result_hash"`
}

// Coverage is what settled payments went through.
type Coverage struct {
	SubWallets [][2]string `json:"sub_wallets"` // operator, app
	PayModes   []string    `json:"pay_modes"`
	Scenarios  []string    `json:"scenarios"`
}

// Phase is a part of the rehearsal and how long it took.
type Phase struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// Check is one statement that must hold.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// OK says whether every check holds.
func (s *Summary) OK() bool {
	for _, c := range s.Checks {
		if !c.OK {
			return false
		}
	}
	return len(s.Checks) > 0
}

// Write stores the summary as DIR/summary.json.
func (s *Summary) Write(dir string) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "summary.json"), append(b, '\n'), 0o644)
}
