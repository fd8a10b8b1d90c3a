package tiles

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/internal/merkle"
)

// maxCached bounds what a Reader keeps of what it has fetched, in bytes.
const maxCached = 32 << 20

// Reader reads a log that is published as tiles. It implements [audit.Searcher],
// though its search is reading all, and [audit.Keyed]. As every [audit.Reader] it
// vouches for nothing: [audit.OpenReader], [audit.Verify] and package monitor
// check what it gives. It is safe for concurrent use.
type Reader struct {
	fetch Fetch
	known note.Verifiers

	mu    sync.Mutex
	cache map[string][]byte // resources that never change, by path
	held  int               // bytes in it
	size  int64             // of the largest checkpoint that a known key signed
}

// NewReader returns a reader of the log whose keys are known.
func NewReader(fetch Fetch, known note.Verifiers) (*Reader, error) {
	if fetch == nil || known == nil {
		return nil, errors.New("tiles: a reader needs a source and the log's keys")
	}
	return &Reader{fetch: fetch, known: known, cache: map[string][]byte{}}, nil
}

// Verifiers implements [audit.Keyed].
func (r *Reader) Verifiers() (note.Verifiers, error) { return r.known, nil }

// Checkpoint implements [audit.Reader].
func (r *Reader) Checkpoint(ctx context.Context) ([]byte, error) {
	msg, err := r.fetch(ctx, checkpointPath)
	if errors.Is(err, audit.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if c, err := audit.ParseCheckpoint(msg, r.known); err == nil {
		r.mu.Lock()
		r.size = max(r.size, c.Size)
		r.mu.Unlock()
	}
	return msg, nil
}

// covered returns the size of the tree that may be asked for.
func (r *Reader) covered(ctx context.Context) (int64, error) {
	r.mu.Lock()
	size := r.size
	r.mu.Unlock()
	if size > 0 {
		return size, nil
	}
	msg, err := r.Checkpoint(ctx)
	if err != nil || msg == nil {
		return 0, err
	}
	_, err = audit.ParseCheckpoint(msg, r.known)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.size, err
}

// Batches implements [audit.Reader]: a batch for each bundle. Sealed parts are
// not published.
func (r *Reader) Batches(ctx context.Context, first int64) iter.Seq2[audit.Batch, error] {
	return func(yield func(audit.Batch, error) bool) {
		msg, err := r.Checkpoint(ctx)
		if err != nil {
			yield(audit.Batch{}, err)
			return
		}
		if msg == nil {
			return
		}
		c, err := audit.UnverifiedCheckpoint(msg)
		if err != nil {
			yield(audit.Batch{}, &audit.CorruptError{Index: -1, Reason: "the published checkpoint is malformed"})
			return
		}
		for at := first / merkle.TileWidth * merkle.TileWidth; at < c.Size; at += merkle.TileWidth {
			b := audit.Batch{First: at, PartsAbsent: true}
			entries, err := r.bundle(ctx, at/merkle.TileWidth, int(min(c.Size-at, merkle.TileWidth)))
			if err != nil {
				yield(audit.Batch{}, err)
				return
			}
			for _, e := range entries {
				b.Leaves = append(b.Leaves, audit.Leaf{Data: bytes.Clone(e)})
			}
			if at+merkle.TileWidth >= c.Size {
				b.Checkpoint = msg
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}

// Leaf implements [audit.Reader].
func (r *Reader) Leaf(ctx context.Context, index int64) (audit.Leaf, error) {
	size, err := r.covered(ctx)
	if err != nil {
		return audit.Leaf{}, err
	}
	if index < 0 || index >= size {
		return audit.Leaf{}, fmt.Errorf("%w: index %d of %d", audit.ErrNotFound, index, size)
	}
	first := index / merkle.TileWidth * merkle.TileWidth
	entries, err := r.bundle(ctx, first/merkle.TileWidth, int(min(size-first, merkle.TileWidth)))
	if err != nil {
		return audit.Leaf{}, err
	}
	return audit.Leaf{Data: bytes.Clone(entries[index-first])}, nil
}

// bundle returns the entries of a bundle, of which at least width are there, as
// they are in the cache.
func (r *Reader) bundle(ctx context.Context, number int64, width int) ([][]byte, error) {
	data, full, err := r.resource(ctx, -1, number, width)
	first, want := number*merkle.TileWidth, width
	if errors.Is(err, audit.ErrNotFound) {
		return nil, &audit.CorruptError{Index: first, Reason: "its bundle is missing"}
	}
	if err != nil {
		return nil, err
	}
	if full {
		width = merkle.TileWidth
	}
	entries, ok := merkle.ParseBundle(data, width)
	if !ok {
		return nil, &audit.CorruptError{Index: first + int64(len(entries)), Reason: "its bundle is damaged"}
	}
	return entries[:want], nil
}

// Hashes implements [audit.Reader].
func (r *Reader) Hashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error) {
	size, err := r.covered(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= tlog.StoredHashCount(size) {
			return nil, fmt.Errorf("%w: hash %d of the tree", audit.ErrNotFound, index)
		}
		t := tlog.TileForIndex(merkle.TileHeight, index)
		there := size>>(merkle.TileHeight*t.L) - t.N*merkle.TileWidth
		t.W = int(min(there, merkle.TileWidth))
		data, full, err := r.resource(ctx, t.L, t.N, t.W)
		if err != nil {
			return nil, err
		}
		if full {
			t.W = merkle.TileWidth
		}
		if len(data) != t.W*tlog.HashSize {
			return nil, &audit.CorruptError{Index: -1, Reason: "a tile is damaged"}
		}
		if out[i], err = tlog.HashFromTile(t, data, index); err != nil {
			return nil, fmt.Errorf("tiles: %w", err)
		}
	}
	return out, nil
}

// resource returns a tile or bundle of at least the given width. A partial one
// may be gone once the full one is there: then it is that, and full is true.
func (r *Reader) resource(ctx context.Context, level int, number int64, width int) (data []byte, full bool, err error) {
	data, err = r.cached(ctx, merkle.TilePath(level, number, width))
	if errors.Is(err, audit.ErrNotFound) && width < merkle.TileWidth {
		data, err = r.cached(ctx, merkle.TilePath(level, number, merkle.TileWidth))
		return data, true, err
	}
	return data, false, err
}

func (r *Reader) cached(ctx context.Context, path string) ([]byte, error) {
	r.mu.Lock()
	data, ok := r.cache[path]
	r.mu.Unlock()
	if ok {
		return data, nil
	}
	data, err := r.fetch(ctx, path)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held+len(data) > maxCached {
		clear(r.cache)
		r.held = 0
	}
	r.cache[path] = data
	r.held += len(data)
	return data, nil
}

// Search implements [audit.Searcher]. It yields every entry in range.
func (r *Reader) Search(ctx context.Context, q audit.Query) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		size, err := r.covered(ctx)
		if err != nil {
			yield(0, err)
			return
		}
		low, high := max(q.First, 0), size
		if q.Before > 0 {
			high = min(high, q.Before)
		}
		if q.ID != "" { // is looked up exactly
			index, err := r.find(ctx, q.ID, low, high)
			if err != nil || index >= 0 {
				yield(index, err)
			}
			return
		}
		for i := range max(high-low, 0) {
			index := low + i
			if q.Descending {
				index = high - 1 - i
			}
			if !yield(index, nil) {
				return
			}
		}
	}
}

// find returns the index of the entry with the ID, or -1.
func (r *Reader) find(ctx context.Context, id string, low, high int64) (int64, error) {
	for b, err := range r.Batches(ctx, low) {
		if err != nil {
			return 0, err
		}
		for i, leaf := range b.Leaves {
			index := b.First + int64(i)
			if index < low || index >= high {
				continue
			}
			if e, err := audit.ParseLeaf(leaf.Data); err == nil && e.ID == id {
				return index, nil
			}
		}
	}
	return -1, nil
}

var (
	_ audit.Searcher = (*Reader)(nil)
	_ audit.Keyed    = (*Reader)(nil)
)
