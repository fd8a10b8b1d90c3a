package shopifytest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/Khan/genqlient/graphql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/shopifytest"
)

func faultClient(t *testing.T, s *shopifytest.Shop, token string) *shopify.Client {
	t.Helper()
	c, err := shopify.NewClient(shopify.Domain(s.Domain()), shopify.StaticToken(token), &shopify.Options{BaseURL: s.URL(), MaxRetries: -1, MaxWait: -1})
	require.NoError(t, err)
	return c
}

// askWith runs an operation with the client and returns the data that came, and the error.
func askWith(t *testing.T, c *shopify.Client, query string, variables map[string]any) (map[string]any, error) {
	t.Helper()
	var out map[string]any
	err := c.MakeRequest(t.Context(), &graphql.Request{Query: query, OpName: "Asked", Variables: variables}, &graphql.Response{Data: &out})
	return out, err
}

// TestFaultsOfFields checks that a client sees the right sentinel, and the data that came all the same.
func TestFaultsOfFields(t *testing.T) {
	const read = `query Asked { orders(first: 2) { nodes { id name displayFinancialStatus } } shop { name } }`
	const tag = `mutation Asked($id: ID!) { tagsAdd(id: $id, tags: ["hit"]) { node { id } userErrors { field message } } }`
	for name, c := range map[string]struct {
		fault shopifytest.Fault
		query string
		want  error
		check func(t *testing.T, data map[string]any)
	}{
		"internal error in a field": {
			shopifytest.Fault{Path: "orders.nodes.1.displayFinancialStatus"},
			read, shopify.ErrServer,
			func(t *testing.T, data map[string]any) {
				t.Helper()
				assert.NotNil(t, at(data, "orders", "nodes", 0, "displayFinancialStatus"))
				assert.Nil(t, at(data, "orders", "nodes", 1, "displayFinancialStatus"))
				assert.NotEmpty(t, at(data, "orders", "nodes", 1, "name"))
				assert.NotEmpty(t, at(data, "shop", "name"))
			},
		},
		"access denied to a field of all": {
			shopifytest.Fault{Operation: "Asked", Path: "orders.nodes.displayFinancialStatus", Code: "ACCESS_DENIED"},
			read, shopify.ErrAccessDenied,
			func(t *testing.T, data map[string]any) {
				t.Helper()
				assert.Nil(t, at(data, "orders", "nodes", 0, "displayFinancialStatus"))
				assert.Nil(t, at(data, "orders", "nodes", 1, "displayFinancialStatus"))
				assert.NotEmpty(t, at(data, "orders", "nodes", 1, "id"), "a field that the shop holds")
			},
		},
		"a field below a mutation": {
			shopifytest.Fault{Field: "tagsAdd", Path: "tagsAdd.node"},
			tag, shopify.ErrServer,
			func(t *testing.T, data map[string]any) { t.Helper(); assert.Nil(t, at(data, "tagsAdd", "node")) },
		},
		"code":     {shopifytest.Fault{Code: "RESOURCE_NOT_FOUND", Message: "gone"}, read, shopify.ErrNotFound, nil},
		"denied":   {shopifytest.Fault{Code: "ACCESS_DENIED"}, tag, shopify.ErrAccessDenied, nil},
		"cost":     {shopifytest.Fault{Code: "MAX_COST_EXCEEDED"}, read, shopify.ErrMaxCost, nil},
		"throttle": {shopifytest.Fault{Code: "THROTTLED"}, read, shopify.ErrThrottled, nil},
		"429":      {shopifytest.Fault{Status: http.StatusTooManyRequests, RetryAfter: "2.0"}, read, shopify.ErrThrottled, nil},
		"bad":      {shopifytest.Fault{Code: "BAD_REQUEST"}, tag, shopify.ErrBadRequest, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, &shopifytest.Options{Data: tiny()})
			s2 := newShop(t, nil) // with a year of orders
			if c.query == read {
				s = s2
			}
			client := faultClient(t, s, s.Token())
			order := s.Orders()[0].ID
			s.Inject(c.fault)
			data, err := askWith(t, client, c.query, map[string]any{"id": order})
			require.ErrorIs(t, err, c.want)
			entry := s.Journal()[0]
			assert.True(t, entry.Faulted)
			if c.check == nil {
				assert.Empty(t, data)
				assert.False(t, entry.Effect)
			} else {
				c.check(t, data)
				assert.Positive(t, entry.ActualCost)
				got, ok := s.Order(order)
				require.True(t, ok)
				assert.Equal(t, c.query == tag, len(got.Tags) > 0 && got.Tags[0] == "hit", "the field fails after the effect")
			}
			_, err = askWith(t, faultClient(t, s, s.Token()), c.query, map[string]any{"id": order})
			require.NoError(t, err, "used up")
		})
	}
}

