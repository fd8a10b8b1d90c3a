package ai

import (
	"bytes"
	"encoding/json"
	"strings"
)

// redactJSON redacts the strings of a JSON text, keys included, and numbers that
// are card numbers, which become strings. Where nothing is personal, the text stays
// as it is.
func (v *Vault) redactJSON(text string) string {
	var b strings.Builder
	copied := 0
	put := func(from, to int, replacement []byte) {
		b.WriteString(text[copied:from])
		b.Write(replacement)
		copied = to
	}
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			end := stringEnd(text, i)
			inner := text[i+1 : end-1]
			plain := inner
			if strings.IndexByte(inner, '\\') >= 0 && json.Unmarshal([]byte(text[i:end]), &plain) != nil {
				plain = inner
			}
			if redacted := v.Redact(plain); redacted != plain {
				put(i, end, quoteJSON(redacted))
			}
			i = end
		case isDigit(c):
			end := i
			for end < len(text) && (isDigit(text[end]) || strings.IndexByte("+-.eE", text[end]) >= 0) {
				end++
			}
			if end-i >= 15 && card(text[i:end], 0) == end-i {
				put(i, end, quoteJSON(v.placeholder(KindCard, text[i:end])))
			}
			i = end
		default:
			i++
		}
	}
	if copied == 0 {
		return text
	}
	b.WriteString(text[copied:])
	return b.String()
}

// stringEnd returns the end of the JSON string that begins at i, in valid JSON.
func stringEnd(text string, i int) int {
	for j := i + 1; j < len(text); j++ {
		switch text[j] {
		case '\\':
			j++
		case '"':
			return j + 1
		}
	}
	return len(text)
}

// redactAny redacts a text that may be JSON, as the results of tools often are: in
// JSON a name may be escaped.
func (v *Vault) redactAny(text string) string {
	trimmed := strings.TrimLeft(text, " \t\r\n")
	if trimmed != "" && (trimmed[0] == '{' || trimmed[0] == '[') && json.Valid([]byte(text)) {
		return v.redactJSON(text)
	}
	return v.Redact(text)
}

// redactArguments redacts the arguments of a tool call, which may be invalid JSON.
func (v *Vault) redactArguments(arguments json.RawMessage) json.RawMessage {
	text := string(arguments)
	redacted := v.redactAny(text)
	if redacted == text {
		return arguments
	}
	return json.RawMessage(redacted)
}

// restoreArguments puts values back into the arguments of a tool call.
func (v *Vault) restoreArguments(arguments json.RawMessage) json.RawMessage {
	if bytes.IndexByte(arguments, '[') < 0 {
		return arguments
	}
	return json.RawMessage(v.restore(string(arguments), true))
}
