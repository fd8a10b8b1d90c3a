package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/examples/internal/demo/demotest"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
	"github.com/posai-go/posai/webhook/webhooktest"
)

// path is the whole service and a simulated shop, over real HTTP.
type path struct {
	*service
	t      *testing.T
	sim    *shopifytest.Shop
	cfg    *config
	scenes []scene
	seen   func(inbox.EventKind) int
}

func newPath(t *testing.T, args ...string) *path {
	t.Helper()
	cfg, err := parseConfig(args, func(string) string { return "" }, io.Discard)
	require.NoError(t, err)
	sim := shopifytest.NewShop(t, &shopifytest.Options{Data: demotest.SmallShop(), RetrySchedule: []time.Duration{
		50 * time.Millisecond, 200 * time.Millisecond, time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second,
	}})
	cfg.Use(sim)
	logger := slog.New(slog.DiscardHandler)
	sh, err := openShop(t.Context(), cfg, logger)
	require.NoError(t, err)
	var kinds demotest.Counter
	s, err := startService(t.Context(), cfg, sh, t.TempDir(), "127.0.0.1:0", logger, kinds.Observe)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.StopWithin(context.Background(), 2*time.Minute)) })
	require.NoError(t, s.subscribe(t.Context()))
	scenes, err := pickSales(sim)
	require.NoError(t, err)
	return &path{service: s, t: t, sim: sim, cfg: cfg, scenes: scenes, seen: kinds.Of}
}

// ringUp makes one of the quick start's sales: 0 is below the limit, 1 above
// it and asks for a draft order, 2 has no customer.
func (p *path) ringUp(which int, change ...func(*shopifytest.Sale)) shopifytest.Order {
	p.t.Helper()
	sale := p.scenes[which].Sale
	for _, c := range change {
		c(&sale)
	}
	order, err := p.sim.RingUp(sale)
	require.NoError(p.t, err)
	return order
}

// request waits until the order's request has one of the states.
func (p *path) request(order string, states ...approval.State) *approval.Request {
	p.t.Helper()
	var r *approval.Request
	require.Eventually(p.t, func() bool {
		var err error
		r, err = p.follower.request(p.t.Context(), p.sim.Domain(), order)
		require.NoError(p.t, err)
		return r != nil && slices.Contains(states, r.State)
	}, 2*time.Minute, 10*time.Millisecond, "no request of %s in %v: %+v", order, states, r)
	return r
}

// written returns the order's metafields by key, without the expanded part of
// the namespace.
func (p *path) written(order string) map[string]string {
	m := map[string]string{}
	for _, f := range p.sim.Metafields(order) {
		m[f.Key] = f.Value
	}
	return m
}

func (p *path) decide(r *approval.Request, by approval.Principal, verdict approval.Verdict, edit map[string]string) (*approval.Request, error) {
	return p.Queue.Decide(p.t.Context(), approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: verdict, By: by, Channel: "test", Edit: edit})
}

// trail checks the kinds of the order's audit entries. The last one is durable
// a moment after the outcome is known.
func (p *path) trail(order string, want ...audit.Kind) {
	p.t.Helper()
	var kinds []audit.Kind
	require.EventuallyWithT(p.t, func(c *assert.CollectT) {
		kinds = nil
		for r, err := range p.Log.Trail(p.t.Context(), audit.Query{Subject: audit.Subject{Type: "order", ID: order}}) {
			require.NoError(c, err)
			kinds = append(kinds, r.Entry.Kind)
		}
		assert.Equal(c, want, kinds)
	}, 2*time.Minute, 10*time.Millisecond)
}

// allowed is the trail of a sale that the policy allows.
var allowed = []audit.Kind{audit.KindReceived, audit.KindRead, audit.KindProposed, audit.KindRuled, audit.KindStarted, audit.KindEffect}

