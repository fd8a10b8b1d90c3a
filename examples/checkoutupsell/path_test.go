package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/rollout"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/checkoutupsell/internal/advice"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/examples/internal/demo/demotest"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// long is how long a test waits for what has to come, however busy the machine is.
const long = 5 * time.Minute

// path is the whole service and a simulated shop, over real HTTP.
type path struct {
	*service
	t    testing.TB
	sim  *shopifytest.Shop
	cfg  *config
	till *till
	logs *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// smallShop is the shop with few orders, so that it is learned in a moment.
func smallShop() *shopifytest.Data {
	data := *demotest.SmallShop()
	data.Products = slices.Clone(data.Products)
	return simulatedShop(&data)
}

// begun is a path whose rollout is at its first stage.
func begun(t *testing.T, args ...string) *path {
	t.Helper()
	return newPath(t, args...).begin()
}

func (p *path) begin() *path {
	p.t.Helper()
	r, err := p.desk.rollout.Promote(p.t.Context(), self, "test")
	require.NoError(p.t, err)
	p.decide(r, approval.Approve, nil)
	_, err = p.Queue.Wait(p.t.Context(), r.ID)
	require.NoError(p.t, err)
	return p
}

func newPath(t *testing.T, args ...string) *path {
	t.Helper()
	return newPathWith(t, smallShop(), args...)
}

func newPathWith(t testing.TB, data *shopifytest.Data, args ...string) *path {
	t.Helper()
	cfg, err := parseConfig(append([]string{"-holdout", "0"}, args...), func(string) string { return "" }, io.Discard)
	require.NoError(t, err)
	sim := shopifytest.NewShop(t, &shopifytest.Options{Data: data, Plan: shopifytest.Enterprise, RetrySchedule: demo.RetrySoon()})
	cfg.use(sim)
	logs := &syncBuffer{}
	logger := slog.New(slog.NewTextHandler(logs, nil))
	sh, err := openShop(t.Context(), cfg, logger)
	require.NoError(t, err)
	s, err := startService(t.Context(), cfg, sh, t.TempDir(), "127.0.0.1:0", logger, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.stopWithin(context.Background(), long)) })
	require.NoError(t, s.subscribe(t.Context()))
	require.NoError(t, s.ready(t.Context()))
	return &path{service: s, t: t, sim: sim, cfg: cfg, logs: logs, till: &till{
		url: s.URL, clientID: cfg.clientID, secret: cfg.Secret, shop: cfg.Shop, currency: sh.currency, location: firstOf(sh.locations), sim: sim,
		client: &http.Client{Timeout: long}, random: rand.New(rand.NewPCG(1, 2)),
	}}
}

func (p *path) decide(r *approval.Request, verdict approval.Verdict, edit map[string]string) {
	p.t.Helper()
	_, err := p.Queue.Decide(p.t.Context(), approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: verdict, By: demo.Manager, Channel: "test", Edit: edit})
	require.NoError(p.t, err)
}

// ask is a question that has to be answered in full, however busy the machine is: asked
// again, what came too late is there.
func (p *path) ask(q question) answer {
	p.t.Helper()
	var a answer
	require.Eventually(p.t, func() bool {
		var err error
		a, _, err = p.till.ask(p.t.Context(), q)
		require.NoError(p.t, err)
		return a.Offer != ""
	}, long, 20*time.Millisecond)
	return a
}

func (p *path) cart(titles ...string) question {
	var variants []string
	for _, t := range titles {
		v := p.till.variant(t)
		require.NotEmpty(p.t, v, t)
		variants = append(variants, v)
	}
	return p.till.question(p.till.newCart(), variants...)
}

// offered is a cart with its answer and an add-on of it.
func (p *path) offered(titles ...string) (question, answer, suggestionView) {
	p.t.Helper()
	q := p.cart(titles...)
	a := p.ask(q)
	s, err := addon(a)
	require.NoError(p.t, err)
	return q, a, s
}

