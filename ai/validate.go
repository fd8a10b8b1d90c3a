package ai

import (
	"encoding/json"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxViolations bounds what is reported, and told to the model, about one value.
const maxViolations = 10

var uuidPattern = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// A violation is a rule of the schema that a value breaks. The path is made of
// names from the schema and of indexes, never of the value's own texts.
type violation struct {
	path string
	rule string
	name string // an unknown property's name, from the reply: for the model alone
}

func (v violation) String() string { return v.path + ": " + v.rule }

// forModel is the violation with the name that the model made up.
func (v violation) forModel() string {
	if v.name == "" {
		return v.String()
	}
	return v.String() + " " + strconv.QuoteToASCII(v.name)
}

// A validator checks a parsed value against a schema. Null in the place of an
// optional property counts as leaving it out.
type validator struct {
	schema     *Schema
	violations []violation
}

func (s *Schema) validate(value any) []violation {
	v := &validator{schema: s}
	v.check(s.root, value, "$")
	return v.violations
}

func (v *validator) fail(path, format string, args ...any) {
	if len(v.violations) < maxViolations {
		v.violations = append(v.violations, violation{path: path, rule: fmt.Sprintf(format, args...)})
	}
}

func (v *validator) check(n *node, value any, path string) {
	if value == nil && n.nullable {
		return
	}
	n = v.schema.resolve(n)
	switch value := value.(type) {
	case bool:
		if n.kind == kindBoolean {
			return
		}
	case json.Number:
		if n.kind == kindNumber || n.kind == kindInteger && isInteger(value.String()) {
			v.checkNumber(n, value, path)
			return
		}
	case string:
		if n.kind == kindString {
			v.checkString(n, value, path)
			return
		}
	case []any:
		if n.kind == kindArray {
			v.checkArray(n, value, path)
			return
		}
	case jsonObject:
		if n.kind == kindObject {
			v.checkObject(n, value, path)
			return
		}
	}
	v.fail(path, "must be of type %s", n.kind)
}

func (v *validator) checkNumber(n *node, value json.Number, path string) {
	if len(n.enum) > 0 && !slices.Contains(n.enum, value.String()) {
		v.fail(path, "must be one of %s", strings.Join(n.enum, ", "))
	}
	number, err := parseNumber(value.String())
	if err != nil {
		v.fail(path, "number out of range")
		return
	}
	compare := func(bound json.Number) int {
		limit, _ := parseNumber(bound.String()) // checked when the tag was read
		return number.Cmp(limit)
	}
	if n.minimum != "" && compare(n.minimum) < 0 {
		v.fail(path, "must be at least %s", n.minimum)
	}
	if n.maximum != "" && compare(n.maximum) > 0 {
		v.fail(path, "must be at most %s", n.maximum)
	}
	if n.exclusiveMin != "" && compare(n.exclusiveMin) <= 0 {
		v.fail(path, "must be greater than %s", n.exclusiveMin)
	}
	if n.exclusiveMax != "" && compare(n.exclusiveMax) >= 0 {
		v.fail(path, "must be less than %s", n.exclusiveMax)
	}
}

func (v *validator) checkString(n *node, value, path string) {
	if len(n.enum) > 0 && !slices.Contains(n.enum, value) {
		v.fail(path, "must be one of %s", strings.Join(n.enum, ", "))
	}
	length := utf8.RuneCountInString(value)
	if n.minLength != nil && length < *n.minLength {
		v.fail(path, "must have at least %d characters", *n.minLength)
	}
	if n.maxLength != nil && length > *n.maxLength {
		v.fail(path, "must have at most %d characters", *n.maxLength)
	}
	if n.pattern != nil && !n.pattern.MatchString(value) {
		v.fail(path, "must match %s", n.pattern)
	}
	if !validFormat(n.format, value) {
		v.fail(path, "must have the format %s", n.format)
	}
}

func validFormat(format, value string) bool {
	switch format {
	case "date-time":
		_, err := time.Parse(time.RFC3339, value)
		return err == nil
	case "date":
		_, err := time.Parse(time.DateOnly, value)
		return err == nil
	case "email":
		address, err := mail.ParseAddress(value)
		return err == nil && address.Address == value
	case "uri":
		u, err := url.Parse(value)
		return err == nil && u.IsAbs()
	case "uuid":
		return uuidPattern.MatchString(value)
	}
	return true
}

func (v *validator) checkArray(n *node, items []any, path string) {
	if n.minItems != nil && len(items) < *n.minItems {
		v.fail(path, "must have at least %d items", *n.minItems)
	}
	if n.maxItems != nil && len(items) > *n.maxItems {
		v.fail(path, "must have at most %d items", *n.maxItems)
	}
	seen := map[string]bool{}
	for i, item := range items {
		if len(v.violations) == maxViolations {
			return
		}
		at := path + "[" + strconv.Itoa(i) + "]"
		v.check(n.items, item, at)
		if n.uniqueItems {
			key := identity(item)
			if seen[key] {
				v.fail(at, "must not be there twice")
			}
			seen[key] = true
		}
	}
}

func (v *validator) checkObject(n *node, object jsonObject, path string) {
	if n.values != nil {
		for _, m := range object {
			v.check(n.values, m.value, path+".*")
		}
		return
	}
	given := make(map[string]any, len(object))
	for _, m := range object {
		given[m.name] = m.value
	}
	for _, p := range n.properties {
		value, ok := given[p.name]
		switch {
		case !ok && p.required:
			v.fail(path+"."+p.name, "is required")
		case !ok, value == nil && !p.required:
		default:
			v.check(p.node, value, path+"."+p.name)
		}
		delete(given, p.name)
	}
	if len(given) == 0 {
		return
	}
	for _, m := range object { // in the order of the text, so that reports are stable
		if _, unknown := given[m.name]; unknown && len(v.violations) < maxViolations {
			v.violations = append(v.violations, violation{path: path, rule: "unknown property", name: m.name})
		}
	}
}

// identity returns a text that is the same for equal JSON values alone: members
// in any order, numbers by value.
func identity(value any) string {
	switch value := value.(type) {
	case json.Number:
		number, err := parseNumber(value.String())
		if err != nil {
			return value.String()
		}
		return number.RatString()
	case []any:
		keys := make([]string, len(value))
		for i, item := range value {
			keys[i] = identity(item)
		}
		return "[" + strings.Join(keys, ",") + "]"
	case jsonObject:
		keys := make([]string, len(value))
		for i, m := range value {
			keys[i] = strconv.Quote(m.name) + ":" + identity(m.value)
		}
		slices.Sort(keys)
		return "{" + strings.Join(keys, ",") + "}"
	case string:
		return strconv.Quote(value)
	}
	return fmt.Sprint(value) // null and booleans
}
