// Package evaluate measures how well the guard finds fraud, beside the rule that
// looks at the amount alone, with the same review budget: on the public "Online
// Retail" data with fraud injected into it, and on a simulated chain of stores.
//
// What is measured is a stream: transactions come in the order of time, each is
// assessed against what came before it and flagged or not at once, or when a flag
// falls free later that day. The first part of the time is for learning, the rest
// counts. Labels are looked at when all is done, and by nothing but the counting.
package evaluate

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
)

// ErrData is what errors of [ReadRetail] match.
var ErrData = errors.New("evaluate: not the Online Retail data")

// maxRows bounds a file; the whole data set has 541,909 rows, its second edition
// about a million.
const maxRows = 5_000_000

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

var timeLayouts = []string{"2006-01-02 15:04:05", "1/2/2006 15:04", "2006-01-02T15:04:05"}

// goods are the codes of things that can be bought; the others are postage, fees,
// corrections and the like. Gift vouchers are gift cards.
var (
	goods    = regexp.MustCompile(`^[0-9]{5}[A-Za-z]*$`)
	vouchers = regexp.MustCompile(`^gift_`)
)

// Labeled is a transaction, and whether it is fraud: "" is not.
type Labeled struct {
	risk.Transaction
	Fraud string // name of the scenario
	Case  int    // numbers the cases of fraud, of one or more transactions each
}

// ReadRetail reads the rows of Online Retail as CSV and makes a transaction of
// each invoice. An invoice whose number begins with C is a return; it has the
// customer's latest earlier invoice with the article as its receipt, if there is
// one with as many pieces left.
//
// Chen, D. (2015), https://doi.org/10.24432/C5BW33.
func ReadRetail(r io.Reader) ([]Labeled, error) {
	rows := csv.NewReader(r)
	rows.ReuseRecord = true
	rows.LazyQuotes = true
	header, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrData, err)
	}
	at, err := locate(header)
	if err != nil {
		return nil, err
	}
	p := retailParser{at: at, receipts: map[string][]*purchase{}}
	for n := 2; ; n++ {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && n > maxRows {
			err = errors.New("too many rows")
		}
		if err == nil {
			err = p.row(row)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: row %d: %w", ErrData, n, err)
		}
	}
	p.finish()
	if len(p.out) == 0 {
		return nil, fmt.Errorf("%w: no invoices", ErrData)
	}
	return p.out, nil
}

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

type retailParser struct {
	at       map[string]int
	out      []Labeled
	open     *Labeled // the invoice that is being read
	number   string
	receipts map[string][]*purchase // by customer and article, oldest first
}

// purchase is what is left of one article on one invoice.
type purchase struct {
	invoice string
	left    int
}

func (p *retailParser) row(row []string) error {
	field := func(name string) string { return strings.TrimSpace(row[p.at[name]]) }
	invoice, article := field("invoice"), field("article")
	quantity, err := strconv.Atoi(field("quantity"))
	if err != nil {
		return errors.New("the quantity is no number")
	}
	price, err := decimal.NewFromString(field("price"))
	if err != nil || price.Exponent() < -12 || price.Exponent() > 12 {
		return errors.New("the price is no amount")
	}
	isVoucher := vouchers.MatchString(article)
	isReturn := strings.HasPrefix(invoice, "C")
	if !price.IsPositive() || quantity == 0 || isReturn != (quantity < 0) || !goods.MatchString(article) && !isVoucher {
		return nil // stock movements, fees and corrections
	}
	if p.open == nil || p.number != invoice {
		p.finish()
		at, err := parseTime(field("time"))
		if err != nil {
			return err
		}
		p.number = invoice
		p.open = &Labeled{Transaction: risk.Transaction{
			Key: "invoice/" + invoice, Kind: risk.Sale, At: at, Customer: strings.TrimSuffix(field("customer"), ".0"),
			Location: strings.ReplaceAll(field("country"), " ", "-"), Tenders: []string{"invoice"},
		}}
		if isReturn {
			p.open.Kind = risk.Return
		}
	}
	t := &p.open.Transaction
	pieces := max(quantity, -quantity)
	if len(t.Lines) < risk.MaxLines { // a few wholesale invoices are longer
		t.Lines = append(t.Lines, risk.Line{SKU: article, Quantity: min(pieces, risk.MaxQuantity), UnitPrice: price, GiftCard: isVoucher})
		t.Amount = t.Amount.Add(price.Mul(decimal.NewFromInt(int64(pieces))))
	}
	return nil
}

// finish files the open invoice.
func (p *retailParser) finish() {
	if p.open == nil {
		return
	}
	t := &p.open.Transaction
	for _, l := range t.Lines {
		key := t.Customer + "\x00" + l.SKU
		if t.Customer == "" {
			continue
		}
		if t.Kind == risk.Sale {
			p.receipts[key] = append(p.receipts[key], &purchase{t.Key, l.Quantity})
			continue
		}
		for i := len(p.receipts[key]) - 1; i >= 0; i-- {
			if b := p.receipts[key][i]; b.left >= l.Quantity {
				b.left -= l.Quantity
				if t.Receipt == "" {
					t.Receipt = b.invoice
				}
				break
			}
		}
	}
	p.out = append(p.out, *p.open)
	p.open = nil
}

func parseTime(text string) (time.Time, error) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("the time is not understood")
}
