package filestore

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/posai-go/posai/audit"
)

// A segment is a file that begins with magic. Batches follow, each a checkpoint frame and
// then the frames of the entries that it covers anew, each followed by those of
// its sealed parts, written in one go. A frame is
//
//	1 byte   type: 'C' checkpoint, 'E' entry, 'S' sealed part
//	4 bytes  length of the payload
//	8 bytes  C: tree size with this batch; E, S: index of the entry
//	4 bytes  CRC-32C of the 13 bytes before and of the payload
//	payload  C: signed note; E: leaf; S: sealed part
//
// with big-endian numbers. As the checkpoint comes first, a reader knows how
// many entries belong to the batch. The three zero bytes at the top of a tree
// size never occur in a leaf, which is JSON, so no entry can look like a frame.
//
// The file may go on after the last batch: what is reserved for later ones reads
// as zeros.
const (
	magic       = "posai audit 1\n\x00\x00"
	frameHeader = 17

	typeCheckpoint = 'C'
	typeEntry      = 'E'
	typeSealed     = 'S'

	maxLeaf    = 1<<16 - 1
	maxPart    = audit.MaxPartSize + 1<<16 // sealed
	maxParts   = 64
	maxEntries = 1 << 16 // in a batch
	maxBatch   = 4 << 20 // bytes of a batch
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendFrame(b []byte, kind byte, number int64, payload []byte) []byte {
	start := len(b)
	b = append(b, kind)
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	b = binary.BigEndian.AppendUint64(b, uint64(number))
	sum := crc32.Update(crc32.Checksum(b[start:], castagnoli), castagnoli, payload)
	b = binary.BigEndian.AppendUint32(b, sum)
	return append(b, payload...)
}

// damage says why the frame at offset is not good.
type damage struct {
	offset int64
	index  int64 // the entry that is damaged or cut off, or whose checkpoint is
	reason string
	cut    bool // the file ends before the frame does
}

func (d *damage) Error() string { return d.reason }

// parser reads the batches between offset and end. Its buffer holds one batch.
type parser struct {
	r      io.ReaderAt
	offset int64 // end of the last good batch
	end    int64
	size   int64 // entries before offset

	ahead int    // how much is read at a time; 0: 64 KiB
	buf   []byte // what was read ahead, from bufAt on
	bufAt int64
	spans []int64 // offset of each entry of the last batch
	again int64   // where settle has asked to read again
}

// peek returns n bytes at the offset at, or a cut damage, or a read error.
func (p *parser) peek(at int64, n int) ([]byte, error) {
	if at+int64(n) > p.end {
		return nil, io.ErrUnexpectedEOF
	}
	if have := p.bufAt + int64(len(p.buf)); at < p.bufAt || at+int64(n) > have {
		ahead := int64(cmp.Or(p.ahead, 64<<10))
		p.buf = make([]byte, min(max(int64(n), ahead), p.end-at)) // fresh: earlier slices are still in use
		p.bufAt = at
		if m, err := p.r.ReadAt(p.buf, at); m < len(p.buf) {
			p.buf = p.buf[:m]
			if !errors.Is(err, io.EOF) {
				return nil, err
			}
			if m < n {
				return nil, io.ErrUnexpectedEOF
			}
		}
	}
	return p.buf[at-p.bufAt:][:n:n], nil
}

// frame reads the frame at the offset at, which must be of the given type. An
// error is a *damage or a read error.
func (p *parser) frame(at int64, kind byte, limit int, index int64) (number int64, payload []byte, err error) {
	bad := func(cut bool, format string, args ...any) (int64, []byte, error) {
		return 0, nil, &damage{offset: at, index: index, cut: cut, reason: fmt.Sprintf(format, args...)}
	}
	header, err := p.peek(at, frameHeader)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return bad(true, "the file ends within it")
	} else if err != nil {
		return 0, nil, err
	}
	number, n := int64(binary.BigEndian.Uint64(header[5:])), int(binary.BigEndian.Uint32(header[1:]))
	if header[0] != kind || n > limit {
		return bad(false, "damaged frame at byte %d", at)
	}
	sum := crc32.Checksum(header[:13], castagnoli)
	want := binary.BigEndian.Uint32(header[13:])
	payload, err = p.peek(at+frameHeader, n)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return bad(true, "the file ends within it")
	} else if err != nil {
		return 0, nil, err
	}
	if crc32.Update(sum, castagnoli, payload) != want {
		return bad(false, "damaged frame at byte %d", at)
	}
	return number, payload, nil
}

