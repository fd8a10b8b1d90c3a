package ai_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
)

// secret marks texts that must not get into errors.
const secret = "SECRET-9c1f"

var errUnknownProduct = errors.New("no product " + secret)

// judgment is a value as the examples ask for it.
type judgment struct {
	Occasion string   `json:"occasion" jsonschema:"enum=gift|replenishment|unknown"`
	Message  string   `json:"message" jsonschema:"minLength=1,maxLength=40"`
	Products []string `json:"products" jsonschema:"maxItems=2"`
	Note     string   `json:"note,omitempty"`
	Score    *float64 `json:"score"`
}

func (j judgment) Validate() error {
	for _, p := range j.Products {
		if !strings.HasPrefix(p, "SKU-") {
			return errUnknownProduct
		}
	}
	return nil
}

func question() *ai.Request {
	return &ai.Request{System: "Judge the sale.", Messages: []ai.Message{ai.User("One scarf.")}}
}

const good = `{"occasion":"gift","message":"Thank you, Ada!","products":["SKU-1"],"score":0.5}`

func TestExtractAccepts(t *testing.T) {
	tests := []struct {
		name string
		mode ai.Mode
		text string
	}{
		{"native", ai.ModeNative, good},
		{"native with white space around", ai.ModeNative, "\n " + good + " \n"},
		{"null for an optional property", ai.ModeNative, strings.Replace(good, `"score"`, `"note":null,"score"`, 1)},
		{"prompt", ai.ModePrompt, good},
		{"prompt, fenced", ai.ModePrompt, "```json\n" + good + "\n```"},
		{"prompt, prose around", ai.ModePrompt, "Here you are:\n" + good + "\nAnything else?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			model := aitest.NewModel(t, aitest.Text(tt.text))
			got, resp, err := ai.Extract(t.Context(), model, question(), &ai.ExtractOptions[judgment]{Mode: tt.mode})
			require.NoError(t, err)
			assert.Equal(t, judgment{Occasion: "gift", Message: "Thank you, Ada!", Products: []string{"SKU-1"}, Score: new(0.5)}, got)
			assert.Equal(t, tt.text, resp.Text())
		})
	}
}

