package ai_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
)

func ExampleExtractPartial() {
	model := aitest.NewModel(nil, aitest.Reply{Chunks: []string{
		`{"occasion":"gi`, `ft","message":"Thank`, ` you!","products":["SCARF-1"]}`,
	}})
	for part, err := range ai.ExtractPartial[Advice](context.Background(), model, &ai.Request{
		Messages: []ai.Message{ai.User("One green coat, gift-wrapped. In stock: SCARF-1, HAT-2.")},
	}, nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q %q %q %t\n", part.Value.Occasion, part.Value.Message, part.Value.Products, part.Complete)
	}
	// Output:
	// "" "" [] false
	// "gift" "Thank" [] false
	// "gift" "Thank you!" ["SCARF-1"] false
	// "gift" "Thank you!" ["SCARF-1"] true
}

type leafy struct {
	Title string            `json:"title"`
	Kind  string            `json:"kind" jsonschema:"enum=a|ab"`
	Due   time.Time         `json:"due"`
	Price decimal.Decimal   `json:"price"`
	Count int               `json:"count"`
	Flag  bool              `json:"flag"`
	Tags  []string          `json:"tags"`
	Stock map[string]int    `json:"stock"`
	Notes map[string]string `json:"notes"`
	Next  *leafy            `json:"next,omitempty"`
}

const leafyJSON = `{"title": "A \"b\" \ud83d\ude00é", "kind": "ab", "due": "2026-11-27T09:00:00Z", "price": "12.50", "count": 120, "flag": true,` +
	` "tags": ["one", "two"], "stock": {"x": 10, "y": 20}, "notes": {"n": "long"}, "next": {"title": "inner", "kind": "a", "due": "2026-11-27T09:00:00Z",` +
	` "price": "1", "count": -5, "flag": false, "tags": [], "stock": {}, "notes": {}, "next": null}}`

// What is cut off anywhere is the beginning of what comes: no number, date, decimal
// or enum is ever another one.
func TestExtractPartialEveryByte(t *testing.T) {
	var want leafy
	require.NoError(t, json.Unmarshal([]byte(leafyJSON), &want))
	for _, mode := range []ai.Mode{ai.ModeNative, ai.ModePrompt, ai.ModeTool} {
		t.Run(string(mode), func(t *testing.T) {
			text := leafyJSON
			if mode == ai.ModePrompt {
				text = "Here it is:\n```json\n" + text + "\n```"
			}
			reply := aitest.Reply{Chunks: []string{}}
			for _, r := range text {
				reply.Chunks = append(reply.Chunks, string(r))
			}
			var model ai.Model = aitest.NewModel(t, reply)
			if mode == ai.ModeTool {
				model = toolStream{Model: aitest.NewModel(t), text: text}
			}
			seen, complete := 0, false
			for part, err := range ai.ExtractPartial(t.Context(), model, question(), &ai.ExtractOptions[leafy]{Mode: mode}) {
				require.NoError(t, err)
				seen++
				v := part.Value
				complete = part.Complete
				for got := &v; got != nil; got = got.Next {
					w := &want
					if got != &v {
						w = want.Next
					}
					assert.True(t, strings.HasPrefix(w.Title, got.Title), got.Title)
					assert.Contains(t, []string{"", w.Kind}, got.Kind)
					assert.Contains(t, []time.Time{{}, w.Due}, got.Due)
					assert.True(t, got.Price.IsZero() || got.Price.Equal(w.Price))
					assert.Contains(t, []int{0, w.Count}, got.Count)
					for i, tag := range got.Tags {
						assert.True(t, strings.HasPrefix(w.Tags[i], tag))
					}
					for k, n := range got.Stock {
						assert.Equal(t, w.Stock[k], n)
					}
				}
				if complete {
					assert.Equal(t, want, v)
					assert.NotNil(t, part.Response)
				}
			}
			assert.True(t, complete)
			assert.Greater(t, seen, 40)
		})
	}
}

// toolStream streams a tool call byte by byte.
type toolStream struct {
	ai.Model
	text string
}

func (s toolStream) Stream(_ context.Context, req *ai.Request) iter.Seq2[ai.Event, error] {
	return func(yield func(ai.Event, error) bool) {
		if !yield(ai.ToolCallDelta{ID: "1", Name: req.Tools[0].Name}, nil) {
			return
		}
		for _, r := range s.text {
			if !yield(ai.ToolCallDelta{Arguments: string(r)}, nil) {
				return
			}
		}
		yield(ai.Done{Response: &ai.Response{
			StopReason: ai.StopToolCalls,
			Message:    ai.Message{Role: ai.RoleAssistant, Parts: []ai.Part{ai.ToolCall{ID: "1", Name: req.Tools[0].Name, Arguments: []byte(s.text)}}},
		}}, nil)
	}
}

