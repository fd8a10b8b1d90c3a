package webhook_test

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook"
)

func readOrder(t testing.TB) (o webhook.Order, body []byte) {
	t.Helper()
	body, err := os.ReadFile("webhooktest/samples/orders/create.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(body, &o))
	return o, body
}

func TestOrder(t *testing.T) {
	o, _ := readOrder(t)
	usd := decimal.RequireFromString
	id := func(n int64) *int64 { return &n }

	assert.True(t, o.IsPOS())
	assert.Equal(t, int64(820982911946154508), o.ID, "beyond 2^53")
	assert.Equal(t, id(487838322), o.LocationID)
	assert.Equal(t, id(902541635), o.UserID)
	assert.Equal(t, id(7), o.DeviceID)
	assert.Equal(t, "#1001", o.Name)
	assert.Nil(t, o.CancelledAt)
	assert.Empty(t, o.CancelReason)
	assert.True(t, o.CreatedAt.Equal(time.Date(2026, 11, 24, 15, 15, 30, 0, time.UTC)))
	assert.True(t, usd("578.23").Equal(o.TotalPrice), o.TotalPrice)
	assert.True(t, usd("578.23").Equal(o.TotalPriceSet.ShopMoney.Amount))
	assert.Equal(t, "USD", o.TotalPriceSet.PresentmentMoney.CurrencyCode)
	assert.Nil(t, o.SubtotalPriceSet)
	assert.Equal(t, webhook.Tags{"in-store", "gift"}, o.Tags)
	assert.Equal(t, webhook.Attributes{{Name: "occasion", Value: "birthday"}, {Name: "bags", Value: "2"}}, o.NoteAttributes)
	assert.Equal(t, "birthday", o.NoteAttributes.Get("occasion"))
	assert.Empty(t, o.NoteAttributes.Get("none"))
	assert.Equal(t, "0.08875", o.TaxLines[0].Rate.String(), "a number without a float in between")
	assert.Nil(t, o.TaxLines[0].ChannelLiable)

	require.NotNil(t, o.Customer)
	assert.Equal(t, "Alice", o.Customer.FirstName)
	assert.True(t, o.Customer.AcceptsEmailMarketing())
	assert.False(t, o.Customer.AcceptsSMSMarketing(), "nothing said is no consent")
	assert.Nil(t, o.Customer.OrdersCount)
	assert.Equal(t, webhook.Tags{"vip"}, o.Customer.Tags)
	assert.False(t, (*webhook.Customer)(nil).AcceptsEmailMarketing())
	assert.InDelta(t, 40.7, *o.BillingAddress.Latitude, 0)
	assert.Nil(t, o.ShippingAddress)

	require.Len(t, o.LineItems, 2)
	coat, custom := o.LineItems[0], o.LineItems[1]
	assert.Equal(t, id(4264112), coat.VariantID)
	assert.Equal(t, id(1), coat.CurrentQuantity)
	assert.Equal(t, []webhook.AttributedStaff{{ID: "gid://shopify/StaffMember/902541635", Quantity: 1}}, coat.AttributedStaffs)
	assert.Equal(t, "warranty", coat.Properties.Get("_upsell"))
	assert.True(t, usd("59.01").Equal(coat.DiscountAllocations[0].Amount))
	assert.JSONEq(t, `{"a": [1, 2.50]}`, string(coat.Extra["new_in_2027"]))
	assert.Nil(t, custom.ProductID)
	assert.Nil(t, custom.CurrentQuantity)
	assert.Empty(t, custom.SKU)
	assert.Equal(t, "0.1", custom.Price.String(), "a number instead of a string")
	assert.Equal(t, webhook.Attributes{{Name: "engraving", Value: "A.E."}, {Name: "lines", Value: "1"}}, custom.Properties)
	assert.Nil(t, custom.Extra)

	refund := o.Refunds[0]
	assert.Equal(t, int64(12), refund.Return.ID)
	assert.True(t, usd("531.1").Equal(refund.RefundLineItems[0].Subtotal))
	assert.True(t, usd("-0.02").Equal(refund.OrderAdjustments[0].Amount))
	assert.JSONEq(t, `{"any":"thing"}`, string(refund.Transactions[0].Receipt))
	assert.Nil(t, refund.Transactions[0].ParentID)

	var unknown []string
	for name := range o.Extra {
		unknown = append(unknown, name)
	}
	slices.Sort(unknown)
	assert.Equal(t, []string{"line_item_groups", "merchant_business_entity_id", "reference"}, unknown)
}

func TestOrderEncodesToTheSame(t *testing.T) {
	o, _ := readOrder(t)
	data, err := json.Marshal(o)
	require.NoError(t, err)
	var again webhook.Order
	require.NoError(t, json.Unmarshal(data, &again))
	second, err := json.Marshal(again)
	require.NoError(t, err)
	assert.JSONEq(t, string(data), string(second))
	assert.Len(t, again.Extra, len(o.Extra))
	assert.Contains(t, string(data), `"new_in_2027":{"a":[1,2.50]}`)
	assert.Contains(t, string(data), `"tags":"in-store, gift"`)
}

func TestNullsAndAbsence(t *testing.T) {
	for _, body := range []string{`{}`, `null`, nulls(reflect.TypeFor[webhook.Order]())} {
		var o webhook.Order
		require.NoError(t, json.Unmarshal([]byte(body), &o), body)
		assert.Equal(t, webhook.Order{}, o)
		assert.False(t, o.IsPOS())
	}
}

// nulls is the body of a payload whose fields are all null.
func nulls(typ reflect.Type) string {
	var fields []string
	for f := range typ.Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "-" {
			fields = append(fields, `"`+name+`":null`)
		}
	}
	return "{" + strings.Join(fields, ",") + "}"
}

