package risk_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func Example() {
	engine := risk.NewEngine(risk.DefaultPolicy())
	engine.Observe(&risk.Transaction{
		Key: "order/1", Kind: risk.Sale, At: noon, Associate: "staff/7", Amount: decimal.NewFromInt(95),
		Lines: []risk.Line{{SKU: "SHIRT", Quantity: 1, UnitPrice: decimal.NewFromInt(95)}},
	})
	a := engine.Assess(&risk.Transaction{
		Key: "refund/1", Kind: risk.Return, At: noon.Add(30 * time.Minute), Associate: "staff/7", Receipt: "order/1", Amount: decimal.NewFromInt(190),
		Lines: []risk.Line{{SKU: "SHIRT", Quantity: 2, UnitPrice: decimal.NewFromInt(95)}},
	})
	for _, r := range a.Reasons {
		fmt.Println(r.Code, "–", r.Text)
	}
	// Output:
	// RETURN_SAME_ASSOCIATE – Sold and taken back by the same associate within 30 minutes
	// RETURN_NOT_BOUGHT – 1 of 2 pieces are not among what was bought, or were given back before
}

// sale and giveBack make transactions that no rule is about.
func sale(key string, change ...func(*risk.Transaction)) *risk.Transaction {
	t := &risk.Transaction{
		Key: key, Kind: risk.Sale, At: noon, Location: "store/1", Register: "till/" + key, Associate: "staff/" + key, Customer: "customer/" + key,
		Lines: []risk.Line{{SKU: "A", Quantity: 1, UnitPrice: decimal.NewFromInt(20)}}, Tenders: []string{"cash"}, Amount: decimal.NewFromInt(20),
	}
	for _, c := range change {
		c(t)
	}
	return t
}

func giveBack(key, receipt string, change ...func(*risk.Transaction)) *risk.Transaction {
	t := sale(key, func(t *risk.Transaction) {
		t.Kind, t.Receipt, t.At = risk.Return, receipt, noon.Add(24*time.Hour)
	})
	for _, c := range change {
		c(t)
	}
	return t
}

func amount(s string) decimal.Decimal { return decimal.RequireFromString(s) }