// settledView asks until a discount is decided and made.
func (p *path) settledView(offer string, states ...string) discountView {
	p.t.Helper()
	var v discountView
	require.Eventually(p.t, func() bool {
		a, err := p.till.again(p.t.Context(), offer)
		require.NoError(p.t, err)
		if a.Discount != nil {
			v = *a.Discount
		}
		return slices.Contains(states, v.State)
	}, long, 20*time.Millisecond, "%v", states)
	return v
}

func (p *path) requests(cart string) []*approval.Request {
	p.t.Helper()
	var out []*approval.Request
	for r, err := range p.Queue.List(p.t.Context(), approval.Filter{Kind: kindDiscount, Subject: audit.Subject{Type: "cart", ID: cart}}) {
		require.NoError(p.t, err)
		out = append(out, r)
	}
	return out
}

func (p *path) outcome(cart string) outcome {
	p.t.Helper()
	var o outcome
	require.Eventually(p.t, func() bool {
		r, err := p.Log.Get(p.t.Context(), p.desk.entryID(kindOutcome, cart))
		if err != nil {
			require.ErrorIs(p.t, err, audit.ErrNotFound)
			return false
		}
		o, err = outcomeOf(r)
		require.NoError(p.t, err)
		return true
	}, long, 10*time.Millisecond)
	return o
}

func TestOfferFromCartToOrder(t *testing.T) {
	p := begun(t)
	q, a, s := p.offered("Suede Chelsea Boot", "Boot Socks")
	assert.True(t, a.Show)
	assert.True(t, a.Loyalty, "nobody is on the sale")
	assert.LessOrEqual(t, len(a.Suggestions), 3)
	stock := map[int64]shopifytest.Variant{}
	for _, product := range p.sim.Products() {
		for _, v := range product.Variants {
			stock[number(v.ID)] = v
		}
	}
	for _, s := range a.Suggestions {
		v := stock[s.VariantID]
		assert.Positive(t, v.Available[p.till.location])
		assert.Equal(t, v.Price.StringFixed(2), s.Price, "Shopify's price")
		assert.NotContains(t, []string{"Suede Chelsea Boot", "Boot Socks"}, s.Title)
	}
	assert.Equal(t, a, p.ask(q), "the same question, the same answer")

	v, err := p.till.discount(t.Context(), a.Offer, wish{VariantID: s.VariantID, Percent: 10})
	require.NoError(t, err)
	if v.State == discountWorking {
		v = p.settledView(a.Offer, discountReady)
	}
	require.Equal(t, discountReady, v.State, v.Reason)
	codes := p.sim.DiscountCodes()
	require.Len(t, codes, 1)
	assert.Equal(t, v.Code, codes[0].Code)
	assert.Equal(t, v.Off, codes[0].Amount.StringFixed(2), "an amount, so that a price or more pieces change nothing")
	assert.Equal(t, 1, codes[0].UsageLimit)
	assert.Equal(t, []string{numbered("ProductVariant", s.VariantID)}, codes[0].Variants)
	assert.WithinDuration(t, time.Now().Add(30*time.Minute), codes[0].EndsAt, 2*time.Minute)
	assert.Equal(t, v, p.settledView(a.Offer, discountReady))
	require.Eventually(t, func() bool { // the code is there a moment before that is on record
		for _, err := range p.Log.Trail(t.Context(), audit.Query{Correlation: "cart/" + q.Cart, Kind: audit.KindEffect}) {
			require.NoError(t, err)
			return true
		}
		return false
	}, long, 10*time.Millisecond)

	order, err := p.till.ringUp(q, a.Offer, []int64{s.VariantID}, &v)
	require.NoError(t, err)
	o := p.outcome(q.Cart)
	assert.Equal(t, order.ID, o.order)
	assert.Equal(t, rollout.Treatment, o.arm)
	assert.Equal(t, 1, o.accepted)
	assert.Equal(t, order.Subtotal.StringFixed(2), o.basket.StringFixed(2))
	assert.Equal(t, v.Off, o.off.StringFixed(2))
	price := decimal.RequireFromString(s.Price)
	assert.Equal(t, price.Sub(o.off).StringFixed(2), o.acceptedValue.StringFixed(2))

	var kinds []audit.Kind
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		kinds = nil
		for r, err := range p.Log.Trail(t.Context(), audit.Query{Correlation: "cart/" + q.Cart}) {
			require.NoError(c, err)
			kinds = append(kinds, r.Entry.Kind)
		}
		assert.Equal(c, []audit.Kind{kindAssigned, kindOffered, audit.KindProposed, audit.KindRuled, audit.KindStarted, audit.KindEffect, kindOutcome}, kinds)
	}, long, 10*time.Millisecond)
	assert.NotContains(t, p.logs.String(), v.Code, "a code is money")
	text, err := os.ReadDir(p.Dir)
	require.NoError(t, err)
	require.NotEmpty(t, text)
	for r, err := range p.Log.Trail(t.Context(), audit.Query{}) {
		require.NoError(t, err)
		leaf, err := json.Marshal(r.Entry)
		require.NoError(t, err)
		assert.NotContains(t, string(leaf), v.Code, "nor in the audit log")
	}
}

