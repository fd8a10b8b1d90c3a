package shopifytest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/posai-go/posai/shopify/shopifytest/internal/search"
)

// payloadIndex searches payloads, for the filter of a subscription: a field is a path such as
// customer.email or line_items.sku. https://shopify.dev/docs/apps/build/webhooks/customize/filters
var payloadIndex = search.Index[map[string]any]{
	Words: func(map[string]any) []string { return nil },
	Unlisted: func(name string) (search.Field[map[string]any], bool) {
		path := strings.Split(name, ".")
		return search.Field[map[string]any]{Kind: search.Auto, Values: func(payload map[string]any) []any {
			return leaves(payload, path, nil)
		}}, len(path) <= 8
	},
}

// leaves appends the scalars that stand at path in v, going through all elements of lists.
func leaves(v any, path []string, out []any) []any {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			out = leaves(e, path, out)
		}
	case []string:
		for _, e := range v {
			out = append(out, e)
		}
	case map[string]any:
		if len(path) > 0 {
			return leaves(v[path[0]], path[1:], out)
		}
	case nil:
	case string:
		if len(path) == 0 {
			out = append(out, v)
		}
	default:
		if len(path) == 0 {
			out = append(out, fmt.Sprint(v))
		}
	}
	return out
}

// checkFilter says what is wrong with a subscription's filter, or "".
func checkFilter(filter string) string {
	_, warnings, _ := search.Compile(payloadIndex, filter)
	if len(warnings) > 0 {
		return "The specified filter is invalid, please ensure you specify the field(s) you wish to filter on."
	}
	return ""
}

func (w *subscription) wants(payload map[string]any) bool {
	if w.filter == "" {
		return true
	}
	match, _, _ := search.Compile(payloadIndex, w.filter)
	return match(payload)
}

// body is the payload as the subscription wants it.
func (s *state) body(w *subscription, subject string, payload map[string]any) []byte {
	out := make(map[string]any, len(payload)+1)
	for key, value := range payload {
		if len(w.includeFields) == 0 {
			out[key] = value
		}
	}
	for _, name := range w.includeFields {
		include(out, payload, strings.Split(name, "."))
	}
	if len(w.namespaces)+len(w.metafields) > 0 {
		metafields := []any{}
		for _, m := range s.metafields[subject] {
			if slices.Contains(w.namespaces, m.namespace) || slices.Contains(w.metafields, metafieldName{m.namespace, m.key}) {
				metafields = append(metafields, s.metafieldPayload(m))
			}
		}
		out["metafields"] = metafields
	}
	b, err := json.Marshal(out)
	if err != nil {
		panic("shopifytest: a payload does not marshal: " + err.Error()) // it is made of strings and numbers only
	}
	return b
}

// include copies what stands at path from one object to another.
func include(to, from map[string]any, path []string) {
	value, ok := from[path[0]]
	if !ok {
		return
	}
	inner, isObject := value.(map[string]any)
	if len(path) == 1 || !isObject {
		to[path[0]] = value
		return
	}
	part, ok := to[path[0]].(map[string]any)
	if !ok {
		part = map[string]any{}
		to[path[0]] = part
	}
	include(part, inner, path[1:])
}
