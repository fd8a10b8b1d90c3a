package filestore

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore/internal/disk"
	"github.com/posai-go/posai/audit/internal/merkle"
)

// The archive holds old entries in immutable files: bundles of 256 entries and the
// tiles of their hashes in the layout of https://c2sp.org/tlog-tiles, beside each
// bundle the sealed parts of its entries, if there are any, and the checkpoints
// that the segments had at their ends. A partial tile of a level above 0 is kept
// until a wider one replaces it.
//
// A file of sealed parts is, for each entry of the bundle in order and each of its
// parts in order, the length in four bytes, most significant first, and the part.
const (
	archiveFile   = "archived" // how many entries the archive holds, as decimal text
	sealedDir     = "sealed"
	checkpointDir = "checkpoints"

	maxBundle  = merkle.TileWidth * (2 + merkle.MaxBundledEntry)
	maxSealed  = merkle.TileWidth * (audit.MaxSealedSize + 1<<16)
	fullTile   = merkle.TileWidth * tlog.HashSize
	maxArchive = 32 // bytes of archiveFile
)

// archive reads the archive of a directory. It is safe for concurrent use.
type archive struct {
	dir  string
	disk disk.FS

	mu    sync.Mutex
	tiles map[tileKey][]tlog.Hash // what was read last
}

type tileKey struct {
	level  int
	number int64
	width  int64
}

// maxTiles bounds the tiles in memory, 8 KiB each.
const maxTiles = 512

// size reads how many entries the archive holds.
func (a *archive) size() (int64, error) {
	b, err := a.read(archiveFile, maxArchive)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(string(b), "\n"), 10, 64)
	if err != nil || n < 0 || n%merkle.TileWidth != 0 {
		return 0, &audit.CorruptError{Index: -1, Reason: "the file " + archiveFile + " is malformed"}
	}
	return n, nil
}

// read reads a whole file of at most limit bytes.
func (a *archive) read(name string, limit int64) ([]byte, error) {
	f, err := a.disk.OpenFile(filepath.Join(a.dir, filepath.FromSlash(name)), os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("filestore: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("filestore: %w", err)
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("filestore: the file %s: %w", name, errTooLarge)
	}
	b := make([]byte, info.Size())
	if n, err := f.ReadAt(b, 0); err != nil && (n < len(b) || !errors.Is(err, io.EOF)) {
		return nil, fmt.Errorf("filestore: %w", err)
	}
	return b, nil
}

var errTooLarge = errors.New("too large")

// bundlePath and sealedPath name the files of the bundle with the given number.
func bundlePath(number int64) string { return merkle.TilePath(-1, number, merkle.TileWidth) }

func sealedPath(number int64) string {
	return sealedDir + strings.TrimPrefix(bundlePath(number), "tile/entries")
}

func checkpointPath(size int64) string { return fmt.Sprintf("%s/%020d", checkpointDir, size) }

// bundle returns the 256 leaves of a bundle. Damage is an [*audit.CorruptError];
// the leaves before the one that it names are returned with it.
func (a *archive) bundle(number int64) ([]audit.Leaf, error) {
	first := number * merkle.TileWidth
	damaged := func(index int64, what string) error {
		return &audit.CorruptError{Index: index, Reason: what}
	}
	b, err := a.read(bundlePath(number), maxBundle)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, damaged(first, "the bundle with it is missing")
	case errors.Is(err, errTooLarge):
		return nil, damaged(first, "the bundle with it is too large")
	case err != nil:
		return nil, err
	}
	entries, ok := merkle.ParseBundle(b, merkle.TileWidth)
	if len(entries) < merkle.TileWidth {
		err = damaged(first+int64(len(entries)), "the bundle ends within it")
	} else if !ok {
		err = damaged(first+merkle.TileWidth-1, "the bundle does not end with it")
		entries = entries[:merkle.TileWidth-1]
	}
	leaves := make([]audit.Leaf, len(entries))
	parts := 0
	for i, data := range entries {
		leaves[i].Data = data
		parts += sealedCount(data)
	}
	if parts == 0 {
		return leaves, err
	}
	n, sealedErr := a.sealed(number, leaves, err == nil)
	return leaves[:n], cmp.Or(sealedErr, err)
}

