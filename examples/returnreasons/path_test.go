package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/examples/internal/demo/demotest"
	"github.com/posai-go/posai/examples/returnreasons/weekly"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
	"github.com/posai-go/posai/webhook/webhooktest"
)

// path is the whole service and a simulated shop, over real HTTP.
type path struct {
	*service
	t    *testing.T
	sim  *shopifytest.Shop
	cfg  *config
	seen func(inbox.EventKind) int
}

func newPath(t *testing.T, args ...string) *path { return newPathOf(t, demotest.SmallShop(), args...) }

func newPathOf(t *testing.T, data *shopifytest.Data, args ...string) *path {
	t.Helper()
	cfg, err := parseConfig(args, func(string) string { return "" }, io.Discard)
	require.NoError(t, err)
	sim := shopifytest.NewShop(t, &shopifytest.Options{
		Data: data, Plan: shopifytest.Plus,
		RetrySchedule: []time.Duration{50 * time.Millisecond, 200 * time.Millisecond, time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second},
	})
	cfg.Use(sim)
	logger := slog.New(slog.DiscardHandler)
	sh, err := openShop(t.Context(), cfg, logger)
	require.NoError(t, err)
	var kinds demotest.Counter
	s, err := startService(t.Context(), cfg, sh, t.TempDir(), "127.0.0.1:0", logger, kinds.Observe)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.StopWithin(context.Background(), 2*time.Minute)) })
	require.NoError(t, s.subscribe(t.Context()))
	return &path{service: s, t: t, sim: sim, cfg: cfg, seen: kinds.Of}
}

// sell rings up articles for a customer.
func (p *path) sell(titles ...string) shopifytest.Order {
	p.t.Helper()
	sale := shopifytest.Sale{Customer: p.sim.Customers()[0].ID}
	for _, product := range p.sim.Products() {
		if slices.Contains(titles, product.Title) {
			sale.Lines = append(sale.Lines, shopifytest.SaleLine{Variant: product.Variants[0].ID})
		}
	}
	require.Len(p.t, sale.Lines, len(titles))
	order, err := p.sim.RingUp(sale)
	require.NoError(p.t, err)
	return order
}

// takeBack takes the first line back at the register and returns the return.
func (p *path) takeBack(order shopifytest.Order, note, reason string) shopifytest.Return {
	p.t.Helper()
	_, err := p.sim.TakeBack(shopifytest.TakeBack{Order: order.ID, Note: note, Lines: []shopifytest.TakeBackLine{{Reason: reason}}})
	require.NoError(p.t, err)
	returns := p.sim.Returns(order.ID)
	return returns[len(returns)-1]
}

// request waits until the request about the goods has one of the states.
func (p *path) request(goods string, states ...approval.State) *approval.Request {
	p.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		r, err := p.follower.request(p.t.Context(), goods)
		require.NoError(p.t, err)
		if r != nil && slices.Contains(states, r.State) {
			return r
		}
		// A state that does not change by itself is not waited for.
		if time.Now().After(deadline) || r != nil && r.State == approval.Pending && !slices.Contains(states, r.State) {
			require.FailNow(p.t, "no request in that state", "%s is not in %v: %+v", goods, states, r)
		}
	}
}

// recorded returns what stands at the order about the goods.
func (p *path) recorded(order, goods string) (Recorded, bool) {
	p.t.Helper()
	for _, m := range p.sim.Metafields(order) {
		if m.Key == metafieldKey(goods) {
			var r Recorded
			require.NoError(p.t, json.Unmarshal([]byte(m.Value), &r))
			return r, true
		}
	}
	return Recorded{}, false
}

func (p *path) idle() {
	p.t.Helper()
	require.NoError(p.t, p.sim.WaitIdle(p.t.Context()))
	require.Eventually(p.t, func() bool {
		stats, err := p.Inbox.Stats(p.t.Context())
		require.NoError(p.t, err)
		return stats.Pending+stats.Processing == 0
	}, 2*time.Minute, 20*time.Millisecond)
}

func (p *path) decide(r *approval.Request, verdict approval.Verdict, edit map[string]string) (*approval.Request, error) {
	return p.Queue.Decide(p.t.Context(), approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: verdict, By: demo.Manager, Channel: "test", Edit: edit})
}

// steps counts the kinds of the audit entries about something.
func (p *path) steps(typ, id string) map[audit.Kind]int {
	p.t.Helper()
	steps := map[audit.Kind]int{}
	for r, err := range p.Log.Trail(p.t.Context(), audit.Query{Subject: audit.Subject{Type: typ, ID: id}}) {
		require.NoError(p.t, err)
		steps[r.Entry.Kind]++
	}
	return steps
}