// next reads the next batch and moves past it. At a clean end, where nothing but
// zeros follows, it returns io.EOF, else a *damage or a read error, and stays
// where it is.
func (p *parser) next() (audit.Batch, error) {
	if kind, err := p.peek(p.offset, 1); errors.Is(err, io.ErrUnexpectedEOF) {
		return audit.Batch{}, io.EOF
	} else if err != nil {
		return audit.Batch{}, err
	} else if kind[0] == 0 {
		used, err := p.used()
		if err != nil {
			return audit.Batch{}, err
		}
		if used == p.offset {
			return audit.Batch{}, io.EOF
		}
	}
	size, checkpoint, err := p.frame(p.offset, typeCheckpoint, audit.MaxCheckpointSize, p.size)
	if err != nil {
		return audit.Batch{}, err
	}
	if size <= p.size || size > p.size+maxEntries {
		return audit.Batch{}, &damage{
			offset: p.offset, index: p.size,
			reason: fmt.Sprintf("a batch up to entry %d follows entry %d", size-1, p.size-1),
		}
	}
	b := audit.Batch{First: p.size, Checkpoint: checkpoint}
	at := p.offset + frameHeader + int64(len(checkpoint))
	p.spans = p.spans[:0]
	for index := p.size; index < size; index++ {
		p.spans = append(p.spans, at)
		leaf, end, err := p.leaf(at, index)
		if err != nil {
			return audit.Batch{}, err
		}
		b.Leaves = append(b.Leaves, leaf)
		if at = end; at-p.offset > maxBatch {
			return audit.Batch{}, &damage{offset: at, index: index, reason: "the batch is too large"}
		}
	}
	p.offset, p.size = at, size
	return b, nil
}

// leaf reads the entry at the offset at and its sealed parts. It returns where
// they end.
func (p *parser) leaf(at, index int64) (leaf audit.Leaf, end int64, err error) {
	if leaf.Data, err = p.numbered(at, typeEntry, maxLeaf, index); err != nil {
		return leaf, 0, err
	}
	at += frameHeader + int64(len(leaf.Data))
	for range sealedCount(leaf.Data) {
		if len(leaf.Sealed) == maxParts {
			return leaf, 0, &damage{offset: at, index: index, reason: "too many sealed parts"}
		}
		part, err := p.numbered(at, typeSealed, maxPart, index)
		if err != nil {
			return leaf, 0, err
		}
		leaf.Sealed = append(leaf.Sealed, part)
		at += frameHeader + int64(len(part))
	}
	return leaf, at, nil
}

// sealedCount returns how many sealed parts a leaf has: a line for each.
func sealedCount(leaf []byte) int { return max(0, bytes.Count(leaf, []byte("\n"))-1) }

// numbered reads a frame that must belong to the entry.
func (p *parser) numbered(at int64, kind byte, limit int, index int64) ([]byte, error) {
	number, payload, err := p.frame(at, kind, limit, index)
	if err == nil && number != index {
		err = &damage{offset: at, index: index, reason: fmt.Sprintf("entry %d is in its place", number)}
	}
	return payload, err
}

// used returns where the zeros at the end of the file begin, at the earliest the
// present offset.
func (p *parser) used() (int64, error) {
	buf := make([]byte, 64<<10)
	for end := p.end; end > p.offset; {
		part := buf[:min(end-p.offset, int64(len(buf)))]
		start := end - int64(len(part))
		if n, err := p.r.ReadAt(part, start); n < len(part) {
			if !errors.Is(err, io.EOF) {
				return 0, err
			}
			clear(part[n:]) // the file has been cut since
		}
		if rest := bytes.TrimRight(part, "\x00"); len(rest) > 0 {
			return start + int64(len(rest)), nil
		}
		end = start
	}
	return p.offset, nil
}

// torn returns how many bytes at the end can be what is left of one write that
// never finished, given the damage in it: then no batch was begun after it. Else
// it returns 0.
func (p *parser) torn(d *damage) (int64, error) {
	used, err := p.used()
	if err != nil {
		return 0, err
	}
	size := max(used-p.offset, 1)
	if size > maxBatch {
		return 0, nil
	}
	for at := d.offset + 1; at < used && at+frameHeader <= p.end; at++ {
		header, err := p.peek(at, frameHeader)
		if err != nil {
			return 0, err
		}
		// Each number has zero bytes at its top, which rules out most places.
		if header[0] != typeCheckpoint || header[1] != 0 || header[5] != 0 {
			continue
		}
		_, _, err = p.frame(at, typeCheckpoint, audit.MaxCheckpointSize, 0)
		if _, ok := errors.AsType[*damage](err); !ok {
			return 0, err
		}
	}
	return size, nil
}