func TestFaultsOfUserErrors(t *testing.T) {
	s := newShop(t, nil)
	client := faultClient(t, s, s.Token())
	item, location, before := stock(t, s)
	adjusting := strings.Replace(adjust, "mutation Adjust", "mutation Asked", 1)
	want := change(item, location, -1, "11111111-1111-4111-8111-111111111111")
	s.Inject(shopifytest.Fault{Field: "inventoryAdjustQuantities", UserError: &shopifytest.UserError{Code: "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"}})
	_, err := askWith(t, client, adjusting, want)
	require.ErrorIs(t, err, shopify.ErrKeyFailed)
	_, _, now := stock(t, s)
	assert.InDelta(t, before, now, 0, "no effect")
	_, err = askWith(t, client, adjusting, want)
	require.NoError(t, err)

	id := s.Orders()[0].ID
	for name, query := range map[string]string{
		"userErrors":            `mutation Asked($id: ID!) { tagsAdd(id: $id, tags: ["x"]) { node { id } userErrors { field message } } }`,
		"orderCancelUserErrors": `mutation Asked($id: ID!) { orderCancel(orderId: $id, reason: OTHER, restock: false, refundMethod: {originalPaymentMethodsRefund: true}) { job { id } orderCancelUserErrors { field message code } } }`,
	} {
		t.Run(name, func(t *testing.T) {
			s.Inject(shopifytest.Fault{UserError: &shopifytest.UserError{Field: []string{"id"}, Message: "not today", Code: "INVALID"}})
			_, err := askWith(t, client, query, map[string]any{"id": id})
			var refused *shopify.UserErrors
			require.ErrorAs(t, err, &refused)
			require.Len(t, refused.List, 1)
			assert.Equal(t, "not today", refused.List[0].Message)
			assert.Equal(t, []string{"id"}, refused.List[0].Field)
		})
	}
	got, _ := s.Order(id)
	assert.NotContains(t, got.Tags, "x")
}

// TestEffects checks what the journal says of mutations that were not carried out.
func TestEffects(t *testing.T) {
	const tag = `mutation Asked($id: ID!) { tagsAdd(id: $id, tags: ["hit"]) { userErrors { message } } }`
	const two = `mutation Asked($id: ID!) { tagsAdd(id: $id, tags: ["hit"]) { userErrors { message } } orderClose(input: {id: $id}) { userErrors { message } } }`
	for name, c := range map[string]struct {
		fault *shopifytest.Fault
		query string
		want  bool
	}{
		"carried out":             {nil, tag, true},
		"one of two":              {&shopifytest.Fault{Path: "tagsAdd"}, two, true},
		"answer lost":             {&shopifytest.Fault{LoseResponse: true}, tag, true},
		"user error":              {&shopifytest.Fault{UserError: &shopifytest.UserError{Message: "no"}}, tag, false},
		"user error, answer lost": {&shopifytest.Fault{UserError: &shopifytest.UserError{Message: "no"}, LoseResponse: true}, tag, false},
		"error of the root field": {&shopifytest.Fault{Path: "tagsAdd"}, tag, false},
		"not simulated":           {nil, `mutation Asked { themeDelete(id: "gid://shopify/OnlineStoreTheme/1") { userErrors { message } } }`, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, &shopifytest.Options{Data: tiny()})
			if c.fault != nil {
				s.Inject(*c.fault)
			}
			_, err := askWith(t, faultClient(t, s, s.Token()), c.query, map[string]any{"id": s.Orders()[0].ID})
			if name != "carried out" {
				require.Error(t, err)
			}
			assert.Equal(t, c.want, s.Journal()[0].Effect)
		})
	}
	s := newShop(t, nil)
	item, location, _ := stock(t, s)
	want := change(item, location, -1, "11111111-1111-4111-8111-111111111111")
	for range 2 {
		data(t, s, adjust, want)
	}
	entries := s.Journal()[len(s.Journal())-2:]
	assert.True(t, entries[0].Effect)
	assert.False(t, entries[1].Effect, "the key has done it before")
}

// TestOnlineTokens checks that what needs an offline token is refused to others.
func TestOnlineTokens(t *testing.T) {
	s := newShop(t, nil)
	body, err := json.Marshal(map[string]string{
		"client_id": s.ClientID(), "client_secret": s.Secret(), "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
		"subject_token": s.SessionToken(7), "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
		"requested_token_type": "urn:shopify:params:oauth:token-type:online-access-token",
	})
	require.NoError(t, err)
	answer, err := post(t, s, string(body), func(r *http.Request) { r.URL.Path = "/admin/oauth/access_token" })
	require.NoError(t, err)
	var token struct {
		Text string `json:"access_token"`
	}
	require.NoError(t, json.Unmarshal([]byte(answer.body), &token))
	order := s.Orders()[0].ID
	online, offline := faultClient(t, s, token.Text), faultClient(t, s, s.Token())
	for _, query := range []string{
		`mutation Asked { orderCreate(order: {lineItems: [{title: "Bag", quantity: 1, priceSet: {shopMoney: {amount: "1.00", currencyCode: USD}}}]}) { order { id } userErrors { message } } }`,
		`mutation Asked { orderRiskAssessmentCreate(orderRiskAssessmentInput: {orderId: "` + order + `", riskLevel: LOW, facts: []}) { orderRiskAssessment { riskLevel } userErrors { message } } }`,
	} {
		_, err = askWith(t, online, query, nil)
		require.ErrorIs(t, err, shopify.ErrAccessDenied)
		_, err = askWith(t, offline, query, nil)
		require.NotErrorIs(t, err, shopify.ErrAccessDenied)
	}
	_, err = askWith(t, online, `mutation Asked { tagsAdd(id: "`+order+`", tags: ["x"]) { userErrors { message } } }`, nil)
	require.NoError(t, err)
}
