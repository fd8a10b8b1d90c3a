package export_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/export"
)

var update = flag.Bool("update", false, "write the golden files anew")

var errRead = errors.New("the medium failed")

// entries are one of each kind.
func entries() []audit.Entry {
	at := time.Date(2026, 11, 24, 9, 15, 3, 120_000_000, time.UTC)
	full := audit.Entry{
		ID: "request-1/decided", Time: at, Kind: audit.KindDecided, Correlation: "order-1001",
		Shop: "example.myshopify.com", Location: "gid://shopify/Location/1",
		Actor:  audit.Actor{Type: audit.Human, ID: "manager-7", Role: "manager", Channel: "console", Assurance: "aal2", Methods: "pin"},
		Action: "postpurchase.followup",
		Subjects: []audit.Subject{
			{Type: "order", ID: "gid://shopify/Order/1001"}, {Type: "product", ID: "gid://shopify/Product/5"},
		},
		Model:    &audit.Model{Provider: "openai", Name: "gpt-x", PromptDigest: "sha256:aa", InputDigest: "sha256:ab", OutputDigest: "sha256:bb"},
		Policy:   &audit.Policy{Version: "3", Rule: "amount", Verdict: "ask", Reason: "above 500.00 EUR"},
		Decision: &audit.Decision{Verdict: "approve", Reason: "fits \"our\" <tone> & brand\u2028", Digest: "sha256:cc", ShownAt: at.Add(-time.Minute)},
		Effect:   &audit.Effect{IdempotencyKey: "k-1", Attempt: 1, RequestID: "r-1", IDs: []string{"gid://shopify/Metafield/9"}, Outcome: "done"},
		Cost:     audit.Cost{Amount: "0.00123", Currency: "USD"}, TraceID: "4bf92f3577b34da6a3ce929d0e0e4736",
		Note: "=HYPERLINK(\"https://example.com\",\"x\")\nsecond, line", Attributes: map[string]string{"zone": "floor-2"},
	}
	out := []audit.Entry{full}
	for i, kind := range []audit.Kind{
		audit.KindReceived, audit.KindRead, audit.KindProposed, audit.KindRuled, audit.KindShown, audit.KindStarted, audit.KindEffect,
		audit.KindFailed, audit.KindCompensated, audit.KindExpired, audit.KindErased, audit.KindConfigured, "own.kind",
	} {
		e := audit.Entry{ID: fmt.Sprintf("entry-%d", i), Time: at.Add(time.Duration(i) * time.Second), Kind: kind, Actor: audit.Actor{Type: audit.System}}
		if i%2 == 0 {
			e.Actor = audit.Actor{Type: audit.AI, ID: "assistant"}
			e.Effect = &audit.Effect{Outcome: "something"}
		}
		out = append(out, e)
	}
	return out
}

func records(of ...audit.Entry) iter.Seq2[audit.Record, error] {
	return func(yield func(audit.Record, error) bool) {
		for i, e := range of {
			text, err := e.MarshalJSON()
			if err != nil {
				yield(audit.Record{}, err)
				return
			}
			if !yield(audit.Record{Index: int64(i), Entry: e, LeafHash: tlog.RecordHash(append(text, '\n'))}, nil) {
				return
			}
		}
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

func TestGolden(t *testing.T) {
	opts := &export.Options{Log: "example.com/audit"}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"ocsf.golden.jsonl":        func(b *bytes.Buffer) error { return export.OCSF(b, records(entries()...), opts) },
		"cloudevents.golden.jsonl": func(b *bytes.Buffer) error { return export.CloudEvents(b, records(entries()...), opts) },
		"csv.golden.csv":           func(b *bytes.Buffer) error { return export.CSV(b, records(entries()...)) },
	} {
		var b bytes.Buffer
		require.NoError(t, write(&b))
		golden(t, name, b.Bytes())
	}
}

// The events carry the entry as it was signed.
func TestEventsCarryTheSignedBytes(t *testing.T) {
	for name, write := range map[string]func(*bytes.Buffer) error{
		"ocsf":        func(b *bytes.Buffer) error { return export.OCSF(b, records(entries()...), nil) },
		"cloudevents": func(b *bytes.Buffer) error { return export.CloudEvents(b, records(entries()...), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, write(&b))
			i := 0
			for line := range bytes.Lines(b.Bytes()) {
				var event struct {
					Data     json.RawMessage
					LeafHash string
					Unmapped struct {
						Entry    json.RawMessage
						LeafHash string `json:"leaf_hash"`
					}
				}
				require.NoError(t, json.Unmarshal(line, &event))
				entry, hash := event.Data, event.LeafHash
				if entry == nil {
					entry, hash = event.Unmapped.Entry, event.Unmapped.LeafHash
				}
				want, err := entries()[i].MarshalJSON()
				require.NoError(t, err)
				assert.Equal(t, string(want), string(entry))
				assert.Equal(t, tlog.RecordHash(append(entry, '\n')).String(), hash)
				i++
			}
			assert.Len(t, entries(), i)
		})
	}
}

