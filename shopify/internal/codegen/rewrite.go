package codegen

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strconv"
	"strings"

	gql "github.com/vektah/gqlparser/v2/ast"
)

// edit replaces a part of the source.
type edit struct {
	from, to token.Pos
	text     string
}

// rewriter edits genqlient's output as text, at places that the syntax tree
// gives: so comments stay where they are.
type rewriter struct {
	*generator
	src   []byte
	fset  *token.FileSet
	edits []edit
	// optional lists the nullable variables of each operation.
	optional map[string]map[string]bool
	// aliases maps "Type.responseKey" to the names of the fields behind it.
	aliases map[string]map[string]bool
}

// rewrite sets right what genqlient generated.
func (g *generator) rewrite(src []byte) ([]byte, error) {
	r := &rewriter{generator: g, src: src, optional: map[string]map[string]bool{}}
	for _, op := range g.doc.Operations {
		vars := map[string]bool{}
		for _, v := range op.VariableDefinitions {
			vars[v.Variable] = !v.Type.NonNull
		}
		r.optional[op.Name] = vars
	}
	r.collectAliases()
	for _, step := range []func(*ast.File){r.shape, r.rename} {
		r.fset = token.NewFileSet()
		file, err := parser.ParseFile(r.fset, "generated.go", r.src, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		r.edits = nil
		step(file)
		// genqlient begins some functions with an empty line, which gofumpt minds.
		if r.src, err = format.Source(bytes.ReplaceAll(r.apply(), []byte("{\n\n\t"), []byte("{\n\t"))); err != nil {
			return nil, fmt.Errorf("rewriting: %w", err)
		}
	}
	return r.header(), nil
}

// shape changes types, tags and declarations.
func (r *rewriter) shape(file *ast.File) {
	abstract := implementers(file)
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv != nil && strings.HasPrefix(d.Name.Name, "Get") && !abstract[receiver(d)] {
				r.remove(d.Doc, d)
			} else if d.Recv != nil {
				r.plainResult(d.Type)
			} else if vars := r.optional[d.Name.Name]; vars != nil {
				r.signature(d, vars)
			}
		case *ast.GenDecl:
			r.genDecl(d)
		}
	}
}

func (r *rewriter) genDecl(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.ValueSpec:
			// genqlient lists all values of an enum in a variable that anybody
			// could change.
			if d.Tok == token.VAR && strings.HasPrefix(s.Names[0].Name, "All") {
				r.remove(d.Doc, d)
			}
		case *ast.TypeSpec:
			r.typeSpec(d, s)
		}
	}
}

func (r *rewriter) typeSpec(d *ast.GenDecl, s *ast.TypeSpec) {
	name := s.Name.Name
	def := r.schema.Types[name]
	if it, ok := s.Type.(*ast.InterfaceType); ok {
		for _, m := range it.Methods.List {
			if getter, ok := m.Type.(*ast.FuncType); ok {
				r.plainResult(getter)
			}
		}
	}
	st, isStruct := s.Type.(*ast.StructType)
	if op, ok := strings.CutPrefix(name, "__"); ok && isStruct && !strings.HasPrefix(op, "premarshal") {
		if vars := r.optional[strings.TrimSuffix(op, "Input")]; vars != nil {
			for _, f := range st.Fields.List {
				if vars[jsonName(f)] {
					r.makeOptional(f)
				}
			}
		}
		return
	}
	switch {
	case def != nil && def.Kind == gql.InputObject && isStruct:
		r.document(d, name, "input-objects", "is an input of mutations. What is not set is not sent.")
		for _, f := range st.Fields.List {
			if field := def.Fields.ForName(jsonName(f)); field != nil && (!field.Type.NonNull || field.DefaultValue != nil) {
				r.makeOptional(f)
			}
		}
	case def != nil && def.Kind == gql.Enum && !isStruct:
		r.document(d, name, "enums", "is an enum; Shopify may add values.")
	case isStruct:
		from := r.schemaType(d, name)
		for _, f := range st.Fields.List {
			r.plainString(f)
			r.protect(from, f)
		}
	}
}

// makeOptional turns "X *T `json:"x"`" into an Optional that is not sent when it is
// unset.
func (r *rewriter) makeOptional(f *ast.Field) {
	typ := f.Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	r.replace(f.Type, "shopify.Optional["+r.text(typ)+"]")
	r.replace(f.Tag, "`json:\""+jsonName(f)+",omitzero\"`")
}

// plainString turns nullable strings and enums of responses into plain ones:
// null reads as "".
func (r *rewriter) plainString(f *ast.Field) {
	if star, ok := f.Type.(*ast.StarExpr); ok {
		t := r.text(star.X)
		def := r.schema.Types[t]
		if t == "string" || t == "shopify.GID" || def != nil && def.Kind == gql.Enum {
			r.replace(f.Type, t)
		}
	}
}

