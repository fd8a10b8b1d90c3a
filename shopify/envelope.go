package shopify

import (
	"bytes"
	"encoding/json"
)

// splitObject calls member for each member of a JSON object, with the raw value,
// which points into the text. It checks the object's own structure and not what
// the values hold: encoding/json does, when it decodes them. It reports whether
// the text is one object and nothing else. So a large answer is decoded once,
// where encoding/json alone would go through it twice more to find its parts.
func splitObject(text []byte, member func(key string, value json.RawMessage)) bool {
	s := splitter{text: text}
	if !s.take('{') {
		return false
	}
	for first := true; !s.take('}'); first = false {
		if !first && !s.take(',') {
			return false
		}
		s.space()
		start := s.at
		if !s.str() {
			return false
		}
		name := text[start:s.at]
		key := string(name[1 : len(name)-1])
		if bytes.IndexByte(name, '\\') >= 0 && json.Unmarshal(name, &key) != nil || !s.take(':') {
			return false
		}
		s.space()
		start = s.at
		if !s.value() {
			return false
		}
		member(key, text[start:s.at:s.at])
	}
	s.space()
	return s.at == len(text)
}

// splitter goes over JSON text.
type splitter struct {
	text []byte
	at   int
}

func (s *splitter) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// take skips white space and then this character, if it is there.
func (s *splitter) take(c byte) bool {
	s.space()
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

// str skips a string.
func (s *splitter) str() bool {
	if s.at >= len(s.text) || s.text[s.at] != '"' {
		return false
	}
	for s.at++; s.at < len(s.text); {
		next := bytes.IndexByte(s.text[s.at:], '"')
		if next < 0 {
			break
		}
		// A quote behind an odd number of backslashes is part of the string.
		end := s.at + next
		slashes := 0
		for i := end - 1; i >= s.at && s.text[i] == '\\'; i-- {
			slashes++
		}
		s.at = end + 1
		if slashes%2 == 0 {
			return true
		}
	}
	return false
}

// value skips a value: up to the comma or bracket that ends it.
func (s *splitter) value() bool {
	start, depth := s.at, 0
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case '"':
			if !s.str() {
				return false
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return s.at > start
			}
			depth--
		case ',':
			if depth == 0 {
				return s.at > start
			}
		}
		s.at++
	}
	return false
}
