package shopify_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/posai-go/posai/shopify"
	"github.com/stretchr/testify/require"
)

func FuzzParseOperation(f *testing.F) {
	for _, s := range []string{readShop, addTags, refund, createDraft, "{a}", "query Q($a:Int=1){a:b(c:\"}\")@d{e}...F}fragment F on G{h}", "\"\"\"x\"\"\" {a}", "{a(b:-1.5e3)}", "mutation{...on M{a}}", "#\n{a}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		op, err := shopify.ParseOperation(s, "")
		if err != nil {
			require.ErrorIs(t, err, shopify.ErrInvalid)
			return
		}
		require.NotEmpty(t, op.Fields)
		require.NotZero(t, op.Safety)
		if op.Kind == shopify.Query {
			require.Equal(t, shopify.SafetyRead, op.Safety)
			require.NotContains(t, strings.Fields(s)[0], "mutation")
		}
		// What stands behind the operation and is ignored changes nothing.
		again, err := shopify.ParseOperation(s+"\n# comment", "")
		if len(s) < 1000 {
			require.NoError(t, err)
			require.Equal(t, op, again)
		}
	})
}

func FuzzGID(f *testing.F) {
	for _, s := range []string{"gid://shopify/Order/1", "gid://shopify/InventoryLevel/1?inventory_item_id=2", "gid://", "gid://a/b/c?d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g, err := shopify.ParseGID(s)
		if err != nil {
			require.ErrorIs(t, err, shopify.ErrInvalid)
			return
		}
		require.True(t, strings.HasPrefix(s, "gid://"))
		require.NotEmpty(t, g.Type())
		require.NotEmpty(t, g.ID())
		require.Contains(t, s, "/"+g.Type()+"/"+g.ID())
	})
}

func FuzzMoney(f *testing.F) {
	for _, s := range []string{`{"amount":"12.50","currencyCode":"USD"}`, `{"amount":1e9,"currencyCode":"X"}`, `null`, `{"amount":"1e999999999"}`, `{"amount":"-0.0"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var m shopify.Money
		if json.Unmarshal([]byte(s), &m) != nil {
			return
		}
		require.Less(t, len(m.Amount.String()), 200, "bounded")
		out, err := json.Marshal(m)
		require.NoError(t, err)
		var back shopify.Money
		require.NoError(t, json.Unmarshal(out, &back), "%s", out)
		require.True(t, m.Equal(back))
	})
}

func FuzzDomain(f *testing.F) {
	for _, s := range []string{"acme.myshopify.com", "a.shop.dev", "x@y.myshopify.com", "acme.myshopify.com/.evil"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := shopify.ParseDomain(s)
		if err != nil {
			return
		}
		require.Equal(t, strings.ToLower(s), string(d))
		require.False(t, strings.ContainsAny(s, "/@:?# \n\r\t%\\"), "nothing that changes where a URL points: %q", s)
		again, err := shopify.ParseDomain(string(d))
		require.NoError(t, err)
		require.Equal(t, d, again)
	})
}

// FuzzAnswer feeds arbitrary bodies to a client.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{okShop, okDraft, `{"errors":"x"}`, `{"errors":[{"message":"m","path":["a",0],"extensions":{"code":"THROTTLED"}}]}`, `{"data":null,"errors":[null]}`, `[]`, `{"data":{"a":{"userErrors":[1]}}}`, `{"data":{},"extensions":{"search":[{"warnings":[{}]}]}}`} {
		for _, status := range []int{200, 429, 500} {
			f.Add(status, s)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		transport := transportFunc(func(r *http.Request) (*http.Response, error) {
			return socketless(r, reply{status: status, body: body})
		})
		for _, document := range []string{readShop, createDraft, refund} {
			c, err := shopify.NewClient(testShop, shopify.StaticToken(testToken), &shopify.Options{
				HTTPClient: &http.Client{Transport: transport}, MaxWait: -1, MaxRetries: 1, MinBackoff: time.Microsecond, MaxBackoff: time.Microsecond,
			})
			require.NoError(t, err)
			var data map[string]any
			op, err := shopify.ParseOperation(document, "")
			require.NoError(t, err)
			err = c.MakeRequest(t.Context(), &graphql.Request{Query: document, OpName: op.Name}, &graphql.Response{Data: &data})
			if err == nil {
				require.Equal(t, 200, status)
				require.NotNil(t, data, "success has data: %s", body)
				continue
			}
			require.Less(t, len(err.Error()), 20000, "bounded")
			if document == createDraft && status >= 500 {
				require.True(t, errors.Is(err, shopify.ErrOutcomeUnknown) || errors.Is(err, shopify.ErrThrottled))
			}
		}
	})
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// FuzzKeyIsWritten gives a key to arbitrary documents: what the client sends
// then is one keyed mutation with this key.
func FuzzKeyIsWritten(f *testing.F) {
	const key = "7c1c1d5e-0000-5000-8000-000000000000"
	for _, s := range []string{refund, refundNoKey, createDraft, `mutation{refundCreate{x}}`, `{refundCreate}`, `mutation M{a:refundCreate(input:{note:")\""}) @include(if:true){x}}`, "mutation{...F}fragment F on M{refundCreate#(\n(input:$i){x}}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, document string) {
		var sent string
		transport := transportFunc(func(r *http.Request) (*http.Response, error) {
			var body struct{ Query string }
			require.NoError(t, json.NewDecoder(r.Body).Decode(&body))
			sent = body.Query
			return socketless(r, reply{body: okRefund})
		})
		c, err := shopify.NewClient(testShop, shopify.StaticToken(testToken), &shopify.Options{HTTPClient: &http.Client{Transport: transport}, MaxRetries: -1})
		require.NoError(t, err)
		_ = c.With(shopify.CallOptions{IdempotencyKey: key}).MakeRequest(t.Context(), &graphql.Request{Query: document}, &graphql.Response{})
		if sent == "" {
			return // refused
		}
		op, err := shopify.ParseOperation(sent, "")
		require.NoError(t, err)
		require.Len(t, op.Fields, 1)
		require.Equal(t, shopify.SafetyKeyed, op.Safety, "%q", sent)
	})
}
