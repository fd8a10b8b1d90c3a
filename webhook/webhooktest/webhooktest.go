// Package webhooktest sends signed deliveries as Shopify does, for tests of
// services that receive them: with Shopify's headers, retries, repetitions and
// disorder, over HTTP or in the process, by the real clock or by one that the
// test turns.
//
//	body, _ := webhooktest.Sample("orders/create")
//	sender := &webhooktest.Sender{Secret: secret, Schedule: webhooktest.Schedule(time.Second)}
//	attempts, err := sender.Post(ctx, server.URL+"/webhooks", webhook.Delivery{
//		Topic: "orders/create", Shop: "example.myshopify.com", Body: body,
//	})
//
// [Sender.PostAll] sends many, some of them twice and out of order.
// [PubSubPush], [EventBridgeEvent], [AppProxyQuery] and [FlowAction] make what
// arrives by other ways.
package webhooktest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/posai-go/posai/webhook"
)

// Sign returns the signature of body under secret, as the header
// X-Shopify-Hmac-Sha256 carries it.
func Sign(body []byte, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Fill returns d with what it lacks: invented ids, API version 2026-10, the
// shop example.myshopify.com, and the present as its time.
func Fill(d webhook.Delivery) webhook.Delivery { return fill(d, time.Now()) }

func fill(d webhook.Delivery, now time.Time) webhook.Delivery {
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&d.Shop, "example.myshopify.com")
	set(&d.WebhookID, rand.Text())
	set(&d.EventID, rand.Text())
	set(&d.APIVersion, "2026-10")
	if d.TriggeredAt.IsZero() {
		d.TriggeredAt = now
	}
	return d
}
