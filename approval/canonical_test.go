package approval_test

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
)

func TestCanonical(t *testing.T) {
	for name, test := range map[string]struct{ in, want string }{
		"white space":        {" { \"a\" :\t[ 1 , true,\nnull ] } ", `{"a":[1,true,null]}`},
		"names sorted":       {`{"b":1,"a":2,"é":3,"B":4}`, `{"B":4,"a":2,"b":1,"é":3}`},
		"escapes":            {`"\u0041\/\u00e9\u001f\n\"\\\u2028<&>"`, "\"A/é\\u001f\\n\\\"\\\\\u2028<&>\""},
		"integer":            {`500`, `500`},
		"large integer":      {`12345678901234567891`, `12345678901234567891`},
		"exponent":           {`5e2`, `500`},
		"negative exponent":  {`5E-2`, `0.05`},
		"trailing zeros":     {`1.500`, `1.5`},
		"whole decimal":      {`2.0`, `2`},
		"minus zero":         {`-0.0`, `0`},
		"small":              {`-0.00120e1`, `-0.012`},
		"empty":              {`{}`, `{}`},
		"nested":             {`[[],{"a":{}}]`, `[[],{"a":{}}]`},
		"one is 1.0 is 1e0":  {`[1,1.0,1e0,10e-1]`, `[1,1,1,1]`},
		"float64 as is":      {`0.1`, `0.1`},
		"exponent of a zero": {`0e99999`, `0`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := approval.Canonical([]byte(test.in))
			require.NoError(t, err)
			assert.Equal(t, test.want, string(got))
		})
	}
}

func TestCanonicalRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"nothing":           ``,
		"two values":        `1 2`,
		"a name twice":      `{"a":1,"a":2}`,
		"same name spelled": `{"a":1,"\u0061":2}`,
		"not UTF-8":         "\"\xff\"",
		"not JSON":          `{a:1}`,
		"cut off":           `{"a":[1`,
		"too deep":          strings.Repeat("[", 100) + strings.Repeat("]", 100),
		"huge exponent":     `1e999999999999`,
		"large exponent":    `1e400`,
		"leading zero":      `01`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := approval.Canonical([]byte(in))
			require.Error(t, err)
		})
	}
}

// FuzzCanonical holds the canonical form against encoding/json: it is the same
// value, has one form, and does not depend on how the value was written.
func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{`{"b":[1.50,-0,1e3],"a":"é\u2028<"}`, `"\ud800"`, `[true,null,{"":""}]`, `1e-300`, `{"a":{"a":{"a":0.1}}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		form, err := approval.Canonical(in)
		if err != nil {
			return
		}
		require.True(t, json.Valid(form))
		again, err := approval.Canonical(form)
		require.NoError(t, err)
		require.Equal(t, string(form), string(again), "one form")

		value, same := decodeNumbers(t, in), decodeNumbers(t, form)
		require.True(t, equalJSON(value, same), "the same value")

		// encoding/json writes it with other escapes, and indented.
		other, err := json.MarshalIndent(value, " ", "\t")
		require.NoError(t, err)
		rewritten, err := approval.Canonical(other)
		require.NoError(t, err)
		require.Equal(t, string(form), string(rewritten), "however it is written")
	})
}

func decodeNumbers(t *testing.T, data []byte) (v any) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	require.NoError(t, dec.Decode(&v))
	return v
}

func equalJSON(a, b any) bool {
	switch x := a.(type) {
	case json.Number:
		y, ok := b.(json.Number)
		if !ok {
			return false
		}
		p, okP := new(big.Rat).SetString(x.String())
		q, okQ := new(big.Rat).SetString(y.String())
		return okP && okQ && p.Cmp(q) == 0
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !equalJSON(x[i], y[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for name := range x {
			if w, ok := y[name]; !ok || !equalJSON(x[name], w) {
				return false
			}
		}
		return true
	}
	return a == b
}

func TestDiff(t *testing.T) {
	for name, test := range map[string]struct {
		before, after string
		want          []approval.Diff
	}{
		"nothing": {`{"a":1}`, `{"a":1}`, nil},
		"a value": {`{"a":1,"b":2}`, `{"a":1,"b":"x"}`, []approval.Diff{{Path: "/b", Before: json.RawMessage(`2`), After: json.RawMessage(`"x"`)}}},
		"a member more and one less": {`{"a":1}`, `{"b":2}`, []approval.Diff{
			{Path: "/a", Before: json.RawMessage(`1`)}, {Path: "/b", After: json.RawMessage(`2`)},
		}},
		"in a list":       {`{"a":[1,{"b":2}]}`, `{"a":[1,{"b":3}]}`, []approval.Diff{{Path: "/a/1/b", Before: json.RawMessage(`2`), After: json.RawMessage(`3`)}}},
		"a longer list":   {`{"a":[1]}`, `{"a":[1,2]}`, []approval.Diff{{Path: "/a", Before: json.RawMessage(`[1]`), After: json.RawMessage(`[1,2]`)}}},
		"odd names":       {`{"a/b":1,"c~d":1}`, `{"a/b":2,"c~d":2}`, []approval.Diff{{Path: "/a~1b", Before: json.RawMessage(`1`), After: json.RawMessage(`2`)}, {Path: "/c~0d", Before: json.RawMessage(`1`), After: json.RawMessage(`2`)}}},
		"null is a value": {`{"a":null}`, `{}`, []approval.Diff{{Path: "/a", Before: json.RawMessage(`null`)}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := approval.DiffJSON([]byte(test.before), []byte(test.after))
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}
