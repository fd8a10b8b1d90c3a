package shopifytest

import (
	"cmp"
	"maps"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/draftOrderCalculate
func draftOrderCalculate(s *state, c *graph.Call) (any, error) {
	d := &draft{status: "OPEN"}
	errs, err := s.readDraft(d, input(c, "input"))
	if err != nil {
		return nil, err
	}
	if len(d.lines) == 0 && len(errs) == 0 {
		errs = append(errs, userError{message: "Add at least 1 product"})
	}
	if len(errs) > 0 {
		return refused(errs...), nil
	}
	s.totalDraft(d)
	return done("calculatedDraftOrder", part("CalculatedDraftOrder", d)), nil
}

// calculatedDraftFields are those of a draft order that is not kept.
var calculatedDraftFields = overlaid(draftFields, table[*draft]{
	"lineItems": func(_ *state, d *draft, _ *graph.Call) any {
		out := graph.List{}
		for _, l := range d.lines {
			out = append(out, part("CalculatedDraftOrderLineItem", l))
		}
		return out
	},
})

var calculatedDraftLineFields = overlaid(draftLineFields, table[*draftLine]{
	"uuid":              func(s *state, l *draftLine, _ *graph.Call) any { return cmp.Or(l.uuid, s.uuid()) },
	"originalUnitPrice": moneyV2(func(_ *state, l *draftLine) decimal.Decimal { return l.price }),
	"originalTotal":     moneyV2(func(_ *state, l *draftLine) decimal.Decimal { return l.gross() }),
	"discountedTotal":   moneyV2(func(_ *state, l *draftLine) decimal.Decimal { return l.gross().Sub(l.ownDiscount) }),
	"totalDiscount":     moneyV2(func(_ *state, l *draftLine) decimal.Decimal { return l.ownDiscount }),
	"discountedUnitPrice": moneyV2(func(s *state, l *draftLine) decimal.Decimal {
		return s.each(l.gross().Sub(l.ownDiscount), l.quantity)
	}),
})

// overlaid is base with fields that the GraphQL type has in another shape.
func overlaid[T any](base, own table[T]) table[T] {
	out := maps.Clone(base)
	maps.Copy(out, own)
	return out
}

// moneyV2 makes a MoneyV2 field.
func moneyV2[T any](f func(s *state, v T) decimal.Decimal) func(*state, T, *graph.Call) any {
	return func(s *state, v T, _ *graph.Call) any { return s.moneyV2(f(s, v)) }
}

// draftOrderInvoiceSend notes that the invoice was sent; nobody gets mail.
// https://shopify.dev/docs/api/admin-graphql/latest/mutations/draftOrderInvoiceSend
func draftOrderInvoiceSend(s *state, c *graph.Call) (any, error) {
	d, e := s.openDraft(text(c.Args, "id"))
	if e != nil {
		return refused(*e), nil
	}
	switch to := cmp.Or(text(input(c, "email"), "to"), d.email); {
	case to == "":
		return refused(userError{field: []string{"email", "to"}, message: "To can't be blank"}), nil
	case !plausibleEmail(to):
		return refused(userError{field: []string{"email", "to"}, message: "To is invalid"}), nil
	}
	d.status, d.invoiceSentAt = "INVOICE_SENT", s.now()
	s.updated(d)
	return done("draftOrder", object(d)), nil
}