// Every struct of the payloads that can grow keeps what it does not know, and
// every amount is a decimal.
func TestPayloadTypesKeepAll(t *testing.T) {
	closed := map[string]bool{"MoneySet": true, "MoneyPart": true, "Attribute": true} // fixed forms that cannot grow
	seen := make(map[reflect.Type]bool)
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] || !strings.HasSuffix(typ.PkgPath(), "/webhook") {
			return
		}
		seen[typ] = true
		if _, ok := typ.FieldByName("Extra"); !ok && !closed[typ.Name()] {
			t.Errorf("%v has no Extra", typ)
		}
		sample := reflect.New(typ)
		if _, ok := typ.FieldByName("Extra"); ok {
			require.NoError(t, json.Unmarshal([]byte(`{"surprise":{"deep":[1.50]}}`), sample.Interface()))
			data, err := json.Marshal(sample.Elem().Interface())
			require.NoError(t, err)
			assert.Contains(t, string(data), `"surprise":{"deep":[1.50]}`, "%v", typ)
		}
		for f := range typ.Fields() {
			if kind := f.Type.Kind(); kind == reflect.Float32 || kind == reflect.Float64 {
				t.Errorf("%v.%s is a float", typ, f.Name)
			}
			walk(f.Type)
		}
	}
	for _, s := range samples {
		walk(s.typ)
	}
	assert.Greater(t, len(seen), 70)
}

func FuzzOrder(f *testing.F) {
	_, body := readOrder(f)
	f.Add(body)
	f.Add([]byte(`{"line_items":[{"price":1e3,"properties":{"a":null}}],"tags":["x"],"customer":null}`))
	f.Add([]byte(`{"total_price":"1e999999999"}`))
	f.Add([]byte(`{"ID":1,"":2,"note_attributes":[{"name":1}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var o webhook.Order
		if json.Unmarshal(body, &o) != nil {
			return
		}
		data, err := json.Marshal(o)
		require.NoError(t, err)
		require.Less(t, len(data), 20_000+100*len(body), "the encoding exploded")
		var again webhook.Order
		require.NoError(t, json.Unmarshal(data, &again), "%s", data)
		second, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(data), string(second))
	})
}

func BenchmarkOrder(b *testing.B) {
	_, body := readOrder(b)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var o webhook.Order
		if err := json.Unmarshal(body, &o); err != nil {
			b.Fatal(err)
		}
	}
}
