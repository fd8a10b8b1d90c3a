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

// Two clients of one shop, with an offline and an online token, share its points.
func ExampleNewClient_sharedLimiter() {
	// A stand-in for the shop, whose bucket holds no more after one answer.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"data":{"shop":{"name":"Acme"}},"extensions":{"cost":{"requestedQueryCost":100,"actualQueryCost":100,"throttleStatus":{"maximumAvailable":1000,"currentlyAvailable":0,"restoreRate":1}}}}`)
	}))
	defer server.Close()

	limiter := shopify.NewLimiter(nil) // one for all clients of the process
	var clients []*shopify.Client
	for _, token := range []string{"shpat_offline", "shpua_online"} {
		client, err := shopify.NewClient("acme.myshopify.com", shopify.StaticToken(token), &shopify.Options{
			BaseURL: server.URL, Limiter: limiter, MaxWait: -1,
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		clients = append(clients, client)
	}
	for _, client := range clients {
		err := client.MakeRequest(context.Background(), &graphql.Request{Query: `{ shop { name } }`}, &graphql.Response{})
		fmt.Println(errors.Is(err, shopify.ErrThrottled)) // the second was not sent
	}
	// Output:
	// false
	// true
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

func ExampleClient_With() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "req-7")
		fmt.Fprint(w, `{"data":{"shop":{"name":"Acme"}},"extensions":{"cost":{"requestedQueryCost":1,"actualQueryCost":1}}}`)
	}))
	defer server.Close()
	client, err := shopify.NewClient("acme.myshopify.com", shopify.StaticToken("shpat_…"), &shopify.Options{BaseURL: server.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	// A backfill lets cashiers go first, and wants to know what it costs.
	var info shopify.Info
	backfill := client.With(shopify.CallOptions{Lane: shopify.Background, Info: &info})
	var data struct{ Shop struct{ Name string } }
	if err := backfill.MakeRequest(context.Background(), &graphql.Request{Query: `{ shop { name } }`}, &graphql.Response{Data: &data}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(info.RequestID, info.Cost.Actual, info.Attempts)
	// Output: req-7 1 1
}

func ExampleHooks() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"data":{"customer":{"id":"gid://shopify/Customer/7","firstName":"Mara"}}}`)
	}))
	defer server.Close()
	// An access log: who read whose personal data. The values are not in it.
	accessLog := shopify.Hooks{Protected: func(_ context.Context, a shopify.ProtectedAccess) error {
		for _, f := range a.Fields {
			fmt.Println(a.Operation.Name, f.Field, f.Objects)
		}
		return nil // an error would withhold the data
	}}
	client, err := shopify.NewClient("acme.myshopify.com", shopify.StaticToken("shpat_…"), &shopify.Options{BaseURL: server.URL, Hooks: []shopify.Hooks{accessLog}})
	if err != nil {
		fmt.Println(err)
		return
	}
	// The generator marks the fields of response types like this.
	var data struct {
		Customer struct {
			ID        shopify.GID `json:"id"`
			FirstName string      `json:"firstName" protected:"Customer.firstName,name"`
		} `json:"customer"`
	}
	const query = `query Greet { customer(id: "gid://shopify/Customer/7") { id firstName } }`
	if err := client.MakeRequest(context.Background(), &graphql.Request{Query: query, OpName: "Greet"}, &graphql.Response{Data: &data}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("Hello,", data.Customer.FirstName)
	// Output:
	// Greet Customer.firstName [gid://shopify/Customer/7]
	// Hello, Mara
}

func ExampleNewIdempotencyKey() {
	// The same refund, asked for twice, has one key in every process.
	key := shopify.NewIdempotencyKey("refundCreate", "gid://shopify/Order/1", "request-42")
	fmt.Println(key == shopify.NewIdempotencyKey("refundCreate", "gid://shopify/Order/1", "request-42"))
	fmt.Println(key == shopify.NewIdempotencyKey("refundCreate", "gid://shopify/Order/1", "request-43"))
	// Output:
	// true
	// false
}

func ExampleRequiredScopes() {
	read := shopify.OperationSpec{Operation: shopify.Operation{Name: "Read"}, Scopes: [][]string{{"read_orders", "read_marketplace_orders"}, {"read_customers"}}}
	write := shopify.OperationSpec{Operation: shopify.Operation{Name: "Write"}, Scopes: [][]string{{"write_orders"}}}
	fmt.Println(shopify.RequiredScopes(read, write))
	fmt.Println(shopify.CheckScopes([]string{"write_orders"}, read, write))
	// Output:
	// [[read_customers] [write_orders]]
	// shopify: missing access scopes: read_customers (for Read)
}
