package shopifytest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

// reply is an answer of the Admin API, as it came.
type reply struct {
	status int
	header http.Header
	body   string
}

// post sends a body to the Admin API; edit may change the request.
func post(t *testing.T, s *shopifytest.Shop, body string, edit func(*http.Request)) (reply, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/admin/api/2026-10/graphql.json", strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Shopify-Access-Token", s.Token())
	if edit != nil {
		edit(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(b)}, err
}

func query(text string) string {
	b, _ := json.Marshal(map[string]string{"query": text})
	return string(b)
}

func TestAdminHTTP(t *testing.T) {
	s := newShop(t, nil)
	path := func(p string) func(*http.Request) { return func(r *http.Request) { r.URL.Path = p } }
	for _, tc := range []struct {
		name, body string
		edit       func(*http.Request)
		status     int
		want       string
	}{
		{
			"no token", query(`{shop{name}}`), func(r *http.Request) { r.Header.Del("X-Shopify-Access-Token") }, 401,
			`{"errors":"[API] Invalid API key or access token (unrecognized login or wrong password)"}`,
		},
		{
			"wrong token", query(`{shop{name}}`), func(r *http.Request) { r.Header.Set("X-Shopify-Access-Token", "x") }, 401,
			`{"errors":"[API] Invalid API key or access token (unrecognized login or wrong password)"}`,
		},
		{"unknown path", query(`{shop{name}}`), path("/admin/api/2026-10/orders.json"), 404, `{"errors":"Not Found"}`},
		{"impossible version", query(`{shop{name}}`), path("/admin/api/2026-11/graphql.json"), 404, `{"errors":"Not Found"}`},
		{"GET", ``, func(r *http.Request) { r.Method = http.MethodGet }, 405, `{"errors":"Method Not Allowed"}`},
		{"HTML wanted", query(`{shop{name}}`), func(r *http.Request) { r.Header.Set("Accept", "text/html, image/*;q=0.8") }, 406, `{"errors":"Not Acceptable"}`},
		{"no JSON", `{"query":`, nil, 400, `{"errors":{"json":"The request body is not valid JSON"}}`},
		{"empty", ``, nil, 400, `{"errors":{"json":"The request body is not valid JSON"}}`},
		{"two values", `{"query":"{shop{name}}"} {}`, nil, 400, `{"errors":{"json":"The request body is not valid JSON"}}`},
		{"a list", `[{"query":"{shop{name}}"}]`, nil, 400, `{"errors":{"query":"Required parameter missing or invalid"}}`},
		{"no query", `{"variables":{}}`, nil, 400, `{"errors":{"query":"Required parameter missing or invalid"}}`},
		{"variables are a list", `{"query":"{shop{name}}","variables":[1]}`, nil, 400, `{"errors":{"variables":"Variables must be a JSON object"}}`},
		{
			"a form", `query=x`, func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }, 400,
			`{"errors":{"query":"Required parameter missing or invalid"}}`,
		},
		{"too long", `{"query":"` + strings.Repeat(" ", 10<<20) + `"}`, nil, 413, `{"errors":"Request Entity Too Large"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := post(t, s, tc.body, tc.edit)
			require.NoError(t, err)
			assert.Equal(t, tc.status, r.status)
			assert.JSONEq(t, tc.want, r.body)
			assert.NotEmpty(t, r.header.Get("X-Request-Id"))
		})
	}
}

func TestAdminVersion(t *testing.T) {
	s := newShop(t, nil)
	for _, version := range []string{"2024-01", "2026-10", "2027-01", "unstable"} {
		r, err := post(t, s, query(`{shop{id}}`), func(r *http.Request) { r.URL.Path = "/admin/api/" + version + "/graphql.json" })
		require.NoError(t, err)
		assert.Equal(t, 200, r.status)
		assert.Equal(t, "2026-10", r.header.Get("X-Shopify-API-Version"), version)
	}
	assert.Equal(t, "unstable", s.Journal()[3].Version)
}

func TestAdminBodies(t *testing.T) {
	s := newShop(t, nil)
	for name, tc := range map[string]struct{ contentType, body string }{
		"graphql":             {"application/graphql", `{ shop { __typename } }`},
		"charset":             {"application/json; charset=utf-8", query(`{shop{__typename}}`)},
		"variables as a text": {"application/json", `{"query":"query Q($n:Int!){shop{__typename} orders(first:$n) @skip(if: true) {nodes{id}}}","variables":"{\"n\":1}"}`},
		"variables are null":  {"application/json", `{"query":"{shop{__typename}}","variables":null,"operationName":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := post(t, s, tc.body, func(r *http.Request) { r.Header.Set("Content-Type", tc.contentType) })
			require.NoError(t, err)
			assert.Contains(t, r.body, `{"data":{"shop":{"__typename":"Shop"}}`)
		})
	}
}

