package advice_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/checkoutupsell/internal/advice"
)

func item(n int, change ...func(*advice.Item)) *advice.Item {
	i := &advice.Item{
		Variant: fmt.Sprintf("gid://shopify/ProductVariant/%d", n), Product: fmt.Sprintf("gid://shopify/Product/%d", n), Title: fmt.Sprintf("Thing %d", n), Type: "Candles",
		Price: decimal.NewFromInt(40), Cost: decimal.NewFromInt(20), CostKnown: true, Available: 3, Active: true,
	}
	for _, c := range change {
		c(i)
	}
	return i
}

func shelf(items ...*advice.Item) advice.Shelf {
	s := advice.Shelf{}
	for _, i := range items {
		s[i.Variant] = i
	}
	return s
}

func ExampleRules_Judge() {
	candle := item(1)
	for _, percent := range []int{10, 20, 30} {
		j := advice.DefaultRules().Judge(candle, percent, 1, false)
		fmt.Println(percent, j.Verdict, j.Off.StringFixed(2), j.Reason)
	}
	// Output:
	// 10 allow 4.00 Within what the register may give.
	// 20 ask 8.00 More than 10 % takes a manager.
	// 30 deny 12.00 Less than 30 % of the price would be left above the cost.
}

func TestAllowed(t *testing.T) {
	rules := advice.DefaultRules()
	for name, tt := range map[string]struct {
		item *advice.Item
		past *advice.Past
		want error
	}{
		"fine":             {item(1), nil, nil},
		"the last one":     {item(1, func(i *advice.Item) { i.Available = 1 }), nil, nil},
		"none":             {item(1, func(i *advice.Item) { i.Available = 0 }), nil, advice.ErrOutOfStock},
		"sold beyond":      {item(1, func(i *advice.Item) { i.Available = -2 }), nil, advice.ErrOutOfStock},
		"not counted":      {item(1, func(i *advice.Item) { i.Available, i.Untracked = 0, true }), nil, nil},
		"draft":            {item(1, func(i *advice.Item) { i.Active = false }), nil, advice.ErrNotSold},
		"for nothing":      {item(1, func(i *advice.Item) { i.Price = decimal.Zero }), nil, advice.ErrNotSold},
		"gift card":        {item(1, func(i *advice.Item) { i.GiftCard = true }), nil, advice.ErrGiftCard},
		"another size":     {item(1, func(i *advice.Item) { i.Product = "gid://shopify/Product/9" }), nil, advice.ErrInCart},
		"at the margin":    {item(1, func(i *advice.Item) { i.Cost = decimal.NewFromInt(28) }), nil, nil},
		"below the margin": {item(1, func(i *advice.Item) { i.Cost = decimal.RequireFromString("28.01") }), nil, advice.ErrMargin},
		"cost not known":   {item(1, func(i *advice.Item) { i.CostKnown = false }), nil, nil},
		"given back":       {item(1), &advice.Past{Returned: map[string]bool{"gid://shopify/Product/1": true}}, advice.ErrReturned},
		"just bought":      {item(1), &advice.Past{Recent: map[string]bool{"gid://shopify/Product/1": true}}, advice.ErrReturned},
	} {
		in := item(9)
		cart := &advice.Cart{Lines: []advice.Line{{Variant: in.Variant, Quantity: 1}}}
		assert.ErrorIs(t, rules.Allowed(tt.item.Variant, cart, shelf(tt.item, in), tt.past), tt.want, name)
	}
	assert.ErrorIs(t, rules.Allowed("gid://shopify/ProductVariant/5", &advice.Cart{}, shelf(), nil), advice.ErrUnknown)
}

func TestPlan(t *testing.T) {
	rules := advice.DefaultRules()
	plan := func(n int, price string) *advice.Item {
		return item(n, func(i *advice.Item) {
			i.Type, i.Price, i.Cost = "Protection Plans", decimal.RequireFromString(price), decimal.NewFromInt(5)
		})
	}
	small, large, huge := plan(11, "20"), plan(12, "39.99"), plan(13, "90")
	coat := item(1, func(i *advice.Item) { i.Price = decimal.NewFromInt(200) })
	sh := shelf(small, large, huge, coat)
	plans := []string{small.Variant, large.Variant, huge.Variant, "gid://shopify/ProductVariant/77"}
	cart := &advice.Cart{Lines: []advice.Line{{Variant: coat.Variant, Quantity: 1}}}
	got := rules.Plan(plans, cart, sh, nil)
	require.NotNil(t, got)
	assert.Equal(t, large.Variant, got.Variant, "the dearest of at most a fifth of the price")
	coat.Price = decimal.RequireFromString("149.99")
	assert.Nil(t, rules.Plan(plans, cart, sh, nil), "not with small things")
	coat.Price = decimal.NewFromInt(200)
	cart.Lines = append(cart.Lines, advice.Line{Variant: small.Variant, Quantity: 1})
	assert.Nil(t, rules.Plan(plans, cart, sh, nil), "there is one already")
	assert.Zero(t, rules.Propose(&advice.Candidate{Item: large, Kind: advice.Warranty, Age: 300}, nil, false))
}

