package approval

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/posai-go/posai/audit"
)

// Record is a request as a [Store] keeps it: the request, and what only the
// queue needs. Stores keep it as the bytes of [Record.Encode].
type Record struct {
	Request Request `json:"request"`

	// Version counts the changes of the record, from 1. The store sets it.
	Version int64 `json:"version"`

	// Outbox holds audit entries that belong to this state of the record and
	// may not be in the log yet, each in its canonical JSON.
	Outbox []string `json:"outbox,omitempty"`

	// Claim says who executes the request.
	Claim Claim `json:"claim,omitzero"`

	// Proposed is the digest of the arguments as they were proposed. It is empty
	// in records from before it was kept.
	Proposed string `json:"proposed,omitzero"`
}

// Claim says who executes a request. Its Fence grows with every claim, so that
// what an earlier claimant brings home late is told apart and refused.
type Claim struct {
	Worker string `json:"worker,omitzero"`
	Fence  int64  `json:"fence,omitzero"`
}

// Encode returns r as JSON that [DecodeRecord] turns into the same record again,
// byte for byte also in its raw parts, which json.Marshal would escape.
func (r *Record) Encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return nil, errors.New("approval: a record cannot be written as JSON")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// DecodeRecord returns the record that was encoded. Its error quotes nothing.
func DecodeRecord(data []byte) (*Record, error) {
	r := new(Record)
	if err := json.Unmarshal(data, r); err != nil {
		return nil, errors.New("approval: a stored record cannot be read")
	}
	return r, nil
}

// Filter selects requests. The zero Filter selects all that channels may see,
// oldest first.
type Filter struct {
	States   []State // empty: all but Recording
	Shop     string
	Location string
	Kind     string
	Key      string // idempotency key
	Proposer string // ID

	// Locations selects requests of one of these locations. Empty: of any.
	Locations []string

	// Subject selects requests about a thing, such as an order. If its ID is
	// empty, about any of its type.
	Subject audit.Subject

	// Since and Until bound the time of creation: Since <= t < Until. Zero: no
	// bound.
	Since, Until time.Time

	// Text selects requests that contain all of its words, in any case, in
	// title, summary, key, subjects' IDs or proposer. At most 200 bytes count.
	Text string

	// Newest puts the newest first, by time of creation.
	Newest bool

	// After continues after the request with this ID in the chosen order.
	After string

	// Limit is the largest number of requests. If zero, a list of the queue
	// has no limit, and a page of a store 100.
	Limit int
}

// Wake tells the queue to look at a request.
type Wake struct {
	RequestID string
	Worker    string // who looks; see [Store].Alive
}

// Waker is a [Store] that can be told to wake the queue for requests that do not
// change. It is optional: it saves a write of each when a [Switch] is cleared, or
// a [Kill] is set.
type Waker interface {
	// Wake arranges for a wake-up soon for each of the requests, in whatever
	// process has started the store. IDs that are not there do no harm.
	Wake(ctx context.Context, ids []string) error
}

// Hooks are what a store calls between Start and Stop.
type Hooks struct {
	// Wake looks at a request. A positive duration asks to be called again
	// after about that time, an error to be called again soon; in both cases
	// whatever happens to the process in between.
	Wake func(context.Context, Wake) (again time.Duration, err error)

	// Changed, which may be nil, is called when a record was changed elsewhere,
	// such as by another process. An empty ID means any. It does not block.
	Changed func(id string)
}

// Store keeps records and wakes the queue. Its methods are safe for concurrent
// use. [approvaltest.TestStore] and [approvaltest.TestCrash] check an
// implementation; package approval/sqlstore is the one for SQLite and PostgreSQL.
//
// [approvaltest.TestStore]: https://pkg.go.dev/github.com/posai-go/posai/approval/approvaltest#TestStore
// [approvaltest.TestCrash]: https://pkg.go.dev/github.com/posai-go/posai/approval/approvaltest#TestCrash
type Store interface {
	// Insert stores a new record with Version 1 and arranges for a wake-up at
	// each of the given times (zero or past: soon), all in one transaction. If
	// there is a record with the same shop, kind and key, Insert stores
	// nothing. It returns the record that is stored now, and whether it is new.
	Insert(ctx context.Context, r *Record, wake ...time.Time) (stored *Record, inserted bool, err error)

	// InsertWith is Insert and, where it stores the record, SetDocument for each
	// of docs, whose names differ, all in one transaction: with [ErrConflict]
	// from one of the documents nothing is stored.
	InsertWith(ctx context.Context, r *Record, docs []Document, wake ...time.Time) (stored *Record, inserted bool, err error)

	// Get returns the record of a request, or [ErrNotFound].
	Get(ctx context.Context, id string) (*Record, error)

	// List returns a page of records. An After that names no request selects
	// nothing.
	List(ctx context.Context, f Filter) ([]*Record, error)

	// Update stores r, and arranges for wake-ups like Insert, if the stored
	// record still has r.Version; otherwise it fails with [ErrConflict], or
	// with [ErrNotFound]. It returns the record as stored, its Version one
	// higher. ID, shop, kind, key and CreatedAt never change.
	Update(ctx context.Context, r *Record, wake ...time.Time) (*Record, error)

	// Document returns the document of that name, with Version 0 and no Data if
	// there is none.
	Document(ctx context.Context, name string) (Document, error)

	// SetDocument stores d if the stored document has d.Version, which is 0 if
	// there is none; otherwise it fails with [ErrConflict]. It returns the
	// document as stored, its Version one higher.
	SetDocument(ctx context.Context, d Document) (Document, error)

	// Now returns the time by the clock that all users of the store share.
	Now(ctx context.Context) (time.Time, error)

	// Alive reports whether the worker that a [Wake] named may still be at
	// work. It is false only when that worker has ended or has been told to.
	Alive(ctx context.Context, worker string) (bool, error)

	// Start begins to call the hooks, several at once; Stop ends it. Stop
	// waits for hooks that run; when ctx ends, it cancels their contexts and
	// still waits. What was arranged before a start is called after it.
	Start(ctx context.Context, h Hooks) error
	Stop(ctx context.Context) error
}
