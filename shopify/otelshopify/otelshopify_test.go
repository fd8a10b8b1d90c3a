package otelshopify_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/otelshopify"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// observed is a client of a simulated shop, and what is recorded of its calls.
type observed struct {
	shop   *shopifytest.Shop
	client *shopify.Client
	spans  *tracetest.InMemoryExporter
	reader *metric.ManualReader
}

func observe(t *testing.T, opts otelshopify.Options) *observed {
	t.Helper()
	o := &observed{shop: shopifytest.NewShop(t, nil), spans: tracetest.NewInMemoryExporter(), reader: metric.NewManualReader()}
	opts.TracerProvider = trace.NewTracerProvider(trace.WithSyncer(o.spans))
	opts.MeterProvider = metric.NewMeterProvider(metric.WithReader(o.reader))
	hooks, err := otelshopify.Hooks(&opts)
	require.NoError(t, err)
	o.client, err = shopify.NewClient(shopify.Domain(o.shop.Domain()), shopify.StaticToken(o.shop.Token()), &shopify.Options{
		BaseURL: o.shop.URL(), Hooks: []shopify.Hooks{hooks}, MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond,
	})
	require.NoError(t, err)
	return o
}

func attributes(kvs []attribute.KeyValue) map[string]any {
	out := map[string]any{}
	for _, kv := range kvs {
		out[string(kv.Key)] = kv.Value.AsInterface()
	}
	return out
}

// metrics returns sums (or counts of histograms) by name and attributes.
func (o *observed) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	var rm metricdata.ResourceMetrics
	require.NoError(t, o.reader.Collect(t.Context(), &rm))
	out := map[string]float64{}
	add := func(name string, set attribute.Set, v float64) {
		var parts []string
		for _, kv := range set.ToSlice() {
			parts = append(parts, string(kv.Key)+"="+kv.Value.String())
		}
		out[name+"{"+strings.Join(parts, ",")+"}"] += v
	}
	for _, scope := range rm.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					add(m.Name, p.Attributes, float64(p.Value))
				}
			case metricdata.Sum[float64]:
				for _, p := range data.DataPoints {
					add(m.Name, p.Attributes, p.Value)
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					add(m.Name, p.Attributes, p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					add(m.Name, p.Attributes, float64(p.Count))
				}
			default:
				t.Fatalf("metric %s is a %T", m.Name, data)
			}
		}
	}
	return out
}

func TestSpanOfACall(t *testing.T) {
	o := observe(t, otelshopify.Options{})
	o.shop.Inject(shopifytest.Fault{Operation: "GetOrder", Status: 503, RetryAfter: "0.001"})
	id := shopify.GID(o.shop.Orders()[0].ID)
	_, err := admin.GetOrder(t.Context(), o.client.With(shopify.CallOptions{Lane: shopify.Background}), id)
	require.NoError(t, err)
	spans := o.spans.GetSpans()
	require.Len(t, spans, 1)
	span := spans[0]
	assert.Equal(t, "query GetOrder", span.Name)
	attrs := attributes(span.Attributes)
	for key, want := range map[string]any{
		"graphql.operation.name": "GetOrder", "graphql.operation.type": "query", "server.address": o.shop.Domain(),
		"shopify.lane": "background", "shopify.safety": "read", "shopify.api_version": shopify.Version,
		"shopify.attempts": int64(2), "shopify.throttled": int64(0), "http.response.status_code": int64(200),
	} {
		assert.Equal(t, want, attrs[key], key)
	}
	assert.NotEmpty(t, attrs["shopify.request_id"])
	assert.Positive(t, attrs["shopify.cost.requested"])
	assert.NotContains(t, attrs, "error.type")
	require.Len(t, span.Events, 2)
	first, second := attributes(span.Events[0].Attributes), attributes(span.Events[1].Attributes)
	assert.Equal(t, "server", first["error.type"])
	assert.Equal(t, int64(503), first["http.response.status_code"])
	assert.Positive(t, first["shopify.pause"])
	assert.Equal(t, int64(2), second["shopify.attempt"])
	assert.NotContains(t, second, "shopify.pause")
	assert.NotContains(t, fmt.Sprintf("%+v", spans), o.shop.Token())
}

func TestSpanOfAFailure(t *testing.T) {
	o := observe(t, otelshopify.Options{})
	o.shop.Inject(shopifytest.Fault{Operation: "DraftOrderCreate", LoseResponse: true})
	_, err := admin.DraftOrderCreate(t.Context(), o.client, admin.DraftOrderInput{Note: shopify.Some("for jo@example.com"), LineItems: shopify.Some([]admin.DraftOrderLineItemInput{
		{Quantity: 1, VariantID: shopify.Some(shopify.GID(o.shop.Products()[0].Variants[0].ID))},
	})})
	require.ErrorIs(t, err, shopify.ErrOutcomeUnknown)
	span := o.spans.GetSpans()[0]
	assert.Equal(t, "mutation DraftOrderCreate", span.Name)
	assert.Equal(t, codes.Error, span.Status.Code)
	assert.Empty(t, span.Status.Description)
	assert.Equal(t, "outcome_unknown", attributes(span.Attributes)["error.type"])
	assert.NotContains(t, fmt.Sprintf("%+v", span), "jo@example.com")
}

