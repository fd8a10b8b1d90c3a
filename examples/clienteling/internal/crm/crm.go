// Package crm is the way from a store's client book to a customer relationship
// management system: a small interface, and what every implementation of it must do.
//
// A sink is told states, not events: what a customer and their purchases are now. The
// same state again changes nothing, so whoever writes may write again after a lost
// answer, and deliveries that come twice or in the wrong order cannot leave a trace, as
// long as states of one customer are written one after the other.
package crm

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/posai-go/posai/shopify"
)

// A Sink is a CRM. It is safe for concurrent use; what it does with the same key at the
// same time is for the caller to avoid.
type Sink interface {
	// Name is what people call it, "Salesforce".
	Name() string

	// Save makes the CRM agree with the records: creates what it does not have, by
	// Record.Key, and changes what differs. It returns one outcome for each record, in
	// their order. The error is for what kept records from being tried at all
	// (ErrUnavailable, ErrLimit, ErrRefused, or that of ctx); the outcomes of the others
	// are there beside it, and those records are Retry. len(outcomes) is always
	// len(records). Of records with one key the last counts that is not Invalid by its keys.
	Save(ctx context.Context, records []Record) ([]Outcome, error)

	// Load is Save for very many, such as the first synchronization, by a way that is
	// made for it. It returns the outcome of each record in any order. An error ends it;
	// Load of all records again is right then.
	Load(ctx context.Context, records iter.Seq2[Record, error]) iter.Seq2[Outcome, error]

	// Link ties a record that the CRM has already, by the CRM's own id, to a key: what a
	// person decided about an ambiguous match. It does not change anything else, and
	// nothing at all if they are tied already. If either is tied to another one meanwhile,
	// the error matches ErrLinked; if the CRM has no such record, ErrNoRecord.
	Link(ctx context.Context, key, id string) error

	// Forget deletes the customers with these keys and their purchases. A key that the
	// CRM does not know is forgotten.
	Forget(ctx context.Context, keys []string) ([]Outcome, error)
}

// A Record is the state of one customer.
type Record struct {
	// Key is the customer's external id, the same for good: "alder-and-wren.myshopify.com/7001".
	// It is never an address or a name.
	Key       string
	FirstName string
	LastName  string // may be empty; a CRM that demands one gets a placeholder from its sink
	Email     string
	Phone     string
	City      string
	Country   string // ISO 3166-1 alpha-2
	Locale    string

	// NoEmail and NoSMS forbid marketing.
	NoEmail bool
	NoSMS   bool

	Segment       string        // by recency, frequency and money
	LifetimeValue shopify.Money // paid less refunded
	Orders        int
	LastVisit     time.Time // zero if never
	Preferences   string    // for people to read, "Outerwear; size M; Alder & Wren"
	ServiceNotes  string    // for people to read

	Purchases []Purchase

	// Distinct says that a person compared it with the CRM's records that looked like it,
	// and that it is none of them: it is created without looking again.
	Distinct bool
}

// A Purchase is one order of a customer.
type Purchase struct {
	Key     string // external id: "alder-and-wren.myshopify.com/o/9001"
	Name    string // "#1001"
	At      time.Time
	Channel string        // "register", "online" or "other"
	Store   string        // empty online
	Net     shopify.Money // paid less refunded
	Items   string        // for people to read
}

// CheckKeys says what keeps the keys of a record and its purchases from being external
// ids; see [CheckKey]. The error does not hold the key.
func (r *Record) CheckKeys() error {
	if err := CheckKey(r.Key); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	for _, p := range r.Purchases {
		if err := CheckKey(p.Key); err != nil {
			return fmt.Errorf("key of a purchase: %w", err)
		}
	}
	return nil
}

// LastOfEach drops all but the last record of each key. The slice may be records itself.
func LastOfEach(records []Record) []Record {
	return lastOfEach(records, func(r *Record) string { return r.Key })
}

// LastPurchases drops all but the last purchase of each key.
func (r *Record) LastPurchases() []Purchase {
	return lastOfEach(r.Purchases, func(p *Purchase) string { return p.Key })
}

func lastOfEach[T any](all []T, key func(*T) string) []T {
	last := make(map[string]int, len(all))
	for i := range all {
		last[key(&all[i])] = i
	}
	if len(last) == len(all) {
		return all
	}
	kept := make([]T, 0, len(last))
	for i := range all {
		if last[key(&all[i])] == i {
			kept = append(kept, all[i])
		}
	}
	return kept
}

// State is what became of a record.
type State string

// The states.
const (
	Created   State = "created"
	Updated   State = "updated"
	Unchanged State = "unchanged" // known to have been so before; a CRM that does not tell says Updated
	Deleted   State = "deleted"   // by Forget, whether it was there or not

	// Ambiguous: the CRM has records of its own that may be the customer, and nothing
	// was written. A person says which (Link), or that it is none.
	Ambiguous State = "ambiguous"

	// Invalid: the CRM will never take the record as it is; Outcome.Err says why.
	Invalid State = "invalid"

	// Retry: it was not written, and may be later: a lock, a limit, a time-out, or it was
	// not tried.
	Retry State = "retry"
)

// An Outcome is what became of one record.
type Outcome struct {
	Key   string
	State State
	ID    string // the CRM's own id, where it told

	// Candidates are the CRM's records that it may be, for Ambiguous.
	Candidates []Candidate

	// Shortened are the CRM's names of fields whose values were cut to fit.
	Shortened []string

	// Err says why, for Invalid and Retry. Its text holds codes and field names, no
	// values.
	Err error
}

// A Candidate is a record of the CRM that may be a customer.
type Candidate struct {
	ID    string
	Name  string
	Email string
	Phone string
	Key   string // to which it is tied already; empty if to none
}

// What keeps records from being tried at all. The errors of a sink match one of them.
var (
	// ErrUnavailable: the CRM does not answer, or answers that it cannot now.
	ErrUnavailable = errors.New("crm: not available")
	// ErrLimit: an allowance is used up; errors that match it may be a *LimitError.
	ErrLimit = errors.New("crm: limit reached")
	// ErrRefused: the sign-in or a permission is missing, or objects and fields that
	// the sink needs are not there. A person has to set something up.
	ErrRefused = errors.New("crm: refused")
)

// What keeps Link from tying.
var (
	// ErrLinked: the record is tied to another key, or the key to another record.
	ErrLinked = errors.New("crm: tied already")
	// ErrNoRecord: the CRM has no record with this id.
	ErrNoRecord = errors.New("crm: no such record")
)

// LimitError says when an allowance is there again.
type LimitError struct {
	RetryAfter time.Duration // 0 if unknown
	Limit      string        // its name, "REQUEST_LIMIT_EXCEEDED"
}

func (e *LimitError) Error() string { return ErrLimit.Error() + ": " + e.Limit }

// Is makes it match ErrLimit.
func (e *LimitError) Is(target error) bool { return target == ErrLimit }