func TestExtractRejects(t *testing.T) {
	with := func(old, replacement string) string {
		require.Contains(t, good, old)
		return strings.Replace(good, old, replacement, 1)
	}
	tests := []struct {
		name  string
		mode  ai.Mode
		reply aitest.Reply
		want  error
		text  string // in the error
	}{
		{"empty", ai.ModeNative, aitest.Text(""), ai.ErrEmptyReply, ""},
		{"blank", ai.ModeNative, aitest.Text(" \n\t"), ai.ErrEmptyReply, ""},
		{"cut off by the limit", ai.ModeNative, aitest.Truncated(good[:30]), ai.ErrTruncated, ""},
		{"cut off by the limit although complete", ai.ModeNative, aitest.Truncated(good), ai.ErrTruncated, ""},
		{"cut off without saying so", ai.ModeNative, aitest.Text(good[:30]), ai.ErrTruncated, "incomplete JSON"},
		{"refused", ai.ModeNative, aitest.Refusal(secret), ai.ErrRefused, ""},
		{"filtered", ai.ModeNative, aitest.Reply{Text: good, StopReason: ai.StopContentFilter}, ai.ErrContentFiltered, ""},
		{"prose", ai.ModeNative, aitest.Text("Thank you, " + secret), ai.ErrMalformedReply, "not JSON"},
		{"fence where there must be none", ai.ModeNative, aitest.Text("```json\n" + good + "\n```"), ai.ErrMalformedReply, "not JSON"},
		{"text after the value", ai.ModeNative, aitest.Text(good + " " + secret), ai.ErrMalformedReply, "more text"},
		{"second value", ai.ModeNative, aitest.Text(good + good), ai.ErrMalformedReply, "more text"},
		{"property twice", ai.ModeNative, aitest.Text(with(`"score"`, `"occasion":"unknown","score"`)), ai.ErrMalformedReply, "twice"},
		{"invalid UTF-8", ai.ModeNative, aitest.Text(with("Ada", "A\xffa")), ai.ErrMalformedReply, "UTF-8"},
		{"nested too deep", ai.ModeNative, aitest.Text(with("0.5", strings.Repeat("[", 100)+strings.Repeat("]", 100))), ai.ErrMalformedReply, "nested"},
		{"number of absurd size", ai.ModeNative, aitest.Text(with("0.5", "1e999999999")), ai.ErrMalformedReply, "range"},
		{"number beyond the limit", ai.ModeNative, aitest.Text(with("0.5", "1e2000")), ai.ErrMalformedReply, "range"},
		{"too long", ai.ModeNative, aitest.Text(with("Ada", strings.Repeat(secret, 500))), ai.ErrMalformedReply, "longer than 2000 bytes"},
		{"array instead of object", ai.ModeNative, aitest.Text("[" + good + "]"), ai.ErrInvalidOutput, "$: must be of type object"},
		{"null", ai.ModeNative, aitest.Text("null"), ai.ErrInvalidOutput, "$: must be of type object"},
		{"property missing", ai.ModeNative, aitest.Text(with(`,"score":0.5`, ``)), ai.ErrInvalidOutput, "$.score: is required"},
		{"unknown property", ai.ModeNative, aitest.Text(with(`"score"`, `"`+secret+`":1,"score"`)), ai.ErrInvalidOutput, "$: unknown property"},
		{"property in other case", ai.ModeNative, aitest.Text(with(`"message"`, `"Message"`)), ai.ErrInvalidOutput, "$.message: is required"},
		{"value outside the enum", ai.ModeNative, aitest.Text(with("gift", secret)), ai.ErrInvalidOutput, "$.occasion: must be one of gift, replenishment, unknown"},
		{"null where there must be a value", ai.ModeNative, aitest.Text(with(`"gift"`, `null`)), ai.ErrInvalidOutput, "$.occasion: must be of type string"},
		{"text too short", ai.ModeNative, aitest.Text(with("Thank you, Ada!", "")), ai.ErrInvalidOutput, "$.message: must have at least 1 characters"},
		{"text too long", ai.ModeNative, aitest.Text(with("Ada", strings.Repeat(secret, 5))), ai.ErrInvalidOutput, "$.message: must have at most 40 characters"},
		{"too many items", ai.ModeNative, aitest.Text(with(`"SKU-1"`, `"SKU-1","SKU-2","SKU-3"`)), ai.ErrInvalidOutput, "$.products: must have at most 2 items"},
		{"wrong type of an item", ai.ModeNative, aitest.Text(with(`"SKU-1"`, `"SKU-1",7`)), ai.ErrInvalidOutput, "$.products[1]: must be of type string"},
		{"invented product", ai.ModeNative, aitest.Text(with("SKU-1", secret)), errUnknownProduct, "validation failed"},
		{"no tool call", ai.ModeTool, aitest.Text(good), ai.ErrEmptyReply, "no call of the tool"},
		{"call of another tool", ai.ModeTool, aitest.ToolCall("c", secret, judgment{}), ai.ErrMalformedReply, "not one call"},
		{"two tool calls", ai.ModeTool, aitest.Reply{ToolCalls: []ai.ToolCall{
			{ID: "a", Name: "answer", Arguments: json.RawMessage(good)}, {ID: "b", Name: "answer", Arguments: json.RawMessage(good)},
		}}, ai.ErrMalformedReply, "not one call"},
		{"two objects in prose", ai.ModePrompt, aitest.Text("Either " + good + " or " + good), ai.ErrMalformedReply, "more than one"},
		{"no object in prose", ai.ModePrompt, aitest.Text("Thank you, " + secret), ai.ErrMalformedReply, "no JSON object"},
		{"braces in prose", ai.ModePrompt, aitest.Text("Use {curly} braces: " + good), ai.ErrMalformedReply, "not JSON"},
		{"object cut off around a whole one", ai.ModePrompt, aitest.Text(`{"outer":` + good), ai.ErrTruncated, "incomplete"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			model := aitest.NewModel(t, tt.reply)
			got, resp, err := ai.Extract(t.Context(), model, question(),
				&ai.ExtractOptions[judgment]{Mode: tt.mode, Repairs: -1, MaxBytes: 2000})
			require.ErrorIs(t, err, tt.want)
			assert.Zero(t, got, "a value beside an error")
			assert.ErrorContains(t, err, tt.text)
			assert.NotContains(t, err.Error(), secret, "the reply is in the error")
			require.NotNil(t, resp, "the reply is needed for usage and audit")
			assert.EqualValues(t, 15, resp.Usage.Total())

			var detail *ai.Error
			require.ErrorAs(t, err, &detail)
			assert.Equal(t, "aitest", detail.Provider)
			assert.Equal(t, 1, len(model.Requests()))
		})
	}
}

