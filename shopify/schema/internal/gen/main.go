// Command gen refreshes the pinned schemas: it reads Shopify's published
// introspection, writes SDL without descriptions, and Go tables of what the
// introspection says beyond GraphQL. Run it with
//
//	go generate ./shopify/schema
//
// It needs npm and the network, and nothing else in this module does. With
// -package it reads an npm package that is already there (a .tgz file or an
// unpacked folder); with -admin and -storefront an introspection result from a
// file or from a live endpoint, for instance
// https://shopify.dev/admin-graphql-direct-proxy/2026-10. A live endpoint does
// not publish access scopes; the tables of that API are then empty.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/posai-go/posai/shopify/schema/internal/introspect"
	"github.com/posai-go/posai/shopify/schema/internal/tables"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// version is the API version that is pinned.
const version = "2026-10"

// api is one of the two APIs and its files.
type api struct {
	name   string // of the Go variable
	file   string // inside the npm package
	sdl    string
	tables string
	source *string // a file or URL instead of the npm package
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("gen: ")
	var (
		out = flag.String("out", ".", "folder of the schema package")
		pkg = flag.String("package", "", "npm package instead of the pinned one: a .tgz file or an unpacked folder")
	)
	apis := []api{
		{
			name: "Admin", file: "dist/data/admin_" + version + ".json.gz",
			sdl: "admin.graphql.gz", tables: "internal/tables/admin_gen.go",
			source: flag.String("admin", "", "introspection of the Admin API: a file (.json, .json.gz) or the URL of an endpoint"),
		},
		{
			name: "Storefront", file: "dist/data/storefront-graphql_" + version + ".json.gz",
			sdl: "storefront.graphql.gz", tables: "internal/tables/storefront_gen.go",
			source: flag.String("storefront", "", "introspection of the Storefront API: a file (.json, .json.gz) or the URL of an endpoint"),
		},
	}
	flag.Parse()
	if err := run(*out, *pkg, apis); err != nil {
		log.Fatal(err)
	}
}

func run(out, pkg string, apis []api) error {
	src := &source{pkg: pkg}
	defer src.close()
	for _, a := range apis {
		if err := generate(out, src, a); err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
	}
	return nil
}

func generate(out string, src *source, a api) error {
	r, err := src.open(a)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	schema, err := introspect.Decode(r)
	if err != nil {
		return err
	}
	sdl := schema.SDL()
	if _, err := gqlparser.LoadSchema(&ast.Source{Name: a.sdl, Input: sdl}); err != nil {
		return fmt.Errorf("the printed schema does not load: %w", err)
	}
	if err := writeSDL(filepath.Join(out, a.sdl), sdl); err != nil {
		return err
	}
	table := schema.Table(version)
	code, err := goCode(a.name, table)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, filepath.FromSlash(a.tables)), code, 0o644); err != nil {
		return err
	}
	report(a.name, schema, table)
	return nil
}

// report says what was read and quotes every text on access that was not
// understood.
func report(name string, s *introspect.Schema, t *tables.Table) {
	users := make(map[int][]string)
	for _, a := range t.Access {
		users[a.Prose] = append(users[a.Prose], a.At)
	}
	var texts, places int
	for i, p := range t.Prose {
		if !p.Parsed {
			texts++
			places += len(users[i])
			fmt.Printf("not understood, kept as text (%d, first %s): %q\n", len(users[i]), users[i][0], p.Text)
		}
	}
	fmt.Printf("%s %s: %d types, %d access requirements (%d in %d texts not understood), %d protected fields, %d GID arguments, %d idempotent mutations\n",
		name, t.Version, len(s.Types), len(t.Access), places, texts, len(t.Protected), len(t.GIDs), len(t.Idempotent))
}
