// Command shopifygen generates a Go package from your own GraphQL operations on
// Shopify, as package shopify/admin is generated from its own.
//
//	shopifygen [-dir folder] [-package name] [-api admin|storefront]
//
// It reads the *.graphql files of a folder, checks them against the pinned
// schema and writes, beside them, one Go file per .graphql file, one for the
// types that several share (name_types_gen.go), and the table of operations
// (name_table_gen.go): access scopes, write-safety class and protected fields of
// each. It needs no network. Run it with go generate:
//
//	//go:generate go run github.com/posai-go/posai/shopify/cmd/shopifygen
//
// The guide is docs/operations.md of this module.
package main

import (
	"errors"
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/posai-go/posai/shopify/internal/codegen"
	"github.com/posai-go/posai/shopify/schema"
)

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "shopifygen:", err)
		}
		os.Exit(1)
	}
}

func run(args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("shopifygen", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("dir", ".", "folder with the *.graphql files, and of the package")
	name := flags.String("package", "", "name of the package; if empty, that of the Go files in the folder, or the folder's")
	api := flags.String("api", "admin", "admin or storefront")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	abs, err := filepath.Abs(*dir)
	if err != nil {
		return err
	}
	cfg := codegen.Config{Dir: abs, Package: *name}
	switch *api {
	case "admin":
		cfg.API, cfg.Schema = "admin-graphql", schema.Admin()
	case "storefront":
		cfg.API, cfg.Schema = "storefront", schema.Storefront()
	default:
		return fmt.Errorf("unknown API %q: want admin or storefront", *api)
	}
	if files, err := filepath.Glob(filepath.Join(abs, "*.graphql")); err != nil || len(files) == 0 {
		return errors.Join(err, fmt.Errorf("no .graphql files in %s", *dir))
	}
	if cfg.Package == "" {
		if cfg.Package, err = packageName(abs); err != nil {
			return err
		}
	}
	if !token.IsIdentifier(cfg.Package) {
		return fmt.Errorf("%q is no package name: use -package", cfg.Package)
	}
	return codegen.Write(cfg)
}

var notInNames = regexp.MustCompile(`[^a-z0-9_]`)

// packageName finds out how the package in a folder is called.
func packageName(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return "", err
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly)
		if err != nil {
			return "", err
		}
		return parsed.Name.Name, nil
	}
	return notInNames.ReplaceAllString(strings.ToLower(filepath.Base(dir)), ""), nil
}
