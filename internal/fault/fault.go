// Package fault is the one shape of an error that a person may see: a kind that decides the HTTP status, a stable code
// for programs, and a sentence in Chinese and English that is safe to show. The cause stays inside, for the log.
package fault

import (
	"errors"
	"time"
)

// Kind says what went wrong in general. Its value is the HTTP status (RFC 9110) with which it is answered.
type Kind int

// The kinds.
const (
	Invalid         Kind = 400
	Unauthenticated Kind = 401
	Forbidden       Kind = 403
	NotFound        Kind = 404
	Conflict        Kind = 409
	Gone            Kind = 410
	TooMany         Kind = 429
	Internal        Kind = 500
	Unavailable     Kind = 503
)

// Error is an error with a sentence that is safe to show. ZH and EN never hold identity data, SQL or addresses.
type Error struct {
	Kind       Kind
	Code       string        // kebab-case and stable: programs compare it
	Field      string        // the input field at fault, or ""
	Reference  string        // under which the person can come back to this refusal, or ""
	ZH, EN     string        // one sentence in each language
	RetryAfter time.Duration // when trying again makes sense, or 0
	Err        error         // the cause, for the log only
}

// New makes a fault. Faults made once as package variables are compared with errors.Is.
func New(kind Kind, code, zh, en string) *Error {
	return &Error{Kind: kind, Code: code, ZH: zh, EN: en}
}

// Field makes an Invalid fault about one input field.
func Field(field, code, zh, en string) *Error {
	return &Error{Kind: Invalid, Code: code, Field: field, ZH: zh, EN: en}
}

// With gives a copy of the fault that carries its cause.
func (e *Error) With(err error) *Error {
	caused := *e
	caused.Err = err
	return &caused
}

// After gives a copy of the fault that says when to try again.
func (e *Error) After(wait time.Duration) *Error {
	later := *e
	later.RetryAfter = wait
	return &later
}

// Under gives a copy of the fault with a reference.
func (e *Error) Under(reference string) *Error {
	known := *e
	known.Reference = reference
	return &known
}

// Error is the text for the log, with the cause.
func (e *Error) Error() string {
	text := e.Code + ": " + e.EN
	if e.Field != "" {
		text = e.Field + ": " + text
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is a fault with the same kind, code and field.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Kind == e.Kind && other.Code == e.Code && other.Field == e.Field
}

// As finds the outermost fault in the chain of err.
func As(err error) (*Error, bool) {
	var found *Error
	ok := errors.As(err, &found)
	return found, ok
}

// KindOf gives the kind of the outermost fault in the chain of err; every other error is Internal.
func KindOf(err error) Kind {
	if found, ok := As(err); ok {
		return found.Kind
	}
	return Internal
}
