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

// Leaf is what a store keeps of one entry.
type Leaf struct {
	Data   []byte   // what the tree commits to
	Sealed [][]byte // the sealed parts whose hashes Data holds, in that order
}

// Batch is what one durable write holds: consecutive leaves and the signed
// checkpoint of the tree that ends with the last of them.
type Batch struct {
	First  int64  // index of the first leaf
	Leaves []Leaf // at least one

	// Checkpoint is a signed note. A store that keeps old entries in other
	// portions than they were appended in may yield portions with a nil
	// Checkpoint. The last portion always has one.
	Checkpoint []byte

	// PartsAbsent says that the leaves' sealed parts are not at hand, as in a log
	// that is published: their hashes are proven, they themselves are not.
	PartsAbsent bool

	// Entries are the leaves' entries, for the store's search, and Hashes the
	// hashes that the leaves add to the tree, in the order of
	// [tlog.StoredHashIndex], for the store to keep. Both are set in what Append
	// is given, and nil in what Batches yields.
	Entries []*Entry
	Hashes  []tlog.Hash
}

// Reader reads what a store holds. Its methods are safe for concurrent use,
// also beside a process that appends. What they return belongs to the caller.
type Reader interface {
	// Checkpoint returns the published checkpoint, the latest that was signed,
	// or nil where nothing was appended yet. It is kept apart from the batches,
	// so that their loss is noticed.
	Checkpoint(ctx context.Context) ([]byte, error)

	// Batches yields all batches in order, read anew from the medium, from the
	// one that holds the entry first up to what was durable when the iteration
	// began (what came later may be seen too). Damage is yielded once as a
	// [*CorruptError] that names the entry.
	Batches(ctx context.Context, first int64) iter.Seq2[Batch, error]

	// Leaf returns the leaf with the given index, or [ErrNotFound].
	Leaf(ctx context.Context, index int64) (Leaf, error)

	// Hashes returns the hashes of the tree with the given indexes, numbered as
	// by [tlog.StoredHashIndex], in that order. An index outside of the tree is
	// [ErrNotFound]. The caller checks them against a checkpoint.
	Hashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error)
}

// Searcher is a [Reader] that finds entries without reading all.
type Searcher interface {
	Reader

	// Search yields the indexes of entries, each once, in ascending order, or
	// descending where the query says so, among which all are that the query
	// selects, of those that were durable when the iteration began. It may
	// yield others too: whoever searches compares each entry with the query.
	// An ID is looked up exactly. A subject's ID is also the pseudonym of a
	// sealed part, see [Query.Match]. Limit is the searcher's own matter.
	Search(ctx context.Context, q Query) iter.Seq2[int64, error]
}

// Store keeps the batches of one log. At a time one [Log] writes to it, unless
// it is [Shared]. audittest.TestStore checks an implementation.
type Store interface {
	Searcher

	// Append makes the batch durable, whole or not at all, and publishes its
	// checkpoint; then it returns nil, and all methods see it. After an error
	// the batch may or may not be kept, and every further Append fails until the
	// store is opened again. It does not keep the batch's slices; it may keep the
	// entries, which nobody changes.
	Append(ctx context.Context, b Batch) error
}

// Shared is implemented by a [Store] that several Logs append to, in one process
// or in many. They take turns. Unlike other stores it goes on after an Append
// that failed: the next turn shows what came of it.
type Shared interface {
	// Turn waits until no other Log may append and returns the function that
	// ends the turn. Within it, the store's methods show all that others have
	// appended. If the turn is lost before its end, Append writes nothing and
	// fails with an error that matches [ErrUnavailable], as always where it
	// certainly has written nothing.
	Turn(ctx context.Context) (end func(), err error)

	// Known returns which of the entries' IDs are in the log.
	Known(ctx context.Context, ids []string) (map[string]bool, error)
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