func TestPropose(t *testing.T) {
	rules := advice.DefaultRules()
	c := func(age int, change ...func(*advice.Item)) *advice.Candidate {
		return &advice.Candidate{Item: item(1, change...), Kind: advice.Addon, Age: age}
	}
	regular := &advice.Past{Orders: 3}
	assert.Zero(t, rules.Propose(c(13), regular, false), "it sells by itself")
	assert.Equal(t, 5, rules.Propose(c(14), nil, false))
	assert.Equal(t, 10, rules.Propose(c(14), regular, false), "a little more for regulars")
	assert.Equal(t, 10, rules.Propose(c(300), regular, false), "never more than the register may give")
	assert.Zero(t, rules.Propose(c(300), regular, true), "the cart has a discount")
	assert.Equal(t, 6, rules.Propose(c(300, func(i *advice.Item) { i.Cost = decimal.RequireFromString("26.2") }), nil, false), "as much as the margin bears")
	assert.Zero(t, rules.Propose(c(300, func(i *advice.Item) { i.CostKnown = false }), nil, false))
}

func TestCheckReason(t *testing.T) {
	for _, good := range []string{"Keeps the suede like new.", "Goes well with boots", "Für kalte Tage, aus Wolle", "A candle's best friend"} {
		assert.NoError(t, advice.CheckReason(good), good)
	}
	for _, bad := range []string{
		"", "ok", strings.Repeat("a ", 60), "Only $5", "50 percent off", "Half price", "for free", "Buy 2", "See https://example.com", "<b>nice</b>", "Guaranteed to last",
		"You always buy these", "Good for your weight", "line\nbreak", "Соmplements it", "right\u202eto left", "Last chance", "Ships tomorrow", "mail me@example.com", "*bold*",
	} {
		assert.Error(t, advice.CheckReason(bad), bad)
	}
	for _, k := range []advice.Candidate{{Kind: advice.Warranty}, {Kind: advice.Addon, Score: 1}, {Kind: advice.Addon}} {
		assert.NoError(t, advice.CheckReason(advice.Reason(&k)), "the templates keep the rules too")
	}
}

func TestReadRules(t *testing.T) {
	text := `{"name":"r","currency":"USD","max_suggestions":3,"min_margin":"0.3","associate_percent":10,"manager_percent":25,"ask_above":"30","max_off":"90",
		"stock_age":[{"days":14,"percent":5}],"regular_orders":3,"regular_percent":5,"no_discount_types":[],"warranty_type":"Plans","warranty_from":"150","warranty_share":"0.2",
		"offer_minutes":20,"code_minutes":30,"decide_minutes":10}`
	r, err := advice.ReadRules(strings.NewReader(text))
	require.NoError(t, err)
	assert.Regexp(t, `^r-[0-9a-f]{12}$`, r.Version())
	other, err := advice.ReadRules(strings.NewReader(strings.Replace(text, `"associate_percent":10`, `"associate_percent":11`, 1)))
	require.NoError(t, err)
	assert.NotEqual(t, r.Version(), other.Version(), "the version follows the content")
	for old, bad := range map[string]string{
		`"name":"r"`: `"name":"R 1"`, `"USD"`: `"usd"`, `"max_suggestions":3`: `"max_suggestions":0`, `"0.3"`: `"1.1"`, `"associate_percent":10`: `"associate_percent":26`,
		`"manager_percent":25`: `"manager_percent":91`, `"90"`: `"10"`, `"ask_above":"30"`: `"ask_above":"-1"`, `"days":14`: `"days":0`, `"offer_minutes":20`: `"offer_minutes":0`,
		`"code_minutes":30`: `"code_minutes":3000`, `"regular_orders":3`: `"regular_orders":-3`, `"decide_minutes":10}`: `"decide_minutes":10,"extra":1}`, `"min_margin":"0.3"`: `"min_margin":"1e-999999999"`,
	} {
		require.Contains(t, text, old)
		_, err := advice.ReadRules(strings.NewReader(strings.Replace(text, old, bad, 1)))
		assert.ErrorIs(t, err, advice.ErrRules, bad)
	}
	_, err = advice.ReadRules(strings.NewReader(text + "{}"))
	require.ErrorIs(t, err, advice.ErrRules)
	_, err = advice.ReadRules(strings.NewReader(strings.Repeat(" ", 70<<10)))
	require.ErrorIs(t, err, advice.ErrRules)
}

func FuzzReadRules(f *testing.F) {
	f.Add(`{"name":"r","currency":"USD"}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := advice.ReadRules(strings.NewReader(text))
		if err != nil {
			require.ErrorIs(t, err, advice.ErrRules)
			return
		}
		r.Judge(item(1), 10, 1, false)
	})
}
