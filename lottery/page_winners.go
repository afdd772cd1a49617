package lottery

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"hongbao/campaign"
	"hongbao/internal/fault"
	"hongbao/internal/money"
	"hongbao/internal/web"
	"hongbao/lottery/draw"
)

// rowsAPage is how many rows a page of winners or of names shows.
const rowsAPage = 100

var (
	errPage   = fault.Field("after", "page", "页码有误。", "There is no such page.")
	errSearch = fault.Field("entry", "entry-search", "请输入抽签编号，至少前 8 位（数字和小写字母 a–f）。", "Enter the entry, at least its first 8 digits (0-9, a-f).")
)

// winnerList is what /draws/:slug/winners shows: the result by entry, and where the entry that is asked for stands.
type winnerList struct {
	Slug, Name, Label string
	Search            web.Form
	Found             *web.Table // what was looked for; nil when nothing was
	Missing           bool       // looked for and not in the draw
	Table             web.Table
}

// nameList is what /draws/:slug/names shows: the winners' notice.
type nameList struct {
	Slug, Name, Label string
	Made              bool
	Total             int64 // prizes as drawn
	Table             web.Table
}

func (s *Service) winnersPage(ctx context.Context, slug, after, entry, locale string) (*winnerList, error) {
	d, c, book, err := s.publishedDraw(ctx, slug)
	if err != nil {
		return nil, err
	}
	from, err := whole(after)
	if err != nil {
		return nil, err
	}
	tr := translator(locale)
	chain, err := s.chainOf(ctx, d)
	if err != nil {
		return nil, err
	}
	page := &winnerList{Slug: slug, Name: c.Name(locale), Label: chain.Label(), Search: searchForm(slug, entry, tr)}
	if entry = strings.TrimSpace(entry); entry != "" {
		if err := s.lookFor(ctx, page, d, book, entry, locale); err != nil {
			return nil, err
		}
	}
	rows, err := awardsPage(s.DB.Read(ctx), d.ID, from, rowsAPage)
	if err != nil {
		return nil, err
	}
	page.Table = winnerTable(rows, book, locale)
	if len(rows) == rowsAPage {
		page.Table.Next = fmt.Sprintf("/draws/%s/winners?after=%d", slug, rows[len(rows)-1].ID)
	}
	return page, nil
}

// publishedDraw is a draw whose result is public; for any other there is no list of winners yet.
func (s *Service) publishedDraw(ctx context.Context, slug string) (*Draw, campaign.Campaign, *campaign.RuleBook, error) {
	d, err := drawBySlug(s.DB.Read(ctx), slug)
	if err != nil {
		return nil, campaign.Campaign{}, nil, err
	}
	if d.Status != Published {
		return nil, campaign.Campaign{}, nil, errNoFile
	}
	c, book, err := s.campaignOf(ctx, d.CampaignID)
	return d, c, book, err
}

// whole reads a place in an address; "" is the beginning.
func whole(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, errPage
	}
	return n, nil
}

func searchForm(slug, entry string, tr translate) web.Form {
	return web.Form{Action: "/draws/" + slug + "/winners", Method: "get", Inline: true, Submit: tr("查找", "Find"), Fields: []web.Field{
		{Name: "entry", Label: tr("抽签编号", "Entry"), Hint: tr("登记回执上有；至少前 8 位", "It stands on your receipt; at least the first 8 digits"), Value: entry, MaxLength: 64, Autocomplete: "off", Required: true}}}
}

// lookFor finds the one entry that begins so.
func (s *Service) lookFor(ctx context.Context, page *winnerList, d *Draw, book *campaign.RuleBook, begin, locale string) error {
	index, err := s.Index(ctx, d)
	if err != nil {
		return err
	}
	entry, err := index.Complete(begin)
	if err != nil {
		return err
	}
	if page.Missing = entry == nil; page.Missing {
		return nil
	}
	r, err := s.resultOf(ctx, d, *entry)
	if err != nil {
		return err
	}
	tr := translator(locale)
	amount := web.Text("")
	if r.AmountFen > 0 {
		amount = web.Money(money.Fen(r.AmountFen))
	}
	page.Found = &web.Table{Caption: tr("查找结果", "What was found"), Columns: []web.Column{{Title: tr("抽签编号", "Entry")}, {Title: tr("签池", "Pool")},
		{Title: tr("结果", "Result")}, {Title: tr("名次", "Place"), Number: true}, {Title: tr("金额（元）", "Yuan"), Number: true}},
		Rows: []web.Row{{Cells: []web.Cell{web.Digest(r.Entry), web.Text(groupName(book, ByPool, r.Pool, tr, locale)), web.Text(outcomeName(r.Outcome, tr)), place(r.Place), amount}}}}
	return nil
}

