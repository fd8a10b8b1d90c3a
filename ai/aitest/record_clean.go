package aitest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/posai-go/posai/ai"
)

// secretMark stands in the place of a secret.
const secretMark = "[SECRET]"

func (o *RecordOptions) vault() *ai.Vault {
	if o.Vault == nil {
		return ai.NewVault()
	}
	return o.Vault()
}

// address returns the URL of a request without whatever may be secret.
func (o *RecordOptions) address(req *http.Request) string {
	u := *req.URL
	u.User, u.Fragment = nil, ""
	query := u.Query()
	for name := range query {
		if name != "alt" && name != "api-version" {
			query.Del(name)
		}
	}
	u.RawQuery = query.Encode()
	return o.withoutSecrets(u.String())
}

func (o *RecordOptions) withoutSecrets(text string) string {
	for _, secret := range o.Secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, secretMark)
		}
	}
	return text
}

// cleaner returns what removes secrets and personal data from the texts of one
// exchange, with one vault, so that a value has one placeholder in both.
func (o *RecordOptions) cleaner() func(string) string {
	vault := o.vault()
	return func(text string) string {
		return o.withoutSecrets(mapStrings(text, func(s string) string {
			return vault.Redact(o.withoutSecrets(s))
		}))
	}
}

// mapStrings changes the JSON strings in a text, which is JSON or a stream of
// events with JSON in them; all the rest, and every string that f leaves as it is,
// stays as it is to the byte. A text without any string is changed as a whole.
func mapStrings(text string, f func(string) string) string {
	var out strings.Builder
	found := false
	for {
		before, rest, ok := strings.Cut(text, `"`)
		out.WriteString(before)
		if !ok {
			break
		}
		end := stringEnd(rest)
		if end < 0 {
			out.WriteString(f(`"` + rest)) // not JSON
			break
		}
		found = true
		literal := `"` + rest[:end+1]
		var value string
		if json.Unmarshal([]byte(literal), &value) != nil {
			literal = f(literal)
		} else if changed := f(value); changed != value {
			data, _ := json.Marshal(changed) // strings always marshal
			literal = string(data)
		}
		out.WriteString(literal)
		text = rest[end+1:]
	}
	if !found {
		return f(out.String())
	}
	return out.String()
}

// stringEnd returns the index of the quote that ends a JSON string.
func stringEnd(s string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// splitPersonalData reports whether a stream of events, already cleaned, holds
// personal data in pieces: it joins the strings that are at the same place of each
// event and looks at them as one.
func splitPersonalData(stream string, vault *ai.Vault) bool {
	joined := map[string][]string{}
	for line := range strings.Lines(stream) {
		data, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "data:")
		var value any
		if !ok || json.Unmarshal([]byte(data), &value) != nil {
			continue
		}
		joinStrings(joined, "", value)
	}
	for _, pieces := range joined {
		// What is the same in every event (an ID, a model) is no text in pieces.
		if len(slices.Compact(slices.Clone(pieces))) < 2 {
			continue
		}
		if text := strings.Join(pieces, ""); vault.Redact(text) != text {
			return true
		}
	}
	return false
}

func joinStrings(joined map[string][]string, place string, value any) {
	switch v := value.(type) {
	case string:
		joined[place] = append(joined[place], v)
	case []any:
		for i, child := range v {
			joinStrings(joined, fmt.Sprintf("%s[%d]", place, i), child)
		}
	case map[string]any:
		for name, child := range v {
			joinStrings(joined, place+"."+name, child)
		}
	}
}
