package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/webhooktest"
)

const secret = "a-client-secret-for-tests"

// memory is an inbox that forgets when the process ends.
type memory struct {
	err error

	mu   sync.Mutex
	got  []webhook.Delivery
	seen map[string]bool
}

func (m *memory) Accept(_ context.Context, d webhook.Delivery) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return false, m.err
	}
	key := d.Shop + " " + d.Key()
	if m.seen[key] {
		return true, nil
	}
	if m.seen == nil {
		m.seen = make(map[string]bool)
	}
	m.seen[key] = true
	m.got = append(m.got, d)
	return false, nil
}

// serve runs a handler over real HTTP.
func serve(t testing.TB, box webhook.Inbox, secrets webhook.Secrets, opts *webhook.Options) string {
	t.Helper()
	handler, err := webhook.NewHandler(box, secrets, opts)
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func sale() webhook.Delivery {
	return webhook.Delivery{
		Topic: "orders/create", Shop: "example.myshopify.com", WebhookID: "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
		EventID: "98880550-7158-44d4-b7cd-2c97c8a091b5", APIVersion: "2026-10", Name: "pos-orders",
		TriggeredAt: time.Date(2026, 11, 24, 15, 15, 30, 123456789, time.UTC),
		Body:        []byte(`{"id":820982911946154508}`),
	}
}

func request(t testing.TB, url string, d webhook.Delivery) *http.Request {
	t.Helper()
	r, err := webhooktest.NewRequest(t.Context(), url, d, secret)
	require.NoError(t, err)
	return r
}

// send returns the status, headers and text of the answer.
func send(t testing.TB, r *http.Request) (int, http.Header, string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, resp.Header, string(text)
}

func TestNewHandlerRefuses(t *testing.T) {
	good := webhook.Secrets{Current: secret}
	for name, test := range map[string]struct {
		inbox   webhook.Inbox
		secrets webhook.Secrets
		opts    *webhook.Options
	}{
		"no inbox":                 {nil, good, nil},
		"no secret":                {new(memory), webhook.Secrets{}, nil},
		"previous without current": {new(memory), webhook.Secrets{Previous: secret, PreviousUntil: time.Now()}, nil},
		"previous for ever":        {new(memory), webhook.Secrets{Current: secret, Previous: "old"}, nil},
		"negative size":            {new(memory), good, &webhook.Options{MaxBody: -1}},
		"negative timeout":         {new(memory), good, &webhook.Options{Timeout: -1}},
		"longer than Shopify":      {new(memory), good, &webhook.Options{Timeout: 5 * time.Second}},
		"negative places":          {new(memory), good, &webhook.Options{MaxPending: -1}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := webhook.NewHandler(test.inbox, test.secrets, test.opts)
			require.Error(t, err)
		})
	}
}

func TestHandlerAccepts(t *testing.T) {
	box := new(memory)
	url := serve(t, box, webhook.Secrets{Current: secret}, nil)
	sent := sale()
	for range 2 {
		status, _, text := send(t, request(t, url, sent))
		assert.Equal(t, http.StatusOK, status)
		assert.Empty(t, text)
	}
	require.Len(t, box.got, 1, "the second is a duplicate")
	got := box.got[0]
	assert.WithinDuration(t, time.Now(), got.ReceivedAt, time.Minute)
	got.ReceivedAt = time.Time{}
	assert.Equal(t, sent, got)
}

