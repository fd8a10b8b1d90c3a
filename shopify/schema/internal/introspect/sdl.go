package introspect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// specified are the directives of the GraphQL specification, which every
// parser brings along.
var specified = []string{"deprecated", "include", "oneOf", "skip", "specifiedBy"}

// specifiedScalars are the scalars of the GraphQL specification.
var specifiedScalars = []string{"Boolean", "Float", "ID", "Int", "String"}

// SDL prints the schema without descriptions and without the prose of
// deprecations, everything sorted by name, so that the same schema always
// gives the same text.
func (s *Schema) SDL() string {
	var b strings.Builder
	b.WriteString("schema {\n  query: " + s.QueryType.Name + "\n")
	if s.MutationType != nil {
		b.WriteString("  mutation: " + s.MutationType.Name + "\n")
	}
	if s.SubscriptionType != nil {
		b.WriteString("  subscription: " + s.SubscriptionType.Name + "\n")
	}
	b.WriteString("}\n")
	for _, d := range byName(s.Directives, func(d Directive) string { return d.Name }) {
		if slices.Contains(specified, d.Name) {
			continue
		}
		fmt.Fprintf(&b, "\ndirective @%s%s", d.Name, arguments(d.Args))
		if d.IsRepeatable {
			b.WriteString(" repeatable")
		}
		b.WriteString(" on " + strings.Join(slices.Sorted(slices.Values(d.Locations)), " | ") + "\n")
	}
	for _, t := range byName(s.Types, func(t Type) string { return t.Name }) {
		if strings.HasPrefix(t.Name, "__") || slices.Contains(specifiedScalars, t.Name) {
			continue
		}
		b.WriteByte('\n')
		t.print(&b)
	}
	return b.String()
}

func (t *Type) print(b *strings.Builder) {
	switch t.Kind {
	case "SCALAR":
		b.WriteString("scalar " + t.Name)
		if t.SpecifiedByURL != nil && *t.SpecifiedByURL != "" {
			fmt.Fprintf(b, " @specifiedBy(url: %q)", *t.SpecifiedByURL)
		}
		b.WriteByte('\n')
	case "UNION":
		fmt.Fprintf(b, "union %s = %s\n", t.Name, strings.Join(names(t.PossibleTypes), " | "))
	case "ENUM":
		b.WriteString("enum " + t.Name + " {\n")
		for _, v := range byName(t.EnumValues, func(v EnumValue) string { return v.Name }) {
			b.WriteString("  " + v.Name + deprecated(v.IsDeprecated) + "\n")
		}
		b.WriteString("}\n")
	case "INPUT_OBJECT":
		b.WriteString("input " + t.Name)
		if t.IsOneOf != nil && *t.IsOneOf {
			b.WriteString(" @oneOf")
		}
		b.WriteString(" {\n")
		for _, v := range byName(t.InputFields, func(v Value) string { return v.Name }) {
			b.WriteString("  " + v.sdl() + "\n")
		}
		b.WriteString("}\n")
	default: // OBJECT, INTERFACE
		keyword := "type "
		if t.Kind == "INTERFACE" {
			keyword = "interface "
		}
		b.WriteString(keyword + t.Name)
		if len(t.Interfaces) > 0 {
			b.WriteString(" implements " + strings.Join(names(t.Interfaces), " & "))
		}
		b.WriteString(" {\n")
		for _, f := range byName(t.Fields, func(f Field) string { return f.Name }) {
			b.WriteString("  " + f.Name + arguments(f.Args) + ": " + f.Type.String() + deprecated(f.IsDeprecated) + "\n")
		}
		b.WriteString("}\n")
	}
}

func (v *Value) sdl() string {
	s := v.Name + ": " + v.Type.String()
	if v.DefaultValue != nil {
		s += " = " + *v.DefaultValue
	}
	return s + deprecated(v.IsDeprecated)
}

func arguments(args []Value) string {
	if len(args) == 0 {
		return ""
	}
	var list []string
	for _, a := range byName(args, func(v Value) string { return v.Name }) {
		list = append(list, a.sdl())
	}
	return "(" + strings.Join(list, ", ") + ")"
}

func deprecated(is bool) string {
	if is {
		return " @deprecated"
	}
	return ""
}

func names(list []Named) []string {
	var out []string
	for _, n := range list {
		out = append(out, n.Name)
	}
	slices.Sort(out)
	return out
}

func byName[T any](list []T, name func(T) string) []T {
	return slices.SortedFunc(slices.Values(list), func(a, b T) int { return cmp.Compare(name(a), name(b)) })
}