// Each rule gives its reason from its limit on, and not below.
func TestRules(t *testing.T) {
	type scene struct {
		before []*risk.Transaction
		at     *risk.Transaction // at the limit
		below  *risk.Transaction // just below it
	}
	many := func(n int, make func(i int) *risk.Transaction) (out []*risk.Transaction) {
		for i := range n {
			out = append(out, make(i))
		}
		return out
	}
	name := func(i int) string { return fmt.Sprint("n", i) }
	returned := func(i int, change ...func(*risk.Transaction)) []*risk.Transaction {
		s := sale(name(i))
		return []*risk.Transaction{s, giveBack("r"+name(i), s.Key, append([]func(*risk.Transaction){func(t *risk.Transaction) { t.Customer = s.Customer }}, change...)...)}
	}
	by := func(customer string) func(*risk.Transaction) {
		return func(t *risk.Transaction) { t.Customer = customer }
	}
	flat := func(lists ...[]*risk.Transaction) (out []*risk.Transaction) {
		for _, l := range lists {
			out = append(out, l...)
		}
		return out
	}
	worth := func(value string) func(*risk.Transaction) {
		return func(t *risk.Transaction) { t.Amount = amount(value) }
	}
	for code, s := range map[risk.Code]scene{
		risk.ReturnWithoutReceipt: {
			at: giveBack("x", "", worth("25.00"), by("")), below: giveBack("x", "", worth("24.99"), by("")),
		},
		risk.ReturnNotBought: {
			before: []*risk.Transaction{sale("s")},
			at:     giveBack("x", "s", func(t *risk.Transaction) { t.Lines[0].Quantity = 2 }), below: giveBack("x", "s"),
		},
		risk.ReturnHighValue: {at: giveBack("x", "s", worth("400")), below: giveBack("x", "s", worth("399.99"))},
		risk.ReturnLate: {
			before: []*risk.Transaction{sale("s")},
			at:     giveBack("x", "s", func(t *risk.Transaction) { t.At = noon.AddDate(0, 0, 60) }), below: giveBack("x", "s", func(t *risk.Transaction) { t.At = noon.AddDate(0, 0, 59) }),
		},
		risk.ReturnSameAssociate: {
			before: []*risk.Transaction{sale("s")},
			at:     giveBack("x", "s", func(t *risk.Transaction) { t.Associate, t.At = "staff/s", noon.Add(2*time.Hour) }),
			below:  giveBack("x", "s", func(t *risk.Transaction) { t.Associate, t.At = "staff/s", noon.Add(2*time.Hour+time.Minute) }),
		},
		risk.ReturnRatio: {
			before: []*risk.Transaction{sale("s", worth("1000"), by("c"))},
			at:     giveBack("x", "s", worth("600"), by("c")), below: giveBack("x", "s", worth("599"), by("c")),
		},
		risk.SerialReturns: {
			before: flat(returned(1, by("c")), returned(2, by("c"))),
			at:     giveBack("x", "n1", by("c")), below: giveBack("x", "n1", by("d")),
		},
		risk.AssociateReturns: {
			before: flat(many(11, func(i int) *risk.Transaction { return sale(name(i)) }), many(11, func(i int) *risk.Transaction {
				return giveBack("r"+name(i), name(i), func(t *risk.Transaction) { t.Associate = "busy" })
			})),
			at:    giveBack("x", "n1", func(t *risk.Transaction) { t.Associate = "busy" }),
			below: giveBack("x", "n1", func(t *risk.Transaction) { t.Associate, t.At = "busy", noon.Add(50*time.Hour) }),
		},
		risk.GiftCardValue: {
			at:    sale("x", func(t *risk.Transaction) { t.Lines[0].GiftCard, t.Lines[0].UnitPrice = true, amount("300") }),
			below: sale("x", func(t *risk.Transaction) { t.Lines[0].GiftCard, t.Lines[0].UnitPrice = true, amount("299.99") }),
		},
		risk.GiftCardVelocity: {
			before: []*risk.Transaction{sale("s", func(t *risk.Transaction) {
				t.Lines[0].GiftCard, t.Lines[0].UnitPrice, t.Register = true, amount("400"), "till"
			})},
			at: sale("x", func(t *risk.Transaction) {
				t.Lines[0].GiftCard, t.Lines[0].UnitPrice, t.Register = true, amount("200"), "till"
			}),
			below: sale("x", func(t *risk.Transaction) {
				t.Lines[0].GiftCard, t.Lines[0].UnitPrice, t.Register = true, amount("199"), "till"
			}),
		},
		risk.DiscountOverride: {
			at:    sale("x", func(t *risk.Transaction) { t.Lines[0].UnitPrice, t.Discount = amount("100"), amount("25") }),
			below: sale("x", func(t *risk.Transaction) { t.Lines[0].UnitPrice, t.Discount = amount("100"), amount("24.99") }),
		},
		risk.AssociateDiscounts: {
			before: many(3, func(i int) *risk.Transaction {
				return sale(name(i), func(t *risk.Transaction) { t.Associate, t.Discount = "a", amount("1") })
			}),
			at:    sale("x", func(t *risk.Transaction) { t.Associate, t.Discount = "a", amount("1") }),
			below: sale("x", func(t *risk.Transaction) { t.Associate = "a" }),
		},
		risk.TransactionVelocity: {
			before: many(5, func(i int) *risk.Transaction { return sale(name(i), func(t *risk.Transaction) { t.Register = "till" }) }),
			at:     sale("x", func(t *risk.Transaction) { t.Register = "till" }),
			below:  sale("x", func(t *risk.Transaction) { t.Register, t.At = "till", noon.Add(11*time.Minute) }),
		},
		risk.TenderSplit: {
			at: sale("x", func(t *risk.Transaction) { t.Tenders = []string{"cash", "cash", "cash"} }), below: sale("x", func(t *risk.Transaction) { t.Tenders = []string{"cash", "cash"} }),
		},
		risk.BasketQuantity: {
			at: sale("x", func(t *risk.Transaction) { t.Lines[0].Quantity = 6 }), below: sale("x", func(t *risk.Transaction) { t.Lines[0].Quantity = 5 }),
		},
	} {
		t.Run(string(code), func(t *testing.T) {
			engine := risk.NewEngine(risk.DefaultPolicy())
			for _, b := range s.before {
				require.NoError(t, b.Validate())
				engine.Observe(b)
			}
			require.NoError(t, s.at.Validate())
			at, below := engine.Assess(s.at), engine.Assess(s.below)
			assert.Contains(t, at.Codes(), string(code))
			assert.NotContains(t, below.Codes(), string(code))
			r, _ := risk.DefaultPolicy().Rule(code)
			for _, reason := range at.Reasons {
				assert.NotEmpty(t, reason.Text)
				if reason.Code == code {
					assert.LessOrEqual(t, reason.Strength, r.Weight)
					assert.GreaterOrEqual(t, at.Score, reason.Strength)
				}
			}
		})
	}
}

