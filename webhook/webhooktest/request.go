package webhooktest

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/posai-go/posai/webhook"
)

// Family says under which names headers are sent.
type Family int

// The families. Shopify's Events send the short names, webhooks the long ones
// or both.
const (
	Long  Family = iota // X-Shopify-Topic, …
	Short               // shopify-topic, …
	Both
)

// NewRequest returns the signed request that delivers d to url, with headers
// of the family Long. It sends d as it is: empty fields become no headers. See
// [Fill].
func NewRequest(ctx context.Context, url string, d webhook.Delivery, secret string) (*http.Request, error) {
	return newRequest(ctx, url, d, secret, Long)
}

func newRequest(ctx context.Context, url string, d webhook.Delivery, secret string, family Family) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(d.Body))
	if err != nil {
		return nil, fmt.Errorf("webhooktest: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Shopify-Captain-Hook")
	for name, value := range fields(d, secret) {
		if family != Short {
			r.Header.Set("X-Shopify-"+name, value)
		}
		if family != Long {
			r.Header.Set("Shopify-"+name, value)
		}
	}
	return r, nil
}

// fields are the headers of a delivery, without their prefix.
func fields(d webhook.Delivery, secret string) map[string]string {
	f := map[string]string{
		"Topic": d.Topic, "Shop-Domain": d.Shop, "Webhook-Id": d.WebhookID,
		"Event-Id": d.EventID, "API-Version": d.APIVersion, "Name": d.Name,
		"Hmac-SHA256": Sign(d.Body, secret),
	}
	if !d.TriggeredAt.IsZero() {
		f["Triggered-At"] = d.TriggeredAt.UTC().Format(time.RFC3339Nano)
	}
	for name, value := range f {
		if value == "" {
			delete(f, name)
		}
	}
	return f
}
