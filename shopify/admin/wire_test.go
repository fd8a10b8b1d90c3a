package admin_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recorder is a server that answers every request with one body and keeps what
// it got.
type recorder struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
}

func record(t testing.TB, answer string) (*shopify.Client, *recorder) {
	t.Helper()
	r := &recorder{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		r.mu.Lock()
		r.bodies = append(r.bodies, string(body))
		r.mu.Unlock()
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(r.Close)
	c, err := shopify.NewClient("acme.myshopify.com", shopify.StaticToken("shpat_test"), &shopify.Options{BaseURL: r.URL})
	require.NoError(t, err)
	return c, r
}

// variables returns the "variables" of the last request, as they were sent.
func (r *recorder) variables(t testing.TB) string {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	require.NotEmpty(t, r.bodies)
	var body struct{ Variables json.RawMessage }
	require.NoError(t, json.Unmarshal([]byte(r.bodies[len(r.bodies)-1]), &body))
	return string(body.Variables)
}

const orderID = shopify.GID("gid://shopify/Order/1")

// TestOrderUpdateSendsWhatIsSet reads the requests of a real HTTP server: a
// field that is sent without having been set would clear the merchant's data.
func TestOrderUpdateSendsWhatIsSet(t *testing.T) {
	tests := []struct {
		name string
		in   admin.OrderInput
		want string
	}{
		{"nothing", admin.OrderInput{}, `{"id":"gid://shopify/Order/1"}`},
		{"note", admin.OrderInput{Note: shopify.Some("gift wrap")}, `{"id":"gid://shopify/Order/1","note":"gift wrap"}`},
		{"empty note", admin.OrderInput{Note: shopify.Some("")}, `{"id":"gid://shopify/Order/1","note":""}`},
		{"note cleared on purpose", admin.OrderInput{Note: shopify.Null[string]()}, `{"id":"gid://shopify/Order/1","note":null}`},
		{"tags", admin.OrderInput{Tags: shopify.Some([]string{"a", "b"})}, `{"id":"gid://shopify/Order/1","tags":["a","b"]}`},
		{"no tags", admin.OrderInput{Tags: shopify.Some([]string{})}, `{"id":"gid://shopify/Order/1","tags":[]}`},
		{"custom attributes", admin.OrderInput{CustomAttributes: shopify.Some([]admin.AttributeInput{{Key: "k", Value: "v"}})}, `{"customAttributes":[{"key":"k","value":"v"}],"id":"gid://shopify/Order/1"}`},
		{"one field of a nested input", admin.OrderInput{ShippingAddress: shopify.Some(admin.MailingAddressInput{City: shopify.Some("Ghent")})}, `{"id":"gid://shopify/Order/1","shippingAddress":{"city":"Ghent"}}`},
		{"null in a nested input", admin.OrderInput{ShippingAddress: shopify.Some(admin.MailingAddressInput{Address2: shopify.Null[string]()})}, `{"id":"gid://shopify/Order/1","shippingAddress":{"address2":null}}`},
		{"inputs in a list", admin.OrderInput{Metafields: shopify.Some([]admin.MetafieldInput{{Key: shopify.Some("k")}, {ID: shopify.Some(shopify.GID("gid://shopify/Metafield/1")), Value: shopify.Null[string]()}})}, `{"id":"gid://shopify/Order/1","metafields":[{"key":"k"},{"id":"gid://shopify/Metafield/1","value":null}]}`},
	}
	c, r := record(t, `{"data":{"orderUpdate":{"order":{"id":"gid://shopify/Order/1","note":"x","tags":[],"updatedAt":"2026-11-01T10:00:00Z"},"userErrors":[]}}}`)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.in.ID = orderID
			_, err := admin.OrderUpdate(t.Context(), c, tt.in)
			require.NoError(t, err)
			assert.Equal(t, `{"input":`+tt.want+`}`, r.variables(t))
		})
	}
}

