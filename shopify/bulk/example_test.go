package bulk_test

import (
	"context"
	"fmt"
	"iter"
	"log"
	"time"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/bulk"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// exampleRunner is a runner for a simulated shop.
func exampleRunner() (*bulk.Runner, *shopifytest.Shop) {
	shop, err := shopifytest.Start(&shopifytest.Options{Today: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		log.Fatal(err)
	}
	client, err := shopify.NewClient(shopify.Domain(shop.Domain()), shopify.StaticToken(shop.Token()), &shopify.Options{BaseURL: shop.URL()})
	if err != nil {
		log.Fatal(err)
	}
	runner, err := bulk.NewRunner(client, &bulk.Options{MinPoll: 10 * time.Millisecond})
	if err != nil {
		log.Fatal(err)
	}
	return runner, shop
}

// All products with their variants.
func Example() {
	ctx := context.Background()
	runner, shop := exampleRunner()
	defer shop.Close()

	type Variant struct {
		ID    shopify.GID
		SKU   string
		Price shopify.Decimal
	}
	type Product struct {
		ID       shopify.GID
		Title    string
		Variants []Variant `bulk:"ProductVariant"`
	}

	op, err := runner.Query(ctx, `{ products(query: "product_type:Candles") { edges { node { id title
		variants { edges { node { id sku price } } } } } } }`, nil)
	if err != nil {
		log.Fatal(err)
	}
	for product, err := range bulk.Objects[Product](ctx, op, nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(product.Title, len(product.Variants))
	}
	// Unordered output:
	// Soy Candle 3
	// Long Matches 1
	// Wick Trimmer 1
}

// What is in stock of everything, where.
func ExampleObjects() {
	ctx := context.Background()
	runner, shop := exampleRunner()
	defer shop.Close()

	type Level struct {
		Location   struct{ Name string }
		Quantities []struct{ Quantity int }
	}
	type Item struct {
		ID     shopify.GID
		SKU    string
		Levels []Level `bulk:"InventoryLevel"`
	}

	op, err := runner.Query(ctx, `{ inventoryItems(query: "sku:AW-CAN-CEDA") { edges { node { id sku
		inventoryLevels { edges { node { id location { name } quantities(names: ["available"]) { quantity } } } } } } } }`, nil)
	if err != nil {
		log.Fatal(err)
	}
	for item, err := range bulk.Objects[Item](ctx, op, nil) {
		if err != nil {
			log.Fatal(err)
		}
		for _, level := range item.Levels {
			fmt.Println(item.SKU, level.Location.Name, level.Quantities[0].Quantity)
		}
	}
	// Output:
	// AW-CAN-CEDA Harbor Street 44
	// AW-CAN-CEDA Market Square 22
}

// New prices for many variants.
func ExampleMutate() {
	ctx := context.Background()
	runner, shop := exampleRunner()
	defer shop.Close()

	type variables struct {
		ProductID string           `json:"productId"`
		Variants  []map[string]any `json:"variants"`
	}
	// One row per product. Rows may come from a database as they are read.
	rows := func(yield func(variables, error) bool) {
		for _, p := range shop.Products()[:3] {
			v := variables{ProductID: p.ID, Variants: []map[string]any{}}
			for _, variant := range p.Variants {
				v.Variants = append(v.Variants, map[string]any{"id": variant.ID, "price": "19.90"})
			}
			if !yield(v, nil) {
				return
			}
		}
		yield(variables{ProductID: "gid://shopify/Product/1", Variants: []map[string]any{}}, nil) // there is none
	}
	op, err := bulk.Mutate(ctx, runner, `mutation($productId: ID!, $variants: [ProductVariantsBulkInput!]!) {
		productVariantsBulkUpdate(productId: $productId, variants: $variants) { userErrors { field message code } } }`,
		iter.Seq2[variables, error](rows), nil)
	if err != nil {
		log.Fatal(err)
	}
	for row, err := range bulk.Results[struct{}](ctx, op, nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(row.Row, row.Err)
	}
	// Output:
	// 0 <nil>
	// 1 <nil>
	// 2 <nil>
	// 3 shopify: productId: Product does not exist (PRODUCT_DOES_NOT_EXIST)
}
