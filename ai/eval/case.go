package eval

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// A Case is one thing to be answered, with the answer that is wanted.
type Case[In, Want any] struct {
	// ID is unique in its suite: 1 to 200 bytes of UTF-8 without control
	// characters.
	ID string `json:"id"`

	// Tags name slices of the suite that are reported by themselves, such as "de" or
	// "injection".
	Tags []string `json:"tags,omitempty"`

	// Input is what a contestant is given, Want what graders compare its answer
	// with. Both must survive encoding/json.
	Input In   `json:"input"`
	Want  Want `json:"want"`
}

// ErrInvalidCase is the class of errors about cases. Details are in [*CaseError].
var ErrInvalidCase = errors.New("eval: invalid case")

// A CaseError says what is wrong with a file of cases. It matches
// [ErrInvalidCase]. Neither it nor its text quotes the file.
type CaseError struct {
	// File as it was named, and line in it, from 1; zero for the file as a whole.
	File string
	Line int

	// Detail says what is wrong.
	Detail string

	// Err is the cause if [errors.Is] and [errors.As] should see it. Its text is not
	// part of this error's, since decoders quote.
	Err error
}

// Error names file and line.
func (e *CaseError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%v: %s: %s", ErrInvalidCase, e.File, e.Detail)
	}
	return fmt.Sprintf("%v: %s:%d: %s", ErrInvalidCase, e.File, e.Line, e.Detail)
}

// Is reports whether target is [ErrInvalidCase].
func (e *CaseError) Is(target error) bool { return target == ErrInvalidCase }

// Unwrap returns Err.
func (e *CaseError) Unwrap() error { return e.Err }

const (
	maxName = 200 // bytes of IDs, tags, and names of contestants and graders
	maxTags = 64
)

// name says what is wrong with a name, or "".
func nameProblem(s string) string {
	switch {
	case s == "":
		return "empty"
	case len(s) > maxName:
		return fmt.Sprintf("longer than %d bytes", maxName)
	case !utf8.ValidString(s):
		return "not UTF-8"
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return "with a control character"
		}
	}
	return ""
}

// problem says what is wrong with the case, or "".
func (c *Case[In, Want]) problem() string {
	if p := nameProblem(c.ID); p != "" {
		return "the id is " + p
	}
	if len(c.Tags) > maxTags {
		return fmt.Sprintf("more than %d tags", maxTags)
	}
	seen := map[string]bool{}
	for _, t := range c.Tags {
		if p := nameProblem(t); p != "" {
			return "a tag is " + p
		}
		if seen[t] {
			return "a tag is there twice"
		}
		seen[t] = true
	}
	return ""
}

// digest names what an answer depends on: the input, and for a grade the wanted
// answer as well.
func digest(values ...any) (string, error) {
	h := sha256.New()
	enc := json.NewEncoder(h)
	for _, v := range values {
		if err := enc.Encode(v); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}
