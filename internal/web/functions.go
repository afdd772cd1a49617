package web

import (
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"hongbao/internal/money"

	"github.com/boombuler/barcode/qr"
)

// shanghai is the zone of every time on a page.
var shanghai = time.FixedZone("CST", 8*3600)

var errDict = errors.New("web: dict wants pairs of a string and a value")

// functions are what templates may call; tr, chip and the dates depend on the language.
func functions(locale string, p *Pages) template.FuncMap {
	tr := func(zh, en string) string {
		if locale == "en" {
			return en
		}
		return zh
	}
	return template.FuncMap{
		"tr": tr, "locale": func() string { return locale }, "asset": p.AssetURL,
		"yuan": Yuan, "amount": Amount, "count": Count, "share": Share,
		"date": Date, "day": Day, "clock": Clock, "iso": ISO, "start": func(t any) string { return start(locale, t) }, "deadline": func(t any) string { return deadline(locale, t) },
		"hash": HashText, "short": Short,
		"dict": dict, "list": func(items ...any) []any { return items }, "seq": seq, "add": func(a, b int) int { return a + b },
		"status": func(code string) Status { return StatusOf(locale, code) },
		"ring":   ring, "bar": bar, "qr": qrImage,
	}
}

// Yuan gives an amount in yuan as people read it: "200", "0.50", "20,000,000". It takes money.Fen or int64 fen.
func Yuan(fen any) string { return strings.TrimSuffix(Amount(fen), ".00") }

// Amount gives an amount in yuan with two decimals and grouped thousands, for columns: "20,000.00".
func Amount(fen any) string {
	text := money.Fen(toInt(fen)).String()
	whole, cents, _ := strings.Cut(text, ".")
	return group(whole) + "." + cents
}

// Count gives a whole number with grouped thousands.
func Count(n any) string { return group(strconv.FormatInt(toInt(n), 10)) }

// Share gives part of whole in per cent with one decimal, or a dash when the whole is nothing.
func Share(part, whole any) string {
	if toInt(whole) == 0 {
		return "–"
	}
	return strconv.FormatFloat(float64(toInt(part))*100/float64(toInt(whole)), 'f', 1, 64) + "%"
}

func group(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

func toInt(n any) int64 {
	switch n := n.(type) {
	case money.Fen:
		return int64(n)
	case int64:
		return n
	case int:
		return int64(n)
	case uint64:
		return int64(n)
	case int32:
		return int64(n)
	case uint32:
		return int64(n)
	}
	panic(fmt.Sprintf("web: %T is not a whole number", n))
}

// timed is what database.Millis offers: a time in UTC, zero for never.
type timed interface{ Time() time.Time }

func toTime(t any) time.Time {
	switch t := t.(type) {
	case time.Time:
		return t
	case timed:
		return t.Time()
	}
	panic(fmt.Sprintf("web: %T is not a time", t))
}

// Date gives a time in Asia/Shanghai as "2020-12-11 20:00:05", or a dash for never.
func Date(t any) string { return shown(t, "2006-01-02 15:04:05") }

// Clock gives a time in Asia/Shanghai to the minute, as "2020-12-11 20:00", or a dash for never.
func Clock(t any) string { return shown(t, "2006-01-02 15:04") }

// Day gives the day in Asia/Shanghai, as "2020-12-11", or a dash for never.
func Day(t any) string { return shown(t, "2006-01-02") }

// ISO gives a time as RFC 3339 in UTC, for the datetime attribute.
func ISO(t any) string { return toTime(t).UTC().Format(time.RFC3339) }

func shown(t any, layout string) string {
	at := toTime(t)
	if at.IsZero() {
		return "–"
	}
	return at.In(shanghai).Format(layout)
}

// start says in words when something begins.
func start(locale string, t any) string {
	at := toTime(t).In(shanghai)
	if locale == "en" {
		return at.Format("2 Jan 15:04")
	}
	return at.Format("1 月 2 日 15:04")
}

// deadline says a time limit in words; midnight is the end of the day before, as notices in China write it.
func deadline(locale string, t any) string {
	at := toTime(t).In(shanghai)
	midnight := at.Hour() == 0 && at.Minute() == 0
	if locale == "en" {
		return at.Format("2 Jan 15:04")
	}
	if midnight {
		return at.Add(-time.Minute).Format("1 月 2 日 ") + "24:00"
	}
	return at.Format("1 月 2 日 15:04")
}

// HashText gives a digest as lower-case hex. It takes bytes or hex text.
func HashText(digest any) string {
	switch digest := digest.(type) {
	case []byte:
		return hex.EncodeToString(digest)
	case [32]byte:
		return hex.EncodeToString(digest[:])
	case string:
		return digest
	}
	panic(fmt.Sprintf("web: %T is not a digest", digest))
}

// Short gives the first and last six characters of a digest or a long token.
func Short(digest any) string {
	text := HashText(digest)
	if len(text) <= 14 {
		return text
	}
	return text[:6] + "…" + text[len(text)-6:]
}

func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, errDict
	}
	made := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		key, ok := pairs[i].(string)
		if !ok {
			return nil, errDict
		}
		made[key] = pairs[i+1]
	}
	return made, nil
}

func seq(n int) []int {
	made := make([]int, n)
	for i := range made {
		made[i] = i + 1
	}
	return made
}

// bar is the length of part in whole on a scale of 100, for SVG drawings.
func bar(part, whole any) string {
	if toInt(whole) <= 0 {
		return "0"
	}
	length := float64(toInt(part)) * 100 / float64(toInt(whole))
	return strconv.FormatFloat(min(max(length, 0), 100), 'f', 2, 64)
}

// ring is the dash pattern that draws part of whole on a circle whose pathLength is 100.
func ring(part, whole any) string { return bar(part, whole) + " 100" }

// qrImage draws a QR code (level M, quiet zone of four modules) as SVG, so that it prints sharply and needs no image.
func qrImage(text string) (template.HTML, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return "", fmt.Errorf("web: QR code: %w", err)
	}
	size := code.Bounds().Dx()
	var path strings.Builder
	for y := range size {
		for x := range size {
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+4, y+4)
			}
		}
	}
	return template.HTML(fmt.Sprintf(`<svg class="qr" viewBox="0 0 %[1]d %[1]d" role="img" aria-label="QR"><path class="qr-paper" d="M0 0h%[1]dv%[1]dH0z"/><path class="qr-ink" d="%[2]s"/></svg>`,
		size+8, path.String())), nil
}
