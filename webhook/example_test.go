package webhook_test

import (
	"context"
	"errors"
	"fmt"

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