func TestDraftOrderInputSendsWhatIsSet(t *testing.T) {
	tests := []struct {
		name string
		in   admin.DraftOrderInput
		want string
	}{
		{"nothing", admin.DraftOrderInput{}, `{}`},
		{"false is a value", admin.DraftOrderInput{TaxExempt: shopify.Some(false)}, `{"taxExempt":false}`},
		{"null", admin.DraftOrderInput{AppliedDiscount: shopify.Null[admin.DraftOrderAppliedDiscountInput]()}, `{"appliedDiscount":null}`},
		{"time", admin.DraftOrderInput{ReserveInventoryUntil: shopify.Some(time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC))}, `{"reserveInventoryUntil":"2026-11-01T10:00:00Z"}`},
		{"customer", admin.DraftOrderInput{PurchasingEntity: shopify.Some(admin.PurchasingEntityInput{CustomerID: shopify.Some(shopify.GID("gid://shopify/Customer/1"))})}, `{"purchasingEntity":{"customerId":"gid://shopify/Customer/1"}}`},
		{"line items", admin.DraftOrderInput{LineItems: shopify.Some([]admin.DraftOrderLineItemInput{{Quantity: 2, VariantID: shopify.Some(shopify.GID("gid://shopify/ProductVariant/1"))}})}, `{"lineItems":[{"quantity":2,"variantId":"gid://shopify/ProductVariant/1"}]}`},
		{"money in a line item", admin.DraftOrderInput{LineItems: shopify.Some([]admin.DraftOrderLineItemInput{{Quantity: 1, PriceOverride: shopify.Some(money(t, "12.50", "USD"))}})}, `{"lineItems":[{"priceOverride":{"amount":"12.5","currencyCode":"USD"},"quantity":1}]}`},
		{"null in a line item", admin.DraftOrderInput{LineItems: shopify.Some([]admin.DraftOrderLineItemInput{{Quantity: 1, AppliedDiscount: shopify.Null[admin.DraftOrderAppliedDiscountInput]()}})}, `{"lineItems":[{"appliedDiscount":null,"quantity":1}]}`},
	}
	c, r := record(t, `{"data":{"draftOrderCreate":{"draftOrder":null,"userErrors":[]},"draftOrderUpdate":{"draftOrder":null,"userErrors":[]}}}`)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := admin.DraftOrderCreate(t.Context(), c, tt.in)
			require.NoError(t, err)
			assert.Equal(t, `{"input":`+tt.want+`}`, r.variables(t))
			_, err = admin.DraftOrderUpdate(t.Context(), c, "gid://shopify/DraftOrder/1", tt.in)
			require.NoError(t, err)
			assert.Equal(t, `{"id":"gid://shopify/DraftOrder/1","input":`+tt.want+`}`, r.variables(t))
		})
	}
}

func money(t testing.TB, amount, currency string) shopify.Money {
	t.Helper()
	m, err := shopify.ParseMoney(amount, currency)
	require.NoError(t, err)
	return m
}

// TestEveryFieldAlone sets each field of an input to null and to a value, by
// reflection, and checks that nothing else is encoded.
func TestEveryFieldAlone(t *testing.T) {
	for _, input := range []any{admin.OrderInput{}, admin.DraftOrderInput{}, admin.MailingAddressInput{}, admin.DraftOrderLineItemInput{}, admin.MetafieldInput{}, admin.MetafieldsSetInput{}, admin.WebhookSubscriptionInput{}} {
		typ := reflect.TypeOf(input)
		t.Run(typ.Name(), func(t *testing.T) {
			always := encode(t, input)
			optional := 0
			for field := range typ.Fields() {
				key, omit, _ := strings.Cut(field.Tag.Get("json"), ",")
				if omit != "omitzero" {
					assert.Contains(t, always, key, "a field that must be there")
					continue
				}
				optional++
				for state, value := range map[string]string{"null": "null", "value": sample(field.Type)} {
					in := reflect.New(typ)
					require.NoError(t, json.Unmarshal(fmt.Appendf(nil, `{%q:%s}`, key, value), in.Interface()), "%s=%s", key, value)
					got := encode(t, in.Interface())
					assert.Len(t, got, len(always)+1, "%s, %s", key, state)
					assert.Contains(t, got, key)
					assert.Equal(t, state == "null", string(got[key]) == "null", "%s, %s: %s", key, state, got[key])
				}
			}
			assert.NotZero(t, optional)
		})
	}
}

func encode(t testing.TB, v any) map[string]json.RawMessage {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	var m map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(b, &m))
	return m
}

// sample returns a JSON value for an Optional type.
func sample(typ reflect.Type) string {
	get, _ := typ.MethodByName("Get")
	switch v := get.Type.Out(0); {
	case v == reflect.TypeFor[time.Time]():
		return `"2026-11-01T10:00:00Z"`
	case v == reflect.TypeFor[shopify.Decimal]():
		return `"1.5"`
	case v.Kind() == reflect.Slice:
		return `[]`
	case v.Kind() == reflect.Struct:
		return `{}`
	case v.Kind() == reflect.Bool:
		return `false`
	case v.Kind() == reflect.Int:
		return `0`
	default:
		return `""`
	}
}
