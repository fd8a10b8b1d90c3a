package shopifytest

import (
	"regexp"
	"strings"
	"time"

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
		return refused(errs...), err
	}
	if text(in, "email") == "" && text(in, "phone") == "" && text(in, "firstName") == "" && text(in, "lastName") == "" {
		return refused(userError{message: "A name, phone number, or email address must be present"}), nil
	}
	v := s.addCustomer(CustomerData{}, s.now())
	s.writeCustomer(v, in)
	s.emit("customers/create", v, s.customerPayload(v), s.newGroup())
	return done("customer", object(v)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/customerUpdate
func customerUpdate(s *state, c *graph.Call) (any, error) {
	in := input(c, "input")
	v, ok := find[*customer](s, text(in, "id"))
	if !ok {
		return refused(userError{field: []string{"id"}, message: "Customer does not exist"}), nil
	}
	if errs, err := s.checkCustomer(v, in); err != nil || len(errs) > 0 {
		return refused(errs...), err
	}
	if in["emailMarketingConsent"] != nil || in["smsMarketingConsent"] != nil {
		return refused(userError{
			field:   []string{"emailMarketingConsent"},
			message: "To update emailMarketingConsent, please use the customerEmailMarketingConsentUpdate Mutation instead",
		}), nil
	}
	s.writeCustomer(v, in)
	s.updated(v)
	return done("customer", object(v)), nil
}

// checkCustomer checks in for the customer, nil for a new one.
func (s *state) checkCustomer(v *customer, in map[string]any) ([]userError, error) {
	if key := unknown(in, "id", "firstName", "lastName", "email", "phone", "note", "locale", "tags", "taxExempt", "addresses", "metafields",
		"emailMarketingConsent", "smsMarketingConsent"); key != "" {
		return nil, notSimulated("CustomerInput." + key)
	}
	errs := s.checkMetafields(in["metafields"], "metafields")
	if email := text(in, "email"); email != "" {
		if other := s.byEmail[strings.ToLower(email)]; other != nil && other != v {
			errs = append(errs, userError{field: []string{"email"}, message: "Email has already been taken"})
		}
		if !plausibleEmail(email) {
			errs = append(errs, userError{field: []string{"email"}, message: "Email is invalid"})
		}
	}
	if phone := text(in, "phone"); phone != "" {
		if !phoneShape.MatchString(phone) {
			errs = append(errs, userError{field: []string{"phone"}, message: "Phone is invalid"})
		}
		for _, other := range s.customers {
			if other.phone == phone && other != v {
				errs = append(errs, userError{field: []string{"phone"}, message: "Phone has already been taken"})
			}
		}
	}
	if e := checkTags(normalizeTags(stringList(in["tags"]))); e != nil {
		errs = append(errs, *e)
	}
	if len(text(in, "note")) > maxNote {
		errs = append(errs, userError{field: []string{"note"}, message: "Note is too long (maximum is 5000 characters)"})
	}
	return withoutCodes(errs), nil
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
		v.addresses = nil
		for _, a := range objects(addresses) {
			v.addresses = append(v.addresses, s.addressFrom(a))
		}
	}
	if consent := nested(in, "emailMarketingConsent"); consent != nil {
		v.emailState, v.emailStateAt = text(consent, "marketingState"), s.now()
		setText(consent, "marketingOptInLevel", &v.emailOptIn)
		if at, err := time.Parse(time.RFC3339, text(consent, "consentUpdatedAt")); err == nil {
			v.emailStateAt = at
		}
	}
	if consent := nested(in, "smsMarketingConsent"); consent != nil {
		v.smsState = text(consent, "marketingState")
	}
	s.setMetafields(v, in["metafields"])
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/productUpdate
func productUpdate(s *state, c *graph.Call) (any, error) {
	in := input(c, "product")
	if in == nil || c.Args["identifier"] != nil || c.Args["media"] != nil {
		return nil, notSimulated("productUpdate without the argument product alone")
	}
	if key := unknown(in, "id", "title", "handle", "descriptionHtml", "productType", "vendor", "status", "tags", "metafields"); key != "" {
		return nil, notSimulated("ProductUpdateInput." + key)
	}
	p, ok := find[*product](s, text(in, "id"))
	if !ok {
		return refused(userError{field: []string{"id"}, message: "Product does not exist"}), nil
	}
	errs := withoutCodes(s.checkMetafields(in["metafields"], "metafields"))
	if title, sent := in["title"]; sent && (title == nil || title == "") {
		errs = append(errs, userError{field: []string{"title"}, message: "Title can't be blank"})
	}
	if h := text(in, "handle"); h != "" && h != p.handle {
		for _, other := range s.products {
			if other.handle == h {
				errs = append(errs, userError{field: []string{"handle"}, message: "Handle has already been taken"})
			}
		}
	}
	if len(errs) > 0 {
		return refused(errs...), nil
	}
	setText(in, "title", &p.title)
	setText(in, "productType", &p.productType)
	setText(in, "vendor", &p.vendor)
	if h := text(in, "handle"); h != "" {
		p.handle = h
	}
	if status := text(in, "status"); status != "" {
		p.status = status
	}
	if html, sent := in["descriptionHtml"]; sent {
		p.html, _ = html.(string)
		p.description = plain(p.html)
	}
	if tags, sent := in["tags"]; sent {
		p.tags = normalizeTags(stringList(tags))
	}
	s.setMetafields(p, in["metafields"])
	s.updated(p)
	return done("product", object(p)), nil
}

var markup = regexp.MustCompile(`<[^>]*>`)

// plain is HTML without its markup.
func plain(html string) string {
	return strings.TrimSpace(markup.ReplaceAllString(html, " "))
}
