package campaign

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"time"

	"hongbao/internal/money"
	"hongbao/lottery/draw"
)

var colour = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// check applies every rule that holds between fields. The form of each field is known to be right here.
func (rb *RuleBook) check(r *reading) {
	rb.checkNames(r)
	rb.Windows.check(r)
	rb.checkPools(r)
	rb.checkTiers(r)
	rb.checkBudget(r)
	rb.checkOperators(r)
	rb.checkScenarios(r)
	rb.checkMerchants(r)
	rb.checkRegistration(r)
	rb.checkMessages(r)
	rb.checkSMSTexts(r)
	rb.checkRetention(r)
	rb.checkReview(r)
	rb.checkRisk(r)
	rb.checkChallenge(r)
	rb.checkNameCheck(r)
}

func (rb *RuleBook) checkNames(r *reading) {
	for field, name := range map[string]string{"id": rb.ID, "city.code": rb.City.Code} {
		checkToken(r, field, name)
	}
	oneOf(r, "suite", rb.Suite, "intl", "sm")
	oneOf(r, "hash", rb.HashName, string(draw.SHA256), string(draw.SM3))
	if !colour.MatchString(rb.City.Colour) {
		r.add("city.colour", "应为 #rrggbb", "must be #rrggbb")
	}
	names(r, "city.districts", rb.City.Districts, func(d District) string { return d.Name })
	names(r, "funding", rb.Funding, func(s Source) string { return s.Name })
	names(r, "operators", rb.Operators, func(o Operator) string { return o.Name })
	names(r, "apps", rb.Apps, func(a App) string { return a.Name })
	names(r, "acquirers", rb.Acquirers, func(a Acquirer) string { return a.Name })
	names(r, "scenarios", rb.Scenarios, func(s Scenario) string { return s.Name })
	names(r, "tiers", rb.Tiers, func(t Tier) string { return t.Name })
	names(r, "pools.list", rb.Pools.List, func(p Pool) string { return p.Name })
	for i, source := range rb.Funding {
		oneOf(r, fmt.Sprintf("funding[%d].kind", i), source.Kind, "city", "sponsor")
	}
}

func (rb *RuleBook) checkPools(r *reading) {
	oneOf(r, "pools.by", rb.Pools.By, ByNone, ByDistrict, ByTier)
	atLeastOne(r, "pools.list", len(rb.Pools.List))
	if rb.Pools.By == ByNone && len(rb.Pools.List) > 1 {
		r.add("pools.list", "不分组时只能有一个抽签池", "must hold exactly one pool when entries are not grouped")
	}
	for i, wait := range rb.Wait {
		rb.checkScope(r, fmt.Sprintf("wait[%d].pool", i), wait.Pool)
		if slices.IndexFunc(rb.Wait, func(w Wait) bool { return w.Pool == wait.Pool }) < i {
			r.add(fmt.Sprintf("wait[%d].pool", i), "候补范围重复", "is the scope of another waitlist")
		}
	}
	if rb.Pools.By == ByDistrict {
		rb.checkDistrictPools(r)
	}
}

// checkDistrictPools: every district belongs to exactly one pool, so that everyone has an entry and only one.
func (rb *RuleBook) checkDistrictPools(r *reading) {
	for i, pool := range rb.Pools.List {
		for j, name := range pool.Districts {
			rb.checkDistrict(r, fmt.Sprintf("pools.list[%d].districts[%d]", i, j), name)
		}
	}
	for i, district := range rb.City.Districts {
		owners := 0
		for _, pool := range rb.Pools.List {
			if pool.covers(district.Name) {
				owners++
			}
		}
		if owners != 1 {
			r.add(fmt.Sprintf("city.districts[%d]", i), "应正好属于一个抽签池，现属于 %d 个", "must belong to exactly one pool, not %d", owners)
		}
	}
}

func (rb *RuleBook) checkTiers(r *reading) {
	atLeastOne(r, "tiers", len(rb.Tiers))
	if len(rb.Tiers) > 99 {
		r.add("tiers", "最多 99 档", "must be at most 99")
	}
	for i, tier := range rb.Tiers {
		path := fmt.Sprintf("tiers[%d]", i)
		rb.checkScope(r, path+".pool", tier.Pool)
		rb.checkShares(r, path, tier)
		if tier.Count < 1 {
			r.add(path+".count", "至少 1 份", "must be at least 1")
		}
		if tier.Amount < 1 || tier.Amount > 100_000*money.Yuan {
			r.add(path+".amount", "应在 0.01 元到 100000 元之间", "must be between 0.01 and 100000 yuan")
		}
		if rb.Pools.By == ByTier && tier.Pool == AllPools {
			r.add(path+".pool", "按所选档次分组时，每档要有自己的抽签池", "must be a pool of its own when people choose the tier")
		}
	}
	for i, spill := range rb.Spill {
		path := fmt.Sprintf("spill[%d]", i)
		if _, ok := rb.Tier(spill.Tier); !ok {
			r.add(path+".tier", "没有档次 %s", "there is no tier %s", spill.Tier)
		}
		if slices.IndexFunc(rb.Spill, func(s Spill) bool { return s.Tier == spill.Tier }) < i {
			r.add(path+".tier", "档次重复", "is named by another spill")
		}
		rb.checkScope(r, path+".pool", spill.Pool)
	}
}

