package audit_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

// bundled yields a store's entries in portions of two, of which only the last
// has a checkpoint, as a store does that has put old entries into bundles.
type bundled struct {
	*audittest.Memory
	change func(index int64, leaf []byte) []byte
}

func (r bundled) Batches(ctx context.Context, first int64) iter.Seq2[audit.Batch, error] {
	return func(yield func(audit.Batch, error) bool) {
		var leaves []audit.Leaf
		var last []byte
		for b, err := range r.Memory.Batches(ctx, 0) {
			if err != nil {
				yield(b, err)
				return
			}
			leaves, last = append(leaves, b.Leaves...), b.Checkpoint
		}
		for i := first / 2 * 2; i < int64(len(leaves)); i += 2 {
			b := audit.Batch{First: i, Leaves: leaves[i:min(i+2, int64(len(leaves)))]}
			for j := range b.Leaves {
				if r.change != nil {
					b.Leaves[j].Data = r.change(i+int64(j), b.Leaves[j].Data)
				}
			}
			if i+2 >= int64(len(leaves)) {
				b.Checkpoint = last
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}

// The first bad entry is named whatever the portions and the number of workers.
func TestVerifyNamesTheEntry(t *testing.T) {
	signer, known := audittest.NewKey(t)
	store := audittest.NewMemory(t)
	for _, b := range audittest.Batches(t, signer, 1, 4, 6, 2, 8, 1, 1) {
		require.NoError(t, store.Append(t.Context(), b))
	}
	const size = 23
	for _, workers := range []int{1, 2, 7} {
		opts := &audit.VerifyOptions{Verifiers: known, Workers: workers}
		var progress []int64
		opts.Progress = func(read, published int64) {
			assert.EqualValues(t, size, published)
			progress = append(progress, read)
		}
		report, err := audit.Verify(t.Context(), bundled{store, nil}, opts)
		require.NoError(t, err)
		assert.EqualValues(t, size, report.Entries)
		assert.EqualValues(t, 1, report.Batches)
		assert.Equal(t, []int64{2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 23}, progress)
		for bad := range int64(size) {
			for name, change := range map[string]func([]byte) []byte{
				"a digit":     func(leaf []byte) []byte { return bytes.Replace(leaf, []byte("09:00:"), []byte("09:01:"), 1) },
				"no entry":    func(leaf []byte) []byte { return leaf[1:] },
				"a part more": func(leaf []byte) []byte { return append(bytes.Clone(leaf), "sealed AAAA\n"...) },
			} {
				reader := bundled{store, func(index int64, leaf []byte) []byte {
					if index < bad {
						return leaf
					}
					return change(leaf) // this one and all that follow
				}}
				report, err := audit.Verify(t.Context(), reader, opts)
				var corrupt *audit.CorruptError
				require.ErrorAs(t, err, &corrupt, "%s at %d", name, bad)
				require.Equal(t, bad, corrupt.Index, "%s: %s", name, corrupt.Reason)
				require.LessOrEqual(t, report.Entries, bad)
			}
		}
	}
}

func TestVerifyEndsWithItsContext(t *testing.T) {
	signer, known := audittest.NewKey(t)
	store := audittest.NewMemory(t)
	for _, b := range audittest.Batches(t, signer, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1) {
		require.NoError(t, store.Append(t.Context(), b))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	report, err := audit.Verify(ctx, store, &audit.VerifyOptions{Verifiers: known, Workers: 2, Progress: func(read, _ int64) {
		if read == 3 {
			cancel()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
	assert.Nil(t, report)
}

// unpublished is a log whose published checkpoint is not there the first times that
// it is asked for.
type unpublished struct {
	*audittest.Memory
	times int
}

func (r *unpublished) Checkpoint(ctx context.Context) ([]byte, error) {
	if r.times--; r.times >= 0 {
		return nil, ctx.Err()
	}
	return r.Memory.Checkpoint(ctx)
}

// A log that is begun while it is verified has its checkpoint by then.
func TestVerifyALogThatBegins(t *testing.T) {
	signer, known := audittest.NewKey(t)
	store := audittest.NewMemory(t)
	for _, b := range audittest.Batches(t, signer, 1, 2, 1) {
		require.NoError(t, store.Append(t.Context(), b))
	}
	report, err := audit.Verify(t.Context(), &unpublished{store, 1}, &audit.VerifyOptions{Verifiers: known})
	require.NoError(t, err)
	assert.EqualValues(t, 4, report.Entries)
	_, err = audit.Verify(t.Context(), &unpublished{store, 100}, &audit.VerifyOptions{Verifiers: known})
	require.ErrorIs(t, err, audit.ErrCorrupt)
}

// What was signed but is no entry is found where it is asked for.
func TestVerifyReadsEntries(t *testing.T) {
	signer, known := audittest.NewKey(t)
	store := audittest.NewMemory(t)
	b := audittest.Batches(t, signer, 1)[0]
	b.Leaves[0].Data = []byte("{}\n")
	b.Hashes[0] = tlog.RecordHash(b.Leaves[0].Data)
	var err error
	b.Checkpoint, err = note.Sign(&note.Note{Text: fmt.Sprintf("example.com/log\n1\n%s\n", b.Hashes[0])}, signer)
	require.NoError(t, err)
	require.NoError(t, store.Append(t.Context(), b))
	_, err = audit.Verify(t.Context(), store, &audit.VerifyOptions{Verifiers: known})
	require.NoError(t, err, "it is what was signed")
	_, err = audit.Verify(t.Context(), store, &audit.VerifyOptions{Verifiers: known, Entries: true})
	require.ErrorContains(t, err, "entry 0")
}

func TestReceiptVerifier(t *testing.T) {
	log, known := receipts(t, 40)
	refuse := 0
	v := audit.NewReceiptVerifier(known, func([]byte) error { refuse++; return nil })
	for i := range log.Size() {
		r, err := log.Receipt(t.Context(), i)
		require.NoError(t, err)
		record, c, err := v.Verify(r)
		require.NoError(t, err)
		assert.Equal(t, i, record.Index)
		assert.EqualValues(t, 40, c.Size)
		assert.Regexp(t, "^sha256:[0-9a-f]{64}$", r.Digest())
		r.Index++
		_, _, err = v.Verify(r)
		require.ErrorIs(t, err, audit.ErrCorrupt)
	}
	assert.Equal(t, 1, refuse, "one checkpoint, looked at once")
	r, err := log.Receipt(t.Context(), 0)
	require.NoError(t, err)
	_, _, err = audit.NewReceiptVerifier(known, func([]byte) error { return audit.ErrCheckpoint }).Verify(r)
	require.ErrorIs(t, err, audit.ErrCheckpoint)
	_, strangers := audittest.NewKey(t)
	_, _, err = audit.NewReceiptVerifier(strangers, nil).Verify(r)
	require.ErrorIs(t, err, audit.ErrCheckpoint)
}

// A proof file without the leaf is one as well; who has the leaf adds it.
func TestReceiptWithoutLeaf(t *testing.T) {
	log, known := receipts(t, 5)
	r, err := log.Receipt(t.Context(), 3)
	require.NoError(t, err)
	leaf := r.Leaf
	r.Leaf = nil
	text, err := r.MarshalText()
	require.NoError(t, err)
	assert.NotContains(t, string(text), "\nextra ")
	var again audit.Receipt
	require.NoError(t, again.UnmarshalText(text))
	_, _, err = again.Verify(known)
	require.ErrorIs(t, err, audit.ErrCorrupt)
	again.Leaf = leaf
	_, _, err = again.Verify(known)
	require.NoError(t, err)
}

// The receipt is against the checkpoint that was asked for.
func TestReceiptFor(t *testing.T) {
	log, known := receipts(t, 9)
	early, err := log.Checkpoint(t.Context())
	require.NoError(t, err)
	for i := 9; i < 14; i++ {
		appendTo(t, log, i)
	}
	for i := range int64(9) {
		r, err := log.ReceiptFor(t.Context(), i, early)
		require.NoError(t, err)
		_, c, err := r.Verify(known)
		require.NoError(t, err)
		assert.EqualValues(t, 9, c.Size)
	}
	_, err = log.ReceiptFor(t.Context(), 9, early)
	require.ErrorIs(t, err, audit.ErrNotFound)
	_, err = log.ReceiptFor(t.Context(), 0, []byte("x"))
	require.ErrorIs(t, err, audit.ErrCheckpoint)
	other, _ := receipts(t, 9)
	_, err = other.ReceiptFor(t.Context(), 0, early)
	require.ErrorIs(t, err, audit.ErrCheckpoint)
}
