package shopify_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/posai-go/posai/shopify"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseDomain(t *testing.T) {
	tests := []struct {
		in   string
		want shopify.Domain // empty: refused
	}{
		{"acme.myshopify.com", "acme.myshopify.com"},
		{"Acme-2_b.MyShopify.com", ""}, // Shopify's own check is case-sensitive there
		{"Acme-2_b.myshopify.com", "acme-2_b.myshopify.com"},
		{"acme.shop.dev", "acme.shop.dev"},
		{"acme.myshopify.io", "acme.myshopify.io"},
		{"", ""},
		{".myshopify.com", ""},
		{"-acme.myshopify.com", ""},
		{"a.b.myshopify.com", ""},
		{"acme.myshopify.com.evil.example", ""},
		{"evil.example/acme.myshopify.com", ""},
		{"https://acme.myshopify.com", ""},
		{"acme.myshopify.com/", ""},
		{"acme.myshopify.com:443", ""},
		{"acme.myshopify.com\n", ""},
		{"user@acme.myshopify.com", ""},
		{"äcme.myshopify.com", ""},
		{strings.Repeat("a", 300) + ".myshopify.com", ""},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := shopify.ParseDomain(tt.in)
			assert.Equal(t, tt.want, got)
			if tt.want == "" {
				assert.ErrorIs(t, err, shopify.ErrInvalid)
			} else {
				assert.NoError(t, err)
			}
		})
	}
}

func TestGID(t *testing.T) {
	tests := []struct {
		in, typ, id string
		number      int64 // -1: none
	}{
		{"gid://shopify/Order/820982911946154508", "Order", "820982911946154508", 820982911946154508},
		{"gid://shopify/InventoryLevel/523463154?inventory_item_id=30322695", "InventoryLevel", "523463154", 523463154},
		{"gid://shopify/Metaobject/a-b_c", "Metaobject", "a-b_c", -1},
		{"gid://app/Thing::Other/1", "Thing::Other", "1", 1},
		{"gid://shopify/Order/99999999999999999999", "Order", "99999999999999999999", -1},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			g, err := shopify.ParseGID(tt.in)
			require.NoError(t, err)
			assert.Equal(t, tt.in, g.String())
			assert.Equal(t, tt.typ, g.Type())
			assert.Equal(t, tt.id, g.ID())
			n, err := g.Number()
			if tt.number < 0 {
				assert.ErrorIs(t, err, shopify.ErrInvalid)
			} else {
				require.NoError(t, err)
				assert.Equal(t, tt.number, n)
			}
		})
	}
	for _, bad := range []string{
		"", "1", "Order/1", "gid://", "gid://shopify", "gid://shopify/Order", "gid://shopify/Order/", "gid://shopify//1", "gid:///Order/1",
		"gid://shopify/Order/1/2", "gid://shopify/Or der/1", "gid://shopify/Order/1 ", "gid://shopify/Order/1?a b", "gid://shopify/Order/1\"", "gid://shopify/Order/é",
		"http://shopify/Order/1", "gid://shopify/Order/" + strings.Repeat("1", 600),
	} {
		_, err := shopify.ParseGID(bad)
		assert.ErrorIs(t, err, shopify.ErrInvalid, bad)
		assert.Empty(t, shopify.GID(bad).Type(), bad)
		assert.Empty(t, shopify.GID(bad).ID(), bad)
	}
	assert.Equal(t, shopify.GID("gid://shopify/Order/9223372036854775807"), shopify.NewGID("Order", math.MaxInt64))
}

func TestMoney(t *testing.T) {
	tests := []struct{ in, want string }{
		{`{"amount":"12.5","currencyCode":"USD"}`, "12.50 USD"},
		{`{"amount":12.50,"currencyCode":"EUR"}`, "12.50 EUR"},
		{`{"amount":"0.1234","currencyCode":"KWD"}`, "0.1234 KWD"},
		{`{"amount":"-3","currencyCode":"JPY"}`, "-3.00 JPY"},
		{`{"amount":"99999999999999999999.99","currencyCode":"VND"}`, "99999999999999999999.99 VND"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			var m shopify.Money
			require.NoError(t, json.Unmarshal([]byte(tt.in), &m))
			assert.Equal(t, tt.want, m.String())
			out, err := json.Marshal(m)
			require.NoError(t, err)
			var back shopify.Money
			require.NoError(t, json.Unmarshal(out, &back))
			assert.True(t, m.Equal(back))
			assert.Contains(t, string(out), `"amount":"`, "amounts travel as text")
		})
	}
	for _, bad := range []string{`{"amount":"x"}`, `{"amount":"1e999999999"}`, `{"amount":1e999999999}`, `{"amount":"1e-999999999"}`, `{"amount":"` + strings.Repeat("1", 100) + `"}`, `[]`, `{"amount":{}}`} {
		var m shopify.Money
		assert.Error(t, json.Unmarshal([]byte(bad), &m), bad)
	}
	a, err := shopify.ParseMoney("499.99", "USD")
	require.NoError(t, err)
	b, err := shopify.ParseMoney("500.00", "USD")
	require.NoError(t, err)
	c, err := shopify.ParseMoney("500", "CAD")
	require.NoError(t, err)
	cmp, err := a.Cmp(b)
	require.NoError(t, err)
	assert.Equal(t, -1, cmp)
	_, err = a.Cmp(c)
	assert.ErrorIs(t, err, shopify.ErrInvalid)
	sum, err := a.Add(b)
	require.NoError(t, err)
	assert.Equal(t, "999.99 USD", sum.String())
	_, err = a.Add(c)
	assert.ErrorIs(t, err, shopify.ErrInvalid)
	assert.False(t, b.Equal(c))
	for _, bad := range [][2]string{{"", "USD"}, {"1", "usd"}, {"1", ""}, {"1", "USDT"}, {"1,5", "USD"}} {
		_, err := shopify.ParseMoney(bad[0], bad[1])
		assert.ErrorIs(t, err, shopify.ErrInvalid, "%v", bad)
	}
}

func TestUint64(t *testing.T) {
	for in, want := range map[string]shopify.Uint64{`"0"`: 0, `7`: 7, `"18446744073709551615"`: math.MaxUint64, `null`: 0} {
		var u shopify.Uint64
		require.NoError(t, json.Unmarshal([]byte(in), &u), in)
		assert.Equal(t, want, u)
	}
	for _, bad := range []string{`"-1"`, `1.5`, `"x"`, `"18446744073709551616"`, `{}`} {
		var u shopify.Uint64
		assert.Error(t, json.Unmarshal([]byte(bad), &u), bad)
	}
	out, err := json.Marshal(shopify.Uint64(math.MaxUint64))
	require.NoError(t, err)
	assert.Equal(t, `"18446744073709551615"`, string(out))
}
