package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/webhooktest"
)

// store is a part of an app that notes what it is asked for.
type store struct {
	name  string
	fail  error
	calls *[]string
}

func (s store) note(format string, args ...any) error {
	*s.calls = append(*s.calls, s.name+" "+fmt.Sprintf(format, args...))
	return s.fail
}

func (s store) ExportCustomer(_ context.Context, ev webhook.Event[webhook.DataRequest]) error {
	return s.note("export customer %d of %s, %d orders", ev.Payload.Customer.ID, ev.Shop, len(ev.Payload.OrdersRequested))
}

func (s store) EraseCustomer(_ context.Context, ev webhook.Event[webhook.CustomerRedaction]) error {
	return s.note("erase customer %d of %s, %d orders", ev.Payload.Customer.ID, ev.Shop, len(ev.Payload.OrdersToRedact))
}

func (s store) EraseShop(_ context.Context, ev webhook.Event[webhook.ShopRedaction]) error {
	return s.note("erase %s", ev.Shop)
}

func (s store) Uninstall(_ context.Context, ev webhook.Event[webhook.Shop]) error {
	return s.note("uninstall %s", ev.Shop)
}

// sampleOf is a delivery of a topic's sample.
func sampleOf[T any](t testing.TB, topic webhook.Topic[T]) webhook.Delivery {
	t.Helper()
	body, ok := webhooktest.Sample(string(topic))
	require.True(t, ok)
	return webhooktest.Fill(webhook.Delivery{Topic: string(topic), Body: body, Attempt: 1})
}

func TestCompliance(t *testing.T) {
	var calls []string
	var results []webhook.ComplianceResult
	a, b := store{name: "orders", calls: &calls}, store{name: "mail", calls: &calls}
	mux := new(webhook.Mux)
	require.NoError(t, webhook.OnCompliance(mux, webhook.Compliance{
		Exporters: []webhook.Exporter{a, b}, Erasers: []webhook.Eraser{a, b}, Uninstaller: a,
		Observe: func(_ context.Context, r webhook.ComplianceResult) { results = append(results, r) },
	}))
	deliveries := []webhook.Delivery{
		sampleOf(t, webhook.CustomersDataRequest), sampleOf(t, webhook.CustomersRedact), sampleOf(t, webhook.ShopRedact), sampleOf(t, webhook.AppUninstalled),
	}
	for _, d := range deliveries {
		require.NoError(t, mux.Process(t.Context(), d), d.Topic)
	}
	assert.Equal(t, []string{
		"orders export customer 115310627314723954 of example.myshopify.com, 2 orders",
		"mail export customer 115310627314723954 of example.myshopify.com, 2 orders",
		"orders erase customer 115310627314723954 of example.myshopify.com, 1 orders",
		"mail erase customer 115310627314723954 of example.myshopify.com, 1 orders",
		"orders erase example.myshopify.com",
		"mail erase example.myshopify.com",
		"orders uninstall example.myshopify.com",
	}, calls)
	require.Len(t, results, 4)
	d := deliveries[0]
	assert.Equal(t, webhook.ComplianceResult{
		Topic: "customers/data_request", Shop: "example.myshopify.com", ShopID: 690933842, CustomerID: 115310627314723954, RequestID: 9999,
		WebhookID: d.WebhookID, Attempt: 1, Due: d.TriggeredAt.Add(30 * 24 * time.Hour),
	}, results[0])
	assert.Zero(t, results[2].CustomerID)
	assert.Zero(t, results[3].Due)
	assert.NotContains(t, fmt.Sprint(results), "alice")
}

func TestComplianceFails(t *testing.T) {
	var calls []string
	locked := errors.New("the table is locked")
	bad, good := store{name: "bad", fail: locked, calls: &calls}, store{name: "good", calls: &calls}
	var results []webhook.ComplianceResult
	mux := new(webhook.Mux)
	require.NoError(t, webhook.OnCompliance(mux, webhook.Compliance{
		Exporters: []webhook.Exporter{bad, good}, Erasers: []webhook.Eraser{bad, good},
		Observe: func(_ context.Context, r webhook.ComplianceResult) { results = append(results, r) },
	}))
	err := mux.Process(t.Context(), sampleOf(t, webhook.ShopRedact))
	require.ErrorIs(t, err, locked)
	_, gaveUp := errors.AsType[*webhook.GiveUpError](err)
	assert.False(t, gaveUp, "it is tried again")
	assert.Equal(t, []string{"bad erase example.myshopify.com", "good erase example.myshopify.com"}, calls, "one that fails keeps none from its work")
	require.ErrorIs(t, results[0].Err, locked)

	err = mux.Process(t.Context(), sampleOf(t, webhook.AppUninstalled))
	require.ErrorIs(t, err, webhook.ErrNoHandler, "without an Uninstaller")
}

