// Package otelshopify records OpenTelemetry spans and metrics of the calls of
// package shopify.
//
//	hooks, err := otelshopify.Hooks(nil)
//	…
//	client, err := shopify.NewClient(shop, tokens, &shopify.Options{Hooks: []shopify.Hooks{hooks}})
//
// A call is one client span, "query GetOrder", with an event for each attempt;
// requests that the HTTP client traces itself become its children. Spans and
// metrics hold names, numbers and kinds of errors: no query texts, variables,
// bodies, tokens or messages. Names follow the semantic conventions where there
// are some (graphql.operation.name, error.type, server.address); the rest begins
// with "shopify.".
//
// # Metrics
//
//	shopify.client.operation.duration   s          of a call, waits included
//	shopify.client.points.wait          s          of a call, for query-cost points
//	shopify.client.points.used          {point}    actual query cost
//	shopify.client.points.available     {point}    in the shop's bucket, as last told
//	shopify.client.attempts             {attempt}  requests sent, by what came of them
//
// They carry the operation, its kind, the lane and, of failures, error.type. The
// shop is on spans, and on metrics only if asked for ([Options.ShopInMetrics]):
// a series per shop and operation is a lot for an app with many shops. Only the
// bucket's level makes no sense without the shop and is recorded with it alone.
//
// Source: https://opentelemetry.io/docs/specs/semconv/graphql/graphql-spans/
package otelshopify

import (
	"context"
	"fmt"

	"github.com/posai-go/posai/shopify"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// Options are the optional settings of [Hooks]. Zero fields are the defaults.
type Options struct {
	// TracerProvider makes the spans. If nil, OpenTelemetry's global one.
	TracerProvider trace.TracerProvider
	// MeterProvider makes the metrics. If nil, OpenTelemetry's global one.
	MeterProvider metric.MeterProvider
	// ShopInMetrics adds the shop's domain to all metrics, and records the
	// level of its bucket.
	ShopInMetrics bool
}

const scope = "github.com/posai-go/posai/shopify/otelshopify"

// Hooks returns hooks for [shopify.Options]. It fails if the meter provider
// refuses an instrument.
func Hooks(opts *Options) (shopify.Hooks, error) {
	r := &recorder{}
	if opts != nil {
		r.opts = *opts
	}
	if r.opts.TracerProvider == nil {
		r.opts.TracerProvider = otel.GetTracerProvider()
	}
	if r.opts.MeterProvider == nil {
		r.opts.MeterProvider = otel.GetMeterProvider()
	}
	r.tracer = r.opts.TracerProvider.Tracer(scope)
	if err := r.instruments(r.opts.MeterProvider.Meter(scope)); err != nil {
		return shopify.Hooks{}, fmt.Errorf("otelshopify: %w", err)
	}
	return shopify.Hooks{Start: r.start, Attempt: r.attempt, End: r.end, Protected: r.protected}, nil
}

type recorder struct {
	opts   Options
	tracer trace.Tracer

	duration, wait metric.Float64Histogram
	used           metric.Float64Counter
	available      metric.Float64Gauge
	attempts       metric.Int64Counter
}

func (r *recorder) instruments(m metric.Meter) (err error) {
	seconds := metric.WithExplicitBucketBoundaries(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30)
	if r.duration, err = m.Float64Histogram("shopify.client.operation.duration", metric.WithUnit("s"), seconds, metric.WithDescription("Duration of a call, waits included.")); err != nil {
		return err
	}
	if r.wait, err = m.Float64Histogram("shopify.client.points.wait", metric.WithUnit("s"), seconds, metric.WithDescription("Time that a call waited for query-cost points.")); err != nil {
		return err
	}
	if r.used, err = m.Float64Counter("shopify.client.points.used", metric.WithUnit("{point}"), metric.WithDescription("Actual query cost.")); err != nil {
		return err
	}
	if r.available, err = m.Float64Gauge("shopify.client.points.available", metric.WithUnit("{point}"), metric.WithDescription("Points in the shop's bucket, as last told.")); err != nil {
		return err
	}
	r.attempts, err = m.Int64Counter("shopify.client.attempts", metric.WithUnit("{attempt}"), metric.WithDescription("Requests sent."))
	return err
}

// spanKey holds the span of a call: the current span of the context may be
// another hook's.
type spanKey struct{}

func spanOf(ctx context.Context) trace.Span {
	if span, ok := ctx.Value(spanKey{}).(trace.Span); ok {
		return span
	}
	return trace.SpanFromContext(context.Background())
}

func operation(op shopify.Operation) []attribute.KeyValue {
	return []attribute.KeyValue{attribute.String("graphql.operation.name", op.Name), attribute.String("graphql.operation.type", string(op.Kind))}
}

func (r *recorder) start(ctx context.Context, s shopify.CallStart) context.Context {
	name := string(s.Operation.Kind)
	if s.Operation.Name != "" {
		name += " " + s.Operation.Name
	}
	ctx, span := r.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(append(operation(s.Operation),
		attribute.String("server.address", string(s.Shop)),
		attribute.String("shopify.lane", s.Lane.String()),
		attribute.String("shopify.safety", s.Operation.Safety.String()),
	)...))
	return context.WithValue(ctx, spanKey{}, span)
}

