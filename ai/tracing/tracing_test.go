package tracing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"maps"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/tracing"
)

const secret = "the-secret-of-dana"

// A rig is OpenTelemetry's own SDK, recording in memory.
type rig struct {
	spans  *tracetest.SpanRecorder
	reader *sdkmetric.ManualReader
	tracer *tracing.Tracer
}

func newRig(t *testing.T, content bool) *rig {
	t.Helper()
	r := &rig{spans: tracetest.NewSpanRecorder(), reader: sdkmetric.NewManualReader()}
	var err error
	r.tracer, err = tracing.New(&tracing.Options{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(r.spans)),
		MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.reader)),
		Content:        content,
	})
	require.NoError(t, err)
	return r
}

// span returns the only span, and its attributes as text.
func (r *rig) span(t *testing.T) (sdktrace.ReadOnlySpan, map[string]string) {
	t.Helper()
	ended := r.spans.Ended()
	require.Len(t, ended, 1)
	require.Len(t, r.spans.Started(), 1)
	return ended[0], attributes(ended[0].Attributes())
}

func attributes(list []attribute.KeyValue) map[string]string {
	out := map[string]string{}
	for _, kv := range list {
		out[string(kv.Key)] = kv.Value.String()
	}
	return out
}

// metrics returns the data points by metric's name.
func (r *rig) metrics(t *testing.T) map[string][]map[string]string {
	t.Helper()
	var data metricdata.ResourceMetrics
	require.NoError(t, r.reader.Collect(t.Context(), &data))
	out := map[string][]map[string]string{}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch h := m.Data.(type) {
			case metricdata.Histogram[float64]:
				assert.Equal(t, "s", m.Unit)
				for _, p := range h.DataPoints {
					out[m.Name] = append(out[m.Name], attributes(p.Attributes.ToSlice()))
				}
			case metricdata.Histogram[int64]:
				for _, p := range h.DataPoints {
					attrs := attributes(p.Attributes.ToSlice())
					attrs["sum"] = strconv.FormatInt(p.Sum, 10)
					out[m.Name] = append(out[m.Name], attrs)
				}
			}
		}
	}
	return out
}

func request() *ai.Request {
	return &ai.Request{System: secret, Messages: []ai.Message{ai.User(secret)}, MaxOutputTokens: 50, Temperature: new(0.5), TopP: new(0.9)}
}

func ask(ctx context.Context, m ai.Model, streamed bool) (*ai.Response, error) {
	if streamed {
		return ai.Accumulate(m.Stream(ctx, request()))
	}
	return m.Generate(ctx, request())
}

func TestReply(t *testing.T) {
	for _, streamed := range []bool{false, true} {
		t.Run(fmt.Sprint("streamed ", streamed), func(t *testing.T) {
			r := newRig(t, false)
			reply := aitest.Reply{Text: secret, Usage: ai.NewUsage(100, 60, 20, 30, 10), Model: "scripted-2026", ID: "r-1"}
			ctx := ai.WithCaller(t.Context(), ai.Caller{Feature: "copilot", Staff: secret})
			_, err := ask(ctx, ai.Wrap(aitest.NewModel(t, reply), r.tracer.Middleware), streamed)
			require.NoError(t, err)
			span, got := r.span(t)
			assert.Equal(t, "chat scripted", span.Name())
			assert.Equal(t, trace.SpanKindClient, span.SpanKind())
			assert.Equal(t, codes.Unset, span.Status().Code)
			assert.Equal(t, map[string]string{
				"gen_ai.operation.name": "chat", "gen_ai.provider.name": "aitest", "gen_ai.request.model": "scripted",
				"gen_ai.request.max_tokens": "50", "gen_ai.request.temperature": "0.5", "gen_ai.request.top_p": "0.9",
				"gen_ai.response.model": "scripted-2026", "gen_ai.response.id": "r-1", "gen_ai.response.finish_reasons": `["stop"]`,
				"gen_ai.usage.input_tokens": "100", "gen_ai.usage.output_tokens": "30",
				"gen_ai.usage.cache_read.input_tokens": "60", "gen_ai.usage.cache_write.input_tokens": "20",
				"posai.feature": "copilot",
			}, got)
			base := map[string]string{
				"gen_ai.operation.name": "chat", "gen_ai.provider.name": "aitest",
				"gen_ai.request.model": "scripted", "gen_ai.response.model": "scripted-2026",
			}
			with := func(more ...string) map[string]string {
				m := map[string]string{}
				maps.Copy(m, base)
				for i := 0; i < len(more); i += 2 {
					m[more[i]] = more[i+1]
				}
				return m
			}
			metrics := r.metrics(t)
			assert.Equal(t, []map[string]string{base}, metrics["gen_ai.client.inference.duration"])
			assert.ElementsMatch(t, []map[string]string{
				with("gen_ai.token.type", "input", "sum", "100"), with("gen_ai.token.type", "output", "sum", "30"),
			}, metrics["gen_ai.client.token.usage"])
		})
	}
}

