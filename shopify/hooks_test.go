package shopify_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/posai-go/posai/shopify"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type hookKey struct{}

// recordHooks returns hooks that write down what they are told.
func recordHooks(name string, mu *sync.Mutex, log *[]string) shopify.Hooks {
	note := func(ctx context.Context, format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		in, _ := ctx.Value(hookKey{}).(string)
		*log = append(*log, name+"["+in+"] "+fmt.Sprintf(format, args...))
	}
	return shopify.Hooks{
		Start: func(ctx context.Context, s shopify.CallStart) context.Context {
			note(ctx, "start %s %s %s", s.Operation.Name, s.Shop, s.Lane)
			in, _ := ctx.Value(hookKey{}).(string)
			return context.WithValue(ctx, hookKey{}, in+name)
		},
		Attempt: func(ctx context.Context, a shopify.Attempt) {
			note(ctx, "attempt %d status %d again %v failed %v", a.Number, a.Status, a.Again, a.Err != nil)
		},
		End: func(ctx context.Context, e shopify.CallEnd) {
			note(ctx, "end %s attempts %d status %d failed %v", e.Info.Operation.Name, e.Info.Attempts, e.Info.Status, e.Err != nil)
		},
	}
}

func TestHooks(t *testing.T) {
	tests := []struct {
		name     string
		document string
		replies  []reply
		want     []string
	}{
		{"success", readShop, []reply{{body: okShop}}, []string{
			"a[] start ReadShop acme.myshopify.com interactive",
			"b[a] start ReadShop acme.myshopify.com interactive",
			"a[ab] attempt 1 status 200 again false failed false",
			"b[ab] attempt 1 status 200 again false failed false",
			"b[ab] end ReadShop attempts 1 status 200 failed false",
			"a[ab] end ReadShop attempts 1 status 200 failed false",
		}},
		{"retries", readShop, []reply{{status: 500}, {cut: true}, {body: okShop}}, []string{
			"a[] start ReadShop acme.myshopify.com interactive",
			"b[a] start ReadShop acme.myshopify.com interactive",
			"a[ab] attempt 1 status 500 again true failed true",
			"b[ab] attempt 1 status 500 again true failed true",
			"a[ab] attempt 2 status 0 again true failed true",
			"b[ab] attempt 2 status 0 again true failed true",
			"a[ab] attempt 3 status 200 again false failed false",
			"b[ab] attempt 3 status 200 again false failed false",
			"b[ab] end ReadShop attempts 3 status 200 failed false",
			"a[ab] end ReadShop attempts 3 status 200 failed false",
		}},
		{"failure", createDraft, []reply{{status: 403}}, []string{
			"a[] start CreateDraft acme.myshopify.com interactive",
			"b[a] start CreateDraft acme.myshopify.com interactive",
			"a[ab] attempt 1 status 403 again false failed true",
			"b[ab] attempt 1 status 403 again false failed true",
			"b[ab] end CreateDraft attempts 1 status 403 failed true",
			"a[ab] end CreateDraft attempts 1 status 403 failed true",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, tt.replies...)
			var mu sync.Mutex
			var log []string
			c := s.client(t, shopify.Options{Hooks: []shopify.Hooks{recordHooks("a", &mu, &log), {}, recordHooks("b", &mu, &log)}})
			_, _, err := do(t.Context(), c, tt.document, nil)
			assert.Equal(t, tt.name == "failure", err != nil)
			assert.Equal(t, tt.want, log)
		})
	}
}

