package audit

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"hongbao/internal/database"
	"hongbao/internal/testkit"
)

// A rewritten chain that is sound in itself still contradicts an anchor that somebody kept.
func TestAnchorExposesARewrittenChain(t *testing.T) {
	private, public, err := note.GenerateKey(rand.Reader, "log.example/audit")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		publish := func(want bool) {
			t.Helper()
			if made, err := PublishAnchor(t.Context(), db, signer, public, noon); made != want || err != nil {
				t.Fatalf("published %v, %v", made, err)
			}
		}
		publish(false) // an empty chain
		record(t, db, Entry{At: noon, Actor: "a", Action: "one"}, Entry{At: noon, Actor: "a", Action: "two"})
		publish(true)
		publish(false)
		record(t, db, Entry{At: noon, Actor: "a", Action: "three"})
		publish(true)
		if n, err := VerifyAnchors(t.Context(), db); n != 2 || err != nil {
			t.Fatalf("%d %v", n, err)
		}
		kept, err := Published(t.Context(), db, 1)
		if err != nil || len(kept) != 1 {
			t.Fatalf("%v %v", kept, err)
		}
		a, err := OpenAnchor([]byte(kept[0].Note), verifier)
		if err != nil || a.Seq != 3 {
			t.Fatalf("%+v %v", a, err)
		}
		if _, err := OpenAnchor([]byte(strings.Replace(kept[0].Note, "\n3\n", "\n4\n", 1)), verifier); err == nil {
			t.Error("a changed note opens")
		}
		// Everything is thrown away and written anew, anchors included, by somebody who has the database and not the key.
		for _, statement := range []string{"DROP TRIGGER audit_entries_no_delete", "DROP TRIGGER audit_anchors_no_delete", "DELETE FROM audit_entries",
			"DELETE FROM audit_anchors"} {
			if _, err := db.SQL().Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.SQL().Exec("UPDATE audit_head SET seq = 0, hash = ? WHERE id = 1", make([]byte, 32)); err != nil {
			t.Fatal(err)
		}
		for _, action := range []string{"one", "another", "three"} {
			record(t, db, Entry{At: noon, Actor: "a", Action: action})
		}
		if n, err := Verify(t.Context(), db); n != 3 || err != nil {
			t.Fatalf("the rewritten chain is not sound in itself: %d %v", n, err)
		}
		if err := Holds(t.Context(), db, a); !errors.Is(err, ErrBroken) {
			t.Errorf("the kept anchor holds: %v", err)
		}
	})
}

func FuzzParseAnchor(f *testing.F) {
	f.Add(Anchor{Seq: 7, At: noon}.Text())
	f.Add(anchorHeader + "\n+7\n" + strings.Repeat("0", 64) + "\n2020-12-05T04:00:00Z\n")
	f.Fuzz(func(t *testing.T, text string) {
		if a, err := ParseAnchor(text); err == nil && a.Text() != text {
			t.Errorf("%q is read as %q", text, a.Text())
		}
	})
}