func TestProtectedFieldsAreNamed(t *testing.T) {
	o := observe(t, otelshopify.Options{})
	_, err := admin.GetCustomer(t.Context(), o.client, shopify.GID(o.shop.Customers()[0].ID))
	require.NoError(t, err)
	span := o.spans.GetSpans()[0]
	assert.Contains(t, attributes(span.Attributes)["shopify.protected_fields"], "Customer.firstName")
	assert.NotContains(t, fmt.Sprintf("%+v", span), o.shop.Customers()[0].Email)
}

func TestSpansNest(t *testing.T) {
	o := observe(t, otelshopify.Options{})
	tracer := trace.NewTracerProvider(trace.WithSyncer(o.spans)).Tracer("test")
	// A hook that opens a span of its own does not take the place of ours.
	inner := shopify.Hooks{Start: func(ctx context.Context, _ shopify.CallStart) context.Context {
		ctx, span := tracer.Start(ctx, "inner")
		span.End()
		return ctx
	}}
	hooks, err := otelshopify.Hooks(&otelshopify.Options{TracerProvider: trace.NewTracerProvider(trace.WithSyncer(o.spans)), MeterProvider: metric.NewMeterProvider()})
	require.NoError(t, err)
	c, err := shopify.NewClient(shopify.Domain(o.shop.Domain()), shopify.StaticToken(o.shop.Token()), &shopify.Options{BaseURL: o.shop.URL(), Hooks: []shopify.Hooks{hooks, inner}})
	require.NoError(t, err)
	ctx, outer := tracer.Start(t.Context(), "outer")
	_, err = admin.GetShop(ctx, c)
	require.NoError(t, err)
	outer.End()
	byName := map[string]tracetest.SpanStub{}
	for _, s := range o.spans.GetSpans() {
		byName[s.Name] = s
	}
	assert.Equal(t, byName["outer"].SpanContext.SpanID(), byName["query GetShop"].Parent.SpanID())
	assert.Equal(t, byName["query GetShop"].SpanContext.SpanID(), byName["inner"].Parent.SpanID())
	assert.NotZero(t, attributes(byName["query GetShop"].Attributes)["shopify.attempts"])
}

func TestMetrics(t *testing.T) {
	o := observe(t, otelshopify.Options{})
	o.shop.Inject(shopifytest.Fault{Operation: "GetShop", Status: 500})
	for range 2 {
		_, err := admin.GetShop(t.Context(), o.client)
		require.NoError(t, err)
	}
	o.shop.Inject(shopifytest.Fault{Operation: "GetShop", Status: 423})
	_, err := admin.GetShop(t.Context(), o.client)
	require.ErrorIs(t, err, shopify.ErrShopLocked)
	m := o.metrics(t)
	const op = "graphql.operation.name=GetShop,graphql.operation.type=query"
	assert.InDelta(t, 2, m["shopify.client.operation.duration{"+op+",shopify.lane=interactive}"], 0)
	assert.InDelta(t, 1, m["shopify.client.operation.duration{error.type=shop_unavailable,"+op+",shopify.lane=interactive}"], 0)
	assert.InDelta(t, 2, m["shopify.client.points.wait{"+op+",shopify.lane=interactive}"], 0)
	assert.InDelta(t, 2, m["shopify.client.points.used{"+op+",shopify.lane=interactive}"], 1, "a point each")
	assert.InDelta(t, 2, m["shopify.client.attempts{"+op+",http.response.status_code=200}"], 0)
	assert.InDelta(t, 1, m["shopify.client.attempts{error.type=server,"+op+",http.response.status_code=500}"], 0)
	for name := range m {
		assert.NotContains(t, name, o.shop.Domain())
	}
}

func TestShopInMetrics(t *testing.T) {
	o := observe(t, otelshopify.Options{ShopInMetrics: true})
	_, err := admin.GetShop(t.Context(), o.client)
	require.NoError(t, err)
	m := o.metrics(t)
	assert.InDelta(t, 1999, m["shopify.client.points.available{server.address="+o.shop.Domain()+"}"], 1)
	for name := range m {
		assert.Contains(t, name, "server.address="+o.shop.Domain())
	}
}

func TestDefaultsRecordNothing(t *testing.T) {
	hooks, err := otelshopify.Hooks(nil) // no global providers are set
	require.NoError(t, err)
	shop := shopifytest.NewShop(t, nil)
	c, err := shopify.NewClient(shopify.Domain(shop.Domain()), shopify.StaticToken(shop.Token()), &shopify.Options{BaseURL: shop.URL(), Hooks: []shopify.Hooks{hooks}})
	require.NoError(t, err)
	_, err = admin.GetShop(t.Context(), c)
	assert.NoError(t, err)
}
