package disbursement

import (
	"encoding/json"
	"net/http"

	"github.com/gin-gonic/gin"

	"hongbao/internal/web"
)

// closeOutPage is what the public page of a certificate shows.
type closeOutPage struct {
	CloseOut
	Digest, Note, Address string
}

// closeOutAddress is the path of the public page of a campaign's certificate.
func closeOutAddress(slug string) string { return "/c/" + slug + "/close-out" }

func (s *Service) showCloseOut(c *gin.Context, w *web.Web) error {
	issued, err := s.publicCloseOut(c)
	if err != nil {
		return err
	}
	read, err := issued.Read()
	if err != nil {
		return err
	}
	return w.Render(c, http.StatusOK, "disbursement/closeout.html", closeOutPage{read, issued.Digest, issued.Note, s.PublicURL + closeOutAddress(read.Campaign)})
}

// getCloseOut gives the certificate for programs: the document byte for byte as it was signed, its digest and the note.
func (s *Service) getCloseOut(c *gin.Context) error {
	issued, err := s.publicCloseOut(c)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, gin.H{"document": string(issued.Document), "digest": issued.Digest, "note": issued.Note, "figures": json.RawMessage(issued.Document)})
	return nil
}

func (s *Service) publicCloseOut(c *gin.Context) (IssuedCloseOut, error) {
	found, err := s.Campaigns.BySlug(c.Request.Context(), c.Param("slug"))
	if err != nil {
		return IssuedCloseOut{}, err
	}
	return s.CloseOut(c.Request.Context(), found.ID)
}
