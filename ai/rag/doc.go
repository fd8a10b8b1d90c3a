// Package rag searches a shop's products and policies, so that a model answers from what
// the shop knows, and checks that it did.
//
// An [Index] holds [Document] values and is kept up to date by [Change] values, which
// [FromWebhook] makes of Shopify's events. A search finds
//
//   - codes first: a SKU, a barcode or a GID is found exactly,
//   - words by BM25, stemmed by language, with typing errors, accents, hyphens and units
//     forgiven,
//   - meaning by vectors that an [ai.Embedder] makes,
//
// and fuses the two lists by reciprocal rank. Filters (stock at a location, price,
// collection, tags) and vectors are exact: what is best among what passes is found.
//
//	index, err := rag.NewMemory(&rag.MemoryOptions{Embedder: embedder, Language: "en"})
//	if err != nil {
//		return err
//	}
//	if err := index.Apply(ctx, rag.Put{Document: product}); err != nil {
//		return err
//	}
//	if _, err := index.Embed(ctx); err != nil {
//		log.Print(err) // the index works by words alone, and says so
//	}
//	found, err := index.Search(ctx, rag.Query{Text: "waterproof jacket size 42"})
//
// [Memory] keeps everything in the process and can be saved to a file; package pgrag
// keeps it in PostgreSQL.
//
// # Answers
//
// [Grounds] holds what was found for one conversation. [Grounds.Check] says what an
// answer claims that is not there: products, prices, stock, quotations.
// [Grounds.Guard] puts that between a model and its reader.
//
// # Trust
//
// Texts of products are written by many people and may hold instructions: hand them to a
// model as [ai.Text] with Untrusted set, as [Grounds.Part] does.
package rag
