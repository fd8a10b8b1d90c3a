package audit_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

// The vectors of the reference implementation of RFC 6962, the same in all
// implementations of Certificate Transparency:
// https://github.com/google/certificate-transparency/blob/master/cpp/merkletree/merkle_tree_test.cc
var (
	vectorLeaves = []string{
		"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
	}
	vectorRoots = []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	// Audit path of a leaf (from 0) in the tree of a size.
	vectorPaths = []struct {
		leaf, size int64
		path       []string
	}{
		{0, 1, nil},
		{0, 8, []string{
			"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
		}},
		{5, 8, []string{
			"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
			"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
			"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		}},
		{2, 3, []string{"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}},
		{1, 5, []string{
			"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
		}},
	}
	// Consistency proof between two sizes.
	vectorConsistency = []struct {
		older, newer int64
		proof        []string
	}{
		{1, 1, nil},
		{1, 8, []string{
			"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
		}},
		{6, 8, []string{
			"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
			"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
			"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		}},
		{2, 5, []string{
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
		}},
	}
)

func TestVectorsRFC6962(t *testing.T) {
	var tree audit.Tree
	hexes := func(hashes []tlog.Hash) (out []string) {
		for _, h := range hashes {
			out = append(out, hex.EncodeToString(h[:]))
		}
		return out
	}
	for i, leaf := range vectorLeaves {
		data, err := hex.DecodeString(leaf)
		require.NoError(t, err)
		tree.Add(data)
		for size := range i + 2 { // earlier roots stay what they were
			root := tree.Root(int64(size))
			assert.Equal(t, vectorRoots[size], hex.EncodeToString(root[:]), "size %d", size)
		}
	}
	for _, v := range vectorPaths {
		path, err := tlog.ProveRecord(v.size, v.leaf, &tree)
		require.NoError(t, err)
		assert.Equal(t, v.path, hexes(path), "leaf %d of %d", v.leaf, v.size)
	}
	for _, v := range vectorConsistency {
		proof, err := tlog.ProveTree(v.newer, v.older, &tree)
		require.NoError(t, err)
		assert.Equal(t, v.proof, hexes(proof), "%d to %d", v.older, v.newer)
	}
}

// receipts returns a log of n entries and the verifiers of its key.
func receipts(t *testing.T, n int) (*audit.Log, note.Verifiers) {
	t.Helper()
	signer, known := audittest.NewKey(t)
	log := open(t, audittest.NewMemory(t), &audit.Options{Signer: signer, Verifiers: known})
	for i := range n {
		appendTo(t, log, i)
	}
	return log, known
}

func TestReceipt(t *testing.T) {
	log, known := receipts(t, 13)
	for i := range log.Size() {
		made, err := log.Receipt(t.Context(), i)
		require.NoError(t, err)
		text, err := made.MarshalText()
		require.NoError(t, err)
		var r audit.Receipt
		require.NoError(t, r.UnmarshalText(text))
		record, c, err := r.Verify(known)
		require.NoError(t, err)
		assert.Equal(t, audittest.Entry(int(i)), record.Entry)
		assert.Equal(t, i, record.Index)
		assert.EqualValues(t, 13, c.Size)
	}
	_, err := log.Receipt(t.Context(), 13)
	require.ErrorIs(t, err, audit.ErrNotFound)
}

func TestForgedReceipt(t *testing.T) {
	log, known := receipts(t, 13)
	_, strangers := audittest.NewKey(t)
	good, err := log.Receipt(t.Context(), 6)
	require.NoError(t, err)
	_, _, err = good.Verify(strangers)
	require.ErrorIs(t, err, audit.ErrCheckpoint)

	text, err := good.MarshalText()
	require.NoError(t, err)
	want, _, err := good.Verify(known)
	require.NoError(t, err)
	for i := range text {
		for _, mask := range []byte{1, 0x10} {
			forged := []byte(string(text))
			forged[i] ^= mask
			var r audit.Receipt
			if r.UnmarshalText(forged) != nil {
				continue
			}
			if got, _, err := r.Verify(known); err == nil {
				// The last digit of a base64 signature has bits that mean nothing.
				require.Equal(t, want, got, "byte %d", i)
			}
		}
	}
	for name, change := range map[string]func(*audit.Receipt){
		"another index":    func(r *audit.Receipt) { r.Index++ },
		"beyond the log":   func(r *audit.Receipt) { r.Index = 13 },
		"negative":         func(r *audit.Receipt) { r.Index = -1 },
		"another entry":    func(r *audit.Receipt) { r.Leaf = []byte(strings.Replace(string(r.Leaf), "entry-6", "entry-7", 1)) },
		"a shorter path":   func(r *audit.Receipt) { r.Path = r.Path[1:] },
		"a longer path":    func(r *audit.Receipt) { r.Path = append(r.Path, tlog.Hash{}) },
		"an immense path":  func(r *audit.Receipt) { r.Path = make(tlog.RecordProof, 1<<16) },
		"no path":          func(r *audit.Receipt) { r.Path = nil },
		"no leaf":          func(r *audit.Receipt) { r.Leaf = nil },
		"an inner node":    func(r *audit.Receipt) { r.Leaf, r.Path = r.Leaf[:1], r.Path[:2] },
		"some other paths": func(r *audit.Receipt) { r.Path[0], r.Path[1] = r.Path[1], r.Path[0] },
	} {
		t.Run(name, func(t *testing.T) {
			var r audit.Receipt
			require.NoError(t, r.UnmarshalText(text))
			change(&r)
			_, _, err := r.Verify(known)
			require.ErrorIs(t, err, audit.ErrCorrupt)
		})
	}
}

func TestConsistency(t *testing.T) {
	log, _ := receipts(t, 13)
	for newer := int64(1); newer <= 13; newer++ {
		for older := int64(1); older <= newer; older++ {
			proof, err := log.Consistency(t.Context(), older, newer)
			require.NoError(t, err)
			before, err := log.Root(t.Context(), older)
			require.NoError(t, err)
			after, err := log.Root(t.Context(), newer)
			require.NoError(t, err)
			require.NoError(t, tlog.CheckTree(proof, newer, after, older, before))
		}
	}
	_, err := log.Consistency(t.Context(), 1, 14)
	require.ErrorIs(t, err, audit.ErrNotFound)
	_, err = log.Consistency(t.Context(), 0, 3)
	require.Error(t, err)
	_, err = log.Root(t.Context(), 14)
	require.ErrorIs(t, err, audit.ErrNotFound)
}

// A leaf has room for the hashes of sealed parts.
func TestLeafWithSealedParts(t *testing.T) {
	entry := audittest.Entry(0)
	entry.Sealed = []audit.Part{{Name: "prompt", Of: []string{"p1"}}, {Name: "answer", Of: []string{"p1", "p2"}}}
	header, err := entry.MarshalJSON()
	require.NoError(t, err)
	parts := []tlog.Hash{{1}, {2}}
	leaf := audit.AppendLeaf(header, parts...)
	e, sealed, err := audit.SplitLeaf(leaf)
	require.NoError(t, err)
	assert.Equal(t, entry, *e)
	assert.Equal(t, parts, sealed)
	for name, bad := range map[string]string{
		"no newline":       string(leaf[:len(leaf)-1]),
		"an empty line":    string(leaf) + "\n",
		"another word":     strings.Replace(string(leaf), "sealed", "closed", 1),
		"a short hash":     strings.Replace(string(leaf), "AQAA", "AQ", 1),
		"one hash less":    string(audit.AppendLeaf(header, parts[:1]...)),
		"too many":         string(audit.AppendLeaf(header, make([]tlog.Hash, 65)...)),
		"an entry without": `{"actor":{"type":"ai"},"kind":"read","v":1}` + "\n",
		"immense":          strings.Repeat("x", 1<<17),
	} {
		_, _, err := audit.SplitLeaf([]byte(bad))
		require.ErrorIs(t, err, audit.ErrInvalid, name)
	}
	full := audit.AppendLeaf(make([]byte, audit.MaxEntrySize), make([]tlog.Hash, 64)...)
	assert.Less(t, len(full), 1<<16, "the largest leaf fits an entry bundle")
}

func FuzzReceipt(f *testing.F) {
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra e30K\nindex 0\n\nexample.com/log\n1\nAAAA\n\n"))
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra \nindex 7\n4PWpTTEBrIJ3DnfmUnFUgxM3NZqkIhOM9AvmfRzvP8I=\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var r audit.Receipt
		if r.UnmarshalText(data) != nil {
			return
		}
		_, _, err := r.Verify(note.VerifierList())
		require.Error(t, err)
		text, err := r.MarshalText()
		require.NoError(t, err)
		var again audit.Receipt
		require.NoError(t, again.UnmarshalText(text))
		require.Equal(t, r, again)
	})
}

func FuzzCheckpoint(f *testing.F) {
	signer, known := audittest.NewKey(f)
	f.Add(audittest.Batches(f, signer, 1)[0].Checkpoint)
	f.Add([]byte("a\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nextension\n\n\u2014 a AAAAAAAA\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := audit.UnverifiedCheckpoint(data)
		if err != nil {
			require.ErrorIs(t, err, audit.ErrCheckpoint)
		}
		signed, err := audit.ParseCheckpoint(data, known)
		if err != nil {
			require.ErrorIs(t, err, audit.ErrCheckpoint)
			return
		}
		require.Equal(t, c, signed, "both read the same")
	})
}
