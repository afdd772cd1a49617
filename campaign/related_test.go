package campaign

import (
	"context"
	"errors"
	"strings"
	"testing"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/testkit"
)

func TestRelatedPeopleAreFiledAndNeverTakenOff(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db), context.Background()
		c := w.open(suzhou(t, anyone...))
		const newCard, oldCard = "911124198108030024", "CHN110000000012"
		foreigner := person(c.Slug, 4)
		foreigner.Document = newCard + "/" + oldCard
		register := func(sub Submission) {
			if _, err := w.Register(ctx, sub); err != nil {
				t.Fatal(err)
			}
		}
		register(person(c.Slug, 1))
		register(person(c.Slug, 3))
		register(foreigner)
		file := func(list string) Import {
			result, err := w.FileRelated(ctx, "maker", c.Slug, "市商务局", strings.NewReader("document,document_kind\n"+list))
			if err != nil {
				t.Fatal(err)
			}
			return result
		}
		result := file(resident(1) + ",\n" + resident(2) + ",resident\n" + resident(1) + ",\n" + resident(5)[:17] + ",\n" + oldCard + ",foreign\n")
		if result.Imported != 3 || result.Lines != 5 || len(result.Rejected) != 1 || result.Rejected[0].Line != 5 {
			t.Errorf("filed %+v", result)
		}
		if _, err := w.FileRelated(ctx, "maker", c.Slug, "", strings.NewReader("document\n")); !errors.Is(err, errSource) {
			t.Errorf("a list from nobody: %v", err)
		}
		w.endRegistration(c)
		w.clock.Set(mustBook(t, w, c.ID).Windows.Freeze())
		if err := w.Freeze(ctx, c.ID); err != nil {
			t.Fatal(err)
		}
		file(resident(3) + ",\n" + resident(2) + ",\n")
		found, err := ReadRelated(db.Read(ctx), c.ID)
		if err != nil || found.Filed != 4 || found.Late != 1 || len(found.Registrations) != 3 {
			t.Errorf("%+v, %v", found, err)
		}
		for _, statement := range []string{"DELETE FROM related_people", "UPDATE related_people SET filed_at = 1"} {
			if _, err := db.SQL().Exec(statement); err == nil {
				t.Errorf("%s went through", statement)
			}
		}
		if _, err := w.FileRelated(ctx, "maker", "none", "市商务局", strings.NewReader("document\n")); fault.KindOf(err) != fault.NotFound {
			t.Errorf("no such campaign: %v", err)
		}
	})
}
