package main

import (
	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/ai/rag"
	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/examples/internal/demo/demotest"
	"github.com/posai-go/posai/shopify/shopifytest"
)

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func smallData() *shopifytest.Data { return demotest.SmallShop() }

func documentOf(d shopifytest.ProductData) rag.Document {
	return rag.Document{Title: d.Title, Type: d.Type, Vendor: d.Vendor, Body: d.Description, Tags: d.Tags}
}

func filterHelp() approval.Filter { return approval.Filter{Kind: kindHelp} }
