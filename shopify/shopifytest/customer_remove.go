package shopifytest

import (
	"slices"
	"time"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/customerDelete
func customerDelete(s *state, c *graph.Call) (any, error) {
	v, ok := find[*customer](s, text(input(c, "input"), "id"))
	out := refused(userError{field: []string{"id"}, message: "Customer can't be found"})
	switch {
	case ok && len(v.orders) > 0:
		out = refused(userError{field: []string{"id"}, message: "Customer can't be deleted because they have associated orders"})
	case ok:
		s.deleteCustomer(v)
		out = done("deletedCustomerId", v.gid)
	}
	return s.withShop(out), nil
}

// deleteCustomer removes a customer without orders and tells the subscribers.
func (s *state) deleteCustomer(v *customer) {
	s.forgetCustomer(v)
	for _, d := range s.draftsOf(v) {
		d.customer = nil
	}
	for _, g := range s.giftCards {
		if g.customer == v {
			g.customer = nil
		}
	}
	s.emit("customers/delete", v, map[string]any{
		"id": v.id, "admin_graphql_api_id": v.gid, "phone": nil, "addresses": []any{}, "tax_exemptions": []any{},
		"email_marketing_consent": nil, "sms_marketing_consent": nil,
	}, s.newGroup())
}

// forgetCustomer takes v out of what can be found.
func (s *state) forgetCustomer(v *customer) {
	s.setEmail(v, "")
	s.customers = remove(s.customers, v)
	s.forgetAddresses(v.addresses...)
	if v.credit != nil {
		for _, t := range v.credit.transactions {
			delete(s.byID, t.gid)
		}
		delete(s.byID, v.credit.gid)
	}
	s.forget(v)
	s.nextID[v.typename] = max(s.nextID[v.typename], v.id+1) // a number is given to one alone
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/customerRequestDataErasure
func customerRequestDataErasure(s *state, c *graph.Call) (any, error) {
	v, ok := find[*customer](s, text(c.Args, "customerId"))
	if !ok {
		return refused(userError{[]string{"customerId"}, "Customer does not exist", "DOES_NOT_EXIST"}), nil
	}
	if v.erasure.IsZero() {
		v.erasure = s.now()
	}
	return done("customerId", v.gid), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/customerCancelDataErasure
func customerCancelDataErasure(s *state, c *graph.Call) (any, error) {
	v, ok := find[*customer](s, text(c.Args, "customerId"))
	switch {
	case !ok:
		return refused(userError{[]string{"customerId"}, "Customer does not exist", "DOES_NOT_EXIST"}), nil
	case v.erasure.IsZero():
		return refused(userError{[]string{"customerId"}, "Customer's data is not scheduled to be erased", "NOT_BEING_ERASED"}), nil
	}
	v.erasure = time.Time{}
	return done("customerId", v.gid), nil
}

// customerTags tells who subscribed to it which tags came and which went.
func (s *state) customerTags(v *customer, before []string, group string) {
	tell := func(topic string, tags []string) {
		if len(tags) > 0 {
			s.emit(topic, v, map[string]any{"customerId": v.gid, "tags": tags, "occurredAt": s.now().UTC()}, group)
		}
	}
	tell("customer.tags_added", without(v.tags, before))
	tell("customer.tags_removed", without(before, v.tags))
}

// without is tags less the other ones.
func without(tags, others []string) []string {
	return slices.DeleteFunc(slices.Clone(tags), func(t string) bool { return hasTag(others, t) })
}