func TestSaleBelowTheLimit(t *testing.T) {
	p := newPath(t)
	order := p.ringUp(0)
	r := p.request(order.ID, approval.Executed)
	assert.Equal(t, approval.RuleAllow, r.Ruling.Verdict)

	f, ok := approval.ActionOf[FollowUp](r)
	require.True(t, ok)
	require.NotEmpty(t, f.Recommendations)
	stock := map[string]shopifytest.Product{}
	for _, product := range p.sim.Products() {
		stock[product.ID] = product
	}
	for _, rec := range f.Recommendations {
		i := slices.IndexFunc(stock[rec.ProductID].Variants, func(v shopifytest.Variant) bool { return v.ID == rec.VariantID })
		require.GreaterOrEqual(t, i, 0)
		assert.Positive(t, stock[rec.ProductID].Variants[i].Available[order.LocationID], "recommended products are in stock where the sale was")
		assert.NotEqual(t, order.Lines[0].ProductID, rec.ProductID, "what was just bought is not recommended")
	}

	fields := p.written(order.ID)
	assert.Equal(t, f.Message, fields[keyMessage])
	assert.Equal(t, string(f.Occasion), fields[keyOccasion])
	ruled := demotest.Proof(t, p.Dir, fields[keyProof])
	assert.Equal(t, audit.KindRuled, ruled.Kind, "the policy allowed it")
	var list []Recommendation
	require.NoError(t, json.Unmarshal([]byte(fields[keyForCustomer]), &list))
	assert.Equal(t, f.Recommendations, list)
	for _, m := range p.sim.Metafields(order.ID) {
		assert.True(t, strings.HasPrefix(m.Namespace, "app--"), "the app's own namespace, not %q", m.Namespace)
		assert.Equal(t, 1, m.Writes)
	}
	got, _ := p.sim.Order(order.ID)
	assert.Equal(t, []string{tagFollowUp}, got.Tags)
	assert.Empty(t, p.sim.DraftOrders(), "nobody asked for a draft order")
	p.trail(order.ID, allowed...)

	report, err := p.Log.Verify(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, p.Log.Size(), report.Entries)
}

func TestSaleAboveTheLimitWaitsForTheConsole(t *testing.T) {
	p := newPath(t)
	order := p.ringUp(1)
	r := p.request(order.ID, approval.Pending)
	assert.Empty(t, p.written(order.ID), "nothing is written before a manager decides")

	link, err := p.SignInLink(r.ID)
	require.NoError(t, err)
	require.NoError(t, demo.ApproveOverHTTP(t.Context(), link, r.ID))
	r = p.request(order.ID, approval.Executed)
	require.Len(t, r.Decisions, 1)
	assert.Equal(t, demo.Manager.ID, r.Decisions[0].By.ID)
	assert.NotEmpty(t, p.written(order.ID)[keyMessage])

	drafts := p.sim.DraftOrders()
	require.Len(t, drafts, 1, "the associate asked for one")
	f, _ := approval.ActionOf[FollowUp](r)
	require.Len(t, drafts[0].Lines, len(f.Recommendations))
	assert.Equal(t, order.CustomerID, drafts[0].CustomerID)
	p.trail(order.ID, audit.KindReceived, audit.KindRead, audit.KindProposed, audit.KindRuled,
		audit.KindShown, audit.KindDecided, audit.KindStarted, audit.KindEffect)
}

func TestRejectedAndExpiredWriteNothing(t *testing.T) {
	t.Run("rejected", func(t *testing.T) {
		p := newPath(t)
		order := p.ringUp(1)
		_, err := p.decide(p.request(order.ID, approval.Pending), demo.Manager, approval.Reject, nil)
		require.NoError(t, err)
		p.request(order.ID, approval.Rejected)
		p.nothingWritten(order.ID)
	})
	t.Run("expired", func(t *testing.T) {
		p := newPath(t, "-expiry", "2s")
		order := p.ringUp(1)
		r := p.request(order.ID, approval.Expired)
		_, err := p.decide(r, demo.Manager, approval.Approve, nil)
		require.ErrorIs(t, err, approval.ErrExpired)
		p.nothingWritten(order.ID)
	})
}

func (p *path) nothingWritten(order string) {
	p.t.Helper()
	got, _ := p.sim.Order(order)
	assert.Empty(p.t, got.Metafields)
	assert.Empty(p.t, got.Tags)
	assert.Empty(p.t, p.sim.DraftOrders())
}