func TestHandlerHeaders(t *testing.T) {
	for name, test := range map[string]struct {
		change func(http.Header)
		status int
		want   func(*webhook.Delivery) // what differs from the sale
	}{
		"the other family": {func(h http.Header) {
			for name, values := range h {
				if rest, ok := strings.CutPrefix(name, "X-Shopify-"); ok {
					h["shopify-"+strings.ToLower(rest)] = values
					delete(h, name)
				}
			}
		}, 200, nil},
		"both families": {func(h http.Header) { h.Set("shopify-topic", "orders/paid") }, 200, func(d *webhook.Delivery) { d.Topic = "orders/paid" }},
		"forged in both": {func(h http.Header) {
			h.Set("Shopify-Hmac-Sha256", sign([]byte("x"), secret))
		}, 401, nil},
		"irregular topic":  {func(h http.Header) { h.Set("X-Shopify-Topic", "customer.tags_added") }, 200, func(d *webhook.Delivery) { d.Topic = "customer.tags_added" }},
		"shop in capitals": {func(h http.Header) { h.Set("X-Shopify-Shop-Domain", "Example.MyShopify.com") }, 200, nil},
		"no optional ones": {dropOptional, 200, func(d *webhook.Delivery) { *d = webhook.Delivery{Topic: d.Topic, Shop: d.Shop, Body: d.Body} }},
		"unreadable time":  {func(h http.Header) { h.Set("X-Shopify-Triggered-At", "yesterday") }, 200, func(d *webhook.Delivery) { d.TriggeredAt = time.Time{} }},
		"no topic":         {func(h http.Header) { h.Del("X-Shopify-Topic") }, 400, nil},
		"no shop":          {func(h http.Header) { h.Del("X-Shopify-Shop-Domain") }, 400, nil},
		"unsigned":         {func(h http.Header) { h.Del("X-Shopify-Hmac-Sha256") }, 400, nil},
		"empty signature":  {func(h http.Header) { h.Set("X-Shopify-Hmac-Sha256", "") }, 400, nil},
		"forged": {func(h http.Header) {
			h.Set("X-Shopify-Hmac-Sha256", sign([]byte(`{"id":820982911946154508}`), "guess"))
		}, 401, nil},
		"signed with nothing":   {func(h http.Header) { h.Set("X-Shopify-Hmac-Sha256", sign([]byte(`{"id":820982911946154508}`), "")) }, 401, nil},
		"no signature at all":   {func(h http.Header) { h.Set("X-Shopify-Hmac-Sha256", "sha256=1") }, 401, nil},
		"two signatures":        {func(h http.Header) { h.Add("X-Shopify-Hmac-Sha256", "x") }, 400, nil},
		"two topics":            {func(h http.Header) { h.Add("X-Shopify-Topic", "orders/paid") }, 400, nil},
		"two in one family":     {func(h http.Header) { h["Shopify-Topic"] = []string{"a", "b"} }, 400, nil},
		"not a shop":            {func(h http.Header) { h.Set("X-Shopify-Shop-Domain", "example.com") }, 400, nil},
		"a shop with a path":    {func(h http.Header) { h.Set("X-Shopify-Shop-Domain", "example.com/x.myshopify.com") }, 400, nil},
		"topic with a space":    {func(h http.Header) { h.Set("X-Shopify-Topic", "orders create") }, 400, nil},
		"endless topic":         {func(h http.Header) { h.Set("X-Shopify-Topic", strings.Repeat("x", 256)) }, 400, nil},
		"endless webhook id":    {func(h http.Header) { h.Set("X-Shopify-Webhook-Id", strings.Repeat("x", 256)) }, 400, nil},
		"name that is not text": {func(h http.Header) { h.Set("X-Shopify-Name", "\xff") }, 400, nil},
	} {
		t.Run(name, func(t *testing.T) {
			box := new(memory)
			r := request(t, serve(t, box, webhook.Secrets{Current: secret}, nil), sale())
			test.change(r.Header)
			status, _, text := send(t, r)
			require.Equal(t, test.status, status, text)
			if status != http.StatusOK {
				assert.Empty(t, box.got, "nothing is kept")
				return
			}
			want := sale()
			if test.want != nil {
				test.want(&want)
			}
			require.Len(t, box.got, 1)
			box.got[0].ReceivedAt = time.Time{}
			assert.Equal(t, want, box.got[0])
		})
	}
}

