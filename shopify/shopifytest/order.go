package shopifytest

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

type order struct {
	head
	number           int
	confirmation     string
	source           string // "pos", "web", "shopify_draft_order" or an app's
	processedAt      time.Time
	location         *location // of the register
	origin           *location // whose stock it takes
	staff            *staff
	deviceID         int64
	customer         *customer
	email, phone     string
	note             string
	poNumber         string
	tags             []string
	attributes       []Attribute
	shippingAddress  *address
	billingAddress   *address
	lines            []*lineItem
	discount         *Discount // over the whole order
	code             string    // discount code, if one was used
	shippingTitle    string
	shipping         decimal.Decimal
	taxTitle         string
	taxRate          decimal.Decimal
	transactions     []*transaction
	refunds          []*refund
	returns          []*orderReturn
	risks            []RiskAssessment // oldest first
	fulfillment      *fulfillment     // nil: not fulfilled
	inventoryTaken   bool             // stock went down when it was placed
	test             bool
	sourceIdentifier string

	closedAt     time.Time // zero: it is open
	cancelledAt  time.Time // zero: it is not
	cancelReason string    // OrderCancelReason
	edited       bool

	subtotal, discounts, tax, total decimal.Decimal
}

type lineItem struct {
	head
	order        *order
	variant      *variant // nil: a custom article
	title        string
	variantTitle string
	sku, vendor  string
	taxable      bool
	shipped      bool // requires shipping
	quantity     int
	price        decimal.Decimal // of a piece
	ownDiscount  decimal.Decimal // the line's
	share        decimal.Decimal // of the order's discount
	tax          decimal.Decimal
	discount     *Discount
	attributes   []Attribute
	staff        *staff
	returned     int // pieces refunded, or taken off by an edit
	added        int // pieces that were added after the fulfillment
	aside        int // pieces that are set aside: the level of the order's origin counts them as committed
}

func (l *lineItem) gross() decimal.Decimal {
	return l.price.Mul(decimal.NewFromInt(int64(l.quantity)))
}

// net is what is paid for the line before tax.
func (l *lineItem) net() decimal.Decimal { return l.gross().Sub(l.ownDiscount).Sub(l.share) }

func (l *lineItem) giftCard() bool { return l.variant != nil && l.variant.product.giftCard }

func (l *lineItem) name() string {
	if l.variantTitle == "" {
		return l.title
	}
	return l.title + " - " + l.variantTitle
}

type transaction struct {
	head
	order   *order
	kind    string // OrderTransactionKind
	status  string
	gateway string
	amount  decimal.Decimal
	parent  *transaction
	refund  *refund
	tender  tenderNode // the money that changed hands
}

// tenderNode is a tender transaction; what is known of it is in its transaction.
type tenderNode struct{ head }

type fulfillment struct {
	head
	order *order
}

type refund struct {
	head
	order        *order
	note         string
	staff        *staff
	lines        []*refundLine
	shipping     decimal.Decimal
	transactions []*transaction
	ret          *orderReturn
}

type refundLine struct {
	head
	line          *lineItem
	quantity      int
	restock       string // RefundLineItemRestockType
	location      *location
	subtotal, tax decimal.Decimal
}

// amount is the money given back.
func (r *refund) amount() decimal.Decimal {
	sum := decimal.Zero
	for _, t := range r.transactions {
		if t.status == "SUCCESS" {
			sum = sum.Add(t.amount)
		}
	}
	return sum
}

func (o *order) name() string { return "#" + strconv.Itoa(o.number) }

func (o *order) quantity() int {
	n := 0
	for _, l := range o.lines {
		n += l.quantity
	}
	return n
}

func (o *order) refunded() decimal.Decimal {
	sum := decimal.Zero
	for _, r := range o.refunds {
		sum = sum.Add(r.amount())
	}
	return sum
}

func (o *order) received() decimal.Decimal {
	sum := decimal.Zero
	for _, t := range o.transactions {
		if t.status == "SUCCESS" && (t.kind == "SALE" || t.kind == "CAPTURE") {
			sum = sum.Add(t.amount)
		}
	}
	return sum
}

func (o *order) outstanding() decimal.Decimal {
	goods := o.total
	for _, r := range o.refunds {
		for _, l := range r.lines {
			goods = goods.Sub(l.subtotal).Sub(l.tax)
		}
		goods = goods.Sub(r.shipping)
	}
	return decimal.Max(goods.Sub(o.received()).Add(o.refunded()), decimal.Zero)
}

// financialStatus is an OrderDisplayFinancialStatus.
func (o *order) financialStatus() string {
	received, refunded := o.received(), o.refunded()
	switch {
	case !o.cancelledAt.IsZero() && received.IsZero():
		return "VOIDED"
	case refunded.IsPositive() && refunded.GreaterThanOrEqual(received):
		return "REFUNDED"
	case refunded.IsPositive():
		return "PARTIALLY_REFUNDED"
	case received.GreaterThanOrEqual(o.total):
		return "PAID"
	case received.IsPositive():
		return "PARTIALLY_PAID"
	default:
		return "PENDING"
	}
}

// fulfillmentStatus is an OrderDisplayFulfillmentStatus.
func (o *order) fulfillmentStatus() string {
	switch {
	case o.fulfillment == nil:
		return "UNFULFILLED"
	case slices.ContainsFunc(o.lines, func(l *lineItem) bool { return l.unfulfilled() > 0 }):
		return "PARTIALLY_FULFILLED"
	default:
		return "FULFILLED"
	}
}

func (o *order) gateways() []string {
	var out []string
	for _, t := range o.transactions {
		if t.gateway != "" && !slices.Contains(out, t.gateway) {
			out = append(out, t.gateway)
		}
	}
	return out
}

// currentQuantity is what is left of the line after refunds.
func (l *lineItem) currentQuantity() int { return l.quantity - l.returned }

// current sums the order up as it is after refunds.
func (s *state) current(o *order) (subtotal, tax, discounts decimal.Decimal) {
	subtotal, tax, discounts = o.subtotal, o.tax, o.discounts
	for _, r := range o.refunds {
		for _, l := range r.lines {
			subtotal = subtotal.Sub(l.subtotal)
			tax = tax.Sub(l.tax)
			discounts = discounts.Sub(s.share(l.line.ownDiscount.Add(l.line.share), l.quantity, l.line.quantity))
		}
	}
	return subtotal, tax, discounts
}

// share is part of whole's worth, cut to what the currency has.
func (s *state) share(amount decimal.Decimal, part, whole int) decimal.Decimal {
	if part == whole {
		return amount
	}
	return amount.Mul(decimal.NewFromInt(int64(part))).Div(decimal.NewFromInt(int64(whole))).Truncate(s.shop.digits)
}

// tender maps what was used at the register to the gateway's name in the API.
func tender(name string) (gateway string, ok bool) {
	switch strings.ToLower(name) {
	case "", "card":
		return "shopify_payments", true
	case "cash":
		return "cash", true
	case "gift_card":
		return "gift_card", true
	default:
		return "", false
	}
}
