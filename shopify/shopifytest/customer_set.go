package shopifytest

import (
	"strings"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/customerSet
func customerSet(s *state, c *graph.Call) (any, error) {
	in, identifier := input(c, "input"), input(c, "identifier")
	if identifier["customId"] != nil {
		return nil, notSimulated("CustomerSetIdentifiers.customId")
	}
	if in["id"] != nil {
		return refused(userError{[]string{"input", "id"}, "The id field is not allowed; use the identifier", "ID_NOT_ALLOWED"}), nil
	}
	v, e := s.customerToSet(identifier, in)
	if e != nil {
		return refused(*e), nil
	}
	errs, err := s.checkCustomer(v, in)
	if err != nil {
		return nil, err
	}
	for i := range errs {
		errs[i].field = append([]string{"input"}, errs[i].field...)
	}
	if v == nil && nameless(in) {
		errs = append(errs, userError{[]string{"input"}, namelessProblem, "INVALID"})
	}
	switch {
	case len(errs) > 0:
		return refused(errs...), nil
	case v == nil:
		v = s.createCustomer(in)
	default:
		s.updateCustomer(v, in)
	}
	return done("customer", object(v)), nil
}

// customerToSet is whom the identifier names, or nil if the customer is to be made.
func (s *state) customerToSet(identifier, in map[string]any) (*customer, *userError) {
	for key, kind := range map[string]string{"email": "email address", "phone": "phone number"} {
		value := text(identifier, key)
		if value == "" {
			continue
		}
		switch sent, ok := in[key].(string); {
		case !ok:
			return nil, &userError{[]string{"input", key}, "The input must have the " + kind + " of the identifier", "MISSING_FIELD_REQUIRED"}
		case !strings.EqualFold(sent, value):
			return nil, &userError{[]string{"input", key}, "The " + kind + " of the input does not match that of the identifier", "INPUT_MISMATCH"}
		}
	}
	switch {
	case text(identifier, "id") != "":
		v, ok := find[*customer](s, text(identifier, "id"))
		if !ok {
			return nil, &userError{[]string{"identifier", "id"}, "Resource matching the identifier was not found.", "NOT_FOUND"}
		}
		return v, nil
	case text(identifier, "email") != "":
		return s.byEmail[strings.ToLower(text(identifier, "email"))], nil
	case text(identifier, "phone") != "":
		return s.customerByPhone(text(identifier, "phone")), nil
	default:
		return nil, nil
	}
}

func (s *state) customerByPhone(phone string) *customer {
	for _, v := range s.customers {
		if v.phone == phone {
			return v
		}
	}
	return nil
}
