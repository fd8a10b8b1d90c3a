package graph_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
)

// A checker tells whether a response is one that the schema and the query allow.
// It shares no code with the engine: it works from the parsed document and the
// decoded JSON. Selections on abstract types must include __typename.
type checker struct {
	schema *ast.Schema
	doc    *ast.QueryDocument
	errs   []string
}

func (c *checker) fail(path, format string, args ...any) {
	c.errs = append(c.errs, path+": "+fmt.Sprintf(format, args...))
}

// document checks the data of the only operation.
func (c *checker) document(data map[string]any) {
	op := c.doc.Operations[0]
	root := c.schema.Query
	if op.Operation == ast.Mutation {
		root = c.schema.Mutation
	}
	c.object("data", root, []ast.SelectionSet{op.SelectionSet}, data)
}

func (c *checker) covers(condition, concrete string) bool {
	if condition == "" || condition == concrete {
		return true
	}
	return slices.ContainsFunc(c.schema.PossibleTypes[condition], func(d *ast.Definition) bool { return d.Name == concrete })
}

func (c *checker) dropped(directives ast.DirectiveList) bool {
	for _, d := range directives {
		on := d.Arguments.ForName("if") != nil && d.Arguments.ForName("if").Value.Raw == "true"
		if d.Name == "skip" && on || d.Name == "include" && !on {
			return true
		}
	}
	return false
}

func (c *checker) gather(set ast.SelectionSet, concrete string, into map[string][]*ast.Field) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			if !c.dropped(sel.Directives) {
				into[sel.Alias] = append(into[sel.Alias], sel)
			}
		case *ast.InlineFragment:
			if !c.dropped(sel.Directives) && c.covers(sel.TypeCondition, concrete) {
				c.gather(sel.SelectionSet, concrete, into)
			}
		case *ast.FragmentSpread:
			f := c.doc.Fragments.ForName(sel.Name)
			if !c.dropped(sel.Directives) && c.covers(f.TypeCondition, concrete) {
				c.gather(f.SelectionSet, concrete, into)
			}
		}
	}
}

func (c *checker) object(path string, def *ast.Definition, sets []ast.SelectionSet, value any) {
	obj, ok := value.(map[string]any)
	if !ok {
		c.fail(path, "is a %T, not an object", value)
		return
	}
	concrete := def.Name
	if def.Kind != ast.Object {
		concrete, _ = obj["__typename"].(string)
		if !c.covers(def.Name, concrete) {
			c.fail(path, "type %q is not a %s", concrete, def.Name)
			return
		}
	}
	fields := map[string][]*ast.Field{}
	for _, set := range sets {
		c.gather(set, concrete, fields)
	}
	for key := range obj {
		if fields[key] == nil {
			c.fail(path, "has %s, which was not asked for", key)
		}
	}
	for key, nodes := range fields {
		v, ok := obj[key]
		switch name := nodes[0].Name; {
		case !ok:
			c.fail(path, "lacks %s", key)
		case name == "__typename":
			if v != concrete {
				c.fail(path, "__typename is %v, not %s", v, concrete)
			}
		default:
			fd := c.schema.Types[concrete].Fields.ForName(name)
			var subs []ast.SelectionSet
			for _, n := range nodes {
				subs = append(subs, n.SelectionSet)
			}
			c.value(path+"."+key, fd.Type, subs, v)
		}
	}
}

func (c *checker) value(path string, t *ast.Type, sets []ast.SelectionSet, v any) {
	if v == nil {
		if t.NonNull {
			c.fail(path, "is null, but its type is %s", t)
		}
		return
	}
	if t.Elem != nil {
		list, ok := v.([]any)
		if !ok {
			c.fail(path, "is a %T, not a list", v)
		}
		for i, el := range list {
			c.value(path+"["+strconv.Itoa(i)+"]", t.Elem, sets, el)
		}
		return
	}
	def := c.schema.Types[t.NamedType]
	switch def.Kind {
	case ast.Scalar:
		if !goodScalar(def.Name, v) {
			c.fail(path, "%v is not a %s", v, def.Name)
		}
	case ast.Enum:
		if !slices.ContainsFunc(def.EnumValues, func(e *ast.EnumValueDefinition) bool { return e.Name == v }) {
			c.fail(path, "%v is not one of %s", v, def.Name)
		}
	default:
		c.object(path, def, sets, v)
	}
}

var scalarForms = map[string]*regexp.Regexp{
	"ID":            regexp.MustCompile(`^gid://shopify/\w+/\d+$`),
	"Decimal":       regexp.MustCompile(`^-?\d+(\.\d+)?$`),
	"Money":         regexp.MustCompile(`^-?\d+(\.\d+)?$`),
	"BigInt":        regexp.MustCompile(`^-?\d+$`),
	"UnsignedInt64": regexp.MustCompile(`^\d+$`),
	"Date":          regexp.MustCompile(`^\d{4}-\d\d-\d\d$`),
	"DateTime":      regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`),
	"URL":           regexp.MustCompile(`^https://[^/ ]+/`),
	"UtcOffset":     regexp.MustCompile(`^[+-]\d\d:\d\d$`),
	"Color":         regexp.MustCompile(`^#[0-9a-f]{6}$`),
	"ARN":           regexp.MustCompile(`^arn:aws:`),
	"StorefrontID":  regexp.MustCompile(`^gid://`),
}

// goodScalar judges values decoded with json.Number.
func goodScalar(name string, v any) bool {
	switch name {
	case "Boolean":
		_, ok := v.(bool)
		return ok
	case "Int":
		n, ok := v.(json.Number)
		_, err := strconv.ParseInt(string(n), 10, 32)
		return ok && err == nil
	case "Float":
		n, ok := v.(json.Number)
		_, err := n.Float64()
		return ok && err == nil
	case "JSON":
		return true
	}
	s, ok := v.(string)
	if !ok {
		return false
	}
	if name == "DateTime" {
		if _, err := time.Parse(time.RFC3339, s); err != nil {
			return false
		}
	}
	form := scalarForms[name]
	return form == nil || form.MatchString(s)
}

func (c *checker) report() string { return strings.Join(c.errs, "\n") }
