// Package webhook receives what Shopify sends: it verifies a delivery, hands it
// to an [Inbox] that makes it durable, and acknowledges it; later a [Mux]
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
// # Ways in
//
// [Handler] takes deliveries over HTTP, [PubSubHandler] those that Google
// Cloud Pub/Sub pushes, [DecodePubSub] and [DecodeEventBridge] those that a
// program fetches. [FlowHandler] runs the actions of Shopify Flow,
// [VerifyAppProxy] checks what comes through a storefront, [ReadSigned] all
// else that carries the same signature, such as a request for shipping rates.
// [OnCompliance] registers what the privacy topics ask for.
//
// # Payloads
//
// There is a constant for every topic of API version 2026-10. Those that a
// shop's back office meets have typed payloads; the others are handed on as
// JSON. Ids are int64, amounts decimals, and what Shopify sends as null is nil
// where that differs from zero. What a type does not know is in its Extra, and
// the body as it was signed is in [Delivery]. Where Shopify writes a field as a
// number here and as a string there, or an id as a GID, both are understood,
// so that payloads of other versions decode as well.
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
// Requests that are refused are a [*RequestError].
//
// All types are safe for concurrent use unless they say otherwise.
package webhook