func (r *recorder) attempt(ctx context.Context, a shopify.Attempt) {
	attrs := operation(a.Operation)
	if a.Err != nil {
		attrs = append(attrs, attribute.String("error.type", errorType(a.Err)))
	}
	if a.Status != 0 {
		attrs = append(attrs, attribute.Int("http.response.status_code", a.Status))
	}
	r.attempts.Add(ctx, 1, metric.WithAttributes(r.withShop(attrs, a.Shop)...))
	if r.opts.ShopInMetrics && a.Cost.Throttle.MaximumAvailable > 0 {
		r.available.Record(ctx, a.Cost.Throttle.CurrentlyAvailable, metric.WithAttributes(attribute.String("server.address", string(a.Shop))))
	}
	span := spanOf(ctx)
	if !span.IsRecording() {
		return
	}
	event := []attribute.KeyValue{attribute.Int("shopify.attempt", a.Number), attribute.Float64("shopify.points.wait", a.Waited.Seconds())}
	event = append(event, attrs[2:]...) // the operation is the span's
	if a.Again {
		event = append(event, attribute.Float64("shopify.pause", a.Pause.Seconds()))
	}
	span.AddEvent("attempt", trace.WithAttributes(event...))
}

func (r *recorder) end(ctx context.Context, e shopify.CallEnd) {
	attrs := append(operation(e.Info.Operation), attribute.String("shopify.lane", e.Lane.String()))
	if e.Err != nil {
		attrs = append(attrs, attribute.String("error.type", errorType(e.Err)))
	}
	set := metric.WithAttributes(r.withShop(attrs, e.Shop)...)
	r.duration.Record(ctx, e.Duration.Seconds(), set)
	r.wait.Record(ctx, e.Info.WaitedForPoints.Seconds(), set)
	r.used.Add(ctx, max(0, e.Info.Cost.Actual), set)

	span := spanOf(ctx)
	defer span.End()
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(
		attribute.Int("shopify.attempts", e.Info.Attempts),
		attribute.Int("shopify.throttled", e.Info.Throttled),
		attribute.Float64("shopify.wait", e.Info.Waited.Seconds()),
		attribute.Float64("shopify.points.wait", e.Info.WaitedForPoints.Seconds()),
		attribute.Float64("shopify.cost.requested", e.Info.Cost.Requested),
		attribute.Float64("shopify.cost.actual", e.Info.Cost.Actual),
	)
	text := func(key, value string) {
		if value != "" {
			span.SetAttributes(attribute.String(key, value))
		}
	}
	text("shopify.request_id", e.Info.RequestID)
	text("shopify.api_version", e.Info.APIVersion)
	text("shopify.deprecated", e.Info.DeprecatedReason)
	if e.Info.Status != 0 {
		span.SetAttributes(attribute.Int("http.response.status_code", e.Info.Status))
	}
	if e.Err != nil {
		span.SetAttributes(attribute.String("error.type", errorType(e.Err)))
		span.SetStatus(codes.Error, "")
	}
}

// protected notes which fields with personal data an answer carried.
func (r *recorder) protected(ctx context.Context, a shopify.ProtectedAccess) error {
	if span := spanOf(ctx); span.IsRecording() {
		fields := make([]string, len(a.Fields))
		for i, f := range a.Fields {
			fields[i] = f.Field
		}
		span.SetAttributes(attribute.StringSlice("shopify.protected_fields", fields))
	}
	return nil
}

func (r *recorder) withShop(attrs []attribute.KeyValue, shop shopify.Domain) []attribute.KeyValue {
	if !r.opts.ShopInMetrics {
		return attrs
	}
	return append(attrs[:len(attrs):len(attrs)], attribute.String("server.address", string(shop)))
}