// What came back once is not there to come back again, with the receipt or
// without.
func TestGivenBackBefore(t *testing.T) {
	engine := risk.NewEngine(risk.DefaultPolicy())
	engine.Observe(sale("s"))
	engine.Observe(giveBack("r1", "s", func(t *risk.Transaction) { t.Customer = "customer/s" }))
	assert.Contains(t, engine.Assess(giveBack("r2", "s")).Codes(), string(risk.ReturnNotBought))
	assert.Contains(t, engine.Assess(giveBack("r2", "", func(t *risk.Transaction) { t.Customer = "customer/s" })).Codes(), string(risk.ReturnNotBought))
}

// A receipt knows its customer, so that returns add up although the refund does
// not say whose it is.
func TestReceiptKnowsTheCustomer(t *testing.T) {
	engine := risk.NewEngine(risk.DefaultPolicy())
	for i := range 3 {
		s := sale(strconv.Itoa(i), func(t *risk.Transaction) { t.Customer = "c" })
		engine.Observe(s)
		r := giveBack(fmt.Sprint("r", i), s.Key, func(t *risk.Transaction) { t.Customer = "" })
		if i == 2 {
			assert.Contains(t, engine.Assess(r).Codes(), string(risk.SerialReturns))
		}
		engine.Observe(r)
	}
}

// What is rare in a shop says more than what is not.
func TestRarity(t *testing.T) {
	strength := func(odd int) float64 {
		engine := risk.NewEngine(risk.DefaultPolicy())
		for i := range 1000 {
			engine.Observe(sale(strconv.Itoa(i), func(t *risk.Transaction) {
				if i%1000 < odd {
					t.Tenders = []string{"cash", "cash", "cash"}
				}
			}))
		}
		a := engine.Assess(sale("x", func(t *risk.Transaction) { t.Tenders = []string{"cash", "cash", "cash"} }))
		require.Equal(t, []string{"TENDER_SPLIT"}, a.Codes())
		return a.Reasons[0].Strength
	}
	never, seldom, often := strength(0), strength(10), strength(300)
	assert.InDelta(t, 0.4, never, 0.001, "all of the weight")
	assert.Greater(t, never, seldom)
	assert.Greater(t, seldom, often)
	assert.Less(t, often, 0.1)
}

func TestForestFindsWhatNoRuleNames(t *testing.T) {
	engine := risk.NewEngine(risk.DefaultPolicy())
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 1500 {
		engine.Observe(sale(strconv.Itoa(i), func(t *risk.Transaction) {
			t.Lines = nil
			for range 1 + random.IntN(3) {
				t.Lines = append(t.Lines, risk.Line{SKU: fmt.Sprint("common", random.IntN(20)), Quantity: 1, UnitPrice: decimal.NewFromInt(int64(15 + random.IntN(30)))})
			}
			t.Amount = decimal.NewFromInt(int64(15 * len(t.Lines)))
		}))
	}
	ok, err := engine.Train()
	require.NoError(t, err)
	require.True(t, ok)
	odd := sale("x", func(t *risk.Transaction) {
		t.Lines = nil
		for i := range 12 {
			t.Lines = append(t.Lines, risk.Line{SKU: fmt.Sprint("never seen ", i), Quantity: 1, UnitPrice: amount("900")})
		}
		t.Amount = amount("10800")
	})
	a := engine.Assess(odd)
	require.Equal(t, []string{"ANOMALY"}, a.Codes())
	assert.True(t, strings.HasPrefix(a.Reasons[0].Text, "Unlike other sales: "), a.Reasons[0].Text)
	assert.Equal(t, engine.Forest(), a.Forest)
	plain := engine.Assess(sale("y", func(t *risk.Transaction) { t.Lines[0].SKU = "common3" }))
	assert.Less(t, plain.Anomaly, a.Anomaly)
	assert.Empty(t, plain.Reasons)
	assert.Less(t, plain.Score, a.Score)
}

