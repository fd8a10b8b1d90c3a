package ai

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxJSONDepth is how deep the JSON of a reply may be nested.
const maxJSONDepth = 64

// errIncompleteJSON is JSON that ends too early, as a reply does that was cut off.
var errIncompleteJSON = errors.New("incomplete JSON")

// A jsonObject is a JSON object with its members in the order of the text.
type jsonObject []jsonMember

type jsonMember struct {
	name  string
	value any
}

// parseJSON reads exactly one JSON value and returns it as nil, bool,
// json.Number, string, []any or jsonObject. It refuses what encoding/json is
// lenient about: a second property of one name, invalid UTF-8, more text after
// the value, and nesting deeper than maxJSONDepth. Its errors quote nothing.
func parseJSON(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("not valid UTF-8")
	}
	if err := checkSyntax(data); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return parseValue(dec, 0)
}

// checkSyntax checks that data is one JSON value and nothing else.
func checkSyntax(data []byte) error {
	if json.Valid(data) {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	var raw json.RawMessage
	switch err := dec.Decode(&raw); {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errIncompleteJSON
	case err != nil:
		return errors.New("not JSON")
	}
	return errors.New("more text after the JSON value")
}

func parseValue(dec *json.Decoder, depth int) (any, error) {
	if depth > maxJSONDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxJSONDepth)
	}
	token, err := dec.Token()
	if err != nil {
		return nil, errors.New("not JSON")
	}
	switch token {
	case json.Delim('{'):
		return parseObject(dec, depth)
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			v, err := parseValue(dec, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := dec.Token()
		return list, err
	}
	if n, ok := token.(json.Number); ok {
		if _, err := parseNumber(n.String()); err != nil {
			return nil, err
		}
	}
	return token, nil
}

func parseObject(dec *json.Decoder, depth int) (any, error) {
	object := jsonObject{}
	seen := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, errors.New("not JSON")
		}
		if seen[name] {
			return nil, errors.New("an object has a property twice")
		}
		seen[name] = true
		v, err := parseValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		object = append(object, jsonMember{name: name, value: v})
	}
	_, err := dec.Token()
	return object, err
}

// findJSON returns the one JSON object in a text: the whole text, or an object
// with a code fence or prose around it. Braces in the prose, or a second object,
// make it ambiguous which part is meant, and an object that is not complete may
// hold a smaller one that is: both are errors.
func findJSON(text string) ([]byte, error) {
	data := bytes.TrimSpace([]byte(text))
	start := bytes.IndexByte(data, '{')
	if start < 0 {
		return nil, errors.New("no JSON object")
	}
	dec := json.NewDecoder(bytes.NewReader(data[start:]))
	var object json.RawMessage
	switch err := dec.Decode(&object); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errIncompleteJSON
	case err != nil:
		return nil, errors.New("not JSON")
	}
	if rest := data[start+int(dec.InputOffset()):]; bytes.ContainsAny(rest, "{}") {
		return nil, errors.New("more than one JSON object")
	}
	return object, nil
}
