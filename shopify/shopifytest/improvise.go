package shopifytest

import (
	"errors"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// madeUp is the key by which a payload tells that nothing was written. It is no GraphQL name.
const madeUp = ".made up"

// improvised is the payload of a mutation that is not carried out but is to
// look so: all but the lists of user errors is made up.
var improvised = graph.Object{
	madeUp: true, "userErrors": graph.List{}, "mediaUserErrors": graph.List{}, "orderCancelUserErrors": graph.List{},
	"locationActivateUserErrors": graph.List{}, "locationDeactivateUserErrors": graph.List{}, "locationDeleteUserErrors": graph.List{},
}

// improvisedStorefront is the same for the Storefront API.
var improvisedStorefront = graph.Object{
	madeUp: true, "userErrors": graph.List{}, "customerUserErrors": graph.List{}, "warnings": graph.List{},
}

// carryOut calls what a mutation does, nil if the shop does not do it, and refuses or improvises what is not
// simulated. Mutations check their whole input before they change anything, so that nothing was written then.
func (s *state) carryOut(f func(*state, *graph.Call) (any, error), c *graph.Call, payload graph.Object) (any, error) {
	err := error(graph.NewError(codeNotSimulated, "The simulated shop does not carry out "+c.Field+"."))
	var v any
	if f != nil {
		v, err = f(s, c)
	}
	if s.improvise && isNotSimulated(err) {
		return payload, nil
	}
	return v, err
}

// codeNotSimulated is the code of what this shop does not do and Shopify does.
const codeNotSimulated = "NOT_SIMULATED"

func isNotSimulated(err error) bool {
	refused, ok := errors.AsType[*graph.Error](err)
	return ok && refused.Code() == codeNotSimulated
}

// improvisations notes which mutations of one operation were answered with made-up values.
type improvisations struct {
	api  *adminAPI
	next graph.Resolver
	some bool
}

// Refuse asks the next one: see [graph.Refuser].
func (i *improvisations) Refuse(parentType, field string, path []any) error {
	if next, ok := i.next.(graph.Refuser); ok {
		return next.Refuse(parentType, field, path)
	}
	return nil
}

// Resolve asks the next one and looks at what it gives.
func (i *improvisations) Resolve(c *graph.Call) (any, bool, error) {
	v, handled, err := i.next.Resolve(c)
	if payload, ok := v.(graph.Object); ok && c.ParentType == "Mutation" && payload[madeUp] == true {
		i.some = true
		if _, told := i.api.told.LoadOrStore(c.Field, true); !told {
			i.api.cfg.logger.Warn("shopifytest: a mutation is answered with made-up values, nothing is written", "api", i.api.cfg.name, "mutation", c.Field)
		}
	}
	return v, handled, err
}
