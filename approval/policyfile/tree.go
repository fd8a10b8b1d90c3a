package policyfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parseTree reads YAML, of which JSON is a part, into maps, slices, strings,
// json.Number, bool and nil.
func parseTree(data []byte) (any, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, &Error{Reason: "is neither YAML nor JSON" + line(err)}
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return nil, &Error{Reason: "is empty"}
	}
	return convert(doc.Content[0], "", 0)
}

var lineInError = regexp.MustCompile(`line \d+`)

// line returns where an error of the YAML package is, and nothing that it
// quotes.
func line(err error) string {
	if found := lineInError.FindString(err.Error()); found != "" {
		return ", at " + found
	}
	return ""
}

const maxTree = 64 // levels of nesting

func convert(n *yaml.Node, path string, depth int) (any, error) {
	at := func(reason string) error {
		return &Error{Path: path, Reason: reason + fmt.Sprintf(", at line %d", n.Line)}
	}
	switch {
	case depth > maxTree:
		return nil, at("is nested too deeply")
	case n.Anchor != "" || n.Kind == yaml.AliasNode:
		return nil, at("has an anchor or an alias")
	case n.Style&yaml.TaggedStyle != 0:
		return nil, at("has a tag")
	}
	switch n.Kind {
	case yaml.MappingNode:
		object := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" {
				return nil, at("has a key that is not text")
			}
			if _, ok := object[key.Value]; ok {
				return nil, at("has a key twice")
			}
			v, err := convert(n.Content[i+1], join(path, key.Value), depth+1)
			if err != nil {
				return nil, err
			}
			object[key.Value] = v
		}
		return object, nil
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			v, err := convert(item, path+"["+strconv.Itoa(i)+"]", depth+1)
			if err != nil {
				return nil, err
			}
			list[i] = v
		}
		return list, nil
	case yaml.ScalarNode:
		return scalar(n, at)
	}
	return nil, at("cannot be read")
}

// jsonNumber is what JSON takes as a number. YAML has more: 0x1f, 1_000, .5,
// .inf, which nobody means in a policy.
var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

func scalar(n *yaml.Node, at func(string) error) (any, error) {
	switch n.ShortTag() {
	case "!!str":
		return n.Value, nil
	case "!!bool":
		// YAML 1.1 would take yes and on as well; this package does not.
		switch n.Value {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return nil, at("is neither true nor false")
	case "!!null":
		return nil, nil
	case "!!int", "!!float":
		if jsonNumber.MatchString(n.Value) {
			return json.Number(n.Value), nil
		}
		return nil, at("is not a plain decimal number")
	}
	return nil, at("is of a kind that a policy has no use for; put it in quotes")
}

func join(path, key string) string {
	if len(key) > 64 {
		key = key[:64]
	}
	key = strings.ToValidUTF8(key, "?")
	if path == "" {
		return key
	}
	return path + "." + key
}

// decode puts a tree into a struct. Unlike encoding/json it says where something
// is wrong, and takes neither unknown fields nor other spellings of known ones.
func decode(tree any, into any) error { return decodeValue(tree, reflect.ValueOf(into).Elem(), "") }

var (
	rawType         = reflect.TypeFor[json.RawMessage]()
	unmarshalerType = reflect.TypeFor[json.Unmarshaler]()
)

func decodeValue(tree any, v reflect.Value, path string) error {
	if tree == nil && v.Type() != rawType {
		return &Error{Path: path, Reason: "is empty"}
	}
	if v.Type() == rawType {
		data, err := json.Marshal(tree)
		if err != nil {
			return &Error{Path: path, Reason: "cannot be written as JSON"}
		}
		v.SetBytes(data)
		return nil
	}
	if v.Addr().Type().Implements(unmarshalerType) {
		data, err := json.Marshal(tree)
		if err == nil {
			err = v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(data)
		}
		if err != nil {
			return &Error{Path: path, Reason: err.Error()}
		}
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return decodeValue(tree, v.Elem(), path)
	case reflect.Struct:
		return decodeStruct(tree, v, path)
	case reflect.Slice:
		return decodeSlice(tree, v, path)
	}
	return decodeScalar(tree, v, path)
}

func decodeStruct(tree any, v reflect.Value, path string) error {
	object, ok := tree.(map[string]any)
	if !ok {
		return &Error{Path: path, Reason: "is not an object"}
	}
	known := 0
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		field, ok := object[name]
		if !ok {
			continue
		}
		known++
		if err := decodeValue(field, v.Field(i), join(path, name)); err != nil {
			return err
		}
	}
	if known == len(object) {
		return nil
	}
	for key := range object {
		if !hasField(v.Type(), key) {
			return &Error{Path: join(path, key), Reason: "is not known"}
		}
	}
	return errors.New("policyfile: unreachable")
}

func hasField(t reflect.Type, key string) bool {
	for field := range t.Fields() {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name == key {
			return true
		}
	}
	return false
}

func decodeSlice(tree any, v reflect.Value, path string) error {
	list, ok := tree.([]any)
	if text, single := tree.(string); single && v.Type().Elem().Kind() == reflect.String {
		list, ok = []any{text}, true
	}
	if !ok {
		return &Error{Path: path, Reason: "is not a list"}
	}
	if len(list) == 0 {
		return &Error{Path: path, Reason: "is an empty list"}
	}
	v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
	for i, item := range list {
		if err := decodeValue(item, v.Index(i), path+"["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
	}
	return nil
}

func decodeScalar(tree any, v reflect.Value, path string) error {
	switch v.Kind() {
	case reflect.String:
		text, ok := tree.(string)
		if !ok {
			return &Error{Path: path, Reason: "is not text; put it in quotes"}
		}
		v.SetString(text)
		return nil
	case reflect.Int:
		number, _ := tree.(json.Number)
		n, err := strconv.ParseInt(string(number), 10, 32)
		if err != nil {
			return &Error{Path: path, Reason: "is not a whole number"}
		}
		v.SetInt(n)
		return nil
	case reflect.Float64:
		number, _ := tree.(json.Number)
		n, err := number.Float64()
		if err != nil {
			return &Error{Path: path, Reason: "is not a number"}
		}
		v.SetFloat(n)
		return nil
	}
	return &Error{Path: path, Reason: "is of a kind that cannot be read"}
}
