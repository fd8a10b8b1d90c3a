package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/webhooktest"
)

type tagOrder struct {
	OrderID string `json:"order_id"`
	Tag     string `json:"tag"`
}

// runFlow posts a signed Flow action to a handler.
func runFlow(t testing.TB, h http.Handler, body []byte, key string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/flow", bytes.NewReader(body))
	r.Header.Set("X-Shopify-Hmac-Sha256", webhooktest.Sign(body, key))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestFlowHandler(t *testing.T) {
	good := webhooktest.FlowAction("Example.myshopify.com", "tag-order", "run-1", tagOrder{"gid://shopify/Order/1", "vip"})
	failed := errors.New("alice@example.com is not known")
	for name, test := range map[string]struct {
		body   []byte
		key    string
		result any
		err    error
		status int
		text   string
	}{
		"done":                 {good, secret, nil, nil, 200, ""},
		"done, with a value":   {good, secret, map[string]int{"points": 3}, nil, 200, `{"return_value":{"points":3}}`},
		"a value that is none": {good, secret, make(chan int), nil, 500, "the result could not be encoded\n"},
		"later":                {good, secret, nil, webhook.RetryLater(time.Minute, failed), 202, "not yet\n"},
		"not in time":          {good, secret, nil, fmt.Errorf("asking: %w", context.DeadlineExceeded), 202, "not yet\n"},
		"given up":             {good, secret, nil, webhook.GiveUp(failed), 422, "the action cannot be done\n"},
		"failed":               {good, secret, nil, failed, 500, "the action failed\n"},
		"forged":               {good, "guess", nil, nil, 401, "the signature does not match\n"},
		"not JSON":             {[]byte("x"), secret, nil, nil, 422, "the body is not a Flow action\n"},
		"wrong properties":     {webhooktest.FlowAction("example.myshopify.com", "tag-order", "", "text"), secret, nil, nil, 422, "the body is not a Flow action\n"},
		"not a shop":           {webhooktest.FlowAction("example.com", "tag-order", "", tagOrder{}), secret, nil, nil, 422, "the body is not a Flow action\n"},
		"no run":               {[]byte(`{"shopify_domain":"example.myshopify.com","properties":{}}`), secret, nil, nil, 422, "the body is not a Flow action\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []webhook.FlowAction[tagOrder]
			var log bytes.Buffer
			h, err := webhook.NewFlowHandler(webhook.Secrets{Current: secret}, func(ctx context.Context, a webhook.FlowAction[tagOrder]) (any, error) {
				deadline, ok := ctx.Deadline()
				assert.True(t, ok)
				assert.LessOrEqual(t, time.Until(deadline), 3*time.Second)
				got = append(got, a)
				return test.result, test.err
			}, &webhook.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			require.NoError(t, err)
			w := runFlow(t, h, test.body, test.key)
			assert.Equal(t, test.status, w.Code)
			assert.Equal(t, test.text, w.Body.String())
			if test.status == 401 || test.text == "the body is not a Flow action\n" {
				assert.Empty(t, got)
				return
			}
			require.Len(t, got, 1)
			assert.Equal(t, webhook.FlowAction[tagOrder]{
				ShopID: 690933842, ShopDomain: "example.myshopify.com", RunID: "run-1", Handle: "tag-order", StepReference: "step-1",
				Properties: tagOrder{"gid://shopify/Order/1", "vip"},
			}, got[0])
		})
	}
}

func TestFlowHandlerSecretsOfAShop(t *testing.T) {
	h, err := webhook.NewFlowHandler(webhook.Secrets{}, func(context.Context, webhook.FlowAction[json.RawMessage]) (any, error) { return nil, nil }, &webhook.Options{
		SecretsOf: func(_ context.Context, shop string) (webhook.Secrets, error) {
			switch shop {
			case "example.myshopify.com":
				return webhook.Secrets{Current: secret}, nil
			case "broken.myshopify.com":
				return webhook.Secrets{}, errors.New("the table is locked")
			}
			return webhook.Secrets{}, webhook.ErrUnknownShop
		},
	})
	require.NoError(t, err)
	for shop, want := range map[string]int{"example.myshopify.com": 200, "broken.myshopify.com": 500, "unknown.myshopify.com": 401} {
		assert.Equal(t, want, runFlow(t, h, webhooktest.FlowAction(shop, "x", "", nil), secret).Code, shop)
	}
	r := httptest.NewRequest(http.MethodGet, "/flow", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	assert.Equal(t, http.StatusMethodNotAllowed, w.Code)

	_, err = webhook.NewFlowHandler[json.RawMessage](webhook.Secrets{Current: secret}, nil, nil)
	require.Error(t, err)
	_, err = webhook.NewFlowHandler(webhook.Secrets{}, func(context.Context, webhook.FlowAction[json.RawMessage]) (any, error) { return nil, nil }, nil)
	require.Error(t, err, "no secret")
}

func TestParseFlowAction(t *testing.T) {
	a, err := webhook.ParseFlowAction[map[string]string]([]byte(`{"shop_id":1,"shopify_domain":"a.myshopify.com","action_run_id":"r","action_definition_id":"old","properties":{"a":"b"},"new":[1]}`))
	require.NoError(t, err)
	assert.Equal(t, "old", a.DefinitionID)
	assert.JSONEq(t, `[1]`, string(a.Extra["new"]))
	data, err := json.Marshal(a)
	require.NoError(t, err)
	assert.Contains(t, string(data), `"new":[1]`)
	_, err = webhook.ParseFlowAction[struct{}]([]byte(`{`))
	var pe *webhook.PayloadError
	require.ErrorAs(t, err, &pe)
}

func FuzzParseFlowAction(f *testing.F) {
	f.Add(webhooktest.FlowAction("example.myshopify.com", "tag-order", "run-1", tagOrder{"1", "vip"}))
	f.Add([]byte(`{"shopify_domain":"a.shop.dev","action_run_id":"\u0000"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := webhook.ParseFlowAction[tagOrder](body)
		if err != nil {
			var pe *webhook.PayloadError
			require.ErrorAs(t, err, &pe)
			return
		}
		data, err := json.Marshal(a)
		require.NoError(t, err)
		again, err := webhook.ParseFlowAction[tagOrder](data)
		require.NoError(t, err)
		require.Equal(t, a.RunID, again.RunID)
		require.Equal(t, a.Properties, again.Properties)
	})
}

func ExampleNewFlowHandler() {
	type properties struct {
		OrderID string `json:"order_id"`
		Points  int64  `json:"points"`
	}
	h, err := webhook.NewFlowHandler(webhook.Secrets{Current: "the client secret"},
		func(_ context.Context, a webhook.FlowAction[properties]) (any, error) {
			// Keep a.RunID together with the points, so that a repetition adds none.
			fmt.Println(a.ShopDomain, a.Handle, a.Properties.Points)
			return map[string]int64{"balance": 140}, nil
		}, nil)
	if err != nil {
		panic(err)
	}
	body := webhooktest.FlowAction("example.myshopify.com", "add-points", "", properties{"gid://shopify/Order/1", 40})
	r := httptest.NewRequest(http.MethodPost, "/flow", bytes.NewReader(body))
	r.Header.Set("X-Shopify-Hmac-Sha256", webhooktest.Sign(body, "the client secret"))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output:
	// example.myshopify.com add-points 40
	// 200 {"return_value":{"balance":140}}
}
