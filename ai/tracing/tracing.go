package tracing

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	nometric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	notrace "go.opentelemetry.io/otel/trace/noop"

	"github.com/posai-go/posai/ai"
)

// scope names this instrumentation.
const scope = "github.com/posai-go/posai/ai/tracing"

// Options are the options of [New]. The zero value records nothing.
type Options struct {
	// TracerProvider makes the spans. If nil, there are none.
	TracerProvider trace.TracerProvider

	// MeterProvider makes the metrics. If nil, there are none.
	MeterProvider metric.MeterProvider

	// Content records prompts, replies, and the arguments and results of tools as
	// attributes of spans. They may hold personal data and secrets: leave it off
	// outside of development, or see that it stands inside of [ai.Redact].
	Content bool
}

// A Tracer records calls. It is safe for concurrent use.
type Tracer struct {
	tracer  trace.Tracer
	content bool

	duration, toolDuration metric.Float64Histogram // seconds
	tokens                 metric.Int64Histogram
}

// New returns a tracer. Nil options are the defaults.
func New(opts *Options) (*Tracer, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.TracerProvider == nil {
		o.TracerProvider = notrace.NewTracerProvider()
	}
	if o.MeterProvider == nil {
		o.MeterProvider = nometric.NewMeterProvider()
	}
	t := &Tracer{tracer: o.TracerProvider.Tracer(scope), content: o.Content}
	meter := o.MeterProvider.Meter(scope)
	var errs [3]error
	t.duration, errs[0] = meter.Float64Histogram(inferenceDuration, metric.WithUnit("s"),
		metric.WithDescription("Duration of a call of a model."), metric.WithExplicitBucketBoundaries(durationBuckets...))
	t.toolDuration, errs[1] = meter.Float64Histogram(toolDuration, metric.WithUnit("s"),
		metric.WithDescription("Duration of a tool call."), metric.WithExplicitBucketBoundaries(durationBuckets...))
	t.tokens, errs[2] = meter.Int64Histogram(tokenUsage, metric.WithUnit("{token}"),
		metric.WithDescription("Tokens of a call of a model."), metric.WithExplicitBucketBoundaries(tokenBuckets...))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	return t, nil
}

// Middleware records the calls of a model as spans "chat {model}", of kind client.
// A stream's span lasts from the request to its last event.
func (t *Tracer) Middleware(m ai.Model) ai.Model { return &model{Model: m, tracer: t} }

type model struct {
	ai.Model
	tracer *Tracer
}

// A call is a span with what its metrics need.
type call struct {
	*Tracer
	span  trace.Span
	began time.Time
	attrs []attribute.KeyValue // of the metrics
}

func (t *Tracer) start(ctx context.Context, operation, provider, name string, more ...attribute.KeyValue) (context.Context, *call) {
	if known := providers[provider]; known != "" {
		provider = known
	}
	c := &call{Tracer: t, began: time.Now(), attrs: []attribute.KeyValue{
		attribute.String(operationName, operation), attribute.String(providerName, provider), attribute.String(requestModel, name),
	}}
	attrs := slices.Concat(c.attrs, more)
	if caller, ok := ai.CallerFrom(ctx); ok && caller.Feature != "" {
		attrs = append(attrs, attribute.String(feature, caller.Feature))
	}
	ctx, c.span = t.tracer.Start(ctx, operation+" "+name,
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...))
	return ctx, c
}

func (m *model) start(ctx context.Context, req *ai.Request) (context.Context, *call) {
	info := m.Info()
	var attrs []attribute.KeyValue
	if req != nil {
		if req.MaxOutputTokens > 0 {
			attrs = append(attrs, attribute.Int(requestMaxTokens, req.MaxOutputTokens))
		}
		if req.Temperature != nil {
			attrs = append(attrs, attribute.Float64(requestTemp, *req.Temperature))
		}
		if req.TopP != nil {
			attrs = append(attrs, attribute.Float64(requestTopP, *req.TopP))
		}
		if m.tracer.content {
			attrs = append(attrs, requestContent(req)...)
		}
	}
	return m.tracer.start(ctx, operationChat, info.Provider, info.Model, attrs...)
}

// done records a reply.
func (c *call) done(resp *ai.Response) {
	c.attrs = append(c.attrs, attribute.String(responseModel, resp.Model))
	c.span.SetAttributes(
		attribute.String(responseModel, resp.Model),
		attribute.String(responseID, resp.ID),
		attribute.StringSlice(finishReasons, []string{finishReason(resp.StopReason)}),
	)
	if resp.Cached {
		c.span.SetAttributes(attribute.Bool(cached, true))
	}
	if c.content {
		c.span.SetAttributes(responseContent(resp))
	}
	c.usage(resp.Usage)
}

func (c *call) usage(u ai.Usage) {
	if u.Missing || u == (ai.Usage{}) {
		return
	}
	c.span.SetAttributes(
		attribute.Int64(inputTokens, u.InputTokens),
		attribute.Int64(outputTokens, u.OutputTokens),
		attribute.Int64(cacheReadTokens, u.CacheReadTokens),
		attribute.Int64(cacheWriteTokens, u.CacheWriteTokens),
	)
	ctx := context.Background()
	c.tokens.Record(ctx, u.InputTokens, metric.WithAttributes(append(c.attrs[:len(c.attrs):len(c.attrs)], attribute.String(tokenType, "input"))...))
	c.tokens.Record(ctx, u.OutputTokens, metric.WithAttributes(append(c.attrs[:len(c.attrs):len(c.attrs)], attribute.String(tokenType, "output"))...))
}

