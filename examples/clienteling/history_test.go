package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/store"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// history makes things happen in a shop at random.
type history struct {
	t      *testing.T
	sim    *shopifytest.Shop
	client *shopify.Client
	random *rand.Rand
	skus   []string
	did    map[string]int

	erased  map[int64]bool
	notes   []book.Note
	redacts []int64
	made    int
}

func newHistory(t *testing.T, sim *shopifytest.Shop, seed uint64) *history {
	t.Helper()
	client, err := shopify.NewClient(shopify.Domain(sim.Domain()), shopify.StaticToken(sim.Token()), &shopify.Options{BaseURL: sim.URL()})
	require.NoError(t, err)
	h := &history{t: t, sim: sim, client: client, random: rand.New(rand.NewPCG(seed, 11)), did: map[string]int{}, erased: map[int64]bool{}}
	for _, p := range sim.Products()[:10] {
		h.skus = append(h.skus, p.Variants[0].SKU)
	}
	return h
}

func numberOf(t *testing.T, id string) int64 {
	t.Helper()
	n, err := shopify.GID(id).Number()
	require.NoError(t, err)
	return n
}

// person is somebody who was not erased.
func (h *history) person() *shopifytest.Customer {
	people := slices.DeleteFunc(h.sim.Customers(), func(c shopifytest.Customer) bool { return h.erased[numberOf(h.t, c.ID)] })
	if len(people) == 0 {
		return nil
	}
	return &people[h.random.IntN(len(people))]
}

// step makes one thing happen. Some happen within the same second.
func (h *history) step() {
	ctx := h.t.Context()
	if h.random.IntN(3) > 0 {
		h.sim.Advance(time.Duration(h.random.IntN(90)) * time.Second)
	}
	who := h.person()
	if who == nil {
		return
	}
	id := numberOf(h.t, who.ID)
	var err error
	what := []string{"sale", "sale", "sale", "walk-in", "refund", "refund", "edit", "order note", "consent", "consent", "share", "join", "merge", "delete", "note", "erase"}[h.random.IntN(16)]
	switch what {
	case "sale", "walk-in":
		sale := shopifytest.Sale{Customer: who.ID}
		if what == "walk-in" {
			sale.Customer = ""
		}
		for range 1 + h.random.IntN(3) {
			sale.Lines = append(sale.Lines, shopifytest.SaleLine{SKU: h.skus[h.random.IntN(len(h.skus))], Quantity: 1 + h.random.IntN(3)})
		}
		if h.random.IntN(3) == 0 {
			sale.Discount = &shopifytest.Discount{Percent: decimal.NewFromInt(int64(5 + h.random.IntN(30)))}
		}
		_, err = h.sim.RingUp(sale)
	case "refund":
		orders := slices.DeleteFunc(h.sim.Orders(), func(o shopifytest.Order) bool {
			return o.CustomerID == "" || o.FulfillmentStatus != "FULFILLED" || o.Lines[0].Refunded >= o.Lines[0].Quantity
		})
		if len(orders) == 0 {
			return
		}
		o := orders[h.random.IntN(len(orders))]
		_, err = h.sim.TakeBack(shopifytest.TakeBack{Order: o.ID, Lines: []shopifytest.TakeBackLine{{Line: 0}}})
	case "edit":
		h.made++
		_, err = admin.CustomerUpdate(ctx, h.client, admin.CustomerInput{ID: shopify.Some(shopify.GID(who.ID)), FirstName: shopify.Some(fmt.Sprint("Renamed ", h.made))})
	case "order note":
		orders := h.sim.Orders()
		h.made++
		_, err = admin.OrderUpdate(ctx, h.client, admin.OrderInput{ID: shopify.GID(orders[h.random.IntN(len(orders))].ID), Note: shopify.Some(fmt.Sprint("Note ", h.made))})
	case "consent":
		_, err = h.sim.SetConsent(who.ID, shopifytest.Consent{Email: []string{"SUBSCRIBED", "UNSUBSCRIBED"}[h.random.IntN(2)]})
	case "share":
		if slices.Contains(who.Tags, "do-not-share") {
			_, err = admin.TagsRemove(ctx, h.client, shopify.GID(who.ID), []string{"do-not-share"})
		} else {
			_, err = admin.TagsAdd(ctx, h.client, shopify.GID(who.ID), []string{"do-not-share"})
		}
	case "join":
		h.made++
		_, err = h.sim.AddCustomer(shopifytest.CustomerData{FirstName: "New", LastName: fmt.Sprint("Person ", h.made), Email: fmt.Sprintf("new%d@example.com", h.made), EmailMarketing: "SUBSCRIBED"})
	case "merge":
		other := h.person()
		if other.ID == who.ID {
			return
		}
		req := &graphql.Request{
			OpName: "Merge", Query: `mutation Merge($a: ID!, $b: ID!) { customerMerge(customerOneId: $a, customerTwoId: $b) { resultingCustomerId userErrors { field message } } }`,
			Variables: map[string]any{"a": other.ID, "b": who.ID},
		}
		var data json.RawMessage
		err = h.client.MakeRequest(ctx, req, &graphql.Response{Data: &data})
	case "delete":
		if who.Orders > 0 {
			return
		}
		err = h.sim.DeleteCustomer(who.ID)
	case "note":
		h.made++
		h.notes = append(h.notes, book.Note{
			ID: fmt.Sprint("note-", h.made), Customer: store.GID(id), At: time.Now().UTC().Truncate(24 * time.Hour).Add(time.Duration(h.made) * time.Second), By: "Jo",
			Kind: book.Service, Text: fmt.Sprint("What was done: ", h.made),
		})
	case "erase":
		if h.random.IntN(3) > 0 {
			return
		}
		h.erased[id] = true
		h.redacts = append(h.redacts, id)
		err = h.sim.EraseCustomer(who.ID)
	}
	require.NoError(h.t, err, what)
	h.did[what]++
}

