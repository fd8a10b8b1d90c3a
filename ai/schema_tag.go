package ai

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// formats are the string formats that a tag may ask for.
var formats = []string{"date-time", "date", "email", "uri", "uuid"}

// applyTag puts the constraints of a jsonschema tag on a field's node.
func (n *node) applyTag(tag string) error {
	for tag != "" {
		var item string
		if strings.HasPrefix(tag, "pattern=") {
			item, tag = tag, ""
		} else {
			item, tag, _ = strings.Cut(tag, ",")
		}
		key, value, _ := strings.Cut(item, "=")
		if err := n.constrain(strings.TrimSpace(key), value); err != nil {
			return fmt.Errorf("tag jsonschema: %s: %w", key, err)
		}
	}
	return nil
}

// constrain applies one constraint to the node or, if it is one of elements, to
// the innermost element.
func (n *node) constrain(key, value string) error {
	var err error
	switch key {
	case "minItems", "maxItems", "uniqueItems":
		return n.constrainArray(key, value)
	}
	for n.items != nil || n.values != nil {
		if n.items != nil {
			n = n.items
		} else {
			n = n.values
		}
	}
	switch key {
	case "enum":
		return n.setEnum(strings.Split(value, "|"))
	case "minLength", "maxLength", "pattern", "format":
		if n.kind != kindString {
			return errors.New("only for strings")
		}
	case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum":
		if n.kind != kindInteger && n.kind != kindNumber {
			return errors.New("only for numbers")
		}
	}
	switch key {
	case "minLength":
		n.minLength, err = parseCount(value)
	case "maxLength":
		n.maxLength, err = parseCount(value)
	case "pattern":
		n.pattern, err = regexp.Compile(value)
	case "format":
		if n.format = value; !slices.Contains(formats, value) {
			err = fmt.Errorf("must be one of %s", strings.Join(formats, ", "))
		}
	case "minimum":
		n.minimum, err = parseBound(value)
	case "maximum":
		n.maximum, err = parseBound(value)
	case "exclusiveMinimum":
		n.exclusiveMin, err = parseBound(value)
	case "exclusiveMaximum":
		n.exclusiveMax, err = parseBound(value)
	default:
		err = errors.New("unknown constraint")
	}
	return err
}

func (n *node) constrainArray(key, value string) error {
	if n.kind != kindArray {
		return errors.New("only for arrays")
	}
	var err error
	switch key {
	case "minItems":
		n.minItems, err = parseCount(value)
	case "maxItems":
		n.maxItems, err = parseCount(value)
	case "uniqueItems":
		n.uniqueItems = true
	}
	return err
}

func (n *node) setEnum(values []string) error {
	if n.kind != kindString && n.kind != kindInteger {
		return errors.New("only for strings and integers")
	}
	if len(values) == 0 {
		return errors.New("no values")
	}
	for _, v := range values {
		if n.kind == kindInteger && !isInteger(v) {
			return fmt.Errorf("%q is not an integer", v)
		}
	}
	n.enum = slices.Clone(values)
	return nil
}

func parseCount(s string) (*int, error) {
	v, err := strconv.Atoi(s)
	if err != nil || v < 0 {
		return nil, fmt.Errorf("%q is not a count", s)
	}
	return &v, nil
}

// parseBound checks that s is a JSON number of sensible size.
func parseBound(s string) (json.Number, error) {
	if _, err := parseNumber(s); err != nil {
		return "", fmt.Errorf("%q is not a number", s)
	}
	return json.Number(s), nil
}
