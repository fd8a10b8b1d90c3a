package interop_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"

	"github.com/posai-go/posai/audit/audittest"
)

// leafHashes is what Tessera's fsck command makes of a bundle.
func leafHashes(bundle []byte) ([][]byte, error) {
	var b api.EntryBundle
	if err := b.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	var out [][]byte
	for _, e := range b.Entries {
		out = append(out, rfc6962.DefaultHasher.HashLeaf(e))
	}
	return out, nil
}

// Tessera's fsck rebuilds the whole tree from the bundles and compares every tile.
func TestTesseraFsck(t *testing.T) {
	for name, newStore := range stores(t) {
		t.Run(name, func(t *testing.T) {
			signer, verifier := newKey(t)
			store := newStore(t)
			fill(t, store, signer, 1, 255, 300, 144)
			fetch, err := client.NewHTTPFetcher(publish(t, store), nil)
			require.NoError(t, err)
			require.NoError(t, fsck.New(origin, verifier, fetch, leafHashes, fsck.Opts{N: 2}).Check(t.Context()))
			_, stranger := newKey(t)
			require.Error(t, fsck.New(origin, stranger, fetch, leafHashes, fsck.Opts{N: 2}).Check(t.Context()))
		})
	}
}

// Tessera's client follows the log, and makes proofs of its tiles that it accepts.
func TestTesseraClient(t *testing.T) {
	for name, newStore := range stores(t) {
		t.Run(name, func(t *testing.T) {
			signer, verifier := newKey(t)
			store := newStore(t)
			fill(t, store, signer, 200)
			fetch, err := client.NewHTTPFetcher(publish(t, store), nil)
			require.NoError(t, err)
			tracker, err := client.NewLogStateTracker(t.Context(), fetch.ReadTile, nil, verifier, origin, client.UnilateralConsensus(fetch.ReadCheckpoint))
			require.NoError(t, err)
			assert.EqualValues(t, 200, tracker.Latest().Size)
			sizes := []int{200}
			for _, more := range []int{1, 55, 1, 400} {
				sizes = append(sizes, more)
				fill(t, store, signer, sizes...)
				_, _, _, err := tracker.Update(t.Context())
				require.NoError(t, err, "the client proves consistency itself")
			}
			latest := tracker.Latest()
			assert.EqualValues(t, 657, latest.Size)
			builder, err := client.NewProofBuilder(t.Context(), latest.Size, fetch.ReadTile)
			require.NoError(t, err)
			for _, i := range []uint64{0, 199, 200, 255, 256, 511, 512, 656} {
				path, err := builder.InclusionProof(t.Context(), i)
				require.NoError(t, err)
				leaf, err := audittest.Entry(int(i)).MarshalJSON()
				require.NoError(t, err)
				hash := rfc6962.DefaultHasher.HashLeaf(append(leaf, '\n'))
				require.NoError(t, proof.VerifyInclusion(rfc6962.DefaultHasher, i, latest.Size, hash, path, latest.Hash))
			}
			bundle, err := client.GetEntryBundle(t.Context(), fetch.ReadEntryBundle, 2, latest.Size)
			require.NoError(t, err)
			assert.Len(t, bundle.Entries, 657-512)
		})
	}
}
