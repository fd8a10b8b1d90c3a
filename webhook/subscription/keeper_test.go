package subscription_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	gosync "sync"
	"testing"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook/subscription"
)

const address = "https://pos.example.com/webhooks"

func TestSync(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(*shopifytest.Shop) graphql.Client{
		"plain":  newClient,
		"strict": func(s *shopifytest.Shop) graphql.Client { return strict{newClient(s)} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := wrap(shopifytest.NewShop(t, nil))
			all := []subscription.Subscription{
				{Topic: "orders/create", URI: address},
				{
					Topic: "orders/updated", URI: address, Name: "pos", Filter: "source_name:pos", IncludeFields: []string{"id", "updated_at"},
					Metafields: []subscription.Metafield{{Namespace: "$app:notes", Key: "mood"}}, MetafieldNamespaces: []string{"$app", "custom"},
				},
				{Topic: "customer.tags_added", URI: "pubsub://my-project:my-topic"},
				{Topic: "refunds/create", URI: "arn:aws:events:us-east-1::event-source/aws.partner/shopify.com/123/shop"},
			}
			keeper := newKeeper(t, client, nil, all...)
			plan, err := keeper.Plan(t.Context())
			require.NoError(t, err)
			assert.Len(t, plan, 4)
			assert.Empty(t, subscriptions(t, client), "planned is not done")
			assert.Equal(t, []string{"create orders/create", "create orders/updated", "create customer.tags_added", "create refunds/create"}, sync(t, keeper))
			found := subscriptions(t, client)
			require.Len(t, found, 4)
			assert.Equal(t, "source_name:pos", found[1]["filter"])
			assert.Equal(t, "pos", found[1]["name"])
			assert.Equal(t, []any{"id", "updated_at"}, found[1]["includeFields"])
			assert.Equal(t, "CUSTOMER_TAGS_ADDED", found[2]["topic"])
			assert.Equal(t, "pubsub://my-project:my-topic", found[2]["uri"])
			assert.Empty(t, sync(t, keeper), "as declared")

			slices.Reverse(all[1].IncludeFields) // an order is no difference
			assert.Empty(t, sync(t, newKeeper(t, client, nil, all...)), "another process, the same declaration")

			// The rest may change under the same name, address and filter included.
			all[1] = subscription.Subscription{Topic: "orders/updated", URI: address + "/pos", Name: "pos"}
			all[0].Filter = "total_price:>100"
			assert.Equal(t, []string{"update orders/create", "update orders/updated"}, sync(t, newKeeper(t, client, nil, all...)))
			found = subscriptions(t, client)
			assert.Equal(t, "total_price:>100", found[0]["filter"])
			assert.Nil(t, found[1]["filter"], "what is no longer declared is cleared")
			assert.Equal(t, address+"/pos", found[1]["uri"])
			for _, field := range []string{"includeFields", "metafields", "metafieldNamespaces"} {
				assert.Empty(t, found[1][field])
			}

			// What is no longer declared goes, if it is the keeper's.
			all = all[1:]
			assert.Empty(t, sync(t, newKeeper(t, client, nil, all...)), "another address may be another part's")
			mine := &subscription.KeeperOptions{Owns: func(f subscription.Found) bool { return f.URI == address && f.Topic == "ORDERS_CREATE" }}
			assert.Equal(t, []string{"delete ORDERS_CREATE"}, sync(t, newKeeper(t, client, mine, all...)))
			kept := newKeeper(t, client, nil, subscription.Subscription{Topic: "orders/paid", URI: address + "/pos"})
			assert.Equal(t, []string{"delete ORDERS_UPDATED", "create orders/paid"}, sync(t, kept))
		})
	}
}

func TestTwoToOneTopic(t *testing.T) {
	t.Parallel()
	client := newClient(shopifytest.NewShop(t, nil))
	cheap := subscription.Subscription{Topic: "orders/create", URI: address, Filter: "total_price:<100"}
	dear := subscription.Subscription{Topic: "orders/create", URI: address, Filter: "total_price:>=100"}
	assert.Len(t, sync(t, newKeeper(t, client, nil, cheap, dear)), 2)
	assert.Empty(t, sync(t, newKeeper(t, client, nil, dear, cheap)))
	dear.Filter = "total_price:>=500"
	assert.Equal(t, []string{"update orders/create"}, sync(t, newKeeper(t, client, nil, dear, cheap)))
	assert.Equal(t, []string{"delete orders/create"}, sync(t, newKeeper(t, client, nil, cheap)))
	assert.Equal(t, "total_price:<100", subscriptions(t, client)[0]["filter"])
}