func TestManagerEdits(t *testing.T) {
	p := newPath(t)
	order := p.ringUp(1)
	r := p.request(order.ID, approval.Pending)

	_, err := p.decide(r, demo.Manager, approval.Approve, map[string]string{fieldMessage: "Take 10 % off next time, it is on us."})
	require.ErrorIs(t, err, approval.ErrInvalid, "the rules hold for people too")
	require.ErrorContains(t, err, "price or a discount")

	const message = "Thank you for coming in. We loved putting this gift together with you."
	_, err = p.decide(r, demo.Manager, approval.Approve, map[string]string{fieldMessage: message, fieldKeep + "1": "true", fieldKeep + "2": "", fieldBundle: ""})
	require.NoError(t, err)
	p.request(order.ID, approval.Executed)
	assert.Equal(t, message, p.written(order.ID)[keyMessage])
	var list []Recommendation
	require.NoError(t, json.Unmarshal([]byte(p.written(order.ID)[keyForCustomer]), &list))
	assert.Len(t, list, 1)
	assert.Empty(t, p.sim.DraftOrders(), "the manager took the draft order out")
}

func TestOnlyAManagerDecides(t *testing.T) {
	p := newPath(t)
	order := p.ringUp(1)
	r := p.request(order.ID, approval.Pending)
	for name, by := range map[string]approval.Principal{
		"an associate":  {ID: "staff:7", Type: approval.Human, Roles: []string{"associate"}},
		"the proposer":  {ID: self.ID, Type: approval.Human, Roles: []string{demo.RoleManager}},
		"an AI":         {ID: "model", Type: approval.AI, Roles: []string{demo.RoleManager}},
		"another store": {ID: "staff:8", Type: approval.Human, Roles: []string{demo.RoleManager}, Locations: []string{"gid://shopify/Location/1"}},
	} {
		_, err := p.decide(r, by, approval.Approve, nil)
		require.ErrorIs(t, err, approval.ErrForbidden, name)
	}
	assert.Equal(t, approval.Pending, p.request(order.ID, approval.Pending).State)
	assert.Empty(t, p.written(order.ID))
}

func TestNoMarketingWithoutConsent(t *testing.T) {
	p := newPath(t)
	i := slices.IndexFunc(p.sim.Customers(), func(c shopifytest.Customer) bool { return c.EmailMarketing != "SUBSCRIBED" })
	require.GreaterOrEqual(t, i, 0)
	for name, customer := range map[string]string{"walk-in": "", "no consent": p.sim.Customers()[i].ID} {
		order := p.ringUp(2, func(s *shopifytest.Sale) { s.Customer = customer })
		r := p.request(order.ID, approval.Executed)
		fields := p.written(order.ID)
		assert.NotContains(t, fields, keyForCustomer, name)
		assert.Contains(t, fields, keyForAssociate, name)
		f, _ := approval.ActionOf[FollowUp](r)
		for _, rec := range f.Recommendations {
			assert.NotContains(t, fields[keyMessage], rec.Title, name)
		}
	}
}

func TestEachDeliveryCountsOnce(t *testing.T) {
	p := newPath(t)
	order := p.ringUp(0)
	p.request(order.ID, approval.Executed)
	var id string
	for _, d := range p.sim.Deliveries() {
		if d.Topic == "orders/create" {
			id = d.WebhookID
		}
	}
	for range 3 {
		require.NoError(t, p.sim.Redeliver(id))
	}
	require.NoError(t, p.sim.WaitIdle(t.Context()))
	assert.GreaterOrEqual(t, p.seen(inbox.Duplicate), 3, "more if the shop did not wait for an answer")

	// Another delivery of the same sale, under another id and topic.
	body, err := json.Marshal(map[string]any{"id": order.LegacyID, "source_name": "pos"})
	require.NoError(t, err)
	p.post(webhook.Delivery{Topic: "orders/paid", Body: body}, p.cfg.Secret, http.StatusOK)
	require.Eventually(t, func() bool { return p.seen(inbox.Processed) == 2 }, 2*time.Minute, 10*time.Millisecond)
	for _, m := range p.sim.Metafields(order.ID) {
		assert.Equal(t, 1, m.Writes)
	}
}

// post sends a delivery signed with secret and checks the status.
func (p *path) post(d webhook.Delivery, secret string, status int) {
	p.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: time.Minute}}
	d = webhooktest.Fill(d)
	if d.Shop == "example.myshopify.com" {
		d.Shop = p.sim.Domain()
	}
	r, err := webhooktest.NewRequest(p.t.Context(), p.URL+"/webhooks", d, secret)
	require.NoError(p.t, err)
	if len(d.Body) > 1<<20 {
		// Else the service answers, and ends the connection, while the body is on its way.
		r.Header.Set("Expect", "100-continue")
	}
	resp, err := client.Do(r)
	require.NoError(p.t, err)
	defer func() { _ = resp.Body.Close() }()
	require.Equal(p.t, status, resp.StatusCode)
}

