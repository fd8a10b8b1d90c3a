package shopifytest_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

// hook is what a subscriber got.
type hook struct {
	topic string
	body  map[string]any
}

// watch subscribes to the topics and returns what has been sent since it was asked last, in the order of the events.
func watch(t *testing.T, s *shopifytest.Shop, topics ...string) func() []hook {
	t.Helper()
	sub := newSubscriber(t, always200)
	for _, topic := range topics {
		subscribe(t, s, topic, map[string]any{"uri": sub.URL})
	}
	seen := len(s.Deliveries())
	return func() []hook {
		t.Helper()
		waitIdle(t, s)
		var out []hook
		all := s.Deliveries()
		for _, d := range all[seen:] {
			h := hook{topic: d.Topic}
			require.Equal(t, shopifytest.DeliveryDelivered, d.State)
			require.NoError(t, json.Unmarshal(d.Body, &h.body))
			out = append(out, h)
		}
		seen = len(all)
		return out
	}
}

func topicsOf(hooks []hook) []string {
	out := []string{}
	for _, h := range hooks {
		out = append(out, h.topic)
	}
	return out
}

// refusal is one user error of a payload, "field.path CODE".
func refusal(payload any) string {
	field, _ := at(payload, "userErrors", 0, "field").([]any)
	parts := make([]string, len(field))
	for i, f := range field {
		parts[i] = f.(string)
	}
	code, _ := at(payload, "userErrors", 0, "code").(string)
	if code == "" {
		code, _ = at(payload, "userErrors", 0, "message").(string)
	}
	return strings.TrimSpace(strings.Join(parts, ".") + " " + code)
}

const (
	createCustomer = `mutation($in: CustomerInput!) { customerCreate(input: $in) { customer { id } userErrors { field message } } }`
	mergeCustomers = `mutation($a: ID!, $b: ID!, $o: CustomerMergeOverrideFields) { customerMerge(customerOneId: $a, customerTwoId: $b, overrideFields: $o) {
	resultingCustomerId job { id done } userErrors { field message code } } }`
	previewMerge = `query($a: ID!, $b: ID!) { customerMergePreview(customerOneId: $a, customerTwoId: $b) { resultingCustomerId customerMergeErrors { errorFields }
	defaultFields { displayName orderCount draftOrderCount draftOrders(first: 9) { nodes { id } } discountNodeCount discountNodes(first: 9) { nodes { id } } tags email { emailAddress } } } }`
	deleteCustomer = `mutation($id: ID!) { customerDelete(input: {id: $id}) { deletedCustomerId shop { id } userErrors { field message } } }`
	readCustomer   = `query($id: ID!) { customer(id: $id) { displayName email phone note tags addressesV2(first: 9) { nodes { id city } } defaultAddress { city } mergeable { isMergeable errorFields }
	numberOfOrders emailMarketingConsent { marketingState consentUpdatedAt sourceLocation { name } } smsMarketingConsent { marketingState consentCollectedFrom } metafields(first: 5) { nodes { key value } } } }`
)

