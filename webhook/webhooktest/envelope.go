package webhooktest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/posai-go/posai/webhook"
)

// PubSubAttributes returns the attributes of the Pub/Sub message that carries
// d, filled as by [Fill], with the body as its data.
func PubSubAttributes(d webhook.Delivery, secret string) map[string]string {
	attributes := map[string]string{"Content-Type": "application/json"}
	for name, value := range fields(Fill(d), secret) {
		attributes["X-Shopify-"+name] = value
	}
	return attributes
}

// PubSubPush returns the body that Pub/Sub posts to deliver d, filled as by
// [Fill].
func PubSubPush(d webhook.Delivery, secret string) []byte {
	return encode(map[string]any{
		"message": map[string]any{
			"data":        d.Body, // as base64
			"attributes":  PubSubAttributes(d, secret),
			"messageId":   rand.Text(),
			"publishTime": time.Now().UTC().Format(time.RFC3339Nano),
		},
		"subscription": "projects/example/subscriptions/shopify",
	})
}

// EventBridgeEvent returns the Amazon EventBridge event that carries d, filled
// as by [Fill]. The body must be JSON.
func EventBridgeEvent(d webhook.Delivery, secret string) []byte {
	metadata := map[string]string{"Content-Type": "application/json"}
	for name, value := range fields(Fill(d), secret) {
		metadata["X-Shopify-"+name] = value
	}
	return encode(map[string]any{
		"version": "0", "id": rand.Text(), "detail-type": "shopifyWebhook",
		"source": "aws.partner/shopify.com/580111/example", "account": "000000000000",
		"time": time.Now().UTC().Format(time.RFC3339), "region": "us-east-1", "resources": []string{},
		"detail": map[string]any{"metadata": metadata, "payload": json.RawMessage(d.Body)},
	})
}

// FlowAction returns the body that Shopify Flow posts to run an action; sign it
// with [Sign]. An empty run is invented.
func FlowAction(shop, handle, run string, properties any) []byte {
	if run == "" {
		run = rand.Text()
	}
	return encode(map[string]any{
		"shop_id": "690933842", "shopify_domain": shop, "action_run_id": run,
		"handle": handle, "step_reference": "step-1", "properties": properties,
	})
}

// AppProxyQuery returns the query with which Shopify forwards a visitor's
// request with the given parameters from a storefront, signed at a time.
// customer is 0 if nobody is logged in.
func AppProxyQuery(visitor url.Values, shop, pathPrefix string, customer int64, secret string, at time.Time) string {
	query := maps.Clone(visitor)
	if query == nil {
		query = make(url.Values)
	}
	query.Set("shop", shop)
	query.Set("path_prefix", pathPrefix)
	query.Set("timestamp", strconv.FormatInt(at.Unix(), 10))
	query.Set("logged_in_customer_id", "")
	if customer != 0 {
		query.Set("logged_in_customer_id", strconv.FormatInt(customer, 10))
	}
	var parts []string
	for name, values := range query {
		parts = append(parts, name+"="+strings.Join(values, ","))
	}
	slices.Sort(parts)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(strings.Join(parts, "")))
	query.Set("signature", hex.EncodeToString(mac.Sum(nil)))
	return query.Encode()
}

func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("webhooktest: " + err.Error()) // a body or properties that are no JSON
	}
	return data
}