func TestNewKeeperRefuses(t *testing.T) {
	t.Parallel()
	client := newClient(shopifytest.NewShop(t, nil))
	for name, s := range map[string]subscription.Subscription{
		"no topic":               {URI: address},
		"an enum":                {Topic: "ORDERS_CREATE", URI: address},
		"compliance":             {Topic: "customers/redact", URI: address},
		"no address":             {Topic: "orders/create"},
		"plain http":             {Topic: "orders/create", URI: "http://pos.example.com/"},
		"a password":             {Topic: "orders/create", URI: "https://me:secret@pos.example.com/"},
		"another cloud":          {Topic: "orders/create", URI: "arn:aws:sqs:us-east-1:123:queue"},
		"half of Pub/Sub":        {Topic: "orders/create", URI: "pubsub://project"},
		"a name with spaces":     {Topic: "orders/create", URI: address, Name: "my name"},
		"half a metafield":       {Topic: "orders/create", URI: address, Metafields: []subscription.Metafield{{Key: "k"}}},
		"an empty field":         {Topic: "orders/create", URI: address, IncludeFields: []string{""}},
		"an empty app namespace": {Topic: "orders/create", URI: address, MetafieldNamespaces: []string{""}},
	} {
		_, err := subscription.NewKeeper(client, []subscription.Subscription{s}, nil)
		require.ErrorIs(t, err, subscription.ErrInvalid, name)
		assert.NotContains(t, err.Error(), "secret")
	}
	s := subscription.Subscription{Topic: "orders/create", URI: address}
	_, err := subscription.NewKeeper(client, []subscription.Subscription{s, s}, nil)
	require.ErrorContains(t, err, "declared twice")
	_, err = subscription.NewKeeper(nil, nil, nil)
	require.ErrorIs(t, err, subscription.ErrInvalid)
	_, err = subscription.NewKeeper(client, nil, &subscription.KeeperOptions{Interval: -1})
	require.ErrorIs(t, err, subscription.ErrInvalid)
}

func TestARefusalDoesNotStopTheRest(t *testing.T) {
	t.Parallel()
	client := strict{newClient(shopifytest.NewShop(t, nil))}
	keeper := newKeeper(t, client, nil,
		subscription.Subscription{Topic: "orders/create", URI: address, Filter: "total_price:>5 )"},
		subscription.Subscription{Topic: "orders/paid", URI: address})
	changes, err := keeper.Sync(t.Context())
	refused := new(subscription.UserError)
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, []string{"webhookSubscription", "filter"}, refused.Field)
	require.Len(t, changes, 1)
	assert.Equal(t, "orders/paid", changes[0].Subscription.Topic)
}

func TestSeveralKeepersAtOnce(t *testing.T) {
	t.Parallel()
	client := newClient(shopifytest.NewShop(t, nil))
	var declared []subscription.Subscription
	for _, topic := range []string{"orders/create", "orders/updated", "orders/paid", "refunds/create", "customers/update"} {
		declared = append(declared, subscription.Subscription{Topic: topic, URI: address})
	}
	var wg gosync.WaitGroup
	for range 4 {
		wg.Go(func() {
			_, err := newKeeper(t, client, nil, declared...).Sync(t.Context())
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.Len(t, subscriptions(t, client), len(declared))
}

// The whole of it: a receiver that fails for so long that Shopify gives the
// subscription up gets it back.
func TestGuardRestoresWhatShopifyDeleted(t *testing.T) {
	t.Parallel()
	shop := shopifytest.NewShop(t, &shopifytest.Options{RetrySchedule: slices.Repeat([]time.Duration{time.Millisecond}, 8)})
	var mu gosync.Mutex
	down := true
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if down {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer receiver.Close()
	client := newClient(shop)
	changes := make(chan subscription.Change, 10)
	keeper := newKeeper(t, client, &subscription.KeeperOptions{
		Interval: 20 * time.Millisecond, OnChange: func(_ context.Context, c subscription.Change) { changes <- c },
	}, subscription.Subscription{Topic: "orders/create", URI: receiver.URL})
	ctx, cancel := context.WithCancel(t.Context())
	guarded := make(chan error, 1)
	go func() { guarded <- keeper.Guard(ctx) }()
	next := func() subscription.Change {
		select {
		case c := <-changes:
			return c
		case <-time.After(soon):
			require.FailNow(t, "nothing changed")
			panic("unreachable")
		}
	}
	first := next()
	assert.Equal(t, subscription.Create, first.Action)
	assert.False(t, first.Lost)

	sell(t, shop)
	lost := next()
	assert.Equal(t, subscription.Create, lost.Action)
	assert.True(t, lost.Lost)
	assert.NotEqual(t, first.ID, lost.ID)

	mu.Lock()
	down = false
	mu.Unlock()
	sell(t, shop)
	require.NoError(t, shop.WaitIdle(t.Context()))
	deliveries := shop.Deliveries()
	assert.Equal(t, shopifytest.DeliveryDelivered, deliveries[len(deliveries)-1].State)
	cancel()
	require.ErrorIs(t, <-guarded, context.Canceled)
}

func sell(t testing.TB, shop *shopifytest.Shop) shopifytest.Order {
	t.Helper()
	order, err := shop.RingUp(shopifytest.Sale{Customer: shop.Customers()[0].ID, Lines: []shopifytest.SaleLine{{SKU: "AW-CAN-CEDA", Quantity: 2}}})
	require.NoError(t, err)
	return order
}
