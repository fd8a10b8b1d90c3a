package eval

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// A Format is how a file writes its cases.
type Format string

// The formats.
const (
	// JSONL is one JSON object in each line; empty lines are passed over.
	JSONL Format = "jsonl"

	// JSON is one array of objects.
	JSON Format = "json"

	// CSV is a header and one case in each record (RFC 4180). Columns are named as
	// the JSON fields are, those inside of others with a dot: "id", "tags",
	// "input.note", "want". Cells of lists are separated by semicolons. An empty cell
	// leaves its field out. A field whose Go type is not known (any, a map's value)
	// is a string.
	CSV Format = "csv"
)

// ReadOptions are the options of [Read] and [ReadFile]. The zero value is the
// default.
type ReadOptions struct {
	// Format of the file. If empty, it follows from the name's end: .jsonl, .ndjson,
	// .json or .csv.
	Format Format

	// MaxBytes bounds the file, MaxLine one case in it, in bytes, and MaxCases their
	// number. If zero, 64 MiB, 1 MiB and 100,000.
	MaxBytes, MaxLine, MaxCases int
}

// ReadFile reads a file of cases; see [Read].
func ReadFile[In, Want any](path string, opts *ReadOptions) ([]Case[In, Want], error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	defer func() { _ = f.Close() }()
	return Read[In, Want](f, path, opts)
}

// Read reads cases, of which there must be one at least. The name is for errors and,
// by its end, for the format. A field that is unknown, an ID that is empty or there
// twice, and whatever does not decode is a [*CaseError] that names the line; then no
// cases are returned.
func Read[In, Want any](r io.Reader, name string, opts *ReadOptions) ([]Case[In, Want], error) {
	return ReadRows(r, name, opts, func(c Case[In, Want]) (Case[In, Want], error) { return c, nil })
}

// ReadRows is [Read] for files whose rows have a form of their own: each is decoded
// into a Row and made a case by a function. The text of that function's error is
// not shown, but wrapped.
func ReadRows[Row, In, Want any](r io.Reader, name string, opts *ReadOptions, toCase func(Row) (Case[In, Want], error)) ([]Case[In, Want], error) {
	var o ReadOptions
	if opts != nil {
		o = *opts
	}
	o.defaults(name)
	data, err := io.ReadAll(io.LimitReader(r, int64(o.MaxBytes)+1))
	if err != nil {
		return nil, fmt.Errorf("eval: %s: %w", name, err)
	}
	if len(data) > o.MaxBytes {
		return nil, &CaseError{File: name, Detail: fmt.Sprintf("larger than %d bytes", o.MaxBytes)}
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return nil, &CaseError{File: name, Line: invalidLine(data), Detail: "not UTF-8"}
	}
	rows := &reader[Row, In, Want]{name: name, opts: o, toCase: toCase, lines: map[string]int{}}
	switch o.Format {
	case JSONL:
		err = rows.jsonl(data)
	case JSON:
		err = rows.array(data)
	case CSV:
		err = rows.csv(data)
	default:
		err = &CaseError{File: name, Detail: "unknown format: name it jsonl, json or csv"}
	}
	if err != nil {
		return nil, err
	}
	if len(rows.cases) == 0 {
		return nil, &CaseError{File: name, Detail: "no cases"}
	}
	return rows.cases, nil
}

func (o *ReadOptions) defaults(name string) {
	if o.Format == "" {
		switch ext := strings.ToLower(filepath.Ext(name)); ext {
		case ".jsonl", ".ndjson":
			o.Format = JSONL
		case ".json", ".csv":
			o.Format = Format(ext[1:])
		}
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 64 << 20
	}
	if o.MaxLine <= 0 {
		o.MaxLine = 1 << 20
	}
	if o.MaxCases <= 0 {
		o.MaxCases = 100_000
	}
}

func invalidLine(data []byte) int {
	line := 1
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		if r == utf8.RuneError && n == 1 {
			break
		}
		if r == '\n' {
			line++
		}
		data = data[n:]
	}
	return line
}

type reader[Row, In, Want any] struct {
	name   string
	opts   ReadOptions
	toCase func(Row) (Case[In, Want], error)
	cases  []Case[In, Want]
	lines  map[string]int // by ID
}

func (r *reader[Row, In, Want]) fail(line int, detail string, err error) error {
	return &CaseError{File: r.name, Line: line, Detail: detail, Err: err}
}

// row adds the case of one JSON object.
func (r *reader[Row, In, Want]) row(line int, object []byte) error {
	if len(object) > r.opts.MaxLine {
		return r.fail(line, fmt.Sprintf("a case larger than %d bytes", r.opts.MaxLine), nil)
	}
	if len(r.cases) == r.opts.MaxCases {
		return r.fail(line, fmt.Sprintf("more than %d cases", r.opts.MaxCases), nil)
	}
	if object = bytes.TrimSpace(object); len(object) == 0 || object[0] != '{' {
		return r.fail(line, "not a JSON object", nil)
	}
	dec := json.NewDecoder(bytes.NewReader(object))
	dec.DisallowUnknownFields()
	var row Row
	if err := dec.Decode(&row); err != nil {
		return r.fail(line, decodeDetail(err), err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return r.fail(line, "something after the object", nil)
	}
	c, err := r.toCase(row)
	if err != nil {
		return r.fail(line, "not a case", err)
	}
	if p := c.problem(); p != "" {
		return r.fail(line, p, nil)
	}
	if before, twice := r.lines[c.ID]; twice {
		return r.fail(line, fmt.Sprintf("the id of line %d again", before), nil)
	}
	r.lines[c.ID] = line
	r.cases = append(r.cases, c)
	return nil
}

// decodeDetail says why something did not decode, without a word of it.
func decodeDetail(err error) string {
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if t.Field == "" {
			return "a value of another type than " + t.Type.String()
		}
		return fmt.Sprintf("a value of another type than %s in %s", t.Type, printable(t.Field))
	}
	if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("not JSON, byte %d of the case", s.Offset)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "JSON that is cut off"
	}
	if strings.HasPrefix(err.Error(), "json: unknown field ") {
		return "an unknown field"
	}
	return "a value that does not decode"
}

// printable is the path of a field: keys of maps come from the file.
func printable(field string) string {
	if nameProblem(field) != "" {
		return "a field"
	}
	return field
}

func (r *reader[Row, In, Want]) jsonl(data []byte) error {
	line := 0
	for rest := range bytes.Lines(data) {
		line++
		if len(bytes.TrimSpace(rest)) == 0 {
			continue
		}
		if err := r.row(line, rest); err != nil {
			return err
		}
	}
	return nil
}

// array reads one element at a time, so that an error names its line.
func (r *reader[Row, In, Want]) array(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	line, counted := 1, 0
	at := func() int { // the line of the next value
		next := int(dec.InputOffset())
		for next < len(data) && strings.IndexByte(" \t\r\n,", data[next]) >= 0 {
			next++
		}
		line += bytes.Count(data[counted:next], []byte{'\n'})
		counted = next
		return line
	}
	start := at()
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		return r.fail(start, "not a JSON array", nil)
	}
	for dec.More() {
		start := at()
		var object json.RawMessage
		if err := dec.Decode(&object); err != nil {
			return r.fail(start, decodeDetail(err), err)
		}
		if err := r.row(start, object); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return r.fail(at(), decodeDetail(err), err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return r.fail(at(), "something after the array", nil)
	}
	return nil
}
