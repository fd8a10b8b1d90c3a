// Package webhook receives Shopify's webhooks: it verifies a delivery, hands
// it to an [Inbox] that makes it durable, and acknowledges it; later a [Mux]
// gives it, decoded, to the function for its topic.
//
//	mux := new(webhook.Mux)
//	webhook.On(mux, webhook.OrdersCreate, func(ctx context.Context, ev webhook.Event[webhook.Order]) error {
//		fmt.Println(ev.Shop, ev.Payload.Name, ev.Payload.TotalPrice)
//		return nil
//	})
//	box, err := inbox.Open(ctx, "sqlite:///var/lib/shop/inbox.db", mux.Process, nil)
//	handler, err := webhook.NewHandler(box, webhook.Secrets{Current: secret}, nil)
//	http.Handle("/webhooks", handler)
//
// Package inbox is the durable inbox of this module; [Inbox] is one method, so
// that another queue can stand in its place. Package webhooktest sends signed
// deliveries as Shopify does.
//
// # What is signed
//
// Shopify signs the body and nothing else. Topic, shop, ids and times come
// from headers, which are as trustworthy as the connection: whoever can repeat
// a signed body can repeat it under other headers. Serve deliveries over TLS,
// and read what matters back through the API.
//
// # Errors
//
// What a function returns from [Mux.Process] decides what happens next: nil
// ends the delivery, [RetryLater] sets the time of the next attempt, [GiveUp]
// makes it a dead letter, anything else is retried with growing waits.
//
// All types are safe for concurrent use unless they say otherwise.
package webhook
