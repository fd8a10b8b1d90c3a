package otelshopify_test

import (
	"context"
	"fmt"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/otelshopify"
	"github.com/posai-go/posai/shopify/shopifytest"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

func ExampleHooks() {
	// A shop and an exporter that stand in for the real ones.
	shop, err := shopifytest.Start(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = shop.Close() }()
	exporter := tracetest.NewInMemoryExporter()

	hooks, err := otelshopify.Hooks(&otelshopify.Options{TracerProvider: trace.NewTracerProvider(trace.WithSyncer(exporter))})
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := shopify.NewClient(shopify.Domain(shop.Domain()), shopify.StaticToken(shop.Token()), &shopify.Options{BaseURL: shop.URL(), Hooks: []shopify.Hooks{hooks}})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := admin.GetShop(context.Background(), client); err != nil {
		fmt.Println(err)
		return
	}
	for _, span := range exporter.GetSpans() {
		fmt.Println(span.Name)
	}
	// Output: query GetShop
}
