package shopify_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/Khan/genqlient/graphql"
	"github.com/posai-go/posai/shopify"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

var sentinels = map[string]error{
	"throttled": shopify.ErrThrottled, "unknown": shopify.ErrOutcomeUnknown, "unauthorized": shopify.ErrUnauthorized,
	"denied": shopify.ErrAccessDenied, "not found": shopify.ErrNotFound, "unavailable": shopify.ErrShopUnavailable,
	"frozen": shopify.ErrShopFrozen, "locked": shopify.ErrShopLocked, "rejected": shopify.ErrRejected, "stale": shopify.ErrStale,
	"mismatch": shopify.ErrKeyMismatch, "key failed": shopify.ErrKeyFailed, "key busy": shopify.ErrKeyBusy,
	"cost": shopify.ErrMaxCost, "bad": shopify.ErrBadRequest, "server": shopify.ErrServer, "large": shopify.ErrTooLarge,
}

// TestErrorShapes sends each shape of failure that Shopify answers with through
// real HTTP, for ever, and says what the caller sees and how often the request
// was sent.
func TestErrorShapes(t *testing.T) {
	throttled := `{"errors":[{"message":"Throttled","extensions":{"code":"THROTTLED","documentation":"https://shopify.dev/api/usage/rate-limits"}}],` +
		`"extensions":{"cost":{"requestedQueryCost":70,"actualQueryCost":null,"throttleStatus":{"maximumAvailable":2000,"currentlyAvailable":10,"restoreRate":100}}}}`
	internal := `{"errors":[{"message":"Internal error. Looks like something went wrong on our end.","extensions":{"code":"INTERNAL_SERVER_ERROR","requestId":"abc"}}],"data":null}`
	tests := []struct {
		name     string
		document string
		reply    reply
		is       []string // sentinels that match, all others do not
		sent     int      // with MaxRetries 2
		text     string   // in the message
		data     bool     // partial data are kept
	}{
		{"throttled as 200", readShop, reply{body: throttled}, []string{"throttled"}, 1, "THROTTLED", false},
		{"throttled as 429", readShop, reply{status: 429, header: map[string]string{"Retry-After": "99.5"}, body: `{"errors":"Throttled"}`}, []string{"throttled"}, 1, "Throttled", false},
		{"unsafe mutation throttled", createDraft, reply{body: throttled}, []string{"throttled"}, 1, "THROTTLED", false},
		{"cost of one operation too high", readShop, reply{body: `{"errors":[{"message":"Query cost is 1002, which exceeds the single query max cost limit (1000).","extensions":{"code":"MAX_COST_EXCEEDED","cost":1002,"maxCost":1000,"documentation":"https://shopify.dev/api/usage/rate-limits"}}]}`}, []string{"cost"}, 1, "MAX_COST_EXCEEDED", false},
		{"access denied, rest of the data kept", readShop, reply{body: `{"data":{"shop":{"name":"Acme"},"customer":null},"errors":[{"message":"Access denied for customer field.","path":["customer"],"extensions":{"code":"ACCESS_DENIED","requiredAccess":"` + "`read_customers`" + ` access scope."}}]}`}, []string{"denied"}, 1, "customer: Access denied", true},
		{"internal error without data", readShop, reply{body: internal}, []string{"server"}, 3, "INTERNAL_SERVER_ERROR", false},
		{"internal error of one field, rest of the data kept", readShop, reply{body: `{"data":{"shop":{"name":"Acme"},"order":null},"errors":[{"message":"Internal error","path":["order"],"extensions":{"code":"INTERNAL_SERVER_ERROR","requestId":"abc"}}]}`}, []string{"server"}, 1, "order: Internal error", true},
		{"internal error of an unsafe mutation", createDraft, reply{body: internal}, []string{"server", "unknown"}, 1, "outcome unknown", false},
		{"internal error of an unsafe mutation's field", createDraft, reply{body: `{"data":{"draftOrderCreate":null},"errors":[{"message":"Internal error","path":["draftOrderCreate"],"extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}`}, []string{"server", "unknown"}, 1, "outcome unknown", false},
		{"internal error behind a mutation that ran", createDraft, reply{body: `{"data":{"draftOrderCreate":{"draftOrder":null,"userErrors":[]}},"errors":[{"message":"Internal error","path":["draftOrderCreate","draftOrder","customer"],"extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}`}, []string{"server", "unknown"}, 1, "draftOrderCreate.draftOrder.customer", true},
		{"internal error behind an idempotent mutation that ran", addTags, reply{body: `{"data":{"tagsAdd":{"node":null,"userErrors":[]}},"errors":[{"message":"Internal error","path":["tagsAdd","node"],"extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}`}, []string{"server", "unknown"}, 1, "outcome unknown", true},
		{"access denied behind a mutation that ran", createDraft, reply{body: `{"data":{"draftOrderCreate":{"draftOrder":{"id":"gid://shopify/DraftOrder/1","email":null},"userErrors":[]}},"errors":[{"message":"Access denied for email field.","path":["draftOrderCreate","draftOrder","email"],"extensions":{"code":"ACCESS_DENIED"}}]}`}, []string{"denied", "unknown"}, 1, "draftOrderCreate.draftOrder.email", true},
		{"access denied behind a mutation that was refused", createDraft, reply{body: `{"data":{"draftOrderCreate":{"draftOrder":null,"userErrors":[{"field":["input"],"message":"no"}]}},"errors":[{"message":"Access denied","path":["draftOrderCreate","draftOrder"],"extensions":{"code":"ACCESS_DENIED"}}]}`}, []string{"denied"}, 1, "draftOrderCreate.draftOrder", true},
		{"access denied for a mutation", createDraft, reply{body: `{"data":{"draftOrderCreate":null},"errors":[{"message":"Access denied for draftOrderCreate field.","path":["draftOrderCreate"],"extensions":{"code":"ACCESS_DENIED","requiredAccess":"` + "`write_draft_orders`" + ` access scope."}}]}`}, []string{"denied"}, 1, "draftOrderCreate: Access denied", true},
		{"internal error of an idempotent mutation", addTags, reply{body: internal}, []string{"server", "unknown"}, 3, "outcome unknown", false},
		{"error without a code in a mutation that began", createDraft, reply{body: `{"data":{"draftOrderCreate":null},"errors":[{"message":"Timeout"}]}`}, []string{"unknown"}, 1, "outcome unknown", false},
		{"error without a code in a mutation that did not begin", createDraft, reply{body: `{"errors":[{"message":"syntax error, unexpected end of file"}]}`}, nil, 1, "syntax error", false},
		{"missing idempotency key", refundNoKey, reply{body: `{"data":{"refundCreate":null},"errors":[{"message":"The @idempotent directive is required for this mutation but was not provided.","path":["refundCreate"],"extensions":{"code":"BAD_REQUEST"}}]}`}, []string{"bad"}, 1, "@idempotent", true},
		{"input too long", createDraft, reply{body: `{"errors":[{"message":"The input array size of 300 is greater than the maximum allowed of 250.","path":["draftOrderCreate","input","tags"],"extensions":{"code":"MAX_INPUT_SIZE_EXCEEDED"}}]}`}, []string{"bad"}, 1, "MAX_INPUT_SIZE_EXCEEDED", false},
		{"invalid field arguments", createDraft, reply{body: `{"data":{"draftOrderCreate":null},"errors":[{"message":"changeFromQuantity is required","path":["draftOrderCreate"],"extensions":{"code":"INVALID_FIELD_ARGUMENTS"}}]}`}, []string{"bad"}, 1, "INVALID_FIELD_ARGUMENTS", true},
		{"invalid variable", createDraft, reply{body: `{"errors":[{"message":"Variable $input of type DraftOrderInput! was provided invalid value","locations":[{"line":1,"column":10}],"extensions":{"value":{"nope":1},"problems":[{"path":["nope"],"explanation":"Field is not defined on DraftOrderInput"}],"code":"INVALID_VARIABLE"}}]}`}, []string{"bad"}, 1, "INVALID_VARIABLE", false},
		{"document does not fit the schema", readShop, reply{body: `{"errors":[{"message":"Field 'nam' doesn't exist on type 'Shop'","path":["query","shop","nam"],"extensions":{"code":"undefinedField","typeName":"Shop","fieldName":"nam"}}]}`}, []string{"bad"}, 1, "undefinedField", false},
		{"resource not found", readShop, reply{body: `{"data":{"shop":null},"errors":[{"message":"invalid id","path":["shop"],"extensions":{"code":"RESOURCE_NOT_FOUND"}}]}`}, []string{"not found"}, 1, "RESOURCE_NOT_FOUND", true},
		{"not found", readShop, reply{body: `{"data":{"shop":null},"errors":[{"message":"Shop not found","path":["shop"],"extensions":{"code":"NOT_FOUND"}}]}`}, []string{"not found"}, 1, "NOT_FOUND", true},
		{"not found, mutation", createDraft, reply{body: `{"data":{"draftOrderCreate":null},"errors":[{"message":"Not found","path":["draftOrderCreate"],"extensions":{"code":"NOT_FOUND"}}]}`}, []string{"not found"}, 1, "NOT_FOUND", true},
		{"400", readShop, reply{status: 400, body: `{"errors":{"query":"Required parameter missing or invalid"}}`}, []string{"bad"}, 1, "HTTP 400", false},
		{"401 with a plain text", readShop, reply{status: 401, body: `{"errors":"[API] Invalid API key or access token (unrecognized login or wrong password)"}`}, []string{"unauthorized"}, 1, "Invalid API key", false},
		{"402 frozen shop", readShop, reply{status: 402, body: `{"errors":"Unavailable Shop"}`}, []string{"unavailable", "frozen"}, 1, "Unavailable Shop", false},
		{"403", readShop, reply{status: 403, body: `{"errors":"Forbidden"}`}, []string{"denied"}, 1, "HTTP 403", false},
		{"404", readShop, reply{status: 404, body: `{"errors":"Not Found"}`}, []string{"not found"}, 1, "HTTP 404", false},
		{"406", readShop, reply{status: 406, body: ``}, []string{"bad"}, 1, "Not Acceptable", false},
		{"422", readShop, reply{status: 422, body: `{"errors":{"base":["wrong"]}}`}, []string{"bad"}, 1, "HTTP 422", false},
		{"423 locked shop", readShop, reply{status: 423, body: `{"errors":"Locked"}`}, []string{"unavailable", "locked"}, 1, "HTTP 423", false},
		{"430 security rejection", readShop, reply{status: 430, body: `<html>`}, []string{"unavailable", "rejected"}, 1, "rejected for security reasons [HTTP 430]", false},
		{"423, unsafe mutation", createDraft, reply{status: 423, body: `{"errors":"Locked"}`}, []string{"unavailable", "locked"}, 1, "HTTP 423", false},
		{"quantity that changed meanwhile", refund, reply{body: `{"data":{"refundCreate":{"userErrors":[{"field":["input"],"message":"no","code":"CHANGE_FROM_QUANTITY_STALE"}]}}}`}, []string{"stale"}, 1, "CHANGE_FROM_QUANTITY_STALE", true},
		{"metafield that changed meanwhile", addTags, reply{body: `{"data":{"tagsAdd":{"userErrors":[{"field":["input"],"message":"no","code":"STALE_OBJECT"}]}}}`}, []string{"stale"}, 1, "STALE_OBJECT", true},
		{"key of another request", refund, reply{body: `{"data":{"refundCreate":{"userErrors":[{"field":["input"],"message":"no","code":"IDEMPOTENCY_KEY_PARAMETER_MISMATCH"}]}}}`}, []string{"mismatch"}, 1, "MISMATCH", true},
		{"key whose attempt failed", refund, reply{body: `{"data":{"refundCreate":{"userErrors":[{"field":["input"],"message":"no","code":"IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"}]}}}`}, []string{"key failed"}, 1, "ATTEMPT_FAILED", true},
		{"key that is busy", refund, reply{body: `{"data":{"refundCreate":{"userErrors":[{"field":["input"],"message":"no","code":"IDEMPOTENCY_CONCURRENT_REQUEST"}]}}}`}, []string{"key busy"}, 3, "CONCURRENT_REQUEST", true},
		{"500, read", readShop, reply{status: 500, body: `oops`}, []string{"server"}, 3, "HTTP 500", false},
		{"502, read", readShop, reply{status: 502, body: `<html>Bad gateway</html>`}, []string{"server"}, 3, "HTTP 502", false},
		{"503, idempotent mutation", addTags, reply{status: 503}, []string{"server", "unknown"}, 3, "HTTP 503", false},
		{"504, unsafe mutation", createDraft, reply{status: 504}, []string{"server", "unknown"}, 1, "outcome unknown", false},
		{"500, mutation with key", refund, reply{status: 500}, []string{"server", "unknown"}, 3, "outcome unknown", false},
		{"500, keyed mutation without its key", refundNoKey, reply{status: 500}, []string{"server", "unknown"}, 1, "outcome unknown", false},
		{"lost answer, read", readShop, reply{cut: true}, nil, 3, "EOF", false},
		{"lost answer, unsafe mutation", createDraft, reply{cut: true}, []string{"unknown"}, 1, "outcome unknown", false},
		{"half an answer, unsafe mutation", createDraft, reply{half: true, body: okDraft}, []string{"unknown"}, 1, "outcome unknown", false},
		{"half an answer, idempotent mutation", addTags, reply{half: true, body: okTags}, []string{"unknown"}, 3, "outcome unknown", false},
		{"answer is a page", readShop, reply{body: `<html>hello</html>`}, nil, 3, "not JSON", false},
		{"answer is empty", readShop, reply{body: `{}`}, nil, 3, "neither data nor errors", false},
		{"answer is of another shape", readShop, reply{body: `[1,2]`}, nil, 3, "not JSON", false},
		{"answer is a page, unsafe mutation", createDraft, reply{body: `<html>hello</html>`}, []string{"unknown"}, 1, "outcome unknown", false},
		{"answer too large, read", readShop, reply{body: `{"data":{"shop":{"name":"` + string(make([]byte, 5000)) + `"}}}`}, []string{"large"}, 1, "4096 bytes", false},
		{"answer too large, unsafe mutation", createDraft, reply{body: `{"data":{"draftOrderCreate":"` + string(make([]byte, 5000)) + `"}}`}, []string{"large", "unknown"}, 1, "4096 bytes", false},
		{"errors of an unknown shape", readShop, reply{body: `{"errors":[7,{"message":3}]}`}, nil, 1, "unknown shape", false},
		{"errors as a text with 200", readShop, reply{body: `{"errors":"Something"}`}, nil, 1, "Something", false},
		{"redirect is not followed", readShop, reply{status: http.StatusPermanentRedirect, header: map[string]string{"Location": "https://elsewhere.example/"}}, nil, 1, "HTTP 308", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, tt.reply)
			c := s.client(t, shopify.Options{MaxRetries: 2, MaxWait: -1, MaxResponse: 4096})
			data, resp, err := do(t.Context(), c, tt.document, map[string]any{"key": "k-1"})
			require.Error(t, err)
			for name, sentinel := range sentinels {
				want := false
				for _, is := range tt.is {
					want = want || is == name
				}
				assert.Equal(t, want, errors.Is(err, sentinel), "errors.Is(%q) of %v", name, err)
			}
			assert.Contains(t, err.Error(), tt.text)
			assert.NotContains(t, err.Error(), s.URL)
			assert.NotContains(t, err.Error(), testToken)
			assert.Equal(t, tt.data, data != nil, "data: %v", data)
			seen := s.seen()
			assert.Len(t, seen, tt.sent)
			for _, r := range seen {
				assert.Equal(t, seen[0].raw, r.raw, "every attempt sends the same bytes")
			}
			if re, ok := errors.AsType[*shopify.ResponseError](err); ok {
				assert.NotEmpty(t, re.RequestID)
				assert.NotZero(t, re.Status)
				if tt.data {
					assert.Len(t, resp.Errors, len(re.Errors))
				}
			}
		})
	}
}