func TestHooksSeeCostsAndWaits(t *testing.T) {
	s := newServer(t, reply{status: 503, header: map[string]string{"Retry-After": "0.02"}}, reply{body: okShop})
	var attempts []shopify.Attempt
	var end shopify.CallEnd
	c := s.client(t, shopify.Options{Hooks: []shopify.Hooks{{
		Start:   func(context.Context, shopify.CallStart) context.Context { return nil },
		Attempt: func(_ context.Context, a shopify.Attempt) { attempts = append(attempts, a) },
		End:     func(_ context.Context, e shopify.CallEnd) { end = e },
	}}})
	_, _, err := do(t.Context(), c.With(shopify.CallOptions{Lane: shopify.Background}), readShop, nil)
	require.NoError(t, err)
	require.Len(t, attempts, 2)
	assert.InDelta(t, 22*time.Millisecond, attempts[0].Pause, float64(2*time.Millisecond), "20 ms, and up to a fifth more")
	assert.ErrorIs(t, attempts[0].Err, shopify.ErrServer)
	assert.Equal(t, "req-1", attempts[0].RequestID)
	assert.Zero(t, attempts[0].Cost.Requested)
	assert.Positive(t, attempts[1].Duration)
	assert.InDelta(t, 10, attempts[1].Cost.Actual, 0)
	assert.Equal(t, shopify.Background, end.Lane)
	assert.Equal(t, "req-2", end.Info.RequestID)
	assert.InDelta(t, 10, end.Info.Cost.Actual, 0)
	assert.GreaterOrEqual(t, end.Info.Waited, 20*time.Millisecond)
	assert.GreaterOrEqual(t, end.Duration, end.Info.Waited)
}

// customerResponse is as the generator makes it.
type customerResponse struct {
	Customer *struct {
		ID        shopify.GID `json:"id"`
		FirstName string      `json:"firstName" protected:"Customer.firstName,name"`
		Note      string      `json:"note"`
		Addresses []struct {
			address
			Latitude *float64 `json:"latitude" protected:"MailingAddress.latitude,address"`
		} `json:"addresses"`
	} `json:"customer"`
}

type address struct {
	Zip       string   `json:"zip" protected:"MailingAddress.zip,address"`
	Formatted []string `json:"formatted" protected:"MailingAddress.formatted,address"`
}

// okCustomer fits customerResponse, whose embedded type encoding/json does not
// fill because it is not exported.
const okCustomer = `{"data":{"customer":{"id":"gid://shopify/Customer/7","firstName":"Mara","note":"likes linen","addresses":[{"latitude":51.05}]}},` + costExtension + `}`

func TestProtected(t *testing.T) {
	assert.Empty(t, shopify.Protected(nil))
	assert.Empty(t, shopify.Protected(map[string]any{"customer": map[string]any{"firstName": "Mara"}}))
	assert.Empty(t, shopify.Protected((*customerResponse)(nil)))
	assert.Empty(t, shopify.Protected(&customerResponse{}))

	type Address struct {
		Zip       string   `json:"zip" protected:"MailingAddress.zip,address"`
		Formatted []string `json:"formatted" protected:"MailingAddress.formatted,address"`
	}
	type place struct {
		Address `json:"-"` // as genqlient embeds fragments
		Lat     *float64   `json:"latitude" protected:"MailingAddress.latitude,address"`
	}
	type node interface{ isNode() }
	type page struct {
		Orders struct {
			Nodes []struct {
				ID    shopify.GID `json:"id"`
				Email string      `json:"email" protected:"Order.email,email"`
				Place *place      `json:"place"`
				Any   *any        `json:"-"`
			} `json:"nodes"`
		} `json:"orders"`
		Tags []string `json:"tags"`
		Node node     `json:"-"`
	}
	p := page{Tags: []string{"vip"}, Node: person{ID: "gid://shopify/Customer/2", Name: "Jo"}}
	p.Orders.Nodes = append(p.Orders.Nodes, p.Orders.Nodes...)
	p.Orders.Nodes = make([]struct {
		ID    shopify.GID `json:"id"`
		Email string      `json:"email" protected:"Order.email,email"`
		Place *place      `json:"place"`
		Any   *any        `json:"-"`
	}, 2)
	lat := 51.05
	p.Orders.Nodes[1].ID, p.Orders.Nodes[1].Email = "gid://shopify/Order/1", "jo@example.com"
	p.Orders.Nodes[1].Place = &place{Address: Address{Zip: "9000", Formatted: []string{"Jo", "Ghent"}}, Lat: &lat}

	within := []shopify.GID{"gid://shopify/Order/1"}
	assert.Equal(t, []shopify.ProtectedValue{
		{"orders.nodes.1.email", "Order.email", "email", "jo@example.com", within},
		{"orders.nodes.1.place.zip", "MailingAddress.zip", "address", "9000", within},
		{"orders.nodes.1.place.formatted.0", "MailingAddress.formatted", "address", "Jo", within},
		{"orders.nodes.1.place.formatted.1", "MailingAddress.formatted", "address", "Ghent", within},
		{"orders.nodes.1.place.latitude", "MailingAddress.latitude", "address", "51.05", within},
		{"node.displayName", "Customer.displayName", "name", "Jo", []shopify.GID{"gid://shopify/Customer/2"}},
	}, shopify.Protected(p))
	text := fmt.Sprintf("%v %+v %#v", shopify.Protected(p)[0], shopify.Protected(p)[0], shopify.Protected(p)[0])
	assert.NotContains(t, text, "jo@example.com")
	assert.Contains(t, text, "Order.email at orders.nodes.1.email")
}

