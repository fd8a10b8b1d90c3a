package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func sampleSale() (*Sale, []Candidate) {
	s := &Sale{
		ShopName: "Harbor & Pine", OrderID: "gid://shopify/Order/1", OrderName: "#1001", LocationName: "Quay Street",
		Lines:    []Line{{ProductID: "gid://shopify/Product/1", VariantID: "gid://shopify/ProductVariant/1", Title: "Cedar Candle", ProductType: "Candles", Quantity: 1}},
		Customer: &Customer{ID: "gid://shopify/Customer/1", FirstName: "Maya", LastName: "Okafor", Consent: true},
	}
	return s, []Candidate{
		{ProductID: "gid://shopify/Product/2", VariantID: "gid://shopify/ProductVariant/2", Title: "Long Matches 40", ProductType: "Candles", Available: 4, Score: 0.6},
		{ProductID: "gid://shopify/Product/3", VariantID: "gid://shopify/ProductVariant/3", Title: "Linen Throw", ProductType: "Throws", Available: 2, Score: 0.3},
	}
}

func goodJudgment() Judgment {
	return Judgment{
		Occasion: OccasionGift,
		Message:  "Thank you for coming to Harbor & Pine, Maya. The Cedar Candle goes well with Long Matches 40.",
		Recommendations: []Pick{
			{ProductID: "gid://shopify/Product/2", Reason: "Lights the candle without burnt fingers."},
			{ProductID: "gid://shopify/Product/3", Reason: "For a slow evening by candlelight."},
		},
	}
}

func TestJudgmentAccepted(t *testing.T) {
	s, c := sampleSale()
	require.NoError(t, goodJudgment().check(s, c))
}

func TestJudgmentRefused(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Judgment)
		want   string
	}{
		{"unknown occasion", func(j *Judgment) { j.Occasion = "birthday" }, "occasion is none of"},
		{"no occasion", func(j *Judgment) { j.Occasion = "" }, "occasion is none of"},
		{"empty message", func(j *Judgment) { j.Message = "" }, "has 0 characters"},
		{"long message", func(j *Judgment) { j.Message = strings.Repeat("so lovely ", 50) }, "characters, allowed are"},
		{"no recommendation", func(j *Judgment) { j.Recommendations = nil }, "name at least one"},
		{"three recommendations", func(j *Judgment) { j.Recommendations = append(j.Recommendations, j.Recommendations[0]) }, "at most 2"},
		{"same product twice", func(j *Judgment) { j.Recommendations[1] = j.Recommendations[0] }, "named twice"},
		{"invented product", func(j *Judgment) { j.Recommendations[0].ProductID = "gid://shopify/Product/999" }, "not one of the candidates"},
		{"product just bought", func(j *Judgment) { j.Recommendations[0].ProductID = "gid://shopify/Product/1" }, "not one of the candidates"},
		{"invented name", func(j *Judgment) { j.Message = "Thank you, Maya. Try our Velvet Moon Lantern next time." }, "neither in the sale nor recommended"},
		{"price with symbol", func(j *Judgment) { j.Message = "Thank you, Maya. The throw is only $ forty." }, "price or a discount"},
		{"price in digits", func(j *Judgment) { j.Message = "Thank you, Maya. The throw is just 40 today." }, "contains a number"},
		{"discount", func(j *Judgment) { j.Message = "Thank you, Maya. Ask us about a discount next time." }, "price or a discount"},
		{"percentage", func(j *Judgment) { j.Message = "Thank you, Maya. Take ten % off next time." }, "price or a discount"},
		{"delivery promise", func(j *Judgment) { j.Message = "Thank you, Maya. We deliver to your door." }, "promises something"},
		{"date promise", func(j *Judgment) { j.Message = "Thank you, Maya. It will be with you by Friday." }, "promises something"},
		{"last name", func(j *Judgment) { j.Message = "Thank you for your visit, Maya okafor, enjoy it." }, "personal data"},
		{"e-mail address", func(j *Judgment) { j.Message = "Thank you, Maya. Write to maya@example.com for more." }, "contact data"},
		{"phone number", func(j *Judgment) { j.Message = "Thank you, Maya. Ring us on 555 0100 for more." }, "contains a number"},
		{"HTML", func(j *Judgment) { j.Message = "Thank you, <b>Maya</b>, enjoy the candle." }, "markup"},
		{"script", func(j *Judgment) { j.Message = "Thank you, Maya <script>alert()</script>" }, "markup"},
		{"Markdown link", func(j *Judgment) { j.Message = "Thank you, Maya. [More](there) for you to see." }, "markup"},
		{"URL", func(j *Judgment) { j.Message = "Thank you, Maya. See https://shop.example.com soon." }, "markup"},
		{"entity", func(j *Judgment) { j.Message = "Thank you, Maya &lt; enjoy the candle." }, "markup"},
		{"control character", func(j *Judgment) { j.Message = "Thank you, Maya.\x1b[2J Enjoy the candle." }, "control"},
		{"right-to-left override", func(j *Judgment) { j.Message = "Thank you, Maya.\u202e Enjoy the candle." }, "control"},
		{"invalid UTF-8", func(j *Judgment) { j.Message = "Thank you, Maya.\xff Enjoy the candle." }, "control"},
		{"empty reason", func(j *Judgment) { j.Recommendations[0].Reason = "" }, "reason: has 0"},
		{"price in a reason", func(j *Judgment) { j.Recommendations[0].Reason = "Only €5 more." }, "price or a discount"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, c := sampleSale()
			j := goodJudgment()
			tt.change(&j)
			assert.ErrorContains(t, j.check(s, c), tt.want)
		})
	}
}

