package shopify_test

import (
	"encoding/json"
	"testing"

	"github.com/posai-go/posai/shopify"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type input struct {
	Note  shopify.Optional[string]   `json:"note,omitzero"`
	Count shopify.Optional[int]      `json:"count,omitzero"`
	Tags  shopify.Optional[[]string] `json:"tags,omitzero"`
	Inner shopify.Optional[inner]    `json:"inner,omitzero"`
	List  shopify.Optional[[]inner]  `json:"list,omitzero"`
}

type inner struct {
	Key   string                 `json:"key"`
	Value shopify.Optional[bool] `json:"value,omitzero"`
}

func TestOptionalOnTheWire(t *testing.T) {
	tests := []struct {
		name string
		in   input
		want string
	}{
		{"unset", input{}, `{}`},
		{"null", input{Note: shopify.Null[string]()}, `{"note":null}`},
		{"value", input{Note: shopify.Some("hello")}, `{"note":"hello"}`},
		{"zero values are values", input{Note: shopify.Some(""), Count: shopify.Some(0)}, `{"note":"","count":0}`},
		{"empty list", input{Tags: shopify.Some([]string{})}, `{"tags":[]}`},
		{"nil list that was set", input{Tags: shopify.Some[[]string](nil)}, `{"tags":[]}`},
		{"null list", input{Tags: shopify.Null[[]string]()}, `{"tags":null}`},
		{"inner, unset", input{Inner: shopify.Some(inner{Key: "k"})}, `{"inner":{"key":"k"}}`},
		{"inner, null", input{Inner: shopify.Some(inner{Value: shopify.Null[bool]()})}, `{"inner":{"key":"","value":null}}`},
		{"in a list", input{List: shopify.Some([]inner{{Key: "a"}, {Key: "b", Value: shopify.Null[bool]()}, {Key: "c", Value: shopify.Some(false)}})}, `{"list":[{"key":"a"},{"key":"b","value":null},{"key":"c","value":false}]}`},
		{"pointer to nothing", input{Note: shopify.FromPointer[string](nil)}, `{}`},
		{"pointer", input{Note: shopify.FromPointer(new("x"))}, `{"note":"x"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := json.Marshal(tt.in)
			require.NoError(t, err)
			assert.Equal(t, tt.want, string(got))
			var back input
			require.NoError(t, json.Unmarshal(got, &back))
			again, err := json.Marshal(back)
			require.NoError(t, err)
			assert.Equal(t, tt.want, string(again), "reading gives the same three states")
		})
	}
}

func TestOptionalValue(t *testing.T) {
	var o shopify.Optional[int]
	_, ok := o.Get()
	assert.False(t, ok)
	assert.True(t, o.IsZero())
	assert.False(t, o.IsNull())
	assert.Equal(t, 7, o.Or(7))

	o = shopify.Null[int]()
	_, ok = o.Get()
	assert.False(t, ok)
	assert.False(t, o.IsZero())
	assert.True(t, o.IsNull())
	assert.Equal(t, 7, o.Or(7))

	o = shopify.Some(0)
	v, ok := o.Get()
	assert.True(t, ok)
	assert.Zero(t, v)
	assert.False(t, o.IsZero())
	assert.Zero(t, o.Or(7))

	require.Error(t, json.Unmarshal([]byte(`"x"`), &o))
	assert.True(t, o.IsZero(), "what cannot be read is not set")
}
