package audit

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"runtime"
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

// errLeft means that who had an entry on its way has left.
var errLeft = errors.New("audit: left")

// pending is an entry on its way to the medium.
type pending struct {
	record  Record // its Index is not set, see index
	leaf    Leaf
	tail    int           // where the hashes of sealed parts begin in the leaf
	fresh   bool          // its ID was made here, so nobody else has it
	seen    int64         // size of the log in which its ID was not found
	taken   bool          // the writer has it: it may be written
	waiters int           // Appends that wait for it
	done    chan struct{} // closed when what follows is final
	index   int64
	found   *Record // it was in the log already
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
	if l.maxWait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, l.maxWait, errMaxWait)
		defer cancel()
	}
	p, err := l.prepare(ctx, e)
	if err != nil {
		return p.record, err
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

	for {
		first := l.claim(p)
		if first == p {
			if err := l.admit(ctx, p, e.ID == ""); err != nil {
				return p.record, err
			}
		}
		same := first == p || first.same(p)
		select {
		case <-first.done:
		case <-ctx.Done():
			if !same || l.leave(first) {
				return p.record, notWritten(ctx)
			}
			select {
			case <-first.done: // it was decided at the same moment
			default:
				return p.record, fmt.Errorf("%w: %w", ErrUncertain, context.Cause(ctx))
			}
		}
		switch {
		case !same && first.err == nil:
			return p.record, ErrConflict
		case first.err == nil:
			return first.result(), nil
		case same && !errors.Is(first.err, errLeft):
			return p.record, first.err
		}
	}
}

// prepare completes e and seals its parts. With an error the record is what it
// got to.
func (l *Log) prepare(ctx context.Context, e Entry) (*pending, error) {
	e = cloneEntry(e)
	e.schema = 0
	if e.ID == "" {
		e.ID = rand.Text()
	}
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Time = e.Time.UTC().Truncate(time.Microsecond)
	p := &pending{record: Record{Index: -1, Entry: e}, done: make(chan struct{})}
	if err := e.Validate(); err != nil {
		return p, err
	}
	parts, err := l.vault.seal(ctx, &e)
	if err != nil {
		if !errors.Is(err, ErrInvalid) {
			err = fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return p, err
	}
	for i := range e.Sealed {
		e.Sealed[i].Data, e.Sealed[i].Subjects = nil, nil
	}
	header, err := e.canonical() // it is valid
	if err != nil {
		return p, err
	}
	var hashes []tlog.Hash
	for _, part := range parts {
		hashes = append(hashes, sha256.Sum256(part))
	}
	p.leaf = Leaf{Data: appendLeaf(nil, header, hashes), Sealed: parts}
	p.tail = len(header)
	p.record = Record{Index: -1, Entry: e, LeafHash: tlog.RecordHash(p.leaf.Data)}
	return p, nil
}

// size returns the bytes that the medium takes for p, roughly.
func (p *pending) size() int {
	n := len(p.leaf.Data)
	for _, part := range p.leaf.Sealed {
		n += len(part)
	}
	return n
}

// result returns the record once it is written.
func (p *pending) result() Record {
	if p.found != nil {
		return Record{Index: p.found.Index, Entry: cloneEntry(p.found.Entry), LeafHash: p.found.LeafHash}
	}
	return Record{Index: p.index, Entry: cloneEntry(p.record.Entry), LeafHash: p.record.LeafHash}
}

func notWritten(ctx context.Context) error {
	if cause := context.Cause(ctx); errors.Is(cause, errMaxWait) {
		return fmt.Errorf("%w: %w", ErrUnavailable, cause)
	}
	return fmt.Errorf("audit: entry not written: %w", context.Cause(ctx))
}

// claim returns what is on its way under p's ID: p itself from now on, unless
// another was first.
func (l *Log) claim(p *pending) *pending {
	id := p.record.Entry.ID
	l.mu.Lock()
	defer l.mu.Unlock()
	first, ok := l.inflight[id]
	if !ok {
		first = p
		l.inflight[id] = p
	}
	if first.same(p) {
		first.waiters++
	}
	return first
}

// admit hands p to the writer, unless its ID, which is not fresh, is in the log:
// then p is done. An error is p's outcome too.
func (l *Log) admit(ctx context.Context, p *pending, fresh bool) (err error) {
	var found *Record
	p.fresh, p.seen = fresh, l.Size()
	if !fresh {
		found, err = l.lookup(ctx, p)
		switch {
		case err == nil, errors.Is(err, ErrConflict), errors.Is(err, ErrCorrupt):
		case ctx.Err() != nil:
			err = notWritten(ctx)
		default:
			err = fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil:
	case found != nil:
		p.found = found
		l.finish(p, nil)
		return nil
	case l.failed != nil:
		err = fmt.Errorf("%w: %w", ErrUnavailable, l.failed)
	case l.closed:
		err = ErrClosed
	default:
		l.queue = append(l.queue, p)
		l.poke()
		return nil
	}
	outcome := err
	if ctx.Err() != nil {
		outcome = errLeft // the others go on without
	}
	l.finish(p, outcome)
	return err
}

// lookup returns the record with p's ID, or nil. If it is not equal to p but for
// the time, it returns [ErrConflict].
func (l *Log) lookup(ctx context.Context, p *pending) (*Record, error) {
	r, err := l.Get(ctx, p.record.Entry.ID)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	leaf, err := l.reader.Leaf(ctx, r.Index)
	if err != nil {
		return nil, err
	}
	_, tail, _ := bytes.Cut(leaf.Data, []byte("\n"))
	if sameButTime(r.Entry, p.record.Entry) && bytes.Equal(tail, p.leaf.Data[p.tail+1:]) {
		return &r, nil
	}
	same, err := l.sameButErased(ctx, r.Entry, p.record.Entry)
	if err == nil && !same {
		err = ErrConflict
	}
	return &r, err
}

// sameButErased reports whether the entry that was found differs from the one
// that is appended again only because its people were erased in between and now
// have other pseudonyms.
func (l *Log) sameButErased(ctx context.Context, found, again Entry) (bool, error) {
	if l.vault == nil || len(found.Sealed) != len(again.Sealed) || len(found.Subjects) != len(again.Subjects) {
		return false, nil
	}
	found, again = cloneEntry(found), cloneEntry(again)
	var gone []string // pseudonyms that must have been erased for the two to be the same
	for i := range found.Subjects {
		was, is := &found.Subjects[i].ID, &again.Subjects[i].ID
		if *was != *is && isPseudonym(*was) && isPseudonym(*is) {
			gone = append(gone, *was)
			*was = *is
		}
	}
	for i := range found.Sealed {
		was, is := found.Sealed[i].Of, again.Sealed[i].Of
		if len(was) != len(is) {
			return false, nil
		}
		for j := range was {
			if was[j] != is[j] {
				gone = append(gone, was[j])
				was[j] = is[j]
			}
		}
	}
	if len(gone) == 0 || !sameButTime(found, again) {
		return false, nil
	}
	for _, name := range gone {
		erased := false
		for _, err := range l.Trail(ctx, Query{Subject: Subject{ID: name}, Kind: KindErased, Limit: 1}) {
			if err != nil {
				return false, err
			}
			erased = true
		}
		if !erased {
			return false, nil
		}
	}
	return true, nil
}

// finish gives p its outcome. The caller holds the lock.
func (l *Log) finish(p *pending, err error) {
	p.err = err
	if l.inflight[p.record.Entry.ID] == p {
		delete(l.inflight, p.record.Entry.ID)
	}
	close(p.done)
}

// leave ends one wait for p and reports whether p is certainly not written.
func (l *Log) leave(p *pending) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-p.done:
		return false
	default:
	}
	p.waiters--
	if p.taken {
		return false
	}
	if p.waiters == 0 {
		l.queue = slices.DeleteFunc(l.queue, func(q *pending) bool { return q == p })
		l.finish(p, errLeft)
		return true
	}
	return false // somebody still waits for it to be written
}

