package merkle_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit/internal/merkle"
)

func TestFrontierIsTheTree(t *testing.T) {
	var f merkle.Frontier
	var hashes []tlog.Hash
	read := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			out[i] = hashes[index]
		}
		return out, nil
	})
	for n := range int64(300) {
		want, err := tlog.TreeHash(n, read)
		require.NoError(t, err)
		require.Equal(t, want, f.Root())
		edge, err := read.ReadHashes(merkle.EdgeIndexes(n))
		require.NoError(t, err)
		again, ok := merkle.NewFrontier(n, edge)
		require.True(t, ok)
		require.Equal(t, f.Root(), again.Root())
		leaf := tlog.RecordHash(fmt.Append(nil, n))
		stored, err := tlog.StoredHashesForRecordHash(n, leaf, read)
		require.NoError(t, err)
		require.Equal(t, stored, again.Add(leaf, nil))
		before, grown := f.Clone(), f.Clone()
		hashes = f.Add(leaf, hashes)
		grown.Grow(1, stored)
		require.Equal(t, f.Root(), grown.Root())
		require.Equal(t, want, before.Root(), "a clone stays")
	}
	_, ok := merkle.NewFrontier(3, hashes[:1])
	assert.False(t, ok)
	root, err := tlog.TreeHash(256, read)
	require.NoError(t, err)
	var leaves []tlog.Hash
	for n := range int64(256) {
		leaves = append(leaves, hashes[tlog.StoredHashIndex(0, n)])
	}
	assert.Equal(t, root, merkle.Combine(leaves))
}

// The examples of https://c2sp.org/tlog-tiles.
func TestTilePath(t *testing.T) {
	for _, tt := range []struct {
		level  int
		number int64
		width  int
		path   string
	}{
		{0, 0, 256, "tile/0/000"},
		{-1, 7, 256, "tile/entries/007"},
		{0, 1234067, 256, "tile/0/x001/x234/067"},
		{1, 273, 17, "tile/1/273.p/17"},
		{-1, 1000, 1, "tile/entries/x001/000.p/1"},
		{7, 999999, 255, "tile/7/x999/999.p/255"},
	} {
		assert.Equal(t, tt.path, merkle.TilePath(tt.level, tt.number, tt.width))
		level, number, width, err := merkle.ParseTilePath(tt.path)
		require.NoError(t, err)
		assert.Equal(t, []any{tt.level, tt.number, tt.width}, []any{level, number, width})
	}
	for _, bad := range []string{
		"", "tile", "tile/0", "tile/0/", "tile/0/0", "tile/0/x000/000", "tile/8/000", "tile/-1/000", "tile/00/000",
		"tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/", "tile/0/000.p/01", "tile/0/../000", "tile/0/-01", "tile/0/x001/1",
		"tile/entries/x1/000", "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
	} {
		_, _, _, err := merkle.ParseTilePath(bad)
		assert.Error(t, err, bad)
	}
}

func FuzzBundle(f *testing.F) {
	f.Add([]byte("\x00\x02ab\x00\x00"), 2)
	f.Add([]byte("\x00\x09ab"), 1)
	f.Fuzz(func(t *testing.T, data []byte, width int) {
		if width < 0 || width > merkle.TileWidth {
			return
		}
		entries, ok := merkle.ParseBundle(data, width)
		var again []byte
		for _, e := range entries {
			again = merkle.AppendBundled(again, e)
		}
		require.Equal(t, string(data[:len(again)]), string(again))
		if ok {
			require.Len(t, entries, width)
			require.Len(t, again, len(data))
		}
	})
}

func FuzzTilePath(f *testing.F) {
	f.Add("tile/0/x001/x234/067")
	f.Add("tile/entries/000.p/17")
	f.Fuzz(func(t *testing.T, path string) {
		level, number, width, err := merkle.ParseTilePath(path)
		if err == nil {
			require.Equal(t, path, merkle.TilePath(level, number, width))
		}
	})
}
