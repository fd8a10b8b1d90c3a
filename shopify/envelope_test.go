package shopify

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzSplitObject compares with encoding/json: what that takes for an object is
// split into the same members.
func FuzzSplitObject(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"a":1}`, ` { "a" : [1, "]}", {"b":"\\\""}] , "b":null} `, `{"a":1,}`, `{"a"}`, `{"a\u0062":"x"}`, `{"a":"\\"}`, `[]`, `{"a":1}{}`, `{,}`, `{"a":1 "b":2}`, `{"data":{"x":"}"},"errors":[{}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got := map[string]string{}
		ok := splitObject(text, func(key string, value json.RawMessage) { got[key] = string(value) })
		var want map[string]json.RawMessage
		if json.Unmarshal(text, &want) != nil || want == nil {
			return // what is in the values is not checked here
		}
		require.True(t, ok)
		require.Len(t, got, len(want))
		for key, value := range want {
			var a, b any
			require.NoError(t, json.Unmarshal(value, &a))
			// encoding/json replaces what is not UTF-8 in keys; such keys are not looked for.
			if raw, found := got[key]; found {
				require.NoError(t, json.Unmarshal([]byte(raw), &b))
				require.Equal(t, a, b)
			}
		}
	})
}
