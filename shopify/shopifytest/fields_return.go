package shopifytest

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

var returnFields = table[*orderReturn]{
	"name":              func(_ *state, r *orderReturn, _ *graph.Call) any { return r.name() },
	"order":             func(_ *state, r *orderReturn, _ *graph.Call) any { return object(r.order) },
	"status":            func(_ *state, r *orderReturn, _ *graph.Call) any { return r.status },
	"closedAt":          func(_ *state, r *orderReturn, _ *graph.Call) any { return timeOrNull(r.closedAt) },
	"requestApprovedAt": func(_ *state, r *orderReturn, _ *graph.Call) any { return timeOrNull(r.approvedAt) },
	"refunds":           func(_ *state, r *orderReturn, _ *graph.Call) any { return list(r.refunds) },
	"returnLineItems":   func(_ *state, r *orderReturn, _ *graph.Call) any { return list(r.lines) },
	"staffMember":       func(_ *state, r *orderReturn, _ *graph.Call) any { return ref(r.staff) },
	"totalQuantity":     func(_ *state, r *orderReturn, _ *graph.Call) any { return r.quantity() },
	"decline": func(_ *state, r *orderReturn, _ *graph.Call) any {
		if r.declineReason == "" {
			return nil
		}
		return graph.Object{"__typename": "ReturnDecline", "reason": r.declineReason, "note": orNull(r.declineNote), graph.Closed: true}
	},
	"transactions": func(_ *state, r *orderReturn, _ *graph.Call) any {
		out := graph.List{}
		for _, f := range r.refunds {
			out = append(out, list(f.transactions)...)
		}
		return out
	},
}

func timeOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

var returnLineFields = table[*returnLine]{
	"quantity":            func(_ *state, l *returnLine, _ *graph.Call) any { return l.quantity },
	"processedQuantity":   func(_ *state, l *returnLine, _ *graph.Call) any { return l.processed },
	"refundedQuantity":    func(_ *state, l *returnLine, _ *graph.Call) any { return l.refunded() },
	"unprocessedQuantity": func(_ *state, l *returnLine, _ *graph.Call) any { return l.unprocessed() },
	"processableQuantity": func(_ *state, l *returnLine, _ *graph.Call) any { return l.unprocessed() },
	"refundableQuantity": func(_ *state, l *returnLine, _ *graph.Call) any {
		return min(l.quantity-l.refunded(), l.line.currentQuantity())
	},
	"returnReason":           func(_ *state, l *returnLine, _ *graph.Call) any { return l.reason.legacy },
	"returnReasonDefinition": func(_ *state, l *returnLine, _ *graph.Call) any { return object(l.reason) },
	"returnReasonNote":       func(_ *state, l *returnLine, _ *graph.Call) any { return l.note },
	"customerNote":           func(_ *state, l *returnLine, _ *graph.Call) any { return orNull(l.customerNote) },
	"withCodeDiscountedTotalPriceSet": bag(func(s *state, l *returnLine) decimal.Decimal {
		return s.share(l.line.net(), l.quantity, l.line.quantity)
	}),
	"fulfillmentLineItem": func(s *state, l *returnLine, _ *graph.Call) any { return s.fulfillmentLine(l.line) },
}
