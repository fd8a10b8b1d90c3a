package rag_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/ai/rag"
	"github.com/posai-go/posai/ai/rag/ragtest"
)

func Example() {
	ctx := context.Background()
	index, err := rag.NewMemory(&rag.MemoryOptions{Embedder: new(ragtest.Embedder), Language: "en"})
	if err != nil {
		log.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	err = index.Apply(ctx,
		rag.Put{Document: rag.Document{
			ID: "gid://shopify/Product/1", Kind: rag.Product, Title: "Rain jacket", Body: "Waterproof, with taped seams.",
			UpdatedAt: now,
			Variants: []rag.Variant{{
				ID: "gid://shopify/ProductVariant/11", Title: "M / Navy", SKU: "RJ-M-NVY", Barcode: "4006381333931",
				Price: decimal.RequireFromString("129.00"), InventoryItem: "gid://shopify/InventoryItem/111",
				Stock: []rag.Level{{Location: "gid://shopify/Location/1", Available: 0, UpdatedAt: now}},
			}, {
				ID: "gid://shopify/ProductVariant/12", Title: "L / Navy", SKU: "RJ-L-NVY",
				Price: decimal.RequireFromString("129.00"), InventoryItem: "gid://shopify/InventoryItem/112",
				Stock: []rag.Level{{Location: "gid://shopify/Location/1", Available: 3, UpdatedAt: now}},
			}},
		}},
		rag.Put{Document: rag.Document{
			ID: "gid://shopify/Product/2", Kind: rag.Product, Title: "Umbrella", Body: "Keeps the rain off.", UpdatedAt: now,
			Variants: []rag.Variant{{ID: "gid://shopify/ProductVariant/21", SKU: "UMB", Price: decimal.RequireFromString("35.00")}},
		}},
	)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := index.Embed(ctx); err != nil {
		log.Println(err) // the index works by words alone until it succeeds
	}

	show := func(q rag.Query) {
		found, err := index.Search(ctx, q)
		if err != nil {
			log.Fatal(err)
		}
		for _, hit := range found.Hits {
			fmt.Println(q.Text, "→", hit.Document.Title, hit.Variants)
		}
	}
	show(rag.Query{Text: "4006381333931", K: 1})
	show(rag.Query{Text: "waterprof jackets", K: 1, Filter: rag.Filter{
		InStock: &rag.Stock{Locations: []string{"gid://shopify/Location/1"}},
	}})
	// Output:
	// 4006381333931 → Rain jacket [gid://shopify/ProductVariant/11]
	// waterprof jackets → Rain jacket [gid://shopify/ProductVariant/12]
}
