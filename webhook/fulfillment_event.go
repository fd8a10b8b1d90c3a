package webhook

import (
	"time"
)

// FulfillmentEvent is the payload of fulfillment_events/create and delete: what
// the carrier says of a fulfillment.
//
// https://shopify.dev/docs/api/admin-rest/latest/resources/fulfillmentevent
type FulfillmentEvent struct {
	ID                int64  `json:"id"`
	AdminGraphqlAPIID string `json:"admin_graphql_api_id"`
	FulfillmentID     int64  `json:"fulfillment_id"`
	OrderID           int64  `json:"order_id"`
	ShopID            int64  `json:"shop_id"`

	// Status is such as confirmed, in_transit, out_for_delivery, delivered
	// or ready_for_pickup.
	Status              string     `json:"status"`
	Message             string     `json:"message"`
	HappenedAt          *time.Time `json:"happened_at"`
	EstimatedDeliveryAt *time.Time `json:"estimated_delivery_at"`
	CreatedAt           *time.Time `json:"created_at"`
	UpdatedAt           *time.Time `json:"updated_at"`

	Address1  string   `json:"address1"`
	City      string   `json:"city"`
	Province  string   `json:"province"`
	Country   string   `json:"country"`
	Zip       string   `json:"zip"`
	Latitude  *float64 `json:"latitude"`
	Longitude *float64 `json:"longitude"`

	Extra Extra `json:"-"`
}