func place(n int) web.Cell {
	if n == 0 {
		return web.Text("")
	}
	return web.Number(n)
}

func outcomeName(o Outcome, tr translate) string {
	switch o {
	case Won:
		return tr("中签", "Won")
	case Promoted:
		return tr("候补递补", "Promoted from the waitlist")
	case Waits:
		return tr("候补", "On the waitlist")
	case GaveUp:
		return tr("已转给候补", "Passed on to the waitlist")
	}
	return tr("未中签", "Not drawn")
}

// Complete finds the entry that begins with these hex digits, 8 at least; nil when there is none. More than one is a fault too.
func (x *Index) Complete(begin string) (*draw.Digest, error) {
	if len(begin) < 8 || len(begin) > 64 || strings.Trim(begin, "0123456789abcdef") != "" {
		return nil, errSearch
	}
	low, err := draw.ParseDigest(begin + strings.Repeat("0", 64-len(begin)))
	if err != nil {
		return nil, errSearch.With(err)
	}
	var found *draw.Digest
	for _, pool := range x.pools {
		at, _ := pool.entries.Search(low)
		for i := at; i < pool.entries.Len() && i < at+2; i++ {
			entry := pool.entries.At(i)
			if !strings.HasPrefix(entry.String(), begin) {
				break
			}
			if found != nil {
				return nil, errSearch
			}
			found = &entry
		}
	}
	return found, nil
}

// winnerTable shows awards by entry, which says nothing of the person.
func winnerTable(rows []awardRow, book *campaign.RuleBook, locale string) web.Table {
	tr := translator(locale)
	table := web.Table{Caption: tr("中签与候补", "Winners and waitlist"), Columns: []web.Column{{Title: tr("奖项", "Prize")}, {Title: tr("范围", "Of")}, {Title: tr("名次", "Place"), Number: true},
		{Title: tr("抽签编号", "Entry")}, {Title: tr("金额（元）", "Yuan"), Number: true}, {Title: tr("现在", "Now")}},
		Empty: web.Empty{Title: tr("没有更多了", "There are no more")}}
	for _, row := range rows {
		r := Result{}
		r.setAward(row)
		prize, amount := tr("候补", "Waitlist"), web.Text("")
		if tier, ok := book.Tier(row.Tier); ok {
			prize, amount = tier.Title.In(locale), web.Money(money.Fen(row.AmountFen))
		}
		scope := tr("全部签池", "All pools")
		if row.Scope != draw.AllPools {
			scope = groupName(book, ByPool, row.Scope, tr, locale)
		}
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Text(prize), web.Text(scope), web.Number(row.Place), web.Digest(row.Entry[:]), amount, web.Text(outcomeName(r.Outcome, tr))}})
	}
	return table
}

func (s *Service) namesPage(ctx context.Context, slug, from, locale string) (*nameList, error) {
	d, c, _, err := s.publishedDraw(ctx, slug)
	if err != nil {
		return nil, err
	}
	begin, err := whole(from)
	if err != nil {
		return nil, err
	}
	db, tr := s.DB.Read(ctx), translator(locale)
	chain, err := s.chainOf(ctx, d)
	if err != nil {
		return nil, err
	}
	page := &nameList{Slug: slug, Name: c.Name(locale), Label: chain.Label(), Made: d.NamesAt > 0}
	if page.Total, _, err = awardCounts(db, d.ID); err != nil {
		return nil, err
	}
	lines, err := namesPage(db, d.ID, int(begin), rowsAPage)
	if err != nil {
		return nil, err
	}
	page.Table = web.Table{Caption: tr("中签公告", "Winners' notice"), Columns: []web.Column{{Title: tr("姓名", "Name")}, {Title: tr("证件号码末两位", "Document ends in")}, {Title: tr("人数", "People"), Number: true}},
		Empty: web.Empty{Title: tr("没有更多了", "There are no more")}}
	for _, line := range lines {
		page.Table.Rows = append(page.Table.Rows, nameRow(line, tr))
	}
	if len(lines) == rowsAPage {
		page.Table.Next = "/draws/" + url.PathEscape(slug) + "/names?from=" + strconv.FormatInt(begin+rowsAPage, 10)
	}
	return page, nil
}

func nameRow(line maskedNames, tr translate) web.Row {
	name, tail := web.Text(line.Name), web.Text(line.Tail)
	if line.Name == "" {
		name = web.Cell{Text: tr("同样的不足五人，不单列", "Fewer than five alike: not listed"), Kind: "muted"}
	}
	if line.Tail == "" {
		tail = web.Cell{Text: tr("不列", "Not shown"), Kind: "muted"}
	}
	return web.Row{Cells: []web.Cell{name, tail, web.Number(line.People)}}
}
