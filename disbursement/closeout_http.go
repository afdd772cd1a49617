package disbursement

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"hongbao/campaign"
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

// publishedCloseOut is a certificate for programs.
type publishedCloseOut struct {
	Document string   `json:"document"` // byte for byte as it was signed
	Digest   string   `json:"digest"`   // SHA-256 of the document, hex
	Note     string   `json:"note"`     // signed note over the digest
	Figures  CloseOut `json:"figures"`  // the document, read
}

// getCloseOut gives the certificate for programs: the document byte for byte as it was signed, its digest and the note.
func (s *Service) getCloseOut(c *gin.Context) error {
	issued, err := s.publicCloseOut(c)
	if err != nil {
		return err
	}
	figures, err := issued.Read()
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, publishedCloseOut{string(issued.Document), issued.Digest, issued.Note, figures})
	return nil
}

func (s *Service) publicCloseOut(c *gin.Context) (IssuedCloseOut, error) {
	found, err := s.Campaigns.BySlug(c.Request.Context(), c.Param("slug"))
	if err != nil {
		return IssuedCloseOut{}, err
	}
	return s.CloseOut(c.Request.Context(), found.ID)
}

// paidOutJSON says that all that was due to a payee is paid.
type paidOutJSON struct {
	Payee    string `json:"payee"`
	Evidence string `json:"evidence"`
}

func (s *Service) getPayees(c *gin.Context, of campaign.Campaign) error {
	due, err := s.PayeesDue(c.Request.Context(), of.ID)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, gin.H{"payees": due})
	return nil
}

func (s *Service) postPayout(c *gin.Context, of campaign.Campaign) error {
	var in paidOutJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	made, err := s.RequestPayout(c.Request.Context(), web.ActorOf(c).Username, of.ID, in.Payee, in.Evidence)
	if err != nil {
		return err
	}
	c.JSON(http.StatusAccepted, made)
	return nil
}

func (s *Service) getBlockers(c *gin.Context, of campaign.Campaign) error {
	open, err := s.Blockers(c.Request.Context(), of.ID)
	if err != nil {
		return err
	}
	if open == nil {
		open = []Blocker{}
	}
	c.JSON(http.StatusOK, gin.H{"blockers": open})
	return nil
}

func (s *Service) postCloseOut(c *gin.Context, of campaign.Campaign) error {
	approval, err := s.RequestCloseOut(c.Request.Context(), web.ActorOf(c).Username, of.ID)
	if err != nil {
		return err
	}
	c.JSON(http.StatusAccepted, gin.H{"approval_id": approval})
	return nil
}