func TestCertainReasonIsWritten(t *testing.T) {
	p := newPath(t)
	order := p.sell("Merino Crewneck")
	ret := p.takeBack(order, "Seam came apart the first time I wore it. Write to me: ann.other@example.com", "damaged-or-defective")
	r := p.request(ret.ID, approval.Executed)
	assert.Equal(t, approval.RuleAllow, r.Ruling.Verdict)
	p.idle()

	got, ok := p.recorded(order.ID, ret.ID)
	require.True(t, ok)
	require.Len(t, got.Items, 1)
	assert.Equal(t, ReasonDefective, got.Items[0].Reason)
	assert.Equal(t, "damaged-or-defective", got.Items[0].Definition)
	assert.Equal(t, "Seam came apart the first time I wore it.", got.Items[0].Quote)
	assert.Equal(t, order.Lines[0].ID, got.Items[0].LineItemID)
	assert.Equal(t, order.Lines[0].ProductID, got.Items[0].ProductID)
	assert.Equal(t, baselineName, got.By)
	for _, m := range p.sim.Metafields(order.ID) {
		assert.True(t, strings.HasPrefix(m.Namespace, "app--"), "the app's own namespace, not %q", m.Namespace)
		assert.Equal(t, 1, m.Writes, "three deliveries, one effect")
		assert.NotContains(t, m.Value, "example.com")
	}
	// returns/approve, returns/close and refunds/create; each on record, one proposal.
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Equal(c, map[audit.Kind]int{audit.KindReceived: 3, audit.KindRead: 1, audit.KindProposed: 1, audit.KindRuled: 1, audit.KindStarted: 1, audit.KindEffect: 1}, p.steps("return", ret.ID))
	}, 2*time.Minute, 20*time.Millisecond)
	report, err := p.Log.Verify(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, p.Log.Size(), report.Entries)
}

func TestUncertainReasonWaitsForTheConsole(t *testing.T) {
	p := newPath(t)
	order := p.sell("Oxford Dress Shirt")
	ret, err := p.sim.RequestReturn(shopifytest.ReturnRequest{Order: order.ID, Lines: []shopifytest.ReturnRequestLine{{Note: "A bit tight, and I found it cheaper elsewhere."}}})
	require.NoError(t, err)
	r := p.request(ret.ID, approval.Pending)
	_, ok := p.recorded(order.ID, ret.ID)
	assert.False(t, ok, "nothing is written before a manager decides")
	rec, _ := approval.ActionOf[Record](r)
	assert.Equal(t, ReasonChangedMind, rec.Items[0].Second)

	link, err := p.SignInLink(r.ID)
	require.NoError(t, err)
	require.NoError(t, demo.ApproveOverHTTP(t.Context(), link, r.ID))
	r = p.request(ret.ID, approval.Executed)
	assert.Equal(t, demo.Manager.ID, r.Decisions[0].By.ID)
	got, _ := p.recorded(order.ID, ret.ID)
	assert.Equal(t, ReasonSize, got.Items[0].Reason)
}

func TestManagerCorrectsTheReason(t *testing.T) {
	p := newPath(t)
	order := p.sell("Oxford Dress Shirt")
	ret := p.takeBack(order, "hm, you know what it is like", "")
	r := p.request(ret.ID, approval.Pending)
	_, err := p.decide(r, approval.Approve, map[string]string{fieldReason + "1": "free money"})
	require.ErrorIs(t, err, approval.ErrInvalid, "the list is closed for people too")
	_, err = p.decide(r, approval.Approve, map[string]string{fieldReason + "1": string(ReasonGift)})
	require.NoError(t, err)
	p.request(ret.ID, approval.Executed)
	got, _ := p.recorded(order.ID, ret.ID)
	assert.Equal(t, ReasonGift, got.Items[0].Reason)
	assert.Equal(t, byManager, got.By)
	assert.InDelta(t, 1, got.Items[0].Confidence, 0)
}

func TestRejectedIsNotWritten(t *testing.T) {
	p := newPath(t)
	order := p.sell("Oxford Dress Shirt")
	ret := p.takeBack(order, "hm", "")
	_, err := p.decide(p.request(ret.ID, approval.Pending), approval.Reject, nil)
	require.NoError(t, err)
	p.request(ret.ID, approval.Rejected)
	p.idle()
	assert.Empty(t, p.sim.Metafields(order.ID))
}

