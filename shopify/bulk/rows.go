package bulk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/posai-go/posai/shopify"
)

// Row is one line of the results of a bulk query, as it stands in the file.
type Row struct {
	Line int64 // from 1
	// ID and ParentID are empty where the line has none.
	ID, ParentID shopify.GID
	// Type is the object's type in the schema: its __typename where the query
	// selects that, otherwise what the id says.
	Type string
	// JSON is the line, valid until the next row.
	JSON json.RawMessage
}

// Rows waits until a bulk query has ended and yields the lines of its file, in
// the file's order and without joining them: for programs that put them into a
// database, or whose objects have more children than memory holds. Otherwise it
// is like [Objects].
func Rows(ctx context.Context, op *Operation, opts *ReadOptions) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		err := op.read(ctx, opts, func(file io.Reader, o *DecodeOptions) error {
			return eachLine(ctx, file, &o.Limits, func(n int64, line []byte) error {
				k, err := scanKeys(line, nil)
				if err != nil {
					return &LineError{Line: n, Err: fmt.Errorf("%w: %w", ErrMalformed, err)}
				}
				if !yield(Row{n, shopify.GID(k.id), shopify.GID(k.parent), string(k.kind()), line}, nil) {
					return errStop
				}
				return nil
			})
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(Row{}, err)
		}
	}
}

// eachLine calls do with each line of a file.
func eachLine(ctx context.Context, file io.Reader, limits *Limits, do func(n int64, line []byte) error) error {
	lines := newLineReader(file, limits.MaxLine)
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		line, err := lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case lines.read > limits.MaxSize:
			return errFile(limits.MaxSize)
		}
		if err := do(lines.n, line); err != nil {
			return err
		}
	}
}

func errFile(limit int64) error {
	return fmt.Errorf("bulk: %w: the file has more than %d bytes", ErrTooLarge, limit)
}