// sealed adds the sealed parts of a bundle's leaves and returns how many leaves
// have theirs. Where the leaves are whole, nothing may follow the last part.
func (a *archive) sealed(number int64, leaves []audit.Leaf, whole bool) (int, error) {
	b, err := a.read(sealedPath(number), maxSealed)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errTooLarge) {
		return 0, err
	}
	damaged := func(i int, what string) (int, error) {
		return i, &audit.CorruptError{Index: number*merkle.TileWidth + int64(i), Reason: what}
	}
	last := 0
	for i := range leaves {
		for range sealedCount(leaves[i].Data) {
			last = i
			if len(b) < 4 || uint64(len(b)) < 4+uint64(binary.BigEndian.Uint32(b)) {
				return damaged(i, "its sealed parts are not there")
			}
			n := int(binary.BigEndian.Uint32(b))
			leaves[i].Sealed = append(leaves[i].Sealed, b[4:4+n:4+n])
			b = b[4+n:]
		}
	}
	if whole && len(b) > 0 {
		return damaged(last, "more sealed parts follow than there were")
	}
	return len(leaves), nil
}

// appendSealed appends the sealed parts of a leaf to the file of its bundle.
func appendSealed(b []byte, leaf audit.Leaf) []byte {
	for _, part := range leaf.Sealed {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)
	}
	return b
}

// tile returns the hashes of a tile in an archive with the given number of
// entries. A tile that is not there is [fs.ErrNotExist].
func (a *archive) tile(level int, number, archived int64) ([]tlog.Hash, error) {
	width := (archived >> (merkle.TileHeight * level)) - number*merkle.TileWidth
	if width <= 0 {
		return nil, fmt.Errorf("%w: tile %d of level %d", audit.ErrNotFound, number, level)
	}
	width = min(width, merkle.TileWidth)
	key := tileKey{level, number, width}
	a.mu.Lock()
	hashes := a.tiles[key]
	a.mu.Unlock()
	if hashes != nil {
		return hashes, nil
	}
	path := merkle.TilePath(level, number, int(width))
	b, err := a.read(path, fullTile)
	if err != nil && !errors.Is(err, errTooLarge) {
		return nil, err
	}
	hashes, ok := merkle.ParseHashes(b, int(width))
	if !ok {
		first := min(number<<(merkle.TileHeight*(level+1)), math.MaxInt64)
		return nil, &audit.CorruptError{Index: first, Reason: "the file " + path + " is damaged"}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.tiles) >= maxTiles {
		for other := range a.tiles { // any one
			delete(a.tiles, other)
			break
		}
	}
	if a.tiles == nil {
		a.tiles = map[tileKey][]tlog.Hash{}
	}
	a.tiles[key] = hashes
	return hashes, nil
}

// forget empties the memory of tiles, so that they are read anew.
func (a *archive) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tiles = nil
}

// hash returns the hash with the given index in the numbering of
// [tlog.StoredHashIndex].
func (a *archive) hash(index, archived int64) (tlog.Hash, error) {
	level, n := tlog.SplitStoredHashIndex(index)
	within := level % merkle.TileHeight // levels above the lowest one of the tile
	begin := n << within                // in hashes of that lowest level
	hashes, err := a.tile(level/merkle.TileHeight, begin/merkle.TileWidth, archived)
	if err != nil {
		return tlog.Hash{}, err
	}
	at, width := int(begin%merkle.TileWidth), 1<<within
	if at+width > len(hashes) {
		return tlog.Hash{}, fmt.Errorf("%w: hash %d of the tree", audit.ErrNotFound, index)
	}
	if width == 1 {
		return hashes[at], nil
	}
	return merkle.Combine(hashes[at : at+width]), nil
}

// settled calls read with the number of archived entries, again with the present
// one where a partial tile was replaced by a wider one in between.
func (a *archive) settled(archived int64, read func(archived int64) error) error {
	for {
		err := read(archived)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		now, sizeErr := a.size()
		if sizeErr != nil || now <= archived {
			return err
		}
		archived = now
	}
}

// checkpoints returns the sizes of the checkpoints that the archive kept,
// ascending.
func (a *archive) checkpoints() ([]int64, error) {
	entries, err := os.ReadDir(filepath.Join(a.dir, checkpointDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("filestore: %w", err)
	}
	var sizes []int64
	for _, e := range entries {
		size, err := strconv.ParseInt(e.Name(), 10, 64)
		if err == nil && checkpointPath(size) == checkpointDir+"/"+e.Name() {
			sizes = append(sizes, size)
		}
	}
	slices.Sort(sizes)
	return sizes, nil
}
