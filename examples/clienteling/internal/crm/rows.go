package crm

import (
	"errors"
	"io"
)

// ErrLongRow is what a Rows ends with.
var ErrLongRow = errors.New("crm: row too long")

// Rows bounds what a csv.Reader reads for one row of a file that comes from elsewhere:
// without that a quote which is never closed is read into memory to the end of the file.
// What the reader has read ahead counts for the row before.
type Rows struct {
	from       io.Reader
	most, left int
}

// NewRows reads from a file whose rows have at most so many bytes.
func NewRows(from io.Reader, most int) *Rows { return &Rows{from: from, most: most} }

// Next is to be called before each row.
func (r *Rows) Next() { r.left = r.most }

// Read implements io.Reader. It fails with ErrLongRow.
func (r *Rows) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, ErrLongRow
	}
	n, err := r.from.Read(p)
	r.left -= n
	return n, err
}