func TestConsent(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	ada := s.Customers()[0].ID
	hooks := watch(t, s, "CUSTOMERS_EMAIL_MARKETING_CONSENT_UPDATE", "CUSTOMERS_MARKETING_CONSENT_UPDATE", "CUSTOMERS_UPDATE")
	email := func(id string, consent map[string]any) any {
		return at(data(t, s, `mutation($in: CustomerEmailMarketingConsentUpdateInput!) { customerEmailMarketingConsentUpdate(input: $in) { customer { id } userErrors { field message code } } }`,
			map[string]any{"in": map[string]any{"customerId": id, "emailMarketingConsent": consent}}), "customerEmailMarketingConsentUpdate")
	}
	sms := func(id string, consent map[string]any) any {
		return at(data(t, s, `mutation($in: CustomerSmsMarketingConsentUpdateInput!) { customerSmsMarketingConsentUpdate(input: $in) { customer { id } userErrors { field message code } } }`,
			map[string]any{"in": map[string]any{"customerId": id, "smsMarketingConsent": consent}}), "customerSmsMarketingConsentUpdate")
	}
	yes := map[string]any{"marketingState": "SUBSCRIBED"}
	for name, tt := range map[string]struct {
		got  any
		want string
	}{
		"nobody":        {email("gid://shopify/Customer/1", yes), "input.customerId INVALID"},
		"not to be set": {email(ada, map[string]any{"marketingState": "REDACTED"}), "input.emailMarketingConsent.marketingState INVALID"},
		"pending":       {email(ada, map[string]any{"marketingState": "PENDING", "marketingOptInLevel": "SINGLE_OPT_IN"}), "input.emailMarketingConsent.marketingOptInLevel INVALID"},
		"tomorrow":      {email(ada, map[string]any{"marketingState": "SUBSCRIBED", "consentUpdatedAt": "2999-01-01T00:00:00Z"}), "input.emailMarketingConsent.consentUpdatedAt INVALID"},
		"nowhere":       {email(ada, map[string]any{"marketingState": "SUBSCRIBED", "sourceLocationId": "gid://shopify/Location/1"}), "input.emailMarketingConsent.sourceLocationId INVALID"},
		"no phone":      {sms(ada, yes), "input.customerId INVALID"},
	} {
		assert.Equal(t, tt.want, refusal(tt.got), name)
	}
	assert.Empty(t, hooks(), "what was refused tells nobody")

	began := time.Now()
	out := email(ada, map[string]any{"marketingState": "SUBSCRIBED", "marketingOptInLevel": "CONFIRMED_OPT_IN", "consentUpdatedAt": "2026-01-02T03:04:05Z", "sourceLocationId": s.Locations()[0].ID})
	require.Empty(t, at(out, "userErrors"))
	got := hooks()
	require.Equal(t, []string{"customers_email_marketing_consent/update", "customers/update"}, topicsOf(got))
	assert.Equal(t, map[string]any{
		"customer_id": 9.0, "email_address": "ada@example.com",
		"email_marketing_consent": map[string]any{"state": "subscribed", "opt_in_level": "confirmed_opt_in", "consent_updated_at": "2026-01-02T04:04:05+01:00"},
	}, got[0].body)
	changed, _ := s.Customer(ada)
	assertNow(t, began, changed.UpdatedAt)
	read := at(data(t, s, readCustomer, map[string]any{"id": ada}), "customer")
	assert.Equal(t, "SUBSCRIBED", at(read, "emailMarketingConsent", "marketingState"))
	assert.Equal(t, "2026-01-02T03:04:05Z", at(read, "emailMarketingConsent", "consentUpdatedAt"))
	assert.Equal(t, "Front", at(read, "emailMarketingConsent", "sourceLocation", "name"))
	assert.Len(t, at(data(t, s, `{ customers(first: 5, query: "email_marketing_state:subscribed") { nodes { id } } }`, nil), "customers", "nodes"), 1)

	bob, err := s.AddCustomer(shopifytest.CustomerData{FirstName: "Bob", Phone: "+4930123456", SMSMarketing: "SUBSCRIBED"})
	require.NoError(t, err)
	require.Empty(t, at(sms(bob.ID, map[string]any{"marketingState": "UNSUBSCRIBED"}), "userErrors"))
	got = hooks()
	require.Equal(t, []string{"customers_marketing_consent/update", "customers/update"}, topicsOf(got))
	assert.Equal(t, "unsubscribed", at(got[0].body, "sms_marketing_consent", "state"))
	assert.Equal(t, "+4930123456", got[0].body["phone"])
	assert.Equal(t, "OTHER", at(data(t, s, readCustomer, map[string]any{"id": bob.ID}), "customer", "smsMarketingConsent", "consentCollectedFrom"))
}

