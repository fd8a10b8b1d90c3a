package shopifytest

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// validation is one rule of a definition of a metafield or of a metaobject's field, such as max: 10.
type validation struct{ name, value string }

// supportedValidations are the rules that the values of a type can have, and the type of each rule's own value.
//
// https://shopify.dev/docs/apps/build/metafields/list-of-validation-options
func supportedValidations(kind string) map[string]string {
	base, isList := strings.CutPrefix(kind, "list.")
	out := map[string]string{}
	switch base {
	case "single_line_text_field":
		out = map[string]string{"min": "number_integer", "max": "number_integer", "regex": "single_line_text_field", "choices": "list.single_line_text_field"}
	case "multi_line_text_field", "id":
		out = map[string]string{"min": "number_integer", "max": "number_integer", "regex": "single_line_text_field"}
	case "number_integer":
		out = map[string]string{"min": "number_integer", "max": "number_integer"}
	case "number_decimal":
		out = map[string]string{"min": "number_decimal", "max": "number_decimal", "max_precision": "number_integer"}
	case "date", "date_time":
		out = map[string]string{"min": base, "max": base}
	case "url":
		out = map[string]string{"allowed_domains": "list.single_line_text_field"}
	case "rating":
		out = map[string]string{"scale_min": "number_decimal", "scale_max": "number_decimal"}
	case "metaobject_reference":
		out = map[string]string{"metaobject_definition_id": "single_line_text_field"}
	case "mixed_reference":
		out = map[string]string{"metaobject_definition_ids": "list.single_line_text_field"}
	case "file_reference":
		out = map[string]string{"file_type_options": "list.single_line_text_field"}
	}
	if isList {
		out["list.min"], out["list.max"] = "number_integer", "number_integer"
	}
	return out
}

// validationsFrom reads the rules of an input.
func validationsFrom(v any) []validation {
	var out []validation
	for _, in := range objects(v) {
		out = append(out, validation{text(in, "name"), text(in, "value")})
	}
	return out
}

// checkValidations says which of the rules does not fit the type, and why; without a problem, "".
func (s *state) checkValidations(kind string, rules []validation) (at int, problem string) {
	supported := supportedValidations(kind)
	for i, r := range rules {
		own, ok := supported[r.name]
		if !ok {
			return i, "Validations value for option " + r.name + " is not supported for type " + kind + "."
		}
		if problem, _ := validValue(own, r.value); problem != "" {
			return i, "Validations value for option " + r.name + " is invalid: " + problem
		}
		switch r.name {
		case "regex":
			if _, err := regexp.Compile(r.value); err != nil {
				return i, "Validations has an invalid regular expression."
			}
		case "metaobject_definition_id":
			if _, ok := find[*metaobjectDefinition](s, r.value); !ok {
				return i, "Validations must belong to the specified metaobject definition."
			}
		case "max", "list.max", "scale_max":
			low := strings.Replace(r.name, "max", "min", 1)
			if j := slices.IndexFunc(rules, func(o validation) bool { return o.name == low }); j >= 0 && less(own, r.value, rules[j].value) {
				return i, "Validations contains an invalid value: '" + r.name + "' must be greater than '" + low + "'."
			}
		}
	}
	if kind == "metaobject_reference" || kind == "list.metaobject_reference" {
		if !slices.ContainsFunc(rules, func(r validation) bool { return r.name == "metaobject_definition_id" }) {
			return 0, "Validations require that you select a metaobject."
		}
	}
	return 0, ""
}

// less compares two values of a type that has an order; times as text have the order of their time.
func less(kind, a, b string) bool {
	switch kind {
	case "date":
		return a < b
	case "date_time":
		x, errX := time.Parse(time.RFC3339, a)
		y, errY := time.Parse(time.RFC3339, b)
		if errX != nil || errY != nil {
			return a < b // local times
		}
		return x.Before(y)
	}
	x, errX := decimal.NewFromString(a)
	y, errY := decimal.NewFromString(b)
	return errX == nil && errY == nil && x.LessThan(y)
}

// checkValue says what is wrong with a value of the type, which is known, under the rules, or "".
func (s *state) checkValue(kind string, rules []validation, value string) string {
	if problem, _ := validValue(kind, value); problem != "" {
		return problem
	}
	base, isList := strings.CutPrefix(kind, "list.")
	if !isList {
		return s.checkScalar(base, rules, value)
	}
	var elements []any
	_ = json.Unmarshal([]byte(value), &elements) // validValue has read it
	for _, r := range rules {
		n, _ := strconv.Atoi(r.value)
		switch {
		case r.name == "list.min" && len(elements) < n:
			return "Value requires a minimum of " + r.value + " elements."
		case r.name == "list.max" && len(elements) > n:
			return "Value has a maximum of " + r.value + " elements."
		}
	}
	for _, e := range elements {
		text, ok := e.(string)
		if !ok {
			b, _ := json.Marshal(e)
			text = string(b)
		}
		if problem := s.checkScalar(base, rules, text); problem != "" {
			return problem
		}
	}
	return ""
}

