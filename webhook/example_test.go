package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/webhooktest"
)

func ExampleVerify() {
	body := []byte(`{"id":820982911946154508}`)
	signature := webhooktest.Sign(body, "the client secret") // the header X-Shopify-Hmac-Sha256

	fmt.Println(webhook.Verify(body, signature, "the client secret"))
	fmt.Println(webhook.Verify(body, signature, "the new secret", "the client secret"))
	fmt.Println(errors.Is(webhook.Verify(body, signature, "a guess"), webhook.ErrSignature))
	// Output:
	// <nil>
	// <nil>
	// true
}

func ExampleMux() {
	mux := new(webhook.Mux)
	webhook.On(mux, webhook.OrdersPaid, func(_ context.Context, ev webhook.Event[webhook.Order]) error {
		o := ev.Payload
		if !o.IsPOS() {
			return nil
		}
		fmt.Println(o.Name, "rung up at location", *o.LocationID, "for", o.TotalPrice.StringFixed(2), o.Currency)
		for _, line := range o.LineItems {
			fmt.Println(line.Quantity, "×", line.Title)
		}
		return nil
	})
	mux.Fallback(func(_ context.Context, d webhook.Delivery) error {
		fmt.Println("nothing to do for", d.Topic)
		return nil
	})

	ctx := context.Background()
	err := mux.Process(ctx, webhook.Delivery{Topic: "orders/paid", Body: []byte(`{
		"id": 820982911946154508, "name": "#1001", "source_name": "pos", "location_id": 487838322,
		"total_price": "129.90", "currency": "EUR", "line_items": [{"quantity": 2, "title": "Linen shirt"}]}`)})
	fmt.Println(err)
	err = mux.Process(ctx, webhook.Delivery{Topic: "app/uninstalled", Body: []byte(`{}`)})
	fmt.Println(err)
	// Output:
	// #1001 rung up at location 487838322 for 129.90 EUR
	// 2 × Linen shirt
	// <nil>
	// nothing to do for app/uninstalled
	// <nil>
}

// What a function returns decides what happens to the delivery next.
func ExampleRetryLater() {
	mux := new(webhook.Mux)
	webhook.On(mux, webhook.InventoryLevelsUpdate, func(_ context.Context, ev webhook.Event[webhook.InventoryLevel]) error {
		switch level := ev.Payload; {
		case level.InventoryItemID == 0:
			return webhook.GiveUp(errors.New("which item?")) // a dead letter, for a person
		case level.Available == nil:
			return nil // not tracked: done
		case *level.Available < 0:
			return webhook.RetryLater(time.Minute, errors.New("oversold; the count may follow"))
		default:
			return errors.New("the warehouse does not answer") // again, with growing waits
		}
	})
	for _, body := range []string{`{}`, `{"inventory_item_id":1,"available":null}`, `{"inventory_item_id":1,"available":-2}`, `{"inventory_item_id":1,"available":5}`} {
		fmt.Println(mux.Process(context.Background(), webhook.Delivery{Topic: "inventory_levels/update", Body: []byte(body)}))
	}
	// Output:
	// webhook: gave up: which item?
	// <nil>
	// webhook: again in 1m0s: oversold; the count may follow
	// the warehouse does not answer
}
