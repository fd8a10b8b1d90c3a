// Package risk scores the sales and returns of a store: rules of a [Policy] over
// velocity counters and a ledger of what was bought, and an isolation forest for
// what no rule names. It makes no network calls and asks no model.
//
// An [Engine] assesses a [Transaction] against what it has observed so far; a
// [Budget] decides which of the assessed are flagged, at most one in a hundred.
//
//	engine := risk.NewEngine(policy)
//	for _, t := range past {
//		engine.Observe(t)
//	}
//	trained, err := engine.Train()
//	…
//	a := engine.Assess(t) // score, reasons
//	engine.Observe(t)
package risk

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/shopspring/decimal"
)

// Kind is what a [Transaction] is.
type Kind string

// The kinds of transactions.
const (
	Sale   Kind = "sale"
	Return Kind = "return"
)

// Bounds of a transaction.
const (
	MaxLines    = 500
	MaxTenders  = 20
	MaxID       = 128 // bytes of an identifier
	MaxQuantity = 10_000
)

// maxAmount bounds amounts, in the shop's currency.
var maxAmount = decimal.New(1, 9)

// Transaction is one sale or one return, as the guard sees it. It names people by
// their ids alone.
type Transaction struct {
	// Key names the transaction within the shop, such as "order/1001".
	Key  string
	Kind Kind
	At   time.Time

	// Who and where, as ids; empty where not known.
	Location, Register, Associate, Customer string

	// Amount is what is paid, or given back: never negative.
	Amount decimal.Decimal
	Lines  []Line

	// Discount is what was taken off by hand, not by a code.
	Discount decimal.Decimal

	// Tenders are how it is paid: "cash", "gift_card", "credit_card", …; one
	// for each payment.
	Tenders []string

	// Receipt is the key of the sale that a return belongs to. Empty: a return
	// without a receipt.
	Receipt string
}

// Line is one article.
type Line struct {
	SKU       string
	Quantity  int
	UnitPrice decimal.Decimal // before discounts
	GiftCard  bool
}

// Validate says what makes no sense, without repeating the content.
func (t *Transaction) Validate() error {
	if t.Kind != Sale && t.Kind != Return {
		return errors.New("kind must be sale or return")
	}
	if t.At.Year() < 2000 || t.At.Year() > 2200 {
		return errors.New("time is out of range")
	}
	if t.Key == "" {
		return errors.New("key is required")
	}
	for name, id := range map[string]string{"key": t.Key, "location": t.Location, "register": t.Register, "associate": t.Associate, "customer": t.Customer, "receipt": t.Receipt} {
		if !plain(id) {
			return fmt.Errorf("%s must be at most %d characters without spaces or controls", name, MaxID)
		}
	}
	if !amount(t.Amount) || !amount(t.Discount) {
		return errors.New("amounts must be between 0 and 1,000,000,000")
	}
	if len(t.Lines) > MaxLines || len(t.Tenders) > MaxTenders {
		return fmt.Errorf("at most %d lines and %d tenders", MaxLines, MaxTenders)
	}
	for i, l := range t.Lines {
		if l.Quantity < 1 || l.Quantity > MaxQuantity || !amount(l.UnitPrice) || len(l.SKU) > 2*MaxID || strings.ContainsFunc(l.SKU, unicode.IsControl) {
			return fmt.Errorf("line %d makes no sense", i+1)
		}
	}
	for _, tender := range t.Tenders {
		if tender == "" || !plain(tender) {
			return errors.New("a tender must be a word such as cash")
		}
	}
	return nil
}

// plain says whether an id can go into keys, logs and pages.
func plain(id string) bool {
	return len(id) <= MaxID && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' })
}

// amount says whether d is sensible; the exponent is checked first, because
// comparing 1e999999999 with anything takes its time.
func amount(d decimal.Decimal) bool {
	return d.Exponent() >= -12 && d.Exponent() <= 12 && len(d.Coefficient().Bits()) <= 2 && !d.IsNegative() && d.LessThanOrEqual(maxAmount)
}

// gross is what the articles cost before discounts.
func (t *Transaction) gross() decimal.Decimal {
	sum := decimal.Zero
	for _, l := range t.Lines {
		sum = sum.Add(l.UnitPrice.Mul(decimal.NewFromInt(int64(l.Quantity))))
	}
	return sum
}

// giftCards is the value of the gift cards in the basket.
func (t *Transaction) giftCards() decimal.Decimal {
	sum := decimal.Zero
	for _, l := range t.Lines {
		if l.GiftCard {
			sum = sum.Add(l.UnitPrice.Mul(decimal.NewFromInt(int64(l.Quantity))))
		}
	}
	return sum
}

// till is where the transaction takes place: the register, or the location where
// the register is not known.
func (t *Transaction) till() string {
	if t.Register != "" {
		return t.Register
	}
	return t.Location
}
