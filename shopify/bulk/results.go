package bulk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/posai-go/posai/shopify"
)

// Result is what came of one row of a bulk mutation.
type Result[T any] struct {
	// Row is the index of the row's variables, from 0, in the order in which
	// they were sent.
	Row int64
	// Data is the mutation's data, as its response would hold it, as far as
	// there is any.
	Data T
	// Err is why the row had no effect, or not the whole: a
	// [*shopify.UserErrors], or a [*RowError] with GraphQL errors; nil if it
	// succeeded.
	Err error
}

// RowError is a row that Shopify did not run, or not to its end.
type RowError struct {
	Row    int64
	Errors []shopify.GraphQLError
}

// Error names the row, the number of errors and the first one's code: the
// messages may hold the row's values.
func (e *RowError) Error() string {
	s := fmt.Sprintf("bulk: row %d: %d GraphQL errors", e.Row, len(e.Errors))
	if len(e.Errors) > 0 && e.Errors[0].Code != "" {
		s += " (" + e.Errors[0].Code + ")"
	}
	return s
}

// Is joins the codes with the sentinels of package shopify.
func (e *RowError) Is(target error) bool {
	code := map[error]string{
		shopify.ErrAccessDenied: "ACCESS_DENIED", shopify.ErrServer: "INTERNAL_SERVER_ERROR",
		shopify.ErrThrottled: "THROTTLED", shopify.ErrBadRequest: "BAD_REQUEST", shopify.ErrMaxCost: "MAX_COST_EXCEEDED",
	}[target]
	for _, g := range e.Errors {
		if code != "" && g.Code == code {
			return true
		}
	}
	return false
}

// Results waits until a bulk mutation has ended and yields what came of each of
// its rows, in the order of the file. T is the type of the mutation's response,
// such as that of a generated function: struct{ ProductUpdate struct{ … } }.
//
// That rows failed is in their [Result.Err] and ends nothing. If the operation
// ended before all rows were run, and this program started it, a
// [*MissingError] comes last.
func Results[T any](ctx context.Context, op *Operation, opts *ReadOptions) iter.Seq2[Result[T], error] {
	return func(yield func(Result[T], error) bool) {
		var seen bitmap
		err := op.read(ctx, opts, func(file io.Reader, o *DecodeOptions) error {
			return eachLine(ctx, file, &o.Limits, func(n int64, line []byte) error {
				res, err := result[T](n, line)
				if err != nil {
					return err
				}
				if seen.set(res.Row) {
					return &LineError{Line: n, Err: fmt.Errorf("%w: a second result of row %d", ErrMalformed, res.Row)}
				}
				if !yield(res, nil) {
					return errStop
				}
				return nil
			})
		})
		if err == nil {
			err = seen.missing(op.rows)
		}
		if err != nil && !errors.Is(err, errStop) {
			yield(Result[T]{}, err)
		}
	}
}

// maxRows bounds line numbers: MaxUpload holds no more lines.
const maxRows = MaxUpload / 2

// result reads one line.
func result[T any](n int64, line []byte) (Result[T], error) {
	var raw struct {
		Data   json.RawMessage   `json:"data"`
		Errors []json.RawMessage `json:"errors"`
		Row    *int64            `json:"__lineNumber"`
	}
	if err := unmarshal(line, n, &raw); err != nil {
		return Result[T]{}, err
	}
	if raw.Row == nil || *raw.Row < 0 || *raw.Row > maxRows {
		return Result[T]{}, &LineError{Line: n, Err: fmt.Errorf("%w: no line number", ErrMalformed)}
	}
	res := Result[T]{Row: *raw.Row}
	if len(raw.Data) > 0 && !bytes.Equal(raw.Data, []byte("null")) {
		if err := unmarshal(raw.Data, n, &res.Data); err != nil {
			return res, err
		}
	}
	switch {
	case len(raw.Errors) > 0:
		e := &RowError{Row: res.Row}
		for _, g := range raw.Errors {
			e.Errors = append(e.Errors, graphQLError(g))
		}
		res.Err = e
	default:
		if ue := shopify.ReadUserErrors(raw.Data); ue != nil {
			res.Err = ue
		}
	}
	return res, nil
}

// graphQLError reads one error; what is of another form is left out.
func graphQLError(raw json.RawMessage) shopify.GraphQLError {
	var e struct {
		Message    json.RawMessage `json:"message"`
		Path       []any           `json:"path"`
		Extensions json.RawMessage `json:"extensions"`
	}
	_ = json.Unmarshal(raw, &e)
	var ext struct {
		Code           string `json:"code"`
		RequiredAccess string `json:"requiredAccess"`
	}
	_ = json.Unmarshal(e.Extensions, &ext)
	out := shopify.GraphQLError{Code: ext.Code, RequiredAccess: ext.RequiredAccess, Extensions: e.Extensions}
	_ = json.Unmarshal(e.Message, &out.Message)
	path := make([]string, len(e.Path))
	for i, p := range e.Path {
		path[i] = fmt.Sprint(p)
	}
	out.Path = strings.Join(path, ".")
	return out
}

// bitmap is a set of row numbers.
type bitmap struct {
	words []uint64
	n     int64
}

// set adds a number and reports whether it was there.
func (b *bitmap) set(i int64) bool {
	for int64(len(b.words)) <= i/64 {
		b.words = append(b.words, 0)
	}
	bit := uint64(1) << (i % 64)
	was := b.words[i/64]&bit != 0
	b.words[i/64] |= bit
	if !was {
		b.n++
	}
	return was
}

func (b *bitmap) has(i int64) bool {
	return i/64 < int64(len(b.words)) && b.words[i/64]&(1<<(i%64)) != 0
}

// missing reports the rows up to n that are not in the set.
func (b *bitmap) missing(n int64) error {
	if b.n >= n {
		return nil
	}
	e := &MissingError{Count: n - b.n}
	for i := int64(0); i < n && len(e.First) < maxOrphans; i++ {
		if !b.has(i) {
			e.First = append(e.First, i)
		}
	}
	return e
}