func TestExtractValues(t *testing.T) {
	type values struct {
		Int     int64              `json:"int"`
		Big     *big.Int           `json:"big"`
		Number  json.Number        `json:"number"`
		Price   price              `json:"price"`
		Map     map[string]*string `json:"map"`
		Bytes   []byte             `json:"bytes"`
		Pair    [2]bool            `json:"pair"`
		Ratio   float64            `json:"ratio" jsonschema:"minimum=0,maximum=1"`
		Numbers []int              `json:"numbers" jsonschema:"minimum=1,uniqueItems"`
		Date    string             `json:"date" jsonschema:"format=date"`
		Code    string             `json:"code" jsonschema:"pattern=^[A-Z]{2,3}$"`
	}
	const text = `{"int":9007199254740993,"big":123456789012345678901234567890,"number":0.10,"price":"19.90",` +
		`"map":{"a":"b","c":null},"bytes":"aGk=","pair":[true,false],"ratio":1,"numbers":[1,2],"date":"2026-02-28","code":"EUR"}`
	replace := func(t *testing.T, old, replacement string) string {
		require.Contains(t, text, old)
		return strings.Replace(text, old, replacement, 1)
	}
	extract := func(t *testing.T, text string) (values, error) {
		got, _, err := ai.Extract(t.Context(), aitest.NewModel(t, aitest.Text(text)), question(),
			&ai.ExtractOptions[values]{Repairs: -1})
		return got, err
	}
	t.Run("exact", func(t *testing.T) {
		got, err := extract(t, text)
		require.NoError(t, err)
		assert.EqualValues(t, 9007199254740993, got.Int)
		assert.Equal(t, "123456789012345678901234567890", got.Big.String())
		assert.Equal(t, "0.10", got.Number.String())
		assert.Equal(t, "199/10", got.Price.RatString())
		assert.Equal(t, map[string]*string{"a": new("b"), "c": nil}, got.Map)
		assert.Equal(t, "hi", string(got.Bytes))
	})
	for _, tt := range []struct{ name, old, replacement, want string }{
		{"integer too large for its type", "9007199254740993", "9223372036854775808", "$.int: does not fit"},
		{"integer with a fraction", "9007199254740993", "1.5", "$.int: must be of type integer"},
		{"integer with an exponent", "9007199254740993", "1e3", "$.int: must be of type integer"},
		{"decimal that is none", `"19.90"`, `"` + secret + `"`, "a value does not fit"},
		{"null in a map", `"b"`, "7", "$.map.*: must be of type string"},
		{"base64 that is none", "aGk=", "!!", "a value does not fit"},
		{"short array", "[true,false]", "[true]", "$.pair: must have at least 2"},
		{"above the maximum", `"ratio":1`, `"ratio":1.0000000000000000000001`, "$.ratio: must be at most 1"},
		{"below the minimum", `"ratio":1`, `"ratio":-0.1`, "$.ratio: must be at least 0"},
		{"element below the minimum", "[1,2]", "[1,0]", "$.numbers[1]: must be at least 1"},
		{"element twice", "[1,2]", "[1,2,1]", "$.numbers[2]: must not be there twice"},
		{"date that does not exist", "2026-02-28", "2026-02-30", "$.date: must have the format date"},
		{"pattern", "EUR", "euro", "$.code: must match"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := extract(t, replace(t, tt.old, tt.replacement))
			require.ErrorIs(t, err, ai.ErrInvalidOutput)
			assert.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), secret)
			assert.Zero(t, got)
		})
	}
}

func TestExtractFormats(t *testing.T) {
	type formats struct {
		At   string `json:"at" jsonschema:"format=date-time"`
		Mail string `json:"mail" jsonschema:"format=email"`
		URI  string `json:"uri" jsonschema:"format=uri"`
		UUID string `json:"uuid" jsonschema:"format=uuid"`
	}
	const text = `{"at":"2026-11-24T10:00:00Z","mail":"ada@example.com","uri":"https://example.com/a","uuid":"123e4567-e89b-12d3-a456-426614174000"}`
	_, _, err := ai.Extract[formats](t.Context(), aitest.NewModel(t, aitest.Text(text)), question(), nil)
	require.NoError(t, err)
	for field, bad := range map[string]string{
		"2026-11-24T10:00:00Z": "yesterday", "ada@example.com": "Ada <ada@example.com>",
		"https://example.com/a": "/a", "123e4567-": "",
	} {
		_, _, err := ai.Extract(t.Context(), aitest.NewModel(t, aitest.Text(strings.Replace(text, field, bad, 1))),
			question(), &ai.ExtractOptions[formats]{Repairs: -1})
		require.ErrorIs(t, err, ai.ErrInvalidOutput, bad)
	}
}

