package webhook

// Topics with typed payloads.
//
// https://shopify.dev/docs/api/webhooks/2026-10
const (
	OrdersCreate             Topic[Order] = "orders/create"
	OrdersPaid               Topic[Order] = "orders/paid"
	OrdersUpdated            Topic[Order] = "orders/updated"
	OrdersCancelled          Topic[Order] = "orders/cancelled"
	OrdersFulfilled          Topic[Order] = "orders/fulfilled"
	OrdersPartiallyFulfilled Topic[Order] = "orders/partially_fulfilled"

	RefundsCreate Topic[Refund] = "refunds/create"

	CustomersCreate Topic[Customer] = "customers/create"
	CustomersUpdate Topic[Customer] = "customers/update"
)
