package filestore_test

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/filestore"
	"github.com/posai-go/posai/audit/internal/merkle"
)

// archiveTarget is a closed log of 1,000 entries, of which the archive has 768 or
// more, a third of them with sealed parts.
type archiveTarget struct {
	target
	leaves []audit.Leaf
}

func newArchiveTarget(t *testing.T) *archiveTarget {
	a := &archiveTarget{target: target{T: t, dir: t.TempDir()}}
	_, a.verifiers, _ = sealedLog(t, a.dir, 1000)
	for { // until what can be archived is, and nothing more will be
		store, err := filestore.Open(a.dir, small())
		require.NoError(t, err)
		archived(t, a.dir, 768)
		require.NoError(t, store.Close())
		if segments, err := filepath.Glob(a.path("entries*.log")); err == nil && len(segments) <= 2 {
			break
		}
	}
	r, err := filestore.OpenReader(a.dir)
	require.NoError(t, err)
	defer r.Close()
	for b, err := range r.Batches(t.Context(), 0) {
		require.NoError(t, err)
		a.leaves = append(a.leaves, b.Leaves...)
	}
	require.Len(t, a.leaves, 1000)
	return a
}

// owners maps each byte of a file of the archive to the entry that is bad when the
// byte is. It returns nil for a file that is none.
func (a *archiveTarget) owners(name string, content []byte) []int64 {
	owners := make([]int64, 0, len(content))
	own := func(n int, entry int64) {
		for range n {
			owners = append(owners, entry)
		}
	}
	if rest, ok := strings.CutPrefix(name, "sealed/"); ok {
		_, number, _, err := merkle.ParseTilePath("tile/entries/" + rest)
		require.NoError(a, err)
		for i := number * 256; i < number*256+256; i++ {
			for _, part := range a.leaves[i].Sealed {
				own(4+len(part), i)
			}
		}
		return owners
	}
	level, number, width, err := merkle.ParseTilePath(name)
	switch {
	case err != nil:
		return nil
	case level < 0:
		for i := number * 256; i < number*256+256; i++ {
			own(2+len(a.leaves[i].Data), i)
		}
	default:
		for i := range int64(width) {
			own(32, (number*256+i)<<(8*level))
		}
	}
	return owners
}

func (a *archiveTarget) files() (names []string) {
	require.NoError(a, filepath.WalkDir(a.dir, func(path string, d fs.DirEntry, err error) error {
		require.NoError(a, err)
		name, err := filepath.Rel(a.dir, path)
		require.NoError(a, err)
		if !d.IsDir() {
			names = append(names, filepath.ToSlash(name))
		}
		return nil
	}))
	return names
}

// step is the distance between two bytes that are tried: with POSAI_FULL=1 several
// in each entry. Every byte is tried of the small log in tamper_test.go.
func step() int {
	if os.Getenv("POSAI_FULL") != "" {
		return 7
	}
	return 1999
}

func TestEveryChangeOfTheArchiveIsFound(t *testing.T) {
	a := newArchiveTarget(t)
	report, err := a.verify()
	require.NoError(t, err)
	require.EqualValues(t, 1000, report.Entries)
	kinds := map[string]int{}
	tried := 0
	for _, name := range a.files() {
		f := audittest.Tamper(t, a.path(name))
		owners := a.owners(name, f.Original())
		if owners == nil {
			continue
		}
		require.Len(t, owners, f.Size(), name)
		kinds[strings.SplitN(name, "/", 3)[0]+strings.SplitN(name, "/", 3)[1]]++
		for offset := tried % step(); offset < f.Size(); offset += step() {
			f.Flip(offset, 1<<(offset%8))
			tried++
			if !strings.HasPrefix(name, "tile/1") {
				a.first(owners[offset], "byte %d of %s", offset, name)
				continue
			}
			// A hash of many entries: the first that no checkpoint proves before.
			index := a.problem(-2, "byte %d of %s", offset, name).Index
			require.GreaterOrEqual(t, index, owners[offset])
			require.Less(t, index, owners[offset]+merkle.TileWidth)
		}
		for n := 0; n < f.Size(); n += max(step(), f.Size()/2) {
			f.Cut(n)
			problem := a.problem(-2, "%s cut to %d", name, n)
			require.LessOrEqual(t, problem.Index, owners[n], "%s cut to %d", name, n)
			require.GreaterOrEqual(t, problem.Index, owners[0])
		}
		f.Insert(f.Size(), []byte("x"))
		require.GreaterOrEqual(t, a.problem(-2, "%s, one byte more", name).Index, owners[0])
		require.NoError(t, os.Remove(a.path(name)))
		require.Equal(t, firstNeeded(a, name, owners), a.problem(-2, "%s removed", name).Index, name)
		f.Restore()
	}
	assert.Greater(t, tried, 50)
	assert.Len(t, kinds, 6, "bundles, two levels of tiles, three files of sealed parts: %v", kinds)
	_, err = a.verify()
	require.NoError(t, err)
}

