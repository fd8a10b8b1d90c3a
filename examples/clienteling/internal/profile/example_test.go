package profile_test

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/profile"
	"github.com/posai-go/posai/shopify"
)

func usd(amount string) shopify.Money {
	return shopify.Money{Amount: decimal.RequireFromString(amount), CurrencyCode: "USD"}
}

func Example() {
	at := time.Date(2026, 3, 7, 15, 0, 0, 0, time.UTC)
	coat := book.Line{Title: "Field Coat", Category: "Outerwear", Vendor: "Alder & Wren", Options: []book.Option{{Name: "Size", Value: "M"}}, Quantity: 1, Paid: usd("180.00")}
	entry := book.Entry{Customer: book.Customer{ID: "gid://shopify/Customer/7001"}}
	for i := range 4 {
		entry.Orders = append(entry.Orders, book.Order{
			ID: shopify.NewGID("Order", int64(9000+i)), At: at.AddDate(0, 0, -28*i), Channel: book.Register, Location: "Market Square",
			Lines: []book.Line{coat}, Total: usd("195.30"), Refunded: usd("0"),
		})
	}
	p := profile.Of(entry, nil, at.AddDate(0, 2, 0))
	fmt.Println("lifetime", p.Lifetime, "in", p.Orders, "orders, on average", p.Average)
	fmt.Printf("usually every %.0f days, overdue: %t\n", p.Rhythm.Usual.Hours()/24, p.Rhythm.Overdue)
	fmt.Printf("%s in size %s, %d of %d pieces\n", p.Sizes[0].Category, p.Sizes[0].Value, p.Sizes[0].Pieces, p.Sizes[0].Of)
	fmt.Printf("%s at %s\n", p.Time.Value, p.Store.Value)
	// Output:
	// lifetime 781.20 USD in 4 orders, on average 195.30 USD
	// usually every 28 days, overdue: true
	// Outerwear in size M, 4 of 4 pieces
	// weekend afternoons at Market Square
}
