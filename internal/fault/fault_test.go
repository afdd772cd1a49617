package fault

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"
)

var errClosed = New(Conflict, "campaign-closed", "报名已截止。", "Registration has closed.")

func TestCauseStaysReachable(t *testing.T) {
	err := fmt.Errorf("registering: %w", errClosed.With(io.ErrUnexpectedEOF))
	if !errors.Is(err, errClosed) || !errors.Is(err, io.ErrUnexpectedEOF) || KindOf(err) != Conflict {
		t.Errorf("lost on the way: %v", err)
	}
	if errClosed.Err != nil {
		t.Error("With changed the package variable")
	}
	if found, ok := As(err); !ok || found.ZH != errClosed.ZH {
		t.Errorf("As gave %v, %v", found, ok)
	}
}

func TestKindAndIdentity(t *testing.T) {
	if KindOf(io.EOF) != Internal {
		t.Error("an unknown error must be internal")
	}
	name := Field("name", "required", "请填写姓名。", "A name is required.")
	if errors.Is(name, Field("phone", "required", "", "")) || !errors.Is(name, Field("name", "required", "", "")) {
		t.Error("identity must include the field")
	}
	if name.Kind != Invalid || name.Error() != "name: required: A name is required." {
		t.Errorf("%v %q", name.Kind, name.Error())
	}
	if later := errClosed.After(time.Minute); later.RetryAfter != time.Minute || errClosed.RetryAfter != 0 {
		t.Error("After must leave the original alone")
	}
}
