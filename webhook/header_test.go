package webhook_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook"
)

// FuzzHeaders sends a well signed body under any headers: what is kept is what
// they say, within bounds, and shopify-* counts before X-Shopify-*.
func FuzzHeaders(f *testing.F) {
	f.Add("orders/create", "orders/paid", "example.myshopify.com", "Example.MyShopify.com", "w1", "2026-11-24T15:15:30Z", "2026-10", "a name")
	f.Add("", "customer.tags_added", "", "a.shop.dev", "", "yesterday", "", "\xff")
	f.Add("a b", "a", "x", "a.myshopify.com", "\x00", "", "é", "")
	text := regexp.MustCompile(`^[ -~]{0,255}$`)
	shop := regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*\.(myshopify\.com|shopify\.com|myshopify\.io|shop\.dev)$`)
	f.Fuzz(func(t *testing.T, topic, longTopic, domain, longDomain, id, at, version, name string) {
		body := []byte(`{"id":1}`)
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header = http.Header{
			"Shopify-Topic": {topic}, "X-Shopify-Topic": {longTopic}, "Shopify-Shop-Domain": {domain}, "X-Shopify-Shop-Domain": {longDomain},
			"X-Shopify-Webhook-Id": {id}, "X-Shopify-Event-Id": {id}, "Shopify-Triggered-At": {at}, "X-Shopify-Api-Version": {version}, "X-Shopify-Name": {name},
			"X-Shopify-Hmac-Sha256": {sign(body, secret)},
		}
		box := new(memory)
		handler, err := webhook.NewHandler(box, webhook.Secrets{Current: secret}, nil)
		require.NoError(t, err)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			require.Equal(t, http.StatusBadRequest, w.Code)
			require.Empty(t, box.got)
			return
		}
		d := box.got[0]
		if topic == "" {
			topic = longTopic
		}
		assert.Equal(t, topic, d.Topic)
		assert.Regexp(t, shop, d.Shop)
		for _, s := range []string{d.Topic, d.WebhookID, d.EventID, d.APIVersion, d.Name, d.Shop} {
			require.Regexp(t, text, s)
		}
		assert.Equal(t, id, d.WebhookID)
		assert.NotEmpty(t, d.Key())
		_, err = d.TriggeredAt.MarshalJSON()
		assert.NoError(t, err, "a time that can be stored")
	})
}
