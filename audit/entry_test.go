package audit_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with the file in testdata.
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

// full has every field set.
func full() audit.Entry {
	e := first()
	e.Actor.Assurance, e.Actor.Methods = "aal2", "pin mfa"
	e.Model.InputDigest = "sha256:ab"
	e.Model.Parameters = map[string]string{"temperature": "0.2", "max_tokens": "512"}
	e.Policy.Rule = "amount above 500"
	e.Decision.ShownAt, e.Decision.ViewMillis = time.Date(2026, 11, 24, 9, 14, 3, 0, time.UTC), 41_250
	e.Decision.Edits = []audit.Edit{{Path: "message", Before: "Hi", After: "Hello"}, {Path: "discount", After: "5"}}
	e.Effect.Operation = "metafieldsSet"
	e.Preview = "sha256:dd"
	e.Cost = audit.Cost{Amount: "0.00123", Currency: "USD"}
	e.TraceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	return e
}

// first has every field of schema version 1 set.
func first() audit.Entry {
	return audit.Entry{
		ID:          "request-1/decided/1",
		Time:        time.Date(2026, 11, 24, 10, 15, 3, 120_000_999, time.FixedZone("CET", 3600)),
		Kind:        audit.KindDecided,
		Correlation: "order-1001",
		Shop:        "example.myshopify.com",
		Location:    "gid://shopify/Location/1",
		Actor:       audit.Actor{Type: audit.Human, ID: "manager-7", Role: "manager", Channel: "console"},
		Action:      "postpurchase.followup",
		Subjects: []audit.Subject{
			{Type: "order", ID: "gid://shopify/Order/1001"}, {Type: "customer", ID: "gid://shopify/Customer/5"},
		},
		Model: &audit.Model{
			Provider: "openai", Name: "gpt-x", Baseline: true, PromptDigest: "sha256:aa", OutputDigest: "sha256:bb",
			InputTokens: 812, OutputTokens: 96,
		},
		Policy:   &audit.Policy{Version: "3", Verdict: "ask", Reason: "above 500.00 EUR"},
		Decision: &audit.Decision{Verdict: "approve", Reason: "fits \"our\" tone & <brand> — ok\u2028\U0001f600", Digest: "sha256:cc"},
		Effect: &audit.Effect{
			IdempotencyKey: "k-1", Attempt: 2, RequestID: "r-1",
			IDs: []string{"gid://shopify/Metafield/9", "gid://shopify/DraftOrder/4"}, Outcome: "done",
		},
		Note:       "line one\nline two\ttabbed \\ \x01\x7f",
		Attributes: map[string]string{"zone": "floor-2", "empty": "", "a.b": "1"},
	}
}

func TestCanonicalForm(t *testing.T) {
	got, err := json.Marshal(full())
	require.NoError(t, err)
	// encoding/json rewrites U+2028 in what a MarshalJSON returns, the log does not.
	direct, err := full().MarshalJSON()
	require.NoError(t, err)
	golden(t, "entry.golden.json", direct)
	assert.JSONEq(t, string(got), string(direct))

	var back audit.Entry
	require.NoError(t, back.UnmarshalJSON(direct))
	again, err := back.MarshalJSON()
	require.NoError(t, err)
	assert.Equal(t, string(direct), string(again))
	want := full()
	want.Time = want.Time.UTC().Truncate(time.Microsecond)
	assert.Equal(t, want, back)
}

