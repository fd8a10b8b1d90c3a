package shopifytest

import "github.com/posai-go/posai/shopify/shopifytest/internal/graph"

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/orderMarkAsPaid
func orderMarkAsPaid(s *state, c *graph.Call) (any, error) {
	o, ok := find[*order](s, inputID(c))
	if !ok {
		return refused(userError{field: []string{"id"}, message: "Order does not exist"}), nil
	}
	if !o.outstanding().IsPositive() || !o.cancelledAt.IsZero() {
		return refused(userError{field: []string{"id"}, message: "Order cannot be marked as paid."}), nil
	}
	t := s.pay(o, "SALE", "manual", o.outstanding(), s.now())
	s.touch(o)
	group := s.newGroup()
	s.emitTender(t, group)
	s.emit("orders/paid", o, s.orderPayload(o), group)
	s.emit("orders/updated", o, s.orderPayload(o), group)
	return done("order", object(o)), nil
}
