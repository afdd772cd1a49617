package reporting

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"gorm.io/gorm"

	"hongbao/internal/audit"
)

// The access log has every kind of access, with who was shown, and nothing that is none.
func TestAccessLogHasEveryAccess(t *testing.T) {
	withOffice(t, func(o *office) {
		ctx := context.Background()
		record := func(action, shown string) {
			must(o.t, o.DB.InTx(ctx, func(tx *gorm.DB) error {
				return audit.Record(tx, audit.Entry{At: o.clock.Now(), Actor: "curious", Action: action, Detail: map[string]any{"shown": shown}})
			}))
		}
		for _, action := range audit.Accesses {
			record(action, "17-19,"+action)
		}
		for _, action := range []string{"batch.prepare", "approval.approved", "report.cancel", "merchant.view"} {
			record(action, "nobody")
		}
		var file bytes.Buffer
		_, err := o.Make(ctx, "access", o.id, CSV, "R", "auditor", &file)
		must(o.t, err)
		for _, action := range audit.Accesses {
			if !strings.Contains(file.String(), "17-19,"+action) {
				o.t.Errorf("%s is not in the access log", action)
			}
		}
		if strings.Contains(file.String(), "nobody") {
			o.t.Error("an act that shows nobody's data is in the access log")
		}
	})
}