// end ends the span. The error's text is not recorded: only its class.
func (c *call) end(err error) {
	if err != nil {
		class := errorClass(err)
		c.attrs = append(c.attrs, attribute.String(errorType, class))
		c.span.SetAttributes(attribute.String(errorType, class))
		c.span.SetStatus(codes.Error, class)
	}
	c.duration.Record(context.Background(), time.Since(c.began).Seconds(), metric.WithAttributes(c.attrs...))
	c.span.End()
}

// Generate implements [ai.Model].
func (m *model) Generate(ctx context.Context, req *ai.Request) (resp *ai.Response, err error) {
	ctx, c := m.start(ctx, req)
	defer func() { c.end(err) }()
	resp, err = m.Model.Generate(ctx, req)
	if err == nil {
		c.done(resp)
	}
	return resp, err
}

// Stream implements [ai.Model].
func (m *model) Stream(ctx context.Context, req *ai.Request) iter.Seq2[ai.Event, error] {
	return func(yield func(ai.Event, error) bool) {
		ctx, c := m.start(ctx, req)
		var failed error
		over := false
		defer func() {
			if !over {
				c.span.SetAttributes(attribute.Bool(streamLeft, true))
			}
			c.end(failed)
		}()
		for ev, err := range m.Model.Stream(ctx, req) {
			if err != nil {
				over, failed = true, err
				if partial, ok := errors.AsType[*ai.PartialError](err); ok && partial.Response != nil {
					c.usage(partial.Response.Usage)
				}
			}
			if done, ok := ev.(ai.Done); ok {
				over = true
				c.done(done.Response)
			}
			if !yield(ev, err) || err != nil {
				return
			}
		}
	}
}

// Embedder records the calls of an embedder as spans "embeddings {model}".
func (t *Tracer) Embedder(e ai.Embedder) ai.Embedder { return &embedder{Embedder: e, tracer: t} }

type embedder struct {
	ai.Embedder
	tracer *Tracer
}

// Embed implements [ai.Embedder].
func (e *embedder) Embed(ctx context.Context, req *ai.EmbedRequest) (resp *ai.EmbedResponse, err error) {
	info := e.Info()
	ctx, c := e.tracer.start(ctx, operationEmbed, info.Provider, info.Model)
	defer func() { c.end(err) }()
	resp, err = e.Embedder.Embed(ctx, req)
	if err == nil {
		c.span.SetAttributes(attribute.String(responseModel, resp.Model))
		c.usage(resp.Usage)
	}
	return resp, err
}

// Around records a tool call of a loop as a span "execute_tool {name}". It is for
// [ai.LoopOptions].
func (t *Tracer) Around(
	ctx context.Context, gated ai.GatedCall, run func(context.Context) (ai.ToolResult, error),
) (result ai.ToolResult, err error) {
	began := time.Now()
	attrs := []attribute.KeyValue{
		attribute.String(operationName, operationTool),
		attribute.String(toolName, gated.Call.Name),
		attribute.String(toolType, "function"),
		attribute.String(toolEffect, string(gated.Effect)),
	}
	ctx, span := t.tracer.Start(ctx, operationTool+" "+gated.Call.Name,
		trace.WithAttributes(append(attrs[:4:4], attribute.String(toolCallID, gated.Call.ID))...))
	if t.content {
		span.SetAttributes(attribute.String(toolArguments, string(gated.Call.Arguments)))
	}
	defer func() {
		if err != nil || result.IsError {
			class := "tool_error"
			if err != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
				class = errorClass(err)
			}
			attrs = append(attrs, attribute.String(errorType, class))
			span.SetAttributes(attribute.String(errorType, class))
			span.SetStatus(codes.Error, class)
		}
		t.toolDuration.Record(context.Background(), time.Since(began).Seconds(), metric.WithAttributes(attrs...))
		span.End()
	}()
	result, err = run(ctx)
	if t.content {
		span.SetAttributes(attribute.String(toolResult, partsJSON(result.Content)))
	}
	return result, err
}

// finishReason is the conventions' word for a stop reason.
func finishReason(r ai.StopReason) string {
	switch r {
	case ai.StopEnd, ai.StopSequence:
		return "stop"
	case ai.StopToolCalls:
		return "tool_call"
	}
	return string(r)
}

// errorClass is a short name for the class of an error.
func errorClass(err error) string {
	for _, c := range []struct {
		class error
		name  string
	}{
		{ai.ErrAuth, "auth"},
		{ai.ErrPermission, "permission"},
		{ai.ErrNotFound, "not_found"},
		{ai.ErrInvalidRequest, "invalid_request"},
		{ai.ErrUnsupportedSchema, "unsupported_schema"},
		{ai.ErrContextTooLong, "context_too_long"},
		{ai.ErrRateLimited, "rate_limited"},
		{ai.ErrQuota, "quota"},
		{ai.ErrOverloaded, "overloaded"},
		{ai.ErrUnavailable, "unavailable"},
		{ai.ErrContentFiltered, "content_filter"},
		{ai.ErrRefused, "refused"},
		{ai.ErrTruncated, "truncated"},
		{ai.ErrEmptyReply, "empty_reply"},
		{ai.ErrMalformedReply, "malformed_reply"},
		{ai.ErrInvalidOutput, "invalid_output"},
		{ai.ErrBudget, "budget"},
		{ai.ErrAccessDenied, "access_denied"},
		{ai.ErrBlocked, "blocked"},
		{ai.ErrLimit, "limit"},
		{ai.ErrToolPending, "tool_pending"},
		{ai.ErrNotRedacted, "not_redacted"},
		{ai.ErrTimeout, "timeout"},
		{context.DeadlineExceeded, "timeout"},
		{context.Canceled, "canceled"},
		{ai.ErrTransport, "transport"},
	} {
		if errors.Is(err, c.class) {
			return c.name
		}
	}
	return "_OTHER" // the conventions' word for everything else
}