// class is what the schema says of an object.
type class struct {
	Required   map[string]string `json:"required"`
	Optional   map[string]string `json:"optional"`
	Enum       map[string][]int  `json:"enum"`
	AtLeastOne []string          `json:"at_least_one"`
}

func TestOCSFSchema(t *testing.T) {
	file, err := os.ReadFile("testdata/ocsf-1.2.0-api_activity.json")
	require.NoError(t, err)
	raw := map[string]json.RawMessage{}
	require.NoError(t, json.Unmarshal(file, &raw))
	delete(raw, "source")
	schema := map[string]class{}
	for name, def := range raw {
		var c class
		require.NoError(t, json.Unmarshal(def, &c))
		schema[name] = c
	}
	var b bytes.Buffer
	require.NoError(t, export.OCSF(&b, records(entries()...), &export.Options{Log: "example.com/audit"}))
	for line := range bytes.Lines(b.Bytes()) {
		var event map[string]any
		require.NoError(t, json.Unmarshal(line, &event))
		checkOCSF(t, schema, "event", event)
		assert.EqualValues(t, event["class_uid"].(float64)*100+event["activity_id"].(float64), event["type_uid"])
	}
}

func checkOCSF(t *testing.T, schema map[string]class, name string, object map[string]any) {
	t.Helper()
	c, ok := schema[name]
	require.True(t, ok, name)
	for field := range c.Required {
		assert.Contains(t, object, field, name)
	}
	if len(c.AtLeastOne) > 0 {
		assert.True(t, slices.ContainsFunc(c.AtLeastOne, func(f string) bool { return object[f] != nil }), "%s has none of %v", name, c.AtLeastOne)
	}
	for field, value := range object {
		kind, ok := c.Required[field]
		if !ok {
			kind, ok = c.Optional[field]
		}
		require.True(t, ok, "%s has no attribute %s", name, field)
		switch element, list := strings.CutSuffix(kind, "[]"); {
		case list:
			for _, item := range value.([]any) {
				checkOCSF(t, schema, element, item.(map[string]any))
			}
		case kind == "string":
			assert.IsType(t, "", value, field)
			assert.NotEmpty(t, value, field)
		case kind == "integer":
			n, ok := value.(float64)
			require.True(t, ok, field)
			assert.InDelta(t, float64(int64(n)), n, 0, field)
			if enum := c.Enum[field]; enum != nil {
				assert.Contains(t, enum, int(n), field)
			}
		case kind != "any":
			checkOCSF(t, schema, kind, value.(map[string]any))
		}
	}
}

// safe reports what a spreadsheet would not calculate.
func safe(cell string) bool {
	cell = strings.TrimSpace(cell)
	return cell == "" || !strings.ContainsAny(cell[:1], "=+-@|\t\r\n")
}