// firstNeeded is the first entry that misses a file which is gone.
func firstNeeded(a *archiveTarget, name string, owners []int64) int64 {
	if strings.HasPrefix(name, "sealed/") {
		for i := owners[0]; ; i++ {
			if len(a.leaves[i].Sealed) > 0 {
				return i
			}
		}
	}
	return owners[0]
}

func TestChangedCheckpointOfTheArchiveIsFound(t *testing.T) {
	a := newArchiveTarget(t)
	before := int64(0)
	for _, name := range a.files() {
		if !strings.HasPrefix(name, "checkpoints/") {
			continue
		}
		f := audittest.Tamper(t, a.path(name))
		c, err := audit.UnverifiedCheckpoint(f.Original())
		require.NoError(t, err)
		for offset := 0; offset < f.Size(); offset += 1 + step()/200 {
			mask := byte(1)
			if offset == f.Size()-3 {
				// The last digit of a base64 signature has bits that mean nothing.
				mask = 0x80
			}
			f.Flip(offset, mask)
			_, err := a.verify()
			require.ErrorIs(t, err, audit.ErrCorrupt, "byte %d of %s", offset, name)
		}
		f.Cut(f.Size() / 2)
		a.first(before, "%s cut", name)
		f.Restore()
		before = c.Size
	}
	assert.NotZero(t, before)
}

// Whole entries and whole bundles that change places, come twice or go are found,
// also by somebody who keeps to the format.
func TestMovedEntriesOfTheArchiveAreFound(t *testing.T) {
	a := newArchiveTarget(t)
	bundle := audittest.Tamper(t, a.path("tile/entries/001"))
	entries, ok := merkle.ParseBundle(bundle.Original(), 256)
	require.True(t, ok)
	join := func(entries [][]byte) (b []byte) {
		for _, e := range entries {
			b = binary.BigEndian.AppendUint16(b, uint16(len(e)))
			b = append(b, e...)
		}
		return b
	}
	edit := func(change func(e [][]byte) [][]byte) []byte {
		return join(change(bytes.Split(bytes.Join(entries, []byte{0}), []byte{0})))
	}
	for name, tt := range map[string]struct {
		content []byte
		want    int64
	}{
		"two swapped": {edit(func(e [][]byte) [][]byte { e[7], e[90] = e[90], e[7]; return e }), 256 + 7},
		"one twice":   {edit(func(e [][]byte) [][]byte { e[9] = e[8]; return e }), 256 + 9},
		"one removed": {edit(func(e [][]byte) [][]byte { return append(e[:11], e[12:]...) }), 256 + 11},
		"one more":    {edit(func(e [][]byte) [][]byte { return append(e[:13:13], append([][]byte{e[0]}, e[13:]...)...) }), 256 + 13},
	} {
		bundle.Replace(tt.content)
		a.first(tt.want, name)
	}
	bundle.Restore()
	first := audittest.Tamper(t, a.path("tile/entries/000"))
	first.Replace(bundle.Original())
	bundle.Replace(first.Original())
	a.first(0, "bundles swapped")
	first.Restore()
	bundle.Restore()

	// What is read alone is checked too.
	changed := edit(func(e [][]byte) [][]byte {
		e[5] = bytes.Replace(e[5], []byte("proposed"), []byte("proposes"), 1)
		return e
	})
	bundle.Replace(changed)
	r, err := filestore.OpenReader(a.dir)
	require.NoError(t, err)
	defer r.Close()
	log, err := audit.OpenReader(t.Context(), r, &audit.Options{Verifiers: a.verifiers})
	require.NoError(t, err, "the head is fine")
	_, err = log.At(t.Context(), 256+5)
	require.ErrorIs(t, err, audit.ErrCorrupt)
	_, err = log.Receipt(t.Context(), 256+5)
	require.ErrorIs(t, err, audit.ErrCorrupt)
	_, err = log.At(t.Context(), 256+6)
	require.NoError(t, err)
}
