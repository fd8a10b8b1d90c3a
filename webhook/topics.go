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

	OrderTransactionsCreate  Topic[Transaction]       = "order_transactions/create"
	TenderTransactionsCreate Topic[TenderTransaction] = "tender_transactions/create"

	RefundsCreate Topic[Refund] = "refunds/create"

	ReturnsRequest Topic[Return]       = "returns/request"
	ReturnsApprove Topic[Return]       = "returns/approve"
	ReturnsDecline Topic[Return]       = "returns/decline"
	ReturnsUpdate  Topic[ReturnUpdate] = "returns/update"
	ReturnsProcess Topic[Return]       = "returns/process"
	ReturnsCancel  Topic[Return]       = "returns/cancel"
	ReturnsClose   Topic[Return]       = "returns/close"
	ReturnsReopen  Topic[Return]       = "returns/reopen"

	CustomersCreate Topic[Customer] = "customers/create"
	CustomersUpdate Topic[Customer] = "customers/update"
)
