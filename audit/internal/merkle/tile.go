package merkle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// TileWidth is the number of hashes in a full tile and of entries in a full
// bundle.
const TileWidth = 256

// TileHeight is the number of tree levels that a tile covers.
const TileHeight = 8

// MaxBundledEntry is the size of the largest entry that a bundle can hold, in
// bytes.
const MaxBundledEntry = 1<<16 - 1

// TilePath returns the path of a tile: "tile/<level>/<number>", with ".p/<width>"
// behind it where the tile is not full. The path of a bundle has "entries" for the
// level, which is given as -1.
func TilePath(level int, number int64, width int) string {
	name := "entries"
	if level >= 0 {
		name = strconv.Itoa(level)
	}
	path := "tile/" + name + "/" + numberPath(number)
	if width < TileWidth {
		path += ".p/" + strconv.Itoa(width)
	}
	return path
}

// numberPath writes the number in groups of three digits, all but the last with
// an x in front.
func numberPath(n int64) string {
	path := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	return path
}

var errPath = errors.New("merkle: not the path of a tile")

// ParseTilePath is the inverse of [TilePath].
func ParseTilePath(path string) (level int, number int64, width int, err error) {
	rest, ok := strings.CutPrefix(path, "tile/")
	name, rest, ok2 := strings.Cut(rest, "/")
	if !ok || !ok2 {
		return 0, 0, 0, errPath
	}
	width = TileWidth
	if before, after, partial := strings.Cut(rest, ".p/"); partial {
		rest = before
		if width, err = strconv.Atoi(after); err != nil || width < 1 || width >= TileWidth {
			return 0, 0, 0, errPath
		}
	}
	if name == "entries" {
		level = -1
	} else if level, err = strconv.Atoi(name); err != nil || level < 0 || level > 7 {
		return 0, 0, 0, errPath
	}
	digits := strings.ReplaceAll(strings.ReplaceAll(rest, "/", ""), "x", "")
	number, err = strconv.ParseInt(digits, 10, 64)
	if err != nil || number < 0 || number > 1<<55 || TilePath(level, number, width) != path {
		return 0, 0, 0, errPath
	}
	return level, number, width, nil
}

// AppendBundled appends an entry to a bundle: its length in two bytes, most
// significant first, and its data.
func AppendBundled(b, entry []byte) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(entry))), entry...)
}

// ParseBundle returns the entries of a bundle, which alias b. If it is damaged, it
// returns those before the damage and false.
func ParseBundle(b []byte, width int) (entries [][]byte, ok bool) {
	entries = make([][]byte, 0, width)
	for range width {
		if len(b) < 2 {
			return entries, false
		}
		n := int(binary.BigEndian.Uint16(b))
		if len(b) < 2+n {
			return entries, false
		}
		entries = append(entries, b[2:2+n:2+n])
		b = b[2+n:]
	}
	return entries, len(b) == 0
}

// AppendHashes appends the hashes of a tile.
func AppendHashes(b []byte, hashes []tlog.Hash) []byte {
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return b
}

// ParseHashes returns the hashes of a tile of the given width, or false.
func ParseHashes(b []byte, width int) ([]tlog.Hash, bool) {
	if len(b) != width*tlog.HashSize {
		return nil, false
	}
	hashes := make([]tlog.Hash, width)
	for i := range hashes {
		hashes[i] = tlog.Hash(b[i*tlog.HashSize:])
	}
	return hashes, true
}
