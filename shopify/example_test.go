package shopify_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/Khan/genqlient/graphql"
	"github.com/posai-go/posai/shopify"
)

func ExampleNewClient() {
	// A stand-in for the shop, so that the example runs anywhere.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"data":{"shop":{"name":"Acme"}}}`)
	}))
	defer server.Close()

	shop, err := shopify.ParseDomain("acme.myshopify.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := shopify.NewClient(shop, shopify.StaticToken("shpat_…"), &shopify.Options{BaseURL: server.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	// Functions that genqlient generates do this.
	var data struct{ Shop struct{ Name string } }
	err = client.MakeRequest(context.Background(), &graphql.Request{Query: `{ shop { name } }`}, &graphql.Response{Data: &data})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(data.Shop.Name)
	// Output: Acme
}

func ExampleOutcomeUnknownError() {
	// A stand-in for a shop whose answers get lost.
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer server.Close()
	client, err := shopify.NewClient("acme.myshopify.com", shopify.StaticToken("shpat_…"), &shopify.Options{BaseURL: server.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	const document = `mutation Bundle { draftOrderCreate(input: {tags: ["bundle-1042"]}) { userErrors { message } } }`
	err = client.MakeRequest(context.Background(), &graphql.Request{Query: document, OpName: "Bundle"}, &graphql.Response{})
	if ou, ok := errors.AsType[*shopify.OutcomeUnknownError](err); ok && !ou.Safety.Repeatable() {
		fmt.Println("look for a draft order with the tag before trying again")
	}
	// Output: look for a draft order with the tag before trying again
}

func ExampleOptional() {
	note := shopify.Some("gift wrap")
	email := shopify.Null[string]()
	var phone shopify.Optional[string]
	fmt.Println(note.Or(""), email.IsNull(), phone.IsZero())
	// Output: gift wrap true true
}

func ExampleParseOperation() {
	op, err := shopify.ParseOperation(`mutation Tag($id: ID!) { tagsAdd(id: $id, tags: ["vip"]) { userErrors { message } } }`, "Tag")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(op.Kind, op.Fields, op.Safety)
	// Output: mutation [tagsAdd] idempotent
}

func ExampleNodes() {
	numbers := shopify.Nodes(context.Background(), func(_ context.Context, after shopify.Optional[string]) (shopify.Page[int], error) {
		if after.IsZero() {
			return shopify.Page[int]{Nodes: []int{1, 2}, HasNextPage: true, EndCursor: "b"}, nil
		}
		return shopify.Page[int]{Nodes: []int{3}}, nil
	})
	for n, err := range numbers {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(n)
	}
	// Output:
	// 1
	// 2
	// 3
}