func TestAdminDeprecation(t *testing.T) {
	s := newShop(t, nil)
	r, err := post(t, s, query(`{ currentBulkOperation { id } }`), nil)
	require.NoError(t, err)
	assert.NotEmpty(t, r.header.Get("X-Shopify-API-Deprecated-Reason"))
	r, err = post(t, s, query(`{ shop { id } }`), nil)
	require.NoError(t, err)
	assert.Empty(t, r.header.Get("X-Shopify-API-Deprecated-Reason"))
}

// clock is a time that the test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestAdminCost(t *testing.T) {
	c := &clock{now: today}
	s := newShop(t, &shopifytest.Options{Now: c.Now, Plan: shopifytest.Plan{Maximum: 20, RestoreRate: 2}})
	const expensive = `{ products(first: 250) { nodes { id } } }` // 13 points

	r, err := post(t, s, query(`{ products(first: 250, query: "id:1") { nodes { id } } }`), nil)
	require.NoError(t, err)
	assert.JSONEq(t, `{"data":{"products":{"nodes":[]}},"extensions":{"cost":{"requestedQueryCost":13,"actualQueryCost":2,
		"throttleStatus":{"maximumAvailable":20,"currentlyAvailable":18,"restoreRate":2}}}}`, r.body, "what was not used is given back")

	_, err = post(t, s, query(expensive), nil)
	require.NoError(t, err)
	r, err = post(t, s, query(expensive), nil)
	require.NoError(t, err)
	assert.Equal(t, 200, r.status)
	var throttled struct {
		Data       any
		Errors     []map[string]any
		Extensions struct {
			Cost struct {
				RequestedQueryCost int
				ActualQueryCost    *int
				ThrottleStatus     struct{ CurrentlyAvailable float64 }
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(r.body), &throttled))
	assert.Nil(t, throttled.Data)
	assert.Equal(t, []map[string]any{{"message": "Throttled", "extensions": map[string]any{
		"code": "THROTTLED", "documentation": "https://shopify.dev/api/usage/rate-limits",
	}}}, throttled.Errors)
	assert.Equal(t, 13, throttled.Extensions.Cost.RequestedQueryCost)
	assert.Nil(t, throttled.Extensions.Cost.ActualQueryCost)
	left := throttled.Extensions.Cost.ThrottleStatus.CurrentlyAvailable
	require.Less(t, left, 13.0)

	c.add(time.Duration((13 - left) / 2 * float64(time.Second)))
	r, err = post(t, s, query(expensive), nil)
	require.NoError(t, err)
	assert.NotContains(t, r.body, "THROTTLED", "restored at 2 points per second")

	r, err = post(t, s, query(`{ shop { nme } }`), nil)
	require.NoError(t, err)
	assert.NotContains(t, r.body, "cost", "absent where nothing was valid")
}

func TestAdminScopes(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Scopes: []string{"write_products"}})
	out := call(t, s, `{ products(first: 1) { nodes { id } } customer(id: "gid://shopify/Customer/1") { id } order(id: "gid://shopify/Order/1") { id } }`, nil)
	assert.NotNil(t, at(out, "data", "products"), "write_products includes read_products")
	assert.Nil(t, at(out, "data", "customer"))
	require.Len(t, out["errors"], 2)
	assert.Equal(t, "ACCESS_DENIED", at(out, "errors", 0, "extensions", "code"))
	assert.Contains(t, at(out, "errors", 0, "extensions", "requiredAccess"), "read_customers")
	assert.Equal(t, []any{"customer"}, at(out, "errors", 0, "path"))

	out = call(t, s, `mutation { orderUpdate(input: {id: "gid://shopify/Order/1"}) { userErrors { message } } }`, nil)
	assert.Equal(t, map[string]any{"orderUpdate": nil}, out["data"])
	require.Len(t, out["errors"], 1)
	assert.Contains(t, at(out, "errors", 0, "extensions", "requiredAccess"), "write_orders")
}

