package bulk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// A spill is one temporary file that many partitions share: each appends
// blocks to it and remembers where they are. One file needs one descriptor,
// and can lose its name at once, so that no crash leaves customers' data
// behind. Space of partitions that have been read is not used again.
type spill struct {
	dir  string
	file *os.File
	name string // empty once the name is gone
	size int64
	// behind says that a goroutine writes the blocks, so that reading and
	// writing go on at once.
	behind bool
	writer *blockWriter
}

// open makes the file. It is not made before something has to go there.
func (s *spill) open() error {
	if s.file != nil {
		return nil
	}
	f, err := os.CreateTemp(s.dir, "posai-bulk-*.jsonl")
	if err != nil {
		return fmt.Errorf("bulk: temporary file: %w", err)
	}
	s.file, s.name = f, f.Name()
	if os.Remove(s.name) == nil { // not on Windows, where it goes when it is closed
		s.name = ""
	}
	if s.behind {
		s.writer = newBlockWriter(f)
	}
	return nil
}

// close removes the file.
func (s *spill) close() error {
	if s.file == nil {
		return nil
	}
	if s.writer != nil {
		s.writer.close()
		s.writer = nil
	}
	err := s.file.Close()
	if s.name != "" {
		err = errors.Join(err, os.Remove(s.name))
	}
	s.file = nil
	return err
}

// write appends a block and returns where it is, and a buffer as large to go on
// with: the block's own may not have been written yet.
func (s *spill) write(block []byte) (at int64, buf []byte, err error) {
	if err := s.open(); err != nil {
		return 0, block[:0], err
	}
	at = s.size
	s.size += int64(len(block))
	if s.writer != nil {
		buf, err = s.writer.write(block, at)
	} else {
		_, err = s.file.WriteAt(block, at)
		buf = block[:0]
	}
	if err != nil {
		return 0, buf, fmt.Errorf("bulk: temporary file: %w", err)
	}
	return at, buf, nil
}

// flush waits until all blocks can be read.
func (s *spill) flush() error {
	if s.writer == nil {
		return nil
	}
	if err := s.writer.flush(); err != nil {
		return fmt.Errorf("bulk: temporary file: %w", err)
	}
	return nil
}

// A partition is a sequence of bytes in a spill.
type partition struct {
	blocks []block
	buf    []byte
	size   int64
	lines  int64
	// minRoot and maxRoot bound the hashes of its records' roots.
	minRoot, maxRoot uint64
}

type block struct {
	at  int64
	len int
}

// sizes of the blocks that partitions collect before they write.
const (
	recordBlock = 32 << 10
	noteBlock   = 4 << 10
)

