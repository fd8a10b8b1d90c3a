package rest_test

import (
	"context"
	"fmt"
	"net/url"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/rest"
	"github.com/posai-go/posai/shopify/shopifytest"
)

func ExamplePages() {
	shop, err := shopifytest.Start(&shopifytest.Options{Today: today})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer shop.Close()
	client, err := rest.NewClient(shopify.Domain(shop.Domain()), shopify.StaticToken(shop.Token()), &rest.Options{BaseURL: shop.URL()})
	if err != nil {
		fmt.Println(err)
		return
	}
	type product struct {
		ID    int64  `json:"id"`
		Title string `json:"title"`
	}
	n := 0
	for p, err := range rest.Pages[product](context.Background(), client, "products.json", url.Values{"limit": {"250"}, "fields": {"id,title"}}, "products") {
		if err != nil {
			fmt.Println(err)
			return
		}
		if p.Title != "" {
			n++
		}
	}
	fmt.Println(n == len(shop.Products()))
	// Output: true
}

// All clients of a process share a limiter.
func ExampleNewLimiter() {
	shop, err := shopifytest.Start(&shopifytest.Options{Today: today, Plan: shopifytest.Plus})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer shop.Close()
	domain := shopify.Domain(shop.Domain())
	limiter := rest.NewLimiter()
	for range 2 { // for two jobs, say
		client, err := rest.NewClient(domain, shopify.StaticToken(shop.Token()), &rest.Options{BaseURL: shop.URL(), Limiter: limiter})
		if err != nil {
			fmt.Println(err)
			return
		}
		if _, err := client.Get(context.Background(), "shop.json", nil, nil); err != nil {
			fmt.Println(err)
			return
		}
	}
	b := limiter.Bucket(domain)
	fmt.Println(b.Max, b.LeakRate)
	// Output: 400 20
}
