package webhook_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/webhooktest"
)

func TestDecodeEventBridge(t *testing.T) {
	sent := sale()
	got, err := webhook.DecodeEventBridge(webhooktest.EventBridgeEvent(sent, secret))
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), got.ReceivedAt, time.Minute)
	got.ReceivedAt = time.Time{}
	assert.Equal(t, sent, got)
}

// The form of Shopify's Events: short names in small letters.
func TestDecodeEventBridgeOfEvents(t *testing.T) {
	d, err := webhook.DecodeEventBridge([]byte(`{
		"version":"0","id":"e1","detail-type":"shopifyWebhook","source":"aws.partner/shopify.com/580111/orders","time":"2026-11-24T15:15:31Z","resources":[],
		"detail":{"payload":{"topic":"Order","action":"update","data":{"order":null}},
			"metadata":{"content-type":"application/json","shopify-topic":"Order","shopify-action":"update","shopify-shop-domain":"example.myshopify.com","shopify-webhook-id":"w1","shopify-api-version":"unstable"}}}`))
	require.NoError(t, err)
	assert.Equal(t, "Order", d.Topic)
	assert.Equal(t, "w1", d.WebhookID)
	assert.True(t, d.TriggeredAt.Equal(time.Date(2026, 11, 24, 15, 15, 31, 0, time.UTC)), "the time of the event")
	assert.JSONEq(t, `{"topic":"Order","action":"update","data":{"order":null}}`, string(d.Body))
}

