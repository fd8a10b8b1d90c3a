package ai_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
)

// FuzzExtract gives Extract arbitrary replies: whatever it accepts keeps every
// rule of the type, and beside an error there is never a value.
func FuzzExtract(f *testing.F) {
	for _, seed := range []string{
		good, "", "null", "{}", "[" + good + "]", "```json\n" + good + "\n```", good + good, good[:20],
		`{"occasion":"gift","occasion":"gift"}`, `{"a":{"b":[1,2,{"c":null}]}}`, "\xff", "{{{{", `{"message":"\ud800"}`,
		strings.Repeat(`{"a":`, 70), `{"score":1e999}`, "prose {" + good + "} prose",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, mode := range []ai.Mode{ai.ModeNative, ai.ModePrompt, ai.ModeTool} {
			reply := aitest.Text(text)
			if mode == ai.ModeTool {
				reply = aitest.Reply{ToolCalls: []ai.ToolCall{{Name: "answer", Arguments: json.RawMessage(text)}}}
			}
			got, _, err := ai.Extract(t.Context(), aitest.NewModel(t, reply), question(),
				&ai.ExtractOptions[judgment]{Mode: mode, Repairs: -1})
			if err != nil {
				if got.Occasion != "" || got.Message != "" || got.Products != nil || got.Score != nil || got.Note != "" {
					t.Fatalf("a value beside the error %v: %+v", err, got)
				}
				continue
			}
			if mode != ai.ModePrompt && !json.Valid([]byte(text)) {
				t.Fatalf("accepted what is not JSON: %q", text)
			}
			length := utf8.RuneCountInString(got.Message)
			if !slices.Contains([]string{"gift", "replenishment", "unknown"}, got.Occasion) ||
				length < 1 || length > 40 || len(got.Products) > 2 || got.Validate() != nil {
				t.Fatalf("accepted a value that breaks the rules: %+v", got)
			}
		}
	})
}