func TestCSVIsNoFormula(t *testing.T) {
	for _, bad := range []string{
		"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\u00a0=1", "\ufeff=1", "|cmd", "＝1", "＋1", "－1", "＠x",
		"=cmd|' /C calc'!A0", "\"=1\"", ",=1", "a\n=1", "'=1",
	} {
		e := entries()[0]
		e.Note, e.Policy.Reason, e.Decision.Reason = bad, bad, bad
		var b bytes.Buffer
		require.NoError(t, export.CSV(&b, records(e)))
		rows, err := csv.NewReader(&b).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 2)
		for i, cell := range rows[1] {
			assert.True(t, safe(cell), "%s: %q", rows[0][i], cell)
			if rows[0][i] == "note" {
				// encoding/csv reads \r\n in a cell as \n; nothing else changes.
				assert.Equal(t, strings.TrimPrefix(bad, "'"), strings.TrimPrefix(cell, "'"))
			}
		}
	}
}

func FuzzCSV(f *testing.F) {
	f.Add("=1+1")
	f.Add("a,\"b\"\r\n=c")
	f.Fuzz(func(t *testing.T, text string) {
		e := audit.Entry{ID: "x", Time: time.Unix(0, 0), Kind: "read", Actor: audit.Actor{Type: audit.AI}, Note: text}
		if e.Validate() != nil {
			return
		}
		var b bytes.Buffer
		require.NoError(t, export.CSV(&b, records(e)))
		rows, err := csv.NewReader(&b).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 2)
		for _, cell := range rows[1] {
			require.True(t, safe(cell), "%q", cell)
		}
	})
}

// An error ends the export and is returned; what came before was written.
// What a person is told of: their parts with text, and why others have none.
func TestUnsealed(t *testing.T) {
	e := entries()[0]
	e.Sealed = []audit.Part{
		{Name: "reason", Of: []string{"pseudonym:a"}, Data: []byte("was <sorry>")},
		{Name: "phone", Of: []string{"pseudonym:a"}, Erased: true},
		{Name: "notes", Of: []string{"pseudonym:b"}},
	}
	var out bytes.Buffer
	require.NoError(t, export.Unsealed(&out, records(e)))
	var got struct {
		Index int64
		Entry json.RawMessage
		Parts []map[string]any
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	assert.Equal(t, []map[string]any{
		{"name": "reason", "text": "was <sorry>"}, {"name": "phone", "erased": true}, {"name": "notes", "others": true},
	}, got.Parts)
	var entry audit.Entry
	require.NoError(t, json.Unmarshal(got.Entry, &entry), "the entry is as it was signed")
	assert.Equal(t, e.ID, entry.ID)
}

func TestErrors(t *testing.T) {
	broken := func(yield func(audit.Record, error) bool) {
		for r, err := range records(entries()[:1]...) {
			if !yield(r, err) {
				return
			}
		}
		yield(audit.Record{}, errRead)
	}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"ocsf":        func(b *bytes.Buffer) error { return export.OCSF(b, broken, nil) },
		"cloudevents": func(b *bytes.Buffer) error { return export.CloudEvents(b, broken, nil) },
		"csv":         func(b *bytes.Buffer) error { return export.CSV(b, broken) },
	} {
		var b bytes.Buffer
		require.ErrorIs(t, write(&b), errRead, name)
		assert.Contains(t, b.String(), "request-1/decided", name)
	}
	full := func([]byte) (int, error) { return 0, errRead }
	require.ErrorIs(t, export.OCSF(writer(full), records(entries()...), nil), errRead)
	require.ErrorIs(t, export.CloudEvents(writer(full), records(entries()...), nil), errRead)
	require.ErrorIs(t, export.CSV(writer(full), records(entries()...)), errRead)
	invalid := func(yield func(audit.Record, error) bool) { yield(audit.Record{}, nil) }
	require.ErrorIs(t, export.OCSF(&bytes.Buffer{}, invalid, nil), audit.ErrInvalid)
	require.ErrorIs(t, export.CloudEvents(&bytes.Buffer{}, invalid, nil), audit.ErrInvalid)
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }
