package shopifytest

import (
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// creditLimit is how much store credit an account may hold, in the shop's currency.
// https://shopify.dev/docs/api/admin-graphql/latest/mutations/storeCreditAccountCredit
var creditLimit = decimal.NewFromInt(100_000)

// creditAccount is a customer's store credit.
type creditAccount struct {
	head
	owner        *customer
	balance      decimal.Decimal
	transactions []*creditTransaction
}

type creditTransaction struct {
	head
	account   *creditAccount
	amount    decimal.Decimal // negative: a debit
	after     decimal.Decimal // the balance
	expiresAt time.Time       // zero: never
}

// StoreCredit is the store credit of the customer, by GID.
func (s *Shop) StoreCredit(customerID string) decimal.Decimal {
	return reading(s, func(st *state) decimal.Decimal {
		v, ok := find[*customer](st, customerID)
		if !ok || v.credit == nil {
			return decimal.Zero
		}
		return v.credit.balance
	})
}

var creditAccountFields = table[*creditAccount]{
	"balance":      func(s *state, a *creditAccount, _ *graph.Call) any { return s.moneyV2(a.balance) },
	"owner":        func(_ *state, a *creditAccount, _ *graph.Call) any { return object(a.owner) },
	"transactions": func(_ *state, a *creditAccount, _ *graph.Call) any { return list(a.transactions) },
}

var creditTransactionFields = table[*creditTransaction]{
	"account":                 func(_ *state, t *creditTransaction, _ *graph.Call) any { return object(t.account) },
	"amount":                  func(s *state, t *creditTransaction, _ *graph.Call) any { return s.moneyV2(t.amount) },
	"balanceAfterTransaction": func(s *state, t *creditTransaction, _ *graph.Call) any { return s.moneyV2(t.after) },
	"remainingAmount": func(s *state, t *creditTransaction, _ *graph.Call) any {
		return s.moneyV2(decimal.Min(t.amount, t.account.balance))
	},
	"event":     always[*creditTransaction]("ADJUSTMENT"),
	"expiresAt": func(_ *state, t *creditTransaction, _ *graph.Call) any { return timeOrNull(t.expiresAt) },
}

// creditOf is the account that the id names: its own or its owner's. It is nil if
// the owner has none yet.
func (s *state) creditOf(id string) (owner *customer, account *creditAccount) {
	if a, ok := find[*creditAccount](s, id); ok {
		return a.owner, a
	}
	if v, ok := find[*customer](s, id); ok {
		return v, v.credit
	}
	return nil, nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/storeCreditAccountCredit
func storeCreditAccountCredit(s *state, c *graph.Call) (any, error) {
	in := input(c, "creditInput")
	amount, e := s.moneyInput(in, "creditAmount", "creditInput", "UNSUPPORTED_CURRENCY")
	if e != nil {
		return refused(*e), nil
	}
	id, _ := c.Args["id"].(string)
	owner, account := s.creditOf(id)
	if owner == nil {
		code := "OWNER_NOT_FOUND"
		if strings.HasPrefix(id, "gid://shopify/StoreCreditAccount/") {
			code = "ACCOUNT_NOT_FOUND"
		}
		return refused(userError{[]string{"id"}, "The store credit account or its owner could not be found.", code}), nil
	}
	t := &creditTransaction{amount: amount}
	if text(in, "expiresAt") != "" {
		if t.expiresAt, _ = time.Parse(time.RFC3339, text(in, "expiresAt")); !t.expiresAt.After(s.now()) {
			return refused(userError{[]string{"creditInput", "expiresAt"}, "The expiry date must be in the future.", "EXPIRES_AT_IN_PAST"}), nil
		}
	}
	if account != nil && account.balance.Add(amount).GreaterThan(creditLimit) || account == nil && amount.GreaterThan(creditLimit) {
		return refused(userError{[]string{"creditInput", "creditAmount"}, "The operation would exceed the account's credit limit.", "CREDIT_LIMIT_EXCEEDED"}), nil
	}
	if account == nil {
		account = &creditAccount{owner: owner}
		s.add(account, "StoreCreditAccount", 0, s.now())
		owner.credit = account
	}
	return done("storeCreditAccountTransaction", s.book(account, t, "StoreCreditAccountCreditTransaction")), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/storeCreditAccountDebit
func storeCreditAccountDebit(s *state, c *graph.Call) (any, error) {
	in := input(c, "debitInput")
	amount, e := s.moneyInput(in, "debitAmount", "debitInput", "MISMATCHING_CURRENCY")
	if e != nil {
		return refused(*e), nil
	}
	id, _ := c.Args["id"].(string)
	_, account := s.creditOf(id)
	if account == nil {
		return refused(userError{[]string{"id"}, "The store credit account could not be found.", "ACCOUNT_NOT_FOUND"}), nil
	}
	if amount.GreaterThan(account.balance) {
		return refused(userError{[]string{"debitInput", "debitAmount"}, "The store credit account does not have sufficient funds to satisfy the request.", "INSUFFICIENT_FUNDS"}), nil
	}
	return done("storeCreditAccountTransaction", s.book(account, &creditTransaction{amount: amount.Neg()}, "StoreCreditAccountDebitTransaction")), nil
}

func (s *state) book(a *creditAccount, t *creditTransaction, typename string) any {
	a.balance = a.balance.Add(t.amount)
	t.account, t.after = a, a.balance
	s.add(t, typename, 0, s.now())
	a.transactions = append(a.transactions, t)
	return object(t)
}

// moneyInput is a positive amount of an input of type MoneyInput, in the shop's
// currency.
func (s *state) moneyInput(in map[string]any, key, arg, wrongCurrency string) (decimal.Decimal, *userError) {
	money, _ := in[key].(map[string]any)
	amount, ok := number(money["amount"])
	switch field := []string{arg, key}; {
	case !ok || !amount.IsPositive():
		return amount, &userError{append(field, "amount"), "A positive amount must be used.", "NEGATIVE_OR_ZERO_AMOUNT"}
	case text(money, "currencyCode") != s.shop.data.Currency:
		return amount, &userError{append(field, "currencyCode"), "The currency is not that of the account.", wrongCurrency}
	}
	return s.round(amount), nil
}
