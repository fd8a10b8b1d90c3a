package audit

import (
	"errors"
	"fmt"
)

// What a caller may branch on with errors.Is.
var (
	// ErrInvalid: the entry breaks a rule of the schema. Nothing was written.
	// The error is a [*FieldError].
	ErrInvalid = errors.New("audit: invalid entry")

	// ErrConflict: another entry with the same ID is already in the log.
	// Nothing was written.
	ErrConflict = errors.New("audit: an entry with this ID and other content exists")

	// ErrUnavailable: the log takes no entries: an earlier write failed (then
	// until it is opened again), or the queue was full for the whole wait.
	// The entry was not written.
	ErrUnavailable = errors.New("audit: log unavailable")

	// ErrUncertain: the write of the entry failed or was not awaited, so the
	// entry may or may not be in the log. Append the same ID again, after
	// opening the log anew where it is unavailable, to settle it.
	ErrUncertain = errors.New("audit: entry may or may not be written")

	// ErrClosed: the log is closed.
	ErrClosed = errors.New("audit: log closed")

	// ErrNotFound: there is no such entry.
	ErrNotFound = errors.New("audit: no such entry")

	// ErrCorrupt: what is stored is not what was written. The error is a
	// [*CorruptError]. An error that matches ErrTruncated matches it too.
	ErrCorrupt = errors.New("audit: log corrupt")

	// ErrTruncated: entries that a checkpoint covers are missing at the end.
	ErrTruncated = errors.New("audit: log truncated")

	// ErrCheckpoint: a checkpoint is malformed, of another log, or not signed
	// by a known key.
	ErrCheckpoint = errors.New("audit: bad checkpoint")
)

// FieldError says which field of an entry breaks the schema, and how. It never
// repeats the field's content. It matches [ErrInvalid].
type FieldError struct {
	Field  string // name in the canonical JSON, such as "actor.id"; empty for the whole entry
	Reason string
}

func (e *FieldError) Error() string {
	if e.Field == "" {
		return "audit: invalid entry: " + e.Reason
	}
	return fmt.Sprintf("audit: invalid entry: %s: %s", e.Field, e.Reason)
}

// Is reports whether target is [ErrInvalid].
func (e *FieldError) Is(target error) bool { return target == ErrInvalid }

// CorruptError names the first place where a log is not what was written. It
// matches [ErrCorrupt] and, where entries are missing at the end,
// [ErrTruncated].
type CorruptError struct {
	// Index is the first entry that is damaged, missing, or no longer covered by
	// a good checkpoint. It is -1 where no entry is to blame, for instance when
	// the published checkpoint or the head of a file is damaged. How many
	// entries are proven all the same, [Report] says.
	Index int64 `json:"index"`

	// Reason says what is wrong, without the content of any entry.
	Reason string `json:"reason"`

	// Truncated is true where entries are missing at the end.
	Truncated bool `json:"truncated,omitempty"`
}

func (e *CorruptError) Error() string {
	what := "corrupt"
	if e.Truncated {
		what = "truncated"
	}
	if e.Index < 0 {
		return fmt.Sprintf("audit: log %s: %s", what, e.Reason)
	}
	return fmt.Sprintf("audit: log %s at entry %d: %s", what, e.Index, e.Reason)
}

// Is reports whether target is [ErrCorrupt], or [ErrTruncated] where that is
// the case.
func (e *CorruptError) Is(target error) bool {
	return target == ErrCorrupt || target == ErrTruncated && e.Truncated
}
