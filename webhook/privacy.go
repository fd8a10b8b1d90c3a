package webhook

// DataRequest is the payload of customers/data_request: a customer asks what
// is stored about them. The answer goes to the merchant, within 30 days.
//
// https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance#customers-data_request
type DataRequest struct {
	ShopID          int64           `json:"shop_id"`
	ShopDomain      string          `json:"shop_domain"`
	OrdersRequested []int64         `json:"orders_requested"`
	Customer        PrivacyCustomer `json:"customer"`
	DataRequest     DataRequestID   `json:"data_request"`

	Extra Extra `json:"-"`
}

// DataRequestID numbers a request of a customer's.
type DataRequestID struct {
	ID int64 `json:"id"`

	Extra Extra `json:"-"`
}

// CustomerRedaction is the payload of customers/redact: what is stored about a
// customer shall be erased, within 30 days.
//
// https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance#customers-redact
type CustomerRedaction struct {
	ShopID         int64           `json:"shop_id"`
	ShopDomain     string          `json:"shop_domain"`
	Customer       PrivacyCustomer `json:"customer"`
	OrdersToRedact []int64         `json:"orders_to_redact"`

	Extra Extra `json:"-"`
}

// ShopRedaction is the payload of shop/redact, which comes 48 hours after a shop
// uninstalled the app: what is stored about the shop shall be erased.
//
// https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance#shop-redact
type ShopRedaction struct {
	ShopID     int64  `json:"shop_id"`
	ShopDomain string `json:"shop_domain"`

	Extra Extra `json:"-"`
}

// PrivacyCustomer is the customer whom a compliance topic is about. E-mail
// address and phone number are there so that the customer can be found, and
// may be empty.
type PrivacyCustomer struct {
	ID    int64  `json:"id"`
	Email string `json:"email"`
	Phone string `json:"phone"`

	Extra Extra `json:"-"`
}
