package identity

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// FuzzDocument: a number that is taken is a document of one kind, born on a day, and reads the same when it is written plainly.
func FuzzDocument(f *testing.F) {
	for _, number := range []string{"11010519491231002X", " 1101 0519 4912 3100 2x", "１１０１０５１９４９１２３１００２Ｘ", "810000199408230021", "USA123456789012", "440524188001010014/ABC123456789012"} {
		f.Add("", number)
		f.Add("foreign", number)
	}
	f.Fuzz(func(t *testing.T, kind, number string) {
		d, err := ParseDocument(Kind(kind), number)
		if err != nil {
			if d != (Document{}) {
				t.Errorf("%q is refused, and gives %+v", number, d)
			}
			return
		}
		plain := d.Number
		if d.Linked != "" && d.Linked != d.Number {
			plain += "/" + d.Linked
		}
		if again, err := ParseDocument(d.Kind, plain); err != nil || again != d {
			t.Errorf("%q is %+v, written plainly %+v, %v", number, d, again, err)
		}
		if d.Kind != Resident && d.Kind != HMT && d.Kind != Foreign || len(d.Number) == 18 && d.Birth().IsZero() || d.Age(time.Now()) < -1000 {
			t.Errorf("%q is %+v", number, d)
		}
	})
}

// FuzzPhone: what is taken is 11 digits that read as themselves.
func FuzzPhone(f *testing.F) {
	for _, text := range []string{"13800138000", "+86 138-0013-8000", "0086１３８００１３８０００", "12800138000", "+8613800138000\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		phone, err := ParsePhone(text)
		if err != nil {
			return
		}
		if again, err := ParsePhone(phone); again != phone || err != nil || len(phone) != 11 || strings.Trim(phone, "0123456789") != "" {
			t.Errorf("%q is %q, and that is %q, %v", text, phone, again, err)
		}
	})
}

// FuzzKeeperCall: what the keeper reads is answered with one tag for each document, or refused without a word of it.
func FuzzKeeperCall(f *testing.F) {
	f.Add([]byte(`{"draw":"suzhou-2020","hash":"sm3","documents":[{"kind":"resident","number":"11010519491231002X"}]}`))
	f.Add([]byte(`{"draw":"","hash":"md5","documents":[null]}`))
	s := &KeeperServer{Keeper: &FileKeeper{Secret: bytes.Repeat([]byte{3}, 32)}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	f.Fuzz(func(t *testing.T, plain []byte) {
		answer, err := s.answer(t.Context(), plain)
		if err != nil {
			return
		}
		var call keeperRequest
		if err := json.Unmarshal(plain, &call); err != nil {
			t.Fatalf("%q is answered", plain)
		}
		if _, err := readTags(answer, len(call.Documents)); err != nil {
			t.Errorf("%q is answered with %q: %v", plain, answer, err)
		}
	})
}

// FuzzKeeperAnswer: an answer is taken only if it is a tag of 64 hex digits for each document. Who has no key is not heard at all.
func FuzzKeeperAnswer(f *testing.F) {
	f.Add([]byte(`{"tags":["`+strings.Repeat("0a", 32)+`"]}`), 1)
	f.Add([]byte(`{"tags":["`+strings.Repeat("0a", 33)+`"]}`), 1)
	f.Add([]byte(`{"tags":["`+strings.Repeat("0", 63)+`"]}`), 1)
	f.Add([]byte(`{"tags":null}`), 0)
	made, err := NewKeeperChannel(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, answer []byte, n int) {
		if opened, err := made.vault.Open(answer, answerBinding([]byte("call"))); err == nil {
			t.Errorf("%q opens as %q", answer, opened)
		}
		tags, err := readTags(answer, n)
		if err != nil {
			return
		}
		var said struct{ Tags []string }
		if err := json.Unmarshal(answer, &said); err != nil || len(said.Tags) != len(tags) || len(tags) != n {
			t.Fatalf("%q gives %d tags for %d, %v", answer, len(tags), n, err)
		}
		for i, tag := range tags {
			if !strings.EqualFold(hex.EncodeToString(tag[:]), said.Tags[i]) {
				t.Errorf("%q is taken for %x", said.Tags[i], tag)
			}
		}
	})
}
