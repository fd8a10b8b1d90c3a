package audit_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
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
// entries, from its text to the typed entry. The first one under a checkpoint has
// its Ed25519 signature checked, which is measured beside it, bare: own-µs is what
// the rest takes. A further one under the same checkpoint is the proof alone.
func BenchmarkReceipt(b *testing.B) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(b, err)
	vkey, err := note.NewEd25519VerifierKey("example.com/audit", public)
	require.NoError(b, err)
	verifier, err := note.NewVerifier(vkey)
	require.NoError(b, err)
	known := note.VerifierList(verifier)
	store := audittest.NewMemory(b)
	signer := ed25519Signer{verifier, private}
	for _, batch := range audittest.Batches(b, signer, 1000, 1000, 48) {
		require.NoError(b, store.Append(b.Context(), batch))
	}
	log, err := audit.OpenReader(b.Context(), store, &audit.Options{Verifiers: known})
	require.NoError(b, err)
	receipt, err := log.Receipt(b.Context(), 777)
	require.NoError(b, err)
	text, err := receipt.MarshalText()
	require.NoError(b, err)
	signed, _, _ := bytes.Cut(receipt.Checkpoint, []byte("\n\n"))
	signed = append(signed, '\n')
	signature := ed25519.Sign(private, signed)
	timed := func(work func() bool) time.Duration {
		begin := time.Now()
		for range 32 {
			if !work() {
				b.Fatal("refused")
			}
		}
		return time.Since(begin)
	}
	for _, name := range []string{"first", "further"} {
		b.Run(name, func(b *testing.B) {
			remembers := audit.NewReceiptVerifier(known, nil)
			var whole, bare time.Duration
			rounds := 0
			for b.Loop() {
				bare += timed(func() bool { return ed25519.Verify(public, signed, signature) })
				whole += timed(func() bool {
					var r audit.Receipt
					if err := r.UnmarshalText(text); err != nil {
						return false
					}
					verify := remembers.Verify
					if name == "first" {
						verify = func(r *audit.Receipt) (audit.Record, audit.Checkpoint, error) { return r.Verify(known) }
					}
					_, _, err := verify(&r)
					return err == nil
				})
				rounds += 32
			}
			micros := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / float64(rounds) / 1e3 }
			b.ReportMetric(micros(whole), "µs/check")
			b.ReportMetric(micros(bare), "ed25519-µs")
			if name == "first" {
				b.ReportMetric(micros(whole-bare), "own-µs")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// ed25519Signer signs with a key that the benchmark knows.
type ed25519Signer struct {
	note.Verifier
	key ed25519.PrivateKey
}

func (s ed25519Signer) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }
