// Package bulk runs Shopify's bulk operations: queries over everything that a
// shop has, and mutations with thousands of rows.
//
// Start with [NewRunner]:
//
//	type Product struct {
//		ID       shopify.GID
//		Title    string
//		Variants []Variant `bulk:"ProductVariant"`
//	}
//
//	runner, err := bulk.NewRunner(client, nil)
//	…
//	op, err := runner.Query(ctx, `{ products { edges { node { id title
//		variants { edges { node { id sku } } } } } } }`, nil)
//	…
//	for product, err := range bulk.Objects[Product](ctx, op, nil) {
//		…
//	}
//
// # What becomes of the children
//
// Shopify writes the results as a file of JSON lines, one per object, in which
// the nodes of inner connections are lines of their own that name their parent
// and not the connection. [Objects] puts them back in place, whatever the order
// of the lines. Where they go, the tag bulk says:
//
//	Variants []Variant   `bulk:"ProductVariant"`         // by type
//	Media    []Media     `bulk:"MediaImage|Video"`       // one of several
//	Care     []Metafield `bulk:"Metafield,key=careKey"`  // that have a member careKey
//	Others   []Metafield `bulk:"*"`                      // whatever no other field takes
//
// The type is the object's __typename if the query selects it, otherwise what
// its id says. Two connections with one type are told apart by a key: give a
// field another alias in one of them (careKey: key). A field of a connection's
// form, a struct with Edges or Nodes as genqlient writes it, needs no tag: it
// takes the type that its node's Go type is named after, or everything if it is
// the only one. Fields may stand in structs within the struct, such as a
// variant's InventoryItem. A child that has no place is an error, [ErrNoPlace].
// All other fields are encoding/json's.
//
// # Memory and disk
//
// A child may come last, so nothing is complete before the file's end, except
// with [QueryOptions.GroupObjects]. Until then lines stay in memory, and beyond
// [Limits].Memory in a temporary file, divided by the ids of their roots, so that
// each part can be joined in memory. What the loop holds of the file does not
// depend on its length: while two parts are joined at once they share
// [Limits].Memory, and of what is decoded up to three chunks wait, of 64 objects
// or 128 KiB of JSON.
//
// # Errors
//
// What ends otherwise than well is an [*OperationError]: it matches
// [shopify.ErrAccessDenied], [shopify.ErrServer], [ErrTimeout], [ErrCanceled] or
// [ErrExpired], and may have partial data ([ReadOptions].Partial). Errors never
// hold lines or signed addresses.
//
// # Concurrency
//
// Runner and Operation are safe for concurrent use. The file is read in the
// loop's goroutine. If it goes to disk, and there is more than one processor,
// goroutines of the loop's own write it there and later decode two of its parts
// at once, while the loop's body runs; a slow body holds them up. So methods
// UnmarshalJSON of the caller's structs must not depend on where they are
// called. What goes wrong there, even a panic, appears in the loop, and they end
// before the loop does, however it ends. [Limits].Serial does without them.
// Calls to Shopify are made in the background lane, and downloads carry no
// credentials.
//
// Source: https://shopify.dev/docs/api/usage/bulk-operations/queries
package bulk