func TestDecodeEventBridgeRefuses(t *testing.T) {
	good := string(webhooktest.EventBridgeEvent(sale(), secret))
	for name, event := range map[string]string{
		"empty":               ``,
		"not JSON":            `x`,
		"null":                `null`,
		"another source":      strings.Replace(good, "aws.partner/shopify.com/", "my.app/aws.partner/shopify.com/", 1),
		"another detail type": strings.Replace(good, "shopifyWebhook", "Scheduled Event", 1),
		"no topic":            strings.Replace(good, "X-Shopify-Topic", "X-Topic", 1),
		"no shop":             strings.Replace(good, "X-Shopify-Shop-Domain", "X-Shop", 1),
		"not a shop":          strings.Replace(good, "example.myshopify.com", "example.com", 1),
		"a topic twice":       strings.Replace(good, `"metadata":{`, `"metadata":{"x-shopify-topic":"orders/paid",`, 1),
		"a number for a shop": strings.Replace(good, `"example.myshopify.com"`, `7`, 1),
		"no payload":          strings.Replace(good, `"payload"`, `"body"`, 1),
		"a list of metadata":  `{"source":"aws.partner/shopify.com/1","detail-type":"shopifyWebhook","detail":{"metadata":[],"payload":{}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			require.NotEqual(t, good, event)
			d, err := webhook.DecodeEventBridge([]byte(event))
			require.ErrorIs(t, err, webhook.ErrEnvelope)
			assert.Equal(t, webhook.Delivery{}, d)
			assert.NotContains(t, err.Error(), "example.com")
		})
	}
}

func TestDecodePubSub(t *testing.T) {
	sent := sale()
	d, signature, err := webhook.DecodePubSub(sent.Body, webhooktest.PubSubAttributes(sent, secret))
	require.NoError(t, err)
	d.ReceivedAt = time.Time{}
	assert.Equal(t, sent, d)
	require.NoError(t, webhook.Secrets{Current: secret}.Verify(d.Body, signature, time.Now()))

	_, _, err = webhook.DecodePubSub(nil, nil)
	require.ErrorIs(t, err, webhook.ErrEnvelope)
	attributes := webhooktest.PubSubAttributes(sent, secret)
	attributes["x-shopify-hmac-sha256"] = "another"
	_, _, err = webhook.DecodePubSub(sent.Body, attributes)
	require.ErrorIs(t, err, webhook.ErrEnvelope)
}

// servePubSub runs a handler over real HTTP.
func servePubSub(t testing.TB, box webhook.Inbox, opts *webhook.PubSubOptions) string {
	t.Helper()
	handler, err := webhook.NewPubSubHandler(box, webhook.Secrets{Current: secret}, opts)
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func push(t testing.TB, url string, body []byte) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	require.NoError(t, err)
	status, _, _ := send(t, r)
	return status
}

func TestPubSubHandler(t *testing.T) {
	box := new(memory)
	url := servePubSub(t, box, nil)
	sent := sale()
	for range 2 {
		assert.Equal(t, 200, push(t, url, webhooktest.PubSubPush(sent, secret)))
	}
	require.Len(t, box.got, 1, "the second is a duplicate")
	box.got[0].ReceivedAt = time.Time{}
	assert.Equal(t, sent, box.got[0])

	good := string(webhooktest.PubSubPush(sent, secret))
	for name, test := range map[string]struct {
		body   string
		status int
	}{
		"forged":          {string(webhooktest.PubSubPush(sent, "guess")), 401},
		"other data":      {strings.Replace(good, base64.StdEncoding.EncodeToString(sent.Body), "e30=", 1), 401},
		"unsigned":        {strings.Replace(good, "X-Shopify-Hmac-SHA256", "X-Hmac", 1), 400},
		"no topic":        {strings.Replace(good, "X-Shopify-Topic", "X-Topic", 1), 400},
		"no base64":       {strings.Replace(good, `"data":"`, `"data":"!`, 1), 400},
		"no message":      {`{"subscription":"s"}`, 400},
		"unwrapped":       {string(sent.Body), 400},
		"not JSON":        {`x`, 400},
		"empty":           {``, 400},
		"wrong attribute": {strings.Replace(good, `"attributes":{`, `"attributes":{"a":1,`, 1), 400},
	} {
		t.Run(name, func(t *testing.T) {
			require.NotEqual(t, good, test.body)
			assert.Equal(t, test.status, push(t, url, []byte(test.body)))
			assert.Len(t, box.got, 1)
		})
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	status, _, _ := send(t, r)
	assert.Equal(t, 405, status)
	assert.Equal(t, 503, push(t, servePubSub(t, &memory{err: errors.New("disk full")}, nil), []byte(good)))
}

func TestPubSubHandlerBodies(t *testing.T) {
	url := servePubSub(t, new(memory), &webhook.PubSubOptions{Options: webhook.Options{MaxBody: 1000}})
	with := func(n int) []byte {
		d := sale()
		d.Body = bytes.Repeat([]byte("x"), n)
		return webhooktest.PubSubPush(d, secret)
	}
	assert.Equal(t, 200, push(t, url, with(1000)), "as long as allowed, and longer in base64")
	assert.Equal(t, 413, push(t, url, with(1001)))
	assert.Equal(t, 413, push(t, url, with(100_000)))
}

func TestPubSubHandlerAuthenticates(t *testing.T) {
	box := new(memory)
	url := servePubSub(t, box, &webhook.PubSubOptions{Authenticate: func(r *http.Request) error {
		if r.Header.Get("Authorization") != "Bearer good" {
			return errors.New("the token is not Google's")
		}
		return nil
	}})
	unsigned := []byte(strings.Replace(string(webhooktest.PubSubPush(sale(), secret)), "X-Shopify-Hmac-SHA256", "X-Hmac", 1))
	assert.Equal(t, 401, push(t, url, unsigned))
	for _, test := range []struct {
		body   []byte
		status int
	}{{unsigned, 200}, {webhooktest.PubSubPush(sale(), "guess"), 401}, {webhooktest.PubSubPush(sale(), secret), 200}} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(test.body))
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer good")
		status, _, text := send(t, r)
		assert.Equal(t, test.status, status, text)
	}
	assert.Len(t, box.got, 1)
}

func TestNewPubSubHandlerRefuses(t *testing.T) {
	_, err := webhook.NewPubSubHandler(nil, webhook.Secrets{Current: secret}, nil)
	require.Error(t, err)
	_, err = webhook.NewPubSubHandler(new(memory), webhook.Secrets{}, nil)
	require.Error(t, err)
}

func FuzzEnvelopes(f *testing.F) {
	f.Add(webhooktest.EventBridgeEvent(sale(), secret))
	f.Add(webhooktest.PubSubPush(sale(), secret))
	f.Add([]byte(`{"message":{"data":"e30=","attributes":{"shopify-topic":"a","Shopify-Topic":"b"}}}`))
	box := new(memory)
	handler, err := webhook.NewPubSubHandler(box, webhook.Secrets{Current: "a secret that the fuzzer does not know"}, nil)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, body []byte) {
		if d, err := webhook.DecodeEventBridge(body); err != nil {
			require.ErrorIs(t, err, webhook.ErrEnvelope)
		} else {
			require.NotEmpty(t, d.Topic)
			require.NotEmpty(t, d.Shop)
			require.True(t, json.Valid(d.Body))
		}
		d, _, err := webhook.DecodePubSubPush(body)
		if err != nil {
			require.ErrorIs(t, err, webhook.ErrEnvelope)
		} else {
			require.NotEmpty(t, d.Topic)
			require.NotEmpty(t, d.Shop)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body)))
		require.Contains(t, []int{400, 401, 413}, w.Code)
		require.Empty(t, box.got)
	})
}

// A Lambda function, or whoever reads the queue that the events go to.
func ExampleDecodeEventBridge() {
	mux := new(webhook.Mux)
	webhook.On(mux, webhook.OrdersCreate, func(_ context.Context, ev webhook.Event[webhook.Order]) error {
		fmt.Println(ev.Shop, ev.Payload.Name)
		return nil
	})
	handle := func(ctx context.Context, event json.RawMessage) error {
		d, err := webhook.DecodeEventBridge(event)
		if err != nil {
			return err
		}
		return mux.Process(ctx, d) // or inbox.Accept(ctx, d)
	}
	body, _ := webhooktest.Sample("orders/create")
	event := webhooktest.EventBridgeEvent(webhook.Delivery{Topic: "orders/create", Body: body}, "the client secret")
	fmt.Println(handle(context.Background(), event))
	// Output:
	// example.myshopify.com #1001
	// <nil>
}

// A push subscription of Google Cloud Pub/Sub that posts to this program.
func ExampleNewPubSubHandler() {
	box := new(memory) // in earnest, package inbox
	handler, err := webhook.NewPubSubHandler(box, webhook.Secrets{Current: "the client secret"}, nil)
	if err != nil {
		panic(err)
	}
	body, _ := webhooktest.Sample("refunds/create")
	message := webhooktest.PubSubPush(webhook.Delivery{Topic: "refunds/create", Body: body}, "the client secret")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/pubsub", bytes.NewReader(message)))
	fmt.Println(w.Code, box.got[0].Topic, box.got[0].Shop)
	// Output:
	// 200 refunds/create example.myshopify.com
}