func TestDiscountsByPolicy(t *testing.T) {
	p := begun(t)
	t.Run("a manager approves", func(t *testing.T) {
		_, a, s := p.offered("Hopsack Wool Blazer")
		v, err := p.till.discount(t.Context(), a.Offer, wish{VariantID: s.VariantID, Percent: 20})
		require.NoError(t, err)
		require.Equal(t, discountPending, v.State)
		assert.WithinDuration(t, time.Now().Add(10*time.Minute), v.Expires, time.Minute)
		r := p.requests(a.Cart)[0]
		assert.Equal(t, approval.Human, r.Proposer.Type)
		_, err = p.Queue.Decide(t.Context(), approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: approval.Approve, By: approval.Principal{ID: r.Proposer.ID, Type: approval.Human, Roles: []string{demo.RoleManager}}, Channel: "test"})
		require.ErrorIs(t, err, approval.ErrForbidden, "who asks does not decide")
		p.decide(r, approval.Approve, nil)
		assert.Equal(t, v.Off, p.settledView(a.Offer, discountReady).Off)
	})
	t.Run("a manager gives less", func(t *testing.T) {
		_, a, s := p.offered("Hopsack Wool Blazer")
		_, err := p.till.discount(t.Context(), a.Offer, wish{VariantID: s.VariantID, Percent: 20})
		require.NoError(t, err)
		r := p.requests(a.Cart)[0]
		_, err = p.Queue.Decide(t.Context(), approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: approval.Approve, By: demo.Manager, Channel: "test", Edit: map[string]string{fieldPercent: "95"}})
		require.ErrorIs(t, err, approval.ErrInvalid)
		p.decide(r, approval.Approve, map[string]string{fieldPercent: "12"})
		assert.Equal(t, 12, p.settledView(a.Offer, discountReady).Percent)
	})
	t.Run("a manager cannot give more than anybody may", func(t *testing.T) {
		_, a, s := p.offered("Hopsack Wool Blazer")
		_, err := p.till.discount(t.Context(), a.Offer, wish{VariantID: s.VariantID, Percent: 20})
		require.NoError(t, err)
		r := p.requests(a.Cart)[0]
		_, _ = p.Queue.Decide(t.Context(), approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: approval.Approve, By: demo.Manager, Channel: "test", Edit: map[string]string{fieldPercent: "60"}})
		before := len(p.sim.DiscountCodes())
		v := p.settledView(a.Offer, discountRefused, discountPending)
		assert.Empty(t, v.Code)
		assert.Len(t, p.sim.DiscountCodes(), before)
	})
	t.Run("a manager says no, and less is asked", func(t *testing.T) {
		_, a, s := p.offered("Leather Tote")
		_, err := p.till.discount(t.Context(), a.Offer, wish{VariantID: s.VariantID, Percent: 20})
		require.NoError(t, err)
		p.decide(p.requests(a.Cart)[0], approval.Reject, nil)
		assert.Equal(t, discountRefused, p.settledView(a.Offer, discountRefused).State)
		_, err = p.till.discount(t.Context(), a.Offer, wish{VariantID: s.VariantID, Percent: 5})
		require.NoError(t, err)
		assert.Equal(t, 5, p.settledView(a.Offer, discountReady).Percent)
	})
	t.Run("beyond the limits", func(t *testing.T) {
		_, a, s := p.offered("Leather Tote")
		before := len(p.sim.DiscountCodes())
		for _, w := range []wish{{VariantID: s.VariantID, Percent: 60}, {VariantID: s.VariantID, Percent: 5, Discounted: true}} {
			v, err := p.till.discount(t.Context(), a.Offer, w)
			require.NoError(t, err)
			assert.Equal(t, discountRefused, v.State, "%+v", w)
			assert.NotEmpty(t, v.Reason)
		}
		for _, w := range []wish{
			{VariantID: number(p.till.variant("Leather Tote")), Percent: 5},
			{VariantID: s.VariantID},
			{VariantID: s.VariantID, Percent: 95},
			{VariantID: -1, Percent: 5},
		} {
			_, err := p.till.discount(t.Context(), a.Offer, w)
			require.ErrorIs(t, err, errStatus, "%+v", w)
			require.ErrorContains(t, err, "422")
		}
		assert.Len(t, p.sim.DiscountCodes(), before)
	})
}