// What schema version 1 signed is read and written as it was.
func TestFirstSchema(t *testing.T) {
	v1, err := os.ReadFile(filepath.Join("testdata", "entry.v1.golden.json"))
	require.NoError(t, err)
	var e audit.Entry
	require.NoError(t, e.UnmarshalJSON(v1))
	assert.Equal(t, 1, e.SchemaVersion())
	again, err := e.MarshalJSON()
	require.NoError(t, err)
	assert.Equal(t, string(v1), string(again))

	store := audittest.NewMemory(t)
	log := open(t, store, nil)
	r, err := log.Append(t.Context(), e)
	require.NoError(t, err)
	assert.Equal(t, audit.Version, r.Entry.SchemaVersion(), "what is appended is of the present version")
	_, err = log.Append(t.Context(), first())
	require.NoError(t, err, "the same entry")

	for name, change := range map[string]func(*audit.Entry){
		"actor":    func(e *audit.Entry) { e.Actor.Assurance = "aal1" },
		"model":    func(e *audit.Entry) { e.Model.Parameters = map[string]string{"a": "b"} },
		"decision": func(e *audit.Entry) { e.Decision.ViewMillis = 1 },
		"effect":   func(e *audit.Entry) { e.Effect.Operation = "x" },
		"policy":   func(e *audit.Entry) { e.Policy.Rule = "x" },
		"trace":    func(e *audit.Entry) { e.TraceID = "x" },
	} {
		var e audit.Entry
		require.NoError(t, e.UnmarshalJSON(v1))
		change(&e)
		_, err := e.MarshalJSON()
		require.ErrorIs(t, err, audit.ErrInvalid, name)
	}
	_, err = audit.ParseLeaf([]byte(strings.Replace(string(v1), `"policy":{`, `"policy":{"rule":"x",`, 1) + "\n"))
	require.ErrorIs(t, err, audit.ErrInvalid)
}

// The members of every object are sorted, as RFC 8785 asks, which encoding/json
// does for maps.
func TestCanonicalFormIsSorted(t *testing.T) {
	got, err := full().MarshalJSON()
	require.NoError(t, err)
	var generic map[string]any
	decoder := json.NewDecoder(strings.NewReader(string(got)))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&generic))
	var sorted strings.Builder
	encoder := json.NewEncoder(&sorted)
	encoder.SetEscapeHTML(false)
	require.NoError(t, encoder.Encode(generic))
	// The one escape that encoding/json adds on its own.
	want := strings.ReplaceAll(strings.TrimSpace(sorted.String()), `\u2028`, "\u2028")
	assert.Equal(t, want, string(got))
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		name, field string
		change      func(*audit.Entry)
	}{
		{"no kind", "kind", func(e *audit.Entry) { e.Kind = "" }},
		{"kind with a space", "kind", func(e *audit.Entry) { e.Kind = "a b" }},
		{"no actor type", "actor.type", func(e *audit.Entry) { e.Actor.Type = "" }},
		{"strange actor type", "actor.type", func(e *audit.Entry) { e.Actor.Type = "robot" }},
		{"long id", "id", func(e *audit.Entry) { e.ID = strings.Repeat("x", audit.MaxIDSize+1) }},
		{"newline in an id", "correlation", func(e *audit.Entry) { e.Correlation = "a\nb" }},
		{"not UTF-8", "note", func(e *audit.Entry) { e.Note = "\xff" }},
		{"long note", "note", func(e *audit.Entry) { e.Note = strings.Repeat("x", audit.MaxTextSize+1) }},
		{"long reason", "decision.reason", func(e *audit.Entry) { e.Decision.Reason = strings.Repeat("é", audit.MaxTextSize) }},
		{"subject without id", "subjects[1].id", func(e *audit.Entry) { e.Subjects[1].ID = "" }},
		{"subject without type", "subjects[0].type", func(e *audit.Entry) { e.Subjects[0].Type = "" }},
		{"many subjects", "subjects", func(e *audit.Entry) { e.Subjects = make([]audit.Subject, audit.MaxSubjects+1) }},
		{"many effects", "effect.ids", func(e *audit.Entry) { e.Effect.IDs = make([]string, audit.MaxEffectIDs+1) }},
		{"empty effect", "effect.ids[0]", func(e *audit.Entry) { e.Effect.IDs[0] = "" }},
		{"negative tokens", "model.input_tokens", func(e *audit.Entry) { e.Model.InputTokens = -1 }},
		{"more tokens than JSON counts", "model.output_tokens", func(e *audit.Entry) { e.Model.OutputTokens = 1 << 53 }},
		{"attribute key in upper case", "attributes", func(e *audit.Entry) { e.Attributes = map[string]string{"Bad": "x"} }},
		{"long attribute", "attributes.k", func(e *audit.Entry) {
			e.Attributes = map[string]string{"k": strings.Repeat("x", audit.MaxValueSize+1)}
		}},
		{"year 10000", "time", func(e *audit.Entry) { e.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }},
		{"a cost that is no number", "cost.amount", func(e *audit.Entry) { e.Cost.Amount = "1e3" }},
		{"a cost without currency", "cost.currency", func(e *audit.Entry) { e.Cost.Currency = "" }},
		{"an edit of nothing", "decision.edits[1].path", func(e *audit.Entry) { e.Decision.Edits[1].Path = "" }},
		{"many edits", "decision.edits", func(e *audit.Entry) { e.Decision.Edits = make([]audit.Edit, audit.MaxEdits+1) }},
		{"negative view time", "decision.view_ms", func(e *audit.Entry) { e.Decision.ViewMillis = -1 }},
		{"parameter in upper case", "model.parameters", func(e *audit.Entry) { e.Model.Parameters = map[string]string{"Top": "1"} }},
		{"a part without name", "sealed[0].name", func(e *audit.Entry) { e.Sealed = make([]audit.Part, 1) }},
		{"a part twice", "sealed[1].name", func(e *audit.Entry) { e.Sealed = []audit.Part{{Name: "a"}, {Name: "a"}} }},
		{"many parts", "sealed", func(e *audit.Entry) { e.Sealed = make([]audit.Part, audit.MaxParts+1) }},
		{"too large altogether", "", func(e *audit.Entry) {
			e.Attributes = map[string]string{}
			for i := range audit.MaxAttributes {
				e.Attributes["k"+strings.Repeat("x", i)] = strings.Repeat("y", audit.MaxValueSize)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			log := open(t, audittest.NewMemory(t), nil)
			e := full()
			tt.change(&e)
			_, err := log.Append(t.Context(), e)
			require.ErrorIs(t, err, audit.ErrInvalid)
			fe, ok := err.(*audit.FieldError) //nolint:errorlint // documented to be this type
			require.True(t, ok)
			assert.Equal(t, tt.field, fe.Field)
			assert.Zero(t, log.Size(), "nothing may be written")
		})
	}
}

