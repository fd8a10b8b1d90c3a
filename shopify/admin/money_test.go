package admin_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/shopifytest"
)

func dollars(n int64) shopify.Money {
	return shopify.Money{Amount: decimal.NewFromInt(n), CurrencyCode: "USD"}
}

// refusal is the code of the only user error.
func refusal(t *testing.T, err error) string {
	t.Helper()
	var refused *shopify.UserErrors
	require.ErrorAs(t, err, &refused)
	require.Len(t, refused.List, 1)
	return refused.List[0].Code
}

func TestStoreCredit(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small})
	c := connect(t, shop, shopify.Options{})
	customer := shopify.GID(shop.Customers()[0].ID)
	credit := func(id shopify.GID, amount shopify.Money) error {
		return second(admin.StoreCreditAccountCredit(t.Context(), c, id, admin.StoreCreditAccountCreditInput{CreditAmount: amount}))
	}
	require.NoError(t, credit(customer, dollars(25)))
	require.NoError(t, credit(customer, dollars(5)))
	accounts, err := admin.ListStoreCreditAccounts(t.Context(), c, customer)
	require.NoError(t, err)
	require.Len(t, accounts.Customer.StoreCreditAccounts.Nodes, 1)
	account := accounts.Customer.StoreCreditAccounts.Nodes[0]
	assert.Equal(t, "30", account.Balance.Amount.String())
	debit := func(amount shopify.Money) error {
		return second(admin.StoreCreditAccountDebit(t.Context(), c, account.ID, admin.StoreCreditAccountDebitInput{DebitAmount: amount}))
	}
	require.NoError(t, debit(dollars(12)))
	assert.Equal(t, "18", shop.StoreCredit(string(customer)).String())
	assert.Equal(t, "INSUFFICIENT_FUNDS", refusal(t, debit(dollars(19))))
	assert.Equal(t, "NEGATIVE_OR_ZERO_AMOUNT", refusal(t, debit(dollars(0))))
	assert.Equal(t, "MISMATCHING_CURRENCY", refusal(t, debit(shopify.Money{Amount: decimal.NewFromInt(1), CurrencyCode: "EUR"})))
	assert.Equal(t, "CREDIT_LIMIT_EXCEEDED", refusal(t, credit(account.ID, dollars(100_000))))
	assert.Equal(t, "OWNER_NOT_FOUND", refusal(t, credit("gid://shopify/Customer/1", dollars(1))))
	assert.Equal(t, "18", shop.StoreCredit(string(customer)).String(), "what is refused changes nothing")

	book, err := admin.ListStoreCreditTransactions(t.Context(), c, account.ID, 10, shopify.Optional[string]{})
	require.NoError(t, err)
	var amounts []string
	for _, transaction := range book.StoreCreditAccount.Transactions.Nodes {
		amounts = append(amounts, transaction.Amount.Amount.String())
	}
	assert.Equal(t, []string{"-12", "5", "25"}, amounts, "the latest first")
}

func TestGiftCards(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small})
	c := connect(t, shop, shopify.Options{})
	made, err := admin.GiftCardCreate(t.Context(), c, admin.GiftCardCreateInput{
		InitialAmount: shopify.Some(dollars(50)), Code: shopify.Some("LINEN-2026-ABCD"), CustomerID: shopify.Some(shopify.GID(shop.Customers()[0].ID)),
	})
	require.NoError(t, err)
	card := made.GiftCardCreate.GiftCard
	assert.Equal(t, "abcd", card.LastCharacters)
	assert.Equal(t, "linen2026abcd", made.GiftCardCreate.GiftCardCode)
	_, err = admin.GiftCardCreate(t.Context(), c, admin.GiftCardCreateInput{InitialAmount: shopify.Some(dollars(50)), Code: shopify.Some("linen 2026 abcd")})
	assert.Equal(t, "TAKEN", refusal(t, err))
	_, err = admin.GiftCardCreate(t.Context(), c, admin.GiftCardCreateInput{})
	assert.Equal(t, "MISSING_ARGUMENT", refusal(t, err))

	debit := func(n int64) error {
		return second(admin.GiftCardDebit(t.Context(), c, card.ID, admin.GiftCardDebitInput{DebitAmount: dollars(n)}))
	}
	require.NoError(t, debit(20))
	require.NoError(t, second(admin.GiftCardCredit(t.Context(), c, card.ID, admin.GiftCardCreditInput{CreditAmount: dollars(5)})))
	assert.Equal(t, "INSUFFICIENT_FUNDS", refusal(t, debit(36)))
	require.NoError(t, second(admin.GiftCardUpdate(t.Context(), c, card.ID, admin.GiftCardUpdateInput{Note: shopify.Some("for the delay")})))
	got, err := admin.GetGiftCard(t.Context(), c, card.ID)
	require.NoError(t, err)
	assert.Equal(t, "35", got.GiftCard.Balance.Amount.String())
	assert.Equal(t, "for the delay", got.GiftCard.Note)
	found, err := admin.ListGiftCards(t.Context(), c, 10, shopify.Optional[string]{}, shopify.Some("status:enabled balance_status:partial"), shopify.Optional[admin.GiftCardSortKeys]{}, shopify.Optional[bool]{})
	require.NoError(t, err)
	require.Len(t, found.GiftCards.Nodes, 1)

	require.NoError(t, second(admin.GiftCardDeactivate(t.Context(), c, card.ID)))
	assert.Equal(t, "INVALID", refusal(t, debit(1)))
}

func TestGiftCardExpires(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small})
	c := connect(t, shop, shopify.Options{})
	made, err := admin.GiftCardCreate(t.Context(), c, admin.GiftCardCreateInput{
		InitialAmount: shopify.Some(dollars(50)), ExpiresOn: shopify.Some(time.Now().AddDate(0, 1, 0).Format(time.DateOnly)),
	})
	require.NoError(t, err)
	debit := func() error {
		return second(admin.GiftCardDebit(t.Context(), c, made.GiftCardCreate.GiftCard.ID, admin.GiftCardDebitInput{DebitAmount: dollars(1)}))
	}
	require.NoError(t, debit())
	shop.Advance(40 * 24 * time.Hour)
	assert.Equal(t, "INVALID", refusal(t, debit()))
}
