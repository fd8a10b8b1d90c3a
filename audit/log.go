package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Options are the optional settings of a [Log].
type Options struct {
	// Signer signs the checkpoints; its name is the log's origin. If nil, the
	// store's own, where the store is [Signing].
	Signer note.Signer

	// Verifiers know the keys whose checkpoints the log accepts, the Signer's
	// among them. Required with a Signer; if nil, the store's own, where the
	// store is [Keyed].
	Verifiers note.Verifiers

	// MaxWait is the longest that Append waits for the entry to become durable.
	// If zero, 10 s; if negative, only the context bounds the wait.
	MaxWait time.Duration

	// MaxPending is the largest number of entries that may wait for the
	// medium; further Appends wait their turn. If zero, 4,096.
	MaxPending int
}

// Log is an append-only log of entries in a Merkle tree. Its methods are safe
// for concurrent use.
type Log struct {
	reader    Reader
	store     Store // nil: reading only
	signer    note.Signer
	verifiers note.Verifiers
	origin    string
	maxWait   time.Duration

	slots chan struct{} // one for each entry that waits for the medium
	wake  chan struct{} // tells the writer to look
	done  chan struct{} // closed when the writer has ended

	mu         sync.RWMutex
	index      *index
	checkpoint []byte
	queue      []*pending
	inflight   map[string]*pending // queued or being written, by ID
	failed     error               // why no more entries are taken
	closed     bool
}

// Open reads the log in the store, checks it against its last checkpoint, and
// returns it ready to append. A store that is not what was written fails with a
// [*CorruptError], a checkpoint by an unknown key with [ErrCheckpoint].
//
// The caller closes the Log, then the store. Until then no other Log may use
// the store.
func Open(ctx context.Context, store Store, opts *Options) (*Log, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Signer == nil {
		signing, ok := store.(Signing)
		if !ok {
			return nil, errors.New("audit: no signer: neither the options nor the store have one")
		}
		var err error
		if o.Signer, err = signing.Signer(); err != nil {
			return nil, err
		}
	} else if o.Verifiers == nil {
		return nil, errors.New("audit: a signer without verifiers")
	}
	l, err := open(ctx, store, o)
	if err != nil {
		return nil, err
	}
	if err := l.checkSigner(); err != nil {
		return nil, err
	}
	l.store = store
	go l.write()
	return l, nil
}

// OpenReader is like [Open] for a log that another process may be writing: it
// shows what was there when it was opened, and Append fails with
// [ErrUnavailable].
func OpenReader(ctx context.Context, r Reader, opts *Options) (*Log, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	l, err := open(ctx, r, o)
	if err != nil {
		return nil, err
	}
	l.failed = errors.New("opened for reading")
	close(l.done)
	return l, nil
}

func open(ctx context.Context, r Reader, o Options) (*Log, error) {
	if o.MaxWait == 0 {
		o.MaxWait = 10 * time.Second
	}
	if o.MaxPending <= 0 {
		o.MaxPending = 4096
	}
	verifiers, err := verifiersOf(r, o.Verifiers)
	if err != nil {
		return nil, err
	}
	l := &Log{
		reader: r, signer: o.Signer, verifiers: verifiers, maxWait: o.MaxWait,
		slots: make(chan struct{}, o.MaxPending), wake: make(chan struct{}, 1), done: make(chan struct{}),
		index: newIndex(), inflight: map[string]*pending{},
	}
	return l, l.load(ctx)
}

// verifiersOf returns the given verifiers, else the reader's own.
func verifiersOf(r Reader, given note.Verifiers) (note.Verifiers, error) {
	if given != nil {
		return given, nil
	}
	keyed, ok := r.(Keyed)
	if !ok {
		return nil, errors.New("audit: no verifiers: neither the options nor the store have any")
	}
	return keyed.Verifiers()
}

// load reads the store into the index. The last checkpoint vouches for all
// that is before it.
func (l *Log) load(ctx context.Context) error {
	s := &scan{verifiers: l.verifiers, visit: l.index.note}
	if err := s.run(ctx, l.reader); err != nil {
		return err
	}
	l.index.tree, l.origin, l.checkpoint = s.tree, s.origin, s.last
	return nil
}

// checkSigner makes sure that what this log will sign can be verified, and
// that it continues the log that is there.
func (l *Log) checkSigner() error {
	if l.origin == "" {
		l.origin = l.signer.Name()
	}
	if l.origin != l.signer.Name() {
		return fmt.Errorf("%w: the log is %q, the signer %q", ErrCheckpoint, l.origin, l.signer.Name())
	}
	root, err := l.index.root(l.index.size)
	if err != nil {
		return err
	}
	msg, err := Checkpoint{l.origin, l.index.size, root}.sign(l.signer)
	if err != nil {
		return err
	}
	if _, err := ParseCheckpoint(msg, l.verifiers); err != nil {
		return fmt.Errorf("audit: the verifiers do not accept the signer: %w", err)
	}
	if l.checkpoint == nil {
		l.checkpoint = msg
	}
	return nil
}

// Origin returns the name of the log, which is also the name of its key. It is
// empty for a log without entries that was opened for reading.
func (l *Log) Origin() string { return l.origin }

// Size returns the number of entries that are durable.
func (l *Log) Size() int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.index.size
}

// Checkpoint returns the signed checkpoint over all entries. Whoever keeps it
// can later prove with [Verify] that nothing before it was changed or removed.
// For an empty log opened for reading it fails with [ErrNotFound].
func (l *Log) Checkpoint(context.Context) ([]byte, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.checkpoint == nil {
		return nil, fmt.Errorf("%w: the log is empty", ErrNotFound)
	}
	return append([]byte(nil), l.checkpoint...), nil
}

// Close takes no more entries, waits until those already taken are written or
// have failed, and stops what Open started. It does not close the store. A
// second Close returns nil.
func (l *Log) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.poke()
	<-l.done
	return nil
}

// poke wakes the writer.
func (l *Log) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}