// plainResult does that for what the getters of an interface's types return.
func (r *rewriter) plainResult(getter *ast.FuncType) {
	if getter.Results != nil && len(getter.Results.List) == 1 {
		r.plainString(getter.Results.List[0])
	}
}

// signature makes the nullable parameters of an operation optional.
func (r *rewriter) signature(d *ast.FuncDecl, vars map[string]bool) {
	for _, p := range d.Type.Params.List {
		if len(p.Names) == 1 && vars[p.Names[0].Name] {
			typ := p.Type
			if star, ok := typ.(*ast.StarExpr); ok {
				typ = star.X
			}
			r.replace(p.Type, "shopify.Optional["+r.text(typ)+"]")
		}
	}
}

// document gives a type its comment.
func (r *rewriter) document(d *ast.GenDecl, name, kind, text string) {
	if d.Doc == nil {
		url := "https://shopify.dev/docs/api/" + r.cfg.API + "/" + r.cfg.Schema.Version() + "/" + kind + "/" + name
		r.edits = append(r.edits, edit{d.Pos(), d.Pos(), "// " + name + " " + text + "\n//\n// Source: " + url + "\n"})
	}
}

// rename gives identifiers their Go names.
func (r *rewriter) rename(file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Ident:
			if to := goName(n.Name); to != n.Name {
				r.replace(n, to)
			}
		case *ast.InterfaceType:
			if len(n.Methods.List) == 0 {
				r.replace(n, "any")
				return false
			}
		}
		return true
	})
}

// initialisms are the words that Go writes in capitals.
var initialisms = map[string]string{
	"Api": "API", "Html": "HTML", "Id": "ID", "Ids": "IDs", "Json": "JSON", "Sku": "SKU", "Uri": "URI", "Url": "URL", "Uuid": "UUID",
}

// goName writes "OrderId" as "OrderID", genqlient's "ctx_" as "ctx", and its
// "GetOrder_Operation" as "getOrderDocument".
func goName(name string) string {
	if op, ok := strings.CutSuffix(name, "_Operation"); ok {
		return strings.ToLower(op[:1]) + op[1:] + "Document"
	}
	if len(name) > 1 && strings.HasSuffix(name, "_") && !strings.HasPrefix(name, "_") {
		name = strings.TrimSuffix(name, "_")
	}
	var b strings.Builder
	for start := 0; start < len(name); {
		end := start + 1
		for end < len(name) && (name[end] < 'A' || name[end] > 'Z') {
			end++
		}
		word := name[start:end]
		b.WriteString(cmp.Or(initialisms[word], word))
		start = end
	}
	return b.String()
}

// header replaces genqlient's own.
func (r *rewriter) header() []byte {
	_, body, _ := bytes.Cut(r.src, []byte("package "+r.cfg.Package))
	return append([]byte(generatedBy+"package "+r.cfg.Package), body...)
}

const generatedBy = "// Code generated by shopify/internal/codegen with genqlient; DO NOT EDIT.\n\n"

// implementers returns the types that implement a generated interface: their
// getters are called through it.
func implementers(file *ast.File) map[string]bool {
	out := map[string]bool{}
	for _, decl := range file.Decls {
		if d, ok := decl.(*ast.FuncDecl); ok && d.Recv != nil && strings.HasPrefix(d.Name.Name, "implementsGraphQLInterface") {
			out[receiver(d)] = true
		}
	}
	return out
}

func receiver(d *ast.FuncDecl) string {
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if id, ok := typ.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

func jsonName(f *ast.Field) string {
	if f.Tag == nil {
		return ""
	}
	tag, err := strconv.Unquote(f.Tag.Value)
	if err != nil {
		return ""
	}
	name, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
	return name
}

func (r *rewriter) text(n ast.Node) string {
	return string(r.src[r.fset.Position(n.Pos()).Offset:r.fset.Position(n.End()).Offset])
}

func (r *rewriter) replace(n ast.Node, text string) {
	r.edits = append(r.edits, edit{n.Pos(), n.End(), text})
}

func (r *rewriter) remove(doc *ast.CommentGroup, n ast.Node) {
	from := n.Pos()
	if doc != nil {
		from = doc.Pos()
	}
	r.edits = append(r.edits, edit{from, n.End(), ""})
}

// apply returns the source with all edits.
func (r *rewriter) apply() []byte {
	slices.SortStableFunc(r.edits, func(a, b edit) int { return cmp.Compare(a.from, b.from) })
	var out bytes.Buffer
	at := 0
	for _, e := range r.edits {
		from, to := r.fset.Position(e.from).Offset, r.fset.Position(e.to).Offset
		out.Write(r.src[at:from])
		out.WriteString(e.text)
		at = to
	}
	out.Write(r.src[at:])
	return out.Bytes()
}
