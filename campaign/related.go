package campaign

import (
	"context"
	"io"

	"gorm.io/gorm"
)

// Related is what is known of the people whom a city named as related to the organisers. Of the people themselves only keyed indexes
// are kept; nobody is told who is on the list.
type Related struct {
	RelatedCount
	Registrations map[int64]bool // ids of registrations made with one of their documents, whatever became of them
}

// RelatedCount is how long such a list is.
type RelatedCount struct {
	Filed int64 // people on the list
	Late  int64 // of these, those named when the list of entries was frozen already
}

// FileRelated reads a list of people related to the organisers: CSV or XLSX with a column document (number), and document_kind where
// they are not all of one sort. Source says who named them. It may be filed at any time while the campaign's key exists, and in parts;
// nobody is taken off again, and the public figures say how many were named after the freeze. Lines with a mistake are left out.
func (s *Service) FileRelated(ctx context.Context, actor, slug, source string, file io.Reader) (Import, error) {
	if !shortText(source, 1, 100) {
		return Import{}, errSource
	}
	c, err := s.BySlug(ctx, slug)
	if err != nil {
		return Import{}, err
	}
	result, err := s.importDocuments(ctx, c.ID, file, func(map[string]string) (string, error) { return "", nil },
		func(tx *gorm.DB, people []proof) (int64, error) {
			return insertRelated(tx, c.ID, source, s.Now(), people)
		})
	if err != nil {
		return result, err
	}
	return result, s.recordImport(ctx, actor, "related.file", c.Slug, map[string]any{"source": source}, result)
}

// ReadRelated gives a campaign's related people as they stand in the caller's snapshot.
func ReadRelated(tx *gorm.DB, campaignID int64) (Related, error) {
	count, err := CountRelated(tx, campaignID)
	if err != nil || count.Filed == 0 {
		return Related{}, err
	}
	ids, err := relatedRegistrations(tx, campaignID)
	found := Related{RelatedCount: count, Registrations: make(map[int64]bool, len(ids))}
	for _, id := range ids {
		found.Registrations[id] = true
	}
	return found, err
}
