package audit

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// A batch that is written in one go holds at most this much.
const (
	maxBatchEntries = 1024
	maxBatchBytes   = 1 << 20
)

// errMaxWait ends the wait of an Append after Options.MaxWait.
var errMaxWait = errors.New("the medium took too long")

// pending is an entry on its way to the medium.
type pending struct {
	record  Record // its Index is not set, see index
	leaf    []byte
	taken   bool          // the writer has it: it may be written
	waiters int           // Appends that wait for it
	done    chan struct{} // closed when index and err are final
	index   int64
	err     error
}

// Append writes e durably and returns its record; entries that are appended at
// the same time share one write. An entry without ID or Time gets them, and the
// returned record has them even where an error is returned.
//
// Where an entry with the same ID is in the log already, nothing is written and
// that first record is returned, provided that the entries are equal but for
// their time; otherwise the error matches [ErrConflict]. After any other error
// but [ErrUncertain] the entry was not written. An Append that ends early,
// because ctx ended or the medium hangs, says which it is.
func (l *Log) Append(ctx context.Context, e Entry) (Record, error) {
	p, err := newPending(e)
	if err != nil {
		return Record{Entry: e}, err
	}
	if l.maxWait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, l.maxWait, errMaxWait)
		defer cancel()
	}
	select {
	case <-ctx.Done():
		return p.record, notWritten(ctx)
	default:
	}
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return p.record, notWritten(ctx)
	}
	defer func() { <-l.slots }()

	first, err := l.enqueue(ctx, p)
	if err != nil || first == nil {
		return p.record, err
	}
	select {
	case <-first.done:
	case <-ctx.Done():
		if l.leave(first) {
			return p.record, notWritten(ctx)
		}
		select {
		case <-first.done: // it was decided at the same moment
		default:
			return p.record, fmt.Errorf("%w: %w", ErrUncertain, context.Cause(ctx))
		}
	}
	if first.err != nil {
		return p.record, first.err
	}
	return first.result(), nil
}

func newPending(e Entry) (*pending, error) {
	e = cloneEntry(e)
	if e.ID == "" {
		e.ID = rand.Text()
	}
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Time = e.Time.UTC().Truncate(time.Microsecond)
	header, err := e.MarshalJSON()
	if err != nil {
		return nil, err
	}
	leaf := appendLeaf(nil, header, nil)
	return &pending{
		record: Record{Index: -1, Entry: e, LeafHash: tlog.RecordHash(leaf)},
		leaf:   leaf, done: make(chan struct{}),
	}, nil
}

// result returns the record once it is written.
func (p *pending) result() Record {
	return Record{Index: p.index, Entry: cloneEntry(p.record.Entry), LeafHash: p.record.LeafHash}
}

func notWritten(ctx context.Context) error {
	if cause := context.Cause(ctx); errors.Is(cause, errMaxWait) {
		return fmt.Errorf("%w: %w", ErrUnavailable, cause)
	}
	return fmt.Errorf("audit: entry not written: %w", context.Cause(ctx))
}

// enqueue hands p to the writer and returns what to wait for: p, or the same
// entry that is on its way already. Where the entry is in the log, it returns
// nil and fills in p.record.
func (l *Log) enqueue(ctx context.Context, p *pending) (*pending, error) {
	id := p.record.Entry.ID
	l.mu.Lock()
	if at, ok := l.index.id[id]; ok {
		l.mu.Unlock()
		return nil, l.resolve(ctx, p, at)
	}
	defer l.mu.Unlock()
	if first, ok := l.inflight[id]; ok {
		if !sameButTime(first.record.Entry, p.record.Entry) {
			return nil, ErrConflict
		}
		first.waiters++
		return first, nil
	}
	if l.failed != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, l.failed)
	}
	if l.closed {
		return nil, ErrClosed
	}
	p.waiters = 1
	l.inflight[id] = p
	l.queue = append(l.queue, p)
	l.poke()
	return p, nil
}

// resolve settles an Append whose ID is in the log at the given index.
func (l *Log) resolve(ctx context.Context, p *pending, at int64) error {
	r, err := l.At(ctx, at)
	if err != nil {
		return err
	}
	if !sameButTime(r.Entry, p.record.Entry) {
		return ErrConflict
	}
	p.record = r
	return nil
}