func (s *state) checkScalar(kind string, rules []validation, value string) string {
	if strings.HasSuffix(kind, "_reference") {
		if problem := s.checkReference(kind, rules, value); problem != "" {
			return problem
		}
	}
	isText := kind == "single_line_text_field" || kind == "multi_line_text_field" || kind == "id"
	for _, r := range rules {
		if problem := checkRule(kind, isText, r, value); problem != "" {
			return problem
		}
	}
	return ""
}

func checkRule(kind string, isText bool, r validation, value string) string {
	n, _ := strconv.Atoi(r.value)
	switch r.name {
	case "min":
		switch {
		case isText && utf8.RuneCountInString(value) < n:
			return "Value has a minimum length of " + r.value + "."
		case !isText && less(kind, value, r.value):
			return "Value has a minimum of " + r.value + "."
		}
	case "max":
		switch {
		case isText && utf8.RuneCountInString(value) > n:
			return "Value has a maximum length of " + r.value + "."
		case !isText && less(kind, r.value, value):
			return "Value has a maximum of " + r.value + "."
		}
	case "regex":
		if re, err := regexp.Compile(r.value); err != nil || !re.MatchString(value) {
			return "Value does not match the validation pattern."
		}
	case "choices":
		var choices []string
		_ = json.Unmarshal([]byte(r.value), &choices) // checkValidations has read it
		if !slices.Contains(choices, value) {
			return "Value does not exist in provided choices: " + r.value + "."
		}
	case "max_precision":
		if d, err := decimal.NewFromString(value); err == nil && -d.Exponent() > int32(n) { //nolint:gosec // a few decimal places
			return "Value can't exceed " + r.value + " decimal places."
		}
	case "allowed_domains":
		var domains []string
		_ = json.Unmarshal([]byte(r.value), &domains) // checkValidations has read it
		if u, err := url.Parse(value); err != nil || !slices.Contains(domains, u.Hostname()) {
			return "Value must be from one of the allowed domains."
		}
	case "scale_min", "scale_max":
		var rating struct {
			Value string `json:"value"`
		}
		_ = json.Unmarshal([]byte(value), &rating) // what it has not is out of scale
		if r.name == "scale_min" && less("number_decimal", rating.Value, r.value) || r.name == "scale_max" && less("number_decimal", r.value, rating.Value) {
			return "Value must be within the scale of the rating."
		}
	}
	return ""
}

// referenced are the types that the reference types name.
var referenced = map[string][]string{
	"collection_reference": {"Collection"}, "customer_reference": {"Customer"}, "metaobject_reference": {"Metaobject"}, "mixed_reference": {"Metaobject"},
	"order_reference": {"Order"}, "product_reference": {"Product"}, "variant_reference": {"ProductVariant"},
}

// checkReference looks the value up. What the shop does not keep, such as files, is taken on trust.
func (s *state) checkReference(kind string, rules []validation, value string) string {
	types, ok := referenced[kind]
	if !ok {
		return ""
	}
	n, ok := s.byID[value]
	if !ok || !slices.Contains(types, n.common().typename) {
		return "Value references non-existent resource " + value + "."
	}
	m, ok := n.(*metaobject)
	for _, r := range rules {
		if ok && (r.name == "metaobject_definition_id" && r.value != m.definition.gid ||
			r.name == "metaobject_definition_ids" && !strings.Contains(r.value, `"`+m.definition.gid+`"`)) {
			return "Value must belong to the specified metaobject definition."
		}
	}
	return ""
}

// typeObject is a MetafieldDefinitionType.
func typeObject(kind string) graph.Object {
	supported := graph.List{}
	rules := supportedValidations(kind)
	for _, name := range sortedKeys(rules) {
		supported = append(supported, graph.Object{"__typename": "MetafieldDefinitionSupportedValidation", "name": name, "type": rules[name]})
	}
	return graph.Object{
		"__typename": "MetafieldDefinitionType", "name": kind, "category": typeCategory(strings.TrimPrefix(kind, "list.")), "valueType": "STRING",
		"supportedValidations": supported, "supportsDefinitionMigrations": false,
	}
}

func typeCategory(base string) string {
	switch base {
	case "single_line_text_field", "multi_line_text_field", "rich_text_field", "id", "language":
		return "TEXT"
	case "number_integer", "number_decimal":
		return "NUMBER"
	case "date", "date_time":
		return "DATE_TIME"
	case "boolean":
		return "TRUE_FALSE"
	case "dimension", "volume", "weight":
		return "MEASUREMENT"
	case "money", "rating", "color", "json", "url", "link":
		return strings.ToUpper(base)
	}
	return "REFERENCE"
}

func validationObjects(kind string, rules []validation) graph.List {
	out := graph.List{}
	supported := supportedValidations(kind)
	for _, r := range rules {
		out = append(out, graph.Object{"__typename": "MetafieldDefinitionValidation", "name": r.name, "type": supported[r.name], "value": r.value})
	}
	return out
}
