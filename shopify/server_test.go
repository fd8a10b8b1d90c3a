package shopify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/posai-go/posai/shopify"
	"github.com/stretchr/testify/require"
)

const (
	testShop  = shopify.Domain("acme.myshopify.com")
	testToken = "shpat_0123456789abcdef"

	readShop      = `query ReadShop($id: ID) { shop { name } }`
	addTags       = `mutation AddTags($id: ID!, $tags: [String!]!) { tagsAdd(id: $id, tags: $tags) { userErrors { field message } } }`
	createDraft   = `mutation CreateDraft($input: DraftOrderInput!) { draftOrderCreate(input: $input) { draftOrder { id } userErrors { field message } } }`
	refund        = `mutation Refund($input: RefundInput!, $key: String!) { refundCreate(input: $input) @idempotent(key: $key) { userErrors { field message code } } }`
	refundNoKey   = `mutation Refund($input: RefundInput!) { refundCreate(input: $input) { userErrors { field message } } }`
	cancelOrder   = `mutation Cancel($id: ID!) { orderCancel(orderId: $id) { orderCancelUserErrors { field message code } userErrors { field message } } }`
	costExtension = `"extensions":{"cost":{"requestedQueryCost":10,"actualQueryCost":10,"throttleStatus":{"maximumAvailable":2000.0,"currentlyAvailable":1990,"restoreRate":100.0}}}`
	okShop        = `{"data":{"shop":{"name":"Acme"}},` + costExtension + `}`
	okTags        = `{"data":{"tagsAdd":{"userErrors":[]}},` + costExtension + `}`
	okDraft       = `{"data":{"draftOrderCreate":{"draftOrder":{"id":"gid://shopify/DraftOrder/1"},"userErrors":[]}}}`
	okRefund      = `{"data":{"refundCreate":{"userErrors":[]}}}`
)

// reply is one scripted answer of the server.
type reply struct {
	status int // 0 is 200
	header map[string]string
	body   string
	cut    bool // close the connection instead of answering
	dial   bool // get no connection; without sockets only
	half   bool // close the connection in the middle of the body
	hold   bool // answer when the client has gone
}

// server answers with the replies in order, and the last one for ever.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	requests []request
}

// request is what the server got.
type request struct {
	header http.Header
	path   string
	raw    string
	body   struct {
		Query         string
		OperationName string
		Variables     json.RawMessage
	}
}

func newServer(t testing.TB, replies ...reply) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		req := request{header: r.Header.Clone(), path: r.URL.Path, raw: string(raw)}
		if err := json.Unmarshal(raw, &req.body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		n := len(s.requests)
		s.requests = append(s.requests, req)
		s.mu.Unlock()
		answer := replies[min(n, len(replies)-1)]
		switch {
		case answer.cut:
			panic(http.ErrAbortHandler)
		case answer.hold:
			<-r.Context().Done()
			return
		}
		for k, v := range answer.header {
			w.Header().Set(k, v)
		}
		w.Header().Set("X-Request-Id", fmt.Sprintf("req-%d", n+1))
		if answer.half {
			w.Header().Set("Content-Length", strconv.Itoa(len(answer.body)))
			_, _ = io.WriteString(w, answer.body[:len(answer.body)/2])
			panic(http.ErrAbortHandler)
		}
		if answer.status != 0 {
			w.WriteHeader(answer.status)
		}
		_, _ = io.WriteString(w, answer.body)
	}))
	t.Cleanup(s.Close)
	return s
}

// seen returns the requests so far.
func (s *server) seen() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]request(nil), s.requests...)
}

// client returns a client of the server that does not pause long.
func (s *server) client(t testing.TB, opts shopify.Options) *shopify.Client {
	t.Helper()
	opts.BaseURL = s.URL
	if opts.MinBackoff == 0 {
		opts.MinBackoff, opts.MaxBackoff = time.Millisecond, 4*time.Millisecond
	}
	c, err := shopify.NewClient(testShop, shopify.StaticToken(testToken), &opts)
	require.NoError(t, err)
	return c
}

// do runs a document whose operation is called as in the document.
func do(ctx context.Context, c *shopify.Client, document string, variables any) (map[string]any, *graphql.Response, error) {
	op, err := shopify.ParseOperation(document, "")
	if err != nil {
		return nil, nil, err
	}
	var data map[string]any
	resp := &graphql.Response{Data: &data}
	err = c.MakeRequest(ctx, &graphql.Request{Query: document, OpName: op.Name, Variables: variables}, resp)
	return data, resp, err
}
