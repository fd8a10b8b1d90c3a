package interop_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	ocsf "github.com/valllabh/ocsf-schema-golang/ocsfvalidate/1.2"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/export"
)

// everything yields an entry of each kind, the first with all that it can hold.
func everything(yield func(audit.Record, error) bool) {
	at := time.Date(2026, 11, 24, 9, 15, 3, 120_000_000, time.UTC)
	for i, kind := range []audit.Kind{
		audit.KindDecided, audit.KindReceived, audit.KindRead, audit.KindProposed, audit.KindRuled, audit.KindShown, audit.KindStarted,
		audit.KindEffect, audit.KindFailed, audit.KindCompensated, audit.KindExpired, audit.KindErased, audit.KindConfigured, "own.kind",
	} {
		e := audit.Entry{ID: fmt.Sprint("entry-", i), Time: at, Kind: kind, Actor: audit.Actor{Type: []audit.ActorType{audit.Human, audit.AI, audit.System}[i%3]}}
		if i == 0 {
			e.Correlation, e.Shop, e.Location, e.Action = "flow-1", "example.myshopify.com", "gid://shopify/Location/1", "postpurchase.followup"
			e.Actor.ID, e.Actor.Role, e.Actor.Channel = "manager-7", "manager", "console"
			e.Subjects = []audit.Subject{{Type: "order", ID: "gid://shopify/Order/1"}}
			e.Effect = &audit.Effect{RequestID: "r-1", Outcome: "done", IDs: []string{"gid://shopify/Metafield/9"}}
			e.Note = "<b>\u2028 & \"more\""
		}
		text, err := e.MarshalJSON()
		if !yield(audit.Record{Index: int64(i), Entry: e, LeafHash: tlog.RecordHash(append(text, '\n'))}, err) {
			return
		}
	}
}

// The official SDK reads every event and finds it valid.
func TestCloudEvents(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, export.CloudEvents(&b, everything, &export.Options{Log: origin}))
	n := 0
	for line := range bytes.Lines(b.Bytes()) {
		var e cloudevents.Event
		require.NoError(t, json.Unmarshal(line, &e))
		require.NoError(t, e.Validate())
		assert.Equal(t, "1.0", e.SpecVersion())
		assert.Equal(t, "//"+origin, e.Source())
		assert.Equal(t, fmt.Sprintf("%019d", n), e.Extensions()["sequence"])
		var entry audit.Entry
		require.NoError(t, entry.UnmarshalJSON(e.Data()), "the data are the signed bytes")
		n++
	}
	assert.Equal(t, 14, n)
}

// Every event is valid by the JSON Schema that schema.ocsf.io publishes.
func TestOCSF(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, export.OCSF(&b, everything, &export.Options{Log: origin}))
	n := 0
	for line := range bytes.Lines(b.Bytes()) {
		require.NoError(t, ocsf.Validate("api_activity", line), "%s", line)
		n++
	}
	assert.Equal(t, 14, n)
	require.Error(t, ocsf.Validate("api_activity", []byte(`{"class_uid":6003}`)))
}