func TestCustomersOfTheShop(t *testing.T) {
	sub := newSubscriber(t, always200)
	s := newShop(t, &shopifytest.Options{Data: tiny(), ComplianceURI: sub.URL})
	hooks := watch(t, s, "CUSTOMERS_CREATE", "CUSTOMERS_DELETE", "CUSTOMERS_EMAIL_MARKETING_CONSENT_UPDATE")
	eve, err := s.AddCustomer(shopifytest.CustomerData{FirstName: "Eve", LastName: "Stone", Email: "eve@example.com"})
	require.NoError(t, err)
	for _, d := range []shopifytest.CustomerData{{Email: "EVE@example.com"}, {Email: "no address"}, {Phone: "1"}, {ID: 9, FirstName: "Again"}, {}} {
		_, err := s.AddCustomer(d)
		assert.ErrorIs(t, err, shopifytest.ErrData)
	}
	_, err = s.SetConsent("eve@example.com", shopifytest.Consent{Email: "SUBSCRIBED", At: today})
	require.NoError(t, err)
	_, err = s.SetConsent("eve@example.com", shopifytest.Consent{SMS: "SUBSCRIBED"})
	require.ErrorIs(t, err, shopifytest.ErrData)
	_, err = s.SetConsent("eve@example.com", shopifytest.Consent{})
	require.ErrorIs(t, err, shopifytest.ErrData)
	_, err = s.SetConsent("nobody@example.com", shopifytest.Consent{Email: "SUBSCRIBED"})
	require.ErrorIs(t, err, shopifytest.ErrNotFound)
	v, ok := s.Customer(eve.ID)
	require.True(t, ok)
	assert.Equal(t, "SUBSCRIBED", v.EmailMarketing)
	require.NoError(t, s.DeleteCustomer(eve.ID))
	require.ErrorIs(t, s.DeleteCustomer(eve.ID), shopifytest.ErrNotFound)
	require.ErrorIs(t, s.DeleteCustomer("ada@example.com"), shopifytest.ErrCustomerHasOrders)
	got := hooks()
	assert.Equal(t, []string{"customers/create", "customers_email_marketing_consent/update", "customers/delete"}, topicsOf(got))
	assert.Equal(t, eve.ID, got[2].body["admin_graphql_api_id"])

	require.NoError(t, s.RequestCustomerData("ada@example.com"))
	require.NoError(t, s.EraseCustomer("ada@example.com"))
	require.ErrorIs(t, s.EraseCustomer("ada@example.com"), shopifytest.ErrNotFound)
	got = hooks()
	require.Equal(t, []string{"customers/data_request", "customers/redact"}, topicsOf(got))
	assert.Equal(t, []any{11.0}, got[0].body["orders_requested"])
	assert.Equal(t, map[string]any{"id": 9.0, "email": "ada@example.com", "phone": nil}, got[1].body["customer"])
	assert.Equal(t, []any{11.0}, got[1].body["orders_to_redact"])
	assert.Equal(t, s.Domain(), got[1].body["shop_domain"])
	v, ok = s.Customer("9")
	require.True(t, ok)
	assert.Empty(t, v.FirstName+v.LastName+v.Email+v.Phone)
	assert.Equal(t, "REDACTED", v.EmailMarketing)
	assert.Equal(t, 1, v.Orders)
	assert.Nil(t, at(data(t, s, `{ order(id: "gid://shopify/Order/11") { email } }`, nil), "order", "email"))
	_, err = shopifytest.Start(&shopifytest.Options{ComplianceURI: "http://app.example.com"})
	assert.Error(t, err)
}

