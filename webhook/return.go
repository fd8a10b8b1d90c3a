package webhook

import "encoding/json"

// Return is the payload of returns/request, approve, decline, process, cancel,
// close and reopen, and one of an order's returns. Cancel, close and reopen
// send the ids and the status alone: read the lines back through the API.
// returns/update sends [ReturnUpdate].
//
// https://shopify.dev/docs/api/webhooks/latest
type Return struct {
	ID                int64  `json:"id"`
	AdminGraphqlAPIID string `json:"admin_graphql_api_id"`

	// Name is such as "#1001-R1".
	Name string `json:"name"`

	// Status is requested, open, closed, declined or canceled.
	Status string `json:"status"`

	// OrderID is the order's id, in whichever of its two forms it was sent:
	// as this or in Order.
	OrderID int64      `json:"order_id,omitzero"`
	Order   *Reference `json:"order"`

	TotalReturnLineItems   int64              `json:"total_return_line_items"`
	ReturnLineItems        []ReturnLineItem   `json:"return_line_items"`
	ReturnShippingFees     []ReturnFee        `json:"return_shipping_fees"`
	TotalExchangeLineItems int64              `json:"total_exchange_line_items"`
	ExchangeLineItems      []ExchangeLineItem `json:"exchange_line_items"`

	// Decline says why the return was declined, if it was.
	Decline *ReturnDecline `json:"decline,omitzero"`

	Extra Extra `json:"-"`
}

// UnmarshalJSON decodes a return, keeps in Extra what it does not know, and
// sets OrderID.
func (r *Return) UnmarshalJSON(data []byte) error {
	type plain Return
	if err := unmarshalExtra(data, (*plain)(r), &r.Extra); err != nil {
		return err
	}
	if r.OrderID == 0 && r.Order != nil {
		r.OrderID = r.Order.ID
	}
	return nil
}

// MarshalJSON encodes a return together with its Extra.
func (r Return) MarshalJSON() ([]byte, error) {
	type plain Return
	return marshalExtra(plain(r), r.Extra)
}

// ReturnLineItem is a line that is sent back.
type ReturnLineItem struct {
	ID                  int64                `json:"id"`
	AdminGraphqlAPIID   string               `json:"admin_graphql_api_id"`
	FulfillmentLineItem *FulfillmentLineItem `json:"fulfillment_line_item"`
	Quantity            int64                `json:"quantity"`

	// ReturnReason is color, defective, not_as_described, other,
	// size_too_large, size_too_small, style, unknown, unwanted or wrong_item;
	// ReturnReasonNote is what the merchant wrote, CustomerNote what the
	// customer did. ReturnReasonDefinition, which not all deliveries carry,
	// is the finer reason of the shop's list.
	ReturnReason           string                  `json:"return_reason"`
	ReturnReasonNote       string                  `json:"return_reason_note"`
	CustomerNote           string                  `json:"customer_note"`
	ReturnReasonDefinition *ReturnReasonDefinition `json:"return_reason_definition,omitzero"`

	RestockingFee *ReturnFee `json:"restocking_fee"`

	Extra Extra `json:"-"`
}

// LineItemID is the id of the order's line that is sent back, or 0 if it was
// not sent.
func (l *ReturnLineItem) LineItemID() int64 {
	if l.FulfillmentLineItem == nil || l.FulfillmentLineItem.LineItem == nil {
		return 0
	}
	return l.FulfillmentLineItem.LineItem.ID
}

// FulfillmentLineItem names a line of a fulfillment and the order's line that
// it is of.
type FulfillmentLineItem struct {
	ID                int64      `json:"id"`
	AdminGraphqlAPIID string     `json:"admin_graphql_api_id"`
	LineItem          *Reference `json:"line_item"`

	Extra Extra `json:"-"`
}

// ReturnReasonDefinition is a reason of the shop's list. Handle is stable,
// such as "too-short"; Name is what people see.
//
// https://shopify.dev/docs/api/admin-graphql/latest/objects/ReturnReasonDefinition
type ReturnReasonDefinition struct {
	ID     int64  `json:"id,omitzero"`
	Handle string `json:"handle"`
	Name   string `json:"name"`

	Extra Extra `json:"-"`
}

// ReturnFee is what sending something back costs the customer.
type ReturnFee struct {
	ID                int64     `json:"id"`
	AdminGraphqlAPIID string    `json:"admin_graphql_api_id"`
	Price             *MoneySet `json:"price"`

	Extra Extra `json:"-"`
}

// ExchangeLineItem is what the customer gets instead. LineItem is nil until
// the exchange is added to the order.
type ExchangeLineItem struct {
	ID                int64      `json:"id"`
	AdminGraphqlAPIID string     `json:"admin_graphql_api_id"`
	LineItem          *Reference `json:"line_item"`

	Extra Extra `json:"-"`
}

// ReturnDecline says why a return was declined. Reason is final_sale, other or
// return_period_ended.
type ReturnDecline struct {
	Reason string `json:"reason"`
	Note   string `json:"note"`

	Extra Extra `json:"-"`
}

// ReturnUpdate is the payload of returns/update: what was taken off a return
// or what changed in its fees.
type ReturnUpdate struct {
	AdminGraphqlAPIID string `json:"admin_graphql_api_id"`

	ReturnLineItems    *ReturnChanges `json:"return_line_items"`
	RestockingFees     *ReturnChanges `json:"restocking_fees"`
	ReturnShippingFees *ReturnChanges `json:"return_shipping_fees"`

	Extra Extra `json:"-"`
}

// ReturnChanges are what changed in one part of a return. Updates differ in
// form from part to part.
type ReturnChanges struct {
	Updates  []json.RawMessage `json:"updates,omitzero"`
	Removals []ReturnRemoval   `json:"removals"`

	Extra Extra `json:"-"`
}

// ReturnRemoval is what was removed; Delta is how many pieces.
type ReturnRemoval struct {
	AdminGraphqlAPIID string `json:"admin_graphql_api_id"`
	Delta             int64  `json:"delta"`

	Extra Extra `json:"-"`
}
