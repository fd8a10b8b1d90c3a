package codegen

import (
	"bytes"
	"cmp"
	"fmt"
	"go/format"
	"slices"
	"strings"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/internal/scope"
	"github.com/posai-go/posai/shopify/schema"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
)

// needs is what an operation needs, gathered from its fields and their types.
type needs struct {
	scopes    [][]string
	also      []string
	protected []string
}

// operationTable prints what is known about each operation.
func (g *generator) operationTable() ([]byte, error) {
	ops := slices.SortedFunc(slices.Values(g.doc.Operations), func(a, b *ast.OperationDefinition) int {
		return cmp.Compare(a.Name, b.Name)
	})
	var b bytes.Buffer
	b.WriteString(generatedBy + "package " + g.cfg.Package + "\n\nimport \"" + root + "\"\n\n")
	b.WriteString(tableFuncs)
	b.WriteString("// operations is the table behind [Operations], sorted by name.\nvar operations = []shopify.OperationSpec{\n")
	for _, op := range ops {
		parsed, err := shopify.ParseOperation(printDocument(g.doc, op), op.Name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", op.Name, err)
		}
		n := g.needs(op)
		fmt.Fprintf(&b, "{\nOperation: shopify.Operation{Name: %q, Kind: %q, Fields: []string{%s}, Safety: shopify.%s},\n",
			parsed.Name, parsed.Kind, quote(parsed.Fields), safetyName(parsed.Safety))
		if len(n.scopes) > 0 {
			b.WriteString("Scopes: [][]string{")
			for i, list := range n.scopes {
				if i > 0 {
					b.WriteString(", ")
				}
				b.WriteString("{" + quote(list) + "}")
			}
			b.WriteString("},\n")
		}
		if len(n.also) > 0 {
			fmt.Fprintf(&b, "Also: []string{\n%s,\n},\n", strings.ReplaceAll(quote(n.also), `", "`, "\",\n\""))
		}
		if len(n.protected) > 0 {
			fmt.Fprintf(&b, "Protected: []string{%s},\n", quote(n.protected))
		}
		b.WriteString("},\n")
	}
	b.WriteString("}\n")
	return format.Source(b.Bytes())
}

const tableFuncs = `// Operations returns what is known about each operation of this package, sorted
// by name.
func Operations() []shopify.OperationSpec {
	out := make([]shopify.OperationSpec, len(operations))
	for i, op := range operations {
		out[i] = op.Clone()
	}
	return out
}

// LookupOperation returns what is known about the operation with this name.
func LookupOperation(name string) (shopify.OperationSpec, bool) {
	for _, op := range operations {
		if op.Name == name {
			return op.Clone(), true
		}
	}
	return shopify.OperationSpec{}, false
}

`

// needs walks an operation's fields through all fragments.
func (g *generator) needs(op *ast.OperationDefinition) needs {
	var n needs
	n.walk(g, op.SelectionSet)
	n.scopes = scope.Reduce(n.scopes)
	slices.Sort(n.also)
	n.also = slices.Compact(n.also)
	slices.Sort(n.protected)
	n.protected = slices.Compact(n.protected)
	return n
}

func (n *needs) walk(g *generator, set ast.SelectionSet) {
	for _, sel := range set {
		switch s := sel.(type) {
		case *ast.Field:
			at := s.ObjectDefinition.Name + "." + s.Name
			n.access(g.cfg.Schema, at)
			if _, ok := g.cfg.Schema.Protected(at); ok {
				n.protected = append(n.protected, at)
			}
			// What errors need says nothing about who may call.
			if typ := s.Definition.Type.Name(); g.schema.Types[typ].IsCompositeType() && !strings.HasSuffix(typ, "Error") {
				n.access(g.cfg.Schema, typ)
			}
			n.walk(g, s.SelectionSet)
		case *ast.InlineFragment:
			n.access(g.cfg.Schema, s.TypeCondition)
			n.walk(g, s.SelectionSet)
		case *ast.FragmentSpread:
			n.access(g.cfg.Schema, s.Definition.TypeCondition)
			n.walk(g, s.Definition.SelectionSet)
		}
	}
}

func (n *needs) access(s *schema.Schema, at string) {
	a, ok := s.Access(at)
	switch {
	case !ok:
	case !a.Parsed:
		n.also = append(n.also, at+": "+strings.TrimSpace(a.Prose))
	default:
		n.scopes = append(n.scopes, a.AllOf...)
		if a.Also != "" {
			n.also = append(n.also, at+": "+a.Also)
		}
	}
}

func printDocument(doc *ast.QueryDocument, op *ast.OperationDefinition) string {
	var b strings.Builder
	formatter.NewFormatter(&b).FormatQueryDocument(&ast.QueryDocument{Operations: ast.OperationList{op}, Fragments: doc.Fragments})
	return b.String()
}

func safetyName(s shopify.Safety) string {
	name := s.String()
	return "Safety" + strings.ToUpper(name[:1]) + name[1:]
}

func quote(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(out, ", ")
}