// redaction is what Shopify sends for an erasure.
func (h *history) redaction(id int64) []byte {
	return fmt.Appendf(nil, `{"shop_id":1,"shop_domain":%q,"customer":{"id":%d},"orders_to_redact":[]}`, h.sim.Domain(), id)
}

// addNote writes a note where its customer is in the book, and reports whether they are.
func addNote(ctx context.Context, t *testing.T, s *service, n book.Note) bool {
	t.Helper()
	_, err := s.store.AddNote(ctx, n)
	if err != nil {
		require.ErrorIs(t, err, store.ErrNotFound)
		return false
	}
	s.wake()
	return true
}

// check holds the CRM's contacts against what the shop itself says, by plain arithmetic.
func (h *history) check(state *crmState, key func(int64) string) {
	h.t.Helper()
	type sum struct {
		orders int
		value  decimal.Decimal
	}
	sums := map[int64]*sum{}
	for _, o := range h.sim.Orders() {
		if o.CustomerID == "" {
			continue
		}
		id := numberOf(h.t, o.CustomerID)
		if sums[id] == nil {
			sums[id] = &sum{}
		}
		sums[id].orders++
		sums[id].value = sums[id].value.Add(o.Total).Sub(o.Refunded)
	}
	want := 0
	for _, c := range h.sim.Customers() {
		id := numberOf(h.t, c.ID)
		row, there := state.contacts[key(id)]
		if h.erased[id] || slices.Contains(c.Tags, "do-not-share") {
			assert.False(h.t, there, "customer %d must not be in the CRM", id)
			continue
		}
		want++
		if !assert.True(h.t, there, "customer %d must be in the CRM", id) {
			continue
		}
		s := sums[id]
		if s == nil {
			s = &sum{}
		}
		assert.Equal(h.t, strconv.Itoa(s.orders), row["orders"], "orders of %d", id)
		value, err := decimal.NewFromString(row["lifetime_value"])
		if s.orders > 0 && assert.NoError(h.t, err) {
			assert.True(h.t, s.value.Equal(value), "value of %d: %s, in the CRM %s", id, s.value, value)
		}
		assert.Equal(h.t, strconv.FormatBool(c.EmailMarketing != "SUBSCRIBED"), row["no_email"], "consent of %d", id)
	}
	assert.Len(h.t, state.contacts, want, "and nobody else")
}