// write is the writer: it takes what has queued up and writes it as one batch,
// again and again, until the log is closed.
func (l *Log) write() {
	defer close(l.done)
	for range l.wake {
		for l.gather() {
			l.turn()
		}
		if l.ended() {
			return
		}
	}
}

// ended reports whether the log is closed and all that was taken is written. What
// was queued since the writer looked last has woken it again.
func (l *Log) ended() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.closed && len(l.queue) == 0
}

// gather reports whether entries wait. Those that were written together come
// again together: they get the chance to, so long as more come, since a batch of
// a few takes the medium as long as one of many. It ends soon, as a busy process
// may run others first each time; an entry that is alone is never held up.
func (l *Log) gather() bool {
	n := l.waiting()
	for before, tries := 0, 0; n > before && tries < 4 && max(n, l.last) > 1; tries++ {
		runtime.Gosched()
		before, n = n, l.waiting()
	}
	return n > 0
}

// waiting returns how many entries wait for the writer.
func (l *Log) waiting() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.queue)
}

// turn writes one batch, in this log's turn where the store is shared.
func (l *Log) turn() {
	ctx := context.Background() // the entries belong to several callers
	if l.shared == nil {
		l.commit(ctx, l.take())
		return
	}
	if l.maxWait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, l.maxWait, errMaxWait)
		defer cancel()
	}
	end, err := l.shared.Turn(ctx)
	if err == nil {
		defer end()
		err = l.Refresh(ctx)
	}
	batch := l.take()
	if err == nil {
		batch, err = l.unwritten(ctx, batch)
	}
	if err != nil {
		l.settle(batch, fmt.Errorf("%w: %w", ErrUnavailable, err), nil)
		return
	}
	l.commit(ctx, batch)
}

