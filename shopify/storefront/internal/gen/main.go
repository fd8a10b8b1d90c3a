// Command gen generates package storefront from its *.graphql files and the
// pinned schema. It needs no network. Run it with
//
//	go generate ./shopify/storefront
package main

import (
	"flag"
	"log"

	"github.com/posai-go/posai/shopify/internal/codegen"
	"github.com/posai-go/posai/shopify/schema"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("gen: ")
	dir := flag.String("dir", ".", "folder of package storefront")
	flag.Parse()
	err := codegen.Write(codegen.Config{Dir: *dir, Package: "storefront", API: "storefront", Schema: schema.Storefront()})
	if err != nil {
		log.Fatal(err)
	}
}
