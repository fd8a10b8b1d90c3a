package shopifytest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

func ExampleStart() {
	shop, err := shopifytest.Start(&shopifytest.Options{Token: "demo", Today: today})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = shop.Close() }()

	order, err := shop.RingUp(shopifytest.Sale{
		Location: "Harbor Street",
		Lines:    []shopifytest.SaleLine{{SKU: "AW-CAN-CEDA"}, {SKU: "AW-MTC"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	body, _ := json.Marshal(map[string]any{
		"query":     `query($id: ID!) { order(id: $id) { totalPriceSet { shopMoney { amount currencyCode } } retailLocation { name } } }`,
		"variables": map[string]any{"id": order.ID},
	})
	req, _ := http.NewRequest(http.MethodPost, shop.URL()+"/admin/api/2026-10/graphql.json", bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Shopify-Access-Token", "demo")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Data json.RawMessage `json:"data"`
	}
	_ = json.NewDecoder(resp.Body).Decode(&answer)
	fmt.Println(string(answer.Data))
	// Output: {"order":{"totalPriceSet":{"shopMoney":{"amount":"50.64","currencyCode":"USD"}},"retailLocation":{"name":"Harbor Street"}}}
}

func ExampleGenerateData() {
	data := shopifytest.GenerateData(1, time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC))
	fmt.Println(data.Shop.Name, len(data.Locations), "locations", len(data.Customers), "customers")
	// Output: Alder & Wren 2 locations 40 customers
}

func ExampleReadData() {
	_, err := shopifytest.ReadData(strings.NewReader(`{"version":1,"shop":{"name":"Corner","domain":"corner.example.com","currency":"EUR"}}`))
	fmt.Println(err)
	// Output: shopifytest: data: shop.domain: must be something.myshopify.com
}

func TestStartRefuses(t *testing.T) {
	for name, opts := range map[string]*shopifytest.Options{
		"address":       {Addr: "127.0.0.1:-1"},
		"negative wait": {RetrySchedule: []time.Duration{-1}},
		"endless waits": {RetrySchedule: make([]time.Duration, 101)},
		"data":          {Data: &shopifytest.Data{}},
	} {
		t.Run(name, func(t *testing.T) {
			opts.Today = today
			_, err := shopifytest.Start(opts)
			require.Error(t, err)
		})
	}
}

func TestTransport(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny(), Socketless: true})
	client := &http.Client{Transport: s.Transport()}
	ask := func(token string) (*http.Response, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+s.Domain()+"/admin/api/2026-10/graphql.json", strings.NewReader(`{"query":"{ shop { name } }"}`))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Shopify-Access-Token", token)
		return client.Do(req)
	}
	resp, err := ask(s.Token())
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Contains(t, string(body), `"name":"Corner"`)
	assert.Equal(t, "application/json; charset=utf-8", resp.Header.Get("Content-Type"))

	resp, err = ask("wrong")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusUnauthorized, resp.StatusCode)

	s.Inject(shopifytest.Fault{Cut: true})
	_, err = ask(s.Token())
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "a cut connection is an error, not a panic")
	assert.NotEmpty(t, s.Journal())
}

// TestTopics subscribes to every topic of the schema.
func TestTopics(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny(), Plan: shopifytest.Enterprise})
	out := data(t, s, `{ __type(name: "WebhookSubscriptionTopic") { enumValues { name } } }`, nil)
	headers := map[string]string{}
	for _, v := range at(out, "__type", "enumValues").([]any) {
		name := at(v, "name").(string)
		subscribe(t, s, name, map[string]any{"uri": "https://app.example.com/hooks"})
		all := s.Subscriptions()
		headers[name] = all[len(all)-1].Topic
	}
	assert.Greater(t, len(headers), 200)
	form := regexp.MustCompile(`^[a-z_]+[/.][a-z_]+$`)
	seen := map[string]bool{}
	for name, h := range headers {
		assert.Regexp(t, form, h)
		assert.Equal(t, strings.ToLower(name), strings.NewReplacer("/", "_", ".", "_").Replace(h), "the same words")
		assert.False(t, seen[h], "%s twice", h)
		seen[h] = true
	}
	// From https://shopify.dev/docs/api/webhooks: the slash is not always before the last word.
	for name, want := range map[string]string{
		"ORDERS_CREATE": "orders/create", "DRAFT_ORDERS_UPDATE": "draft_orders/update", "ORDERS_PARTIALLY_FULFILLED": "orders/partially_fulfilled",
		"INVENTORY_LEVELS_UPDATE": "inventory_levels/update", "CUSTOMER_TAGS_ADDED": "customer.tags_added", "CUSTOMER_JOINED_SEGMENT": "customer.joined_segment",
		"APP_SCOPES_UPDATE": "app/scopes_update", "VARIANTS_OUT_OF_STOCK": "variants/out_of_stock", "FULFILLMENT_ORDERS_PLACED_ON_HOLD": "fulfillment_orders/placed_on_hold",
		"BULK_OPERATIONS_FINISH": "bulk_operations/finish", "TENDER_TRANSACTIONS_CREATE": "tender_transactions/create",
	} {
		assert.Equal(t, want, headers[name])
	}
}

// TestConcurrency sells, writes, reads and delivers all at once; nothing gets lost.
func TestConcurrency(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Plan: shopifytest.Plan{Maximum: 1_000_000, RestoreRate: 100_000}})
	sub := newSubscriber(t, always200)
	subscribe(t, s, "ORDERS_CREATE", map[string]any{"uri": sub.URL})
	subscribe(t, s, "INVENTORY_LEVELS_UPDATE", map[string]any{"uri": sub.URL + "/stock"})
	home := s.Locations()[0].ID
	before, orders := available(t, s, "AW-MTC", home), len(s.Orders())
	const workers, each = 8, 10
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				o, err := s.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{SKU: "AW-MTC"}}})
				if !assert.NoError(t, err) {
					return
				}
				out := call(t, s, setMetafields, map[string]any{"m": []any{map[string]any{
					"ownerId": o.ID, "key": "from", "type": "single_line_text_field", "value": fmt.Sprint(w, i),
				}}})
				assert.Empty(t, at(out, "data", "metafieldsSet", "userErrors"))
				out = call(t, s, `query($q: String) { orders(first: 1, query: $q) { nodes { metafield(key: "from") { value } } } }`, map[string]any{"q": "id:" + o.ID})
				assert.Equal(t, fmt.Sprint(w, i), at(out, "data", "orders", "nodes", 0, "metafield", "value"))
				_, _ = s.Deliveries(), s.Customers()
			}
		})
	}
	wg.Wait()
	waitIdle(t, s)
	assert.Len(t, s.Orders(), orders+workers*each)
	assert.Equal(t, before-workers*each, available(t, s, "AW-MTC", home))
	assert.Len(t, sub.requests(), 2*workers*each)
	ids := map[string]bool{}
	for _, d := range s.Deliveries() {
		assert.Equal(t, shopifytest.DeliveryDelivered, d.State)
		ids[d.WebhookID] = true
	}
	assert.Len(t, ids, 2*workers*each, "each delivery has an id of its own")
}