func TestExtractPartialFails(t *testing.T) {
	for _, tt := range []struct {
		name  string
		reply aitest.Reply
		want  error
	}{
		{"invalid", aitest.Text(strings.Replace(good, `"gift"`, `"loan"`, 1)), ai.ErrInvalidOutput},
		{"not JSON", aitest.Text("I would say gift."), ai.ErrMalformedReply},
		{"JSON that breaks off", aitest.Text(good[:30]), ai.ErrTruncated},
		{"truncated", aitest.Truncated(good[:30]), ai.ErrTruncated},
		{"refused", aitest.Refusal("no"), ai.ErrRefused},
		{"cut", aitest.Reply{Chunks: []string{good[:20], good[20:]}, CutAfter: 1}, ai.ErrTransport},
		{"broken in the middle", aitest.Text(`{"occasion":"gift" "message"}`), ai.ErrMalformedReply},
		{"error", failing(ai.ErrQuota), ai.ErrQuota},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var failed error
			for part, err := range ai.ExtractPartial[judgment](t.Context(), aitest.NewModel(t, tt.reply), question(), nil) {
				require.NoError(t, failed, "something after the error")
				assert.False(t, part.Complete)
				failed = err
			}
			require.ErrorIs(t, failed, tt.want)
		})
	}
	for _, err := range ai.ExtractPartial[func()](t.Context(), aitest.NewModel(t), question(), nil) {
		require.ErrorIs(t, err, ai.ErrUnsupportedSchema)
	}
	for _, err := range ai.ExtractPartial[judgment](t.Context(), aitest.NewModel(t), nil, nil) {
		require.ErrorIs(t, err, ai.ErrInvalidRequest)
	}
}

func TestExtractPartialFallsBackToAnotherMode(t *testing.T) {
	script := aitest.NewModel(t, failing(ai.ErrUnsupportedSchema), failing(ai.ErrUnsupportedSchema), aitest.Text(good))
	var last ai.Partial[judgment]
	for part, err := range ai.ExtractPartial[judgment](t.Context(), script, question(), nil) {
		require.NoError(t, err)
		last = part
	}
	assert.True(t, last.Complete)
	assert.Equal(t, []ai.Warning{{Setting: "Output", Detail: "the provider does not support the schema; asked in mode prompt"}}, last.Response.Warnings)

	script = aitest.NewModel(t, failing(ai.ErrUnsupportedSchema), failing(ai.ErrUnsupportedSchema), aitest.Text(good))
	_, resp, err := ai.Extract[judgment](t.Context(), script, question(), nil)
	require.NoError(t, err)
	assert.Len(t, resp.Warnings, 1)
}

func TestExtractPartialLeft(t *testing.T) {
	for part, err := range ai.ExtractPartial[string](t.Context(), aitest.NewModel(t, aitest.Reply{Chunks: []string{`{"value":"one`, ` two"}`}}), question(), nil) {
		require.NoError(t, err)
		assert.Equal(t, "one", part.Value)
		break
	}
}

// A long reply in small pieces costs about its length, not the square of it.
func TestExtractPartialLong(t *testing.T) {
	long := strings.Repeat("word ", 40_000)
	text, err := json.Marshal(map[string]string{"value": long})
	require.NoError(t, err)
	reply := aitest.Reply{Chunks: strings.SplitAfter(string(text), " ")}
	seen := 0
	for part, err := range ai.ExtractPartial[string](t.Context(), aitest.NewModel(t, reply), question(), nil) {
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(long, part.Value))
		seen++
	}
	assert.Less(t, seen, 1200)
}

// FuzzExtractPartial: however a reply is cut up, nothing breaks, and the texts of
// partial values are beginnings of those that come later.
func FuzzExtractPartial(f *testing.F) {
	for _, seed := range []string{
		good, leafyJSON, "", "{", `{"a`, `{"title":"\`, `{"title":"\ud83d\u0041"}`, `{"title":"\ud83dx"}`, `{"tags":[["x"],{}],"next":{"next":{"next":null}}}`,
		`{"count":12e`, `{"a":[}`, `{"title":"a","title":"b"}`, strings.Repeat(`{"next":`, 80), "\xff", `{"title":"\xff"}`, `[1,2]`, `{"x":tru`, `{} {}`,
	} {
		f.Add(seed, uint8(1))
	}
	f.Fuzz(func(t *testing.T, text string, size uint8) {
		reply := aitest.Reply{Chunks: []string{}}
		for rest := text; rest != ""; {
			n := min(max(int(size), 1), len(rest))
			reply.Chunks = append(reply.Chunks, rest[:n])
			rest = rest[n:]
		}
		for _, mode := range []ai.Mode{ai.ModeNative, ai.ModePrompt} {
			last, over := "", false
			for part, err := range ai.ExtractPartial(t.Context(), aitest.NewModel(t, reply), question(), &ai.ExtractOptions[leafy]{Mode: mode}) {
				if over {
					t.Fatal("something after the end")
				}
				if over = err != nil || part.Complete; err != nil {
					continue
				}
				twice := strings.Count(text, "title") > 1 || strings.Contains(text, "\\") || !utf8.ValidString(text) || strings.Contains(strings.ToUpper(text), "TITLE") && !strings.Contains(text, "title")
				if !twice && !strings.HasPrefix(part.Value.Title, last) {
					t.Fatalf("%q after %q in %q", part.Value.Title, last, text)
				}
				last = part.Value.Title
			}
			if !over {
				t.Fatal("no end")
			}
		}
	})
}
