package shopifytest

import (
	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// each is the line's amount divided over its pieces.
func (s *state) each(amount decimal.Decimal, quantity int) decimal.Decimal {
	return s.round(amount.Div(decimal.NewFromInt(int64(max(quantity, 1)))))
}

var lineFields = table[*lineItem]{
	"title":        func(_ *state, l *lineItem, _ *graph.Call) any { return l.title },
	"name":         func(_ *state, l *lineItem, _ *graph.Call) any { return l.name() },
	"variantTitle": func(_ *state, l *lineItem, _ *graph.Call) any { return orNull(l.variantTitle) },
	"sku":          func(_ *state, l *lineItem, _ *graph.Call) any { return orNull(l.sku) },
	"vendor":       func(_ *state, l *lineItem, _ *graph.Call) any { return orNull(l.vendor) },
	"variant":      func(_ *state, l *lineItem, _ *graph.Call) any { return ref(l.variant) },
	"product": func(_ *state, l *lineItem, _ *graph.Call) any {
		if l.variant == nil {
			return nil
		}
		return object(l.variant.product)
	},
	"staffMember":      func(_ *state, l *lineItem, _ *graph.Call) any { return ref(l.staff) },
	"customAttributes": func(_ *state, l *lineItem, _ *graph.Call) any { return attributeList(l.attributes) },

	"quantity":               func(_ *state, l *lineItem, _ *graph.Call) any { return l.quantity },
	"currentQuantity":        func(_ *state, l *lineItem, _ *graph.Call) any { return l.currentQuantity() },
	"refundableQuantity":     func(_ *state, l *lineItem, _ *graph.Call) any { return l.currentQuantity() },
	"nonFulfillableQuantity": func(_ *state, l *lineItem, _ *graph.Call) any { return l.returned },
	"fulfillableQuantity":    func(_ *state, l *lineItem, _ *graph.Call) any { return l.unfulfilled() },
	"unfulfilledQuantity":    func(_ *state, l *lineItem, _ *graph.Call) any { return l.unfulfilled() },
	"fulfillmentStatus": func(_ *state, l *lineItem, _ *graph.Call) any {
		if l.order.fulfillment != nil && l.unfulfilled() == 0 {
			return "fulfilled"
		}
		return "unfulfilled"
	},
	"suggestedReturnReasonDefinitions": func(s *state, _ *lineItem, _ *graph.Call) any {
		return list(s.returnReasons[:generalReasons])
	},
	"isGiftCard":       func(_ *state, l *lineItem, _ *graph.Call) any { return l.giftCard() },
	"merchantEditable": always[*lineItem](true),
	"canRestock":       func(_ *state, l *lineItem, _ *graph.Call) any { return l.variant != nil },
	"restockable":      func(_ *state, l *lineItem, _ *graph.Call) any { return l.variant != nil && l.currentQuantity() > 0 },
	"requiresShipping": func(_ *state, l *lineItem, _ *graph.Call) any { return l.shipped },
	"taxable":          func(_ *state, l *lineItem, _ *graph.Call) any { return l.taxable },
	"taxLines": func(s *state, l *lineItem, c *graph.Call) any {
		if !l.taxable {
			return graph.List{}
		}
		return first(s.taxLines(l.order, l.tax), c)
	},

	"originalUnitPrice":    money(func(_ *state, l *lineItem) decimal.Decimal { return l.price }),
	"originalUnitPriceSet": bag(func(_ *state, l *lineItem) decimal.Decimal { return l.price }),
	"originalTotal":        money(func(_ *state, l *lineItem) decimal.Decimal { return l.gross() }),
	"originalTotalSet":     bag(func(_ *state, l *lineItem) decimal.Decimal { return l.gross() }),
	"discountedUnitPrice":  money(func(s *state, l *lineItem) decimal.Decimal { return s.each(l.gross().Sub(l.ownDiscount), l.quantity) }),
	"discountedUnitPriceSet": bag(func(s *state, l *lineItem) decimal.Decimal {
		return s.each(l.gross().Sub(l.ownDiscount), l.quantity)
	}),
	"discountedUnitPriceAfterAllDiscountsSet": bag(func(s *state, l *lineItem) decimal.Decimal { return s.each(l.net(), l.quantity) }),
	"priceAfterAllDiscountsBeforeTaxesSet":    bag(func(_ *state, l *lineItem) decimal.Decimal { return l.net() }),
	"discountedTotal":                         money(func(_ *state, l *lineItem) decimal.Decimal { return l.gross().Sub(l.ownDiscount) }),
	"discountedTotalSet": func(s *state, l *lineItem, c *graph.Call) any {
		if all, _ := c.Args["withCodeDiscounts"].(bool); all {
			return s.moneyBag(l.net())
		}
		return s.moneyBag(l.gross().Sub(l.ownDiscount))
	},
	"totalDiscount":    money(func(_ *state, l *lineItem) decimal.Decimal { return l.ownDiscount }),
	"totalDiscountSet": bag(func(_ *state, l *lineItem) decimal.Decimal { return l.ownDiscount }),
	"unfulfilledOriginalTotal": money(func(s *state, l *lineItem) decimal.Decimal {
		return s.share(l.gross(), l.unfulfilled(), l.quantity)
	}),
	"unfulfilledOriginalTotalSet": bag(func(s *state, l *lineItem) decimal.Decimal {
		return s.share(l.gross(), l.unfulfilled(), l.quantity)
	}),
	"unfulfilledDiscountedTotal": money(func(s *state, l *lineItem) decimal.Decimal {
		return s.share(l.net(), l.unfulfilled(), l.quantity)
	}),
	"unfulfilledDiscountedTotalSet": bag(func(s *state, l *lineItem) decimal.Decimal {
		return s.share(l.net(), l.unfulfilled(), l.quantity)
	}),
	"discountAllocations": func(s *state, l *lineItem, _ *graph.Call) any {
		out := graph.List{}
		for _, a := range l.order.applications() {
			amount := l.share
			if a.line != nil {
				amount = l.ownDiscount
			}
			if a.line == nil || a.line == l {
				out = append(out, graph.Object{
					"__typename": "DiscountAllocation", "allocatedAmount": s.moneyV2(amount),
					"allocatedAmountSet": s.moneyBag(amount), "discountApplication": s.application(a),
				})
			}
		}
		return out
	},
}

// unfulfilled is how many pieces are yet to be sent. What is taken back was sent before.
func (l *lineItem) unfulfilled() int {
	if l.order.fulfillment != nil {
		return min(l.added, l.currentQuantity())
	}
	return l.currentQuantity()
}

var transactionFields = table[*transaction]{
	"kind":              func(_ *state, t *transaction, _ *graph.Call) any { return t.kind },
	"status":            func(_ *state, t *transaction, _ *graph.Call) any { return t.status },
	"gateway":           func(_ *state, t *transaction, _ *graph.Call) any { return t.gateway },
	"formattedGateway":  func(_ *state, t *transaction, _ *graph.Call) any { return formattedGateway(t.gateway) },
	"processedAt":       func(_ *state, t *transaction, _ *graph.Call) any { return t.createdAt },
	"order":             func(_ *state, t *transaction, _ *graph.Call) any { return object(t.order) },
	"parentTransaction": func(_ *state, t *transaction, _ *graph.Call) any { return ref(t.parent) },
	"location":          func(_ *state, t *transaction, _ *graph.Call) any { return ref(t.order.location) },
	"user":              func(_ *state, t *transaction, _ *graph.Call) any { return ref(t.order.staff) },
	"test":              func(_ *state, t *transaction, _ *graph.Call) any { return t.order.test },
	"amount":            money(func(_ *state, t *transaction) decimal.Decimal { return t.amount }),
	"amountSet":         bag(func(_ *state, t *transaction) decimal.Decimal { return t.amount }),
	"amountV2":          func(s *state, t *transaction, _ *graph.Call) any { return s.moneyV2(t.amount) },
	"manualPaymentGateway": func(_ *state, t *transaction, _ *graph.Call) any {
		return t.gateway == "cash" || t.gateway == "manual"
	},
	"manuallyCapturable": always[*transaction](false),
	"multiCapturable":    always[*transaction](false),
	"maximumRefundableV2": func(s *state, t *transaction, _ *graph.Call) any {
		if t.kind != "SALE" {
			return nil
		}
		return s.moneyV2(t.refundable())
	},
}

func formattedGateway(name string) string {
	switch name {
	case "shopify_payments":
		return "Shopify Payments"
	case "gift_card":
		return "Gift Card"
	case "cash":
		return "Cash"
	default:
		return name
	}
}

var refundFields = table[*refund]{
	"order":            func(_ *state, r *refund, _ *graph.Call) any { return object(r.order) },
	"note":             func(_ *state, r *refund, _ *graph.Call) any { return orNull(r.note) },
	"processedAt":      func(_ *state, r *refund, _ *graph.Call) any { return r.createdAt },
	"return":           func(_ *state, r *refund, _ *graph.Call) any { return ref(r.ret) },
	"staffMember":      func(_ *state, r *refund, _ *graph.Call) any { return ref(r.staff) },
	"refundLineItems":  func(_ *state, r *refund, _ *graph.Call) any { return list(r.lines) },
	"transactions":     func(_ *state, r *refund, _ *graph.Call) any { return list(r.transactions) },
	"totalRefundedSet": bag(func(_ *state, r *refund) decimal.Decimal { return r.amount() }),
	"totalRefunded":    func(s *state, r *refund, _ *graph.Call) any { return s.moneyV2(r.amount()) },
}

var refundLineFields = table[*refundLine]{
	"lineItem":    func(_ *state, l *refundLine, _ *graph.Call) any { return object(l.line) },
	"location":    func(_ *state, l *refundLine, _ *graph.Call) any { return ref(l.location) },
	"quantity":    func(_ *state, l *refundLine, _ *graph.Call) any { return l.quantity },
	"restockType": func(_ *state, l *refundLine, _ *graph.Call) any { return l.restock },
	"restocked":   func(_ *state, l *refundLine, _ *graph.Call) any { return l.restock != "NO_RESTOCK" },
	"price":       money(func(s *state, l *refundLine) decimal.Decimal { return s.each(l.subtotal, l.quantity) }),
	"priceSet":    bag(func(s *state, l *refundLine) decimal.Decimal { return s.each(l.subtotal, l.quantity) }),
	"subtotal":    money(func(_ *state, l *refundLine) decimal.Decimal { return l.subtotal }),
	"subtotalSet": bag(func(_ *state, l *refundLine) decimal.Decimal { return l.subtotal }),
	"totalTax":    money(func(_ *state, l *refundLine) decimal.Decimal { return l.tax }),
	"totalTaxSet": bag(func(_ *state, l *refundLine) decimal.Decimal { return l.tax }),
}

var fulfillmentFields = table[*fulfillment]{
	"name":          func(_ *state, f *fulfillment, _ *graph.Call) any { return f.order.name() + "-F1" },
	"order":         func(_ *state, f *fulfillment, _ *graph.Call) any { return object(f.order) },
	"status":        always[*fulfillment]("SUCCESS"),
	"displayStatus": always[*fulfillment]("FULFILLED"),
	"totalQuantity": func(_ *state, f *fulfillment, _ *graph.Call) any { return f.order.quantity() },
	"location":      func(_ *state, f *fulfillment, _ *graph.Call) any { return ref(f.order.location) },
	"fulfillmentLineItems": func(s *state, f *fulfillment, _ *graph.Call) any {
		out := graph.List{}
		for _, l := range f.order.lines {
			out = append(out, s.fulfillmentLine(l))
		}
		return out
	},
}

func (s *state) fulfillmentLine(l *lineItem) graph.Object {
	return graph.Object{
		"__typename": "FulfillmentLineItem", "id": gid("FulfillmentLineItem", l.id), "lineItem": object(l), "quantity": l.quantity,
		"originalTotalSet": s.moneyBag(l.gross()), "discountedTotalSet": s.moneyBag(l.net()),
		"originalTotal": s.fixed(l.gross()), "discountedTotal": s.fixed(l.net()),
	}
}
