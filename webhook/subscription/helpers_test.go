package subscription_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook/subscription"
)

const soon = 3 * time.Minute // never reached by a test that passes

// doer adds the access token to requests.
type doer struct{ token string }

func (d doer) Do(r *http.Request) (*http.Response, error) {
	r.Header.Set("X-Shopify-Access-Token", d.token)
	return http.DefaultClient.Do(r)
}

// newClient returns genqlient's own client, which makes no error of user
// errors.
func newClient(shop *shopifytest.Shop) graphql.Client {
	return graphql.NewClient(shop.URL()+"/admin/api/2026-10/graphql.json", doer{shop.Token()})
}

// strict is a client that makes errors of user errors, as shopify.Client does.
type strict struct{ graphql.Client }

func (s strict) MakeRequest(ctx context.Context, req *graphql.Request, resp *graphql.Response) error {
	if err := s.Client.MakeRequest(ctx, req, resp); err != nil {
		return err
	}
	if data, err := json.Marshal(resp.Data); err != nil || strings.Contains(string(data), `"userErrors":[{`) {
		return errors.New("refused")
	}
	return nil
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