func TestOnlyTheCanonicalFormIsRead(t *testing.T) {
	good, err := full().MarshalJSON()
	require.NoError(t, err)
	s := string(good)
	for name, bad := range map[string]string{
		"a space":              strings.Replace(s, `,"v":2`, `, "v":2`, 1),
		"a newline at the end": s + "\n",
		"unknown member":       strings.Replace(s, `,"v":2`, `,"u":1,"v":2`, 1),
		"member twice":         strings.Replace(s, `,"v":2`, `,"v":2,"v":2`, 1),
		"other order":          `{"v":2,` + strings.Replace(s, `,"v":2`, "", 1)[1:],
		"other case":           strings.Replace(s, `"kind"`, `"Kind"`, 1),
		"needless escape":      strings.Replace(s, "zone", `\u007aone`, 1),
		"empty member":         strings.Replace(s, `,"kind"`, `,"id":"","kind"`, 1),
		"newer schema":         strings.Replace(s, `"v":2`, `"v":3`, 1),
		"no schema":            strings.Replace(s, `,"v":2`, ``, 1),
		"time with zone":       strings.Replace(s, `Z"`, `+00:00"`, 1),
		"time with zeros":      strings.Replace(s, `.12Z"`, `.120Z"`, 1),
		"null":                 "null",
		"nothing":              "",
		"too large":            `{"note":"` + strings.Repeat("x", audit.MaxEntrySize) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			require.NotEqual(t, s, bad)
			var e audit.Entry
			require.ErrorIs(t, e.UnmarshalJSON([]byte(bad)), audit.ErrInvalid)
			assert.Equal(t, audit.Entry{}, e)
		})
	}
}

func FuzzEntry(f *testing.F) {
	good, err := full().MarshalJSON()
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte(`{"actor":{"type":"ai"},"kind":"read","v":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var e audit.Entry
		if err := e.UnmarshalJSON(data); err != nil {
			require.ErrorIs(t, err, audit.ErrInvalid)
			return
		}
		again, err := e.MarshalJSON()
		require.NoError(t, err)
		require.Equal(t, string(data), string(again), "what is read is written the same")
		require.NotContains(t, string(data), "\n")
		require.NotContains(t, strings.TrimSuffix(audit.Format(audit.Record{Entry: e}), "\n"), "\x1b")
	})
}