// Two returns of an order stand beside one another.
func TestTwoReturnsOfAnOrder(t *testing.T) {
	p := newPath(t)
	order := p.sell("Merino Crewneck", "Soy Candle")
	first := p.takeBack(order, "It has a hole in it.", "")
	_, err := p.sim.TakeBack(shopifytest.TakeBack{Order: order.ID, Note: "Came two weeks late.", Lines: []shopifytest.TakeBackLine{{Line: 1}}})
	require.NoError(t, err)
	second := p.sim.Returns(order.ID)[1]
	p.request(first.ID, approval.Executed)
	p.request(second.ID, approval.Executed)
	a, _ := p.recorded(order.ID, first.ID)
	b, _ := p.recorded(order.ID, second.ID)
	assert.Equal(t, ReasonDefective, a.Items[0].Reason)
	assert.Equal(t, ReasonArrivedLate, b.Items[0].Reason)
}

// Older apps refund without a return.
func TestRefundWithoutAReturn(t *testing.T) {
	p := newPath(t)
	order := p.sell("Soy Candle")
	client := &http.Client{Timeout: time.Minute}
	body, err := json.Marshal(map[string]any{
		"query": `mutation($in: RefundInput!) { refundCreate(input: $in) @idempotent(key: "once") { refund { id } userErrors { message } } }`,
		"variables": map[string]any{"in": map[string]any{
			"orderId": order.ID, "note": "Glass was cracked when it arrived.",
			"refundLineItems": []any{map[string]any{"lineItemId": order.Lines[0].ID, "quantity": 1, "restockType": "NO_RESTOCK"}},
		}},
	})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.sim.URL()+"/admin/api/2026-10/graphql.json", bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Shopify-Access-Token", p.sim.Token())
	resp, err := client.Do(req)
	require.NoError(t, err)
	var out struct {
		Data struct {
			RefundCreate struct {
				Refund struct{ ID string }
			}
		}
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&out))
	require.NoError(t, resp.Body.Close())
	refund := out.Data.RefundCreate.Refund.ID
	require.NotEmpty(t, refund)
	p.request(refund, approval.Executed)
	got, ok := p.recorded(order.ID, refund)
	require.True(t, ok, "under a key of its own")
	assert.Equal(t, ReasonDefective, got.Items[0].Reason)
}

func TestSilentReturnAsksNobody(t *testing.T) {
	p := newPath(t)
	order := p.sell("Soy Candle")
	ret := p.takeBack(order, "", "")
	r := p.request(ret.ID, approval.Executed)
	assert.Equal(t, approval.RuleAllow, r.Ruling.Verdict, "there is nothing that a manager could read")
	got, _ := p.recorded(order.ID, ret.ID)
	assert.Equal(t, ReasonAbstain, got.Items[0].Reason)
}

func TestEachDeliveryCountsOnce(t *testing.T) {
	p := newPath(t)
	order := p.sell("Soy Candle")
	ret := p.takeBack(order, "The glass is cracked.", "")
	p.request(ret.ID, approval.Executed)
	p.idle()
	deliveries := p.sim.Deliveries()
	processed := len(deliveries)
	require.Equal(t, 3, processed)
	require.Eventually(t, func() bool { return p.seen(inbox.Processed) == processed }, 2*time.Minute, 20*time.Millisecond)
	for _, d := range deliveries {
		require.NoError(t, p.sim.Redeliver(d.WebhookID))
	}
	p.idle()
	assert.GreaterOrEqual(t, p.seen(inbox.Duplicate), 3, "more if the shop did not wait for an answer")
	assert.Equal(t, processed, p.seen(inbox.Processed))

	// The same return once more, under another topic and id.
	body, err := json.Marshal(map[string]any{"admin_graphql_api_id": ret.ID})
	require.NoError(t, err)
	p.post(webhook.Delivery{Topic: "returns/update", Body: body}, p.cfg.Secret, http.StatusOK)
	require.Eventually(t, func() bool { return p.seen(inbox.Processed) == processed+1 }, 2*time.Minute, 20*time.Millisecond)
	for _, m := range p.sim.Metafields(order.ID) {
		assert.Equal(t, 1, m.Writes)
	}
	assert.Equal(t, 1, p.steps("return", ret.ID)[audit.KindProposed])
}

// post sends a delivery signed with secret and checks the status.
func (p *path) post(d webhook.Delivery, secret string, status int) {
	p.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: time.Minute}}
	d = webhooktest.Fill(d)
	d.Shop = p.sim.Domain()
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
	entries := p.Log.Size()
	p.post(webhook.Delivery{Topic: "refunds/create", Body: []byte(`{"id":1}`)}, "not the secret", http.StatusUnauthorized)
	p.post(webhook.Delivery{Topic: "refunds/create", Body: bytes.Repeat([]byte("x"), 6<<20)}, p.cfg.Secret, http.StatusRequestEntityTooLarge)
	assert.Zero(t, p.seen(inbox.Died), "what was refused was not kept")

	for topic, body := range map[string]string{
		"refunds/create":  `{"id":0}`,
		"returns/request": `{"id":-4}`,
		"returns/approve": `{"id":`,
		"returns/update":  `{"admin_graphql_api_id":"gid://shopify/Order/1"}`,
		"returns/process": `{"id":999999999999}`, // not the shop's
		"returns/close":   `[]`,
	} {
		p.post(webhook.Delivery{Topic: topic, Body: []byte(body)}, p.cfg.Secret, http.StatusOK)
	}
	require.Eventually(t, func() bool { return p.seen(inbox.Died) == 6 }, 2*time.Minute, 20*time.Millisecond)
	assert.Equal(t, entries+1, p.Log.Size(), "the one that could be read is on record")
}

