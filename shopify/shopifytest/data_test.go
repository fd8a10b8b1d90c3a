package shopifytest_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

func TestGenerateData(t *testing.T) {
	d := shopifytest.GenerateData(1, today)
	require.NoError(t, d.Validate())
	assert.Len(t, d.Locations, 2)
	assert.InDelta(t, 60, len(d.Products), 10)
	assert.Len(t, d.Customers, 40)
	lines, refunds, walkIns, online, gifts := 0, 0, 0, 0, 0
	for _, o := range d.Orders {
		lines += len(o.Lines)
		refunds += len(o.Refunds)
		if o.CustomerID == 0 {
			walkIns++
		}
		if o.LocationID == 0 {
			online++
		}
		if len(o.Attributes) > 0 {
			gifts++
		}
		assert.True(t, o.At.Before(today) && o.At.After(today.AddDate(-1, 0, -2)))
	}
	assert.Greater(t, lines, 2500)
	assert.Greater(t, refunds, 20)
	assert.Greater(t, walkIns, 200)
	assert.Greater(t, online, 100)
	assert.Greater(t, gifts, 50)
}

func TestGenerateDataIsDeterministic(t *testing.T) {
	text := func(seed uint64, day time.Time) string {
		var b bytes.Buffer
		require.NoError(t, shopifytest.GenerateData(seed, day).Write(&b))
		return b.String()
	}
	first := text(1, today)
	assert.Equal(t, first, text(1, today.Add(3*time.Hour)), "the same seed and day")
	assert.Equal(t, first, text(0, today), "no seed is seed 1")
	assert.NotEqual(t, first, text(2, today), "another seed")
	assert.NotEqual(t, first, text(1, today.AddDate(0, 0, 1)), "another day")
}

// TestComplements checks that what goes together is bought together far more often than by chance.
func TestComplements(t *testing.T) {
	d := shopifytest.GenerateData(1, today)
	with := func(code string) (n float64, has func(shopifytest.OrderData) bool) {
		has = func(o shopifytest.OrderData) bool {
			for _, l := range o.Lines {
				if strings.HasPrefix(l.SKU, "AW-"+code) {
					return true
				}
			}
			return false
		}
		for _, o := range d.Orders {
			if has(o) {
				n++
			}
		}
		return n, has
	}
	for _, pair := range [][2]string{{"CAN", "MTC"}, {"SHE", "PIL"}, {"OXF", "KTI"}, {"DRP", "FIL"}} {
		a, hasA := with(pair[0])
		b, hasB := with(pair[1])
		both := 0.0
		for _, o := range d.Orders {
			if hasA(o) && hasB(o) {
				both++
			}
		}
		lift := both * float64(len(d.Orders)) / (a * b)
		assert.Greater(t, lift, 2.5, "%s with %s: %v of %v and %v", pair[0], pair[1], both, a, b)
	}
}

// TestTotalsAddUp checks the sums of every order of the made-up year.
func TestTotalsAddUp(t *testing.T) {
	orders := newShop(t, nil).Orders()
	require.NotEmpty(t, orders)
	refunded := 0
	for _, o := range orders {
		discounts, tax, gross := decimal.Zero, decimal.Zero, decimal.Zero
		for _, l := range o.Lines {
			gross = gross.Add(l.Price.Mul(decimal.NewFromInt(int64(l.Quantity))))
			discounts = discounts.Add(l.Discount)
			tax = tax.Add(l.Tax)
			assert.False(t, l.Discount.IsNegative())
		}
		subtotal := gross.Sub(discounts)
		require.True(t, o.Subtotal.Equal(subtotal), "%s subtotal", o.Name)
		require.True(t, o.Discounts.Equal(discounts), "%s discounts", o.Name)
		require.True(t, o.Tax.Equal(tax), "%s tax", o.Name)
		require.True(t, o.Total.Equal(subtotal.Add(o.Shipping).Add(tax)), "%s total", o.Name)
		require.True(t, o.Total.Equal(o.Total.Round(2)), "%s has no fractions of a cent", o.Name)
		require.True(t, o.Refunded.LessThanOrEqual(o.Total), "%s refunded", o.Name)
		if o.Refunded.IsPositive() {
			refunded++
		}
	}
	assert.Positive(t, refunded)
}

// small is a shop of one product, in JSON.
const small = `{"version":1,
"shop":{"name":"Corner","domain":"corner.myshopify.com","currency":"EUR","email":"a@example.com","timezone":"Europe/Berlin"},
"locations":[{"id":5,"name":"Front","address":{},"tax_title":"VAT","tax_rate":"0.19"}],
"products":[{"id":7,"title":"Pen","options":["Ink"],"variants":[{"sku":"P-B","price":"10.00","options":["Blue"],"stock":{"5":3}},{"sku":"P-R","price":"10.05","options":["Red"]}]}],
"customers":[{"id":9,"first_name":"Ada","last_name":"Test","email":"ada@example.com"}],
"orders":[{"id":11,"at":"2026-01-05T10:00:00Z","location_id":5,"customer_id":9,"tender":"cash","discount":{"percent":"10"},
 "lines":[{"sku":"P-B","quantity":2},{"sku":"P-R","quantity":1}],
 "refunds":[{"at":"2026-01-06T10:00:00Z","location_id":5,"lines":[{"line":0,"quantity":1,"reason":"UNWANTED","restock":true}]}]}]}`

