package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook"
)

func TestMux(t *testing.T) {
	mux := new(webhook.Mux)
	var got []string
	failed := errors.New("failed")
	webhook.On(mux, webhook.OrdersCreate, func(_ context.Context, ev webhook.Event[webhook.Order]) error {
		got = append(got, ev.Topic+" "+ev.Payload.Name)
		return nil
	})
	webhook.On(mux, webhook.Topic[json.RawMessage]("inventory_levels/update"), func(_ context.Context, ev webhook.Event[json.RawMessage]) error {
		got = append(got, ev.Topic+" "+string(ev.Payload))
		return failed
	})
	assert.Equal(t, []string{"inventory_levels/update", "orders/create"}, mux.Topics())
	assert.Empty(t, new(webhook.Mux).Topics())
	process := func(topic, body string) error {
		return mux.Process(t.Context(), webhook.Delivery{Topic: topic, Shop: "example.myshopify.com", Body: []byte(body)})
	}
	require.NoError(t, process("orders/create", `{"name":"#1"}`))
	require.ErrorIs(t, process("inventory_levels/update", `{"available": 1}`), failed)
	assert.Equal(t, []string{"orders/create #1", `inventory_levels/update {"available": 1}`}, got)

	err := process("orders/paid", `{}`)
	require.ErrorIs(t, err, webhook.ErrNoHandler)
	_, gaveUp := errors.AsType[*webhook.GiveUpError](err)
	assert.True(t, gaveUp, "nobody else will take it")
	mux.Fallback(func(_ context.Context, d webhook.Delivery) error {
		got = append(got, "fallback "+d.Topic)
		return nil
	})
	require.NoError(t, process("orders/paid", `{}`))
	assert.Equal(t, "fallback orders/paid", got[2])

	require.Panics(t, func() {
		webhook.On(mux, webhook.OrdersCreate, func(context.Context, webhook.Event[webhook.Order]) error { return nil })
	})
}

func TestMuxGivesUpWhatDoesNotDecode(t *testing.T) {
	mux := new(webhook.Mux)
	webhook.On(mux, webhook.OrdersCreate, func(context.Context, webhook.Event[webhook.Order]) error { return nil })
	for name, test := range map[string]struct{ body, text string }{
		"empty":              {``, "not JSON at byte 0"},
		"cut off":            {`{"id":1,"email":"alice@example.com"`, "not JSON at byte 35"},
		"not JSON":           {`alice@example.com`, "not JSON at byte 1"},
		"a list":             {`["alice@example.com"]`, "wrong type"},
		"a text for an id":   {`{"id":"alice@example.com"}`, "wrong type for int64 at id"},
		"a text for money":   {`{"total_price":"alice@example.com"}`, "wrong type for decimal.Decimal at total_price"},
		"long money":         {`{"total_price":"` + strings.Repeat("1", 65) + `"}`, "the amount total_price is out of range"},
		"endless money":      {`{"total_price":"1e999999999"}`, "the amount total_price is out of range"},
		"tiny money":         {`{"line_items":[{"price":"1e-999999999"}]}`, "the amount line_items.price is out of range"},
		"a float for an id":  {`{"id":1.5}`, "wrong type for int64 at id"},
		"an id beyond int64": {`{"id":92233720368547758080}`, "wrong type for int64 at id"},
	} {
		t.Run(name, func(t *testing.T) {
			err := mux.Process(t.Context(), webhook.Delivery{Topic: "orders/create", Body: []byte(test.body)})
			_, gaveUp := errors.AsType[*webhook.GiveUpError](err)
			assert.True(t, gaveUp)
			pe, ok := errors.AsType[*webhook.PayloadError](err)
			require.True(t, ok)
			assert.Equal(t, "orders/create", pe.Topic)
			assert.Contains(t, err.Error(), test.text)
			assert.NotContains(t, err.Error(), "alice")
			require.Error(t, pe.Unwrap())
		})
	}
}

func TestVerdicts(t *testing.T) {
	cause := errors.New("the shop is closed")
	later := webhook.RetryLater(time.Minute, cause)
	require.ErrorIs(t, later, cause)
	assert.Equal(t, "webhook: again in 1m0s: the shop is closed", later.Error())
	assert.Equal(t, "webhook: again in 0s", webhook.RetryLater(-time.Minute, nil).Error())
	over := webhook.GiveUp(cause)
	require.ErrorIs(t, over, cause)
	assert.Equal(t, "webhook: gave up: the shop is closed", over.Error())
	assert.Equal(t, "webhook: gave up", webhook.GiveUp(nil).Error())
}