func TestExtractOtherThanObjects(t *testing.T) {
	model := aitest.NewModel(t, aitest.Text(`{"value":["a","b"]}`), aitest.Text(`{"value":null}`), aitest.Text(`{"value":3}`))

	list, _, err := ai.Extract[[]string](t.Context(), model, question(), nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, list)

	none, _, err := ai.Extract[*judgment](t.Context(), model, question(), nil)
	require.NoError(t, err)
	assert.Nil(t, none)

	_, _, err = ai.Extract(t.Context(), model, question(), &ai.ExtractOptions[int]{
		Repairs:  -1,
		Validate: func(int) error { return errors.New("not today") },
	})
	require.ErrorIs(t, err, ai.ErrInvalidOutput)
}

func TestExtractRepairs(t *testing.T) {
	t.Run("the model is told what is wrong", func(t *testing.T) {
		model := aitest.NewModel(t, aitest.Text(`{"occasion":"gift","message":"`+secret+`","products":["X"],"score":null,"zzz":1}`),
			aitest.Text(strings.Replace(good, "SKU-1", "X", 1)), aitest.Text(good))
		got, resp, err := ai.Extract(t.Context(), model, question(), &ai.ExtractOptions[judgment]{Repairs: 2})
		require.NoError(t, err)
		assert.Equal(t, "gift", got.Occasion)
		assert.Equal(t, ai.Usage{InputTokens: 30, OutputTokens: 15}, resp.Usage)

		requests := model.Requests()
		require.Len(t, requests, 3)
		require.Len(t, requests[1].Messages, 3)
		assert.Equal(t, ai.RoleAssistant, requests[1].Messages[1].Role)
		assert.Contains(t, requests[1].Messages[2].Text(), `$: unknown property "zzz"`)
		require.Len(t, requests[2].Messages, 5)
		assert.Contains(t, requests[2].Messages[4].Text(), errUnknownProduct.Error())
	})
	t.Run("one round by default", func(t *testing.T) {
		model := aitest.NewModel(t, aitest.Text("no"), aitest.Text("no"))
		_, resp, err := ai.Extract[judgment](t.Context(), model, question(), nil)
		require.ErrorIs(t, err, ai.ErrMalformedReply)
		assert.EqualValues(t, 30, resp.Usage.Total(), "both rounds were paid for")
	})
	t.Run("by tool, every call is answered", func(t *testing.T) {
		model := aitest.NewModel(t, aitest.Reply{ToolCalls: []ai.ToolCall{
			{ID: "a", Name: "answer", Arguments: json.RawMessage("{}")}, {ID: "b", Name: "answer", Arguments: json.RawMessage("{}")},
		}}, aitest.Reply{ToolCalls: []ai.ToolCall{{ID: "c", Name: "answer", Arguments: json.RawMessage(good)}}})
		_, _, err := ai.Extract(t.Context(), model, question(), &ai.ExtractOptions[judgment]{Mode: ai.ModeTool})
		require.NoError(t, err)
		results := model.Requests()[1].Messages[2]
		assert.Equal(t, ai.RoleTool, results.Role)
		require.Len(t, results.Parts, 2)
		assert.Equal(t, "b", results.Parts[1].(ai.ToolResult).CallID)
		assert.True(t, results.Parts[1].(ai.ToolResult).IsError)
	})
	t.Run("an error in the second round keeps the first one's usage", func(t *testing.T) {
		down := &ai.Error{Class: ai.ErrUnavailable}
		model := aitest.NewModel(t, aitest.Text("no"), aitest.Error(down))
		_, resp, err := ai.Extract[judgment](t.Context(), model, question(), nil)
		require.ErrorIs(t, err, ai.ErrUnavailable)
		require.NotNil(t, resp)
		assert.EqualValues(t, 15, resp.Usage.Total())
	})
	t.Run("the caller's request stays as it was", func(t *testing.T) {
		req := question()
		req.Messages = append(make([]ai.Message, 0, 10), req.Messages...)
		before := req.Digest()
		_, _, err := ai.Extract[judgment](t.Context(), aitest.NewModel(t, aitest.Text("no"), aitest.Text(good)), req, nil)
		require.NoError(t, err)
		assert.Equal(t, before, req.Digest())
		assert.Zero(t, req.Messages[:2][1], "the caller's spare capacity was written to")
	})
}

