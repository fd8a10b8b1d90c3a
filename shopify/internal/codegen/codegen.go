// Package codegen generates Go from GraphQL operations on Shopify's schemas. It
// runs genqlient and then sets right what genqlient v0.8.1 leaves wrong for
// Shopify: an optional input that is unset must not be sent, because null
// clears the field.
//
// Beyond that it gives the generated code the names that Go readers expect,
// drops what nobody calls, and writes a table of what each operation needs.
package codegen

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/Khan/genqlient/generate"
	"github.com/posai-go/posai/shopify/schema"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// Config says what to generate.
type Config struct {
	Dir     string         // of the package; holds the *.graphql files
	Package string         // its name
	API     string         // "admin-graphql", as in the addresses of shopify.dev
	Schema  *schema.Schema // the pinned schema
}

// root is the import path of package shopify.
const root = "github.com/posai-go/posai/shopify"

// bindings maps the schema's scalars, and the types that have a Go type of ours,
// to Go. What is not listed and not an object is an error of genqlient's.
var bindings = map[string]string{
	"ARN":             "string",
	"BigInt":          "string",
	"CountryCode":     "string", // enums of hundreds of codes that everybody knows
	"CurrencyCode":    "string",
	"LanguageCode":    "string",
	"Color":           "string",
	"Date":            "string",
	"DateTime":        "time.Time",
	"Decimal":         root + ".Decimal",
	"FormattedString": "string",
	"HTML":            "string",
	"ID":              root + ".GID",
	"JSON":            "encoding/json.RawMessage",
	"Money":           root + ".Decimal",
	"MoneyInput":      root + ".Money",
	"MoneyV2":         root + ".Money",
	"StorefrontID":    "string",
	"URL":             "string",
	"UnsignedInt64":   root + ".Uint64",
	"UtcOffset":       "string",
}

// interfaceRE matches an interface that implements others. genqlient refuses
// those ("non-object implementation"), and so every use of Node; without the
// declaration it finds all objects just the same.
var interfaceRE = regexp.MustCompile(`(?m)^(interface \w+) implements [^{]+`)

// Generate returns the generated files by name.
func Generate(cfg Config) (map[string][]byte, error) {
	operations, err := filepath.Glob(filepath.Join(cfg.Dir, "*.graphql"))
	if err != nil {
		return nil, err
	}
	slices.Sort(operations)
	tmp, err := os.MkdirTemp("", "codegen-*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	sdl := filepath.Join(tmp, "schema.graphql")
	flat := interfaceRE.ReplaceAllString(cfg.Schema.SDL(), "$1 ")
	if err := os.WriteFile(sdl, []byte(flat), 0o600); err != nil {
		return nil, err
	}

	raw, err := runGenqlient(cfg, sdl, operations)
	if err != nil {
		return nil, err
	}
	g := &generator{cfg: cfg}
	if g.schema, err = gqlparser.LoadSchema(&ast.Source{Name: "schema", Input: cfg.Schema.SDL()}); err != nil {
		return nil, err
	}
	if g.doc, err = parseOperations(operations); err != nil {
		return nil, err
	}
	if errs := validator.ValidateWithRules(g.schema, g.doc, rules.NewDefaultRules()); len(errs) > 0 {
		return nil, errs
	}
	if err := g.checkUserErrors(); err != nil {
		return nil, err
	}
	code, err := g.rewrite(raw)
	if err != nil {
		return nil, err
	}
	table, err := g.operationTable()
	if err != nil {
		return nil, err
	}
	files, err := g.split(code)
	if err != nil {
		return nil, err
	}
	if _, taken := files[cfg.Package+"_table_gen.go"]; taken {
		return nil, errors.New("a .graphql file must not be called " + cfg.Package + "_table")
	}
	files[cfg.Package+"_table_gen.go"] = table
	return files, nil
}

// Write generates the files and writes those that changed. It fails if files of
// an earlier run are left that nothing generates anymore: to remove them is up to
// the caller, because go generate stops when a file vanishes under it.
func Write(cfg Config) error {
	files, err := Generate(cfg)
	if err != nil {
		return err
	}
	for name, content := range files {
		file := filepath.Join(cfg.Dir, name)
		old, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if !bytes.Equal(old, content) {
			if err := os.WriteFile(file, content, 0o644); err != nil {
				return err
			}
		}
	}
	return findStale(cfg.Dir, files)
}

// findStale reports the files of an earlier run that this one does not write.
func findStale(dir string, files map[string][]byte) error {
	old, err := filepath.Glob(filepath.Join(dir, "*_gen.go"))
	if err != nil {
		return err
	}
	var stale []string
	for _, file := range old {
		if _, current := files[filepath.Base(file)]; current {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if bytes.HasPrefix(text, []byte(generatedBy)) {
			stale = append(stale, filepath.Base(file))
		}
	}
	if len(stale) > 0 {
		return fmt.Errorf("left of an earlier run, delete: %s", strings.Join(stale, " "))
	}
	return nil
}

func runGenqlient(cfg Config, sdl string, operations []string) ([]byte, error) {
	config := &generate.Config{
		Schema:    generate.StringList{sdl},
		Generated: cfg.Package + "_gen.go",
		Package:   cfg.Package,
		Optional:  "pointer",
		Bindings:  make(map[string]*generate.TypeBinding),
	}
	for name, goType := range bindings {
		b := &generate.TypeBinding{Type: goType}
		if name == "MoneyV2" {
			b.ExpectExactFields = "{ amount currencyCode }"
		}
		config.Bindings[name] = b
	}
	for _, op := range operations {
		config.Operations = append(config.Operations, filepath.Base(op))
	}
	if err := config.ValidateAndFillDefaults(cfg.Dir); err != nil {
		return nil, err
	}
	files, err := generate.Generate(config)
	if err != nil {
		return nil, err
	}
	return files[config.Generated], nil
}

func parseOperations(files []string) (*ast.QueryDocument, error) {
	all := &ast.QueryDocument{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		doc, err := parser.ParseQuery(&ast.Source{Name: filepath.Base(file), Input: string(text)})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all.Operations = append(all.Operations, doc.Operations...)
		all.Fragments = append(all.Fragments, doc.Fragments...)
	}
	return all, nil
}

// generator holds what the steps after genqlient share.
type generator struct {
	cfg    Config
	schema *ast.Schema
	doc    *ast.QueryDocument
}
