// Package otlplog sends the records of an audit log to an OpenTelemetry collector,
// as log records.
//
//	exporter, err := otlploghttp.New(ctx)
//	…
//	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter)))
//	log, err := audit.Open(ctx, store, &audit.Options{
//		Sinks: []audit.SinkOptions{{Sink: otlplog.New(provider)}},
//	})
//
// A record has the entry's canonical JSON as its body, "audit." and the kind as its
// event name, the entry's time, its trace, and attributes with the names that follow.
package otlplog

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/posai-go/posai/audit"
)

// The attributes of a log record. Those of the model follow
// https://opentelemetry.io/docs/specs/semconv/gen-ai/.
const (
	AttributeIndex       = "audit.index"
	AttributeLeafHash    = "audit.leaf_hash"
	AttributeID          = "audit.id"
	AttributeKind        = "audit.kind"
	AttributeAction      = "audit.action"
	AttributeCorrelation = "audit.correlation"
	AttributeShop        = "audit.shop"
	AttributeActorType   = "audit.actor.type"
	AttributeActorID     = "audit.actor.id"
	AttributeProvider    = "gen_ai.provider.name"
	AttributeModel       = "gen_ai.request.model"
)

// Sink is an [audit.Sink] that emits log records. What a record cannot be exported
// to is for the provider's processor and exporter to handle: they report errors
// on their own, not here.
type Sink struct{ logger log.Logger }

// New returns a sink that emits through the provider.
func New(provider log.LoggerProvider) Sink {
	return Sink{provider.Logger("github.com/posai-go/posai/audit")}
}

// Write implements [audit.Sink].
func (s Sink) Write(ctx context.Context, records []audit.Record) error {
	for _, r := range records {
		entry, err := r.Entry.MarshalJSON()
		if err != nil {
			return err
		}
		var out log.Record
		out.SetEventName("audit." + string(r.Entry.Kind))
		out.SetTimestamp(r.Entry.Time)
		out.SetSeverity(log.SeverityInfo)
		out.SetBody(attribute.StringValue(string(entry)))
		out.AddAttributes(attributes(r)...)
		s.logger.Emit(traced(ctx, r.Entry.TraceID), out)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

func attributes(r audit.Record) []attribute.KeyValue {
	e := &r.Entry
	out := []attribute.KeyValue{attribute.Int64(AttributeIndex, r.Index), attribute.String(AttributeLeafHash, r.LeafHash.String())}
	add := func(key, value string) {
		if value != "" {
			out = append(out, attribute.String(key, value))
		}
	}
	add(AttributeID, e.ID)
	add(AttributeKind, string(e.Kind))
	add(AttributeAction, e.Action)
	add(AttributeCorrelation, e.Correlation)
	add(AttributeShop, e.Shop)
	add(AttributeActorType, string(e.Actor.Type))
	add(AttributeActorID, e.Actor.ID)
	if e.Model != nil && !e.Model.Baseline {
		add(AttributeProvider, e.Model.Provider)
		add(AttributeModel, e.Model.Name)
	}
	return out
}

// traced puts the entry's trace into the context, from which the SDK takes it.
func traced(ctx context.Context, id string) context.Context {
	traceID, err := trace.TraceIDFromHex(id)
	if err != nil {
		return ctx
	}
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID}))
}