func TestBadDeliveries(t *testing.T) {
	p := newPath(t)
	order := p.ringUp(0)
	p.request(order.ID, approval.Executed)
	p.trail(order.ID, allowed...)
	entries := p.Log.Size()
	body := []byte(`{"id":` + order.Name[1:] + `,"source_name":"pos"}`)
	create := func(b []byte) webhook.Delivery { return webhook.Delivery{Topic: "orders/create", Body: b} }

	p.post(create(body), "not the secret", http.StatusUnauthorized)
	forged := create(body)
	forged.Shop = "another.myshopify.com"
	p.post(forged, p.cfg.Secret, http.StatusUnauthorized)
	p.post(webhook.Delivery{Body: body}, p.cfg.Secret, http.StatusBadRequest) // no topic
	p.post(create(bytes.Repeat([]byte("x"), 6<<20)), p.cfg.Secret, http.StatusRequestEntityTooLarge)

	resp, err := http.Get(p.URL + "/webhooks")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode)
	assert.Zero(t, p.seen(inbox.Died), "what was refused was not kept")

	// Signed, so from the shop, but of no use: kept as dead letters.
	p.post(create([]byte(`{"id":`)), p.cfg.Secret, http.StatusOK)
	p.post(create([]byte(`{"id":0,"source_name":"pos"}`)), p.cfg.Secret, http.StatusOK)
	p.post(create([]byte(`{"id":999999999999,"source_name":"pos"}`)), p.cfg.Secret, http.StatusOK) // not the shop's
	require.Eventually(t, func() bool { return p.seen(inbox.Died) == 3 }, 2*time.Minute, 10*time.Millisecond)
	assert.Equal(t, entries+1, p.Log.Size(), "only the readable one is on record as received")

	p.post(create([]byte(`{"id":1,"source_name":"web"}`)), p.cfg.Secret, http.StatusOK) // an online order
	require.Eventually(t, func() bool { return p.seen(inbox.Processed) == 2 }, 2*time.Minute, 10*time.Millisecond)
}

func TestLostAnswerMakesOneDraftOrder(t *testing.T) {
	p := newPath(t, "-limit", "100000")
	p.sim.Inject(shopifytest.Fault{Field: "draftOrderCreate", LoseResponse: true})
	order := p.ringUp(1)
	r := p.request(order.ID, approval.Executed)
	drafts := p.sim.DraftOrders()
	require.Len(t, drafts, 1, "it was created although the answer got lost")
	result, err := approval.ResultOf[Result](r)
	require.NoError(t, err)
	assert.Equal(t, drafts[0].ID, result.DraftOrderID, "and found again")
}

func TestShopThatFailsForAWhile(t *testing.T) {
	p := newPath(t)
	p.sim.Inject(shopifytest.Fault{Status: http.StatusServiceUnavailable, Times: 2})
	p.sim.Inject(shopifytest.Fault{Field: "metafieldsSet", InternalError: true})
	p.sim.Inject(shopifytest.Fault{Field: "tagsAdd", LoseResponse: true})
	order := p.ringUp(0)
	p.request(order.ID, approval.Executed)
	got, _ := p.sim.Order(order.ID)
	assert.Equal(t, []string{tagFollowUp}, got.Tags)
	assert.NotEmpty(t, p.written(order.ID)[keyMessage])
}