func TestResponseErrorDetails(t *testing.T) {
	s := newServer(t, reply{body: `{"data":{"customer":null},"errors":[{"message":"Access denied","path":["orders","nodes",0,"customer"],"extensions":{"code":"ACCESS_DENIED","requiredAccess":"the scope"}}]}`})
	_, _, err := do(t.Context(), s.client(t, shopify.Options{}), readShop, nil)
	re, ok := errors.AsType[*shopify.ResponseError](err)
	require.True(t, ok)
	assert.Equal(t, "ReadShop", re.Operation)
	assert.Equal(t, 200, re.Status)
	assert.Equal(t, "req-1", re.RequestID)
	require.Len(t, re.Errors, 1)
	assert.Equal(t, "ACCESS_DENIED", re.Errors[0].Code)
	assert.Equal(t, "orders.nodes.0.customer", re.Errors[0].Path)
	assert.Equal(t, "the scope", re.Errors[0].RequiredAccess)
	assert.JSONEq(t, `{"code":"ACCESS_DENIED","requiredAccess":"the scope"}`, string(re.Errors[0].Extensions))
}

func TestDetailsOfCodes(t *testing.T) {
	s := newServer(t, reply{body: `{"errors":[
		{"message":"too much","extensions":{"code":"MAX_COST_EXCEEDED","cost":1002,"maxCost":1000}},
		{"message":"wrong","extensions":{"code":"INVALID_VARIABLE","value":{},"problems":[{"path":["lineItems",0,"quantity"],"explanation":"Could not coerce"},{"path":[],"explanation":"x"}]}},
		{"message":"odd","extensions":{"code":"INVALID_VARIABLE","cost":"much","problems":"many"}}]}`})
	_, _, err := do(t.Context(), s.client(t, shopify.Options{}), readShop, nil)
	re, ok := errors.AsType[*shopify.ResponseError](err)
	require.True(t, ok)
	assert.InDelta(t, 1002, re.Errors[0].Cost, 0)
	assert.InDelta(t, 1000, re.Errors[0].MaxCost, 0)
	assert.Equal(t, []shopify.VariableProblem{{Path: "lineItems.0.quantity", Explanation: "Could not coerce"}, {Explanation: "x"}}, re.Errors[1].Problems)
	assert.Zero(t, re.Errors[2].Cost)
	assert.Empty(t, re.Errors[2].Problems)
}