type person struct {
	ID   shopify.GID `json:"id"`
	Name string      `json:"displayName" protected:"Customer.displayName,name"`
}

func (person) isNode() {}

func TestProtectedHook(t *testing.T) {
	s := newServer(t, reply{body: okCustomer})
	var got []shopify.ProtectedAccess
	var ended int
	c := s.client(t, shopify.Options{Hooks: []shopify.Hooks{{
		Protected: func(_ context.Context, a shopify.ProtectedAccess) error {
			assert.Zero(t, ended)
			got = append(got, a)
			return nil
		},
		End: func(context.Context, shopify.CallEnd) { ended++ },
	}}})
	data := &customerResponse{}
	err := c.MakeRequest(t.Context(), &graphql.Request{Query: readShop, OpName: "ReadShop"}, &graphql.Response{Data: data})
	require.NoError(t, err)
	assert.Equal(t, "Mara", data.Customer.FirstName)
	require.Len(t, got, 1)
	assert.Equal(t, testShop, got[0].Shop)
	assert.Equal(t, "ReadShop", got[0].Operation.Name)
	assert.Equal(t, "req-1", got[0].RequestID)
	whose := []shopify.GID{"gid://shopify/Customer/7"}
	assert.Equal(t, []shopify.ProtectedField{{"Customer.firstName", "name", 1, whose}, {"MailingAddress.latitude", "address", 1, whose}}, got[0].Fields)

	_, _, err = do(t.Context(), newServer(t, reply{body: okShop}).client(t, shopify.Options{Hooks: []shopify.Hooks{{
		Protected: func(context.Context, shopify.ProtectedAccess) error { return errors.New("called without need") },
	}}}), readShop, nil)
	assert.NoError(t, err)
}

func TestAccessThatCannotBeLoggedIsWithheld(t *testing.T) {
	failure := errors.New("the log is full")
	s := newServer(t, reply{body: okCustomer})
	var end shopify.CallEnd
	c := s.client(t, shopify.Options{Hooks: []shopify.Hooks{{
		Protected: func(context.Context, shopify.ProtectedAccess) error { return failure },
		End:       func(_ context.Context, e shopify.CallEnd) { end = e },
	}}})
	data := &customerResponse{}
	err := c.MakeRequest(t.Context(), &graphql.Request{Query: readShop, OpName: "ReadShop"}, &graphql.Response{Data: data})
	require.ErrorIs(t, err, shopify.ErrWithheld)
	require.ErrorIs(t, err, failure)
	assert.Equal(t, err, end.Err)
	assert.Nil(t, data.Customer)
	assert.Len(t, s.seen(), 1)
}
