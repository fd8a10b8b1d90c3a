package bulk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// unmarshal decodes a line. The error does not hold its content.
func unmarshal(line []byte, n int64, into any) error {
	return lineError(json.Unmarshal(line, into), n, into)
}

// lineError says what is wrong with line n, without its content.
func lineError(err error, n int64, into any) error {
	if err == nil {
		return nil
	}
	if te, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return &LineError{Line: n, Err: fmt.Errorf("%w: %s does not fit %s", ErrMalformed, te.Field, te.Type)}
	}
	if se, ok := errors.AsType[*json.SyntaxError](err); ok {
		return &LineError{Line: n, Err: fmt.Errorf("%w: not JSON at byte %d", ErrMalformed, se.Offset)}
	}
	return &LineError{Line: n, Err: fmt.Errorf("%w: it does not fit %T", ErrMalformed, into)}
}

// A lineDecoder decodes one line after the other, as [unmarshal] does. What
// json.Unmarshal allocates for each call a json.Decoder allocates once, which
// is two fifths of all memory that typical lines take.
type lineDecoder struct {
	json *json.Decoder
	rest []byte // of the line, not read yet
}

// Read gives the decoder the line, and nothing of another.
func (d *lineDecoder) Read(b []byte) (int, error) {
	if len(d.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

// longLine is from where on a line is not worth a decoder's buffer.
const longLine = 64 << 10

// decode decodes a line.
func (d *lineDecoder) decode(line []byte, n int64, into any) error {
	if len(line) > longLine {
		return unmarshal(line, n, into)
	}
	if d.json == nil {
		d.json = json.NewDecoder(d)
	}
	dec, start := d.json, d.json.InputOffset()
	d.json, d.rest = nil, line // a decoder that failed, or whose caller panicked, is not used again
	err := dec.Decode(into)
	d.rest = nil
	_, syntax := errors.AsType[*json.SyntaxError](err)
	switch {
	case syntax, errors.Is(err, io.ErrUnexpectedEOF), err == nil && dec.InputOffset()-start != int64(len(line)):
		// It has counted from the first line on, or the value is not the line.
		return unmarshal(line, n, into)
	case err == nil:
		d.json = dec
	}
	return lineError(err, n, into)
}
