package bulk

import (
	"errors"
	"fmt"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
)

// Errors to branch on with errors.Is, beside those of package shopify.
// [OperationError], [LineError], [OrphanError], [MissingError] and
// [StorageError] carry the details.
var (
	// ErrBusy: as many bulk operations run as the shop allows. It is returned
	// where waiting was not wanted, or not possible before the context's end.
	ErrBusy = errors.New("too many bulk operations")
	// ErrTimeout: Shopify gave the operation up because it took too long.
	ErrTimeout = errors.New("bulk operation timed out")
	// ErrCanceled: the operation was canceled.
	ErrCanceled = errors.New("bulk operation canceled")
	// ErrExpired: the operation did not end in time, or its results are no
	// longer there: they are kept for seven days.
	ErrExpired = errors.New("bulk operation expired")
	// ErrMalformed: a line of the results is not what it must be.
	ErrMalformed = errors.New("malformed line")
	// ErrNoPlace: a line is a child that no struct has a field for.
	ErrNoPlace = errors.New("no field for this child")
	// ErrOrphan: the results hold children whose parent they do not hold, whose
	// parent has no field for them, or that come after their parent was given out though the file was said to
	// be grouped.
	ErrOrphan = errors.New("children without a parent")
	// ErrMissing: rows of a bulk mutation have no result.
	ErrMissing = errors.New("rows without a result")
	// ErrTooLarge: a limit of [Options], or Shopify's on uploads, is exceeded.
	ErrTooLarge = errors.New("too large")
	// ErrChanged: the file changed while it was downloaded.
	ErrChanged = errors.New("the file changed while it was downloaded")
	// ErrUntrusted: an address is neither https nor the shop's own.
	ErrUntrusted = errors.New("address is not trusted")
	// ErrStorage: the storage host did not give or take the file.
	ErrStorage = errors.New("storage failed")
)

// OperationError says that a bulk operation did not complete. It matches
// [shopify.ErrAccessDenied], [shopify.ErrServer], [ErrTimeout], [ErrCanceled]
// or [ErrExpired].
// Source: https://shopify.dev/docs/api/admin-graphql/2026-10/enums/BulkOperationErrorCode
type OperationError struct {
	ID     shopify.GID
	Status admin.BulkOperationStatus
	// Code is empty unless the status is FAILED.
	Code admin.BulkOperationErrorCode
	// Partial tells that what was found until then can be read: see
	// [ReadOptions.Partial].
	Partial bool
	// Objects is how many objects had been processed.
	Objects uint64
}

// Error describes the failure.
func (e *OperationError) Error() string {
	s := fmt.Sprintf("bulk: operation %s: %s", e.ID, e.Status)
	if e.Code != "" {
		s += " (" + string(e.Code) + ")"
	}
	return fmt.Sprintf("%s after %d objects", s, e.Objects)
}

// Is joins the error with the sentinels.
func (e *OperationError) Is(target error) bool {
	switch target {
	case shopify.ErrAccessDenied:
		return e.Code == admin.BulkOperationErrorCodeAccessDenied
	case shopify.ErrServer:
		return e.Code == admin.BulkOperationErrorCodeInternalServerError
	case ErrTimeout:
		return e.Code == admin.BulkOperationErrorCodeTimeout
	case ErrCanceled:
		return e.Status == admin.BulkOperationStatusCanceled || e.Status == admin.BulkOperationStatusCanceling
	case ErrExpired:
		return e.Status == admin.BulkOperationStatusExpired
	}
	return false
}

// LineError says what is wrong with a line of the results, without its content.
type LineError struct {
	Line int64 // from 1
	Err  error
}

// Error names the line and the reason.
func (e *LineError) Error() string { return fmt.Sprintf("bulk: line %d: %v", e.Line, e.Err) }

// Unwrap returns the reason.
func (e *LineError) Unwrap() error { return e.Err }

// OrphanError lists children that could not be joined with their parents.
// Everything else has been given out before it. It matches [ErrOrphan].
type OrphanError struct {
	Count int64
	// First are the first few of them that were found.
	First []Orphan
}

// Orphan is a line whose parent is not there.
type Orphan struct {
	Line         int64 // from 1
	ID, ParentID shopify.GID
}

// maxOrphans is how many an [OrphanError] names.
const maxOrphans = 10

// Error gives the number and the first line.
func (e *OrphanError) Error() string {
	return fmt.Sprintf("bulk: %d children without a parent, the first in line %d", e.Count, e.First[0].Line)
}

// Is reports whether target is [ErrOrphan].
func (e *OrphanError) Is(target error) bool { return target == ErrOrphan }

func (e *OrphanError) add(line int64, id, parent []byte) {
	e.Count++
	if len(e.First) < maxOrphans {
		e.First = append(e.First, Orphan{Line: line, ID: shopify.GID(clip(id)), ParentID: shopify.GID(clip(parent))})
	}
}

// merge adds what others have found.
func (e *OrphanError) merge(more *OrphanError) {
	e.Count += more.Count
	e.First = append(e.First, more.First[:min(len(more.First), maxOrphans-len(e.First))]...)
}

// clip bounds what an error holds of foreign text.
func clip(b []byte) []byte { return b[:min(len(b), 200)] }

// StorageError is an answer of the storage host that is not the file. It
// matches [ErrStorage], and [ErrExpired] if the address is no longer valid.
type StorageError struct {
	Status int // HTTP status
	// Code is the storage's own, "ExpiredToken"; empty if it gave none.
	Code    string
	expired bool
}

// Error gives status and code.
func (e *StorageError) Error() string {
	s := fmt.Sprintf("bulk: storage answered %d", e.Status)
	if e.Code != "" {
		s += " (" + e.Code + ")"
	}
	return s
}

// Is joins the error with the sentinels.
func (e *StorageError) Is(target error) bool {
	return target == ErrStorage || target == ErrExpired && e.expired
}

// MissingError says that some rows of a bulk mutation have no result: the
// operation ended before it came to them. It matches [ErrMissing].
type MissingError struct {
	Count int64
	// First are the indexes of the first few, from 0.
	First []int64
}

// Error gives the number and the first row.
func (e *MissingError) Error() string {
	return fmt.Sprintf("bulk: %d rows without a result, the first is row %d", e.Count, e.First[0])
}

// Is reports whether target is [ErrMissing].
func (e *MissingError) Is(target error) bool { return target == ErrMissing }