func TestOneDiscountPerCart(t *testing.T) {
	p := begun(t)
	_, a, s := p.offered("Suede Chelsea Boot")
	var asking sync.WaitGroup
	for i := range 12 {
		asking.Go(func() {
			_, err := p.till.discount(t.Context(), a.Offer, wish{VariantID: s.VariantID, Percent: 5 + i%3})
			assert.NoError(t, err)
		})
	}
	asking.Wait()
	p.settledView(a.Offer, discountReady)
	assert.Len(t, p.requests(a.Cart), 1)
	assert.Len(t, p.sim.DiscountCodes(), 1)
}

func TestLostAnswerMakesOneCode(t *testing.T) {
	p := begun(t)
	_, a, s := p.offered("Suede Chelsea Boot")
	p.sim.Inject(shopifytest.Fault{Field: "discountCodeBasicCreate", LoseResponse: true})
	_, err := p.till.discount(t.Context(), a.Offer, wish{VariantID: s.VariantID, Percent: 5})
	require.NoError(t, err)
	v := p.settledView(a.Offer, discountReady)
	require.Len(t, p.sim.DiscountCodes(), 1)
	assert.Equal(t, v.Code, p.sim.DiscountCodes()[0].Code)

	// Taken back: the code ends.
	r := p.requests(a.Cart)[0]
	u, err := p.Queue.Undo(t.Context(), r.ID, approval.Principal{ID: "staff:9", Type: approval.Human, Roles: []string{demo.RoleManager}}, "test")
	require.NoError(t, err)
	require.Equal(t, approval.Pending, u.State, "another manager is asked")
	p.decide(u, approval.Approve, nil)
	_, err = p.Queue.Wait(t.Context(), u.ID)
	require.NoError(t, err)
	assert.False(t, p.sim.DiscountCodes()[0].EndsAt.After(time.Now()))
}

