package admin_test

import (
	"context"
	"fmt"
	"log"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// start boots a simulated shop, so that the examples run anywhere, and returns
// a client of it and the id of an order.
func start() (*shopifytest.Shop, *shopify.Client, shopify.GID) {
	shop, err := shopifytest.Start(nil)
	if err != nil {
		log.Fatal(err)
	}
	client, err := shopify.NewClient(shopify.Domain(shop.Domain()), shopify.StaticToken(shop.Token()), &shopify.Options{BaseURL: shop.URL()})
	if err != nil {
		log.Fatal(err)
	}
	order, err := shop.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{Variant: shop.Products()[0].Variants[0].ID, Quantity: 2}}})
	if err != nil {
		log.Fatal(err)
	}
	return shop, client, shopify.GID(order.ID)
}

func ExampleGetOrder() {
	shop, client, id := start()
	defer shop.Close()

	resp, err := admin.GetOrder(context.Background(), client, id)
	if err != nil {
		fmt.Println(err)
		return
	}
	if resp.Order == nil {
		fmt.Println("no such order")
		return
	}
	fmt.Println(resp.Order.SourceName, resp.Order.LineItems.Nodes[0].Quantity)
	// Output: pos 2
}

func ExampleOrderUpdate() {
	shop, client, id := start()
	defer shop.Close()

	// Sets the note, clears the purchase order number, leaves all else.
	_, err := admin.OrderUpdate(context.Background(), client, admin.OrderInput{
		ID:       id,
		Note:     shopify.Some("gift wrap"),
		PoNumber: shopify.Null[string](),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	resp, err := admin.GetOrder(context.Background(), client, id)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(resp.Order.Note)
	// Output: gift wrap
}

func ExampleOrders() {
	shop, client, _ := start()
	defer shop.Close()

	pairs := 0
	for order, err := range admin.Orders(context.Background(), client, &admin.OrderOptions{
		ListOptions: admin.ListOptions{Query: "source_name:pos"},
	}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if len(order.LineItems.Nodes) > 1 {
			pairs++
		}
	}
	fmt.Println(pairs > 0)
	// Output: true
}

func ExampleLookupOperation() {
	op, _ := admin.LookupOperation("DraftOrderCreate")
	fmt.Println(op.Safety, op.Scopes)
	// Output: unsafe [[read_customers] [read_products] [write_draft_orders write_quick_sale]]
}

func ExamplePreflight() {
	shop, err := shopifytest.Start(&shopifytest.Options{Scopes: []string{"read_products"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = shop.Close() }()
	client, err := shopify.NewClient(shopify.Domain(shop.Domain()), shopify.StaticToken(shop.Token()), &shopify.Options{BaseURL: shop.URL()})
	if err != nil {
		fmt.Println(err)
		return
	}
	ops, err := admin.Lookup("GetProduct", "StoreCreditAccountDebit")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(admin.Preflight(context.Background(), client, ops...))
	// Output: shopify: missing access scopes: read_store_credit_accounts (for StoreCreditAccountDebit); write_store_credit_account_transactions (for StoreCreditAccountDebit)
}