// What orders and drafts say of a customer goes with the rest; their sums stay.
func TestErasureOfOrders(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	ada := s.Customers()[0].ID
	home := map[string]any{"city": "Bonn", "countryCode": "DE", "lastName": "Test"}
	told := func(more map[string]any) map[string]any {
		in := map[string]any{
			"email": "ada@example.com", "phone": "+12125550123", "note": "For Ada", "customAttributes": []any{map[string]any{"key": "for", "value": "Ada"}},
			"shippingAddress": home, "billingAddress": home,
		}
		maps.Copy(in, more)
		return in
	}
	price := map[string]any{"amount": "5", "currencyCode": "EUR"}
	ordered := at(data(t, s, `mutation($in: OrderCreateOrderInput!) { orderCreate(order: $in) { order { id } userErrors { message } } }`, map[string]any{"in": told(map[string]any{
		"customerId": ada, "lineItems": []any{map[string]any{"title": "Bag", "quantity": 1, "priceSet": map[string]any{"shopMoney": price}}},
	})}), "orderCreate", "order", "id")
	drafted := at(data(t, s, `mutation($in: DraftOrderInput!) { draftOrderCreate(input: $in) { draftOrder { id } userErrors { message } } }`, map[string]any{"in": told(map[string]any{
		"purchasingEntity": map[string]any{"customerId": ada}, "lineItems": []any{map[string]any{"title": "Bag", "quantity": 1, "originalUnitPriceWithCurrency": price}},
	})}), "draftOrderCreate", "draftOrder", "id")
	read := func() (order, draft any) {
		const said = `email phone customAttributes { key value } shippingAddress { id } billingAddress { id } totalPriceSet { shopMoney { amount } }`
		out := data(t, s, `query($o: ID!, $d: ID!) { order(id: $o) { note `+said+` } draftOrder(id: $d) { note: note2 `+said+` } }`, map[string]any{"o": ordered, "d": drafted})
		return out["order"], out["draftOrder"]
	}
	order, draft := read()
	var addresses []any
	for _, v := range []any{order, draft} {
		require.Equal(t, "For Ada", at(v, "note"))
		require.Len(t, at(v, "customAttributes"), 1)
		addresses = append(addresses, at(v, "shippingAddress", "id"), at(v, "billingAddress", "id"))
	}
	gone := func() (nodes any) {
		return data(t, s, `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, map[string]any{"ids": addresses})["nodes"]
	}
	require.NotContains(t, gone(), nil)
	require.NoError(t, s.EraseCustomer(ada))
	order, draft = read()
	for _, v := range []any{order, draft} {
		assert.Subset(t, v, map[string]any{"email": nil, "phone": nil, "note": nil, "customAttributes": []any{}, "shippingAddress": nil, "billingAddress": nil})
		assert.NotEqual(t, "0.0", at(v, "totalPriceSet", "shopMoney", "amount"))
	}
	assert.Equal(t, []any{nil, nil, nil, nil}, gone())
}

func TestCustomerDelete(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	hooks := watch(t, s, "CUSTOMERS_DELETE")
	remove := func(id string) any {
		return at(data(t, s, deleteCustomer, map[string]any{"id": id}), "customerDelete")
	}
	assert.Equal(t, "id Customer can't be deleted because they have associated orders", refusal(remove(s.Customers()[0].ID)))
	assert.Equal(t, "id Customer can't be found", refusal(remove("gid://shopify/Customer/1")))
	id := at(data(t, s, createCustomer, map[string]any{"in": map[string]any{"email": "eve@example.com", "phone": "+12125550123"}}), "customerCreate", "customer", "id").(string)
	out := remove(id)
	assert.Equal(t, id, at(out, "deletedCustomerId"))
	assert.NotNil(t, at(out, "shop", "id"))
	assert.Nil(t, at(data(t, s, readCustomer, map[string]any{"id": id}), "customer"))
	assert.Equal(t, []string{"customers/delete"}, topicsOf(hooks()))
	again := data(t, s, createCustomer, map[string]any{"in": map[string]any{"email": "eve@example.com", "phone": "+12125550123"}})
	assert.Empty(t, at(again, "customerCreate", "userErrors"), "the address and the number are free again")
}

func TestCustomerMerge(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	ada := s.Customers()[0].ID
	create := func(in map[string]any) string {
		out := at(data(t, s, createCustomer, map[string]any{"in": in}), "customerCreate")
		require.Empty(t, at(out, "userErrors"))
		return at(out, "customer", "id").(string)
	}
	twin := create(map[string]any{
		"firstName": "Adeline", "phone": "+12125550123", "note": "Likes pens.", "tags": []any{"vip"}, "addresses": []any{map[string]any{"city": "Bonn", "countryCode": "DE"}},
		"metafields": []any{map[string]any{"namespace": "shop", "key": "size", "type": "single_line_text_field", "value": "M"}},
	})
	merge := func(a, b string, override map[string]any) any {
		return at(data(t, s, mergeCustomers, map[string]any{"a": a, "b": b, "o": override}), "customerMerge")
	}
	assert.Equal(t, "customerOneId INVALID_CUSTOMER_ID", refusal(merge("gid://shopify/Customer/1", twin, nil)))
	assert.Equal(t, "customerTwoId INVALID_CUSTOMER_ID", refusal(merge(twin, twin, nil)))
	assert.Equal(t, "overrideFields.customerIdOfEmailToKeep OVERRIDE_ATTRIBUTE_INVALID", refusal(merge(ada, twin, map[string]any{"customerIdOfEmailToKeep": "gid://shopify/Customer/1"})))
	rich := create(map[string]any{"firstName": "Rich"})
	data(t, s, `mutation($id: ID!) { giftCardCreate(input: {initialValue: "10", customerId: $id}) { userErrors { message } } }`, map[string]any{"id": rich})
	assert.Equal(t, "customerOneId CUSTOMER_HAS_GIFT_CARDS", refusal(merge(rich, twin, nil)))
	assert.Equal(t, []any{"GIFT_CARDS"}, at(data(t, s, readCustomer, map[string]any{"id": rich}), "customer", "mergeable", "errorFields"))
	long := create(map[string]any{"firstName": "Wordy", "note": strings.Repeat("n", 4995)})
	assert.Equal(t, "overrideFields.note MISSING_OVERRIDE_ATTRIBUTE", refusal(merge(long, twin, nil)))

	preview := at(data(t, s, previewMerge, map[string]any{"a": ada, "b": twin}), "customerMergePreview")
	assert.Equal(t, twin, at(preview, "resultingCustomerId"))
	assert.Equal(t, "Adeline Test", at(preview, "defaultFields", "displayName"))
	assert.Equal(t, "ada@example.com", at(preview, "defaultFields", "email", "emailAddress"))
	blocked := at(data(t, s, previewMerge, map[string]any{"a": rich, "b": twin}), "customerMergePreview", "customerMergeErrors", 0, "errorFields")
	assert.Equal(t, []any{"GIFT_CARDS"}, blocked)

	hooks := watch(t, s, "CUSTOMERS_MERGE", "CUSTOMERS_UPDATE")
	out := merge(ada, twin, nil)
	require.Empty(t, at(out, "userErrors"))
	assert.Equal(t, twin, at(out, "resultingCustomerId"))
	job := at(out, "job", "id")
	status := data(t, s, `query($id: ID!) { customerMergeJobStatus(jobId: $id) { status resultingCustomerId } job(id: $id) { done } }`, map[string]any{"id": job})
	assert.Equal(t, "COMPLETED", at(status, "customerMergeJobStatus", "status"))
	assert.Equal(t, true, at(status, "job", "done"))
	got := hooks()
	require.Equal(t, []string{"customers/merge", "customers/update"}, topicsOf(got))
	assert.Equal(t, ada, got[0].body["admin_graphql_api_customer_deleted_id"])
	assert.Equal(t, twin, got[0].body["admin_graphql_api_customer_kept_id"])

	read := data(t, s, readCustomer, map[string]any{"id": twin})
	assert.Equal(t, "Adeline Test", at(read, "customer", "displayName"))
	assert.Equal(t, "ada@example.com", at(read, "customer", "email"))
	assert.Equal(t, "1", at(read, "customer", "numberOfOrders"))
	assert.Equal(t, "Bonn", at(read, "customer", "defaultAddress", "city"))
	assert.Equal(t, "M", at(read, "customer", "metafields", "nodes", 0, "value"))
	_, ok := s.Customer(ada)
	assert.False(t, ok)
	o, _ := s.Order("11")
	assert.Equal(t, twin, o.CustomerID)
}

// What belongs to the customer who goes belongs to the other one then: drafts and discounts too; an empty account of
// store credit is gone.
func TestCustomerMergeMoves(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	ada := s.Customers()[0].ID
	eve, err := s.AddCustomer(shopifytest.CustomerData{FirstName: "Eve"})
	require.NoError(t, err)
	draft := at(data(t, s, `mutation($in: DraftOrderInput!) { draftOrderCreate(input: $in) { draftOrder { id } userErrors { message } } }`, map[string]any{"in": map[string]any{
		"purchasingEntity": map[string]any{"customerId": ada}, "lineItems": []any{map[string]any{"title": "Bag", "quantity": 1, "originalUnitPriceWithCurrency": map[string]any{"amount": "5", "currencyCode": "EUR"}}},
	}}), "draftOrderCreate", "draftOrder", "id")
	require.NotNil(t, draft)
	only := func(code string, ids ...any) string {
		return discountCalls["code basic"].make(t, s, discountInput(s, map[string]any{"code": code, "context": map[string]any{"customers": map[string]any{"add": ids}}}))
	}
	one, both := only("ONE", ada), only("BOTH", ada, eve.ID)
	discountCalls["code basic"].make(t, s, discountInput(s, nil)) // for everybody
	account := at(data(t, s, `mutation($id: ID!) {
		storeCreditAccountCredit(id: $id, creditInput: {creditAmount: {amount: "5", currencyCode: EUR}}) { storeCreditAccountTransaction { account { id } } }
		storeCreditAccountDebit(id: $id, debitInput: {debitAmount: {amount: "5", currencyCode: EUR}}) { userErrors { message } } }`, map[string]any{"id": ada}),
		"storeCreditAccountCredit", "storeCreditAccountTransaction", "account", "id")
	require.NotNil(t, account)

	fields := at(data(t, s, previewMerge, map[string]any{"a": ada, "b": eve.ID}), "customerMergePreview", "defaultFields")
	assert.Equal(t, "1", at(fields, "draftOrderCount"))
	assert.Equal(t, draft, at(fields, "draftOrders", "nodes", 0, "id"))
	assert.Equal(t, "2", at(fields, "discountNodeCount"))
	assert.Len(t, at(fields, "discountNodes", "nodes"), 2)
	require.Empty(t, at(data(t, s, mergeCustomers, map[string]any{"a": ada, "b": eve.ID}), "customerMerge", "userErrors"))
	assert.Equal(t, eve.ID, s.DraftOrders()[0].CustomerID)
	for _, id := range []string{one, both} {
		assert.Equal(t, []any{map[string]any{"id": eve.ID}}, at(terms(t, s, id), "context", "customers"))
	}
	assert.Nil(t, at(data(t, s, `query($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": account}), "node"))
}

func TestCustomerAddresses(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	ada := s.Customers()[0].ID
	hooks := watch(t, s, "CUSTOMERS_UPDATE")
	run := func(field, args string, variables map[string]any) any {
		var declared strings.Builder
		declared.WriteString("$id: ID!")
		for name := range variables {
			declared.WriteString(", $" + name + map[string]string{"in": ": MailingAddressInput!", "a": ": ID!"}[name])
		}
		payload := map[string]string{"customerAddressDelete": "deletedAddressId", "customerUpdateDefaultAddress": "customer { id }"}[field]
		if payload == "" {
			payload = "address { id city }"
		}
		variables["id"] = ada
		return at(data(t, s, "mutation("+declared.String()+") { "+field+"(customerId: $id, "+args+") { "+payload+" userErrors { field message } } }", variables), field)
	}
	bonn := map[string]any{"city": "Bonn", "countryCode": "DE"}
	first := at(run("customerAddressCreate", "address: $in", map[string]any{"in": bonn}), "address", "id")
	require.NotNil(t, first)
	assert.Equal(t, "address Address already exists", refusal(run("customerAddressCreate", "address: $in", map[string]any{"in": bonn})))
	second := at(run("customerAddressCreate", "address: $in, setAsDefault: true", map[string]any{"in": map[string]any{"city": "Ulm"}}), "address", "id")
	city := func() any {
		return at(data(t, s, readCustomer, map[string]any{"id": ada}), "customer", "defaultAddress", "city")
	}
	assert.Equal(t, "Ulm", city())
	assert.Equal(t, "addressId Address does not exist", refusal(run("customerUpdateDefaultAddress", "addressId: $a", map[string]any{"a": "gid://shopify/MailingAddress/1"})))
	require.Empty(t, at(run("customerUpdateDefaultAddress", "addressId: $a", map[string]any{"a": first}), "userErrors"))
	assert.Equal(t, "Bonn", city())
	assert.Equal(t, "Köln", at(run("customerAddressUpdate", "addressId: $a, address: $in", map[string]any{"a": first, "in": map[string]any{"city": "Köln"}}), "address", "city"))
	assert.Equal(t, second, at(run("customerAddressDelete", "addressId: $a", map[string]any{"a": second}), "deletedAddressId"))
	assert.Len(t, at(data(t, s, readCustomer, map[string]any{"id": ada}), "customer", "addressesV2", "nodes"), 1)
	assert.Equal(t, "Köln", city())
	assert.Len(t, hooks(), 5)
}

func TestCustomerSet(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	hooks := watch(t, s, "CUSTOMERS_CREATE", "CUSTOMERS_UPDATE", "CUSTOMER_TAGS_ADDED", "CUSTOMER_TAGS_REMOVED")
	set := func(identifier, in map[string]any) any {
		variables := map[string]any{"in": in}
		if identifier != nil {
			variables["by"] = identifier
		}
		return at(data(t, s, `mutation($in: CustomerSetInput!, $by: CustomerSetIdentifiers) { customerSet(input: $in, identifier: $by) {
			customer { id firstName tags } userErrors { field message code } } }`, variables), "customerSet")
	}
	with := func(more map[string]any) map[string]any {
		in := map[string]any{"email": "eve@example.com", "firstName": "Eve"}
		maps.Copy(in, more)
		return in
	}
	byEmail := map[string]any{"email": "eve@example.com"}
	for name, tt := range map[string]struct {
		identifier, in map[string]any
		want           string
	}{
		"nobody":        {map[string]any{"id": "gid://shopify/Customer/1"}, with(nil), "identifier.id NOT_FOUND"},
		"another":       {byEmail, map[string]any{"email": "adam@example.com"}, "input.email INPUT_MISMATCH"},
		"none":          {byEmail, map[string]any{"firstName": "Eve"}, "input.email MISSING_FIELD_REQUIRED"},
		"taken":         {nil, map[string]any{"email": "ada@example.com"}, "input.email TAKEN"},
		"nothing":       {nil, map[string]any{"note": "x"}, "input INVALID"},
		"not an e-mail": {nil, map[string]any{"email": "ada"}, "input.email INVALID"},
		"long note":     {nil, with(map[string]any{"note": strings.Repeat("n", 5001)}), "input.note TOO_LONG"},
	} {
		assert.Equal(t, tt.want, refusal(set(tt.identifier, tt.in)), name)
	}
	made := set(byEmail, with(map[string]any{"tags": []any{"vip", "new"}}))
	require.Empty(t, at(made, "userErrors"))
	again := set(byEmail, with(map[string]any{"firstName": "Eva", "tags": []any{"vip"}}))
	assert.Equal(t, at(made, "customer", "id"), at(again, "customer", "id"))
	assert.Equal(t, "Eva", at(again, "customer", "firstName"))
	got := hooks()
	assert.Equal(t, []string{"customers/create", "customer.tags_added", "customers/update", "customer.tags_removed"}, topicsOf(got))
	assert.Equal(t, []any{"new"}, got[3].body["tags"])
	assert.Equal(t, at(made, "customer", "id"), got[3].body["customerId"])
}

func TestDataErasureRequest(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	run := func(field, id string) any {
		return at(data(t, s, "mutation($id: ID!) { "+field+"(customerId: $id) { customerId userErrors { field message code } } }", map[string]any{"id": id}), field)
	}
	ada := s.Customers()[0].ID
	assert.Equal(t, "customerId DOES_NOT_EXIST", refusal(run("customerRequestDataErasure", "gid://shopify/Customer/1")))
	assert.Equal(t, "customerId NOT_BEING_ERASED", refusal(run("customerCancelDataErasure", ada)))
	began := time.Now()
	assert.Equal(t, ada, at(run("customerRequestDataErasure", ada), "customerId"))
	v, _ := s.Customer(ada)
	assertNow(t, began, v.ErasureRequested)
	assert.Empty(t, at(run("customerCancelDataErasure", ada), "userErrors"))
	v, _ = s.Customer(ada)
	assert.Zero(t, v.ErasureRequested)
}

func TestControlCustomers(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny(), Control: true})
	request := func(method, path, body string) (int, map[string]any) {
		req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+"/_sim/customers"+path, strings.NewReader(body))
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		var out map[string]any
		_ = json.NewDecoder(resp.Body).Decode(&out) // some answers have no body
		return resp.StatusCode, out
	}
	status, _ := request(http.MethodPost, "", `{"first_name":"Eve","last_name":"","email":"eve@example.com"}`)
	require.Equal(t, http.StatusCreated, status)
	status, made := request(http.MethodPost, "/eve@example.com/consent", `{"email":"SUBSCRIBED"}`)
	require.Equal(t, http.StatusOK, status)
	assert.Equal(t, "SUBSCRIBED", made["email_marketing"])
	for _, tt := range []struct {
		method, path, body string
		status             int
	}{
		{http.MethodPost, "", `{"first_name":"Eve","last_name":"","email":"eve@example.com"}`, 422},
		{http.MethodPost, "/nobody/consent", `{"email":"SUBSCRIBED"}`, 404},
		{http.MethodPost, "/nobody/erase", ``, 404},
		{http.MethodDelete, "/9", ``, 409},
		{http.MethodPost, "/9/data_requests", ``, 204},
		{http.MethodDelete, "/eve@example.com", ``, 204},
		{http.MethodPost, "/9/erase", ``, 204},
	} {
		status, _ := request(tt.method, tt.path, tt.body)
		assert.Equal(t, tt.status, status, "%s %s", tt.method, tt.path)
	}
}

// A number that somebody had is nobody else's.
func TestCustomerNumbersAreGivenOnce(t *testing.T) {
	start := tiny()
	start.Orders = nil
	s := newShop(t, &shopifytest.Options{Data: start})
	gone := s.Customers()[0].ID
	require.NoError(t, s.DeleteCustomer(gone))
	made, err := s.AddCustomer(shopifytest.CustomerData{FirstName: "Bea"})
	require.NoError(t, err)
	assert.NotEqual(t, gone, made.ID)
}
