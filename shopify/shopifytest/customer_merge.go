package shopifytest

import (
	"cmp"
	"slices"
	"strings"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// merge is two customers that became one. It is done when the mutation answers; Shopify takes its time.
type merge struct {
	job
	kept *customer
}

// merged is what two customers make together.
type merged struct {
	kept, gone                *customer
	firstName, lastName, note string
	email, phone              *customer // whose; nil: nobody has one
	address                   *customer // whose default address
	tags                      []string
	ownNote, ownTags          bool // the input has them
}

// mergeError is why two customers cannot be merged.
type mergeError struct {
	userError
	why string // CustomerMergeErrorFieldType
}

func (m *merged) noteTooLong() bool { return len(m.note) > maxNote }

func (m *merged) tooManyTags() bool { return len(m.tags) > maxTags }

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/customerMerge
func customerMerge(s *state, c *graph.Call) (any, error) {
	m, problems := s.merging(c)
	if len(problems) > 0 {
		errs := make([]userError, len(problems))
		for i, p := range problems {
			errs[i] = p.userError
		}
		return refused(errs...), nil
	}
	if e := m.blocked(); e != nil {
		return refused(*e), nil
	}
	s.mergeCustomers(m)
	job := &merge{kept: m.kept}
	s.addJob(job)
	group := s.newGroup()
	s.emit("customers/merge", m.kept, map[string]any{
		"admin_graphql_api_customer_kept_id": m.kept.gid, "admin_graphql_api_customer_deleted_id": m.gone.gid,
		"admin_graphql_api_job_id": job.gid, "status": "completed", "errors": []any{},
	}, group)
	s.emit("customers/update", m.kept, s.customerPayload(m.kept), group)
	out := done("resultingCustomerId", m.kept.gid)
	out["job"] = jobObject(job)
	return out, nil
}

// blocked is what the input must decide because both together are too much.
func (m *merged) blocked() *userError {
	code := func(own bool) string {
		if own {
			return "OVERRIDE_ATTRIBUTE_INVALID"
		}
		return "MISSING_OVERRIDE_ATTRIBUTE"
	}
	switch {
	case m.noteTooLong():
		return &userError{[]string{"overrideFields", "note"}, "Note is too long (maximum is 5000 characters)", code(m.ownNote)}
	case m.tooManyTags():
		return &userError{[]string{"overrideFields", "tags"}, "A maximum of 250 tags is allowed", code(m.ownTags)}
	}
	return nil
}

// merging reads what is to be merged. The second customer is the one that stays.
func (s *state) merging(c *graph.Call) (*merged, []mergeError) {
	var errs []mergeError
	m := &merged{}
	add := func(message, code, why string, field ...string) {
		errs = append(errs, mergeError{userError{field, message, code}, why})
	}
	for _, arg := range []struct {
		name   string
		target **customer
	}{{"customerOneId", &m.gone}, {"customerTwoId", &m.kept}} {
		v, ok := find[*customer](s, text(c.Args, arg.name))
		*arg.target = v
		if !ok {
			add("Customer does not exist", "INVALID_CUSTOMER_ID", "DELETED_AT", arg.name)
		}
	}
	if len(errs) == 0 && m.kept == m.gone {
		add("Customer IDs must not match", "INVALID_CUSTOMER_ID", "OVERRIDE_FIELDS", "customerTwoId")
	}
	if len(errs) > 0 {
		return m, errs
	}
	for i, v := range []*customer{m.gone, m.kept} {
		field := []string{"customerOneId", "customerTwoId"}[i]
		for _, why := range s.unmergeable(v) {
			code := "INVALID_CUSTOMER"
			if why == "GIFT_CARDS" {
				code = "CUSTOMER_HAS_GIFT_CARDS"
			}
			add(v.displayName()+" can't be merged: "+mergeProblems[why], code, why, field)
		}
	}
	override := input(c, "overrideFields")
	choose := func(key string, have func(*customer) bool) *customer {
		id := text(override, key)
		if id == "" {
			for _, v := range []*customer{m.kept, m.gone} {
				if have(v) {
					return v
				}
			}
			return nil
		}
		for _, v := range []*customer{m.kept, m.gone} {
			if v.gid == id {
				return v
			}
		}
		add("Customer must be one of those to be merged", "OVERRIDE_ATTRIBUTE_INVALID", "OVERRIDE_FIELDS", "overrideFields", key)
		return nil
	}
	if v := choose("customerIdOfFirstNameToKeep", func(v *customer) bool { return v.firstName != "" }); v != nil {
		m.firstName = v.firstName
	}
	if v := choose("customerIdOfLastNameToKeep", func(v *customer) bool { return v.lastName != "" }); v != nil {
		m.lastName = v.lastName
	}
	m.email = choose("customerIdOfEmailToKeep", func(v *customer) bool { return v.email != "" })
	m.phone = choose("customerIdOfPhoneNumberToKeep", func(v *customer) bool { return v.phone != "" })
	m.address = choose("customerIdOfDefaultAddressToKeep", func(v *customer) bool { return v.defaultAddress() != nil })
	m.note = strings.TrimSpace(m.kept.note + "\n" + m.gone.note)
	if note, sent := override["note"].(string); sent {
		m.note, m.ownNote = note, true
	}
	m.tags = normalizeTags(slices.Concat(m.kept.tags, m.gone.tags))
	if override["tags"] != nil {
		m.tags, m.ownTags = normalizeTags(stringList(override["tags"])), true
	}
	return m, errs
}

// mergeProblems are the values of CustomerMergeErrorFieldType that occur here.
var mergeProblems = map[string]string{
	"GIFT_CARDS":           "they have gift cards",
	"STORE_CREDIT":         "they have store credit",
	"PENDING_DATA_REQUEST": "their personal data is going to be erased",
}

// unmergeable is why v cannot be merged, as CustomerMergeErrorFieldType.
func (s *state) unmergeable(v *customer) []string {
	out := []string{}
	if slices.ContainsFunc(s.giftCards, func(g *giftCard) bool { return g.customer == v }) {
		out = append(out, "GIFT_CARDS")
	}
	if v.credit != nil && v.credit.balance.IsPositive() {
		out = append(out, "STORE_CREDIT")
	}
	if !v.erasure.IsZero() {
		out = append(out, "PENDING_DATA_REQUEST")
	}
	return out
}

func (s *state) mergeable(v *customer) graph.Object {
	why := s.unmergeable(v)
	out := graph.Object{"__typename": "CustomerMergeable", "isMergeable": len(why) == 0, "errorFields": why, "mergeInProgress": nil, "reason": nil}
	if len(why) > 0 {
		out["reason"] = v.displayName() + " can't be merged: " + mergeProblems[why[0]]
	}
	return out
}

// mergeCustomers carries m out.
func (s *state) mergeCustomers(m *merged) {
	kept, gone := m.kept, m.gone
	email, emailConsent, phone, smsConsent := "", kept.emailConsent, "", kept.smsConsent
	if m.email != nil {
		email, emailConsent = m.email.email, m.email.emailConsent
	}
	if m.phone != nil {
		phone, smsConsent = m.phone.phone, m.phone.smsConsent
	}
	addresses := slices.Concat(kept.addresses, gone.addresses)
	if m.address == gone {
		addresses = slices.Concat(gone.addresses, kept.addresses)
	}
	for _, o := range gone.orders {
		o.customer = kept
	}
	kept.orders = slices.Concat(kept.orders, gone.orders)
	slices.SortStableFunc(kept.orders, func(a, b *order) int { return cmp.Compare(a.number, b.number) })
	for _, d := range s.draftsOf(gone) {
		d.customer = kept
	}
	for _, d := range s.discountsOf(gone) {
		d.buyers.customers = remove(d.buyers.customers, kept.gid)
		d.buyers.customers[slices.Index(d.buyers.customers, gone.gid)] = kept.gid
	}
	for _, f := range s.metafields[gone.gid] {
		if s.metafield(kept.gid, f.namespace, f.key) == nil {
			s.setMetafield(kept, f.namespace, f.key, f.valueType, f.value)
		}
	}
	s.forgetCustomer(gone)
	s.setEmail(kept, email)
	kept.firstName, kept.lastName, kept.note, kept.tags, kept.phone = m.firstName, m.lastName, m.note, m.tags, phone
	kept.emailConsent, kept.smsConsent, kept.addresses = emailConsent, smsConsent, addresses
	for _, a := range addresses {
		s.byID[a.gid] = a
	}
	if gone.createdAt.Before(kept.createdAt) {
		kept.createdAt = gone.createdAt
	}
	s.touch(kept)
}

// https://shopify.dev/docs/api/admin-graphql/latest/queries/customerMergePreview
func customerMergePreview(s *state, c *graph.Call) (any, error) {
	m, errs := s.merging(c)
	out := graph.Object{"__typename": "CustomerMergePreview", "customerMergeErrors": nil, graph.Closed: true}
	if len(errs) > 0 {
		problems := graph.List{}
		for _, e := range errs {
			problems = append(problems, graph.Object{"__typename": "CustomerMergeError", "message": e.message, "errorFields": []string{e.why}})
		}
		out["customerMergeErrors"] = problems
		return out, nil
	}
	out["resultingCustomerId"] = m.kept.gid
	kept := *m.kept
	kept.firstName, kept.lastName, kept.email = m.firstName, m.lastName, ""
	drafts, discounts := s.draftsOf(m.kept, m.gone), s.discountsOf(m.kept, m.gone)
	discountNodes := graph.List{}
	for _, d := range discounts {
		discountNodes = append(discountNodes, discountNode(d))
	}
	fields := graph.Object{
		"__typename": "CustomerMergePreviewDefaultFields", "firstName": orNull(m.firstName), "lastName": orNull(m.lastName),
		"note": orNull(m.note), "tags": m.tags, "orderCount": len(m.kept.orders) + len(m.gone.orders), "orders": list(slices.Concat(m.kept.orders, m.gone.orders)),
		"draftOrderCount": len(drafts), "draftOrders": list(drafts), "discountNodeCount": len(discounts), "discountNodes": discountNodes,
		"giftCardCount": 0, "giftCards": graph.List{}, // who has one cannot be merged
		"metafieldCount": len(s.metafields[m.kept.gid]) + len(s.metafields[m.gone.gid]),
		"addresses":      addressList(slices.Concat(m.kept.addresses, m.gone.addresses)), graph.Closed: true,
	}
	if m.email != nil && m.email.email != "" {
		kept.email = m.email.email
		fields["email"] = part("CustomerEmailAddress", m.email)
	}
	if m.phone != nil && m.phone.phone != "" {
		fields["phoneNumber"] = part("CustomerPhoneNumber", m.phone)
	}
	if m.address != nil {
		fields["defaultAddress"] = addressObject(m.address.defaultAddress())
	}
	fields["displayName"] = kept.displayName()
	out["defaultFields"] = fields
	if m.blocked() != nil {
		out["blockingFields"] = graph.Object{"__typename": "CustomerMergePreviewBlockingFields", "note": orNull(m.note), "tags": m.tags}
	}
	return out, nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/queries/customerMergeJobStatus
func customerMergeJobStatus(s *state, c *graph.Call) (any, error) {
	job, ok := find[*merge](s, text(c.Args, "jobId"))
	if !ok {
		return nil, nil
	}
	return graph.Object{
		"__typename": "CustomerMergeRequest", "jobId": job.gid, "resultingCustomerId": job.kept.gid, "status": "COMPLETED", "customerMergeErrors": graph.List{},
	}, nil
}