func TestReadData(t *testing.T) {
	d, err := shopifytest.ReadData(strings.NewReader(small))
	require.NoError(t, err)
	s := newShop(t, &shopifytest.Options{Data: d})
	assert.Equal(t, "corner.myshopify.com", s.Domain())
	o, ok := s.Order("11")
	require.True(t, ok)
	// 30.05 less 10 %: 3.01 (3.005 rounded), spread as 2.00 and 1.01; taxed per line: 18.00 at 19 % is 3.42, 9.04 is 1.72.
	assert.Equal(t, "27.04", o.Subtotal.StringFixed(2))
	assert.Equal(t, "5.14", o.Tax.StringFixed(2))
	assert.Equal(t, "32.18", o.Total.StringFixed(2))
	assert.Equal(t, "10.71", o.Refunded.StringFixed(2), "9.00 and 1.71 of tax")
	assert.Equal(t, "PARTIALLY_REFUNDED", o.FinancialStatus)
	assert.Equal(t, []string{"cash"}, o.Gateways)
}

func TestReadDataRefuses(t *testing.T) {
	for name, c := range map[string]struct{ old, new, path, reason string }{
		"version":            {`"version":1`, `"version":2`, "version", "must be 1"},
		"unknown field":      {`"version":1`, `"version":1,"secret":1`, "", `unknown field "secret"`},
		"cut off":            {`}]}]}]}`, ``, "", "too early"},
		"something after":    {`}]}]}]}`, `}]}]}]} {}`, "", "follows"},
		"wrong type":         {`"name":"Corner"`, `"name":3`, "shop.name", "JSON number"},
		"domain":             {`corner.myshopify.com`, `corner.example.com`, "shop.domain", "myshopify"},
		"currency":           {`"EUR"`, `"euro"`, "shop.currency", "ISO 4217"},
		"time zone":          {`Europe/Berlin`, `Europe/Nowhere`, "shop.timezone", "IANA"},
		"tax rate":           {`"0.19"`, `"19"`, "locations[0].tax_rate", "below 1"},
		"monstrous rate":     {`"0.19"`, `"1e999999999"`, "locations[0].tax_rate", "below 1"},
		"no amount":          {`"price":"10.00"`, `"price":"ten"`, "", "decimal"},
		"negative price":     {`"price":"10.00"`, `"price":"-1"`, "products[0].variants[0].price", "amount"},
		"monstrous price":    {`"price":"10.00"`, `"price":"1e99999999"`, "products[0].variants[0].price", "amount"},
		"SKU twice":          {`"P-R"`, `"P-B"`, "products[0].variants[1].sku", "unique"},
		"option missing":     {`"options":["Red"]`, `"options":[]`, "products[0].variants[1].options", "each option"},
		"stock nowhere":      {`{"5":3}`, `{"6":3}`, "products[0].variants[0].stock[6]", "no location"},
		"bad e-mail":         {`ada@example.com`, `ada`, "customers[0].email", "e-mail"},
		"order without time": {`"2026-01-05T10:00:00Z"`, `"0001-01-01T00:00:00Z"`, "orders[0].at", "required"},
		"time of a kind":     {`"2026-01-05T10:00:00Z"`, `"yesterday"`, "", "RFC 3339"},
		"unknown customer":   {`"customer_id":9`, `"customer_id":8`, "orders[0].customer_id", "no customer"},
		"unknown tender":     {`"tender":"cash"`, `"tender":"shells"`, "orders[0].tender", "card"},
		"unknown SKU":        {`"sku":"P-B","quantity"`, `"sku":"P-X","quantity"`, "orders[0].lines[0].sku", "no variant"},
		"no quantity":        {`"quantity":2}`, `"quantity":0}`, "orders[0].lines[0].quantity", "1 to 10000"},
		"discount both ways": {`{"percent":"10"}`, `{"percent":"10","amount":"1"}`, "orders[0].discount", "percent or an amount"},
		"refund of nothing":  {`"line":0`, `"line":4`, "orders[0].refunds[0].lines[0].line", "no line"},
		"refund of too much": {`"line":0,"quantity":1`, `"line":0,"quantity":3`, "orders[0].refunds[0].lines[0].quantity", "more than was bought"},
		"refund too early":   {`"2026-01-06T10:00:00Z"`, `"2025-01-06T10:00:00Z"`, "orders[0].refunds[0].at", "before the order"},
		"reason":             {`"UNWANTED"`, `"BORED"`, "orders[0].refunds[0].lines[0].reason", "ReturnReason"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, small, c.old)
			_, err := shopifytest.ReadData(strings.NewReader(strings.Replace(small, c.old, c.new, 1)))
			require.ErrorIs(t, err, shopifytest.ErrData)
			var de *shopifytest.DataError
			require.ErrorAs(t, err, &de)
			assert.Equal(t, c.path, de.Path)
			assert.Contains(t, de.Reason, c.reason)
		})
	}
}

func FuzzReadData(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(`{"version":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := shopifytest.ReadData(bytes.NewReader(b))
		if err != nil {
			return
		}
		// What was read can be written and read again.
		var again bytes.Buffer
		require.NoError(t, d.Write(&again))
		_, err = shopifytest.ReadData(&again)
		require.NoError(t, err)
	})
}

func TestExportIsReadable(t *testing.T) {
	var b bytes.Buffer
	d := shopifytest.GenerateData(1, today)
	require.NoError(t, d.Write(&b))
	again, err := shopifytest.ReadData(&b)
	require.NoError(t, err)
	assert.Len(t, again.Orders, len(d.Orders))
}
