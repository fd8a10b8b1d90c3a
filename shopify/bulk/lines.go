package bulk

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// lineReader reads JSONL: lines that end in LF, CR LF or with the file, after
// an optional byte order mark. Empty lines are skipped but counted.
type lineReader struct {
	r    *bufio.Reader
	max  int
	long []byte // a line that is longer than the buffer
	n    int64  // of the line that was read last, from 1
	read int64  // bytes
}

const readBuffer = 128 << 10

func newLineReader(r io.Reader, maxLine int) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, readBuffer), max: maxLine}
}

// next returns the next line, which is valid until the call after. At the end
// it returns io.EOF.
func (l *lineReader) next() ([]byte, error) {
	for {
		line, err := l.raw()
		if err != nil {
			return nil, err
		}
		l.n++
		if len(line) > l.max {
			return nil, l.tooLong()
		}
		if l.n == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, nil
		}
	}
}

// raw returns the bytes up to and with the next LF, or the rest of the file.
func (l *lineReader) raw() ([]byte, error) {
	part, err := l.r.ReadSlice('\n')
	l.read += int64(len(part))
	if err == nil {
		return part, nil
	}
	if errors.Is(err, io.EOF) && len(part) > 0 {
		return part, nil
	}
	if !errors.Is(err, bufio.ErrBufferFull) {
		return nil, err
	}
	l.long = append(l.long[:0], part...)
	for errors.Is(err, bufio.ErrBufferFull) {
		part, err = l.r.ReadSlice('\n')
		l.read += int64(len(part))
		if len(l.long)+len(part) > l.max {
			l.n++
			return nil, l.tooLong()
		}
		l.long = append(l.long, part...)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return l.long, nil
}

func (l *lineReader) tooLong() error {
	return &LineError{Line: l.n, Err: fmt.Errorf("%w: longer than %d bytes", ErrTooLarge, l.max)}
}
