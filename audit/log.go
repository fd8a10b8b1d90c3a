package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit/internal/merkle"
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

	// Vault seals the parts of entries that are not public. If nil, entries
	// with sealed parts are refused, and people are named in the clear.
	Vault *Vault

	// MaxWait is the longest that Append waits for the entry to become durable.
	// If zero, 10 s; if negative, only the context bounds the wait.
	MaxWait time.Duration

	// Sinks get copies of the records once they are durable.
	Sinks []SinkOptions

	// MaxPending is the largest number of entries that may wait for the
	// medium; further Appends wait their turn. If zero, 4,096.
	MaxPending int
}

// Log is an append-only log of entries in a Merkle tree. Its methods are safe
// for concurrent use.
type Log struct {
	reader    Searcher
	store     Store  // nil: reading only
	shared    Shared // nil: nobody else appends
	signer    note.Signer
	verifiers note.Verifiers
	origin    string
	vault     *Vault
	maxWait   time.Duration

	slots chan struct{} // one for each entry that waits for the medium
	wake  chan struct{} // tells the writer to look
	done  chan struct{} // closed when the writer has ended

	last int // entries in the last batch; the writer's alone

	feeds     []*feed
	feeding   sync.WaitGroup
	stopSinks context.CancelFunc // nil: there are none
	closing   chan struct{}      // closed by Close

	mu       sync.RWMutex
	head     head
	queue    []*pending
	inflight map[string]*pending // on their way, by ID
	failed   error               // why no more entries are taken
	closed   bool
}

// head is what the log knows of its tree.
type head struct {
	merkle.Frontier           // never changed in place
	root            tlog.Hash // of the Frontier
	signed          []byte    // checkpoint; nil: none yet
	published       bool      // signed is in the store
}

// Open checks the log in the store against its published checkpoint and returns
// it ready to append. The time that takes does not depend on the log's length:
// that old entries are still what was written is checked as each is read, and for
// all of them by [Log.Verify]. A store whose head is not what was signed fails
// with a [*CorruptError], a signer that does not fit with [ErrCheckpoint].
//
// The caller closes the Log, then the store. Until then no other Log may use
// the store, unless it is [Shared].
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
	l.shared, _ = store.(Shared)
	go l.write()
	if len(o.Sinks) > 0 {
		l.startSinks(o.Sinks)
	}
	return l, nil
}

// OpenReader is like [Open] for a log that another process may be writing: it
// shows what was there when it was opened or at the last [Log.Refresh], and
// Append fails with [ErrUnavailable].
func OpenReader(ctx context.Context, r Searcher, opts *Options) (*Log, error) {
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

func open(ctx context.Context, r Searcher, o Options) (*Log, error) {
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
		reader: r, signer: o.Signer, verifiers: verifiers, vault: o.Vault, maxWait: o.MaxWait,
		slots: make(chan struct{}, o.MaxPending), wake: make(chan struct{}, 1), done: make(chan struct{}),
		inflight: map[string]*pending{}, closing: make(chan struct{}),
	}
	l.head.root = l.head.Root()
	return l, l.Refresh(ctx)
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

// Refresh looks at what others have appended since, for a log that was opened
// for reading or whose store is [Shared]. A log that no longer continues what
// this Log has seen is a [*CorruptError]: it was rewritten or put back.
func (l *Log) Refresh(ctx context.Context) error {
	msg, err := l.reader.Checkpoint(ctx)
	if err != nil {
		return err
	}
	seen := l.now()
	if bytes.Equal(msg, seen.signed) || msg == nil && !seen.published {
		return nil
	}
	if msg == nil {
		return &CorruptError{Index: 0, Truncated: true, Reason: "the published checkpoint is gone"}
	}
	c, err := ParseCheckpoint(msg, l.verifiers)
	if err != nil {
		return &CorruptError{Index: -1, Reason: "the published checkpoint: " + bare(err)}
	}
	next := head{signed: msg, root: c.Root, published: true}
	if next.Frontier, err = loadFrontier(ctx, l.reader, c.Size); err != nil {
		return err
	}
	if next.Root() != c.Root {
		return &CorruptError{Index: -1, Reason: "the tree's hashes are not those of the published checkpoint"}
	}
	if err := l.continues(ctx, seen, c); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.head.Size <= next.Size { // else somebody was faster
		l.head, l.origin = next, c.Origin
	}
	return nil
}

// continues checks that the log of the checkpoint begins with the one that was
// seen.
func (l *Log) continues(ctx context.Context, seen head, c Checkpoint) error {
	switch {
	case l.origin != "" && c.Origin != l.origin:
		return &CorruptError{Index: -1, Reason: "the published checkpoint is of another log"}
	case c.Size < seen.Size:
		return &CorruptError{
			Index: c.Size, Truncated: true,
			Reason: fmt.Sprintf("the published checkpoint covers %d entries, %d were there", c.Size, seen.Size),
		}
	case seen.Size == 0:
		return nil
	}
	proof, err := tlog.ProveTree(c.Size, seen.Size, hashReader(ctx, l.reader))
	if err != nil {
		return err
	}
	if tlog.CheckTree(proof, c.Size, c.Root, seen.Size, seen.root) != nil {
		return &CorruptError{Index: -1, Reason: fmt.Sprintf("the first %d entries are not those that were there", seen.Size)}
	}
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
	msg, err := Checkpoint{l.origin, l.head.Size, l.head.root}.sign(l.signer)
	if err != nil {
		return err
	}
	if _, err := ParseCheckpoint(msg, l.verifiers); err != nil {
		return fmt.Errorf("audit: the verifiers do not accept the signer: %w", err)
	}
	if l.head.signed == nil {
		l.head.signed = msg
	}
	return nil
}

// now returns the present head.
func (l *Log) now() head {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.head
}

// Origin returns the name of the log, which is also the name of its key. It is
// empty for a log without entries that was opened for reading.
func (l *Log) Origin() string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.origin
}

// Size returns the number of entries that are durable, as far as this Log
// knows: see [Log.Refresh].
func (l *Log) Size() int64 { return l.now().Size }

// Checkpoint returns the signed checkpoint over all entries. Whoever keeps it
// can later prove with [Verify] that nothing before it was changed or removed.
// For an empty log opened for reading it fails with [ErrNotFound].
func (l *Log) Checkpoint(context.Context) ([]byte, error) {
	signed := l.now().signed
	if signed == nil {
		return nil, fmt.Errorf("%w: the log is empty", ErrNotFound)
	}
	return bytes.Clone(signed), nil
}

// Close takes no more entries, waits until those already taken are written or
// have failed, and stops what Open started. It does not close the store. A
// second Close returns nil.
//
// Sinks that are behind have five seconds to catch up.
func (l *Log) Close() error {
	l.mu.Lock()
	first := !l.closed
	l.closed = true
	l.mu.Unlock()
	l.poke()
	<-l.done
	if first {
		close(l.closing)
		l.closeSinks()
	}
	return nil
}

// poke wakes the writer.
func (l *Log) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}
