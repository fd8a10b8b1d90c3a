package shopifytest

import (
	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// always makes a field that is the same for every T.
func always[T any](v any) func(*state, T, *graph.Call) any {
	return func(*state, T, *graph.Call) any { return v }
}

// bag makes a MoneyBag field, money a Money scalar.
func bag[T any](f func(s *state, v T) decimal.Decimal) func(*state, T, *graph.Call) any {
	return func(s *state, v T, _ *graph.Call) any { return s.moneyBag(f(s, v)) }
}

func money[T any](f func(s *state, v T) decimal.Decimal) func(*state, T, *graph.Call) any {
	return func(s *state, v T, _ *graph.Call) any { return s.fixed(f(s, v)) }
}

func zero[T any](*state, T) decimal.Decimal { return decimal.Zero }

var orderFields = table[*order]{
	"name":                                 func(_ *state, o *order, _ *graph.Call) any { return o.name() },
	"number":                               func(_ *state, o *order, _ *graph.Call) any { return o.number },
	"confirmationNumber":                   func(_ *state, o *order, _ *graph.Call) any { return o.confirmation },
	"confirmed":                            always[*order](true),
	"processedAt":                          func(_ *state, o *order, _ *graph.Call) any { return o.processedAt },
	"sourceName":                           func(_ *state, o *order, _ *graph.Call) any { return o.source },
	"app":                                  func(_ *state, o *order, _ *graph.Call) any { return o.app() },
	"retailLocation":                       func(_ *state, o *order, _ *graph.Call) any { return ref(o.location) },
	"physicalLocation":                     func(_ *state, o *order, _ *graph.Call) any { return ref(o.location) },
	"staffMember":                          func(_ *state, o *order, _ *graph.Call) any { return ref(o.staff) },
	"customer":                             func(_ *state, o *order, _ *graph.Call) any { return ref(o.customer) },
	"email":                                func(_ *state, o *order, _ *graph.Call) any { return orNull(o.email) },
	"phone":                                func(_ *state, o *order, _ *graph.Call) any { return orNull(o.phone) },
	"note":                                 func(_ *state, o *order, _ *graph.Call) any { return orNull(o.note) },
	"poNumber":                             func(_ *state, o *order, _ *graph.Call) any { return orNull(o.poNumber) },
	"tags":                                 func(_ *state, o *order, _ *graph.Call) any { return o.tags },
	"customAttributes":                     func(_ *state, o *order, _ *graph.Call) any { return attributeList(o.attributes) },
	"test":                                 func(_ *state, o *order, _ *graph.Call) any { return o.test },
	"currencyCode":                         func(s *state, _ *order, _ *graph.Call) any { return s.shop.data.Currency },
	"presentmentCurrencyCode":              func(s *state, _ *order, _ *graph.Call) any { return s.shop.data.Currency },
	"customerLocale":                       always[*order]("en"),
	"lineItems":                            func(_ *state, o *order, _ *graph.Call) any { return list(o.lines) },
	"shippingAddress":                      func(_ *state, o *order, _ *graph.Call) any { return addressObject(o.shippingAddress) },
	"displayAddress":                       func(_ *state, o *order, _ *graph.Call) any { return addressObject(o.shippingAddress) },
	"billingAddress":                       func(_ *state, o *order, _ *graph.Call) any { return addressObject(o.billingAddress) },
	"billingAddressMatchesShippingAddress": func(_ *state, o *order, _ *graph.Call) any { return o.billingAddress == o.shippingAddress },

	"displayFinancialStatus":   func(_ *state, o *order, _ *graph.Call) any { return o.financialStatus() },
	"displayFulfillmentStatus": func(_ *state, o *order, _ *graph.Call) any { return o.fulfillmentStatus() },
	"returnStatus":             func(_ *state, o *order, _ *graph.Call) any { return o.returnStatus() },
	"fullyPaid":                func(_ *state, o *order, _ *graph.Call) any { return !o.outstanding().IsPositive() },
	"unpaid":                   func(_ *state, o *order, _ *graph.Call) any { return o.financialStatus() == "PENDING" },
	"closed":                   func(_ *state, o *order, _ *graph.Call) any { return !o.closedAt.IsZero() },
	"closedAt":                 func(_ *state, o *order, _ *graph.Call) any { return timeOrNull(o.closedAt) },
	"cancelledAt":              func(_ *state, o *order, _ *graph.Call) any { return timeOrNull(o.cancelledAt) },
	"cancelReason":             func(_ *state, o *order, _ *graph.Call) any { return orNull(o.cancelReason) },
	"canMarkAsPaid":            func(_ *state, o *order, _ *graph.Call) any { return o.outstanding().IsPositive() },
	"canNotifyCustomer":        func(_ *state, o *order, _ *graph.Call) any { return o.email != "" },
	"capturable":               always[*order](false),
	"refundable":               func(_ *state, o *order, _ *graph.Call) any { return o.received().GreaterThan(o.refunded()) },
	"restockable":              func(_ *state, o *order, _ *graph.Call) any { return o.leftQuantity() > 0 },
	"fulfillable": func(_ *state, o *order, _ *graph.Call) any {
		return o.fulfillmentStatus() != "FULFILLED" && o.cancelledAt.IsZero()
	},
	"requiresShipping":   func(_ *state, o *order, _ *graph.Call) any { return o.location == nil },
	"edited":             func(_ *state, o *order, _ *graph.Call) any { return o.edited },
	"estimatedTaxes":     always[*order](false),
	"hasTimelineComment": always[*order](false),
	"dutiesIncluded":     always[*order](false),
	"taxesIncluded":      always[*order](false),
	"taxExempt":          func(_ *state, o *order, _ *graph.Call) any { return o.customer != nil && o.customer.taxExempt },
	"merchantEditable":   always[*order](true),
	"productNetwork":     always[*order](false),
	"customerAcceptsMarketing": func(_ *state, o *order, _ *graph.Call) any {
		return o.customer != nil && o.customer.emailConsent.state == "SUBSCRIBED"
	},

	"discountCode":         func(_ *state, o *order, _ *graph.Call) any { return orNull(o.code) },
	"discountCodes":        func(_ *state, o *order, _ *graph.Call) any { return nonEmpty(o.code) },
	"discountApplications": func(s *state, o *order, _ *graph.Call) any { return s.discountApplications(o) },

	"subtotalPrice":                money(func(_ *state, o *order) decimal.Decimal { return o.subtotal }),
	"subtotalPriceSet":             bag(func(_ *state, o *order) decimal.Decimal { return o.subtotal }),
	"totalPrice":                   money(func(_ *state, o *order) decimal.Decimal { return o.total }),
	"totalPriceSet":                bag(func(_ *state, o *order) decimal.Decimal { return o.total }),
	"originalTotalPriceSet":        bag(func(_ *state, o *order) decimal.Decimal { return o.total }),
	"totalTax":                     money(func(_ *state, o *order) decimal.Decimal { return o.tax }),
	"totalTaxSet":                  bag(func(_ *state, o *order) decimal.Decimal { return o.tax }),
	"totalDiscounts":               money(func(_ *state, o *order) decimal.Decimal { return o.discounts }),
	"totalDiscountsSet":            bag(func(_ *state, o *order) decimal.Decimal { return o.discounts }),
	"cartDiscountAmount":           money(func(_ *state, o *order) decimal.Decimal { return o.cartDiscount() }),
	"cartDiscountAmountSet":        bag(func(_ *state, o *order) decimal.Decimal { return o.cartDiscount() }),
	"currentCartDiscountAmountSet": bag(func(_ *state, o *order) decimal.Decimal { return o.cartDiscount() }),
	"totalShippingPrice":           money(func(_ *state, o *order) decimal.Decimal { return o.shipping }),
	"totalShippingPriceSet":        bag(func(_ *state, o *order) decimal.Decimal { return o.shipping }),
	"totalReceived":                money(func(_ *state, o *order) decimal.Decimal { return o.received() }),
	"totalReceivedSet":             bag(func(_ *state, o *order) decimal.Decimal { return o.received() }),
	"netPayment":                   money(func(_ *state, o *order) decimal.Decimal { return o.received().Sub(o.refunded()) }),
	"netPaymentSet":                bag(func(_ *state, o *order) decimal.Decimal { return o.received().Sub(o.refunded()) }),
	"totalRefunded":                money(func(_ *state, o *order) decimal.Decimal { return o.refunded() }),
	"totalRefundedSet":             bag(func(_ *state, o *order) decimal.Decimal { return o.refunded() }),
	"totalRefundedShippingSet":     bag(func(_ *state, o *order) decimal.Decimal { return o.refundedShipping() }),
	"totalOutstandingSet":          bag(func(_ *state, o *order) decimal.Decimal { return o.outstanding() }),
	"refundDiscrepancySet":         bag(zero[*order]),
	"totalCapturable":              money(zero[*order]),
	"totalCapturableSet":           bag(zero[*order]),
	"totalTipReceivedSet":          bag(zero[*order]),
	"totalTipReceived":             func(s *state, _ *order, _ *graph.Call) any { return s.moneyV2(decimal.Zero) },
	"currentTotalDutiesSet":        always[*order](nil),
	"totalCashRoundingAdjustment": func(s *state, _ *order, _ *graph.Call) any {
		none := s.moneyBag(decimal.Zero)
		return graph.Object{"__typename": "CashRoundingAdjustment", "paymentSet": none, "refundSet": none}
	},

	"currentSubtotalPriceSet":  bag(func(s *state, o *order) decimal.Decimal { v, _, _ := s.current(o); return v }),
	"currentTotalTaxSet":       bag(func(s *state, o *order) decimal.Decimal { _, v, _ := s.current(o); return v }),
	"currentTotalDiscountsSet": bag(func(s *state, o *order) decimal.Decimal { _, _, v := s.current(o); return v }),
	"currentShippingPriceSet":  bag(func(_ *state, o *order) decimal.Decimal { return o.shipping.Sub(o.refundedShipping()) }),
	"currentTotalPriceSet": bag(func(s *state, o *order) decimal.Decimal {
		subtotal, tax, _ := s.current(o)
		return subtotal.Add(tax).Add(o.shipping).Sub(o.refundedShipping())
	}),
	"taxLines":        func(s *state, o *order, _ *graph.Call) any { return s.taxLines(o, o.tax) },
	"currentTaxLines": func(s *state, o *order, _ *graph.Call) any { _, tax, _ := s.current(o); return s.taxLines(o, tax) },

	"subtotalLineItemsQuantity":        func(_ *state, o *order, _ *graph.Call) any { return o.quantity() },
	"currentSubtotalLineItemsQuantity": func(_ *state, o *order, _ *graph.Call) any { return o.leftQuantity() },
	"totalWeight":                      always[*order](0),
	"currentTotalWeight":               always[*order](0),

	"paymentGatewayNames": func(_ *state, o *order, _ *graph.Call) any { return o.gateways() },
	"transactions":        func(_ *state, o *order, c *graph.Call) any { return first(list(o.transactions), c) },
	"suggestedRefund": func(s *state, o *order, _ *graph.Call) any {
		return graph.Func(func(c *graph.Call) (any, error) { return suggestedRefund(s, o, c) })
	},
	"transactionsCount": func(_ *state, o *order, _ *graph.Call) any { return count(len(o.transactions)) },
	"refunds":           func(_ *state, o *order, c *graph.Call) any { return first(list(o.refunds), c) },
	"returns":           func(_ *state, o *order, _ *graph.Call) any { return list(o.returns) },
	"fulfillmentsCount": func(_ *state, o *order, _ *graph.Call) any {
		if o.fulfillment == nil {
			return count(0)
		}
		return count(1)
	},
	"fulfillments": func(_ *state, o *order, c *graph.Call) any {
		if o.fulfillment == nil {
			return graph.List{}
		}
		return first(graph.List{object(o.fulfillment)}, c)
	},
	"shippingLine": func(s *state, o *order, _ *graph.Call) any {
		if lines := s.shippingLines(o); len(lines) > 0 {
			return lines[0]
		}
		return nil
	},
	"risk":             func(s *state, o *order, _ *graph.Call) any { return s.riskSummary(o) },
	"shippingLines":    func(s *state, o *order, _ *graph.Call) any { return s.shippingLines(o) },
	"sourceIdentifier": func(_ *state, o *order, _ *graph.Call) any { return orNull(o.sourceIdentifier) },
	"statusPageUrl": func(s *state, o *order, _ *graph.Call) any {
		return "https://" + s.shop.data.Domain + "/orders/" + o.confirmation
	},
}

// first cuts a plain list to the argument "first".
func first(l graph.List, c *graph.Call) graph.List {
	if n, ok := c.Args["first"].(int); ok && n >= 0 && n < len(l) {
		return l[:n]
	}
	return l
}

func nonEmpty(text string) []string {
	if text == "" {
		return []string{}
	}
	return []string{text}
}

// app is the sales channel as an app.
func (o *order) app() any {
	switch o.source {
	case "pos":
		return graph.Object{"__typename": "OrderApp", "id": "gid://shopify/App/129785", "name": "Point of Sale"}
	case "web":
		return graph.Object{"__typename": "OrderApp", "id": "gid://shopify/App/580111", "name": "Online Store"}
	case "shopify_draft_order":
		return graph.Object{"__typename": "OrderApp", "id": "gid://shopify/App/1354745", "name": "Draft Orders"}
	default:
		return nil
	}
}

func (o *order) leftQuantity() int {
	n := 0
	for _, l := range o.lines {
		n += l.currentQuantity()
	}
	return n
}

func (o *order) cartDiscount() decimal.Decimal {
	sum := decimal.Zero
	for _, l := range o.lines {
		sum = sum.Add(l.share)
	}
	return sum
}

func (o *order) refundedShipping() decimal.Decimal {
	sum := decimal.Zero
	for _, r := range o.refunds {
		sum = sum.Add(r.shipping)
	}
	return sum
}

func (s *state) taxLines(o *order, tax decimal.Decimal) graph.List {
	if !o.taxRate.IsPositive() {
		return graph.List{}
	}
	rate := o.taxRate.InexactFloat64()
	return graph.List{{
		"__typename": "TaxLine", "title": o.taxTitle, "rate": rate, "ratePercentage": o.taxRate.Mul(hundred).InexactFloat64(),
		"price": s.fixed(tax), "priceSet": s.moneyBag(tax), "channelLiable": false, "source": nil,
	}}
}

func (s *state) shippingLines(o *order) graph.List {
	if o.shippingTitle == "" {
		return graph.List{}
	}
	price, v2 := s.moneyBag(o.shipping), s.moneyV2(o.shipping)
	return graph.List{{
		"__typename": "ShippingLine", "id": gid("ShippingLine", o.id), "title": o.shippingTitle, "code": o.shippingTitle, "source": "shopify",
		"custom": false, "isRemoved": false, "originalPriceSet": price, "discountedPriceSet": price, "currentDiscountedPriceSet": price,
		"originalPrice": v2, "discountedPrice": v2, "price": s.fixed(o.shipping), "taxLines": graph.List{}, "discountAllocations": graph.List{},
		graph.Closed: true,
	}}
}

func (s *state) discountApplications(o *order) graph.List {
	var out graph.List
	for _, a := range o.applications() {
		out = append(out, s.application(a))
	}
	return out
}

// application is one discount of an order: the order's own or that of a line.
type application struct {
	index    int
	discount *Discount
	line     *lineItem // nil: over all lines
}

func (o *order) applications() []application {
	var out []application
	if o.discount != nil {
		out = append(out, application{discount: o.discount})
	}
	for _, l := range o.lines {
		if l.discount != nil {
			out = append(out, application{index: len(out), discount: l.discount, line: l})
		}
	}
	return out
}

func (s *state) application(a application) graph.Object {
	obj := graph.Object{
		"__typename": "ManualDiscountApplication", "index": a.index, "targetType": "LINE_ITEM", "allocationMethod": "ACROSS", "targetSelection": "ALL",
		"title": discountTitle(a.discount), "description": nil, graph.Closed: true,
	}
	if a.discount.Code != "" {
		obj["__typename"], obj["code"] = "DiscountCodeApplication", a.discount.Code
	}
	if a.line != nil {
		obj["allocationMethod"], obj["targetSelection"] = "ONE", "EXPLICIT"
	}
	if a.discount.Percent.IsPositive() {
		obj["value"] = graph.Object{"__typename": "PricingPercentageValue", "percentage": a.discount.Percent.InexactFloat64()}
	} else {
		obj["value"] = s.moneyV2(a.discount.Amount)
	}
	return obj
}

func discountTitle(d *Discount) string {
	switch {
	case d.Title != "":
		return d.Title
	case d.Code != "":
		return d.Code
	default:
		return "Discount"
	}
}
