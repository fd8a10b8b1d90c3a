package shopifytest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// spoiled puts what the fault does to single fields in front of the resolver.
func (x *exchange) spoiled(fault Fault, next graph.Resolver) graph.Resolver {
	if fault.Path == "" && fault.UserError == nil {
		return next
	}
	return &spoiler{exchange: x, fault: fault, path: strings.Split(fault.Path, "."), next: next}
}

type spoiler struct {
	exchange *exchange
	fault    Fault
	path     []string
	next     graph.Resolver
}

// Refuse makes the field at the fault's path fail.
func (s *spoiler) Refuse(parentType, field string, path []any) error {
	if s.fault.Path == "" || !s.hits(path) {
		return nil
	}
	if s.fault.Code != "ACCESS_DENIED" {
		return s.exchange.faultError(s.fault)
	}
	required := "merchant approval."
	if access, ok := s.exchange.api.cfg.schema.Access(parentType + "." + field); ok {
		required = access.Prose
	}
	err := graph.AccessDenied(field, required)
	err.Message = cmp.Or(s.fault.Message, err.Message)
	return err
}

// hits compares the place with the fault's path, in which positions in lists may be left out.
func (s *spoiler) hits(place []any) bool {
	rest := s.path
	for _, p := range place {
		switch p := p.(type) {
		case int:
			if len(rest) == 0 {
				return false
			}
			if _, err := strconv.Atoi(rest[0]); err != nil {
				continue
			}
			if rest[0] != strconv.Itoa(p) {
				return false
			}
		case string:
			if len(rest) == 0 || rest[0] != p {
				return false
			}
		}
		rest = rest[1:]
	}
	return len(rest) == 0
}

// Resolve answers a mutation with the fault's user error.
func (s *spoiler) Resolve(c *graph.Call) (any, bool, error) {
	e := s.fault.UserError
	if e == nil || c.ParentType != "Mutation" || s.fault.Field != "" && s.fault.Field != c.Field {
		return s.next.Resolve(c)
	}
	var field any
	if e.Field != nil {
		field = slices.Clone(e.Field)
	}
	list := graph.List{{graph.Closed: true, "field": field, "message": cmp.Or(e.Message, e.Code), "code": orNull(e.Code)}}
	payload := graph.Object{graph.Closed: true}
	for name := range improvised { // the names that the lists of user errors have
		if strings.HasSuffix(strings.ToLower(name), "usererrors") {
			payload[name] = list
		}
	}
	if s.exchange.api.cfg.name == "storefront" {
		payload["customerUserErrors"] = list
	}
	return payload, true, nil
}

// faultError is the error that the fault wants.
func (x *exchange) faultError(fault Fault) *graph.Error {
	code := fault.Code
	if fault.InternalError || code == "" {
		code = "INTERNAL_SERVER_ERROR"
	}
	switch code {
	case "INTERNAL_SERVER_ERROR":
		return graph.NewError(code, cmp.Or(fault.Message, "Internal error. Looks like something went wrong on our end."))
	case "MAX_COST_EXCEEDED":
		err := graph.NewError(code, cmp.Or(fault.Message, "Query cost is over the limit."))
		err.Extensions["cost"], err.Extensions["maxCost"] = max(x.entry.RequestedCost, maxQueryCost+1), maxQueryCost
		err.Extensions["documentation"] = throttledDocumentation
		return err
	case "ACCESS_DENIED":
		err := graph.AccessDenied(strings.Join(x.entry.RootFields, ", "), "merchant approval.")
		err.Message = cmp.Or(fault.Message, err.Message)
		return err
	}
	return graph.NewError(code, cmp.Or(fault.Message, code))
}

// maxQueryCost is the most that one query may cost, in points: https://shopify.dev/docs/api/usage/limits
const maxQueryCost = 1_000
