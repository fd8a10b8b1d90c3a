package otlplog_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/otlplog"
)

// exporter keeps what the SDK would send.
type exporter struct {
	mu      sync.Mutex
	records []sdklog.Record
}

func (e *exporter) Export(_ context.Context, records []sdklog.Record) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range records {
		e.records = append(e.records, r.Clone())
	}
	return nil
}

func (*exporter) Shutdown(context.Context) error   { return nil }
func (*exporter) ForceFlush(context.Context) error { return nil }

func TestRecords(t *testing.T) {
	out := new(exporter)
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(out)))
	log, err := audit.Open(t.Context(), audittest.NewMemory(t), &audit.Options{Sinks: []audit.SinkOptions{{Sink: otlplog.New(provider)}}})
	require.NoError(t, err)
	e := audittest.Entry(0)
	e.TraceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	e.Model = &audit.Model{Provider: "openai", Name: "sample-model"}
	first, err := log.Append(t.Context(), e)
	require.NoError(t, err)
	_, err = log.Append(t.Context(), audittest.Entry(1))
	require.NoError(t, err)
	require.NoError(t, log.Close())
	require.NoError(t, provider.Shutdown(t.Context()))

	require.Len(t, out.records, 2)
	got := out.records[0]
	assert.Equal(t, "audit.proposed", got.EventName())
	assert.Equal(t, e.Time, got.Timestamp())
	assert.Equal(t, e.TraceID, got.TraceID().String())
	body := got.Body()
	var entry audit.Entry
	require.NoError(t, entry.UnmarshalJSON([]byte(body.AsString())))
	assert.Equal(t, first.Entry, entry)
	attributes := map[string]string{}
	got.WalkAttributes(func(a attribute.KeyValue) bool {
		attributes[string(a.Key)] = a.Value.AsString()
		return true
	})
	assert.Equal(t, "openai", attributes[otlplog.AttributeProvider])
	assert.Equal(t, first.LeafHash.String(), attributes[otlplog.AttributeLeafHash])
	assert.Equal(t, "flow-0", attributes[otlplog.AttributeCorrelation])
	assert.False(t, out.records[1].TraceID().IsValid())
}
