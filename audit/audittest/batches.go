package audittest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
)

// Entry returns a small entry with the ID "entry-i" about the order i.
func Entry(i int) audit.Entry {
	return audit.Entry{
		ID: fmt.Sprintf("entry-%d", i), Time: time.Date(2026, 10, 1, 9, 0, i, 0, time.UTC),
		Kind: audit.KindProposed, Correlation: fmt.Sprintf("flow-%d", i/3),
		Actor: audit.Actor{Type: audit.System, ID: "test"}, Action: "postpurchase.followup",
		Subjects: []audit.Subject{{Type: "order", ID: fmt.Sprintf("gid://shopify/Order/%d", 1000+i)}},
	}
}

// Batches returns consecutive batches with the given numbers of entries
// (Entry(0), Entry(1), …), signed by signer: what a log would append.
func Batches(t testing.TB, signer note.Signer, sizes ...int) []audit.Batch {
	t.Helper()
	var batches []audit.Batch
	var hashes []tlog.Hash
	read := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, i := range indexes {
			out = append(out, hashes[i])
		}
		return out, nil
	})
	next := int64(0)
	for _, size := range sizes {
		b := audit.Batch{First: next}
		for range size {
			e := Entry(int(next))
			leaf, err := e.MarshalJSON()
			require.NoError(t, err)
			leaf = append(leaf, '\n')
			stored, err := tlog.StoredHashes(next, leaf, read)
			require.NoError(t, err)
			hashes = append(hashes, stored...)
			b.Leaves = append(b.Leaves, audit.Leaf{Data: leaf})
			b.Entries = append(b.Entries, &e)
			b.Hashes = append(b.Hashes, stored...)
			next++
		}
		root, err := tlog.TreeHash(next, read)
		require.NoError(t, err)
		text := fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), next, root)
		b.Checkpoint, err = note.Sign(&note.Note{Text: text}, signer)
		require.NoError(t, err)
		batches = append(batches, b)
	}
	return batches
}

// Complete returns batches with Entries and Hashes as their leaves say, as far as
// they can be read.
func Complete(batches []audit.Batch) []audit.Batch {
	var hashes []tlog.Hash
	read := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, i := range indexes {
			out = append(out, hashes[i])
		}
		return out, nil
	})
	batches = slices.Clone(batches)
	next := int64(0)
	for i, b := range batches {
		batches[i].Entries, batches[i].Hashes = nil, nil
		for _, leaf := range b.Leaves {
			e, err := audit.ParseLeaf(leaf.Data)
			if err != nil {
				e = new(audit.Entry)
			}
			stored, _ := tlog.StoredHashes(next, leaf.Data, read) // read does not fail
			hashes = append(hashes, stored...)
			batches[i].Entries = append(batches[i].Entries, e)
			batches[i].Hashes = append(batches[i].Hashes, stored...)
			next++
		}
	}
	return batches
}
