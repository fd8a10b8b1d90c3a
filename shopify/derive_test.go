package shopify_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/Khan/genqlient/graphql"
	"github.com/google/uuid"
	"github.com/posai-go/posai/shopify"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWith(t *testing.T) {
	s := newServer(t, reply{body: okShop})
	var lanes []shopify.Lane
	c := s.client(t, shopify.Options{Hooks: []shopify.Hooks{{
		Start: func(_ context.Context, s shopify.CallStart) context.Context {
			lanes = append(lanes, s.Lane)
			return nil
		},
	}}})
	header := http.Header{"X-Trace": {"1"}, "accept-language": {"nl"}}
	derived := c.With(shopify.CallOptions{Version: "2026-07", Header: header}).With(shopify.CallOptions{Lane: shopify.Background, Header: http.Header{"X-Trace": {"2"}}})
	header.Set("X-Trace", "changed")
	for _, c := range []*shopify.Client{c, derived, c, derived.With(shopify.CallOptions{Lane: shopify.Interactive})} {
		_, _, err := do(t.Context(), c, readShop, nil)
		require.NoError(t, err)
	}
	assert.Equal(t, []shopify.Lane{shopify.Interactive, shopify.Background, shopify.Interactive, shopify.Interactive}, lanes)
	seen := s.seen()
	for i, want := range []string{"2026-10", "2026-07", "2026-10", "2026-07"} {
		assert.Equal(t, "/admin/api/"+want+"/graphql.json", seen[i].path)
		assert.Equal(t, testToken, seen[i].header.Get("X-Shopify-Access-Token"))
	}
	assert.Empty(t, seen[0].header.Get("X-Trace"))
	assert.Equal(t, "2", seen[1].header.Get("X-Trace"))
	assert.Equal(t, "nl", seen[1].header.Get("Accept-Language"))
	assert.Equal(t, c.Shop(), derived.Shop())
}

func TestWithWrongOptions(t *testing.T) {
	s := newServer(t, reply{body: okShop})
	for name, o := range map[string]shopify.CallOptions{
		"version":            {Version: "latest"},
		"lane":               {Lane: 7},
		"token header":       {Header: http.Header{"x-shopify-access-token": {"x"}}},
		"host header":        {Header: http.Header{"Host": {"evil.example"}}},
		"key with a quote":   {IdempotencyKey: `a"b`},
		"key of many bytes":  {IdempotencyKey: strings.Repeat("k", 256)},
		"key for a query":    {IdempotencyKey: "k-1"},
		"key with a newline": {IdempotencyKey: "a\nb"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := do(t.Context(), s.client(t, shopify.Options{}).With(o), readShop, nil)
			assert.ErrorIs(t, err, shopify.ErrInvalid)
		})
	}
	assert.Empty(t, s.seen())
}

