package accesslog_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/accesslog"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/shopifytest"
)

type actorKey struct{}

// newShop returns a simulated shop and a client whose reads go to the log.
func newShop(t *testing.T, log accesslog.Log) (*shopifytest.Shop, *shopify.Client) {
	t.Helper()
	hooks, err := accesslog.Hooks(log, &accesslog.Options{
		Actor: func(ctx context.Context) audit.Actor {
			actor, _ := ctx.Value(actorKey{}).(audit.Actor)
			return actor
		},
		Correlation: func(context.Context) string { return "flow-1" },
		Purpose:     func(context.Context) string { return "a greeting on the receipt" },
	})
	require.NoError(t, err)
	shop := shopifytest.NewShop(t, nil)
	client, err := shopify.NewClient(shopify.Domain(shop.Domain()), shopify.StaticToken(shop.Token()), &shopify.Options{
		BaseURL: shop.URL(), Hooks: []shopify.Hooks{hooks},
	})
	require.NoError(t, err)
	return shop, client
}

func newLog(t *testing.T, store audit.Store) *audit.Log {
	t.Helper()
	log, err := audit.Open(t.Context(), store, &audit.Options{MaxWait: time.Minute})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	return log
}

func trail(t *testing.T, log *audit.Log) []audit.Entry {
	t.Helper()
	var out []audit.Entry
	for r, err := range log.Trail(t.Context(), audit.Query{}) {
		require.NoError(t, err)
		out = append(out, r.Entry)
	}
	return out
}

func TestEveryReadIsRecorded(t *testing.T) {
	log := newLog(t, audittest.NewMemory(t))
	shop, client := newShop(t, log)
	customer := shop.Customers()[0]
	ctx := context.WithValue(t.Context(), actorKey{}, audit.Actor{Type: audit.AI, ID: "assistant"})
	resp, err := admin.GetCustomer(ctx, client, shopify.GID(customer.ID))
	require.NoError(t, err)
	require.NotNil(t, resp.Customer)

	entries := trail(t, log)
	require.Len(t, entries, 1)
	e := entries[0]
	assert.Equal(t, audit.KindRead, e.Kind)
	assert.Equal(t, accesslog.Action, e.Action)
	assert.Equal(t, audit.Actor{Type: audit.AI, ID: "assistant"}, e.Actor)
	assert.Equal(t, shop.Domain(), e.Shop)
	assert.Equal(t, "flow-1", e.Correlation)
	assert.Equal(t, "GetCustomer", e.Effect.Operation)
	assert.NotEmpty(t, e.Effect.RequestID)
	assert.Contains(t, e.Subjects, audit.Subject{Type: "customer", ID: customer.ID})
	assert.Contains(t, strings.Fields(e.Attributes["fields"]), "Customer.firstName")
	assert.Contains(t, strings.Fields(e.Attributes["content"]), "name")

	// What is recorded is the schema's own table, and never a value.
	values := shopify.Protected(resp)
	require.NotEmpty(t, values)
	assert.Equal(t, strconv.Itoa(len(values)), e.Attributes["values"])
	e.ID, e.Time, e.Effect.RequestID = "id", time.Unix(0, 0), "id" // random digits may be those of a zip code
	text, err := e.MarshalJSON()
	require.NoError(t, err)
	for _, v := range values {
		assert.Contains(t, strings.Fields(e.Attributes["fields"]), v.Field)
		assert.NotContains(t, string(text), v.Value)
	}

	// What holds no personal data leaves no entry; without an actor it is the system.
	_, err = admin.ListProducts(t.Context(), client, 3, shopify.Optional[string]{}, shopify.Optional[string]{}, shopify.GID(shop.Locations()[0].ID))
	require.NoError(t, err)
	assert.Len(t, trail(t, log), 1)
	_, err = admin.GetCustomer(t.Context(), client, shopify.GID(customer.ID))
	require.NoError(t, err)
	entries = trail(t, log)
	require.Len(t, entries, 2)
	assert.Equal(t, audit.System, entries[1].Actor.Type)
}

