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
	"fmt"
	"io"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
	"github.com/posai-go/posai/examples/internal/onlineretail"
)

// ErrData is what errors of [ReadRetail] match.
var ErrData = onlineretail.ErrData

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
	p := retailParser{receipts: map[string][]*purchase{}}
	for row, err := range onlineretail.Rows(r) {
		if err != nil {
			return nil, err
		}
		if row.Booked() { // not a stock movement, a fee or a correction
			p.row(row)
		}
	}
	p.finish()
	if len(p.out) == 0 {
		return nil, fmt.Errorf("%w: no invoices", ErrData)
	}
	return p.out, nil
}

type retailParser struct {
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

func (p *retailParser) row(row onlineretail.Row) {
	if p.open == nil || p.number != row.Invoice {
		p.finish()
		p.number = row.Invoice
		p.open = &Labeled{Transaction: risk.Transaction{
			Key: "invoice/" + row.Invoice, Kind: risk.Sale, At: row.At, Customer: row.Customer,
			Location: strings.ReplaceAll(row.Country, " ", "-"), Tenders: []string{"invoice"},
		}}
		if row.Return() {
			p.open.Kind = risk.Return
		}
	}
	t := &p.open.Transaction
	pieces := max(row.Quantity, -row.Quantity)
	if len(t.Lines) < risk.MaxLines { // a few wholesale invoices are longer
		t.Lines = append(t.Lines, risk.Line{SKU: row.Article, Quantity: min(pieces, risk.MaxQuantity), UnitPrice: row.Price, GiftCard: row.Voucher()})
		t.Amount = t.Amount.Add(row.Price.Mul(decimal.NewFromInt(int64(pieces))))
	}
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