func TestFailure(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&ai.Error{Class: ai.ErrRateLimited, Err: errors.New(secret)}, "rate_limited"},
		{&ai.Error{Class: ai.ErrTimeout}, "timeout"},
		{&ai.BudgetError{}, "budget"},
		{ai.ContextError("p", context.Canceled), "canceled"},
		{errors.New(secret), "_OTHER"},
	} {
		for _, streamed := range []bool{false, true} {
			r := newRig(t, false)
			_, err := ask(t.Context(), ai.Wrap(aitest.NewModel(t, aitest.Error(tt.err)), r.tracer.Middleware), streamed)
			require.Error(t, err)
			span, got := r.span(t)
			assert.Equal(t, tt.want, got["error.type"])
			assert.Equal(t, sdktrace.Status{Code: codes.Error, Description: tt.want}, span.Status())
			assert.Equal(t, tt.want, r.metrics(t)["gen_ai.client.inference.duration"][0]["error.type"])
			assert.Empty(t, span.Events())
			assert.NotContains(t, fmt.Sprint(got, span.Status()), secret)
		}
	}
}

func TestStreamLeftAndCut(t *testing.T) {
	r := newRig(t, false)
	for _, err := range ai.Wrap(aitest.NewModel(t, aitest.Text("a b c")), r.tracer.Middleware).Stream(t.Context(), request()) {
		require.NoError(t, err)
		break
	}
	span, got := r.span(t)
	assert.Equal(t, "true", got["posai.stream.left"])
	assert.Equal(t, codes.Unset, span.Status().Code)

	r = newRig(t, false)
	_, err := ask(t.Context(), ai.Wrap(aitest.NewModel(t, aitest.Reply{Text: "a b", CutAfter: 1}), r.tracer.Middleware), true)
	require.Error(t, err)
	_, got = r.span(t)
	assert.Equal(t, "transport", got["error.type"])
	assert.NotContains(t, got, "posai.stream.left")
}

func TestContent(t *testing.T) {
	reply := aitest.Reply{Text: "Hello [EMAIL_1]", ToolCalls: []ai.ToolCall{{ID: "1", Name: "find", Arguments: json.RawMessage(`{}`)}}}
	req := &ai.Request{System: "Be kind.", Messages: []ai.Message{
		ai.User("dana@example.com"),
		ai.ToolResults(ai.ToolResult{CallID: "0", Content: []ai.Part{ai.Text{Text: "3"}, ai.Image{URL: "https://example.com/a.png"}}}),
	}}
	r := newRig(t, true)
	_, err := ai.Wrap(aitest.NewModel(t, reply), ai.Redact(&ai.RedactOptions{AllowMedia: true}), r.tracer.Middleware).Generate(t.Context(), req)
	require.NoError(t, err)
	_, got := r.span(t)
	assert.JSONEq(t, `[{"type":"text","content":"Be kind."}]`, got["gen_ai.system_instructions"])
	assert.JSONEq(t, `[{"role":"user","parts":[{"type":"text","content":"[EMAIL_1]"}]},
		{"role":"tool","parts":[{"type":"tool_call_response","id":"0","response":[{"type":"text","content":"3"},{"type":"image"}]}]}]`, got["gen_ai.input.messages"])
	assert.JSONEq(t, `[{"role":"assistant","finish_reason":"tool_call","parts":[{"type":"text","content":"Hello [EMAIL_1]"},
		{"type":"tool_call","id":"1","name":"find","arguments":"{}"}]}]`, got["gen_ai.output.messages"])
}

