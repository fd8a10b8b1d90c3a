package codegen

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
)

// split divides the generated source by subject: what only the operations of
// one .graphql file need stands in a file of that name, so that who adds a
// subject touches no other; what several share stands in one more file.
func (g *generator) split(src []byte) (map[string][]byte, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "generated.go", src, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	s := &splitter{src: src, fset: fset, nodes: map[string]*node{}}
	for _, decl := range file.Decls {
		s.addDecl(decl)
	}
	for _, op := range g.doc.Operations {
		s.claim(op.Name, strings.TrimSuffix(op.Position.Src.Name, ".graphql"))
		s.claim(goName(op.Name+"_Operation"), strings.TrimSuffix(op.Position.Src.Name, ".graphql"))
	}
	parts := map[string][]ast.Decl{}
	for _, decl := range file.Decls {
		if name := declName(decl); name != "" {
			subject := g.cfg.Package + "_types"
			if n := s.nodes[name]; len(n.subjects) == 1 {
				subject = n.subjects[0]
			}
			parts[subject] = append(parts[subject], decl)
		}
	}
	out := map[string][]byte{}
	for subject, decls := range parts {
		if out[subject+"_gen.go"], err = s.print(g.cfg.Package, file.Imports, decls); err != nil {
			return nil, fmt.Errorf("%s: %w", subject, err)
		}
	}
	return out, nil
}

// node is a type with its methods and values, a function or a document.
type node struct {
	refs     map[string]bool
	subjects []string // whose operations need it
}

type splitter struct {
	src   []byte
	fset  *token.FileSet
	nodes map[string]*node
}

// declName names the node to which a declaration belongs: the values of an enum
// and the methods of a type belong to the type. It is empty for imports.
func declName(decl ast.Decl) string {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv != nil {
			return receiver(d)
		}
		return d.Name.Name
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				return s.Name.Name
			case *ast.ValueSpec:
				if typ, ok := s.Type.(*ast.Ident); ok {
					return typ.Name
				}
				return s.Names[0].Name
			}
		}
	}
	return ""
}

func (s *splitter) addDecl(decl ast.Decl) {
	name := declName(decl)
	if name == "" {
		return
	}
	n := s.nodes[name]
	if n == nil {
		n = &node{refs: map[string]bool{}}
		s.nodes[name] = n
	}
	ast.Inspect(decl, func(x ast.Node) bool {
		if id, ok := x.(*ast.Ident); ok {
			n.refs[id.Name] = true
		}
		return true
	})
}

// claim notes that a subject needs a node and all that the node refers to.
func (s *splitter) claim(name, subject string) {
	n := s.nodes[name]
	if n == nil || slices.Contains(n.subjects, subject) {
		return
	}
	n.subjects = append(n.subjects, subject)
	for ref := range n.refs {
		s.claim(ref, subject)
	}
}

// print writes declarations as a file, with the imports that they use.
func (s *splitter) print(pkg string, imports []*ast.ImportSpec, decls []ast.Decl) ([]byte, error) {
	used := map[string]bool{}
	for _, d := range decls {
		ast.Inspect(d, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if id, ok := sel.X.(*ast.Ident); ok {
					used[id.Name] = true
				}
			}
			return true
		})
	}
	var b bytes.Buffer
	b.WriteString(generatedBy + "package " + pkg + "\n\n")
	var std, others []string
	for _, im := range imports {
		at, err := strconv.Unquote(im.Path.Value)
		if err != nil {
			return nil, err
		}
		name := path.Base(at)
		if im.Name != nil {
			name = im.Name.Name
		}
		switch text := s.text(im); {
		case !used[name]:
		case strings.Contains(at, "."):
			others = append(others, text)
		default:
			std = append(std, text)
		}
	}
	if len(std)+len(others) > 0 {
		b.WriteString("import (\n" + strings.Join(std, "\n") + "\n\n" + strings.Join(others, "\n") + "\n)\n")
	}
	for _, d := range decls {
		b.WriteString("\n")
		if doc := docOf(d); doc != nil {
			b.Write(s.src[s.offset(doc.Pos()):s.offset(doc.End())])
			b.WriteString("\n")
		}
		b.WriteString(s.text(d) + "\n")
	}
	return format.Source(b.Bytes())
}

func docOf(d ast.Decl) *ast.CommentGroup {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return d.Doc
	case *ast.GenDecl:
		return d.Doc
	}
	return nil
}

func (s *splitter) text(n ast.Node) string {
	return string(s.src[s.offset(n.Pos()):s.offset(n.End())])
}

func (s *splitter) offset(p token.Pos) int { return s.fset.Position(p).Offset }
