package salesforcetest_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"sort"
	"strings"
)

// placeholders are what a value may be in the shape of an answer.
var placeholders = map[string]func(any) bool{
	"<id>": func(v any) bool {
		s, is := v.(string)
		return is && regexp.MustCompile(`^[A-Za-z0-9]{18}$`).MatchString(s)
	},
	"<string>": func(v any) bool { s, is := v.(string); return is && s != "" },
	"<bool>":   func(v any) bool { _, is := v.(bool); return is },
	"<number>": func(v any) bool { _, is := v.(float64); return is },
	"<list>":   func(v any) bool { _, is := v.([]any); return is },
	"<time>": func(v any) bool {
		s, is := v.(string)
		return is && regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$`).MatchString(s)
	},
}

// differences compares an answer with its shape: what the shape names must be there, and
// like it; an object may have more. A list has as many elements as in the shape, unless
// the shape ends in "…".
func differences(at string, shape, got any) []string {
	switch want := shape.(type) {
	case map[string]any:
		have, is := got.(map[string]any)
		if !is {
			return []string{fmt.Sprintf("%s: want an object, got %T", at, got)}
		}
		var all []string
		for name, v := range want {
			there, is := have[name]
			if !is {
				all = append(all, at+"."+name+": missing")
				continue
			}
			all = append(all, differences(at+"."+name, v, there)...)
		}
		sort.Strings(all)
		return all
	case []any:
		have, is := got.([]any)
		if !is {
			return []string{fmt.Sprintf("%s: want a list, got %T", at, got)}
		}
		open := len(want) > 0 && want[len(want)-1] == "…"
		if open {
			want = want[:len(want)-1]
		}
		if len(have) < len(want) || !open && len(have) > len(want) {
			return []string{fmt.Sprintf("%s: want %d elements, got %d", at, len(want), len(have))}
		}
		var all []string
		for i, v := range want {
			all = append(all, differences(fmt.Sprintf("%s[%d]", at, i), v, have[i])...)
		}
		return all
	case string:
		if like := placeholders[want]; like != nil {
			if !like(got) {
				return []string{fmt.Sprintf("%s: want %s, got %T", at, want, got)}
			}
			return nil
		}
	}
	if shape != got {
		return []string{fmt.Sprintf("%s: want %v, got %v", at, shape, got)}
	}
	return nil
}

// shapeOf reads a shape; it is JSON.
func shapeOf(s string) any {
	var v any
	if err := json.NewDecoder(strings.NewReader(s)).Decode(&v); err != nil {
		panic(err)
	}
	return v
}
