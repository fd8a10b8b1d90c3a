package ai_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
)

type occasion string

func (occasion) SchemaValues() []string { return []string{"gift", "replenishment"} }

type level int

func (*level) SchemaValues() []string { return []string{"1", "2"} }

// price is a decimal that is written as a string, as decimal types are.
type price struct{ big.Rat }

type tree struct {
	Name     string `json:"name"`
	Children []tree `json:"children"`
	Parent   *tree  `json:"parent,omitempty"`
}

type (
	ping struct {
		Pong *pong `json:"pong"`
	}
	pong struct {
		Ping *ping `json:"ping"`
	}
)

type base struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

type shadow struct {
	base
	*Extra
	Name  string `json:"name"` // wins over base.Name
	local int    //nolint:unused // shows that unexported fields are left out
}

type Extra struct {
	Note string `json:"note"`
}

type (
	left  struct{ Same int }
	right struct{ Same int }
	both  struct {
		left
		right
		Other int
	}
)

type named[T any] struct {
	Value T         `json:"value"`
	Next  *named[T] `json:"next"`
}

func TestSchemaFor(t *testing.T) {
	tests := []struct {
		name   string
		schema func() (*ai.Schema, error)
		want   string
	}{
		{"string", ai.SchemaFor[string], `{"type":"string"}`},
		{"bool", ai.SchemaFor[bool], `{"type":"boolean"}`},
		{"integer", ai.SchemaFor[int32], `{"type":"integer"}`},
		{"unsigned", ai.SchemaFor[uint8], `{"type":"integer","minimum":0}`},
		{"float", ai.SchemaFor[float64], `{"type":"number"}`},
		{"json.Number", ai.SchemaFor[json.Number], `{"type":"number"}`},
		{"big.Int", ai.SchemaFor[*big.Int], `{"type":"integer"}`},
		{"decimal by its text methods", ai.SchemaFor[price], `{"type":"string"}`},
		{"time", ai.SchemaFor[time.Time], `{"type":"string","format":"date-time"}`},
		{"bytes", ai.SchemaFor[[]byte], `{"type":"string","contentEncoding":"base64"}`},
		{"pointer", ai.SchemaFor[*string], `{"type":["string","null"]}`},
		{"slice", ai.SchemaFor[[]string], `{"type":"array","items":{"type":"string"}}`},
		{"array", ai.SchemaFor[[2]bool], `{"type":"array","items":{"type":"boolean"},"minItems":2,"maxItems":2}`},
		{"map", ai.SchemaFor[map[string]int], `{"type":"object","additionalProperties":{"type":"integer"}}`},
		{"enum by method", ai.SchemaFor[occasion], `{"type":"string","enum":["gift","replenishment"]}`},
		{"enum by method of the pointer", ai.SchemaFor[level], `{"type":"integer","enum":[1,2]}`},
		{"nullable enum", ai.SchemaFor[*occasion], `{"type":["string","null"],"enum":["gift","replenishment",null]}`},
		{
			"order, optional fields and json tags",
			ai.SchemaFor[struct {
				Zebra   string `json:"zebra"`
				Ape     string `json:"ape,omitempty"`
				Bear    string `json:",omitzero"`
				Hidden  string `json:"-"`
				private string
			}],
			`{"type":"object","properties":{"zebra":{"type":"string"},"ape":{"type":"string"},"Bear":{"type":"string"}},` +
				`"required":["zebra"],"additionalProperties":false}`,
		},
		{
			"descriptions and constraints",
			ai.SchemaFor[struct {
				Text  string   `json:"text" description:"a note, <b>plain</b>" jsonschema:"minLength=1,maxLength=9,pattern=^[a-z, ]{1,9}$"`
				Mail  string   `json:"mail" jsonschema:"format=email"`
				Kind  string   `json:"kind" jsonschema:"enum=a|b c"`
				Score float64  `json:"score" jsonschema:"minimum=0,exclusiveMaximum=1.5"`
				Size  int      `json:"size" jsonschema:"exclusiveMinimum=0,maximum=10"`
				Tags  []string `json:"tags" jsonschema:"minItems=1,maxItems=2,uniqueItems,enum=x|y"`
			}],
			`{"type":"object","properties":{` +
				`"text":{"type":"string","description":"a note, <b>plain</b>","pattern":"^[a-z, ]{1,9}$","minLength":1,"maxLength":9},` +
				`"mail":{"type":"string","format":"email"},` +
				`"kind":{"type":"string","enum":["a","b c"]},` +
				`"score":{"type":"number","minimum":0,"exclusiveMaximum":1.5},` +
				`"size":{"type":"integer","maximum":10,"exclusiveMinimum":0},` +
				`"tags":{"type":"array","items":{"type":"string","enum":["x","y"]},"minItems":1,"maxItems":2,"uniqueItems":true}},` +
				`"required":["text","mail","kind","score","size","tags"],"additionalProperties":false}`,
		},
		{
			"recursion",
			ai.SchemaFor[tree],
			`{"type":"object","properties":{"name":{"type":"string"},"children":{"type":"array","items":{"$ref":"#/$defs/tree"}},` +
				`"parent":{"anyOf":[{"$ref":"#/$defs/tree"},{"type":"null"}]}},"required":["name","children"],"additionalProperties":false,` +
				`"$defs":{"tree":{"type":"object","properties":{"name":{"type":"string"},"children":{"type":"array","items":{"$ref":"#/$defs/tree"}},` +
				`"parent":{"anyOf":[{"$ref":"#/$defs/tree"},{"type":"null"}]}},"required":["name","children"],"additionalProperties":false}}}`,
		},
		{
			"recursion through another type",
			ai.SchemaFor[pong],
			`{"type":"object","properties":{"ping":{"type":["object","null"],"properties":{"pong":{"anyOf":[{"$ref":"#/$defs/pong"},{"type":"null"}]}},` +
				`"required":["pong"],"additionalProperties":false}},"required":["ping"],"additionalProperties":false,` +
				`"$defs":{"pong":{"type":"object","properties":{"ping":{"type":["object","null"],"properties":{"pong":{"anyOf":[{"$ref":"#/$defs/pong"},{"type":"null"}]}},` +
				`"required":["pong"],"additionalProperties":false}},"required":["ping"],"additionalProperties":false}}}`,
		},
		{
			"embedded structs",
			ai.SchemaFor[shadow],
			`{"type":"object","properties":{"id":{"type":"integer"},"note":{"type":"string"},"name":{"type":"string"}},` +
				`"required":["id","note","name"],"additionalProperties":false}`,
		},
		{
			"ambiguous embedded fields",
			ai.SchemaFor[both],
			`{"type":"object","properties":{"Other":{"type":"integer"}},"required":["Other"],"additionalProperties":false}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			schema, err := tt.schema()
			require.NoError(t, err)
			got, err := schema.MarshalJSON()
			require.NoError(t, err)
			assert.Equal(t, tt.want, string(got))
			assert.True(t, json.Valid(got))
		})
	}
}

func TestSchemaNamesOfGenericTypes(t *testing.T) {
	schema, err := ai.SchemaFor[struct {
		A named[int]    `json:"a"`
		B named[string] `json:"b"`
	}]()
	require.NoError(t, err)
	data, err := schema.MarshalJSON()
	require.NoError(t, err)
	var parsed struct {
		Defs map[string]json.RawMessage `json:"$defs"`
	}
	require.NoError(t, json.Unmarshal(data, &parsed))
	assert.Len(t, parsed.Defs, 2)
	for name := range parsed.Defs {
		assert.NotContains(t, name, "[")
		assert.Contains(t, string(data), `"$ref":"#/$defs/`+name+`"`)
	}
}

type explosion struct{ A, B, C, D, E, F level1 }

type (
	level1 struct{ A, B, C, D, E, F level2 }
	level2 struct{ A, B, C, D, E, F level3 }
	level3 struct{ A, B, C, D, E, F level4 }
	level4 struct{ A, B, C, D, E, F level5 }
	level5 struct{ A, B, C, D, E, F level6 }
	level6 struct{ A, B, C, D, E, F string }
)

type opaque struct{}

func (*opaque) UnmarshalJSON([]byte) error { return nil }

func TestSchemaForRefuses(t *testing.T) {
	tests := []struct {
		name   string
		schema func() (*ai.Schema, error)
		want   string // in the error
	}{
		{"interface", ai.SchemaFor[any], "interface"},
		{"channel", ai.SchemaFor[chan int], "chan int"},
		{"complex", ai.SchemaFor[complex128], "complex128"},
		{"map with number keys", ai.SchemaFor[map[int]string], "map key int"},
		{"own UnmarshalJSON", ai.SchemaFor[opaque], "UnmarshalJSON"},
		{"field is named", ai.SchemaFor[struct{ Callback func() }], "Callback"},
		{"json option string", ai.SchemaFor[struct {
			N int `json:",string"`
		}], "string"},
		{"unknown constraint", ai.SchemaFor[struct {
			S string `jsonschema:"shiny"`
		}], "shiny"},
		{"length of a number", ai.SchemaFor[struct {
			N int `jsonschema:"minLength=1"`
		}], "minLength"},
		{"minimum of a string", ai.SchemaFor[struct {
			S string `jsonschema:"minimum=1"`
		}], "minimum"},
		{"items of a string", ai.SchemaFor[struct {
			S string `jsonschema:"minItems=1"`
		}], "minItems"},
		{"negative count", ai.SchemaFor[struct {
			S string `jsonschema:"maxLength=-1"`
		}], "maxLength"},
		{"bound that is no number", ai.SchemaFor[struct {
			N int `jsonschema:"maximum=many"`
		}], "maximum"},
		{"bound of absurd size", ai.SchemaFor[struct {
			N int `jsonschema:"maximum=1e999999999"`
		}], "maximum"},
		{"bad pattern", ai.SchemaFor[struct {
			S string `jsonschema:"pattern=("`
		}], "pattern"},
		{"unknown format", ai.SchemaFor[struct {
			S string `jsonschema:"format=color"`
		}], "format"},
		{"enum of a bool", ai.SchemaFor[struct {
			B bool `jsonschema:"enum=true"`
		}], "enum"},
		{"enum of an integer that is none", ai.SchemaFor[struct {
			N int `jsonschema:"enum=1|two"`
		}], "enum"},
		{"a type that grows without end", ai.SchemaFor[explosion], "nodes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			schema, err := tt.schema()
			require.ErrorContains(t, err, tt.want)
			assert.Nil(t, schema)
		})
	}
}

func TestAdapt(t *testing.T) {
	type item struct {
		Name string   `json:"name" description:"the name" jsonschema:"minLength=1,maxLength=5,pattern=^a"`
		Mail string   `json:"mail,omitempty" jsonschema:"format=email"`
		Size int      `json:"size" jsonschema:"minimum=1,maximum=2,exclusiveMinimum=0,exclusiveMaximum=3"`
		Tags []string `json:"tags" jsonschema:"minItems=1,maxItems=2,uniqueItems"`
		Data []byte   `json:"data"`
		Next *item    `json:"next,omitempty"`
	}
	schema, err := ai.SchemaFor[item]()
	require.NoError(t, err)
	before, _ := schema.MarshalJSON()

	t.Run("smallest dialect", func(t *testing.T) {
		adapted, err := schema.Adapt(ai.Dialect{Recursion: true})
		require.NoError(t, err)
		data, _ := adapted.MarshalJSON()
		body := `{"type":"object","properties":{` +
			`"name":{"type":"string","description":"the name (length at least 1, length at most 5, matches the regular expression ^a)"},` +
			`"mail":{"type":["string","null"],"description":"(format email)"},` +
			`"size":{"type":"integer","description":"(at least 1, at most 2, greater than 0, less than 3)"},` +
			`"tags":{"type":"array","description":"(number of items at least 1, number of items at most 2, no item twice)","items":{"type":"string"}},` +
			`"data":{"type":"string","description":"(base64)"},` +
			`"next":{"anyOf":[{"$ref":"#/$defs/item"},{"type":"null"}]}},` +
			`"required":["name","mail","size","tags","data","next"],"additionalProperties":false`
		assert.Equal(t, body+`,"$defs":{"item":`+body+`}}}`, string(data))
	})
	t.Run("everything allowed", func(t *testing.T) {
		adapted, err := schema.Adapt(ai.Dialect{
			OptionalProperties: true, Recursion: true, Maps: true, Formats: []string{"email"},
			Lengths: true, Patterns: true, Bounds: true, ExclusiveBounds: true, Items: true, UniqueItems: true,
		})
		require.NoError(t, err)
		data, _ := adapted.MarshalJSON()
		assert.Equal(t, strings.ReplaceAll(string(before), `"contentEncoding":"base64"`, `"description":"(base64)"`), string(data))
	})
	t.Run("the original stays", func(t *testing.T) {
		after, _ := schema.MarshalJSON()
		assert.Equal(t, string(before), string(after))
	})
	for name, d := range map[string]ai.Dialect{
		"depth":               {Recursion: true, MaxDepth: 1},
		"properties":          {Recursion: true, MaxProperties: 3},
		"optional properties": {Recursion: true, OptionalProperties: true, MaxOptional: 1},
		"nullable places":     {Recursion: true, MaxNullable: 1},
		"no recursion":        {},
	} {
		t.Run("limit: "+name, func(t *testing.T) {
			_, err := schema.Adapt(d)
			require.ErrorIs(t, err, ai.ErrUnsupportedSchema)
		})
	}
	t.Run("limit of enum values", func(t *testing.T) {
		s, err := ai.SchemaFor[occasion]()
		require.NoError(t, err)
		_, err = s.Adapt(ai.Dialect{MaxEnumValues: 1})
		require.ErrorIs(t, err, ai.ErrUnsupportedSchema)
	})
	t.Run("map", func(t *testing.T) {
		s, err := ai.SchemaFor[struct {
			Stock map[string]int `json:"stock"`
		}]()
		require.NoError(t, err)
		_, err = s.Adapt(ai.Dialect{})
		require.ErrorIs(t, err, ai.ErrUnsupportedSchema)
		assert.ErrorContains(t, err, "$.stock")
		_, err = s.Adapt(ai.Dialect{Maps: true})
		require.NoError(t, err)
	})
}

// The dialects of the providers, as their documentation describes them in
// November 2026: the adapters have their own, this shows that Dialect can say it.
func TestAdaptProviders(t *testing.T) {
	type line struct {
		SKU      string   `json:"sku" jsonschema:"pattern=^[A-Z]+$"`
		Quantity int      `json:"quantity" jsonschema:"exclusiveMinimum=0,exclusiveMaximum=100"`
		Share    float64  `json:"share" jsonschema:"exclusiveMinimum=0"`
		Tags     []string `json:"tags" jsonschema:"minItems=1,maxItems=4"`
		Note     string   `json:"note,omitempty" jsonschema:"maxLength=80"`
		Due      *string  `json:"due" jsonschema:"format=date"`
	}
	schema, err := ai.SchemaFor[line]()
	require.NoError(t, err)
	for _, tt := range []struct {
		name    string
		dialect ai.Dialect
		want    string
	}{
		{
			"openai",
			ai.Dialect{Recursion: true, MaxDepth: 10, MaxProperties: 5000, MaxEnumValues: 1000},
			`{"type":"object","properties":{"sku":{"type":"string","description":"(matches the regular expression ^[A-Z]+$)"},` +
				`"quantity":{"type":"integer","description":"(greater than 0, less than 100)"},"share":{"type":"number","description":"(greater than 0)"},` +
				`"tags":{"type":"array","description":"(number of items at least 1, number of items at most 4)","items":{"type":"string"}},` +
				`"note":{"type":["string","null"],"description":"(length at most 80)"},"due":{"type":["string","null"],"description":"(format date)"}},` +
				`"required":["sku","quantity","share","tags","note","due"],"additionalProperties":false}`,
		},
		{
			"anthropic",
			ai.Dialect{OptionalProperties: true, Formats: []string{"date-time", "date", "email", "uri", "uuid"}, NonEmpty: true, MaxOptional: 24, MaxNullable: 16},
			`{"type":"object","properties":{"sku":{"type":"string","description":"(matches the regular expression ^[A-Z]+$)"},` +
				`"quantity":{"type":"integer","description":"(greater than 0, less than 100)"},"share":{"type":"number","description":"(greater than 0)"},` +
				`"tags":{"type":"array","description":"(number of items at most 4)","items":{"type":"string"},"minItems":1},` +
				`"note":{"type":"string","description":"(length at most 80)"},"due":{"type":["string","null"],"format":"date"}},` +
				`"required":["sku","quantity","share","tags","due"],"additionalProperties":false}`,
		},
		{
			"gemini",
			ai.Dialect{OptionalProperties: true, Recursion: true, Maps: true, Formats: []string{"date-time", "date"}, Bounds: true, Items: true},
			`{"type":"object","properties":{"sku":{"type":"string","description":"(matches the regular expression ^[A-Z]+$)"},` +
				`"quantity":{"type":"integer","minimum":1,"maximum":99},"share":{"type":"number","description":"(greater than 0)"},` +
				`"tags":{"type":"array","items":{"type":"string"},"minItems":1,"maxItems":4},` +
				`"note":{"type":"string","description":"(length at most 80)"},"due":{"type":["string","null"],"format":"date"}},` +
				`"required":["sku","quantity","share","tags","due"],"additionalProperties":false}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			adapted, err := schema.Adapt(tt.dialect)
			require.NoError(t, err)
			data, _ := adapted.MarshalJSON()
			assert.Equal(t, tt.want, string(data))
		})
	}
	t.Run("exclusive bounds of integers", func(t *testing.T) {
		s, err := ai.SchemaFor[struct {
			A int `json:"a" jsonschema:"minimum=3,exclusiveMinimum=2.5"`
			B int `json:"b" jsonschema:"minimum=3,exclusiveMinimum=3"`
			C int `json:"c" jsonschema:"maximum=9,exclusiveMaximum=8.5"`
			D int `json:"d" jsonschema:"exclusiveMaximum=-1"`
			E int `json:"e" jsonschema:"exclusiveMaximum=-1.5,exclusiveMinimum=-3.5"`
		}]()
		require.NoError(t, err)
		adapted, err := s.Adapt(ai.Dialect{Bounds: true})
		require.NoError(t, err)
		data, _ := adapted.MarshalJSON()
		assert.Contains(t, string(data), `{"a":{"type":"integer","minimum":3},"b":{"type":"integer","minimum":4},"c":{"type":"integer","maximum":8},`+
			`"d":{"type":"integer","maximum":-2},"e":{"type":"integer","minimum":-3,"maximum":-2}}`)
	})
}
