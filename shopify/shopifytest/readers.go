package shopifytest

import (
	"time"

	"github.com/shopspring/decimal"
)

// Order is a copy of an order for assertions. Amounts are in the shop's currency.
type Order struct {
	ID                string          `json:"id"` // GID
	LegacyID          int64           `json:"legacy_id"`
	Name              string          `json:"name"` // such as "#1042"
	CreatedAt         time.Time       `json:"created_at"`
	UpdatedAt         time.Time       `json:"updated_at"`
	Source            string          `json:"source"`                // "pos" or "web"
	LocationID        string          `json:"location_id,omitempty"` // GID; empty for an online order
	CustomerID        string          `json:"customer_id,omitempty"` // GID; empty for a walk-in
	FinancialStatus   string          `json:"financial_status"`      // as in the Admin schema, such as "PAID"
	FulfillmentStatus string          `json:"fulfillment_status"`
	Lines             []OrderLine     `json:"lines"`
	Subtotal          decimal.Decimal `json:"subtotal"` // after discounts, before tax
	Discounts         decimal.Decimal `json:"discounts"`
	Shipping          decimal.Decimal `json:"shipping"`
	Tax               decimal.Decimal `json:"tax"`
	Total             decimal.Decimal `json:"total"`
	Refunded          decimal.Decimal `json:"refunded"`
	Currency          string          `json:"currency"`
	Gateways          []string        `json:"gateways"` // such as "cash" or "shopify_payments"
	Note              string          `json:"note,omitempty"`
	Attributes        []Attribute     `json:"attributes,omitempty"`
	Tags              []string        `json:"tags,omitempty"`
	Metafields        []Metafield     `json:"metafields,omitempty"`

	// Risks are the risk assessments that apps made, oldest first.
	Risks []RiskAssessment `json:"risks,omitempty"`
}

// OrderLine is one line of an [Order].
type OrderLine struct {
	ID        string          `json:"id"` // GID
	ProductID string          `json:"product_id,omitempty"`
	VariantID string          `json:"variant_id,omitempty"`
	SKU       string          `json:"sku,omitempty"`
	Title     string          `json:"title"`
	Quantity  int             `json:"quantity"`
	Refunded  int             `json:"refunded,omitempty"` // pieces given back
	Price     decimal.Decimal `json:"price"`              // of a piece, before discounts
	Discount  decimal.Decimal `json:"discount"`           // of the line
	Tax       decimal.Decimal `json:"tax"`                // of the line
}

// RiskAssessment is what an app thinks of the risk of an order.
type RiskAssessment struct {
	Level string     `json:"level"` // RiskAssessmentResult, such as "HIGH"
	Facts []RiskFact `json:"facts"`
	At    time.Time  `json:"at"`
}

// RiskFact is one reason of a [RiskAssessment].
type RiskFact struct {
	Description string `json:"description"`
	Sentiment   string `json:"sentiment"` // RiskFactSentiment, such as "NEGATIVE"
}

// Metafield is a copy of a metafield.
type Metafield struct {
	ID        string    `json:"id"` // GID
	OwnerID   string    `json:"owner_id"`
	Namespace string    `json:"namespace"` // expanded: "app--123--gifts", never "$app:gifts"
	Key       string    `json:"key"`
	Type      string    `json:"type"`
	Value     string    `json:"value"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Writes    int       `json:"writes"` // how often it was written, the first time included
}

// DraftOrder is a copy of a draft order.
type DraftOrder struct {
	ID         string          `json:"id"`   // GID
	Name       string          `json:"name"` // such as "#D7"
	Status     string          `json:"status"`
	CreatedAt  time.Time       `json:"created_at"`
	CustomerID string          `json:"customer_id,omitempty"`
	OrderID    string          `json:"order_id,omitempty"` // once completed
	Lines      []OrderLine     `json:"lines"`
	Subtotal   decimal.Decimal `json:"subtotal"`
	Total      decimal.Decimal `json:"total"`
	Note       string          `json:"note,omitempty"`
	Attributes []Attribute     `json:"attributes,omitempty"`
	Tags       []string        `json:"tags,omitempty"`
}

// Customer is a copy of a customer.
type Customer struct {
	ID             string          `json:"id"` // GID
	FirstName      string          `json:"first_name"`
	LastName       string          `json:"last_name"`
	Email          string          `json:"email"`
	Phone          string          `json:"phone,omitempty"`
	Note           string          `json:"note,omitempty"`
	EmailMarketing string          `json:"email_marketing"` // as in the Admin schema, such as "SUBSCRIBED"
	SMSMarketing   string          `json:"sms_marketing"`
	Tags           []string        `json:"tags,omitempty"`
	Orders         int             `json:"orders"`
	AmountSpent    decimal.Decimal `json:"amount_spent"`
	CreatedAt      time.Time       `json:"created_at"`
	UpdatedAt      time.Time       `json:"updated_at"`

	// ErasureRequested is when the erasure of the personal data was asked for. Zero: it was not.
	ErasureRequested time.Time `json:"erasure_requested,omitzero"`
}

// Product is a copy of a product.
type Product struct {
	ID       string    `json:"id"` // GID
	Title    string    `json:"title"`
	Type     string    `json:"type"`
	Vendor   string    `json:"vendor"`
	Tags     []string  `json:"tags,omitempty"`
	Variants []Variant `json:"variants"`
}

// Variant is one version of a [Product].
type Variant struct {
	ID              string          `json:"id"` // GID
	Title           string          `json:"title"`
	SKU             string          `json:"sku"`
	Price           decimal.Decimal `json:"price"`
	InventoryItemID string          `json:"inventory_item_id"`
	Available       map[string]int  `json:"available"` // pieces to sell, by the location's GID
}

// Location is a copy of a location.
type Location struct {
	ID     string `json:"id"` // GID
	Name   string `json:"name"`
	Active bool   `json:"active"` // not deactivated
}

// Subscription is a copy of a webhook subscription.
type Subscription struct {
	ID    string `json:"id"`    // GID
	Topic string `json:"topic"` // as in the header, such as "orders/create"
	URI   string `json:"uri"`
	Name  string `json:"name,omitempty"`
}
