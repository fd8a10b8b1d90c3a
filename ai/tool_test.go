package ai_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
)

type stockQuery struct {
	SKU   string `json:"sku" jsonschema:"pattern=^[A-Z]+-[0-9]+$"`
	Store string `json:"store,omitempty"`
}

func (q stockQuery) Validate() error {
	if q.SKU == "NONE-0" {
		return errors.New("sku: NONE-0 is not in the catalog")
	}
	return nil
}

type stockLevel struct {
	SKU   string `json:"sku"`
	Count int    `json:"count"`
}

func stockTool(t *testing.T, opts *ai.ToolOptions) *ai.BoundTool {
	t.Helper()
	tool, err := ai.NewTool("stock", "How many are in stock.", ai.EffectRead,
		func(_ context.Context, q stockQuery) (stockLevel, error) {
			switch q.SKU {
			case "SECRET-1":
				return stockLevel{}, errors.New("dial tcp: password " + secret)
			case "GONE-1":
				return stockLevel{}, fmt.Errorf("stock: %w", ai.ToolErrorf("SKU %s was discontinued", q.SKU))
			}
			return stockLevel{SKU: q.SKU, Count: 3}, nil
		}, opts)
	require.NoError(t, err)
	return tool
}

func ExampleNewTool() {
	tool, err := ai.NewTool("stock", "How many pieces of a product are in stock.", ai.EffectRead,
		func(_ context.Context, in struct {
			SKU string `json:"sku" description:"stock keeping unit"`
		},
		) (map[string]int, error) {
			return map[string]int{in.SKU: 3}, nil
		}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := tool.Run(context.Background(), ai.ToolCall{ID: "1", Name: "stock", Arguments: json.RawMessage(`{"sku":"SCARF-1"}`)})
	fmt.Println(result.Content[0].(ai.Text).Text, err)
	// Output: {"SCARF-1":3} <nil>
}

func TestToolRun(t *testing.T) {
	tool := stockTool(t, nil)
	assert.Equal(t, ai.EffectRead, tool.Effect())
	assert.Equal(t, "stock", tool.Tool().Name)
	for _, tt := range []struct {
		name, arguments string
		want            string // that the model is told
		class           error
	}{
		{"valid", `{"sku":"HAT-2"}`, `{"sku":"HAT-2","count":3}`, nil},
		{"null for what is optional", `{"sku":"HAT-2","store":null}`, `{"sku":"HAT-2","count":3}`, nil},
		{"constraint broken", `{"sku":"hat"}`, "The arguments were not accepted: $.sku: must match ^[A-Z]+-[0-9]+$.", ai.ErrInvalidOutput},
		{"unknown property", `{"sku":"HAT-2","color":"red"}`, `The arguments were not accepted: $: unknown property "color".`, ai.ErrInvalidOutput},
		{"none", ``, "The arguments were not accepted: $.sku: is required.", ai.ErrInvalidOutput},
		{"not JSON", `sku=HAT-2`, "The arguments were not accepted: not JSON.", ai.ErrMalformedReply},
		{"cut off", `{"sku":"HA`, "The arguments were not accepted: incomplete JSON.", ai.ErrTruncated},
		{"refused by Validate", `{"sku":"NONE-0"}`, "The arguments were not accepted: sku: NONE-0 is not in the catalog.", ai.ErrInvalidOutput},
		{"failed", `{"sku":"SECRET-1"}`, "The tool failed.", nil},
		{"failed with words for the model", `{"sku":"GONE-1"}`, "SKU GONE-1 was discontinued", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			call := ai.ToolCall{ID: "7", Name: "stock", Arguments: json.RawMessage(tt.arguments)}
			result, err := tool.Run(t.Context(), call)
			assert.Equal(t, ai.ToolResult{
				CallID: "7", Name: "stock", IsError: err != nil, Content: []ai.Part{ai.Text{Text: tt.want}},
			}, result)
			if tt.class != nil {
				require.ErrorIs(t, err, tt.class)
			}
			assert.Equal(t, strings.HasPrefix(tt.want, "{"), err == nil)
		})
	}
}