func TestNothingIsShown(t *testing.T) {
	t.Run("before the first stage, and paused", func(t *testing.T) {
		p := newPath(t)
		q := p.cart("Suede Chelsea Boot")
		a, _, err := p.till.ask(t.Context(), q)
		require.NoError(t, err)
		assert.False(t, a.Show)
		assert.Empty(t, a.Offer)
		r, err := p.desk.rollout.Promote(t.Context(), self, "test")
		require.NoError(t, err)
		p.decide(r, approval.Approve, nil)
		_, err = p.Queue.Wait(t.Context(), r.ID)
		require.NoError(t, err)
		p.ask(q)
		require.NoError(t, p.desk.rollout.Pause(t.Context(), demo.Manager, "complaints"))
		require.Eventually(t, func() bool {
			a, _, err := p.till.ask(t.Context(), p.cart("Suede Chelsea Boot"))
			require.NoError(t, err)
			return !a.Show && a.Offer == ""
		}, long, 50*time.Millisecond)
	})
	t.Run("in the control group, and the order counts", func(t *testing.T) {
		p := begun(t, "-holdout", "0.9")
		held, shown := 0, 0
		for range 40 {
			q := p.cart("Suede Chelsea Boot")
			a := p.ask(q)
			want := p.desk.rollout.Arm(t.Context(), rollout.Subject{Unit: "cart/" + q.Cart, Location: p.till.location})
			if assert.Equal(t, want == rollout.Treatment, a.Show, "as the plan assigns it") && a.Show {
				shown++
				continue
			}
			held++
			assert.Empty(t, a.Suggestions)
			_, err := p.till.again(t.Context(), a.Offer)
			require.ErrorContains(t, err, "404", "a register does not see what it is not shown")
			_, err = p.till.discount(t.Context(), a.Offer, wish{VariantID: 1, Percent: 5})
			require.ErrorContains(t, err, "404")
			if held == 1 {
				_, err := p.till.ringUp(q, a.Offer, []int64{q.Lines[0].VariantID}, nil)
				require.NoError(t, err)
				o := p.outcome(q.Cart)
				assert.Equal(t, rollout.Control, o.arm)
				assert.Zero(t, o.accepted)
			}
		}
		assert.Greater(t, held, 25)
		assert.Positive(t, shown)
	})
	t.Run("after the offer has expired", func(t *testing.T) {
		p := begun(t)
		_, a, s := p.offered("Suede Chelsea Boot")
		p.desk.now = func() time.Time { return time.Now().Add(21 * time.Minute) } // nobody asks at the moment
		again, err := p.till.again(t.Context(), a.Offer)
		require.NoError(t, err)
		assert.False(t, again.Show)
		_, err = p.till.discount(t.Context(), a.Offer, wish{VariantID: s.VariantID, Percent: 5})
		require.ErrorContains(t, err, "422")
	})
	t.Run("where Shopify is late", func(t *testing.T) {
		p := begun(t)
		p.sim.Inject(shopifytest.Fault{Operation: "Shelf", Delay: 2 * time.Second})
		q := p.cart("Suede Chelsea Boot")
		a, _, err := p.till.ask(t.Context(), q)
		require.NoError(t, err)
		assert.False(t, a.Show, "the register does not wait")
		assert.EqualValues(t, 1, p.desk.empty.Load())
		assert.True(t, p.ask(q).Show, "and has it a moment later")

		// Nor for a discount: it is told to try again while Shopify still holds back,
		// which is longer than the till's own patience.
		assert.Less(t, patience, 800*time.Millisecond)
		_, offered, s := p.offered("Hopsack Wool Blazer")
		p.sim.Inject(shopifytest.Fault{Operation: "Shelf", Delay: time.Minute, Times: -1}) // whatever is still being looked up from before
		var v discountView
		err = p.till.sendOnce(t.Context(), http.MethodPost, "/pos/offers/"+offered.Offer+"/discount", wish{VariantID: s.VariantID, Percent: 5}, &v)
		require.ErrorIs(t, err, errBriefly)
	})
}