func (rb *RuleBook) checkShares(r *reading, path string, tier Tier) {
	var sum int64
	for i, share := range tier.Funding {
		at := fmt.Sprintf("%s.funding[%d]", path, i)
		if _, ok := find(rb.Funding, share.Source, func(s Source) string { return s.Name }); !ok {
			r.add(at+".source", "没有资金来源 %s", "there is no funding source %s", share.Source)
		}
		if slices.IndexFunc(tier.Funding, func(s Share) bool { return s.Source == share.Source }) < i {
			r.add(at+".source", "资金来源重复", "is named twice in this tier")
		}
		if share.Count < 1 {
			r.add(at+".count", "至少 1 份", "must be at least 1")
		}
		sum += share.Count
	}
	if sum != tier.Count {
		r.add(path+".count", "与各资金来源份数之和 %d 不符", "does not equal the %d envelopes that its sources pay", sum)
	}
}

// checkBudget: tier count x amount = budget, for each source and so in all, to the fen.
func (rb *RuleBook) checkBudget(r *reading) {
	atLeastOne(r, "funding", len(rb.Funding))
	total := 0.0
	for _, tier := range rb.Tiers {
		total += float64(tier.Count) * float64(tier.Amount)
	}
	if total > math.MaxInt64/16 {
		r.add("tiers", "总额超出范围", "come to more money than can be counted")
		return
	}
	given := rb.handedOut()
	for i, source := range rb.Funding {
		if source.Amount < 1 {
			r.add(fmt.Sprintf("funding[%d].amount", i), "应大于 0", "must be more than 0")
		}
		if given[source.Name] != source.Amount {
			r.add(fmt.Sprintf("funding[%d].amount", i), "%s 元与各档份数×金额之和 %s 元不符", "%s yuan does not equal tier count x amount, %s yuan",
				source.Amount, given[source.Name])
		}
	}
}

func (rb *RuleBook) checkRegistration(r *reading) {
	atLeastOne(r, "documents", len(rb.Documents))
	for i, kind := range rb.Documents {
		oneOf(r, fmt.Sprintf("documents[%d]", i), kind, DocumentKinds...)
	}
	if rb.MinAge > 120 {
		r.add("min_age", "应不超过 120", "must be at most 120")
	}
	oneOf(r, "confirmation", rb.Confirmation, OneStep, TwoStep)
	if rb.Confirmation == TwoStep && (rb.ConfirmWithin < time.Minute || rb.ConfirmWithin > 72*time.Hour) {
		r.add("confirm_within", "两步确认要有一分钟到 72 小时的时限", "must be between one minute and 72 hours for two-step confirmation")
	}
	rb.checkRule(r, "eligibility", rb.Eligibility, true)
}

func (rb *RuleBook) checkScope(r *reading, path, scope string) {
	if _, ok := find(rb.Pools.List, scope, func(p Pool) string { return p.Name }); !ok && scope != AllPools {
		r.add(path, "没有抽签池 %s", "there is no pool %s", scope)
	}
}

func (rb *RuleBook) checkDistrict(r *reading, path, name string) {
	if _, ok := rb.District(name); !ok {
		r.add(path, "没有区县 %s", "there is no district %s", name)
	}
}

func names[T any](r *reading, path string, list []T, nameOf func(T) string) {
	seen := map[string]bool{}
	for i, item := range list {
		name := nameOf(item)
		checkToken(r, fmt.Sprintf("%s[%d].name", path, i), name)
		if seen[name] {
			r.add(fmt.Sprintf("%s[%d].name", path, i), "名称 %s 重复", "the name %s stands here twice", name)
		}
		seen[name] = true
	}
}

func checkToken(r *reading, path, text string) {
	if !draw.IsToken(text) {
		r.add(path, "只能用小写字母、数字和 . _ -，最多 64 个", "must be lower-case letters, digits, . _ - and at most 64 of them")
	}
}

func oneOf(r *reading, path, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		r.add(path, "%s 不在允许的值 %v 之中", "%s is not one of %v", value, allowed)
	}
}

func atLeastOne(r *reading, path string, n int) {
	if n == 0 {
		r.add(path, "至少要有一项", "must have at least one item")
	}
}
