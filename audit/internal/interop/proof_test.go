package interop_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/transparency-dev/formats/log"
	fproof "github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

func bytesOf[T ~[]tlog.Hash](hashes T) [][]byte {
	var out [][]byte
	for _, h := range hashes {
		out = append(out, h[:])
	}
	return out
}

// The notes are read by x/mod's note and by transparency-dev's checkpoint.
func TestCheckpoint(t *testing.T) {
	signer, verifier := newKey(t)
	store := audittest.NewMemory(t)
	fill(t, store, signer, 7)
	msg, err := store.Checkpoint(t.Context())
	require.NoError(t, err)
	_, err = note.Open(msg, note.VerifierList(verifier))
	require.NoError(t, err)
	theirs, rest, _, err := log.ParseCheckpoint(msg, origin, verifier)
	require.NoError(t, err)
	assert.Empty(t, rest)
	ours, err := audit.ParseCheckpoint(msg, note.VerifierList(verifier))
	require.NoError(t, err)
	assert.EqualValues(t, theirs.Size, ours.Size)
	assert.Equal(t, theirs.Hash, ours.Root[:])

	again, err := note.Sign(&note.Note{Text: string(theirs.Marshal())}, signer)
	require.NoError(t, err)
	assert.Equal(t, string(msg), string(again), "the same checkpoint has the same bytes")
}

// Every receipt and every consistency proof of a log is accepted by
// transparency-dev's verifier, and read and written by its proof files.
func TestProofs(t *testing.T) {
	signer, verifier := newKey(t)
	store := audittest.NewMemory(t)
	const size = 21
	fill(t, store, signer, size)
	log := openLog(t, store, signer, verifier)
	for i := range int64(size) {
		receipt, err := log.Receipt(t.Context(), i)
		require.NoError(t, err)
		text, err := receipt.MarshalText()
		require.NoError(t, err)

		var theirs fproof.TLogProof
		require.NoError(t, theirs.Unmarshal(text))
		assert.EqualValues(t, i, theirs.Index)
		assert.Equal(t, receipt.Leaf, theirs.ExtraData)
		assert.Equal(t, string(text), string(theirs.Marshal()))
		var path [][]byte
		for _, h := range theirs.Hashes {
			path = append(path, h[:])
		}
		c, err := audit.ParseCheckpoint(theirs.Checkpoint, note.VerifierList(verifier))
		require.NoError(t, err)
		hash := rfc6962.DefaultHasher.HashLeaf(theirs.ExtraData)
		require.NoError(t, proof.VerifyInclusion(rfc6962.DefaultHasher, theirs.Index, size, hash, path, c.Root[:]))

		theirs.ExtraData = nil
		var ours audit.Receipt
		require.NoError(t, ours.UnmarshalText(theirs.Marshal()))
		ours.Leaf = receipt.Leaf
		_, _, err = ours.Verify(note.VerifierList(verifier))
		require.NoError(t, err)
	}
	for newer := int64(1); newer <= size; newer++ {
		for older := int64(1); older <= newer; older++ {
			p, err := log.Consistency(t.Context(), older, newer)
			require.NoError(t, err)
			before, err := log.Root(t.Context(), older)
			require.NoError(t, err)
			after, err := log.Root(t.Context(), newer)
			require.NoError(t, err)
			require.NoError(t, proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(older), uint64(newer), bytesOf(p), before[:], after[:]))
		}
	}
}