func TestCustomersPast(t *testing.T) {
	p := begun(t)
	// Somebody who bought everything that goes with boots lately.
	customer := p.sim.Customers()[0].ID
	q, a, _ := p.offered("Suede Chelsea Boot")
	for _, s := range a.Suggestions {
		_, err := p.sim.RingUp(shopifytest.Sale{Customer: customer, Lines: []shopifytest.SaleLine{{Variant: strconv.FormatInt(s.VariantID, 10)}}})
		require.NoError(t, err)
	}
	q.Cart, q.CustomerID = p.till.newCart(), number(customer)
	b := p.ask(q)
	assert.False(t, b.Loyalty, "somebody is on the sale")
	for _, s := range a.Suggestions {
		assert.NotContains(t, b.Suggestions, s, "what was just bought is not suggested")
	}
	read := 0
	for _, err := range p.Log.Trail(t.Context(), audit.Query{Kind: audit.KindRead, Subject: audit.Subject{Type: "customer", ID: customer}}) {
		require.NoError(t, err)
		read++
	}
	assert.Equal(t, 1, read, "that it was read is on record")
	person := p.sim.Customers()[0]
	for _, secret := range []string{person.LastName, person.Email} {
		assert.NotContains(t, p.logs.String(), secret)
	}
	for _, e := range p.sim.Journal() {
		if e.Operation == "History" {
			assert.NotContains(t, e.RootFields, "displayName")
		}
	}
}

func TestForgedAttribution(t *testing.T) {
	p := begun(t)
	q, a, s := p.offered("Suede Chelsea Boot")
	other, b, _ := p.offered("Leather Tote")
	hat := number(p.till.variant("Merino Crewneck"))
	require.False(t, slices.ContainsFunc(a.Suggestions, func(s suggestionView) bool { return s.VariantID == hat }))

	_, err := p.till.ringUp(q, a.Offer, []int64{hat}, nil) // never suggested
	require.NoError(t, err)
	assert.Zero(t, p.outcome(q.Cart).accepted)
	_, err = p.till.ringUp(q, a.Offer, []int64{s.VariantID}, nil) // the cart is an order already
	require.NoError(t, err)
	_, err = p.till.ringUp(other, a.Offer, []int64{s.VariantID}, nil) // another cart's offer
	require.NoError(t, err)
	assert.Zero(t, p.outcome(other.Cart).accepted)
	stranger := other
	stranger.Cart = "cart-nobody-asked-about"
	_, err = p.till.ringUp(stranger, b.Offer, nil, nil)
	require.NoError(t, err)
	require.NoError(t, p.sim.WaitIdle(t.Context()))
	outcomes := 0
	require.Eventually(t, func() bool {
		outcomes = 0
		for _, err := range p.desk.outcomes(t.Context(), time.Time{}) {
			require.NoError(t, err)
			outcomes++
		}
		return strings.Contains(p.logs.String(), "a second order names the same cart")
	}, long, 20*time.Millisecond)
	assert.Equal(t, 2, outcomes)
	assert.Zero(t, p.outcome(q.Cart).accepted, "the first order counts")
}