func TestToolOptions(t *testing.T) {
	call := ai.ToolCall{ID: "1", Name: "stock", Arguments: json.RawMessage(`{"sku":"HAT-2"}`)}
	t.Run("untrusted results", func(t *testing.T) {
		result, err := stockTool(t, &ai.ToolOptions{Untrusted: true}).Run(t.Context(), call)
		require.NoError(t, err)
		assert.True(t, (&ai.Request{Messages: []ai.Message{ai.ToolResults(result)}}).Tainted())
	})
	t.Run("result too large", func(t *testing.T) {
		result, err := stockTool(t, &ai.ToolOptions{MaxResultBytes: 10}).Run(t.Context(), call)
		require.Error(t, err)
		assert.True(t, result.IsError)
		assert.Equal(t, "The result is larger than 10 bytes. Ask for less.", result.Content[0].(ai.Text).Text)
	})
	t.Run("timeout", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			slow, err := ai.NewTool("slow", "", ai.EffectRead, func(ctx context.Context, _ struct{}) (string, error) {
				<-ctx.Done()
				return "", ctx.Err()
			}, &ai.ToolOptions{Timeout: time.Minute})
			require.NoError(t, err)
			began := time.Now()
			result, err := slow.Run(t.Context(), ai.ToolCall{Name: "slow"})
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.True(t, result.IsError)
			assert.Equal(t, time.Minute, time.Since(began))
		})
	})
}

func TestToolResultForms(t *testing.T) {
	run := func(t *testing.T, tool *ai.BoundTool, err error) (ai.ToolResult, error) {
		t.Helper()
		require.NoError(t, err)
		assert.Nil(t, tool.Tool().Input, "no arguments, no schema")
		return tool.Run(t.Context(), ai.ToolCall{Name: "t", Arguments: json.RawMessage("null")})
	}
	text, err := ai.NewTool("t", "", ai.EffectRead, func(context.Context, struct{}) (string, error) { return "<b>", nil }, nil)
	result, err := run(t, text, err)
	require.NoError(t, err)
	assert.Equal(t, []ai.Part{ai.Text{Text: "<b>"}}, result.Content)

	image := ai.Image{Data: []byte{1}, MediaType: "image/png"}
	parts, err := ai.NewTool("t", "", ai.EffectRead, func(context.Context, struct{}) ([]ai.Part, error) { return []ai.Part{image}, nil }, nil)
	result, err = run(t, parts, err)
	require.NoError(t, err)
	assert.Equal(t, []ai.Part{image}, result.Content)

	wrong, err := ai.NewTool("t", "", ai.EffectRead, func(context.Context, struct{}) ([]ai.Part, error) { return []ai.Part{ai.ToolCall{}}, nil }, nil)
	result, err = run(t, wrong, err)
	require.Error(t, err)
	assert.True(t, result.IsError)

	unencodable, err := ai.NewTool("t", "", ai.EffectRead, func(context.Context, struct{}) (any, error) { return func() {}, nil }, nil)
	result, err = run(t, unencodable, err)
	require.Error(t, err)
	assert.True(t, result.IsError)

	_, err = text.Run(t.Context(), ai.ToolCall{Name: "t", Arguments: json.RawMessage(`{"x":1}`)})
	require.ErrorIs(t, err, ai.ErrInvalidOutput)
}

func TestNewToolRefuses(t *testing.T) {
	ok := func(context.Context, struct{}) (string, error) { return "", nil }
	_, err := ai.NewTool("a tool", "", ai.EffectRead, ok, nil)
	require.ErrorIs(t, err, ai.ErrInvalidRequest)
	_, err = ai.NewTool("tool", "", "", ok, nil)
	require.ErrorIs(t, err, ai.ErrInvalidRequest, "an effect that was not declared")
	_, err = ai.NewTool[struct{}, string]("tool", "", ai.EffectRead, nil, nil)
	require.ErrorIs(t, err, ai.ErrInvalidRequest)
	_, err = ai.NewTool("tool", "", ai.EffectRead, func(context.Context, string) (string, error) { return "", nil }, nil)
	require.ErrorIs(t, err, ai.ErrInvalidRequest)
	_, err = ai.NewTool("tool", "", ai.EffectRead, func(context.Context, struct{ F func() }) (string, error) { return "", nil }, nil)
	require.ErrorIs(t, err, ai.ErrUnsupportedSchema)
}