// A signed body, sent again under another header.
func TestComplianceMismatch(t *testing.T) {
	body := func(topic string) string {
		b, ok := webhooktest.Sample(topic)
		require.True(t, ok)
		return string(b)
	}
	const request, customer, shop, gone = "customers/data_request", "customers/redact", "shop/redact", "app/uninstalled"
	for name, test := range map[string]struct{ topic, body string }{
		"a customer's as a shop's":     {shop, body(customer)},
		"a request as a customer's":    {customer, body(request)},
		"a request as a shop's":        {shop, body(request)},
		"a customer's as a request":    {request, body(customer)},
		"a shop's as a customer's":     {customer, body(shop)},
		"a shop's as a request":        {request, body(shop)},
		"an order as a customer's":     {customer, body("orders/create")},
		"an order as a shop's":         {shop, body("orders/create")},
		"a request of another shop":    {request, strings.Replace(body(request), "example.my", "other.my", 1)},
		"a customer's of another shop": {customer, strings.Replace(body(customer), "example.my", "other.my", 1)},
		"a shop's of another shop":     {shop, strings.Replace(body(shop), "example.my", "other.my", 1)},
		"an uninstallation of another": {gone, body("shop/update")},
		"no shop":                      {shop, `{"shop_id":1}`},
		"nothing":                      {customer, `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			var calls []string
			s := store{calls: &calls}
			mux := new(webhook.Mux)
			require.NoError(t, webhook.OnCompliance(mux, webhook.Compliance{Exporters: []webhook.Exporter{s}, Erasers: []webhook.Eraser{s}, Uninstaller: s}))
			d := webhook.Delivery{Topic: test.topic, Shop: "example.myshopify.com", Body: []byte(test.body)}
			if test.topic == gone {
				d.Shop = "other.myshopify.com"
			}
			err := mux.Process(t.Context(), d)
			require.ErrorIs(t, err, webhook.ErrMismatch)
			_, gaveUp := errors.AsType[*webhook.GiveUpError](err)
			assert.True(t, gaveUp)
			assert.Empty(t, calls)
		})
	}
}

func TestOnComplianceRefuses(t *testing.T) {
	s := store{calls: new([]string)}
	require.Error(t, webhook.OnCompliance(new(webhook.Mux), webhook.Compliance{}))
	require.Error(t, webhook.OnCompliance(new(webhook.Mux), webhook.Compliance{Erasers: []webhook.Eraser{s}}))
	require.Error(t, webhook.OnCompliance(new(webhook.Mux), webhook.Compliance{Exporters: []webhook.Exporter{s}}))
	mux := new(webhook.Mux)
	require.NoError(t, webhook.OnCompliance(mux, webhook.Compliance{StoresNothing: true}))
	require.NoError(t, mux.Process(t.Context(), sampleOf(t, webhook.ShopRedact)))
	require.Panics(t, func() { _ = webhook.OnCompliance(mux, webhook.Compliance{StoresNothing: true}) })
}

// notes is a part of an app that stores notes about customers.
type notes struct{ of map[int64][]string }

func (n notes) ExportCustomer(_ context.Context, ev webhook.Event[webhook.DataRequest]) error {
	fmt.Println("for the merchant:", n.of[ev.Payload.Customer.ID])
	return nil
}

func (n notes) EraseCustomer(_ context.Context, ev webhook.Event[webhook.CustomerRedaction]) error {
	delete(n.of, ev.Payload.Customer.ID)
	return nil
}

func (n notes) EraseShop(context.Context, webhook.Event[webhook.ShopRedaction]) error {
	clear(n.of)
	return nil
}

func ExampleOnCompliance() {
	n := notes{map[int64][]string{115310627314723954: {"prefers the long fit"}}}
	mux := new(webhook.Mux)
	err := webhook.OnCompliance(mux, webhook.Compliance{
		Exporters: []webhook.Exporter{n},
		Erasers:   []webhook.Eraser{n},
		Observe: func(_ context.Context, r webhook.ComplianceResult) {
			fmt.Println(r.Topic, "customer", r.CustomerID, r.Err)
		},
	})
	if err != nil {
		panic(err)
	}
	for _, topic := range []string{"customers/data_request", "customers/redact"} {
		body, _ := webhooktest.Sample(topic)
		_ = mux.Process(context.Background(), webhook.Delivery{Topic: topic, Shop: "example.myshopify.com", Body: body})
	}
	fmt.Println(len(n.of), "left")
	// Output:
	// for the merchant: [prefers the long fit]
	// customers/data_request customer 115310627314723954 <nil>
	// customers/redact customer 115310627314723954 <nil>
	// 0 left
}