// unwritten settles those of the batch that others have written meanwhile and
// returns the rest.
func (l *Log) unwritten(ctx context.Context, batch []*pending) ([]*pending, error) {
	size := l.Size()
	var ids []string
	for _, p := range batch {
		if !p.fresh && p.seen < size {
			ids = append(ids, p.record.Entry.ID)
		}
	}
	if len(ids) == 0 {
		return batch, nil
	}
	known, err := l.shared.Known(ctx, ids)
	if err != nil {
		return batch, err
	}
	rest := make([]*pending, 0, len(batch))
	for i, p := range batch {
		if !known[p.record.Entry.ID] {
			rest = append(rest, p)
			continue
		}
		found, err := l.lookup(ctx, p)
		switch {
		case errors.Is(err, ErrConflict):
			l.settle([]*pending{p}, err, nil)
		case err != nil:
			return append(rest, batch[i:]...), err
		case found != nil:
			p.found = found
			l.settle([]*pending{p}, nil, nil)
		default:
			rest = append(rest, p)
		}
	}
	return rest, nil
}

// take removes the next batch from the queue.
func (l *Log) take() []*pending {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, size := 0, 0
	for n < len(l.queue) && n < maxBatchEntries && size < maxBatchBytes {
		l.queue[n].taken = true
		size += l.queue[n].size()
		n++
	}
	batch := slices.Clone(l.queue[:n])
	l.queue = slices.Delete(l.queue, 0, n)
	l.last = n
	return batch
}

// commit makes the batch durable and tells all who wait. Only the writer calls
// it, so the tree does not change in between.
func (l *Log) commit(ctx context.Context, batch []*pending) {
	if len(batch) == 0 {
		return
	}
	next := head{Frontier: l.now().Clone(), published: true}
	b := Batch{First: next.Size}
	for i, p := range batch {
		b.Leaves = append(b.Leaves, p.leaf)
		b.Entries = append(b.Entries, &p.record.Entry)
		b.Hashes = next.Add(p.record.LeafHash, b.Hashes)
		p.index = b.First + int64(i)
	}
	next.root = next.Root()
	var err error
	next.signed, err = Checkpoint{l.origin, next.Size, next.root}.sign(l.signer)
	if err != nil { // nothing has been written: the next batch may fare better
		l.settle(batch, fmt.Errorf("%w: %w", ErrUnavailable, err), nil)
		return
	}
	b.Checkpoint = next.signed
	if err := l.store.Append(ctx, b); err != nil {
		switch {
		case l.shared == nil:
			l.settle(batch, fmt.Errorf("%w: %w", ErrUncertain, err), func() { l.failed = err })
		case errors.Is(err, ErrUnavailable):
			l.settle(batch, err, nil)
		default: // the next turn finds out
			l.settle(batch, fmt.Errorf("%w: %w", ErrUncertain, err), nil)
		}
		return
	}
	l.settle(batch, nil, func() { l.head = next })
	for _, f := range l.feeds {
		f.poke()
	}
}

// settle gives the batch its outcome and applies change at the same moment.
func (l *Log) settle(batch []*pending, outcome error, change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if change != nil {
		change()
	}
	for _, p := range batch {
		l.finish(p, outcome)
	}
	if l.failed != nil {
		for _, p := range l.queue {
			l.finish(p, fmt.Errorf("%w: %w", ErrUnavailable, l.failed))
		}
		l.queue = nil
	}
}

// same reports whether p and q are the same entry but for the time.
func (p *pending) same(q *pending) bool {
	return p == q || bytes.Equal(p.leaf.Data[p.tail:], q.leaf.Data[q.tail:]) && sameButTime(p.record.Entry, q.record.Entry)
}

// sameButTime reports whether two valid entries are equal but for their time.
func sameButTime(a, b Entry) bool {
	a.Time, b.Time = time.Time{}, time.Time{}
	a.schema, b.schema = 0, 0
	return bytes.Equal(a.appendCanonical(nil), b.appendCanonical(nil))
}

// cloneEntry returns a copy that shares nothing with e.
func cloneEntry(e Entry) Entry {
	e.Subjects = slices.Clone(e.Subjects)
	e.Sealed = slices.Clone(e.Sealed)
	for i, p := range e.Sealed {
		e.Sealed[i].Of, e.Sealed[i].Subjects = slices.Clone(p.Of), slices.Clone(p.Subjects)
	}
	e.Attributes = maps.Clone(e.Attributes)
	if e.Model != nil {
		e.Model = new(*e.Model)
		e.Model.Parameters = maps.Clone(e.Model.Parameters)
	}
	if e.Policy != nil {
		e.Policy = new(*e.Policy)
	}
	if e.Decision != nil {
		e.Decision = new(*e.Decision)
		e.Decision.Edits = slices.Clone(e.Decision.Edits)
		e.Decision.ShownAt = e.Decision.ShownAt.UTC().Truncate(time.Microsecond)
	}
	if e.Effect != nil {
		e.Effect = new(*e.Effect)
		e.Effect.IDs = slices.Clone(e.Effect.IDs)
	}
	return e
}
