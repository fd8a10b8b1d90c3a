package audittest

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/audit"
)

// Moment is when a fault strikes.
type Moment int

// The moments of an Append.
const (
	BeforeWrite Moment = iota // nothing of the batch is kept
	AfterWrite                // the batch is kept, but nobody is told
)

// Faults is a store whose Append fails on demand, to test what appends: like a
// disk that is full or whose sync fails. As an [audit.Store] must, it takes nothing
// more after that, until [Faults.Heal], which stands for opening it again. It is
// safe for concurrent use.
type Faults struct {
	audit.Store

	mu     sync.Mutex
	after  int // Appends that succeed first; negative: all
	moment Moment
	err    error
	failed error
}

// NewFaults returns a store without faults over another one.
func NewFaults(store audit.Store) *Faults { return &Faults{Store: store, after: -1} }

// FailAfter lets n more Appends succeed and makes the next one fail with err.
func (f *Faults) FailAfter(n int, moment Moment, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.after, f.moment, f.err = n, moment, err
}

// Heal makes the store work again.
func (f *Faults) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.after, f.failed = -1, nil
}

// Append implements [audit.Store].
func (f *Faults) Append(ctx context.Context, b audit.Batch) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed != nil {
		return f.failed
	}
	if f.after != 0 {
		f.after = max(f.after-1, -1)
		return f.Store.Append(ctx, b)
	}
	f.failed = f.err
	if f.moment == AfterWrite {
		if err := f.Store.Append(ctx, b); err != nil {
			return err
		}
	}
	return f.err
}

// Verifiers implements [audit.Keyed] where the store does.
func (f *Faults) Verifiers() (note.Verifiers, error) {
	if keyed, ok := f.Store.(audit.Keyed); ok {
		return keyed.Verifiers()
	}
	return nil, errNoKey
}

// Signer implements [audit.Signing] where the store does.
func (f *Faults) Signer() (note.Signer, error) {
	if signing, ok := f.Store.(audit.Signing); ok {
		return signing.Signer()
	}
	return nil, errNoKey
}

var errNoKey = errors.New("audittest: the store has no key")