func TestIdempotencyKeyIsWritten(t *testing.T) {
	const (
		key     = "0b8f7d1e-5f2c-5b8e-9a65-000000000001"
		literal = `mutation R { refundCreate(input: {}) @idempotent(key: "` + key + `") { userErrors { message } } }`
		alias   = `mutation R($input: RefundInput!) { r: refundCreate(input: $input) { userErrors { message } } }`
		inside  = `mutation R($input: RefundInput!) { ...F } fragment F on Mutation { refundCreate (input: $input) @include(if: true) { userErrors { message } } }`
	)
	tests := []struct {
		name, document string
		variables      any
		wantDocument   string
		wantVariables  string
	}{
		{"into the variable", refund, map[string]any{"input": 1, "key": ""}, refund, `{"input":1,"key":"` + key + `"}`},
		{"into a variable that is not there", refund, nil, refund, `{"key":"` + key + `"}`},
		{"into a null variable", refund, map[string]any{"key": nil}, refund, `{"key":"` + key + `"}`},
		{"the same already", refund, map[string]any{"key": key}, refund, `{"key":"` + key + `"}`},
		{"the same in the document", literal, nil, literal, ``},
		{"into the document", refundNoKey, map[string]any{"input": 1}, strings.Replace(refundNoKey, "input: $input)", `input: $input) @idempotent(key: "`+key+`")`, 1), `{"input":1}`},
		{"behind an alias", alias, map[string]any{"input": 1}, strings.Replace(alias, "input: $input)", `input: $input) @idempotent(key: "`+key+`")`, 1), `{"input":1}`},
		{"into a fragment", inside, map[string]any{"input": 1}, strings.Replace(inside, "input: $input)", `input: $input) @idempotent(key: "`+key+`")`, 1), `{"input":1}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, reply{cut: true}, reply{body: okRefund})
			var info shopify.Info
			c := s.client(t, shopify.Options{}).With(shopify.CallOptions{IdempotencyKey: key, Info: &info})
			_, _, err := do(t.Context(), c, tt.document, tt.variables)
			require.NoError(t, err)
			assert.Equal(t, shopify.SafetyKeyed, info.Operation.Safety)
			seen := s.seen()
			require.Len(t, seen, 2, "a keyed mutation is sent again")
			assert.Equal(t, tt.wantDocument, seen[1].body.Query)
			_, err = shopify.ParseOperation(seen[1].body.Query, "")
			require.NoError(t, err)
			if tt.wantVariables == "" {
				assert.Empty(t, seen[1].body.Variables)
			} else {
				assert.JSONEq(t, tt.wantVariables, string(seen[1].body.Variables))
			}
		})
	}
}

func TestIdempotencyKeyThatCannotBe(t *testing.T) {
	other := strings.Replace(refund, "$key)", `"other")`, 1)
	for name, tt := range map[string]struct {
		document  string
		variables any
	}{
		"another in the variables":    {refund, map[string]any{"key": "other"}},
		"a number in the variables":   {refund, map[string]any{"key": 7}},
		"another in the document":     {other, nil},
		"a mutation that takes none":  {createDraft, nil},
		"two mutations":               {`mutation { a: refundCreate(input: {}) { userErrors { message } } b: refundCreate(input: {}) { userErrors { message } } }`, nil},
		"an unknown kind of document": {`mutation {`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, reply{body: okRefund})
			c := s.client(t, shopify.Options{}).With(shopify.CallOptions{IdempotencyKey: "k-1"})
			err := c.MakeRequest(t.Context(), &graphql.Request{Query: tt.document, Variables: tt.variables}, &graphql.Response{})
			assert.ErrorIs(t, err, shopify.ErrInvalid)
			assert.Empty(t, s.seen())
		})
	}
}

func TestEmptyIdempotencyKeyIsNotSent(t *testing.T) {
	for name, variables := range map[string]any{"empty": map[string]any{"key": ""}, "missing": nil, "null": map[string]any{"key": nil}} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, reply{body: okRefund})
			_, _, err := do(t.Context(), s.client(t, shopify.Options{}), refund, variables)
			assert.ErrorIs(t, err, shopify.ErrInvalid)
			assert.Empty(t, s.seen())
		})
	}
}

func TestNewIdempotencyKey(t *testing.T) {
	// The oracle is another implementation.
	space := uuid.MustParse(shopify.KeyNamespace)
	for name, parts := range map[string][]string{
		"":                      nil,
		"0:":                    {""},
		"12:refundCreate3:a:b":  {"refundCreate", "a:b"},
		"12:refundCreate1:a1:b": {"refundCreate", "a", "b"},
		"7:é…ü":                 {"é…ü"}, // lengths are in bytes
	} {
		assert.Equal(t, uuid.NewSHA1(space, []byte(name)).String(), shopify.NewIdempotencyKey(parts...))
	}
	assert.NotEqual(t, shopify.NewIdempotencyKey("a", "bc"), shopify.NewIdempotencyKey("ab", "c"))
	parsed, err := uuid.Parse(shopify.NewIdempotencyKey("refundCreate", "gid://shopify/Order/1"))
	require.NoError(t, err)
	assert.Equal(t, uuid.Version(5), parsed.Version())
	assert.Equal(t, uuid.RFC4122, parsed.Variant())
}