func TestObservedOnce(t *testing.T) {
	once, thrice := risk.NewEngine(risk.DefaultPolicy()), risk.NewEngine(risk.DefaultPolicy())
	for i := range 4 {
		s := sale(strconv.Itoa(i), func(t *risk.Transaction) { t.Register = "till" })
		once.Observe(s)
		for range 3 {
			thrice.Observe(s)
		}
	}
	next := sale("x", func(t *risk.Transaction) { t.Register = "till" })
	assert.Equal(t, once.Assess(next), thrice.Assess(next))

	// A question counts, but nothing was bought yet.
	engine := risk.NewEngine(risk.DefaultPolicy())
	engine.Count(sale("ask"))
	assert.Contains(t, engine.Assess(giveBack("r", "", func(t *risk.Transaction) { t.Customer = "customer/ask" })).Codes(), string(risk.ReturnNotBought))
	engine.Enter(sale("ask"))
	assert.NotContains(t, engine.Assess(giveBack("r", "", func(t *risk.Transaction) { t.Customer = "customer/ask" })).Codes(), string(risk.ReturnNotBought))
}

func TestValidate(t *testing.T) {
	require.NoError(t, sale("x").Validate())
	for name, change := range map[string]func(*risk.Transaction){
		"no key":             func(t *risk.Transaction) { t.Key = "" },
		"unknown kind":       func(t *risk.Transaction) { t.Kind = "gift" },
		"no time":            func(t *risk.Transaction) { t.At = time.Time{} },
		"negative amount":    func(t *risk.Transaction) { t.Amount = amount("-1") },
		"huge amount":        func(t *risk.Transaction) { t.Amount = amount("1e300000000") },
		"tiny amount":        func(t *risk.Transaction) { t.Amount = amount("1e-300000000") },
		"many digits":        func(t *risk.Transaction) { t.Amount = amount("0." + strings.Repeat("1", 60)) },
		"negative discount":  func(t *risk.Transaction) { t.Discount = amount("-1") },
		"id with a space":    func(t *risk.Transaction) { t.Customer = "a b" },
		"id with a control":  func(t *risk.Transaction) { t.Register = "a\x1b[2J" },
		"long id":            func(t *risk.Transaction) { t.Associate = strings.Repeat("x", 129) },
		"many lines":         func(t *risk.Transaction) { t.Lines = make([]risk.Line, 501) },
		"no pieces":          func(t *risk.Transaction) { t.Lines[0].Quantity = 0 },
		"negative price":     func(t *risk.Transaction) { t.Lines[0].UnitPrice = amount("-1") },
		"control in article": func(t *risk.Transaction) { t.Lines[0].SKU = "a\n" },
		"many tenders":       func(t *risk.Transaction) { t.Tenders = make([]string, 21) },
		"empty tender":       func(t *risk.Transaction) { t.Tenders = []string{""} },
	} {
		bad := sale("x", change)
		assert.Error(t, bad.Validate(), name)
	}
}

// The path of a question: what the engine takes of it.
func BenchmarkAssess(b *testing.B) {
	engine := risk.NewEngine(risk.DefaultPolicy())
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 5000 {
		engine.Observe(sale(strconv.Itoa(i), func(t *risk.Transaction) { t.Lines[0].SKU = strconv.Itoa(random.IntN(300)) }))
	}
	_, err := engine.Train()
	require.NoError(b, err)
	odd := sale("x", func(t *risk.Transaction) { t.Lines[0].Quantity, t.Tenders = 9, []string{"cash", "cash", "cash"} })
	for b.Loop() {
		_ = engine.Assess(odd)
	}
}
