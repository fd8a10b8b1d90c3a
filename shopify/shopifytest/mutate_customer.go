package shopifytest

import (
	"regexp"
	"strings"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

var phoneShape = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/customerCreate
func customerCreate(s *state, c *graph.Call) (any, error) {
	in := input(c, "input")
	if in["id"] != nil {
		return refused(userError{field: []string{"id"}, message: "Cannot specify ID on creation"}), nil
	}
	if errs, err := s.checkCustomer(nil, in); err != nil || len(errs) > 0 {
		return refused(withoutCodes(errs)...), err
	}
	if nameless(in) {
		return refused(userError{message: namelessProblem}), nil
	}
	return done("customer", object(s.createCustomer(in))), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/customerUpdate
func customerUpdate(s *state, c *graph.Call) (any, error) {
	in := input(c, "input")
	v, ok := find[*customer](s, text(in, "id"))
	if !ok {
		return refused(userError{field: []string{"id"}, message: "Customer does not exist"}), nil
	}
	if errs, err := s.checkCustomer(v, in); err != nil || len(errs) > 0 {
		return refused(withoutCodes(errs)...), err
	}
	if in["emailMarketingConsent"] != nil || in["smsMarketingConsent"] != nil {
		return refused(userError{
			field:   []string{"emailMarketingConsent"},
			message: "To update emailMarketingConsent, please use the customerEmailMarketingConsentUpdate Mutation instead",
		}), nil
	}
	s.updateCustomer(v, in)
	return done("customer", object(v)), nil
}

const namelessProblem = "A name, phone number, or email address must be present"

// nameless tells whether a new customer would have nothing to be known by.
func nameless(in map[string]any) bool {
	return text(in, "email") == "" && text(in, "phone") == "" && text(in, "firstName") == "" && text(in, "lastName") == ""
}

// createCustomer carries out a checked input and tells the subscribers.
func (s *state) createCustomer(in map[string]any) *customer {
	v := s.addCustomer(CustomerData{}, s.now())
	s.writeCustomer(v, in)
	group := s.newGroup()
	s.emit("customers/create", v, s.customerPayload(v), group)
	s.customerTags(v, nil, group)
	return v
}

func (s *state) updateCustomer(v *customer, in map[string]any) {
	before := v.tags
	s.writeCustomer(v, in)
	s.customerTags(v, before, s.updated(v))
}

// checkCustomer checks in for the customer, nil for a new one.
func (s *state) checkCustomer(v *customer, in map[string]any) ([]userError, error) {
	if key := unknown(in, "id", "firstName", "lastName", "email", "phone", "note", "locale", "tags", "taxExempt", "addresses", "metafields",
		"emailMarketingConsent", "smsMarketingConsent"); key != "" {
		return nil, notSimulated("CustomerInput." + key)
	}
	errs := s.checkMetafields("CUSTOMER", nodeOrNil(v), in["metafields"], "metafields")
	for _, key := range []string{"emailMarketingConsent", "smsMarketingConsent"} {
		if consent := nested(in, key); consent != nil && v == nil {
			if _, e := s.consentFrom(consent); e != nil {
				errs = append(errs, userError{append([]string{key}, e.field...), e.message, "INVALID"})
			}
		}
	}
	if nested(in, "smsMarketingConsent") != nil && text(in, "phone") == "" && v == nil {
		errs = append(errs, userError{[]string{"smsMarketingConsent"}, "A phone number is required to set the SMS consent state", "INVALID"})
	}
	if email := text(in, "email"); email != "" {
		if other := s.byEmail[strings.ToLower(email)]; other != nil && other != v {
			errs = append(errs, userError{field: []string{"email"}, message: "Email has already been taken", code: "TAKEN"})
		}
		if !plausibleEmail(email) {
			errs = append(errs, userError{field: []string{"email"}, message: "Email is invalid", code: "INVALID"})
		}
	}
	if phone := text(in, "phone"); phone != "" {
		if !phoneShape.MatchString(phone) {
			errs = append(errs, userError{field: []string{"phone"}, message: "Phone is invalid", code: "INVALID"})
		}
		for _, other := range s.customers {
			if other.phone == phone && other != v {
				errs = append(errs, userError{field: []string{"phone"}, message: "Phone has already been taken", code: "TAKEN"})
			}
		}
	}
	if e := checkTags(normalizeTags(stringList(in["tags"]))); e != nil {
		errs = append(errs, *e)
	}
	if len(text(in, "note")) > maxNote {
		errs = append(errs, userError{field: []string{"note"}, message: "Note is too long (maximum is 5000 characters)", code: "TOO_LONG"})
	}
	return errs, nil
}

func (s *state) writeCustomer(v *customer, in map[string]any) {
	setText(in, "firstName", &v.firstName)
	setText(in, "lastName", &v.lastName)
	setText(in, "phone", &v.phone)
	setText(in, "note", &v.note)
	setText(in, "locale", &v.locale)
	if email, sent := in["email"]; sent {
		address, _ := email.(string)
		s.setEmail(v, address)
	}
	if tags, sent := in["tags"]; sent {
		v.tags = normalizeTags(stringList(tags))
	}
	if exempt, sent := in["taxExempt"]; sent {
		v.taxExempt, _ = exempt.(bool)
	}
	if addresses, sent := in["addresses"]; sent {
		for _, a := range v.addresses {
			delete(s.byID, a.gid)
		}
		v.addresses = nil
		for _, a := range objects(addresses) {
			v.addresses = append(v.addresses, s.addressFrom(a))
		}
	}
	if in := nested(in, "emailMarketingConsent"); in != nil {
		v.emailConsent, _ = s.consentFrom(in)
	}
	if in := nested(in, "smsMarketingConsent"); in != nil {
		v.smsConsent, _ = s.consentFrom(in)
	}
	s.setMetafields(v, in["metafields"])
}