func TestModelsThatFail(t *testing.T) {
	bad := func(change func(*Judgment)) string {
		j := Judgment{Occasion: OccasionGift, Message: "Thank you so much for coming in today.", Recommendations: []Pick{{ProductID: "gid://shopify/Product/1", Reason: "It fits."}}}
		change(&j)
		text, err := json.Marshal(j)
		require.NoError(t, err)
		return string(text)
	}
	invented := bad(func(*Judgment) {})
	markup := bad(func(j *Judgment) { j.Message = "Thank you! <img src=x onerror=alert(1)> Come back." })
	tests := []struct {
		name    string
		replies []aitest.Reply
		why     string
	}{
		{"empty", []aitest.Reply{aitest.Text(""), aitest.Text("")}, "the model's answer was empty"},
		{"cut off", []aitest.Reply{aitest.Truncated(`{"occasion":"gift","mess`)}, "the model's answer was cut off"},
		{"not JSON", []aitest.Reply{aitest.Text("Sure! Here you go."), aitest.Text("Sorry!")}, "the model's answer could not be read"},
		{"invents a product", []aitest.Reply{aitest.Text(invented), aitest.Text(invented)}, "the model's answer broke a rule"},
		{"writes markup", []aitest.Reply{aitest.Text(markup), aitest.Text(markup)}, "the model's answer broke a rule"},
		{"refuses", []aitest.Reply{aitest.Refusal("no")}, "the model refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := aitest.NewOpenAIServer(t, tt.replies...)
			p := newPath(t, "-model", "openai:test", "-model-url", server.BaseURL(), "-model-key", "secret-key-of-the-model", "-model-timeout", "1m")
			order := p.ringUp(0)
			r := p.request(order.ID, approval.Executed)
			assert.True(t, r.Model.Baseline, "the baseline stood in and says so")
			assert.Equal(t, approval.System, r.Proposer.Type, "and does not pass for AI")
			assert.Contains(t, r.Reason, tt.why)
			f, _ := approval.ActionOf[FollowUp](r)
			assert.Equal(t, f.Message, p.written(order.ID)[keyMessage])
			assert.NotContains(t, f.Message, "<")
		})
	}
}

func TestModelThatWorks(t *testing.T) {
	server := aitest.NewOpenAIServer(t)
	p := newPath(t, "-model", "openai:test", "-model-url", server.BaseURL(), "-model-key", "secret-key-of-the-model", "-model-timeout", "1m")
	// What the model will be offered, so that its script can choose from it.
	var candle shopifytest.Product
	for _, product := range p.sim.Products() {
		if product.Title == "Soy Candle" {
			candle = product
		}
	}
	candidates, err := p.shop.candidates(t.Context(), &Sale{LocationID: p.scenes[0].Location, Lines: []Line{{ProductID: candle.ID}}})
	require.NoError(t, err)
	require.Greater(t, len(candidates), 1)
	answer := func(product string) aitest.Reply {
		return aitest.JSON(Judgment{Occasion: OccasionGift, Message: "Thank you for coming in, it was lovely to see you.", Recommendations: []Pick{{product, "Goes well with it."}}})
	}
	chosen := candidates[1].ProductID
	server.Add(answer("gid://shopify/Product/1"), answer(chosen)) // the first is refused, the second is the repair

	order := p.ringUp(0)
	r := p.request(order.ID, approval.Executed)
	assert.False(t, r.Model.Baseline)
	assert.Equal(t, approval.AI, r.Proposer.Type)
	assert.Equal(t, "openai", r.Model.Provider)
	assert.NotEmpty(t, r.Model.PromptDigest)
	assert.NotEmpty(t, r.Model.OutputDigest)
	assert.Positive(t, r.Model.OutputTokens)
	f, _ := approval.ActionOf[FollowUp](r)
	require.Len(t, f.Recommendations, 1)
	assert.Equal(t, chosen, f.Recommendations[0].ProductID)

	customer, ok := p.customer(order.CustomerID)
	require.True(t, ok)
	for _, req := range server.Requests() {
		assert.NotContains(t, string(req.Body), customer.LastName, "the model learns the first name and no more")
		assert.NotContains(t, string(req.Body), customer.Email)
	}
}

func (p *path) customer(id string) (shopifytest.Customer, bool) {
	all := p.sim.Customers()
	i := slices.IndexFunc(all, func(c shopifytest.Customer) bool { return c.ID == id })
	if i < 0 {
		return shopifytest.Customer{}, false
	}
	return all[i], true
}

func TestHealth(t *testing.T) {
	p := newPath(t)
	require.EventuallyWithT(t, func(c *assert.CollectT) { // it asks the database, which may be busy
		resp, err := http.Get(p.URL + "/healthz")
		require.NoError(c, err)
		defer func() { _ = resp.Body.Close() }()
		require.Equal(c, http.StatusOK, resp.StatusCode)
		var health struct {
			Status string `json:"status"`
			Dead   int    `json:"dead"`
		}
		require.NoError(c, json.NewDecoder(resp.Body).Decode(&health))
		assert.Equal(c, "ok", health.Status)
	}, 2*time.Minute, 20*time.Millisecond)
}