func TestUserErrors(t *testing.T) {
	tests := []struct {
		name, document, body string
		want                 []shopify.UserError
	}{
		{"none", addTags, okTags, nil},
		{
			"plain", addTags, `{"data":{"tagsAdd":{"userErrors":[{"field":["id"],"message":"Order does not exist"}]}}}`,
			[]shopify.UserError{{Mutation: "tagsAdd", Field: []string{"id"}, Message: "Order does not exist"}},
		},
		{
			"with a code and an index", createDraft, `{"data":{"draftOrderCreate":{"draftOrder":null,"userErrors":[{"field":["input","lineItems","0","quantity"],"message":"must be positive","code":"INVALID"},{"field":null,"message":"no"}]}}}`,
			[]shopify.UserError{{Mutation: "draftOrderCreate", Field: []string{"input", "lineItems", "0", "quantity"}, Message: "must be positive", Code: "INVALID"}, {Mutation: "draftOrderCreate", Message: "no"}},
		},
		{
			"odd name, said twice", cancelOrder, `{"data":{"orderCancel":{"orderCancelUserErrors":[{"field":["orderId"],"message":"cannot","code":"INVALID"}],"userErrors":[{"field":["orderId"],"message":"cannot"}]}}}`,
			[]shopify.UserError{{Mutation: "orderCancel", Field: []string{"orderId"}, Message: "cannot", Code: "INVALID"}},
		},
		{"shape nobody foresaw", addTags, `{"data":{"tagsAdd":{"userErrors":["no"]}}}`, []shopify.UserError{{Mutation: "tagsAdd"}}},
		{"in a query they are data", readShop, `{"data":{"shop":{"userErrors":[{"message":"x"}]}}}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, reply{body: tt.body})
			data, _, err := do(t.Context(), s.client(t, shopify.Options{}), tt.document, map[string]any{})
			assert.NotEmpty(t, data)
			if tt.want == nil {
				require.NoError(t, err)
				return
			}
			ue, ok := errors.AsType[*shopify.UserErrors](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, tt.want, ue.List)

			_, _, err = do(t.Context(), s.client(t, shopify.Options{AllowUserErrors: true}), tt.document, map[string]any{})
			assert.NoError(t, err, "AllowUserErrors")
		})
	}
}

func TestErrorTextLeavesOutInput(t *testing.T) {
	body := `{"data":{"draftOrderCreate":{"draftOrder":null,"userErrors":[{"field":["input","email"],"message":"jo@example.com of +15550001234 is\ntaken","code":"TAKEN"}]}},` +
		`"errors":[{"message":"Variable has invalid value jo@example.com","extensions":{"code":"INVALID_VARIABLE"}}]}`
	s := newServer(t, reply{body: body})
	vars := map[string]any{"input": map[string]any{"email": "jo@example.com", "phone": "+15550001234"}}
	_, _, err := do(t.Context(), s.client(t, shopify.Options{}), createDraft, vars)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "jo@example.com")
	assert.NotContains(t, err.Error(), "5550001234")
	assert.NotContains(t, err.Error(), "taken\n")
	assert.Contains(t, err.Error(), "input.email: … of … is taken (TAKEN)")
	ue, ok := errors.AsType[*shopify.UserErrors](err)
	require.True(t, ok)
	assert.Contains(t, ue.List[0].Message, "jo@example.com", "the field holds what Shopify said")
	assert.True(t, ue.Has("TAKEN"))
	assert.ErrorIs(t, err, shopify.ErrBadRequest, "both kinds of errors are there")
}

func TestSearchWarningIsAnError(t *testing.T) {
	body := `{"data":{"orders":{"nodes":[]}},"extensions":{"search":[{"path":["orders"],"query":"email:jo@example.com","parsed":{},"warnings":[{"field":"email","message":"Invalid search field","code":"invalid_field"}]}]}}`
	s := newServer(t, reply{body: body})
	data, _, err := do(t.Context(), s.client(t, shopify.Options{}), readShop, nil)
	se, ok := errors.AsType[*shopify.SearchError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, "orders", se.Warnings[0].Path)
	assert.Contains(t, string(se.Warnings[0].Warnings), "invalid_field")
	assert.NotContains(t, err.Error(), "jo@example.com")
	assert.NotEmpty(t, data)

	_, _, err = do(t.Context(), s.client(t, shopify.Options{AllowSearchWarnings: true}), readShop, nil)
	assert.NoError(t, err)
}

// TestDataThatDoNotFit: a mutation whose answer the program cannot read has run.
func TestDataThatDoNotFit(t *testing.T) {
	s := newServer(t, reply{body: okDraft}, reply{body: okShop}, reply{body: `{"data":{"draftOrderCreate":{"draftOrder":{"id":7},"userErrors":[{"field":["input"],"message":"no"}]}}}`})
	c := s.client(t, shopify.Options{})
	var data struct {
		DraftOrderCreate struct {
			DraftOrder struct{ ID int }
			UserErrors []map[string]any
		}
		Shop struct{ Name int }
	}
	call := func(document string) error {
		return c.MakeRequest(t.Context(), &graphql.Request{Query: document}, &graphql.Response{Data: &data})
	}
	err := call(createDraft)
	require.ErrorIs(t, err, shopify.ErrOutcomeUnknown)
	ou, ok := errors.AsType[*shopify.OutcomeUnknownError](err)
	require.True(t, ok)
	assert.Equal(t, []string{"draftOrderCreate"}, ou.Mutations)
	assert.Equal(t, "req-1", ou.RequestID)
	assert.Contains(t, err.Error(), "does not fit")
	err = call(readShop)
	require.ErrorContains(t, err, "does not fit")
	assert.NotErrorIs(t, err, shopify.ErrOutcomeUnknown)
	err = call(strings.Replace(createDraft, "id", "id status", 1))
	_, refused := errors.AsType[*shopify.UserErrors](err)
	assert.False(t, errors.Is(err, shopify.ErrOutcomeUnknown), "%v", err)
	assert.True(t, refused, "%v", err)
}

// TestErrorsOfTheResponse: what genqlient's users look at has what came.
func TestErrorsOfTheResponse(t *testing.T) {
	s := newServer(t, reply{body: `{"data":{"shop":null},"errors":[
		{"message":"No","path":["orders","nodes",3,"customer"],"locations":[{"line":2,"column":5}],"extensions":{"code":"ACCESS_DENIED"}},
		{"message":"Odd","locations":7,"extensions":[]}, 7]}`})
	_, resp, err := do(t.Context(), s.client(t, shopify.Options{}), readShop, nil)
	require.ErrorIs(t, err, shopify.ErrAccessDenied)
	require.Len(t, resp.Errors, 3)
	assert.Equal(t, ast.Path{ast.PathName("orders"), ast.PathName("nodes"), ast.PathIndex(3), ast.PathName("customer")}, resp.Errors[0].Path)
	assert.Equal(t, []gqlerror.Location{{Line: 2, Column: 5}}, resp.Errors[0].Locations)
	assert.Equal(t, map[string]any{"code": "ACCESS_DENIED"}, resp.Errors[0].Extensions)
	assert.Equal(t, "Odd", resp.Errors[1].Message)
	assert.Nil(t, resp.Errors[1].Path)
}

func TestUserErrorsByTheirOddNames(t *testing.T) {
	for field, list := range map[string]string{
		"productCreateMedia": "mediaUserErrors", "locationActivate": "locationActivateUserErrors", "locationDeactivate": "locationDeactivateUserErrors",
		"locationDelete": "locationDeleteUserErrors", "orderCancel": "orderCancelUserErrors",
	} {
		t.Run(list, func(t *testing.T) {
			document := `mutation Odd { ` + field + ` @idempotent(key: "k") { ` + list + ` { field message code } } }`
			s := newServer(t, reply{body: `{"data":{"` + field + `":{"` + list + `":[{"field":["location","0"],"message":"It cannot be.","code":"INVALID"}]}}}`},
				reply{body: `{"data":{"` + field + `":{"` + list + `":[]}}}`})
			c := s.client(t, shopify.Options{})
			_, _, err := do(t.Context(), c, document, nil)
			ue, ok := errors.AsType[*shopify.UserErrors](err)
			require.True(t, ok, "%v", err)
			require.Len(t, ue.List, 1)
			assert.True(t, ue.Has("INVALID"))
			assert.NotErrorIs(t, err, shopify.ErrOutcomeUnknown)
			_, _, err = do(t.Context(), c, document, nil)
			assert.NoError(t, err, "an empty list is none")
		})
	}
}