// append adds bytes; limit is the size of a block.
func (p *partition) append(s *spill, b []byte, limit int) error {
	if p.buf == nil {
		p.buf = make([]byte, 0, limit)
	}
	p.size += int64(len(b))
	for len(b) > 0 {
		n := min(len(b), limit-len(p.buf))
		p.buf = append(p.buf, b[:n]...)
		b = b[n:]
		if len(p.buf) == limit {
			if err := p.flush(s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *partition) flush(s *spill) error {
	if len(p.buf) == 0 {
		return nil
	}
	n := len(p.buf)
	at, buf, err := s.write(p.buf)
	if err != nil {
		return err
	}
	p.blocks = append(p.blocks, block{at, n})
	p.buf = buf
	return nil
}

// finish writes what is left and gives the buffer up. Before it is read, the
// spill has to be flushed.
func (p *partition) finish(s *spill) error {
	err := p.flush(s)
	p.buf = nil
	return err
}

// memory is what the partition takes as a batch, in bytes.
func (p *partition) memory() int64 { return p.size + lineOverhead*p.lines }

// reader reads a finished partition from its start.
func (p *partition) reader(s *spill) io.Reader { return &partitionReader{spill: s, blocks: p.blocks} }

type partitionReader struct {
	spill  *spill
	blocks []block
	within int
}

func (r *partitionReader) Read(b []byte) (int, error) {
	if len(r.blocks) == 0 {
		return 0, io.EOF
	}
	head := r.blocks[0]
	n, err := r.spill.file.ReadAt(b[:min(len(b), head.len-r.within)], head.at+int64(r.within))
	if r.within += n; r.within == head.len {
		r.blocks, r.within = r.blocks[1:], 0
	}
	if n > 0 {
		return n, nil
	}
	return 0, fmt.Errorf("bulk: temporary file: %w", err)
}

// A record in a partition is a head, then the line: where its id, its parent
// and its type stand in it, so that it need not be scanned again.
//
//	root u64 | line number, length, has, id, parent, type: uvarint | line
//
// Each of the three parts is 0, or rescan, or its offset+2 and its length.
const maxHead = 8 + 9*binary.MaxVarintLen64

// rescan in place of a part says that the line has to be scanned for it.
const rescan = 1

func appendHead(head []byte, r *record) []byte {
	head = binary.LittleEndian.AppendUint64(head, r.root)
	head = binary.AppendUvarint(head, uint64(r.n))
	head = binary.AppendUvarint(head, uint64(len(r.line)))
	head = binary.AppendUvarint(head, r.keys.has)
	for _, part := range [...][]byte{r.keys.id, r.keys.parent, r.keys.typename} {
		head = appendPart(head, r.line, part)
	}
	return head
}

func appendPart(head, line, part []byte) []byte {
	if len(part) == 0 {
		return binary.AppendUvarint(head, 0)
	}
	at := cap(line) - cap(part)
	if at < 0 || at+len(part) > len(line) || &line[at] != &part[0] {
		return binary.AppendUvarint(head, rescan)
	}
	head = binary.AppendUvarint(head, uint64(at)+2)
	return binary.AppendUvarint(head, uint64(len(part)))
}

var errSpill = errors.New("bulk: temporary file is damaged")

// A recordHead is what stands before a line.
type recordHead struct {
	root   uint64
	n      int64
	length int // of the line
	has    uint64
	parts  [3]struct{ at, len uint64 }
	again  bool // the line has to be scanned
}

// parseHead reads the head at the start of b and returns where the line
// starts.
func parseHead(b []byte) (h recordHead, line int, err error) {
	if len(b) < 8 {
		return h, 0, errSpill
	}
	h.root = binary.LittleEndian.Uint64(b)
	at := 8
	uvarint := func() uint64 {
		v, n := binary.Uvarint(b[at:])
		if n <= 0 {
			err = errSpill
			return 0
		}
		at += n
		return v
	}
	h.n = int64(uvarint())
	length := uvarint()
	h.has = uvarint()
	for i := range h.parts {
		switch v := uvarint(); v {
		case 0:
		case rescan:
			h.again = true
		default:
			h.parts[i].at, h.parts[i].len = v-2, uvarint()
		}
	}
	for _, p := range h.parts {
		if p.at > length || p.len > length-p.at {
			return h, 0, errSpill
		}
	}
	if length > math.MaxInt32 {
		return h, 0, errSpill
	}
	h.length = int(length)
	return h, at, err
}

// parse reads the record at the start of b, sharing its memory, and returns
// where the line starts and where the next record does.
func (r *record) parse(b []byte, wanted []string) (line, next int, err error) {
	h, at, err := parseHead(b)
	if err != nil || h.length > len(b)-at {
		return 0, 0, errSpill
	}
	return at, at + h.length, r.fill(&h, b[at:at+h.length], wanted)
}

// fill makes the record of a head and its line.
func (r *record) fill(h *recordHead, line []byte, wanted []string) (err error) {
	r.root, r.n, r.line = h.root, h.n, line
	if h.again {
		if r.keys, err = scanKeys(line, wanted); err != nil {
			return errSpill
		}
		return nil
	}
	r.keys = keys{has: h.has}
	for i, into := range [...]*[]byte{&r.keys.id, &r.keys.parent, &r.keys.typename} {
		if p := h.parts[i]; p.len > 0 {
			*into = line[p.at : p.at+p.len]
		}
	}
	return nil
}
