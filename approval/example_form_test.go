package approval_test

import (
	"fmt"

	"github.com/posai-go/posai/approval"
)

type priceChange struct {
	Price  approval.Money `json:"price" edit:"New price"`
	Reason string         `json:"reason" edit:"Reason,one_of=season|clearance"`
	Until  int            `json:"until" edit:"For how many days,required"`
	SKU    string         `json:"sku"` // nobody changes that
}

// The form of an action follows from the tags of its fields.
func ExampleFormOf() {
	change := priceChange{Price: approval.Money{Amount: "79.90", Currency: "EUR"}, Reason: "season", Until: 14, SKU: "JACKET-1"}
	for _, f := range approval.FormOf(change) {
		fmt.Printf("%s: %s (%s)\n", f.Label, f.Value, f.Type)
	}
	edited, err := approval.ApplyForm(change, map[string]string{"price.amount": "69.00", "until": "7"})
	fmt.Println(edited, err)
	_, err = approval.ApplyForm(change, map[string]string{"price.amount": "69,00"})
	fmt.Println(err)
	// Output:
	// New price: 79.90 (decimal)
	// Reason: season (select)
	// For how many days: 14 (integer)
	// {{69.00 EUR} season 7 JACKET-1} <nil>
	// approval: invalid price.amount: is not a number such as 12.50
}
