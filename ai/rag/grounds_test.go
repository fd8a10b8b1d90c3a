package rag_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/rag"
	"github.com/posai-go/posai/ai/rag/ragtest"
)

// The location whose names stand in the tests' answers.
var names = map[string]string{ragtest.Location(0): "Main Street", ragtest.Location(1): "Main Street West 12"}

func grounds(opts *rag.GroundsOptions) *rag.Grounds {
	if opts == nil {
		opts = &rag.GroundsOptions{}
	}
	opts.Locations = names
	g := rag.NewGrounds(opts)
	g.Add(ragtest.Products()[:2]...) // shoes and a candle
	g.Add(rag.Sections(rag.Page{
		ID: "policy:returns", Title: "Returns", Language: "en",
		Body: "<h2>Damaged goods</h2><p>Bring the item within 30 days. A fee of $5.00 applies without a receipt.</p>",
	})...)
	return g
}

func TestGroundsText(t *testing.T) {
	const shoes, blue42, blue43, candle, damaged = "[gid://shopify/Product/1]", "[gid://shopify/ProductVariant/11]", "[gid://shopify/ProductVariant/12]", "[gid://shopify/Product/2]", "[policy:returns#damaged-goods]"
	for _, c := range []struct {
		text string
		want []rag.Fault
	}{
		{"The Trail Running Shoes " + shoes + " cost $89.90 or $99.90.", nil},
		{"Sie kosten 89,90 € in 42 " + shoes + ".", nil},
		{"The blue pair in 43 is USD 99.90 " + blue43 + ".", nil},
		{"The blue pair in 43 is 89.90 " + blue43 + ".", []rag.Fault{rag.UnknownPrice}},
		{"It is $79.90. " + shoes, []rag.Fault{rag.UnknownPrice}},
		{"It is $79. " + shoes, []rag.Fault{rag.UnknownPrice}},
		{"It is 79 euros. " + shoes, []rag.Fault{rag.UnknownPrice}},
		{"It is $42. " + shoes, []rag.Fault{rag.UnknownPrice}}, // a size, not a price
		{"The candle is $89.90 " + candle + ".", []rag.Fault{rag.UnknownPrice}},
		{"The shoes are $89.90 " + shoes + ". The candle is $18 " + candle + ".", nil},
		{"SKU TRS-43-BLU " + shoes + " is the one in 43.", nil},
		{"SKU TRS-44-BLU " + shoes + " is the one.", []rag.Fault{rag.UnknownCode}},
		{"Ask for TRS-BLU " + shoes + ".", []rag.Fault{rag.UnknownCode}},
		{"Barcode 4006381333931 " + shoes + ".", nil},
		{"Barcode 4006381333932 " + shoes + ".", []rag.Fault{rag.UnknownFigure}},
		{"We have 4 left at Main Street West 12 " + blue42 + ".", nil},
		{"We have 4 left at Main Street " + blue42 + ".", []rag.Fault{rag.UnknownStock}},
		{"Main Street has 2 in stock " + blue43 + ".", nil},
		{"Main Street has two left " + blue43 + ".", nil},
		{"Main Street has three left " + blue43 + ".", []rag.Fault{rag.UnknownStock}},
		{"There are 40 candles in stock " + candle + ".", nil}, // what it burns for: not told apart, see below
		{"There are 40 left " + candle + ".", []rag.Fault{rag.UnknownStock}},
		{"In stock: 40 " + candle, []rag.Fault{rag.UnknownStock}},
		{"Size 43 is available, 2 pieces " + blue43 + ".", nil},
		{"6 in stock across both stores " + shoes + ".", nil}, // 4 and 2
		{"7 in stock " + shoes + ".", []rag.Fault{rag.UnknownStock}},
		{"Es sind noch 25 Stück auf Lager " + candle + ".", nil},
		{"Es sind noch 26 Stück auf Lager " + candle + ".", []rag.Fault{rag.UnknownStock}},
		{"It burns for 40 hours " + candle + ".", nil},
		{"It burns for 60 hours " + candle + ".", []rag.Fault{rag.UnknownFigure}},
		{"Bring it within 30 days; without a receipt a fee of $5 applies " + damaged + ".", nil},
		{"Bring it within 90 days " + damaged + ".", []rag.Fault{rag.UnknownFigure}},
		{"A fee of $30 applies " + damaged + ".", []rag.Fault{rag.UnknownPrice}},
		{"See [gid://shopify/Product/77].", []rag.Fault{rag.UnknownID}},
		{"See gid://shopify/Product/77 for more.", []rag.Fault{rag.UnknownID}},
		{"See [policy:returns#refunds].", []rag.Fault{rag.UnknownID}},
		{"1. Shoes " + shoes + "\n2. Candle " + candle, nil},
		{"It comes in 42.", nil},
		{"You asked for 3 pairs of 45; we only have 42 and 43 " + shoes + ".", nil},
		{"You asked for 3 pairs of 46 " + shoes + ".", []rag.Fault{rag.UnknownFigure}},
		{"I would ask a manager.", nil},
		{"", nil},
	} {
		g := grounds(nil)
		g.Allow("3 pairs in 45, please")
		var got []rag.Fault
		for _, v := range g.Check(rag.Answer{Text: c.text}) {
			got = append(got, v.Fault)
		}
		assert.Equal(t, c.want, got, c.text)
	}
}

