package audit

import (
	"context"
	"iter"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Record is an entry at its place in the log.
type Record struct {
	Index    int64     `json:"index"` // from 0, without gaps
	Entry    Entry     `json:"entry"`
	LeafHash tlog.Hash `json:"leaf_hash"` // RFC 6962 hash of the entry's leaf
}

// Batch is what one durable write holds: consecutive leaves and the signed
// checkpoint of the tree that ends with the last of them.
type Batch struct {
	First      int64    // index of the first leaf
	Leaves     [][]byte // at least one
	Checkpoint []byte   // signed note
}

// Reader reads what a store holds. Its methods are safe for concurrent use,
// also beside a process that appends.
type Reader interface {
	// Batches yields all batches in order, read anew from the medium, up to
	// what was durable when the iteration began (what came later may be seen
	// too). Damage is yielded once as a [*CorruptError] that names the entry.
	Batches(ctx context.Context) iter.Seq2[Batch, error]

	// Leaf returns the leaf with the given index, or [ErrNotFound].
	Leaf(ctx context.Context, index int64) ([]byte, error)

	// Checkpoint returns the published checkpoint, the latest that was signed,
	// or nil where nothing was appended yet. It is kept apart from the batches,
	// so that their loss is noticed.
	Checkpoint(ctx context.Context) ([]byte, error)
}

// Store keeps the batches of one log. At a time one [Log] writes to it.
// audittest.TestStore checks an implementation.
type Store interface {
	Reader

	// Append makes the batch durable, whole or not at all, and publishes its
	// checkpoint; then it returns nil. After an error the batch may or may not
	// be kept, and every further Append fails until the store is opened again.
	Append(ctx context.Context, b Batch) error
}

// Keyed is implemented by a [Reader] that knows its log's public keys: it is
// where [Open], [OpenReader] and [Verify] look when their options name none.
type Keyed interface {
	Verifiers() (note.Verifiers, error)
}

// Signing is implemented by a [Store] that keeps, and at first makes, its log's
// private key: it is where [Open] looks when its options name none. Such a
// store is [Keyed] too.
type Signing interface {
	Signer() (note.Signer, error)
}
