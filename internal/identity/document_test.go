package identity

import (
	"errors"
	"testing"
	"time"
)

// numbered completes 17 digits with their check character.
func numbered(digits string) string {
	for _, check := range "0123456789X" {
		if number := digits + string(check); checked(number) {
			return number
		}
	}
	return ""
}

func TestParseDocument(t *testing.T) {
	newCard, otherCard := numbered("91112419800229001"), numbered("93108419900101001")
	for _, c := range []struct {
		name, number string
		kind         Kind
		want         Document
		birth        string
		err          error
	}{
		{"the standard's example", "11010519491231002X", "", Document{Resident, "11010519491231002X", ""}, "1949-12-31", nil},
		{"the standard's other example", "440524188001010014", Resident, Document{Resident, "440524188001010014", ""}, "1880-01-01", nil},
		{"as people type it", " 110105 19491231002x ", "", Document{Resident, "11010519491231002X", ""}, "1949-12-31", nil},
		{"full width", "１１０１０５１９４９１２３１００２Ｘ", "", Document{Resident, "11010519491231002X", ""}, "1949-12-31", nil},
		{"Hong Kong permit", numbered("81000019900101001"), "", Document{HMT, numbered("81000019900101001"), ""}, "1990-01-01", nil},
		{"Macau permit", numbered("82000019900101001"), HMT, Document{HMT, numbered("82000019900101001"), ""}, "1990-01-01", nil},
		{"Taiwan permit", numbered("83000020000229003"), HMT, Document{HMT, numbered("83000020000229003"), ""}, "2000-02-29", nil},
		{"new foreign card", newCard, Foreign, Document{Foreign, newCard, ""}, "1980-02-29", nil},
		{"new card that prints the old number", newCard + "/can110178010112", "", Document{Foreign, newCard, "CAN110178010112"}, "1980-02-29", nil},
		{"old foreign card", "can110178010112", "", Document{Foreign, "CAN110178010112", "CAN110178010112"}, "", nil},
		{"wrong check character", "110105194912310021", "", Document{}, "", ErrDocument},
		{"two digits swapped", "11010519491213002X", "", Document{}, "", ErrDocument},
		{"no such day", numbered("11010519490230002"), "", Document{}, "", ErrDocument},
		{"no such area", numbered("99010519491231002")[:1] + "x", "", Document{}, "", ErrDocument},
		{"an area outside GB/T 2260", numbered("16010519491231002"), "", Document{}, "", ErrDocument},
		{"a permit's area must be exact", numbered("81010019900101001"), "", Document{}, "", ErrDocument},
		{"first-generation number", "110105491231002", "", Document{}, "", ErrDocument},
		{"letters inside", "1101051949123A002X", "", Document{}, "", ErrDocument},
		{"nothing", "", "", Document{}, "", ErrDocument},
		{"kind differs", "11010519491231002X", HMT, Document{}, "", ErrDocumentKind},
		{"unknown kind", "11010519491231002X", "passport", Document{}, "", ErrDocumentKind},
		{"a resident card prints no old number", "11010519491231002X/CAN110178010112", "", Document{}, "", ErrLinked},
		{"old number malformed", otherCard + "/CAN11017801011", "", Document{}, "", ErrLinked},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseDocument(c.kind, c.number)
			if !errors.Is(err, c.err) || got != c.want {
				t.Fatalf("ParseDocument(%q, %q) = %+v, %v; want %+v, %v", c.kind, c.number, got, err, c.want, c.err)
			}
			birth := ""
			if b := got.Birth(); !b.IsZero() {
				birth = b.Format(time.DateOnly)
			}
			if birth != c.birth {
				t.Errorf("born %q, want %q", birth, c.birth)
			}
		})
	}
}

func TestAgeCountsBirthdays(t *testing.T) {
	d, err := ParseDocument("", numbered("11010520020301002"))
	if err != nil {
		t.Fatal(err)
	}
	beijing := time.FixedZone("CST", 8*3600)
	for at, want := range map[time.Time]int{
		time.Date(2020, 2, 29, 23, 59, 0, 0, beijing): 17,
		time.Date(2020, 3, 1, 0, 0, 0, 0, beijing):    18, // still 29 February in UTC
		time.Date(2020, 12, 31, 0, 0, 0, 0, beijing):  18,
	} {
		if got := d.Age(at); got != want {
			t.Errorf("%v: %d, want %d", at, got, want)
		}
	}
	if old, _ := ParseDocument("", "CAN110178010112"); old.Age(time.Now()) != -1 {
		t.Error("an old card tells no age")
	}
}

func TestParsePhone(t *testing.T) {
	for text, want := range map[string]string{
		"13812345678": "13812345678", "+86 138-1234-5678": "13812345678", "008613812345678": "13812345678",
		"１３８１２３４５６７８": "13812345678", " 199 0000 0000 ": "19900000000",
	} {
		if got, err := ParsePhone(text); got != want || err != nil {
			t.Errorf("ParsePhone(%q) = %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "12812345678", "1381234567", "138123456789", "+85291234567", "1381234567a", "13812345678;"} {
		if got, err := ParsePhone(text); !errors.Is(err, ErrPhone) {
			t.Errorf("ParsePhone(%q) = %q, %v", text, got, err)
		}
	}
	if !VirtualOperator("17012345678") || VirtualOperator("13812345678") {
		t.Error("virtual operators are told by prefix")
	}
}

func TestMasks(t *testing.T) {
	for got, want := range map[string]string{
		MaskName("张"): "张*", MaskName("张三"): "张*", MaskName("欧阳修远"): "欧**", MaskName(""): "",
		NoticeName("张"): "张**", NoticeName("欧阳修远"): "欧**", NoticeName(""): "**", NoticeTail("11010519491231002X"): "2X", NoticeTail("X"): "X",
		MaskID("11010519491231002X"): "110*************2X", MaskID("123"): "***",
		MaskPhone("13812345678"): "138****5678", MaskPhone("1381234567"): "**********",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