func TestExtractModes(t *testing.T) {
	unsupported := aitest.Error(&ai.Error{Class: ai.ErrUnsupportedSchema})
	all := ai.Capabilities{StructuredOutput: true, Tools: true}
	byTool := aitest.Reply{ToolCalls: []ai.ToolCall{{ID: "a", Name: "verdict", Arguments: json.RawMessage(good)}}}
	tests := []struct {
		name    string
		can     ai.Capabilities
		mode    ai.Mode
		replies []aitest.Reply
		want    []ai.Mode // of the requests
	}{
		{"native first", all, ai.ModeAuto, []aitest.Reply{aitest.Text(good)}, []ai.Mode{ai.ModeNative}},
		{"tool when there is no native", ai.Capabilities{Tools: true}, ai.ModeAuto, []aitest.Reply{byTool}, []ai.Mode{ai.ModeTool}},
		{"prompt when there is neither", ai.Capabilities{}, ai.ModeAuto, []aitest.Reply{aitest.Text(good)}, []ai.Mode{ai.ModePrompt}},
		{
			"down the ladder", all, ai.ModeAuto,
			[]aitest.Reply{unsupported, unsupported, aitest.Text(good)},
			[]ai.Mode{ai.ModeNative, ai.ModeTool, ai.ModePrompt},
		},
		{"forced", all, ai.ModePrompt, []aitest.Reply{aitest.Text(good)}, []ai.Mode{ai.ModePrompt}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			model := aitest.NewModel(t, tt.replies...)
			model.SetInfo(ai.Info{Provider: "aitest", Model: "m", Capabilities: tt.can})
			_, _, err := ai.Extract(t.Context(), model, question(),
				&ai.ExtractOptions[judgment]{Mode: tt.mode, Name: "verdict", Description: "What to do."})
			require.NoError(t, err)
			var got []ai.Mode
			for _, req := range model.Requests() {
				switch {
				case req.Output != nil:
					got = append(got, ai.ModeNative)
					assert.Equal(t, "verdict", req.Output.Name)
					assert.Equal(t, "What to do.", req.Output.Description)
				case len(req.Tools) == 1:
					got = append(got, ai.ModeTool)
					assert.Equal(t, ai.ToolChoice{Mode: ai.ToolNamed, Name: "verdict"}, req.ToolChoice)
				default:
					got = append(got, ai.ModePrompt)
					assert.Contains(t, req.System, `"enum":["gift","replenishment","unknown"]`)
					assert.Contains(t, req.System, "What to do.")
				}
			}
			assert.Equal(t, tt.want, got)
		})
	}
	t.Run("forced modes do not fall back", func(t *testing.T) {
		model := aitest.NewModel(t, unsupported)
		_, _, err := ai.Extract(t.Context(), model, question(), &ai.ExtractOptions[judgment]{Mode: ai.ModeNative})
		require.ErrorIs(t, err, ai.ErrUnsupportedSchema)
	})
}

func TestExtractRefusesMisuse(t *testing.T) {
	schema, err := ai.SchemaFor[judgment]()
	require.NoError(t, err)
	for name, call := range map[string]func(ai.Model) error{
		"nil request": func(m ai.Model) error {
			_, _, err := ai.Extract[judgment](t.Context(), m, nil, nil)
			return err
		},
		"output of its own": func(m ai.Model) error {
			req := question()
			req.Output = &ai.Output{Name: "x", Schema: schema}
			_, _, err := ai.Extract[judgment](t.Context(), m, req, nil)
			return err
		},
		"tools": func(m ai.Model) error {
			req := question()
			req.Tools = []ai.Tool{{Name: "x"}}
			_, _, err := ai.Extract[judgment](t.Context(), m, req, nil)
			return err
		},
		"bad name": func(m ai.Model) error {
			_, _, err := ai.Extract(t.Context(), m, question(), &ai.ExtractOptions[judgment]{Name: "my answer"})
			return err
		},
		"unknown mode": func(m ai.Model) error {
			_, _, err := ai.Extract(t.Context(), m, question(), &ai.ExtractOptions[judgment]{Mode: "magic"})
			return err
		},
		"no messages": func(m ai.Model) error {
			_, _, err := ai.Extract[judgment](t.Context(), m, &ai.Request{}, nil)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, call(aitest.NewModel(t)), ai.ErrInvalidRequest)
		})
	}
	_, _, err = ai.Extract[any](t.Context(), aitest.NewModel(t), question(), nil)
	require.ErrorIs(t, err, ai.ErrUnsupportedSchema)
}

func TestExtractPassesErrorsOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, resp, err := ai.Extract[judgment](ctx, aitest.NewModel(t, aitest.Text(good)), question(), nil)
	require.ErrorIs(t, err, context.Canceled)
	assert.Nil(t, resp)
}
