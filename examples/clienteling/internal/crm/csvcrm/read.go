package csvcrm

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
)

// maxRow bounds a row of a file that is read back. The longest that this package writes
// are a few kilobytes of notes.
const maxRow = 8 << 20

// read reads back a file that this package wrote, row by row. Its errors hold line
// numbers, no cells; those about what the file says match ErrForeign.
func read(ctx context.Context, from io.Reader, header []string, row func([]string) error) error {
	rows := crm.NewRows(bufio.NewReaderSize(from, 1<<16), maxRow)
	r := csv.NewReader(rows)
	r.FieldsPerRecord = len(header)
	last := ""
	for n := 0; ; n++ {
		rows.Next()
		cells, err := r.Read()
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("%w: empty", ErrForeign)
		case err != nil:
			return fmt.Errorf("%w: %w", ErrForeign, withoutCells(err))
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case n == 0 && !slices.Equal(cells, header):
			return fmt.Errorf("%w: other columns", ErrForeign)
		case n == 0:
			continue
		case crm.CheckKey(cells[0]) != nil || cells[0] <= last:
			line, _ := r.FieldPos(0)
			return fmt.Errorf("%w: line %d: keys are not in order", ErrForeign, line)
		}
		last = cells[0]
		if err := row(cells); err != nil {
			return err
		}
	}
}

// withoutCells keeps of csv's errors what quotes nothing from the file.
func withoutCells(err error) error {
	if pe, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Errorf("line %d: %w", pe.Line, pe.Err)
	}
	return err
}
