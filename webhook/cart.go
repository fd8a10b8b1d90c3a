package webhook

import (
	"encoding/json"
	"time"

	"github.com/shopspring/decimal"
)

// Cart is the payload of carts/create and carts/update: a cart of the online
// store. A register's cart is not sent to anybody.
//
// https://shopify.dev/docs/api/webhooks/latest
type Cart struct {
	ID        string         `json:"id"`
	Token     string         `json:"token"`
	Note      string         `json:"note"`
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`
	LineItems []CartLineItem `json:"line_items"`

	Extra Extra `json:"-"`
}

// CartLineItem is one line of a cart. ID is the variant's.
type CartLineItem struct {
	ID        int64  `json:"id"`
	Key       string `json:"key"`
	ProductID int64  `json:"product_id"`
	VariantID int64  `json:"variant_id"`

	Title      string     `json:"title"`
	SKU        string     `json:"sku"`
	Vendor     string     `json:"vendor"`
	Quantity   int64      `json:"quantity"`
	Properties Attributes `json:"properties"`
	Grams      int64      `json:"grams"`
	GiftCard   bool       `json:"gift_card"`
	Taxable    bool       `json:"taxable"`

	// The original price and Price are for one piece, before and after
	// discounts; line prices are for all pieces.
	OriginalPrice        decimal.Decimal   `json:"original_price"`
	Price                decimal.Decimal   `json:"price"`
	PriceSet             *MoneySet         `json:"price_set"`
	DiscountedPrice      decimal.Decimal   `json:"discounted_price"`
	DiscountedPriceSet   *MoneySet         `json:"discounted_price_set"`
	OriginalLinePrice    decimal.Decimal   `json:"original_line_price"`
	OriginalLinePriceSet *MoneySet         `json:"original_line_price_set"`
	LinePrice            decimal.Decimal   `json:"line_price"`
	LinePriceSet         *MoneySet         `json:"line_price_set"`
	TotalDiscount        decimal.Decimal   `json:"total_discount"`
	TotalDiscountSet     *MoneySet         `json:"total_discount_set"`
	Discounts            []json.RawMessage `json:"discounts"`

	Extra Extra `json:"-"`
}
