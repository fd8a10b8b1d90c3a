package monitor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
)

// What a monitor raises the alarm for. An error that matches one of them is an
// [*InconsistentError] and matches [audit.ErrCorrupt] too.
var (
	// ErrRollback means that the log shows fewer entries than it has signed
	// before.
	ErrRollback = errors.New("monitor: the log was put back")

	// ErrSplitView means that the log shows other entries than those that it
	// has signed before.
	ErrSplitView = errors.New("monitor: the log shows another history")
)

// InconsistentError holds the evidence: two checkpoints that the log has signed
// and that no single append-only log has.
type InconsistentError struct {
	Remembered []byte // signed note
	Seen       []byte // signed note
	Rollback   bool   // the seen one has fewer entries

	// Proof is what the log gave to prove that the larger one continues the
	// smaller one, where it was asked.
	Proof tlog.TreeProof
}

func (e *InconsistentError) Error() string {
	was, _ := audit.UnverifiedCheckpoint(e.Remembered)
	is, _ := audit.UnverifiedCheckpoint(e.Seen)
	what := "another history"
	if e.Rollback {
		what = "put back"
	}
	return fmt.Sprintf("monitor: log %s: %s: signed %d entries with root %s before, now %d with root %s",
		is.Origin, what, was.Size, was.Root, is.Size, is.Root)
}

// Is reports whether target is what the log did, or [audit.ErrCorrupt].
func (e *InconsistentError) Is(target error) bool {
	return target == ErrRollback && e.Rollback || target == ErrSplitView && !e.Rollback || target == audit.ErrCorrupt
}

// Source is a log that is followed. [*audit.Log] is one; it is brought up to date
// with [audit.Log.Refresh].
type Source interface {
	// Checkpoint returns the latest signed checkpoint.
	Checkpoint(ctx context.Context) ([]byte, error)

	// Consistency returns the proof that the tree of the newer size continues
	// that of the older size, 1 ≤ older ≤ newer.
	Consistency(ctx context.Context, older, newer int64) (tlog.TreeProof, error)
}

// Memory keeps one checkpoint.
type Memory interface {
	// Load returns the checkpoint that is kept, or nil.
	Load(ctx context.Context) ([]byte, error)

	// Save durably puts next in the place of last (nil: none), or fails where
	// something else than last is kept.
	Save(ctx context.Context, last, next []byte) error
}

// Monitor follows one log. It is safe for concurrent use.
type Monitor struct {
	known  note.Verifiers
	memory Memory
	mu     sync.Mutex
}

// New returns a monitor that trusts the known keys of the log.
func New(known note.Verifiers, memory Memory) *Monitor {
	return &Monitor{known: known, memory: memory}
}

// Observation is what a check has found.
type Observation struct {
	audit.Checkpoint
	Note   []byte // the signed checkpoint
	Before int64  // entries that were remembered; 0 at the first check
	First  bool   // nothing was remembered: this checkpoint was taken on trust
}

// Check looks at the log's latest checkpoint, proves that it continues the one
// that is remembered, and remembers it. What is remembered does not change after
// an error: [ErrRollback] and [ErrSplitView] are alarms and stay,
// [audit.ErrCheckpoint] means that the log is not signed by a known key, and
// anything else that it could not be found out.
func (m *Monitor) Check(ctx context.Context, log Source) (*Observation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	last, err := m.memory.Load(ctx)
	if err != nil {
		return nil, err
	}
	msg, err := log.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	c, err := audit.ParseCheckpoint(msg, m.known)
	if err != nil {
		return nil, err
	}
	seen := &Observation{Checkpoint: c, Note: bytes.Clone(msg), First: last == nil}
	if last != nil {
		was, err := audit.ParseCheckpoint(last, m.known)
		if err != nil {
			return nil, fmt.Errorf("monitor: the remembered checkpoint: %w", err)
		}
		if err := consistent(ctx, log, was, c, last, msg); err != nil {
			return nil, err
		}
		if c.Size < was.Size {
			return nil, &InconsistentError{Remembered: last, Seen: bytes.Clone(msg), Rollback: true}
		}
		seen.Before = was.Size
		if c.Size == was.Size {
			return seen, nil
		}
	}
	if err := m.memory.Save(ctx, last, msg); err != nil {
		return nil, err
	}
	return seen, nil
}

// Compare proves that a checkpoint which somebody else was shown, and the log's
// latest one, are of one history. It remembers nothing. Where the checkpoint has
// more entries than the log shows, that is [ErrRollback].
func (m *Monitor) Compare(ctx context.Context, log Source, checkpoint []byte) error {
	other, err := audit.ParseCheckpoint(checkpoint, m.known)
	if err != nil {
		return err
	}
	msg, err := log.Checkpoint(ctx)
	if err != nil {
		return err
	}
	c, err := audit.ParseCheckpoint(msg, m.known)
	if err != nil {
		return err
	}
	if err := consistent(ctx, log, other, c, checkpoint, msg); err != nil {
		return err
	}
	if c.Size < other.Size {
		return &InconsistentError{Remembered: bytes.Clone(checkpoint), Seen: bytes.Clone(msg), Rollback: true}
	}
	return nil
}

// consistent proves that what is continues what was, as far as sizes allow.
func consistent(ctx context.Context, log Source, was, is audit.Checkpoint, last, msg []byte) error {
	if is.Origin != was.Origin {
		return fmt.Errorf("%w: of another log", audit.ErrCheckpoint)
	}
	if is.Size < was.Size || was.Size == 0 {
		return nil
	}
	fork := &InconsistentError{Remembered: bytes.Clone(last), Seen: bytes.Clone(msg)}
	if is.Size == was.Size {
		if is.Root != was.Root {
			return fork
		}
		return nil
	}
	proof, err := log.Consistency(ctx, was.Size, is.Size)
	if err != nil {
		return fmt.Errorf("monitor: no proof that entry %d and on continue what was there: %w", was.Size, err)
	}
	if tlog.CheckTree(proof, is.Size, is.Root, was.Size, was.Root) != nil {
		fork.Proof = proof
		return fork
	}
	return nil
}
