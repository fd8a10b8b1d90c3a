// Package onlineretail reads the public "Online Retail" data set, on which the
// examples measure themselves: the invoice lines of a British gift retailer.
//
// Chen, D. (2015), https://doi.org/10.24432/C5BW33, CC BY 4.0. The data is not part
// of this project.
package onlineretail

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// ErrData is what errors about the data match.
var ErrData = errors.New("onlineretail: not the Online Retail data")

// maxRows bounds a file; the whole data set has 541,909 rows, its second edition
// about a million.
const maxRows = 5_000_000

// Row is one line of an invoice.
type Row struct {
	Invoice  string
	Article  string // stock code
	Quantity int    // negative on returns
	At       time.Time
	Price    decimal.Decimal // of a piece, in GBP
	Customer string          // may be empty
	Country  string
}

// goods are the codes of things that can be bought; the others are postage, fees,
// corrections and the like. Gift vouchers are gift cards.
var (
	goods    = regexp.MustCompile(`^[0-9]{5}[A-Za-z]*$`)
	vouchers = regexp.MustCompile(`^gift_`)
)

// Goods says whether the row is about something that can be bought.
func (r *Row) Goods() bool { return goods.MatchString(r.Article) }

// Voucher says whether the row is about a gift voucher.
func (r *Row) Voucher() bool { return vouchers.MatchString(r.Article) }

// Return says whether the row's invoice is a cancellation or return.
func (r *Row) Return() bool { return strings.HasPrefix(r.Invoice, "C") }

// Booked says whether the row is a sale or a return of something with a price: not
// a stock movement, a fee or a correction.
func (r *Row) Booked() bool {
	return r.Price.IsPositive() && r.Quantity != 0 && r.Return() == (r.Quantity < 0) && (r.Goods() || r.Voucher())
}

// columns are the names that the editions of the data use.
var columns = map[string][]string{
	"invoice":  {"InvoiceNo", "Invoice"},
	"article":  {"StockCode"},
	"quantity": {"Quantity"},
	"time":     {"InvoiceDate"},
	"price":    {"UnitPrice", "Price"},
	"customer": {"CustomerID", "Customer ID"},
	"country":  {"Country"},
}

// Rows reads the rows of the data as CSV, in their order. An error, which matches
// [ErrData], is yielded once and ends it. The rows can be ranged over once.
func Rows(r io.Reader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		rows := csv.NewReader(r)
		rows.ReuseRecord = true
		rows.LazyQuotes = true
		header, err := rows.Read()
		if err != nil {
			yield(Row{}, fmt.Errorf("%w: %w", ErrData, err))
			return
		}
		at, err := locate(header)
		if err != nil {
			yield(Row{}, err)
			return
		}
		for n := 2; ; n++ {
			fields, err := rows.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if err == nil && n > maxRows {
				err = errors.New("too many rows")
			}
			var row Row
			if err == nil {
				row, err = parse(at, fields)
			}
			if err != nil {
				yield(Row{}, fmt.Errorf("%w: row %d: %w", ErrData, n, err))
				return
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// Open opens a file for [Rows], .csv or .csv.gz. The caller closes it.
func Open(name string) (io.ReadCloser, error) {
	f, err := os.Open(name)
	if err != nil || !strings.HasSuffix(name, ".gz") {
		return f, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %s: %w", ErrData, name, err), f.Close())
	}
	return &zipped{z, f}, nil
}

type zipped struct {
	*gzip.Reader
	file io.Closer
}

func (z *zipped) Close() error { return errors.Join(z.Reader.Close(), z.file.Close()) }

func locate(header []string) (map[string]int, error) {
	at := map[string]int{}
	for i, name := range header {
		for column, names := range columns {
			for _, n := range names {
				if strings.TrimPrefix(strings.TrimSpace(name), "\ufeff") == n {
					at[column] = i
				}
			}
		}
	}
	for column := range columns {
		if _, ok := at[column]; !ok {
			return nil, fmt.Errorf("%w: no column for the %s", ErrData, column)
		}
	}
	return at, nil
}

func parse(at map[string]int, fields []string) (row Row, err error) {
	field := func(name string) string { return strings.TrimSpace(fields[at[name]]) }
	// The record's strings share one buffer, which is kept as long as one of them.
	row.Invoice, row.Article = strings.Clone(field("invoice")), strings.Clone(field("article"))
	row.Customer, row.Country = strings.TrimSuffix(strings.Clone(field("customer")), ".0"), strings.Clone(field("country"))
	if row.Quantity, err = strconv.Atoi(field("quantity")); err != nil {
		return Row{}, errors.New("the quantity is no number")
	}
	row.Price, err = decimal.NewFromString(field("price"))
	if err != nil || row.Price.Exponent() < -12 || row.Price.Exponent() > 12 {
		return Row{}, errors.New("the price is no amount")
	}
	row.At, err = parseTime(field("time"))
	return row, err
}

var timeLayouts = []string{"2006-01-02 15:04:05", "1/2/2006 15:04", "2006-01-02T15:04:05"}

func parseTime(text string) (time.Time, error) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("the time is not understood")
}