func TestRegisterIsChecked(t *testing.T) {
	p := begun(t)
	good, err := json.Marshal(p.cart("Suede Chelsea Boot"))
	require.NoError(t, err)
	token := func(shop, secret string, at time.Time) string {
		return "Bearer " + shopifytest.SignSessionToken(secret, shopifytest.SessionClaims{Shop: shop, ClientID: p.cfg.clientID, Account: "71", Issued: at})
	}
	send := func(method, path, authorization string, body []byte) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), method, p.URL+path, bytes.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Authorization", authorization)
		r.Header.Set("Origin", "https://extensions.example.com")
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp
	}
	for name, authorization := range map[string]string{
		"none": "", "another secret": token(p.cfg.Shop, "another", time.Now()), "expired": token(p.cfg.Shop, p.cfg.Secret, time.Now().Add(-time.Hour)),
		"another shop": token("another.myshopify.com", p.cfg.Secret, time.Now()),
	} {
		resp := send(http.MethodPost, "/pos/offers", authorization, good)
		assert.Equal(t, http.StatusUnauthorized, resp.StatusCode, name)
		assert.Equal(t, "*", resp.Header.Get("Access-Control-Allow-Origin"), name)
	}
	resp := send(http.MethodOptions, "/pos/offers", "", nil)
	assert.Equal(t, http.StatusNoContent, resp.StatusCode)
	assert.Equal(t, "Authorization, Content-Type", resp.Header.Get("Access-Control-Allow-Headers"))

	ok := func() string { return token(p.cfg.Shop, p.cfg.Secret, time.Now()) } // for a minute
	for name, tt := range map[string]struct {
		change func(*question)
		status int
	}{
		"as it is":         {func(*question) {}, http.StatusOK},
		"no cart":          {func(q *question) { q.Cart = "" }, http.StatusUnprocessableEntity},
		"a path for cart":  {func(q *question) { q.Cart = "../../etc/passwd" }, http.StatusUnprocessableEntity},
		"another currency": {func(q *question) { q.Currency = "JPY" }, http.StatusUnprocessableEntity},
		"no location":      {func(q *question) { q.LocationID = 0 }, http.StatusUnprocessableEntity},
		"no quantity":      {func(q *question) { q.Lines[0].Quantity = 0 }, http.StatusUnprocessableEntity},
		"many lines":       {func(q *question) { q.Lines = make([]questionLine, 41) }, http.StatusUnprocessableEntity},
	} {
		var q question
		require.NoError(t, json.Unmarshal(good, &q))
		tt.change(&q)
		body, err := json.Marshal(q)
		require.NoError(t, err)
		assert.Equal(t, tt.status, send(http.MethodPost, "/pos/offers", ok(), body).StatusCode, name)
	}
	assert.Equal(t, http.StatusUnprocessableEntity, send(http.MethodPost, "/pos/offers", ok(), []byte(`{"cart":`)).StatusCode)
	assert.Equal(t, http.StatusRequestEntityTooLarge, send(http.MethodPost, "/pos/offers", ok(), bytes.Repeat([]byte(" "), maxQuestion+1)).StatusCode)
	assert.Equal(t, http.StatusNotFound, send(http.MethodGet, "/pos/offers/nothing", ok(), nil).StatusCode)
	assert.Equal(t, http.StatusNotFound, send(http.MethodGet, "/pos/offers/cart-12345678.0123456789ab", ok(), nil).StatusCode)
}

func FuzzReadQuestion(f *testing.F) {
	f.Add([]byte(`{"cart":"cart-1234","location_id":1,"currency":"USD","lines":[{"variant_id":5,"quantity":2}]}`))
	f.Add([]byte(`{"cart":"cart-1234","location_id":1,"currency":"USD","lines":[{"variant_id":5,"quantity":1},{"variant_id":5,"quantity":1}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := readQuestion(bytes.NewReader(body), "USD")
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(a.cart.Lines), maxLines)
		require.Equal(t, a.key, cartOf(a.offer))
		require.Regexp(t, `^gid://shopify/Location/[1-9][0-9]*$`, a.location)
		for _, l := range a.cart.Lines {
			require.Regexp(t, `^gid://shopify/ProductVariant/[1-9][0-9]*$`, l.Variant)
			require.Positive(t, l.Quantity)
		}
	})
}

