package subscription_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook/subscription"
)

const soon = time.Minute // never reached by a test that passes

func newClient(t testing.TB, shop *shopifytest.Shop) *shopify.Client {
	t.Helper()
	client, err := shopify.NewClient(shopify.Domain(shop.Domain()), shopify.StaticToken(shop.Token()), &shopify.Options{BaseURL: shop.URL()})
	require.NoError(t, err)
	return client
}

// plain is a client that makes no error of user errors, as genqlient's own
// does not.
type plain struct{ *shopify.Client }

func (p plain) MakeRequest(ctx context.Context, req *graphql.Request, resp *graphql.Response) error {
	err := p.Client.MakeRequest(ctx, req, resp)
	if resp.Data != nil && len(resp.Errors) == 0 {
		return nil
	}
	return err
}

// ask runs a query and returns its data.
func ask(t testing.TB, client graphql.Client, query string, variables any) (data map[string]any) {
	t.Helper()
	require.NoError(t, client.MakeRequest(t.Context(), &graphql.Request{Query: query, Variables: variables}, &graphql.Response{Data: &data}))
	return data
}

func subscriptions(t testing.TB, client graphql.Client) (all []map[string]any) {
	t.Helper()
	data := ask(t, client, `{ webhookSubscriptions(first: 100) { nodes {
		topic uri name filter format includeFields metafieldNamespaces metafields { namespace key } } } }`, nil)
	raw, err := json.Marshal(data["webhookSubscriptions"].(map[string]any)["nodes"])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &all))
	return all
}

func newKeeper(t testing.TB, client graphql.Client, opts *subscription.KeeperOptions, declared ...subscription.Subscription) *subscription.Keeper {
	t.Helper()
	keeper, err := subscription.NewKeeper(client, declared, opts)
	require.NoError(t, err)
	return keeper
}

// sync syncs and returns what was done, such as "create orders/create".
func sync(t testing.TB, keeper *subscription.Keeper) (done []string) {
	t.Helper()
	changes, err := keeper.Sync(t.Context())
	require.NoError(t, err)
	for _, c := range changes {
		assert.NotEmpty(t, c.ID)
		what := string(c.Action) + " " + c.Subscription.Topic
		if c.Lost {
			what += " lost"
		}
		done = append(done, what)
	}
	return done
}

func decimalOf(n int64) decimal.Decimal { return decimal.NewFromInt(n) }

// same reports whether two values of JSON mean the same: numbers, amounts and
// times may be written differently.
func same(x, y any) bool {
	if reflect.DeepEqual(x, y) {
		return true
	}
	if a, err := decimal.NewFromString(fmt.Sprint(x)); err == nil {
		b, err := decimal.NewFromString(fmt.Sprint(y))
		return err == nil && a.Equal(b)
	}
	a, err1 := time.Parse(time.RFC3339, fmt.Sprint(x))
	b, err2 := time.Parse(time.RFC3339, fmt.Sprint(y))
	return err1 == nil && err2 == nil && a.Equal(b)
}
