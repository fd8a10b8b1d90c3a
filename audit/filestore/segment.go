package filestore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore/internal/disk"
	"github.com/posai-go/posai/audit/internal/memindex"
)

// segment is a file with batches, in the order in which they were appended, and
// what is known of its content.
type segment struct {
	name  string // in the directory
	first int64  // its first entry
	file  disk.File

	index   *memindex.Index // of the entries known
	spans   []int64         // offset of each entry known
	entries []*audit.Entry  // in a Store: what the archive's index will be made from
	known   int64           // offset up to which the content is known: the end of a batch
	last    int64           // offset of the last batch known; 0: none
	signed  []byte          // checkpoint of the last batch known
	batches int             // known

	users   int  // how many read from the file
	dropped bool // it is closed when nobody reads
}

// segmentName returns the name of the segment that begins with the entry.
func segmentName(first int64) string {
	if first == 0 {
		return "entries.log"
	}
	return fmt.Sprintf("entries.%020d.log", first)
}

// segmentNames returns the first entry of each segment in dir, ascending.
func segmentNames(dir string) ([]int64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var firsts []int64
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), "entries.")
		if !ok {
			continue
		}
		number, _ := strings.CutSuffix(name, ".log")
		first, err := strconv.ParseInt(number, 10, 64)
		if name == "log" {
			first, err = 0, nil
		}
		if err == nil && first >= 0 && segmentName(first) == e.Name() {
			firsts = append(firsts, first)
		}
	}
	slices.Sort(firsts)
	return firsts, nil
}

func openSegment(dir string, files disk.FS, first int64, flag int) (*segment, error) {
	name := segmentName(first)
	f, err := files.OpenFile(filepath.Join(dir, name), flag, fileMode)
	if err != nil {
		return nil, err
	}
	return &segment{name: name, first: first, file: f, known: int64(len(magic)), index: memindex.New(first)}, nil
}

// openSegments opens the segments of dir, again where one is archived and removed
// in between.
func openSegments(dir string, files disk.FS, flag int) (segments []*segment, err error) {
	for range 100 {
		firsts, err := segmentNames(dir)
		if err != nil {
			return nil, err
		}
		for _, first := range firsts {
			var s *segment
			if s, err = openSegment(dir, files, first, flag); err != nil {
				break
			}
			segments = append(segments, s)
		}
		if err == nil {
			return segments, nil
		}
		err = errors.Join(err, closeSegments(segments))
		segments = nil
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return nil, errors.New("filestore: the segments change all the time")
}

func closeSegments(segments []*segment) error {
	var err error
	for _, s := range segments {
		err = errors.Join(err, s.file.Close())
	}
	return err
}

// end returns the first entry after those known.
func (s *segment) end() int64 { return s.index.Size() }

// parser checks the head of the file and begins after it, or at the offset known.
func (s *segment) parser(from, end int64, size int64) (*parser, error) {
	p := &parser{r: s.file, offset: from, end: end, size: size}
	head, err := p.peek(0, len(magic))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("filestore: %w", err)
	}
	if string(head) != magic {
		return nil, &audit.CorruptError{Index: -1, Reason: "the file " + s.name + " does not begin as one of a log"}
	}
	return p, nil
}

// size returns the size of the file.
func (s *segment) size() (int64, error) {
	info, err := s.file.Stat()
	if err != nil {
		return 0, fmt.Errorf("filestore: %w", err)
	}
	return info.Size(), nil
}

// leaf reads an entry that is known.
func (s *segment) leaf(index, at, end int64) (audit.Leaf, error) {
	return leafAt(&parser{r: s.file, end: end, ahead: 2 << 10}, index, at)
}

// leafAt reads the entry whose frame is at the offset.
func leafAt(p *parser, index, at int64) (audit.Leaf, error) {
	leaf, _, err := p.leaf(at, index)
	if d, ok := errors.AsType[*damage](err); ok {
		return audit.Leaf{}, &audit.CorruptError{Index: index, Truncated: d.cut, Reason: d.reason}
	}
	if errors.Is(err, io.EOF) {
		return audit.Leaf{}, &audit.CorruptError{Index: index, Truncated: true, Reason: "the file ends before it"}
	}
	if err != nil {
		return audit.Leaf{}, fmt.Errorf("filestore: %w", err)
	}
	return leaf, nil
}
