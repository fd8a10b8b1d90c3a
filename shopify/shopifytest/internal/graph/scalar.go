package graph

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	decimalPattern  = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
	unsignedPattern = regexp.MustCompile(`^[0-9]{1,20}$`)
	integerPattern  = regexp.MustCompile(`^-?[0-9]+$`)
	offsetPattern   = regexp.MustCompile(`^[+-][0-9]{2}:[0-9]{2}$`)
	gidPattern      = regexp.MustCompile(`^gid://[A-Za-z0-9_-]+/([A-Za-z0-9_]+)/([^/\s]+(/[^/\s]+)*)$`)
)

// maxNumber is how long the text of a number may be.
const maxNumber = 64

// gidType returns the type of a global ID such as gid://shopify/Order/1.
func gidType(id string) string {
	m := gidPattern.FindStringSubmatch(id)
	if m == nil {
		return ""
	}
	return m[1]
}

// scalar coerces a JSON value, not nil, to a scalar type.
func (c *coercer) scalar(typeName string, v any, path []any) any {
	out, ok := inputScalar(typeName, v)
	switch {
	case ok:
	case typeName == "ID":
		text, isString := v.(string)
		if !isString {
			text = quote(v)
		}
		if len(c.problems) < maxProblems {
			c.problems = append(c.problems, problem{
				path: append([]any(nil), path...), explanation: "Invalid global id '" + text + "'", global: true,
			})
		}
	case typeName == "URL":
		c.add(path, fmt.Sprintf("Invalid url %s, missing scheme", strings.ReplaceAll(quote(v), `"`, "'")))
	default:
		c.add(path, fmt.Sprintf("Could not coerce value %s to %s", quote(v), typeName))
	}
	return out
}

func inputScalar(typeName string, v any) (any, bool) {
	switch typeName {
	case "JSON":
		return v, true
	case "Boolean":
		b, ok := v.(bool)
		return b, ok
	case "Int":
		text, ok := numberText(v)
		if !ok {
			return nil, false
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || f != math.Trunc(f) || f < math.MinInt32 || f > math.MaxInt32 {
			return nil, false
		}
		return int(f), true
	case "Float":
		text, ok := numberText(v)
		if !ok {
			return nil, false
		}
		f, err := strconv.ParseFloat(text, 64)
		return f, err == nil
	case "Decimal", "Money":
		text, ok := text(v)
		return text, ok && len(text) <= maxNumber && decimalPattern.MatchString(text)
	case "BigInt":
		text, ok := text(v)
		return text, ok && len(text) <= maxNumber && integerPattern.MatchString(text)
	case "UnsignedInt64":
		text, ok := text(v)
		if !ok || !unsignedPattern.MatchString(text) {
			return nil, false
		}
		_, err := strconv.ParseUint(text, 10, 64)
		return text, err == nil
	}
	s, ok := v.(string)
	if !ok {
		return nil, false
	}
	return s, validText(typeName, s)
}

// validText reports whether a string is a value of a string-like scalar type.
func validText(typeName, s string) bool {
	switch typeName {
	case "ID":
		return gidPattern.MatchString(s)
	case "DateTime":
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", time.DateOnly} {
			if _, err := time.Parse(layout, s); err == nil {
				return true
			}
		}
		return false
	case "Date":
		_, err := time.Parse(time.DateOnly, s)
		return err == nil
	case "URL":
		u, err := url.Parse(s)
		return err == nil && u.Scheme != ""
	case "UtcOffset":
		return offsetPattern.MatchString(s)
	}
	return true
}

// numberText returns the digits of a JSON number.
func numberText(v any) (string, bool) {
	switch v := v.(type) {
	case json.Number:
		return v.String(), len(v) <= maxNumber
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), !math.IsNaN(v) && !math.IsInf(v, 0)
	case int:
		return strconv.Itoa(v), true
	case int32:
		return strconv.FormatInt(int64(v), 10), true
	case int64:
		return strconv.FormatInt(v, 10), true
	}
	return "", false
}

// text returns a string or the digits of a number.
func text(v any) (string, bool) {
	if s, ok := v.(string); ok {
		return s, true
	}
	return numberText(v)
}

// outputScalar returns the JSON of a stored value of a scalar type.
func outputScalar(typeName string, v any) ([]byte, error) {
	if typeName == "JSON" {
		return json.Marshal(v)
	}
	switch t := v.(type) {
	case time.Time:
		switch typeName {
		case "DateTime":
			return json.Marshal(t.UTC().Truncate(time.Second).Format(time.RFC3339))
		case "Date":
			return json.Marshal(t.Format(time.DateOnly))
		}
		return nil, fmt.Errorf("a time is not a %s", typeName)
	case uint64:
		v = strconv.FormatUint(t, 10)
	case fmt.Stringer:
		if _, number := v.(json.Number); !number {
			v = t.String()
		}
	}
	switch typeName {
	case "Boolean", "Int", "Float":
		out, ok := inputScalar(typeName, v)
		if !ok {
			return nil, fmt.Errorf("a %T is not a %s or is out of its range", v, typeName)
		}
		return json.Marshal(out)
	case "Decimal", "Money", "BigInt", "UnsignedInt64":
		out, ok := inputScalar(typeName, v)
		if !ok {
			return nil, fmt.Errorf("a %T is not a %s or is out of its range", v, typeName)
		}
		return json.Marshal(out)
	}
	s, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("a %T is not a %s", v, typeName)
	}
	if typeName != "ID" && !validText(typeName, s) || typeName == "ID" && s == "" {
		return nil, fmt.Errorf("a string is not a valid %s", typeName)
	}
	return json.Marshal(s)
}
