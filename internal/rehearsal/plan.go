package rehearsal

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"hongbao/campaign"
)

// errand is one purchase that somebody intends.
type errand struct {
	*citizen
	purchase
	push   bool // needs a pushed sub-wallet first
	refund int  // per cent given back within the window
	late   bool // given back after expiry
	must   bool // covers a cell of the matrix, a pay mode or a scenario: has to settle
}

// planner makes the errands of all who hold an envelope.
type planner struct {
	book    *campaign.RuleBook
	random  *rand.Rand
	holders map[string][]*citizen // by operator
	all     []*citizen
	next    map[string]int // whose turn it is, by operator
	errands []errand
}

func newPlanner(book *campaign.RuleBook, seed uint64, holders []*citizen) *planner {
	p := &planner{book: book, random: rand.New(rand.NewPCG(seed, 0x7370656e64)), holders: make(map[string][]*citizen), all: holders, next: make(map[string]int)}
	for _, c := range holders {
		p.holders[c.Operator] = append(p.holders[c.Operator], c)
	}
	return p
}

// cover plans a purchase for every cell operator x app, and for every pay mode of every scenario. Amounts are small, so that a single
// holder of an operator can cover all its cells.
func (p *planner) cover() error {
	for _, s := range p.book.Scenarios {
		for _, mode := range s.PayModes {
			if s.Admission.SubWalletApp {
				continue
			}
			if err := p.coverMode(s, mode); err != nil {
				return err
			}
		}
		if s.Admission.SubWalletApp {
			if err := p.coverMatrix(s); err != nil {
				return err
			}
		}
	}
	return nil
}

const small = 1200 // fen

func (p *planner) coverMode(s campaign.Scenario, mode string) error {
	m, ok := p.merchant(s, mode, "", 0)
	if !ok {
		return fmt.Errorf("no merchant takes %s in the scenario %s", mode, s.Name)
	}
	operator := p.book.Operators[len(p.errands)%len(p.book.Operators)].Name
	holder := p.turn(operator)
	if holder == nil && len(p.all) > 0 {
		holder = p.all[0]
	}
	p.add(errand{citizen: holder, purchase: p.purchase(s, mode, m, small), must: true})
	return nil
}

func (p *planner) coverMatrix(s campaign.Scenario) error {
	for _, o := range p.book.Operators {
		for _, app := range o.Apps {
			m, ok := p.merchant(s, "sub-wallet", app, 0)
			if !ok {
				return fmt.Errorf("no merchant sells in the app %s", app)
			}
			bought := p.purchase(s, "sub-wallet", m, small)
			bought.App = app
			p.add(errand{citizen: p.turn(o.Name), purchase: bought, push: true, must: true})
		}
	}
	return nil
}

// roam plans what people buy of their own accord: some nothing, some more than the envelope holds, some with goods given back.
func (p *planner) roam() {
	shops := p.inStore()
	for i, c := range p.all {
		if i%11 == 3 || len(shops.PayModes) == 0 {
			continue // spends nothing more
		}
		for n := range 1 + i%2 {
			mode := shops.PayModes[p.random.IntN(len(shops.PayModes))]
			m, ok := p.merchant(shops, mode, "", p.random.IntN(1<<20))
			if !ok {
				continue
			}
			fen := int64(100 * (5 + p.random.IntN(120)))
			if i%7 == 2 && n == 0 {
				fen = 30_000 // more than the envelope: the rest is the buyer's own money
			}
			e := errand{citizen: c, purchase: p.purchase(shops, mode, m, fen)}
			switch {
			case i%23 == 7:
				e.late = true
			case i%9 == 4:
				e.refund = []int{40, 100}[i%2]
			}
			p.add(e)
		}
	}
}

// inStore is the first scenario that needs nothing but a shop.
func (p *planner) inStore() campaign.Scenario {
	for _, s := range p.book.Scenarios {
		if !s.Online {
			return s
		}
	}
	return campaign.Scenario{}
}

func (p *planner) add(e errand) {
	if e.citizen != nil {
		e.Phone, e.Device = e.citizen.Person.Phone, e.citizen.Person.Device
		p.errands = append(p.errands, e)
	}
}

// turn gives the operator's holders in turn; nil when it has none.
func (p *planner) turn(operator string) *citizen {
	holders := p.holders[operator]
	if len(holders) == 0 {
		return nil
	}
	p.next[operator]++
	return holders[(p.next[operator]-1)%len(holders)]
}

func (p *planner) purchase(s campaign.Scenario, mode string, m campaign.Merchant, fen int64) purchase {
	bought := purchase{MerchantNo: m.No, PayMode: mode, Scenario: s.Name, AmountFen: fen, SelfOperated: s.Admission.SelfOperated}
	if len(s.Admission.DeliveryDistricts) > 0 {
		bought.DeliveryDistrict = s.Admission.DeliveryDistricts[0]
	}
	return bought
}

// merchant finds the n-th merchant (counted around) that takes the pay mode in the scenario, in the app if one is named.
func (p *planner) merchant(s campaign.Scenario, mode, app string, n int) (campaign.Merchant, bool) {
	var fitting []campaign.Merchant
	for _, m := range p.book.Merchants {
		if slices.Contains(m.Scenarios, s.Name) && slices.Contains(m.PayModes, mode) && (app == "" || m.App == app) {
			fitting = append(fitting, m)
		}
	}
	if len(fitting) == 0 {
		return campaign.Merchant{}, false
	}
	return fitting[n%len(fitting)], true
}