func TestTools(t *testing.T) {
	for _, content := range []bool{false, true} {
		r := newRig(t, content)
		tool, err := ai.NewTool("stock", "", ai.EffectRead, func(_ context.Context, in struct {
			SKU string `json:"sku"`
		},
		) (string, error) {
			if in.SKU == "" {
				return "", errors.New(secret)
			}
			return "three " + secret, nil
		}, nil)
		require.NoError(t, err)
		script := aitest.NewModel(t, aitest.ToolCall("c1", "stock", map[string]string{"sku": secret}), aitest.ToolCall("c2", "stock", map[string]string{"sku": ""}), aitest.Text("done"))
		loop, err := ai.NewLoop(ai.Wrap(script, r.tracer.Middleware), []*ai.BoundTool{tool}, &ai.LoopOptions{Around: r.tracer.Around})
		require.NoError(t, err)
		_, err = loop.Run(t.Context(), &ai.Request{Messages: []ai.Message{ai.User("x")}})
		require.NoError(t, err)
		var names []string
		for _, span := range r.spans.Ended() {
			names = append(names, span.Name())
		}
		assert.Equal(t, []string{"chat scripted", "execute_tool stock", "chat scripted", "execute_tool stock", "chat scripted"}, names)
		got := attributes(r.spans.Ended()[1].Attributes())
		want := map[string]string{
			"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "stock", "gen_ai.tool.type": "function",
			"gen_ai.tool.call.id": "c1", "posai.tool.effect": "read",
		}
		if content {
			want["gen_ai.tool.call.arguments"] = `{"sku":"` + secret + `"}`
			want["gen_ai.tool.call.result"] = `[{"type":"text","content":"three ` + secret + `"}]`
		}
		assert.Equal(t, want, got)
		failed := r.spans.Ended()[3]
		assert.Equal(t, sdktrace.Status{Code: codes.Error, Description: "tool_error"}, failed.Status())
		assert.Len(t, r.metrics(t)["gen_ai.execute_tool.duration"], 2)
	}
}

type fakeEmbedder struct{ err error }

func (fakeEmbedder) Info() ai.EmbedderInfo { return ai.EmbedderInfo{Provider: "fake", Model: "fake-1"} }

func (f fakeEmbedder) Embed(context.Context, *ai.EmbedRequest) (*ai.EmbedResponse, error) {
	if f.err != nil {
		return nil, f.err
	}
	return &ai.EmbedResponse{Vectors: [][]float32{{1}}, Model: "fake-1-0", Usage: ai.NewUsage(7, 0, 0, 0, 0)}, nil
}

func TestEmbedder(t *testing.T) {
	r := newRig(t, true)
	_, err := r.tracer.Embedder(fakeEmbedder{}).Embed(t.Context(), &ai.EmbedRequest{Texts: []string{secret}})
	require.NoError(t, err)
	span, got := r.span(t)
	assert.Equal(t, "embeddings fake-1", span.Name())
	assert.Equal(t, "7", got["gen_ai.usage.input_tokens"])
	assert.NotContains(t, fmt.Sprint(got), secret)

	r = newRig(t, false)
	_, err = r.tracer.Embedder(fakeEmbedder{err: &ai.Error{Class: ai.ErrQuota}}).Embed(t.Context(), &ai.EmbedRequest{Texts: []string{"x"}})
	require.ErrorIs(t, err, ai.ErrQuota)
	_, got = r.span(t)
	assert.Equal(t, "quota", got["error.type"])
}

func Example() {
	spans := tracetest.NewSpanRecorder() // a program has an exporter
	tracer, err := tracing.New(&tracing.Options{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)),
	})
	if err != nil {
		log.Fatal(err)
	}
	model := ai.Wrap(aitest.NewModel(nil, aitest.Text("Hello!")), tracer.Middleware)
	if _, err := model.Generate(context.Background(), &ai.Request{Messages: []ai.Message{ai.User("Greet.")}}); err != nil {
		log.Fatal(err)
	}
	for _, span := range spans.Ended() {
		fmt.Println(span.Name())
	}
	// Output: chat scripted
}
