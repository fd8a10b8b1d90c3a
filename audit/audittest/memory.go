package audittest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/internal/memindex"
)

// Memory is an [audit.Store] in memory, with a key of its own. It is safe for
// concurrent use.
type Memory struct {
	// Before, if set, is called ahead of every Append: it can wait, or return an
	// error, which then is that of the Append. Set it before the store is used.
	Before func(audit.Batch) error

	signer    note.Signer
	verifiers note.Verifiers

	mu      sync.RWMutex
	batches []audit.Batch
	index   *memindex.Index
}

// NewMemory returns an empty store.
func NewMemory(t testing.TB) *Memory {
	t.Helper()
	signer, verifiers := NewKey(t)
	return &Memory{signer: signer, verifiers: verifiers, index: memindex.New(0)}
}

// NewKey returns a new key of the log "example.com/log".
func NewKey(t testing.TB) (note.Signer, note.Verifiers) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, "example.com/log")
	require.NoError(t, err)
	signer, err := note.NewSigner(skey)
	require.NoError(t, err)
	verifier, err := note.NewVerifier(vkey)
	require.NoError(t, err)
	return signer, note.VerifierList(verifier)
}

// Signer implements [audit.Signing].
func (m *Memory) Signer() (note.Signer, error) { return m.signer, nil }

// Verifiers implements [audit.Keyed].
func (m *Memory) Verifiers() (note.Verifiers, error) { return m.verifiers, nil }

// Close does nothing.
func (m *Memory) Close() error { return nil }

// Append implements [audit.Store].
func (m *Memory) Append(ctx context.Context, b audit.Batch) error {
	if m.Before != nil {
		if err := m.Before(b); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if b.First != m.index.Size() || len(b.Leaves) == 0 {
		return fmt.Errorf("audittest: a batch of %d entries from %d on cannot follow entry %d", len(b.Leaves), b.First, m.index.Size()-1)
	}
	m.index.Add(b.Entries, b.Hashes)
	b.Entries, b.Hashes = nil, nil
	m.batches = append(m.batches, cloneBatch(b))
	return nil
}

// Batches implements [audit.Reader].
func (m *Memory) Batches(ctx context.Context, first int64) iter.Seq2[audit.Batch, error] {
	return func(yield func(audit.Batch, error) bool) {
		m.mu.RLock()
		batches := m.batches
		m.mu.RUnlock()
		for _, b := range batches {
			if b.First+int64(len(b.Leaves)) <= first {
				continue
			}
			if err := ctx.Err(); err != nil {
				yield(audit.Batch{}, err)
				return
			}
			if !yield(cloneBatch(b), nil) {
				return
			}
		}
	}
}

// Leaf implements [audit.Reader].
func (m *Memory) Leaf(ctx context.Context, index int64) (audit.Leaf, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return audit.Leaf{}, err
	}
	for _, b := range m.batches {
		if i := index - b.First; i >= 0 && i < int64(len(b.Leaves)) {
			return cloneLeaf(b.Leaves[i]), nil
		}
	}
	return audit.Leaf{}, audit.ErrNotFound
}

// Hashes implements [audit.Reader].
func (m *Memory) Hashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return m.index.Hashes(indexes)
}

// Search implements [audit.Searcher].
func (m *Memory) Search(ctx context.Context, q audit.Query) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		m.mu.RLock()
		found := m.index.Search(&q)
		m.mu.RUnlock()
		for _, index := range found {
			if err := ctx.Err(); err != nil {
				yield(0, err)
				return
			}
			if !yield(index, nil) {
				return
			}
		}
	}
}

// Checkpoint implements [audit.Reader].
func (m *Memory) Checkpoint(ctx context.Context) ([]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := ctx.Err(); err != nil || len(m.batches) == 0 {
		return nil, err
	}
	return bytes.Clone(m.batches[len(m.batches)-1].Checkpoint), nil
}

func cloneBatch(b audit.Batch) audit.Batch {
	b.Checkpoint = bytes.Clone(b.Checkpoint)
	b.Leaves = slices.Clone(b.Leaves)
	for i, leaf := range b.Leaves {
		b.Leaves[i] = cloneLeaf(leaf)
	}
	return b
}

func cloneLeaf(leaf audit.Leaf) audit.Leaf {
	leaf.Data = bytes.Clone(leaf.Data)
	leaf.Sealed = slices.Clone(leaf.Sealed)
	for i, part := range leaf.Sealed {
		leaf.Sealed[i] = bytes.Clone(part)
	}
	return leaf
}
