package webhook

import (
	"encoding/json"
	"time"
)

// Fulfillment is the payload of fulfillments/create and fulfillments/update,
// and one of an order's: a part of it that was handed over or sent.
//
// https://shopify.dev/docs/api/admin-rest/latest/resources/fulfillment
type Fulfillment struct {
	ID                int64  `json:"id"`
	AdminGraphqlAPIID string `json:"admin_graphql_api_id"`
	OrderID           int64  `json:"order_id"`
	Name              string `json:"name"` // such as "#1001.1"

	// Status is pending, open, success, cancelled, error or failure.
	// ShipmentStatus is such as label_printed, in_transit or delivered.
	Status         string `json:"status"`
	ShipmentStatus string `json:"shipment_status"`

	Service       string     `json:"service"`
	LocationID    *int64     `json:"location_id"`
	CreatedAt     time.Time  `json:"created_at"`
	UpdatedAt     *time.Time `json:"updated_at"`
	Email         string     `json:"email"`
	Destination   *Address   `json:"destination"`
	OriginAddress *Address   `json:"origin_address"`

	TrackingCompany string   `json:"tracking_company"`
	TrackingNumber  string   `json:"tracking_number"`
	TrackingNumbers []string `json:"tracking_numbers"`
	TrackingURL     string   `json:"tracking_url"`
	TrackingURLs    []string `json:"tracking_urls"`

	LineItems []LineItem      `json:"line_items"`
	Receipt   json.RawMessage `json:"receipt,omitempty"`

	Extra Extra `json:"-"`
}
