// Command gen generates package admin from its *.graphql files and the pinned
// schema. It needs no network. Run it with
//
//	go generate ./shopify/admin
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
	dir := flag.String("dir", ".", "folder of package admin")
	flag.Parse()
	err := codegen.Write(codegen.Config{Dir: *dir, Package: "admin", API: "admin-graphql", Schema: schema.Admin()})
	if err != nil {
		log.Fatal(err)
	}
}