func TestFaults(t *testing.T) {
	const write = `mutation Tag($id: ID!) { tagsAdd(id: $id, tags: ["x"]) { userErrors { message } } }`
	for _, tc := range []struct {
		name   string
		fault  shopifytest.Fault
		status int // 0: no answer
		codes  []string
		effect bool
	}{
		{"cut", shopifytest.Fault{Cut: true}, 0, nil, false},
		{"lost response", shopifytest.Fault{LoseResponse: true}, 0, nil, true},
		{"locked shop", shopifytest.Fault{Status: 423}, 423, nil, false},
		{"security rejection", shopifytest.Fault{Status: 430}, 430, nil, false},
		{"server error", shopifytest.Fault{Status: 503, RetryAfter: "1.5"}, 503, nil, false},
		{"throttled", shopifytest.Fault{Throttle: true}, 200, []string{"THROTTLED"}, false},
		{"internal error", shopifytest.Fault{InternalError: true}, 200, []string{"INTERNAL_SERVER_ERROR"}, false},
		{"delay", shopifytest.Fault{Delay: time.Millisecond}, 200, nil, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newShop(t, nil)
			id := s.Orders()[0].ID
			body, err := json.Marshal(map[string]any{"query": write, "variables": map[string]any{"id": id}})
			require.NoError(t, err)
			fault := tc.fault
			fault.Field, fault.Skip, fault.Times = "tagsAdd", 1, 2
			s.Inject(fault)

			_, err = post(t, s, query(`{ shop { id } }`), nil)
			require.NoError(t, err, "another field")
			r, err := post(t, s, string(body), nil)
			require.NoError(t, err, "skipped")
			assert.Equal(t, 200, r.status)
			s.ResetJournal()
			for range 2 {
				r, err = post(t, s, string(body), nil)
				if tc.status == 0 {
					require.Error(t, err)
				} else {
					require.NoError(t, err)
					assert.Equal(t, tc.status, r.status)
					assert.Equal(t, tc.fault.RetryAfter, r.header.Get("Retry-After"))
				}
			}
			r, err = post(t, s, string(body), nil)
			require.NoError(t, err, "used up")
			assert.Equal(t, 200, r.status)

			entries := s.Journal()
			require.Len(t, entries, 3)
			for i, e := range entries {
				assert.Equal(t, "Tag", e.Operation)
				assert.True(t, e.Mutation)
				assert.Equal(t, []string{"tagsAdd"}, e.RootFields)
				assert.Equal(t, map[string]any{"id": id}, e.Variables)
				assert.Equal(t, 10, e.RequestedCost)
				if i == 2 {
					assert.False(t, e.Faulted)
					continue
				}
				assert.True(t, e.Faulted)
				assert.Equal(t, tc.status, e.Status)
				assert.Equal(t, tc.codes, e.Codes)
				assert.Equal(t, tc.effect, e.Effect)
			}
		})
	}
}

func TestFaultWithoutSocket(t *testing.T) {
	s := newShop(t, nil)
	s.Inject(shopifytest.Fault{Cut: true, Operation: "Q"})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+s.Domain()+"/admin/api/2026-10/graphql.json", strings.NewReader(query(`query Q { shop { id } }`)))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Shopify-Access-Token", s.Token())
	_, err = s.Transport().RoundTrip(req)
	require.Error(t, err)
}

// TestDelayEnds checks that a client that gives up ends the delay, and that
// what it asked for has happened.
func TestDelayEnds(t *testing.T) {
	s := newShop(t, nil)
	id := s.Orders()[0].ID
	s.Inject(shopifytest.Fault{Delay: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := post(t, s, query(`mutation { tagsAdd(id: "`+id+`", tags: "late") { userErrors { message } } }`), func(r *http.Request) { *r = *r.WithContext(ctx) })
		done <- err
	}()
	eventually(t, func() bool { o, _ := s.Order(id); return contains(o.Tags, "late") })
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	eventually(t, func() bool { return len(s.Journal()) == 1 })
	assert.True(t, s.Journal()[0].Effect)
}

func contains(list []string, s string) bool {
	return strings.Contains(","+strings.Join(list, ",")+",", ","+s+",")
}

func TestRemoveFault(t *testing.T) {
	s := newShop(t, nil)
	remove := s.Inject(shopifytest.Fault{Status: 500, Times: -1})
	for range 3 {
		r, err := post(t, s, query(`{ shop { id } }`), nil)
		require.NoError(t, err)
		assert.Equal(t, 500, r.status)
	}
	r, err := post(t, s, `no JSON`, nil)
	require.NoError(t, err)
	assert.Equal(t, 500, r.status, "also what cannot be read")
	remove()
	r, err = post(t, s, query(`{ shop { id } }`), nil)
	require.NoError(t, err)
	assert.Equal(t, 200, r.status)
}

func TestJournalIsACopy(t *testing.T) {
	s := newShop(t, nil)
	call(t, s, `query Q($id: ID!) { order(id: $id) { id } }`, map[string]any{"id": "gid://shopify/Order/1"})
	s.Journal()[0].Variables["id"] = "changed"
	assert.Equal(t, "gid://shopify/Order/1", s.Journal()[0].Variables["id"])
	assert.NotContains(t, string(must(json.Marshal(s.Journal()))), s.Token())
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func FuzzAdminBody(f *testing.F) {
	f.Add([]byte(`{"query":"{ shop { name } }","variables":{"a":1e999},"operationName":"Q"}`))
	f.Add([]byte(`{"query":"query Q($n:Int!){orders(first:$n){nodes{id}}}","variables":"{\"n\":2}"}`))
	f.Add([]byte(`[]`))
	s, err := shopifytest.Start(&shopifytest.Options{Today: today, Token: "t"})
	if err != nil {
		f.Fatal(err)
	}
	defer s.Close()
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/admin/api/2026-10/graphql.json", bytes.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Shopify-Access-Token", "t")
		resp, err := s.Transport().RoundTrip(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusBadRequest && resp.StatusCode != http.StatusRequestEntityTooLarge || !json.Valid(b) {
			t.Fatalf("status %d: %s", resp.StatusCode, b)
		}
	})
}