func TestGroundsClaims(t *testing.T) {
	two, seven := int64(2), int64(7)
	dec := func(s string) decimal.NullDecimal { return decimal.NewNullDecimal(decimal.RequireFromString(s)) }
	const shoes, blue43 = "gid://shopify/Product/1", "gid://shopify/ProductVariant/12"
	for name, c := range map[string]struct {
		claim rag.Claim
		want  []rag.Violation
	}{
		"price":              {rag.Claim{ID: blue43, Price: dec("99.9")}, nil},
		"price of another":   {rag.Claim{ID: blue43, Price: dec("89.9")}, []rag.Violation{{Fault: rag.UnknownPrice, Value: "89.9", ID: blue43}}},
		"a price":            {rag.Claim{ID: shoes, Price: dec("89.90")}, nil},
		"stock here":         {rag.Claim{ID: blue43, Stock: &two, Location: ragtest.Location(0)}, nil},
		"stock elsewhere":    {rag.Claim{ID: blue43, Stock: &two, Location: ragtest.Location(1)}, []rag.Violation{{Fault: rag.UnknownStock, Value: "2", ID: blue43, Location: ragtest.Location(1)}}},
		"stock anywhere":     {rag.Claim{ID: blue43, Stock: &seven}, []rag.Violation{{Fault: rag.UnknownStock, Value: "7", ID: blue43}}},
		"unknown product":    {rag.Claim{ID: "gid://shopify/Product/9", Price: dec("1")}, []rag.Violation{{Fault: rag.UnknownID, Value: "gid://shopify/Product/9"}}},
		"quote":              {rag.Claim{ID: "policy:returns#damaged-goods", Quote: "Bring the item\n within 30 days."}, nil},
		"quote, reworded":    {rag.Claim{ID: "policy:returns#damaged-goods", Quote: "Bring the item within 90 days."}, []rag.Violation{{Fault: rag.UnknownQuote, Value: "Bring the item within 90 days.", ID: "policy:returns#damaged-goods"}}},
		"quote of elsewhere": {rag.Claim{ID: shoes, Quote: "Bring the item within 30 days."}, []rag.Violation{{Fault: rag.UnknownQuote, Value: "Bring the item within 30 days.", ID: shoes}}},
	} {
		assert.Equal(t, c.want, grounds(nil).Check(rag.Answer{Claims: []rag.Claim{c.claim}}), name)
	}
	g := grounds(&rag.GroundsOptions{MustCite: true})
	assert.Equal(t, []rag.Violation{{Fault: rag.NoCitation}}, g.Check(rag.Answer{Text: "We have nice shoes."}))
	assert.Empty(t, g.Check(rag.Answer{Text: "We have nice shoes.", Claims: []rag.Claim{{ID: shoes}}}))
}

