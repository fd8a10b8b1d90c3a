package audit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

// BenchmarkVerify compares the verification of a whole log, by one worker, with
// hashing its entries into a tree by package tlog alone.
func BenchmarkVerify(b *testing.B) {
	signer, known := audittest.NewKey(b)
	store := audittest.NewMemory(b)
	sizes := make([]int, 20)
	for i := range sizes {
		sizes[i] = 1024
	}
	var leaves [][]byte
	for _, batch := range audittest.Batches(b, signer, sizes...) {
		require.NoError(b, store.Append(b.Context(), batch))
		for _, leaf := range batch.Leaves {
			leaves = append(leaves, leaf.Data)
		}
	}
	bare := func() time.Duration {
		begin := time.Now()
		var hashes []tlog.Hash
		read := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
			out := make([]tlog.Hash, len(indexes))
			for i, index := range indexes {
				out[i] = hashes[index]
			}
			return out, nil
		})
		for i, leaf := range leaves {
			stored, err := tlog.StoredHashes(int64(i), leaf, read)
			require.NoError(b, err)
			hashes = append(hashes, stored...)
		}
		_, err := tlog.TreeHash(int64(len(leaves)), read)
		require.NoError(b, err)
		return time.Since(begin)
	}
	for _, entries := range []bool{false, true} {
		name := "hashes"
		if entries {
			name = "entries"
		}
		b.Run(name, func(b *testing.B) {
			var raw, ours time.Duration
			for b.Loop() {
				raw += bare()
				begin := time.Now()
				_, err := audit.Verify(b.Context(), store, &audit.VerifyOptions{Verifiers: known, Workers: 1, Entries: entries})
				require.NoError(b, err)
				ours += time.Since(begin)
			}
			b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N*len(leaves)), "ns/entry")
			b.ReportMetric(raw.Seconds()/ours.Seconds(), "of-bare-tlog")
		})
	}
}

// BenchmarkReceipt is the offline check of a receipt from a log of two thousand
// entries, text included, beside the Ed25519 signature alone: of the first one
// under a checkpoint, and of a further one under the same.
func BenchmarkReceipt(b *testing.B) {
	signer, known := audittest.NewKey(b)
	store := audittest.NewMemory(b)
	for _, batch := range audittest.Batches(b, signer, 1000, 1000, 48) {
		require.NoError(b, store.Append(b.Context(), batch))
	}
	log, err := audit.OpenReader(b.Context(), store, &audit.Options{Verifiers: known})
	require.NoError(b, err)
	receipt, err := log.Receipt(b.Context(), 777)
	require.NoError(b, err)
	text, err := receipt.MarshalText()
	require.NoError(b, err)
	parse := func(b *testing.B) *audit.Receipt {
		var r audit.Receipt
		if err := r.UnmarshalText(text); err != nil {
			b.Fatal(err)
		}
		return &r
	}
	b.Run("signature", func(b *testing.B) {
		for b.Loop() {
			if _, err := note.Open(receipt.Checkpoint, known); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := parse(b).Verify(known); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("further", func(b *testing.B) {
		v := audit.NewReceiptVerifier(known, nil)
		for b.Loop() {
			if _, _, err := v.Verify(parse(b)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
