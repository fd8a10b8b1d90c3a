package main

import (
	"strings"
	"testing"

	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/webhooktest"
)

// What a delivery is about is read from whatever arrives.
func FuzzResource(f *testing.F) {
	for topic, body := range webhooktest.Samples() {
		if strings.HasPrefix(topic, "customers") || strings.HasPrefix(topic, "orders") {
			f.Add(topic, body)
		}
	}
	f.Add(string(readOrder), []byte(`{"id":7}`))
	f.Add("customers/merge", []byte(`{"admin_graphql_api_customer_kept_id":"gid://shopify/Customer/1","status":"completed"}`))
	f.Add("customers/redact", []byte(`{"customer":{"id":-1}}`))
	f.Fuzz(func(t *testing.T, topic string, body []byte) {
		r := resource(webhook.Delivery{Topic: topic, Body: body})
		if len(r.ID) > 200 || len(r.Ordering) > 200 || strings.ContainsAny(r.Ordering, "\n\x00") {
			t.Fatalf("%q", r)
		}
	})
}
