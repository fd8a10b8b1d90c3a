package graph_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

func ExampleEngine_Execute() {
	engine, err := graph.New(`schema { query: QueryRoot }
		type QueryRoot { product(id: ID!): Product }
		type Product { id: ID! title: String! price: Decimal! }
		scalar Decimal`, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	stored := graph.ResolverFunc(func(c *graph.Call) (any, bool, error) {
		if c.Field == "product" {
			return graph.Object{"id": c.Args["id"], "title": "Linen shirt"}, true, nil
		}
		return nil, false, nil // the price is generated
	})
	resp := engine.Execute(context.Background(), graph.Request{
		Query:     `query Q($id: ID!) { product(id: $id) { title price } }`,
		Variables: map[string]any{"id": "gid://shopify/Product/1"},
	}, stored)
	body, _ := json.Marshal(resp)
	fmt.Println(string(body))
	// Output: {"data":{"product":{"title":"Linen shirt","price":"58.83"}}}
}