// Without a record there is no data.
func TestFailsClosed(t *testing.T) {
	store := audittest.NewMemory(t)
	log := newLog(t, store)
	shop, client := newShop(t, log)
	full := errors.New("the disk is full")
	store.Before = func(audit.Batch) error { return full }
	resp, err := admin.GetCustomer(t.Context(), client, shopify.GID(shop.Customers()[0].ID))
	require.ErrorIs(t, err, shopify.ErrWithheld)
	require.ErrorIs(t, err, full)
	assert.Empty(t, shopify.Protected(resp), "the caller has nothing")
	_, err = accesslog.Hooks(nil, nil)
	require.Error(t, err)
}

// many collects what is appended.
type many []audit.Entry

func (m *many) Append(_ context.Context, e audit.Entry) (audit.Record, error) {
	*m = append(*m, e)
	return audit.Record{}, e.Validate()
}

func TestLargeResponses(t *testing.T) {
	var log many
	hooks, err := accesslog.Hooks(&log, nil)
	require.NoError(t, err)
	access := shopify.ProtectedAccess{Shop: "example.myshopify.com", Operation: shopify.Operation{Name: "Everybody"}, RequestID: "r-1"}
	for i := range 150 {
		access.Fields = append(access.Fields, shopify.ProtectedField{
			Field: fmt.Sprintf("Type%d.aFieldWithALongName", i), Content: "name", Count: 2,
			Objects: []shopify.GID{shopify.NewGID("Customer", int64(i)), "gid://shopify/Customer/0", shopify.NewGID("DraftOrder", int64(i))},
		})
	}
	require.NoError(t, hooks.Protected(t.Context(), access))
	require.Len(t, log, 5, "300 objects, 64 in an entry")
	n := 0
	var fields []string
	for _, e := range log {
		n += len(e.Subjects)
		assert.Equal(t, "300", e.Attributes["values"])
		for k, v := range e.Attributes {
			if strings.HasPrefix(k, "fields") && e.ID == log[0].ID {
				fields = append(fields, v)
			}
		}
	}
	assert.Equal(t, 300, n)
	assert.Equal(t, "draft_order", log[0].Subjects[1].Type)
	for i := range 150 {
		assert.Contains(t, strings.Join(fields, " "), fmt.Sprintf("Type%d.", i))
	}

	log = nil
	require.NoError(t, hooks.Protected(t.Context(), shopify.ProtectedAccess{Fields: []shopify.ProtectedField{{Field: "Customer.email", Count: 1}}}))
	require.Len(t, log, 1, "an access is recorded even where nobody knows whose data it was")
}

// The shop's own admin points to the proof: a metafield of the order.
func TestPointerInAMetafield(t *testing.T) {
	store := audittest.NewMemory(t)
	log := newLog(t, store)
	known, err := store.Verifiers()
	require.NoError(t, err)
	shop, client := newShop(t, log)
	order, err := shop.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{Variant: shop.Products()[0].Variants[0].ID, Quantity: 1}}})
	require.NoError(t, err)
	decision, err := log.Append(t.Context(), audit.Entry{
		Kind: audit.KindDecided, Actor: audit.Actor{Type: audit.Human, ID: "manager-7"}, Action: "postpurchase.followup",
		Subjects: []audit.Subject{{Type: "order", ID: order.ID}}, Decision: &audit.Decision{Verdict: "approve"},
	})
	require.NoError(t, err)

	receipt, err := log.Receipt(t.Context(), decision.Index)
	require.NoError(t, err)
	pointer, err := receipt.Pointer(known)
	require.NoError(t, err)
	value, err := json.Marshal(pointer)
	require.NoError(t, err)
	_, err = admin.MetafieldsSet(t.Context(), client, []admin.MetafieldsSetInput{{
		OwnerID: shopify.GID(order.ID), Namespace: shopify.Some("audit"), Key: "decision", Type: shopify.Some("json"), Value: string(value),
	}})
	require.NoError(t, err)

	fields := shop.Metafields(order.ID)
	require.Len(t, fields, 1)
	var found audit.Pointer
	require.NoError(t, json.Unmarshal([]byte(fields[0].Value), &found))
	record, err := found.Verify(receipt, known)
	require.NoError(t, err)
	assert.Equal(t, decision.Index, record.Index)
	assert.Equal(t, receipt.Digest(), found.Receipt)
}
