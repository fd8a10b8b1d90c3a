package shopifytest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// metafield is a named value on an owner.
type metafield struct {
	head
	owner     node
	namespace string // expanded
	key       string
	valueType string
	value     string
	writes    int
}

// maxMetafield bounds the value of a metafield, in bytes.
const maxMetafield = 2 << 20

// ownerTypes are the types that can have metafields here, and their MetafieldOwnerType.
var ownerTypes = map[string]string{
	"AppInstallation": "API_PERMISSION", "Collection": "COLLECTION", "Customer": "CUSTOMER", "DiscountAutomaticNode": "DISCOUNT", "DiscountCodeNode": "DISCOUNT",
	"DraftOrder": "DRAFTORDER", "Location": "LOCATION",
	"Order": "ORDER", "Product": "PRODUCT", "ProductVariant": "PRODUCTVARIANT", "Shop": "SHOP",
}

// namespace expands the app's own namespace: "$app" and the empty one to "app--1", "$app:x" to "app--1--x".
func (s *state) namespace(name string) string {
	own := "app--" + strconv.FormatInt(s.app.app.id, 10)
	if name == "" || name == "$app" {
		return own
	}
	if rest, ok := strings.CutPrefix(name, "$app:"); ok {
		return own + "--" + rest
	}
	return name
}

func (m *metafield) digest() string {
	sum := sha256.Sum256([]byte(m.valueType + "\x00" + m.value))
	return hex.EncodeToString(sum[:])
}

func (s *state) metafield(owner, namespace, key string) *metafield {
	for _, m := range s.metafields[owner] {
		if m.namespace == namespace && m.key == key {
			return m
		}
	}
	return nil
}

// setMetafield writes a checked value. The owner exists.
func (s *state) setMetafield(owner node, namespace, key, valueType, value string) *metafield {
	id := owner.common().gid
	m := s.metafield(id, namespace, key)
	if m == nil {
		m = &metafield{owner: owner, namespace: namespace, key: key}
		s.add(m, "Metafield", 0, s.now())
		s.metafields[id] = append(s.metafields[id], m)
	}
	m.valueType, m.value = valueType, value
	m.writes++
	s.touch(m)
	return m
}

func (s *state) deleteMetafield(m *metafield) {
	owner := m.owner.common().gid
	s.metafields[owner] = slices.DeleteFunc(s.metafields[owner], func(o *metafield) bool { return o == m })
	delete(s.byID, m.gid)
}

// jsonValue is the value as JSON: text stays text.
func (m *metafield) jsonValue() any {
	base := strings.TrimPrefix(m.valueType, "list.")
	if base == m.valueType {
		switch base {
		case "number_integer", "boolean", "json", "rich_text_field", "money", "rating", "dimension", "volume", "weight", "link":
		default:
			return m.value
		}
	}
	var v any
	if err := json.Unmarshal([]byte(m.value), &v); err != nil {
		return m.value
	}
	return v
}

var (
	colorValue     = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
	referenceValue = regexp.MustCompile(`^gid://shopify/[A-Za-z]+/[A-Za-z0-9-]+$`)
	urlValue       = regexp.MustCompile(`^(https?|mailto|sms|tel):\S+$`)
	keyShape       = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
)

// validValue says what is wrong with value as that type, or "". Known is false if there is no such type.
// https://shopify.dev/docs/apps/build/metafields/list-of-data-types
func validValue(valueType, value string) (problem string, known bool) {
	if base, ok := strings.CutPrefix(valueType, "list."); ok {
		if _, known := validScalar(base, ""); !known || base == "boolean" || base == "json" || base == "money" {
			return "", false
		}
		return validList(base, value), true
	}
	return validScalar(valueType, value)
}

func validList(base, value string) string {
	var elements []json.RawMessage
	if err := json.Unmarshal([]byte(value), &elements); err != nil {
		return "Value is invalid JSON: it must be an array."
	}
	if len(elements) > 128 {
		return "Value has more than 128 elements."
	}
	for _, e := range elements {
		text := string(e)
		var s string
		if json.Unmarshal(e, &s) == nil {
			text = s
		}
		if problem, _ := validScalar(base, text); problem != "" {
			return problem
		}
	}
	return ""
}

func validScalar(valueType, value string) (problem string, known bool) {
	check := func(ok bool, message string) (string, bool) {
		if ok {
			return "", true
		}
		return message, true
	}
	switch valueType {
	case "single_line_text_field", "id":
		return check(!strings.ContainsAny(value, "\r\n"), "Value must be a single line text string.")
	case "multi_line_text_field":
		return check(utf8.ValidString(value), "Value must be a multi-line text string.")
	case "number_integer":
		n, err := strconv.ParseInt(value, 10, 64)
		return check(err == nil && n > -1<<53 && n < 1<<53, "Value must be an integer.")
	case "number_decimal":
		_, err := decimal.NewFromString(value)
		return check(err == nil && len(value) <= 32, "Value must be a decimal.")
	case "boolean":
		return check(value == "true" || value == "false", "Value must be true or false.")
	case "date":
		_, err := time.Parse(time.DateOnly, value)
		return check(err == nil, `Value must be in "YYYY-MM-DD" format. For example: 2022-06-01.`)
	case "date_time":
		_, err := time.Parse(time.RFC3339, value)
		_, errLocal := time.Parse("2006-01-02T15:04:05", value)
		return check(err == nil || errLocal == nil, `Value must be in "YYYY-MM-DDTHH:MM:SS" format. For example: 2022-06-01T15:30:00.`)
	case "color":
		return check(colorValue.MatchString(value), "Value must be a hex color code. For example: #ff0000.")
	case "url":
		return check(urlValue.MatchString(value), "Value must be a valid URL.")
	case "language":
		return check(len(value) >= 2 && len(value) <= 5, "Value must be a language code.")
	case "json":
		return check(json.Valid([]byte(value)), "Value is invalid JSON.")
	case "rich_text_field", "money", "rating", "dimension", "volume", "weight", "link":
		var object map[string]any
		return check(json.Unmarshal([]byte(value), &object) == nil, "Value must be a JSON object.")
	}
	if strings.HasSuffix(valueType, "_reference") {
		return check(referenceValue.MatchString(value), "Value must be a valid reference.")
	}
	return "", false
}
