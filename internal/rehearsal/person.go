package rehearsal

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Person is a synthetic citizen. Names, numbers and phones are made up from the seed; a number follows GB 11643 and so passes every
// check of form, but belongs to nobody on purpose.
type Person struct {
	Name     string
	Kind     string // resident, hmt or foreign
	Document string
	Phone    string
	District string
	Operator string
	Device   string
	Address  string // the network address the person comes from
	Case     Case
}

// Case says what is odd about a person's registration.
type Case string

const (
	Ordinary          Case = "ordinary"
	DuplicateDocument Case = "duplicate-document" // another phone, a document already used
	DuplicatePhone    Case = "duplicate-phone"    // another document, a phone already used
	BadDocument       Case = "bad-document"       // a wrong check digit
	Ineligible        Case = "ineligible"         // no evidence for the city
	Minor             Case = "minor"
	Permit            Case = "residence-permit" // Hong Kong, Macau or Taiwan residence permit
	ForeignCard       Case = "foreign-card"     // foreign permanent resident card
)

// shares are per thousand; what is left is ordinary.
var shares = []struct {
	kind  Case
	share int
}{{DuplicateDocument, 15}, {DuplicatePhone, 10}, {BadDocument, 15}, {Ineligible, 25}, {Minor, 5}, {Permit, 6}, {ForeignCard, 4}}

// Crowd makes people from a seed: the same seed, operators and districts give the same people in the same order.
type Crowd struct {
	random    *rand.Rand
	today     time.Time
	operators []string
	districts []string
	taken     map[string]bool
	earlier   []Person // ordinary people, whom duplicates copy
}

// NewCrowd starts a crowd whose ages are counted on the day today.
func NewCrowd(seed uint64, today time.Time, operators, districts []string) *Crowd {
	return &Crowd{random: rand.New(rand.NewPCG(seed, 0x686f6e67)), today: today, operators: operators, districts: districts, taken: make(map[string]bool)}
}

// People returns the next n.
func (c *Crowd) People(n int) []Person {
	people := make([]Person, n)
	for i := range people {
		people[i] = c.person(i)
		if people[i].Case == Ordinary {
			c.earlier = append(c.earlier, people[i])
		}
	}
	return people
}

func (c *Crowd) person(i int) Person {
	p := Person{
		Name: c.name(), Kind: "resident", Phone: c.phone(), District: c.pick(c.districts), Operator: c.operators[i%len(c.operators)],
		Device: fmt.Sprintf("device-%012x", c.random.Uint64()>>16), Address: fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255), Case: c.draw(),
	}
	p.Document = c.unique(func() string { return c.number(c.pick(areas), c.adultBirth()) })
	switch p.Case {
	case DuplicateDocument:
		p.Document = c.somebody().Document
	case DuplicatePhone:
		p.Phone = c.somebody().Phone
	case BadDocument:
		p.Document = wrongCheck(p.Document)
	case Minor:
		p.Document = c.unique(func() string { return c.number(c.pick(areas), c.today.AddDate(-14, 0, -c.random.IntN(300))) })
	case Permit:
		p.Kind = "hmt"
		p.Document = c.unique(func() string { return c.number(c.pick([]string{"810000", "820000", "830000"}), c.adultBirth()) })
	case ForeignCard:
		p.Kind = "foreign"
		p.Document = c.unique(func() string { return c.number("932840", c.adultBirth()) })
	}
	return p
}

// draw picks a case by the shares; duplicates need somebody to copy.
func (c *Crowd) draw() Case {
	at := c.random.IntN(1000)
	for _, s := range shares {
		if at < s.share {
			if (s.kind == DuplicateDocument || s.kind == DuplicatePhone) && len(c.earlier) == 0 {
				return Ordinary
			}
			return s.kind
		}
		at -= s.share
	}
	return Ordinary
}

func (c *Crowd) somebody() Person { return c.earlier[c.random.IntN(len(c.earlier))] }

func (c *Crowd) pick(list []string) string { return list[c.random.IntN(len(list))] }

func (c *Crowd) unique(make func() string) string {
	for {
		if s := make(); !c.taken[s] {
			c.taken[s] = true
			return s
		}
	}
}

func (c *Crowd) name() string {
	name := c.pick(surnames) + c.pick(given)
	if c.random.IntN(3) > 0 {
		name += c.pick(given)
	}
	return name
}

func (c *Crowd) phone() string {
	return c.unique(func() string { return c.pick(prefixes) + fmt.Sprintf("%08d", c.random.IntN(100_000_000)) })
}

func (c *Crowd) adultBirth() time.Time {
	return c.today.AddDate(-19-c.random.IntN(55), 0, -c.random.IntN(365))
}

// number makes an 18-character number: area, birth date, order and the check character of GB 11643 (ISO 7064 MOD 11-2).
func (c *Crowd) number(area string, birth time.Time) string {
	body := area + birth.Format("20060102") + fmt.Sprintf("%03d", 1+c.random.IntN(999))
	return body + checkCharacter(body)
}

func checkCharacter(body string) string {
	weights := [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}
	sum := 0
	for i, w := range weights {
		sum += int(body[i]-'0') * w
	}
	return string("10X98765432"[sum%11])
}

func wrongCheck(number string) string {
	right := number[17:]
	if right == "X" {
		return number[:17] + "0"
	}
	return number[:17] + string('0'+(right[0]-'0'+1)%10)
}

var (
	surnames = strings.Split("王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程苏魏吕丁沈任姚卢傅钟姜崔谭陆汪范金石廖贾夏韦付方邹熊白孟秦邱侯江尹薛", "")
	given    = strings.Split("伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀英霞平刚桂华玉兰红梅建国志文斌宇浩鑫婷雪琳晨欣怡子涵梓轩思雨佳慧俊峰嘉乐晓东海燕春生", "")
	prefixes = []string{"134", "135", "136", "137", "138", "139", "150", "151", "152", "157", "158", "159", "130", "131", "132", "155", "156", "185", "186", "133", "153", "180", "181", "189"}
	areas    = []string{"320502", "320505", "320506", "320507", "320508", "320509", "320581", "320582", "320583", "320585", "310101", "330106", "340103", "410105", "420106", "440303", "510104", "500103"}
)
