package approval

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// diff returns the values in which two canonical JSON texts differ, sorted by
// path. Lists of different lengths differ as a whole.
func diff(before, after []byte) ([]Diff, error) {
	a, err := parseJSON(before)
	if err != nil {
		return nil, err
	}
	b, err := parseJSON(after)
	if err != nil {
		return nil, err
	}
	return diffValues(nil, "", a, b), nil
}

func diffValues(list []Diff, path string, a, b any) []Diff {
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			return diffObjects(list, path, x, y)
		}
	case []any:
		if y, ok := b.([]any); ok && len(x) == len(y) {
			for i := range x {
				list = diffValues(list, path+"/"+strconv.Itoa(i), x[i], y[i])
			}
			return list
		}
	}
	if reflect.DeepEqual(a, b) {
		return list
	}
	return append(list, Diff{Path: path, Before: raw(a), After: raw(b)})
}

func diffObjects(list []Diff, path string, a, b map[string]any) []Diff {
	names := slices.Concat(slices.Collect(maps.Keys(a)), slices.Collect(maps.Keys(b)))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		at := path + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		x, inA := a[name]
		y, inB := b[name]
		switch {
		case !inA:
			list = append(list, Diff{Path: at, After: raw(y)})
		case !inB:
			list = append(list, Diff{Path: at, Before: raw(x)})
		default:
			list = diffValues(list, at, x, y)
		}
	}
	return list
}

func raw(v any) json.RawMessage { return appendValue(nil, v) }