func TestModels(t *testing.T) {
	with := func(t *testing.T, replies ...aitest.Reply) (*path, *aitest.Server) {
		server := aitest.NewOpenAIServer(t, replies...)
		return begun(t, "-model", "openai:test", "-model-url", server.BaseURL(), "-model-key", "secret-key-of-the-model", "-model-timeout", "700ms"), server
	}
	t.Run("ranks and words", func(t *testing.T) {
		p, server := with(t, aitest.JSON(judgment{[]pick{{2, "Keeps the suede like new"}, {1, "Take 90 % off with me"}, {99, "Not there"}}}))
		q := p.cart("Suede Chelsea Boot")
		q.CustomerID = number(p.sim.Customers()[0].ID)
		a := p.ask(q)
		o, err := p.desk.known(t.Context(), a.Offer)
		require.NoError(t, err)
		if o.by != "test" { // too busy a machine: the baseline, in time
			assert.Equal(t, "the model was late", o.fallback)
			t.Log("the machine was too busy for the model")
			return
		}
		require.Len(t, a.Suggestions, 2)
		assert.Equal(t, "Keeps the suede like new", a.Suggestions[0].Reason)
		assert.Contains(t, []string{
			advice.Reason(&advice.Candidate{Kind: a.Suggestions[1].Kind, Score: 1}), advice.Reason(&advice.Candidate{Kind: a.Suggestions[1].Kind}),
		}, a.Suggestions[1].Reason, "what must not be said is replaced")
		person := p.sim.Customers()[0]
		for _, r := range server.Requests() {
			for _, secret := range []string{person.FirstName, person.LastName, person.Email, strconv.FormatInt(q.CustomerID, 10), "gid://", q.Cart} {
				assert.NotContains(t, string(r.Body), secret, "the model is told nothing of the customer")
			}
		}
	})
	for name, reply := range map[string]aitest.Reply{"nonsense": aitest.Text("Sure!"), "refusal": aitest.Refusal("no"), "nothing of the list": aitest.JSON(judgment{[]pick{{77, "Goes well with it"}}})} {
		t.Run(name, func(t *testing.T) {
			p, _ := with(t, reply)
			a := p.ask(p.cart("Suede Chelsea Boot"))
			assert.NotEmpty(t, a.Suggestions, "the baseline stands in")
			o, err := p.desk.known(t.Context(), a.Offer)
			require.NoError(t, err)
			assert.Equal(t, "baseline", o.by)
			assert.NotEmpty(t, o.fallback)
		})
	}
	t.Run("asked twice at once", func(t *testing.T) {
		reply := aitest.JSON(judgment{[]pick{{1, "Keeps the suede like new"}}})
		reply.Delay = 100 * time.Millisecond
		p, server := with(t, reply)
		q := p.cart("Suede Chelsea Boot")
		var asking sync.WaitGroup
		for range 8 {
			asking.Go(func() {
				_, _, err := p.till.ask(t.Context(), q)
				assert.NoError(t, err)
			})
		}
		asking.Wait()
		p.ask(q)
		assert.LessOrEqual(t, len(server.Requests()), 1, "the same question asks the model once")
	})
	t.Run("late", func(t *testing.T) {
		p, _ := with(t, aitest.Reply{Text: `{"suggestions":[]}`, Delay: 5 * time.Second})
		p.desk.timeout = 50 * time.Millisecond
		a := p.ask(p.cart("Suede Chelsea Boot"))
		assert.NotEmpty(t, a.Suggestions)
		o, err := p.desk.known(t.Context(), a.Offer)
		require.NoError(t, err)
		assert.Equal(t, "the model was late", o.fallback)
	})
}

// TestCartsOverHTTP asks about random carts of the simulated shop, while its stock goes
// down, and looks at each answer: 300 of them, and 10,000 with POSAI_FULL=1.
func TestCartsOverHTTP(t *testing.T) {
	carts := 300
	if os.Getenv("POSAI_FULL") == "1" {
		carts = 10_000
	}
	p := begun(t)
	shown := 0
	for i := range carts {
		products := map[int64]shopifytest.Product{}
		available := map[int64]int{}
		for _, product := range p.sim.Products() {
			for _, v := range product.Variants {
				products[number(v.ID)], available[number(v.ID)] = product, v.Available[p.till.location]
			}
		}
		q := p.till.question(p.till.newCart(), p.till.anyCart()...)
		if len(q.Lines) == 0 {
			break // sold out
		}
		a := p.ask(q)
		for _, s := range a.Suggestions {
			shown++
			require.Positive(t, available[s.VariantID], s.Title)
			require.NotEqual(t, "Gift Cards", products[s.VariantID].Type)
			for _, l := range q.Lines {
				require.NotEqual(t, products[l.VariantID].ID, products[s.VariantID].ID, "in the cart")
			}
			require.LessOrEqual(t, s.Percent, 10)
		}
		if len(a.Suggestions) > 0 && (i < 300 || i%50 == 0) { // or there is soon nothing left to suggest
			_, err := p.till.ringUp(q, a.Offer, []int64{a.Suggestions[0].VariantID}, nil)
			require.NoError(t, err)
		}
	}
	assert.Greater(t, shown, carts/4)
	t.Logf("%d carts, %d suggestions", carts, shown)
}