func dropOptional(h http.Header) {
	for _, name := range []string{"Webhook-Id", "Event-Id", "Api-Version", "Name", "Triggered-At"} {
		h.Del("X-Shopify-" + name)
	}
}

func TestHandlerMethods(t *testing.T) {
	url := serve(t, new(memory), webhook.Secrets{Current: secret}, nil)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		r := request(t, url, sale())
		r.Method = method
		status, header, _ := send(t, r)
		assert.Equal(t, http.StatusMethodNotAllowed, status, method)
		assert.Equal(t, http.MethodPost, header.Get("Allow"))
	}
}

func TestHandlerBodies(t *testing.T) {
	box := new(memory)
	url := serve(t, box, webhook.Secrets{Current: secret}, &webhook.Options{MaxBody: 1000})
	with := func(n int) *http.Request {
		d := sale()
		d.WebhookID = strconv.Itoa(n)
		d.Body = bytes.Repeat([]byte("x"), n)
		return request(t, url, d)
	}
	status, _, _ := send(t, with(1000))
	assert.Equal(t, http.StatusOK, status, "as long as allowed")
	status, _, _ = send(t, with(1001))
	assert.Equal(t, http.StatusRequestEntityTooLarge, status, "one byte too long")
	r := with(1001)
	r.ContentLength, r.Body = -1, io.NopCloser(io.MultiReader(r.Body)) // chunked
	status, _, _ = send(t, r)
	assert.Equal(t, http.StatusRequestEntityTooLarge, status, "too long, and not said before")
	status, _, _ = send(t, with(0))
	assert.Equal(t, http.StatusOK, status, "empty")

	kept := len(box.got)
	url = serve(t, box, webhook.Secrets{Current: secret}, &webhook.Options{Timeout: 500 * time.Millisecond})
	for name, hangUp := range map[string]bool{"cut off": true, "never ending": false} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			require.NoError(t, err)
			defer conn.Close()
			d := sale()
			_, err = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nX-Shopify-Topic: orders/create\r\nX-Shopify-Shop-Domain: %s\r\nX-Shopify-Hmac-Sha256: %s\r\n\r\n%s", d.Shop, sign(d.Body, secret), d.Body)
			require.NoError(t, err)
			if hangUp {
				require.NoError(t, conn.(*net.TCPConn).CloseWrite())
			}
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
			answer, err := io.ReadAll(conn)
			require.NoError(t, err)
			assert.Contains(t, string(answer), "HTTP/1.1 400 ")
		})
	}
	assert.Len(t, box.got, kept, "nothing more is kept")
}

func TestHandlerSecretsEnd(t *testing.T) {
	for name, test := range map[string]struct {
		signed string
		until  time.Time
		status int
	}{
		"current":               {secret, time.Now().Add(time.Hour), 200},
		"previous, in time":     {"the old one", time.Now().Add(time.Hour), 200},
		"previous, later":       {"the old one", time.Now().Add(-time.Second), 401},
		"current, later":        {secret, time.Now().Add(-time.Second), 200},
		"neither":               {"another", time.Now().Add(time.Hour), 401},
		"the empty one instead": {"", time.Now().Add(time.Hour), 401},
	} {
		t.Run(name, func(t *testing.T) {
			url := serve(t, new(memory), webhook.Secrets{Current: secret, Previous: "the old one", PreviousUntil: test.until}, nil)
			r, err := webhooktest.NewRequest(t.Context(), url, sale(), test.signed)
			require.NoError(t, err)
			status, _, _ := send(t, r)
			assert.Equal(t, test.status, status)
		})
	}
}

