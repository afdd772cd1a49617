package reporting

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"hongbao/campaign"
	"hongbao/internal/identity"
	"hongbao/internal/money"
)

// Kind says how a column's stored value is read and shown. A value in hand is nil, string, int64 (counts; money in fen; moments
// and days in milliseconds since the epoch, UTC) or float64 (shares, numbers with decimals).
type Kind int

// Kinds of column. Moments and days are shown in Asia/Shanghai. Of the last three the query gives a registration's id, and the
// report shows what its owner is called, masked unless the report was released unmasked.
const (
	Text   Kind = iota
	Count       // whole number
	Money       // stored in fen, shown in yuan with two decimals
	Moment      // date and time, to the second
	Day         // date
	Share       // fraction of one, shown in percent
	Real        // number with decimals, shown with four
	Digest      // bytes, shown as lower-case hex
	Name
	Phone
	Document
)

var shanghai = time.FixedZone("Asia/Shanghai", 8*3600)

// longest is how many characters a cell of a workbook holds; text beyond it is cut in every format, so that all say the same.
const longest = 32767

// number reports whether the values are numbers to a spreadsheet, which stand at the right.
func (k Kind) number() bool { return k >= Count && k <= Real }

func (k Kind) personal() bool { return k == Name || k == Phone || k == Document }

// value reads a stored value as the column's kind. NULL, and a moment that is not yet, are nil.
func (k Kind) value(raw any) (any, error) {
	if raw == nil {
		return nil, nil
	}
	switch k {
	case Count, Money, Name, Phone, Document:
		return whole(raw)
	case Moment, Day:
		ms, err := whole(raw)
		if ms == int64(0) {
			return nil, err
		}
		return ms, err
	case Share, Real:
		return fraction(raw)
	case Digest:
		if b, ok := raw.([]byte); ok {
			return hex.EncodeToString(b), nil
		}
	}
	return clipped(textOf(raw)), nil
}

// whole reads an integer, which MySQL gives as text where it was summed.
func whole(raw any) (any, error) {
	switch raw := raw.(type) {
	case int64:
		return raw, nil
	case float64:
		return int64(raw), nil
	}
	n, err := strconv.ParseInt(textOf(raw), 10, 64)
	return n, err
}

func fraction(raw any) (any, error) {
	switch raw := raw.(type) {
	case int64:
		return float64(raw), nil
	case float64:
		return raw, nil
	}
	f, err := strconv.ParseFloat(textOf(raw), 64)
	return f, err
}

func textOf(raw any) string {
	switch raw := raw.(type) {
	case string:
		return raw
	case []byte:
		return string(raw)
	}
	return fmt.Sprint(raw)
}

func clipped(text string) string {
	if len(text) <= longest || utf8.RuneCountInString(text) <= longest {
		return text
	}
	return string([]rune(text)[:longest])
}

// appendText adds the value as it stands in CSV and in the digest: money in yuan, moments as RFC 3339.
func (k Kind) appendText(to []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return append(to, v...)
	case float64:
		return strconv.AppendFloat(to, v, 'g', -1, 64)
	case int64:
		switch k {
		case Money:
			return append(to, money.Fen(v).String()...)
		case Moment:
			return time.UnixMilli(v).In(shanghai).AppendFormat(to, time.RFC3339)
		case Day:
			return time.UnixMilli(v).In(shanghai).AppendFormat(to, time.DateOnly)
		}
		return strconv.AppendInt(to, v, 10)
	}
	return to
}

func (k Kind) text(v any) string { return string(k.appendText(nil, v)) }

// hidden stands for identity that is not shown at all.
const hidden = "***"

// identity is what a report shows of a person.
func (k Kind) identity(c campaign.Contact, known, unmasked bool) string {
	switch {
	case !known:
		return hidden
	case k == Name && unmasked:
		return c.Name
	case k == Name:
		return identity.MaskName(c.Name)
	case k == Phone && unmasked:
		return c.Phone
	case k == Phone:
		return identity.MaskPhone(c.Phone)
	case unmasked:
		return c.Document.Number
	default:
		return identity.MaskID(c.Document.Number)
	}
}
