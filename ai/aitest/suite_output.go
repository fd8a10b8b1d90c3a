package aitest

import (
	"errors"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
)

// advice is the value that the checks of structured output ask for. It has what
// providers are strict about: recursion, an enum, null, an optional field and
// constraints.
type advice struct {
	Why    string   `json:"why" jsonschema:"minLength=1,maxLength=80"`
	Season string   `json:"season" jsonschema:"enum=spring|summer|autumn|winter"`
	Price  *string  `json:"price"`
	Count  int64    `json:"count" jsonschema:"minimum=1"`
	Tags   []string `json:"tags,omitempty" jsonschema:"maxItems=3"`
	Then   *advice  `json:"then"`
}

const goodAdvice = `{"why":"Green goes with sand.","season":"autumn","price":null,"count":9007199254740993,"tags":null,` +
	`"then":{"why":"Warm.","season":"winter","price":"19.90","count":1,"tags":["knit"],"then":null}}`

// outputChecks are about [ai.Extract] on top of the model.
var outputChecks = []check{
	{
		name: "extract",
		rule: "in every mode a good answer becomes a complete value, big integers exact",
		run: func(t *testing.T, s Suite) {
			for _, mode := range []ai.Mode{ai.ModeNative, ai.ModeTool, ai.ModePrompt} {
				got, resp, err := extractAs[advice](t, s, mode, goodAdvice)
				require.NoError(t, err, "mode %s", mode)
				require.NotNil(t, resp)
				assert.EqualValues(t, 9007199254740993, got.Count)
				assert.Nil(t, got.Price)
				require.NotNil(t, got.Then)
				assert.Equal(t, []string{"knit"}, got.Then.Tags)
			}
		},
	},
	{
		name: "extract with a map",
		rule: "a schema that cannot be enforced is asked for in another way and checked here",
		run: func(t *testing.T, s Suite) {
			got, _, err := extractAs[map[string]int](t, s, ai.ModeNative, `{"SCARF-1":2}`)
			require.NoError(t, err)
			assert.Equal(t, map[string]int{"SCARF-1": 2}, got)
		},
	},
	{
		name: "extract truncated",
		rule: "a reply cut off at the limit of tokens is an error even if what came is complete JSON",
		run: func(t *testing.T, s Suite) {
			for _, text := range []string{goodAdvice, goodAdvice[:40]} {
				got, resp, err := ai.Extract[advice](limit(t), s.New(t, Truncated(text)), ask(), nil)
				require.ErrorIs(t, err, ai.ErrTruncated)
				assert.Equal(t, advice{}, got)
				require.NotNil(t, resp)
			}
		},
	},
	{
		name: "extract refused",
		rule: "a refusal is an error",
		run: func(t *testing.T, s Suite) {
			got, _, err := ai.Extract[advice](limit(t), s.New(t, Refusal("No.")), ask(), nil)
			require.ErrorIs(t, err, ai.ErrRefused)
			assert.Equal(t, advice{}, got)
		},
	},
	{
		name: "extract repaired",
		rule: "a bad answer is asked for once more, and the usage of both rounds is counted",
		run: func(t *testing.T, s Suite) {
			for mode, bad := range map[ai.Mode]string{
				ai.ModeNative: `{"why":""}`, ai.ModeTool: `{"why":"short"}`, ai.ModePrompt: "I would rather not say.",
			} {
				got, resp, err := extractAs[advice](t, s, mode, bad, goodAdvice)
				require.NoError(t, err, "mode %s", mode)
				assert.Equal(t, "autumn", got.Season)
				assert.Equal(t, ai.Usage{InputTokens: 20, OutputTokens: 10}, resp.Usage)
			}
		},
	},
}

// extractAs extracts in the mode, from answers that are given in its way. Where
// the provider cannot enforce the schema, native mode must say so before any
// call, and the automatic choice of the mode must come to the tool.
func extractAs[T any](t *testing.T, s Suite, mode ai.Mode, answers ...string) (T, *ai.Response, error) {
	t.Helper()
	as := func(mode ai.Mode) []Reply {
		var replies []Reply
		for i, answer := range answers {
			switch mode {
			case ai.ModeTool:
				id := "call-" + strconv.Itoa(i)
				replies = append(replies, Reply{ToolCalls: []ai.ToolCall{{ID: id, Name: "answer", Arguments: []byte(answer)}}})
			case ai.ModePrompt:
				replies = append(replies, Text("Gladly:\n```json\n"+answer+"\n```\n"))
			default:
				replies = append(replies, Text(answer))
			}
		}
		return replies
	}
	got, resp, err := ai.Extract(limit(t), s.New(t, as(mode)...), ask(), &ai.ExtractOptions[T]{Mode: mode})
	if mode == ai.ModeNative && errors.Is(err, ai.ErrUnsupportedSchema) {
		require.Nil(t, resp, "a schema that cannot be enforced must be refused before the call")
		return ai.Extract[T](limit(t), s.New(t, as(ai.ModeTool)...), ask(), nil)
	}
	return got, resp, err
}