func TestHandlerSecretsOfAShop(t *testing.T) {
	box := new(memory)
	url := serve(t, box, webhook.Secrets{}, &webhook.Options{SecretsOf: func(_ context.Context, shop string) (webhook.Secrets, error) {
		switch shop {
		case "example.myshopify.com":
			return webhook.Secrets{Current: secret}, nil
		case "another.myshopify.com":
			return webhook.Secrets{Current: "another secret"}, nil
		case "broken.myshopify.com":
			return webhook.Secrets{}, errors.New("the table is locked")
		case "empty.myshopify.com":
			return webhook.Secrets{}, nil
		}
		return webhook.Secrets{}, fmt.Errorf("looking: %w", webhook.ErrUnknownShop)
	}})
	for shop, want := range map[string]int{
		"example.myshopify.com": 200, "another.myshopify.com": 401, "broken.myshopify.com": 503, "empty.myshopify.com": 401, "unknown.myshopify.com": 401,
	} {
		d := sale()
		d.Shop = shop
		status, header, _ := send(t, request(t, url, d))
		assert.Equal(t, want, status, shop)
		assert.Equal(t, want == 503, header.Get("Retry-After") != "", shop)
	}
	assert.Len(t, box.got, 1)
}

func TestHandlerInboxFails(t *testing.T) {
	var log bytes.Buffer
	url := serve(t, &memory{err: errors.New("disk full")}, webhook.Secrets{Current: secret}, &webhook.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	d := sale()
	d.Body = []byte(`{"email":"alice@example.com"}`)
	status, header, text := send(t, request(t, url, d))
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.NotEmpty(t, header.Get("Retry-After"))
	assert.NotContains(t, text, "disk full", "the sender need not know")
	assert.Contains(t, log.String(), "disk full")
	assert.Contains(t, log.String(), d.WebhookID)
	assert.NotContains(t, log.String(), "alice")
}

func TestDeliveryKey(t *testing.T) {
	d := sale()
	assert.Equal(t, d.WebhookID, d.Key())
	d.WebhookID = ""
	key := d.Key()
	assert.True(t, strings.HasPrefix(key, "sha256:"))
	assert.Equal(t, key, d.Key())
	d.Topic = "orders/create{"
	d.Body = d.Body[1:]
	assert.NotEqual(t, key, d.Key(), "topic and body do not run into one another")
}

// FuzzHandler sends what somebody without the secret could: nothing of it may
// be kept.
func FuzzHandler(f *testing.F) {
	f.Add("POST", "orders/create", "example.myshopify.com", sign([]byte("{}"), "guess"), "id", "2026-11-24T00:00:00Z", []byte("{}"))
	f.Add("GET", "", "", "", "", "", []byte(nil))
	f.Add("POST", "orders/create", "a.shop.dev", sign([]byte("x"), ""), "\x00", "x", []byte("x"))
	box := new(memory)
	handler, err := webhook.NewHandler(box, webhook.Secrets{Current: secret}, &webhook.Options{MaxBody: 100})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, method, topic, shop, signature, id, at string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Method = method
		for name, value := range map[string]string{"Topic": topic, "Shop-Domain": shop, "Hmac-Sha256": signature, "Webhook-Id": id, "Triggered-At": at} {
			r.Header.Set("X-Shopify-"+name, value)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		require.Contains(t, []int{400, 401, 405, 413}, w.Code)
		require.Empty(t, box.got)

		// And signed, whatever else is odd about it, it is kept as it came or
		// refused for its headers.
		r = httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header.Set("X-Shopify-Topic", topic)
		r.Header.Set("X-Shopify-Shop-Domain", shop)
		r.Header.Set("X-Shopify-Webhook-Id", id)
		r.Header.Set("X-Shopify-Hmac-Sha256", sign(body, secret))
		w = httptest.NewRecorder()
		own := new(memory)
		signed, err := webhook.NewHandler(own, webhook.Secrets{Current: secret}, &webhook.Options{MaxBody: 100})
		require.NoError(t, err)
		signed.ServeHTTP(w, r)
		require.Contains(t, []int{200, 400, 413}, w.Code)
		if w.Code == http.StatusOK {
			require.Len(t, own.got, 1)
			assert.True(t, bytes.Equal(body, own.got[0].Body))
			assert.Equal(t, topic, own.got[0].Topic)
		}
	})
}