func TestNoAdvertisingWithoutConsent(t *testing.T) {
	s, c := sampleSale()
	j := goodJudgment()
	require.NoError(t, j.check(s, c))
	s.Customer.Consent = false
	require.ErrorContains(t, j.check(s, c), "did not agree to marketing")
	j.Message = "Thank you for coming, Maya. Next time look at our linen  throw too."
	require.ErrorContains(t, j.check(s, c), "did not agree to marketing", "spelling does not matter")
	j.Message = "Thank you for coming, Maya. Enjoy the Cedar Candle."
	require.NoError(t, j.check(s, c), "what was bought may be named")
	s.Customer = nil
	j.Message = "Thank you for coming. Enjoy the Cedar Candle."
	require.NoError(t, j.check(s, c))
}

func TestKnownNamesAreCutAtWordBoundaries(t *testing.T) {
	s, c := sampleSale()
	s.Customer.FirstName = "Al"
	j := goodJudgment()
	j.Message = "Thank you, Al. Also thank you for choosing the Cedar Candle, Al, Al."
	require.NoError(t, j.check(s, c))
	j.Message = "Thank you, Al. The Alpine Meadow Rug suits you."
	require.Error(t, j.check(s, c), "a name inside another word hides nothing")
}

// The baseline's words must pass the same rules as a model's.
func TestBaselinePassesTheCheck(t *testing.T) {
	for _, customer := range []*Customer{
		nil,
		{FirstName: "Maya", LastName: "Okafor"},
		{FirstName: "Jean-Luc", LastName: "Abara", Bought: map[string]bool{"gid://shopify/Product/1": true}},
		{FirstName: "Ana María", Bought: map[string]bool{"x": true}},
		{FirstName: "Bo", Bought: map[string]bool{"x": true}, BoughtTypes: map[string]bool{"Candles": true}},
		{FirstName: "<script>alert(1)</script>"},
		{FirstName: "https://spam.example.com"},
		{FirstName: strings.Repeat("long", 100)},
	} {
		for _, gift := range []bool{true, false} {
			for _, id := range []string{"gid://shopify/Order/1", "gid://shopify/Order/2", "gid://shopify/Order/3"} {
				s, c := sampleSale()
				s.Customer, s.Gift, s.OrderID = customer, gift, id
				for n := range len(c) + 1 {
					j := baseline(s, c[:n])
					require.NoError(t, j.check(s, c[:n]), "%+v: %q", customer, j.Message)
					require.Equal(t, j, baseline(s, c[:n]), "the same sale gives the same answer")
				}
			}
		}
	}
}

func TestOccasion(t *testing.T) {
	s, _ := sampleSale()
	history := func(products, types string) *Customer {
		return &Customer{Bought: map[string]bool{products: true}, BoughtTypes: map[string]bool{types: true}}
	}
	assert.Equal(t, OccasionUnknown, occasion(s), "a first sale says nothing")
	s.Customer = history("gid://shopify/Product/1", "Candles")
	assert.Equal(t, OccasionReplenishment, occasion(s))
	s.Customer = history("gid://shopify/Product/9", "Throws")
	assert.Equal(t, OccasionDiscovery, occasion(s))
	s.Customer = history("gid://shopify/Product/9", "Candles")
	assert.Equal(t, OccasionUnknown, occasion(s))
	s.Gift = true
	assert.Equal(t, OccasionGift, occasion(s))
	s.Customer, s.Gift = nil, false
	assert.Equal(t, OccasionUnknown, occasion(s))
}

func FuzzJudgmentCheck(f *testing.F) {
	f.Add("Thank you for coming, Maya.", "Goes well with it.")
	f.Add("<script>", "$5")
	f.Fuzz(func(t *testing.T, text, reason string) {
		s, c := sampleSale()
		j := goodJudgment()
		j.Message, j.Recommendations[0].Reason = text, reason
		if j.check(s, c) == nil && (strings.ContainsAny(text+reason, "<>$€\x00") || strings.Contains(strings.ToLower(text), "okafor ")) {
			t.Fatalf("accepted %q %q", text, reason)
		}
	})
}