func TestLostAnswerIsReadBack(t *testing.T) {
	p := newPath(t)
	p.sim.Inject(shopifytest.Fault{Field: "metafieldsSet", LoseResponse: true})
	p.sim.Inject(shopifytest.Fault{Status: http.StatusServiceUnavailable, Skip: 2, Times: 2})
	order := p.sell("Soy Candle")
	ret := p.takeBack(order, "The glass is cracked.", "")
	p.request(ret.ID, approval.Executed)
	_, ok := p.recorded(order.ID, ret.ID)
	assert.True(t, ok)
	assert.Len(t, p.sim.Metafields(order.ID), 1)
}

// A request may wait for days, and the return may say something else by then.
func TestWhatChangedIsJudgedAnew(t *testing.T) {
	p := newPath(t)
	order := p.sell("Oxford Dress Shirt")
	ret := p.takeBack(order, "hm, you know", "")
	pending := p.request(ret.ID, approval.Pending)
	stale, _ := approval.ActionOf[Record](pending)
	stale.Digest = "0000000000000000"
	_, err := p.follower.write(t.Context(), approval.Execution{Attempt: 1}, stale)
	require.ErrorIs(t, err, errChanged)
	assert.Empty(t, p.sim.Metafields(order.ID))
}

// Nobody but the staff sees the summary.
func TestDashboardIsForPeopleWhoAreSignedIn(t *testing.T) {
	p := newPath(t, "-min-count", "2")
	for range 3 {
		order := p.sell("Merino Crewneck")
		ret := p.takeBack(order, "<script>alert(1)</script> Seam came apart. ann@example.com", "")
		_, err := p.decide(p.request(ret.ID, approval.Pending), approval.Approve, nil)
		require.NoError(t, err, "markup in a note is for a person to read")
		p.request(ret.ID, approval.Executed)
		order = p.sell("Soy Candle")
		p.request(p.takeBack(order, "The glass was cracked.", "").ID, approval.Executed)
	}
	week := "/returns?week=" + weekly.WeekName(time.Now().In(p.reporter.shop.zone))
	client := &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(p.URL + week)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusSeeOther, resp.StatusCode)
	assert.Equal(t, "/approvals/", resp.Header.Get("Location"))

	client.Jar, err = cookiejar.New(nil)
	require.NoError(t, err)
	link, err := p.SignInLink("")
	require.NoError(t, err)
	parsed, err := url.Parse(link)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+"/approvals/sign-in", strings.NewReader(url.Values{"token": parsed.Query()["token"]}.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", p.URL)
	resp, err = client.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())

	resp, err = client.Get(p.URL + week)
	require.NoError(t, err)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s", text)
	assert.Equal(t, weekly.ContentSecurityPolicy, resp.Header.Get("Content-Security-Policy"))
	assert.Contains(t, string(text), "The glass was cracked.")
	assert.NotContains(t, string(text), "<script>")
	assert.NotContains(t, string(text), "ann@example.com")
	for _, bad := range []string{"2026-W99", "nonsense", "2200-W01", "2026-W47%00"} {
		resp, err = client.Get(p.URL + "/returns?week=" + bad)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, http.StatusBadRequest, resp.StatusCode, bad)
	}
}

func TestTurns(t *testing.T) {
	var turns turns
	var group sync.WaitGroup
	inside, most := map[string]int{}, 0
	var mu sync.Mutex
	for n := range 40 {
		group.Go(func() {
			key := []string{"a", "b"}[n%2]
			done, err := turns.take(t.Context(), key)
			assert.NoError(t, err)
			mu.Lock()
			inside[key]++
			most = max(most, inside[key])
			mu.Unlock()
			mu.Lock()
			inside[key]--
			mu.Unlock()
			done()
		})
	}
	group.Wait()
	assert.Equal(t, 1, most)
	assert.Empty(t, turns.queues, "nothing is kept")
	done, err := turns.take(t.Context(), "c")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = turns.take(ctx, "c")
	require.ErrorIs(t, err, context.Canceled)
	done()
	assert.Empty(t, turns.queues)
}