// leave ends one wait for p and reports whether p is certainly not written.
func (l *Log) leave(p *pending) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	p.waiters--
	if p.taken {
		return false
	}
	if p.waiters == 0 && l.inflight[p.record.Entry.ID] == p {
		l.queue = slices.DeleteFunc(l.queue, func(q *pending) bool { return q == p })
		delete(l.inflight, p.record.Entry.ID)
		return true
	}
	return p.waiters == 0 // else somebody still waits for it to be written
}

// write is the writer: it takes what has queued up and writes it as one batch,
// again and again, until the log is closed.
func (l *Log) write() {
	defer close(l.done)
	for range l.wake {
		for {
			batch := l.take()
			if len(batch) == 0 {
				break
			}
			l.commit(batch)
		}
		l.mu.RLock()
		closed := l.closed
		l.mu.RUnlock()
		if closed {
			return
		}
	}
}

// take removes the next batch from the queue.
func (l *Log) take() []*pending {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, size := 0, 0
	for n < len(l.queue) && n < maxBatchEntries && size < maxBatchBytes {
		l.queue[n].taken = true
		size += len(l.queue[n].leaf)
		n++
	}
	batch := slices.Clone(l.queue[:n])
	l.queue = slices.Delete(l.queue, 0, n)
	return batch
}

// commit makes the batch durable and tells all who wait. Only the writer calls
// it, so the tree does not change in between.
func (l *Log) commit(batch []*pending) {
	l.mu.RLock()
	next := l.index.tree
	l.mu.RUnlock()

	b := Batch{First: next.size}
	var err error
	for i, p := range batch {
		b.Leaves = append(b.Leaves, p.leaf)
		err = errors.Join(err, next.add(p.record.LeafHash))
		p.index = b.First + int64(i)
	}
	var root tlog.Hash
	if err == nil {
		root, err = next.root(next.size)
	}
	if err == nil {
		b.Checkpoint, err = Checkpoint{l.origin, next.size, root}.sign(l.signer)
	}
	if err != nil { // nothing has been written: the next batch may fare better
		l.settle(batch, fmt.Errorf("%w: %w", ErrUnavailable, err), nil)
		return
	}
	// The entries belong to several callers: no single context may end this.
	if err := l.store.Append(context.Background(), b); err != nil {
		l.settle(batch, fmt.Errorf("%w: %w", ErrUncertain, err), func() { l.failed = err })
		return
	}
	l.settle(batch, nil, func() {
		l.index.tree, l.checkpoint = next, b.Checkpoint
		for _, p := range batch {
			l.index.note(p.result())
		}
	})
}

// settle gives the batch its outcome and applies change at the same moment.
func (l *Log) settle(batch []*pending, outcome error, change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if change != nil {
		change()
	}
	finish := func(p *pending, err error) {
		p.err = err
		delete(l.inflight, p.record.Entry.ID)
		close(p.done)
	}
	for _, p := range batch {
		finish(p, outcome)
	}
	if l.failed != nil {
		for _, p := range l.queue {
			finish(p, fmt.Errorf("%w: %w", ErrUnavailable, l.failed))
		}
		l.queue = nil
	}
}

// sameButTime reports whether two valid entries are equal but for their time.
func sameButTime(a, b Entry) bool {
	a.Time, b.Time = time.Time{}, time.Time{}
	return bytes.Equal(a.appendCanonical(nil), b.appendCanonical(nil))
}

// cloneEntry returns a copy that shares nothing with e.
func cloneEntry(e Entry) Entry {
	e.Subjects = slices.Clone(e.Subjects)
	e.Attributes = maps.Clone(e.Attributes)
	if e.Model != nil {
		e.Model = new(*e.Model)
	}
	if e.Policy != nil {
		e.Policy = new(*e.Policy)
	}
	if e.Decision != nil {
		e.Decision = new(*e.Decision)
	}
	if e.Effect != nil {
		e.Effect = new(*e.Effect)
		e.Effect.IDs = slices.Clone(e.Effect.IDs)
	}
	return e
}
