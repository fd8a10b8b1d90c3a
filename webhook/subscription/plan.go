package subscription

import (
	"slices"
)

// Action is what becomes of a subscription.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	Delete Action = "delete"
)

// Change is a difference between what is declared and what the shop has, or
// what was done about it.
type Change struct {
	Action Action

	// Subscription is as declared; of a Delete, what the shop had.
	Subscription Subscription

	// ID is the GID of the shop's subscription: of a Create, once it is done.
	ID string

	// Lost says that the shop had the subscription at an earlier look of this
	// [Keeper]: somebody deleted it, or Shopify did, after eight deliveries in
	// a row that failed for good. What happened meanwhile was not delivered; a
	// [Reconciler] finds it.
	Lost bool
}

// plan compares what is declared with what was found. Each declared one takes
// the first of these that is left: one that is just like it; one with its topic
// and name; one with its topic and URI and, if both have one, not another
// name. What is left then and owned is deleted.
func plan(declared []Subscription, found []Found, owns func(Found) bool) []Change {
	left := slices.Clone(found)
	taken := make([]*Found, len(declared))
	for _, fits := range []func(Subscription, Found) bool{
		Subscription.same,
		func(s Subscription, f Found) bool { return s.enum() == f.enum && s.Name != "" && s.Name == f.Name },
		func(s Subscription, f Found) bool {
			return s.enum() == f.enum && s.URI == f.URI && s.Filter == f.Filter && (s.Name == "" && f.Name == "" || s.Name != "" && f.Name == "")
		},
		func(s Subscription, f Found) bool {
			return s.enum() == f.enum && s.URI == f.URI && (s.Name == "" && f.Name == "" || s.Name != "" && f.Name == "")
		},
	} {
		for i, s := range declared {
			if taken[i] != nil {
				continue
			}
			if j := slices.IndexFunc(left, func(f Found) bool { return fits(s, f) }); j >= 0 {
				taken[i] = &left[j]
				left = slices.Concat(left[:j:j], left[j+1:])
			}
		}
	}
	var changes []Change
	// What is to go goes first: it may stand in the way of a new one.
	for _, f := range left {
		if owns(f) {
			changes = append(changes, Change{Action: Delete, Subscription: f.Subscription, ID: f.ID})
		}
	}
	for i, s := range declared {
		switch f := taken[i]; {
		case f == nil:
			changes = append(changes, Change{Action: Create, Subscription: s})
		case !s.same(*f):
			changes = append(changes, Change{Action: Update, Subscription: s, ID: f.ID})
		}
	}
	return changes
}
