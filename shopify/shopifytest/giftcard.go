package shopifytest

import (
	"crypto/rand"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
	"github.com/posai-go/posai/shopify/shopifytest/internal/search"
)

// giftCardLimit is how much a gift card may hold, in the shop's currency.
var giftCardLimit = decimal.NewFromInt(10_000)

// giftCard is a gift card. Its code is told once, to who makes it.
type giftCard struct {
	head
	code          string // normalized
	initial       decimal.Decimal
	balance       decimal.Decimal
	customer      *customer
	note          string
	expiresOn     string // a date
	deactivatedAt time.Time
	template      string
	transactions  []*giftCardTransaction
}

type giftCardTransaction struct {
	head
	card        *giftCard
	amount      decimal.Decimal // negative: a debit
	note        string
	processedAt time.Time
}

func (g *giftCard) last() string { return g.code[len(g.code)-4:] }

func (g *giftCard) status() string {
	if g.deactivatedAt.IsZero() {
		return "enabled"
	}
	return "disabled"
}

var giftCardFields = table[*giftCard]{
	"balance":      func(s *state, g *giftCard, _ *graph.Call) any { return s.moneyV2(g.balance) },
	"initialValue": func(s *state, g *giftCard, _ *graph.Call) any { return s.moneyV2(g.initial) },
	"customer":     func(_ *state, g *giftCard, _ *graph.Call) any { return ref(g.customer) },
	"enabled":      func(_ *state, g *giftCard, _ *graph.Call) any { return g.deactivatedAt.IsZero() },
	"isRedeemable": func(s *state, g *giftCard, _ *graph.Call) any {
		return g.deactivatedAt.IsZero() && !s.giftCardExpired(g)
	},
	"expiresOn":      func(_ *state, g *giftCard, _ *graph.Call) any { return orNull(g.expiresOn) },
	"lastCharacters": func(_ *state, g *giftCard, _ *graph.Call) any { return g.last() },
	"maskedCode": func(_ *state, g *giftCard, _ *graph.Call) any {
		return "•••• •••• •••• " + g.last()
	},
	"note":                            func(_ *state, g *giftCard, _ *graph.Call) any { return orNull(g.note) },
	"templateSuffix":                  func(_ *state, g *giftCard, _ *graph.Call) any { return orNull(g.template) },
	"transactions":                    func(_ *state, g *giftCard, _ *graph.Call) any { return list(g.transactions) },
	"deactivatedAt":                   func(_ *state, g *giftCard, _ *graph.Call) any { return timeOrNull(g.deactivatedAt) },
	"crossCurrencyRedemptionStrategy": always[*giftCard]("ALLOWED"),
}

var giftCardTransactionFields = table[*giftCardTransaction]{
	"amount":      func(s *state, t *giftCardTransaction, _ *graph.Call) any { return s.moneyV2(t.amount) },
	"giftCard":    func(_ *state, t *giftCardTransaction, _ *graph.Call) any { return object(t.card) },
	"note":        func(_ *state, t *giftCardTransaction, _ *graph.Call) any { return orNull(t.note) },
	"processedAt": func(_ *state, t *giftCardTransaction, _ *graph.Call) any { return t.processedAt },
}

var giftCardIndex = search.Index[*giftCard]{
	Words: func(g *giftCard) []string { return []string{g.last(), g.note} },
	Fields: commonIndex(map[string]search.Field[*giftCard]{
		"status":          one(search.Keyword, func(g *giftCard) any { return g.status() }),
		"initial_value":   one(search.Number, func(g *giftCard) any { return g.initial }),
		"balance_status":  one(search.Keyword, func(g *giftCard) any { return g.balanceStatus() }),
		"expires_on":      one(search.Keyword, func(g *giftCard) any { return g.expiresOn }),
		"last_characters": one(search.Keyword, func(g *giftCard) any { return g.last() }),
		"customer_id":     one(search.ID, func(g *giftCard) any { return idOf(g.customer) }),
	}),
}

func (g *giftCard) balanceStatus() string {
	switch {
	case g.balance.Equal(g.initial):
		return "full"
	case g.balance.IsZero():
		return "empty"
	}
	return "partial"
}