// TestGroundsGuard puts grounds between a model and its reader.
func TestGroundsGuard(t *testing.T) {
	g := grounds(nil)
	bad := "It is $1.99 [gid://shopify/Product/2]."
	good := "It is $18.00 [gid://shopify/Product/2]."
	req := &ai.Request{Messages: []ai.Message{{Role: ai.RoleUser, Parts: []ai.Part{g.Part()}}}}
	assert.True(t, req.Tainted())
	for _, stream := range []bool{false, true} {
		model := ai.Wrap(aitest.NewModel(t, aitest.Text(bad), aitest.Text(good), aitest.ToolCall("1", "search", map[string]string{"q": "x9"})), ai.Guard(g.Guard()))
		ask := func() (*ai.Response, error) {
			if stream {
				return ai.Accumulate(model.Stream(t.Context(), req))
			}
			return model.Generate(t.Context(), req)
		}
		_, err := ask()
		blocked, ok := errors.AsType[*ai.BlockedError](err)
		require.True(t, ok)
		assert.Equal(t, "grounds", blocked.Check)
		assert.Equal(t, "unknown price 1.99", blocked.Match)
		assert.NotContains(t, err.Error(), "1.99")
		resp, err := ask()
		require.NoError(t, err)
		assert.Equal(t, good, resp.Text())
		_, err = ask()
		require.NoError(t, err, "a tool call is not an answer")
	}
}

func TestGroundsPart(t *testing.T) {
	g := grounds(nil)
	var list []map[string]any
	require.NoError(t, json.Unmarshal([]byte(g.Part().Text), &list))
	require.Len(t, list, 3)
	assert.Equal(t, "gid://shopify/Product/1", list[0]["id"])
	assert.Contains(t, g.Part().Text, `"price":"89.90"`)
	assert.Contains(t, g.Part().Text, `"name":"Main Street West 12"`)

	newer := ragtest.Products()[1]
	newer.Variants[0].Price = decimal.RequireFromString("21")
	g.Add(newer)
	assert.Len(t, g.Documents(), 3)
	assert.NotEmpty(t, g.Check(rag.Answer{Text: "It is $18.00 [gid://shopify/Product/2]."}))
}

func FuzzGrounds(f *testing.F) {
	f.Add("We have 4 left at Main Street West 12 [gid://shopify/ProductVariant/11]. It is $89.90!")
	f.Add("1. TRS-44-BLU, 1,299.00 USD\n2. [x:y] drei auf Lager…")
	f.Add("İ 3 in stock Main Street \u202f5")
	g := grounds(nil)
	f.Fuzz(func(t *testing.T, s string) {
		for _, v := range g.Check(rag.Answer{Text: s, Claims: []rag.Claim{{ID: s, Quote: s}}}) {
			if v.Fault == "" {
				t.Fatal("violation without a fault")
			}
		}
		// Whatever surrounds it, a price that is not there is found.
		if !strings.ContainsAny(s, "[]") {
			found := false
			for _, v := range g.Check(rag.Answer{Text: s + "\nIt is $4711.37 [gid://shopify/Product/2]."}) {
				found = found || v.Fault == rag.UnknownPrice && v.Value == "4711.37"
			}
			if !found {
				t.Fatalf("an invented price passed behind %q", s)
			}
		}
	})
}

func ExampleGrounds() {
	ctx := context.Background()
	index, _ := rag.NewMemory(nil)
	_ = index.Apply(ctx, rag.Put{Document: ragtest.Products()[1]})
	found, err := index.Search(ctx, rag.Query{Text: "candle"})
	if err != nil {
		panic(err)
	}
	g := rag.NewGrounds(&rag.GroundsOptions{Locations: map[string]string{ragtest.Location(0): "Main Street"}})
	g.Add(found.Documents()...)
	for _, text := range []string{
		"The Beeswax Candle is $18.00, and Main Street has 25 in stock [gid://shopify/Product/2].",
		"The Beeswax Candle is $12.00, and Main Street has 3 in stock [gid://shopify/Product/2].",
	} {
		fmt.Println(g.Check(rag.Answer{Text: text}))
	}
	// Output:
	// []
	// [unknown price 12.00 unknown stock 3 Main Street]
}
