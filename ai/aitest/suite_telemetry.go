package aitest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/tracing"
)

// prompted stands in the prompts, replied in the replies of these checks. Neither
// may be recorded.
const (
	prompted = "Dana of Harbor Street"
	replied  = "a scarf the color of wet sand"
)

// telemetryChecks are about what package tracing makes of the model's answers
// under the names of OpenTelemetry's GenAI conventions.
var telemetryChecks = []check{
	{
		name: "telemetry of a reply",
		rule: "a call is one span with the conventions' names: provider, models, reply's ID, finish reason, the four token counts; nothing of prompt or reply",
		run: func(t *testing.T, s Suite) {
			reply := Reply{Text: replied, Model: "answering-model", ID: "reply-id", Usage: ai.NewUsage(100, 60, 20, 30, 10)}
			if s.NoCacheWrites {
				reply.Usage = ai.NewUsage(100, 60, 0, 30, 10)
			}
			eachWay(t, s, []Reply{reply}, func(t *testing.T, info ai.Info, err error, rec *telemetry) {
				require.NoError(t, err)
				span := rec.span(t)
				assert.Equal(t, "chat "+info.Model, span.name)
				assert.Regexp(t, `^[a-z0-9_.]+$`, span.attrs["gen_ai.provider.name"])
				delete(span.attrs, "gen_ai.provider.name")
				assert.Equal(t, map[string]string{
					"gen_ai.operation.name":                 "chat",
					"gen_ai.request.model":                  info.Model,
					"gen_ai.response.model":                 "answering-model",
					"gen_ai.response.id":                    "reply-id",
					"gen_ai.response.finish_reasons":        `["stop"]`,
					"gen_ai.usage.input_tokens":             strconv.FormatInt(reply.Usage.InputTokens, 10),
					"gen_ai.usage.output_tokens":            "30",
					"gen_ai.usage.cache_read.input_tokens":  "60",
					"gen_ai.usage.cache_write.input_tokens": strconv.FormatInt(reply.Usage.CacheWriteTokens, 10),
				}, span.attrs)
				assert.Equal(t, []string{"gen_ai.client.inference.duration", "gen_ai.client.token.usage"}, rec.metrics(t))
			})
		},
	},
	{
		name: "telemetry of tool calls",
		rule: "a reply that calls tools finishes for the reason tool_call",
		run: func(t *testing.T, s Suite) {
			reply := Reply{ToolCalls: []ai.ToolCall{{ID: "call-1", Name: "lookup", Arguments: json.RawMessage(`{"sku":"` + replied + `"}`)}}}
			eachWay(t, s, []Reply{reply}, func(t *testing.T, _ ai.Info, err error, rec *telemetry) {
				require.NoError(t, err)
				assert.Equal(t, `["tool_call"]`, rec.span(t).attrs["gen_ai.response.finish_reasons"])
			})
		},
	},
	{
		name: "telemetry of a failure",
		rule: "a failed call is one span with error.type and a duration, and nothing of the provider's message",
		wire: true,
		run: func(t *testing.T, s Suite) {
			reply := Reply{Wire: Wire{Status: 429, Body: `{"error":{"message":"` + secret + `"}}`}}
			eachWay(t, s, []Reply{reply}, func(t *testing.T, _ ai.Info, err error, rec *telemetry) {
				require.ErrorIs(t, err, ai.ErrRateLimited)
				span := rec.span(t)
				assert.Equal(t, "rate_limited", span.attrs["error.type"])
				assert.Equal(t, []string{"gen_ai.client.inference.duration"}, rec.metrics(t))
			})
		},
	},
}

// A telemetry is what one call told OpenTelemetry's own SDK.
type telemetry struct {
	spans  *tracetest.SpanRecorder
	reader *sdkmetric.ManualReader
}

type recordedSpan struct {
	name  string
	attrs map[string]string
}

// span returns the only span, which must not hold what people or models said.
func (r *telemetry) span(t *testing.T) recordedSpan {
	t.Helper()
	ended := r.spans.Ended()
	require.Len(t, ended, 1, "spans of one call")
	out := recordedSpan{name: ended[0].Name(), attrs: map[string]string{}}
	for _, kv := range ended[0].Attributes() {
		out.attrs[string(kv.Key)] = kv.Value.String()
	}
	told := fmt.Sprint(out, ended[0].Status(), ended[0].Events())
	for _, private := range []string{prompted, replied, secret} {
		assert.NotContains(t, told, private, "recorded without being asked to")
	}
	return out
}

// metrics returns the names of the metrics that have data, sorted as recorded.
func (r *telemetry) metrics(t *testing.T) []string {
	t.Helper()
	var data metricdata.ResourceMetrics
	require.NoError(t, r.reader.Collect(t.Context(), &data))
	var names []string
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			names = append(names, m.Name)
		}
	}
	return names
}

// eachWay generates and streams the same replies under a tracer and hands over
// what it recorded.
func eachWay(t *testing.T, s Suite, replies []Reply, look func(t *testing.T, info ai.Info, err error, rec *telemetry)) {
	t.Helper()
	req := &ai.Request{System: prompted, Messages: []ai.Message{ai.User(prompted)}, Tools: []ai.Tool{lookupTool(t)}}
	for _, way := range []string{"generated", "streamed"} {
		t.Run(way, func(t *testing.T) {
			rec := &telemetry{spans: tracetest.NewSpanRecorder(), reader: sdkmetric.NewManualReader()}
			tracer, err := tracing.New(&tracing.Options{
				TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(rec.spans)),
				MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(rec.reader)),
			})
			require.NoError(t, err)
			m := ai.Wrap(s.New(t, replies...), tracer.Middleware)
			if way == "streamed" {
				_, err = ai.Accumulate(m.Stream(limit(t), req))
			} else {
				_, err = m.Generate(limit(t), req)
			}
			look(t, m.Info(), err, rec)
		})
	}
}
