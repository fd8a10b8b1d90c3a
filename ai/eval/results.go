package eval

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// ErrResults is the class of errors about a results file that cannot be read.
var ErrResults = errors.New("eval: results file not readable")

// A line of a results file.
type line struct {
	Kind       string    `json:"kind"` // answer, grade, preference, or spent: paid for, but not finished
	Time       time.Time `json:"time"`
	Contestant string    `json:"contestant"`
	Version    string    `json:"version,omitempty"`
	Case       string    `json:"case"`
	Input      string    `json:"input"` // digest

	// of answers
	Output     json.RawMessage `json:"output,omitempty"`
	Fallback   bool            `json:"fallback,omitempty"`
	DurationMS float64         `json:"duration_ms,omitempty"`

	// of grades and preferences
	Grader  string      `json:"grader,omitempty"`
	By      string      `json:"by,omitempty"`     // version of the grader
	Judged  string      `json:"judged,omitempty"` // digest of what was judged
	Grade   *Grade      `json:"grade,omitempty"`
	Against string      `json:"against,omitempty"` // the other contestant
	Verdict verdictKind `json:"verdict,omitempty"`

	// of all
	Error string `json:"error,omitempty"`
	Class string `json:"class,omitempty"`
	Spent Spent  `json:"spent,omitzero"`
}

// key is what a line is found by. A later line of the same key replaces the earlier.
type key struct{ kind, contestant, version, id, input, grader, by, judged, against string }

func (l *line) key() key {
	return key{l.Kind, l.Contestant, l.Version, l.Case, l.Input, l.Grader, l.By, l.Judged, l.Against}
}

// maxResultLine bounds a line of a results file, in bytes.
const maxResultLine = 16 << 20

// A journal is the results file, and what it holds.
type journal struct {
	mu   sync.Mutex
	file *os.File // nil if nothing is kept
	have map[key]*line
	paid map[[2]string]Spent // by contestant and version: everything, also what was replaced
}

// openJournal reads a results file, or makes it. A last line that a crash cut off is
// removed; anything else that is not a line of results is an error.
func openJournal(path string) (*journal, error) {
	j := &journal{have: map[key]*line{}, paid: map[[2]string]Spent{}}
	if path == "" {
		return j, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	whole, err := j.read(f, path)
	if err == nil {
		err = f.Truncate(whole)
	}
	if err == nil {
		_, err = f.Seek(whole, io.SeekStart)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	j.file = f
	return j, nil
}

// read returns how many bytes are whole lines.
func (j *journal) read(r io.Reader, name string) (whole int64, err error) {
	lines := bufio.NewReaderSize(r, 64<<10)
	for number := 1; ; number++ {
		text, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			return whole, nil
		}
		if err != nil {
			return 0, fmt.Errorf("%w: %s:%d: %w", ErrResults, name, number, err)
		}
		whole += int64(len(text))
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return 0, fmt.Errorf("%w: %s:%d: %s", ErrResults, name, number, decodeDetail(err))
		}
		switch g := l.Grade; {
		case l.Kind == "answer" && (l.Error == "") == (l.Output == nil),
			l.Kind == "grade" && (l.Error == "") == (g == nil),
			g != nil && !(g.Score >= 0 && g.Score <= 1),
			l.Spent.Cost < 0, l.Kind == "":
			return 0, fmt.Errorf("%w: %s:%d: not a line of results", ErrResults, name, number)
		}
		j.add(&l)
	}
}

var errLongLine = fmt.Errorf("a line longer than %d bytes", maxResultLine)

// readLine returns a line with its end; io.EOF for one that has none.
func readLine(r *bufio.Reader) ([]byte, error) {
	var text []byte
	for {
		piece, err := r.ReadSlice('\n')
		text = append(text, piece...)
		if len(text) > maxResultLine {
			return nil, errLongLine
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text, err
		}
	}
}

func (j *journal) add(l *line) {
	by := [2]string{l.Contestant, l.Version}
	sum := j.paid[by]
	sum.add(l.Spent)
	j.paid[by] = sum
	if l.Kind != "spent" {
		j.have[l.key()] = l
	}
}

func (j *journal) find(k key) *line {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.have[k]
}

// append makes a line durable against the end of the process.
func (j *journal) append(l *line) error {
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("eval: %w", err)
	}
	if len(text) >= maxResultLine {
		return fmt.Errorf("eval: case %s: an answer larger than %d bytes", l.Case, maxResultLine)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file != nil {
		if _, err := j.file.Write(append(text, '\n')); err != nil {
			return fmt.Errorf("eval: %w", err)
		}
	}
	j.add(l)
	return nil
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	err := errors.Join(j.file.Sync(), j.file.Close())
	j.file = nil
	return err
}