func (s *state) giftCardExpired(g *giftCard) bool {
	return g.expiresOn != "" && g.expiresOn < s.now().In(s.shop.location).Format(time.DateOnly)
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/giftCardCreate
func giftCardCreate(s *state, c *graph.Call) (any, error) {
	in := input(c, "input")
	if what := unknown(in, "code", "customerId", "expiresOn", "initialAmount", "initialValue", "note", "templateSuffix"); what != "" {
		return nil, notSimulated("GiftCardCreateInput." + what)
	}
	value, given := number(in["initialValue"])
	if money, ok := in["initialAmount"].(map[string]any); ok {
		if value, given = number(money["amount"]); text(money, "currencyCode") != s.shop.data.Currency {
			return refused(userError{[]string{"input", "initialAmount", "currencyCode"}, "The currency is not the shop's.", "INVALID"}), nil
		}
	}
	switch {
	case !given:
		return refused(userError{[]string{"input", "initialAmount"}, "The initial amount is missing.", "MISSING_ARGUMENT"}), nil
	case !value.IsPositive():
		return refused(userError{[]string{"input", "initialValue"}, "must be greater than 0", "GREATER_THAN"}), nil
	case value.GreaterThan(giftCardLimit):
		return refused(userError{[]string{"input", "initialValue"}, "The gift card's value exceeds the shop's limit.", "GIFT_CARD_LIMIT_EXCEEDED"}), nil
	}
	g := &giftCard{initial: s.round(value), balance: s.round(value), note: text(in, "note"), expiresOn: text(in, "expiresOn"), template: text(in, "templateSuffix")}
	if g.expiresOn != "" && s.giftCardExpired(g) {
		return refused(userError{[]string{"input", "expiresOn"}, "must be in the future", "INVALID"}), nil
	}
	if id := text(in, "customerId"); id != "" {
		if g.customer, _ = find[*customer](s, id); g.customer == nil {
			return refused(userError{[]string{"input", "customerId"}, "The customer could not be found.", "CUSTOMER_NOT_FOUND"}), nil
		}
	}
	code, e := s.giftCardCode(text(in, "code"))
	if e != nil {
		return refused(*e), nil
	}
	g.code = code
	s.add(g, "GiftCard", 0, s.now())
	s.giftCards = append(s.giftCards, g)
	out := done("giftCard", object(g))
	out["giftCardCode"] = code
	return out, nil
}

// giftCardCode checks a code of the caller's, or makes one up.
func (s *state) giftCardCode(given string) (string, *userError) {
	field := []string{"input", "code"}
	code := strings.ToLower(strings.NewReplacer(" ", "", "-", "").Replace(given))
	if code == "" {
		return strings.ToLower(rand.Text()[:16]), nil
	}
	switch n := len(code); {
	case n < 8:
		return "", &userError{field, "Code is too short (minimum is 8 characters)", "TOO_SHORT"}
	case n > 20:
		return "", &userError{field, "Code is too long (maximum is 20 characters)", "TOO_LONG"}
	}
	for _, r := range code {
		if ('a' > r || r > 'z') && ('0' > r || r > '9') {
			return "", &userError{field, "Code can only contain letters and numbers", "INVALID"}
		}
	}
	for _, g := range s.giftCards {
		if g.code == code {
			return "", &userError{field, "Code has already been taken", "TAKEN"}
		}
	}
	return code, nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/giftCardUpdate
func giftCardUpdate(s *state, c *graph.Call) (any, error) {
	in := input(c, "input")
	if what := unknown(in, "customerId", "expiresOn", "note", "templateSuffix"); what != "" {
		return nil, notSimulated("GiftCardUpdateInput." + what)
	}
	g, ok := find[*giftCard](s, argID(c))
	if !ok {
		return refused(userError{field: []string{"id"}, message: "The gift card could not be found."}), nil
	}
	if id := text(in, "customerId"); id != "" {
		v, ok := find[*customer](s, id)
		if !ok {
			return refused(userError{field: []string{"input", "customerId"}, message: "The customer could not be found."}), nil
		}
		g.customer = v
	}
	setText(in, "expiresOn", &g.expiresOn)
	setText(in, "note", &g.note)
	setText(in, "templateSuffix", &g.template)
	s.touch(g)
	return done("giftCard", object(g)), nil
}

// giftCardMove books a credit or a debit.
// https://shopify.dev/docs/api/admin-graphql/latest/mutations/giftCardCredit
func giftCardMove(arg, key, payload, typename string, sign int64) func(*state, *graph.Call) (any, error) {
	return func(s *state, c *graph.Call) (any, error) {
		in := input(c, arg)
		g, ok := find[*giftCard](s, argID(c))
		if !ok {
			return refused(userError{[]string{"id"}, "The gift card could not be found.", "GIFT_CARD_NOT_FOUND"}), nil
		}
		amount, e := s.moneyInput(in, key, arg, "MISMATCHING_CURRENCY")
		if e != nil {
			return refused(*e), nil
		}
		after := g.balance.Add(amount.Mul(decimal.NewFromInt(sign)))
		switch field := []string{arg, key, "amount"}; {
		case !g.deactivatedAt.IsZero() || s.giftCardExpired(g):
			return refused(userError{[]string{"id"}, "The gift card is not active.", "INVALID"}), nil
		case after.IsNegative():
			return refused(userError{field, "The gift card does not have sufficient funds to satisfy the request.", "INSUFFICIENT_FUNDS"}), nil
		case after.GreaterThan(giftCardLimit):
			return refused(userError{field, "The gift card's value exceeds the shop's limit.", "GIFT_CARD_LIMIT_EXCEEDED"}), nil
		}
		t := &giftCardTransaction{card: g, amount: after.Sub(g.balance), note: text(in, "note"), processedAt: s.now()}
		if at, err := time.Parse(time.RFC3339, text(in, "processedAt")); err == nil {
			t.processedAt = at
		}
		g.balance = after
		s.add(t, typename, 0, s.now())
		g.transactions = append(g.transactions, t)
		s.touch(g)
		return done(payload, object(t)), nil
	}
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/giftCardDeactivate
func giftCardDeactivate(s *state, c *graph.Call) (any, error) {
	g, ok := find[*giftCard](s, argID(c))
	if !ok {
		return refused(userError{[]string{"id"}, "The gift card could not be found.", "GIFT_CARD_NOT_FOUND"}), nil
	}
	if g.deactivatedAt.IsZero() {
		g.deactivatedAt = s.now()
		s.touch(g)
	}
	return done("giftCard", object(g)), nil
}
