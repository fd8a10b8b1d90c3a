package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/examples/internal/demo/demotest"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
	"github.com/posai-go/posai/webhook/webhooktest"
)

// long is how long a test waits for what has to come, however busy the machine is.
const long = 5 * time.Minute

// path is the whole guard and a simulated shop, over real HTTP.
type path struct {
	*service
	t      *testing.T
	sim    *shopifytest.Shop
	cfg    *config
	dir    string
	till   *till
	people *customers
	kinds  demotest.Counter
}

// smallShop is the simulated shop with the orders of its last weeks, and gift
// cards.
func smallShop() *shopifytest.Data {
	data := *demotest.SmallShop()
	data.Products = slices.Clone(data.Products)
	return withGiftCards(&data)
}

func newPath(t *testing.T, args ...string) *path {
	t.Helper()
	cfg, err := parseConfig(args, func(string) string { return "" }, io.Discard)
	require.NoError(t, err)
	cfg.policy, err = alwaysMorning(cfg.policy, 31) // whatever the clock says
	require.NoError(t, err)
	p := &path{t: t, cfg: cfg, dir: t.TempDir()}
	p.sim = shopifytest.NewShop(t, &shopifytest.Options{
		Data: smallShop(), Plan: shopifytest.Enterprise, RetrySchedule: demo.RetrySoon(),
	})
	cfg.use(p.sim)
	p.people = newCustomers(p.sim, 1)
	p.start()
	t.Cleanup(func() { assert.NoError(t, p.stopWithin(context.Background(), long)) })
	return p
}

// start starts the service, again if it was stopped.
func (p *path) start() {
	p.t.Helper()
	logger := slog.New(slog.DiscardHandler)
	sh, err := openShop(p.t.Context(), p.cfg, logger)
	require.NoError(p.t, err)
	p.service, err = startService(p.t.Context(), p.cfg, sh, p.dir, "127.0.0.1:0", logger, p.kinds.Observe)
	require.NoError(p.t, err)
	require.NoError(p.t, p.subscribe(p.t.Context()))
	require.NoError(p.t, p.ready(p.t.Context()))
	p.till = &till{url: p.URL, clientID: p.cfg.clientID, secret: p.cfg.Secret, shop: p.cfg.Shop, currency: sh.currency, client: http.DefaultClient}
}

// ask asks once: a machine that is busy may answer by the amount alone.
func (p *path) ask(q question) answer {
	p.t.Helper()
	a, _, err := p.till.ask(p.t.Context(), q)
	require.NoError(p.t, err)
	return a
}

// scored asks until the guard has judged: on a machine that is busy its first
// answer may be by the amount alone.
func (p *path) scored(q question) answer {
	p.t.Helper()
	a := p.ask(q)
	require.Eventually(p.t, func() bool {
		if a.Scored {
			return true
		}
		a = p.ask(q)
		return a.Scored
	}, long, 20*time.Millisecond)
	return a
}

// again asks what became of a question, until the guard has had time to look.
func (p *path) again(q question) (a answer) {
	p.t.Helper()
	var err error
	require.Eventually(p.t, func() bool {
		a, err = p.till.again(p.t.Context(), q.ID)
		return err == nil
	}, long, 20*time.Millisecond)
	return a
}

// ordinary has n ordinary transactions judged.
func (p *path) ordinary(n int) {
	p.t.Helper()
	for range n {
		q := p.people.question(risk.Sale)
		q.Lines = []questionLine{{SKU: "AW-MTC", Quantity: 1, Price: decimal.NewFromInt(12)}}
		q.Total = decimal.NewFromInt(12)
		require.Equal(p.t, decisionApprove, p.ask(q).Decision)
	}
	require.Eventually(p.t, func() bool { seen, _, _ := p.guard.today(); return seen >= n }, long, 10*time.Millisecond)
}

// reviewed waits until the review has one of the states.
func (p *path) reviewed(kind, key string, states ...approval.State) *approval.Request {
	p.t.Helper()
	var r *approval.Request
	require.Eventually(p.t, func() bool {
		var err error
		r, err = p.guard.request(p.t.Context(), kind, key)
		require.NoError(p.t, err)
		return r != nil && slices.Contains(states, r.State)
	}, long, 10*time.Millisecond, "%s of %s is not %v", kind, key, states)
	return r
}

func (p *path) decide(r *approval.Request, verdict approval.Verdict, edit map[string]string) {
	p.t.Helper()
	_, err := p.Queue.Decide(p.t.Context(), approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: verdict, By: demo.Manager, Channel: "test", Edit: edit})
	require.NoError(p.t, err)
}

// judged waits for the verdict about what was done.
func (p *path) judged(key string) *Verdict {
	p.t.Helper()
	var v *Verdict
	require.Eventually(p.t, func() bool {
		var err error
		v, err = p.guard.known(p.t.Context(), key)
		require.NoError(p.t, err)
		return v != nil
	}, long, 10*time.Millisecond, "%s was not judged", key)
	return v
}

// sell rings up something dear.
func (p *path) sell(change func(*shopifytest.Sale)) shopifytest.Order {
	p.t.Helper()
	sale := shopifytest.Sale{Location: p.sim.Locations()[0].ID, Lines: []shopifytest.SaleLine{{SKU: p.dear()}}}
	change(&sale)
	o, err := p.sim.RingUp(sale)
	require.NoError(p.t, err)
	return o
}

func (p *path) dear() string {
	for _, product := range p.sim.Products() {
		if v := product.Variants[0]; v.Price.GreaterThan(decimal.NewFromInt(300)) && product.Type != "Gift Cards" {
			return v.SKU
		}
	}
	require.FailNow(p.t, "nothing dear")
	return ""
}

func plain(*shopifytest.Sale) {}

// kindsAbout are the kinds of the entries about a transaction, in their order.
func (p *path) kindsAbout(key string) (out []audit.Kind) {
	p.t.Helper()
	for r, err := range p.Log.Trail(p.t.Context(), audit.Query{Subject: audit.Subject{Type: "transaction", ID: key}}) {
		require.NoError(p.t, err)
		out = append(out, r.Entry.Kind)
	}
	return out
}

func TestOrdinaryQuestion(t *testing.T) {
	p := newPath(t)
	q := p.people.ordinary()
	a := p.scored(q)
	assert.Equal(t, decisionApprove, a.Decision)
	assert.Equal(t, p.cfg.policy.Name(), a.Policy)
	for range 3 {
		assert.Equal(t, a, p.scored(q), "asking again gives the same answer")
	}
	assert.Equal(t, a, p.again(q))
	seen, flagged, _ := p.guard.today()
	assert.Equal(t, 1, seen, "and counts once")
	assert.Zero(t, flagged)
	late := func(k audit.Kind) bool { return k == kindFallback } // the first answer, on a machine that is busy
	assert.Equal(t, []audit.Kind{kindAssessed}, slices.DeleteFunc(p.kindsAbout("ask/"+q.ID), late))
}

func TestFlaggedAtTheRegister(t *testing.T) {
	p := newPath(t)
	early := p.people.giftCards()
	assert.Equal(t, decisionApprove, p.scored(early).Decision, "however odd: there is no flag to give yet")
	p.ordinary(99)

	q := p.people.giftCards()
	a := p.scored(q)
	assert.Equal(t, decisionManager, a.Decision)
	assert.Equal(t, string(approval.Pending), a.Review)
	assert.Subset(t, a.Codes, []string{"GIFT_CARD_VALUE", "GIFT_CARD_VELOCITY", "TENDER_SPLIT"})
	assert.NotContains(t, fmt.Sprint(a), "worth", "the register gets codes, no texts")
	r := p.reviewed(kindRelease, "ask/"+q.ID, approval.Pending)
	assert.Equal(t, "750.00", r.Amount.Amount)
	assert.True(t, r.Model.Baseline)
	assert.Contains(t, r.Evidence[1].Text, "stands out")

	over := p.people.giftCards()
	assert.Equal(t, decisionApprove, p.scored(over).Decision, "the budget is spent")

	p.decide(r, approval.Approve, nil)
	p.reviewed(kindRelease, "ask/"+q.ID, approval.Executed)
	a = p.again(q)
	assert.Equal(t, decisionApprove, a.Decision)

	// The sale is done; the order says which question it was.
	order := p.sell(func(s *shopifytest.Sale) {
		s.Attributes = []shopifytest.Attribute{{Key: questionAttribute, Value: q.ID}}
	})
	v := p.judged(fmt.Sprint("order/", order.LegacyID))
	assert.Equal(t, "ask/"+q.ID, v.Question)
	require.NoError(t, p.sim.WaitIdle(t.Context()))
	require.Eventually(t, func() bool { return p.kinds.Of(inbox.Processed) >= 2 }, long, 10*time.Millisecond)
	mark, err := p.guard.request(t.Context(), kindMark, "sale of "+order.ID)
	require.NoError(t, err)
	assert.Nil(t, mark, "a manager let it go ahead")
	seen, flagged, _ := p.guard.today()
	assert.Equal(t, []int{102, 1}, []int{seen, flagged}, "and it is not counted again")

	before := p.Log.Size()
	report, err := p.Log.Verify(t.Context())
	require.NoError(t, err)
	assert.GreaterOrEqual(t, report.Entries, before)
}

func TestRefusedAndDoneAllTheSame(t *testing.T) {
	p := newPath(t)
	p.ordinary(100)
	q := p.people.giftCards()
	require.Equal(t, decisionManager, p.scored(q).Decision)
	p.decide(p.reviewed(kindRelease, "ask/"+q.ID, approval.Pending), approval.Reject, nil)
	a := p.again(q)
	assert.Equal(t, decisionRefuse, a.Decision)

	order := p.sell(func(s *shopifytest.Sale) {
		s.Attributes = []shopifytest.Attribute{{Key: questionAttribute, Value: q.ID}}
	})
	r := p.reviewed(kindMark, "sale of "+order.ID, approval.Pending)
	m, ok := approval.ActionOf[Mark](r)
	require.True(t, ok)
	assert.Equal(t, codeBypassed, m.Reasons[0].Code)
	assert.Equal(t, levelHigh, m.Level)
}

func TestSmallFlagsDoNotStopTheQueue(t *testing.T) {
	p := newPath(t)
	p.ordinary(100)
	q := p.people.giftCards()
	q.Lines[0].Quantity, q.Lines[0].Price, q.Total = 1, decimal.NewFromInt(299), decimal.NewFromInt(299)
	q.Lines = append(q.Lines, questionLine{SKU: "AW-MTC", Quantity: 60, Price: decimal.Zero})
	q.ManualDiscount = decimal.NewFromInt(150)
	a := p.scored(q)
	require.Contains(t, a.Codes, "DISCOUNT_OVERRIDE")
	r := p.reviewed(kindRelease, "ask/"+q.ID, approval.Executed)
	assert.Equal(t, approval.RuleAllow, r.Ruling.Verdict)
	a = p.again(q)
	assert.Equal(t, decisionApprove, a.Decision)
}

func TestMarkOfAFulfilledOrder(t *testing.T) {
	p := newPath(t)
	p.ordinary(120)
	order := p.sell(plain)
	p.judged(fmt.Sprint("order/", order.LegacyID))
	_, err := p.sim.TakeBack(shopifytest.TakeBack{Order: order.ID})
	require.NoError(t, err)
	r := p.reviewed(kindMark, "return of "+order.ID, approval.Pending)
	assert.Empty(t, p.sim.Metafields(order.ID), "nothing is written before a manager decides")
	m, _ := approval.ActionOf[Mark](r)
	assert.Equal(t, risk.ReturnSameAssociate, m.Reasons[0].Code)
	p.decide(r, approval.Approve, map[string]string{"level": levelMedium})
	r = p.reviewed(kindMark, "return of "+order.ID, approval.Executed)
	result, err := approval.ResultOf[Marked](r)
	require.NoError(t, err)
	assert.False(t, result.Assessed, "a fulfilled order takes no risk assessment")

	got, _ := p.sim.Order(order.ID)
	assert.Equal(t, []string{tagRisk}, got.Tags)
	assert.Empty(t, got.Risks)
	require.Len(t, got.Metafields, 2)
	var written struct {
		Level string `json:"level"`
		Entry int64  `json:"audit_entry"`
		Leaf  string `json:"audit_leaf_hash"`
	}
	require.NoError(t, json.Unmarshal([]byte(metafield(t, got, "risk_of_return").Value), &written))
	assert.Equal(t, levelMedium, written.Level, "as the manager changed it")
	entry, err := p.Log.At(t.Context(), written.Entry)
	require.NoError(t, err)
	assert.Equal(t, kindAssessed, entry.Entry.Kind)
	assert.Equal(t, entry.LeafHash.String(), written.Leaf)
	decided := demotest.Proof(t, p.dir, metafield(t, got, "risk_proof_of_return").Value)
	assert.Equal(t, audit.KindDecided, decided.Kind, "the order points to the proof of what the manager decided")
	assert.Equal(t, string(approval.Approve), decided.Decision.Verdict)
}

func metafield(t *testing.T, o shopifytest.Order, key string) shopifytest.Metafield {
	t.Helper()
	i := slices.IndexFunc(o.Metafields, func(m shopifytest.Metafield) bool { return m.Key == key })
	require.GreaterOrEqual(t, i, 0, key)
	return o.Metafields[i]
}

func TestRiskAssessmentIsWrittenOnce(t *testing.T) {
	p := newPath(t)
	p.ordinary(120)
	p.sim.Inject(shopifytest.Fault{Field: "orderRiskAssessmentCreate", LoseResponse: true})
	p.sim.Inject(shopifytest.Fault{Field: "metafieldsSet", InternalError: true})
	order := p.sell(func(s *shopifytest.Sale) {
		s.SendLater, s.Lines[0].Quantity = true, 9
		s.Discount = &shopifytest.Discount{Percent: decimal.NewFromInt(60)}
	})
	p.decide(p.reviewed(kindMark, "sale of "+order.ID, approval.Pending), approval.Approve, nil)
	r := p.reviewed(kindMark, "sale of "+order.ID, approval.Executed)
	result, err := approval.ResultOf[Marked](r)
	require.NoError(t, err)
	assert.True(t, result.Assessed)
	got, _ := p.sim.Order(order.ID)
	require.Len(t, got.Risks, 1, "the answer got lost, the assessment was found again")
	assert.Equal(t, levelHigh, got.Risks[0].Level)
	last := got.Risks[0].Facts[len(got.Risks[0].Facts)-1]
	assert.Equal(t, "NEUTRAL", last.Sentiment)
	assert.Contains(t, last.Description, fmt.Sprint("order/", order.LegacyID))
	assert.Contains(t, got.Risks[0].Facts[0].Description, "60 % taken off by hand")

	// The same delivery again, and another one of the same order.
	for _, d := range p.sim.Deliveries() {
		if d.Topic == "orders/create" {
			require.NoError(t, p.sim.Redeliver(d.WebhookID))
			p.post(webhook.Delivery{Topic: d.Topic, Body: d.Body}, p.cfg.Secret, http.StatusOK)
		}
	}
	require.NoError(t, p.sim.WaitIdle(t.Context()))
	require.Eventually(t, func() bool { return p.kinds.Of(inbox.Processed) >= 3 }, long, 10*time.Millisecond)
	got, _ = p.sim.Order(order.ID)
	assert.Len(t, got.Risks, 1)
	assert.Equal(t, 1, metafield(t, got, "risk_of_sale").Writes)
	seen, _, _ := p.guard.today()
	assert.Equal(t, 121, seen)
	kinds := p.kindsAbout(fmt.Sprint("order/", order.LegacyID))
	assert.Equal(t, 1, strings.Count(fmt.Sprint(kinds), string(kindAssessed)))
	assert.Equal(t, 1, strings.Count(fmt.Sprint(kinds), string(kindFlagged)))
}

// Executed twice, as after a crash whose read-back found nothing, it is written
// once.
func TestMarkTwice(t *testing.T) {
	p := newPath(t)
	order := p.sell(func(s *shopifytest.Sale) { s.SendLater = true })
	m := Mark{OrderID: order.ID, Transaction: "order/1", What: risk.Sale, Level: levelHigh, Policy: "p", Reasons: []risk.Reason{{Code: risk.TenderSplit, Text: "Paid in 3 parts"}}}
	w := writer{p.shop.client}
	for range 2 {
		result, err := w.mark(t.Context(), approval.Execution{}, m)
		require.NoError(t, err)
		assert.True(t, result.Assessed)
	}
	got, _ := p.sim.Order(order.ID)
	assert.Len(t, got.Risks, 1)
	assert.Len(t, got.Metafields, 1)
	assert.Equal(t, []string{tagRisk}, got.Tags)
	m.OrderID = "gid://shopify/Order/1"
	_, err := w.mark(t.Context(), approval.Execution{}, m)
	require.Error(t, err, "an order that is not there")
}

// post sends a delivery signed with secret and checks the status.
func (p *path) post(d webhook.Delivery, secret string, status int) {
	p.t.Helper()
	d = webhooktest.Fill(d)
	if d.Shop == "example.myshopify.com" {
		d.Shop = p.sim.Domain()
	}
	r, err := webhooktest.NewRequest(p.t.Context(), p.URL+"/webhooks", d, secret)
	require.NoError(p.t, err)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(p.t, err)
	require.NoError(p.t, resp.Body.Close())
	if resp.StatusCode == http.StatusServiceUnavailable && p.t.Context().Err() == nil { // too busy to keep it: Shopify sends it again
		time.Sleep(100 * time.Millisecond)
		p.post(d, secret, status)
		return
	}
	require.Equal(p.t, status, resp.StatusCode)
}

func TestPaymentsOfASaleAreJudgedTogether(t *testing.T) {
	p := newPath(t)
	p.ordinary(120)
	order := p.sell(plain)
	v := p.judged(fmt.Sprint("order/", order.LegacyID))
	assert.NotContains(t, v.Codes(), "TENDER_SPLIT")
	tender := func(id int, amount string) {
		body := fmt.Sprintf(`{"id":%d,"order_id":%d,"amount":"%s","currency":"USD","test":false,"processed_at":"2026-11-20T10:00:00Z","payment_method":"credit_card"}`, id, order.LegacyID, amount)
		p.post(webhook.Delivery{Topic: "tender_transactions/create", Body: []byte(body)}, p.cfg.Secret, http.StatusOK)
	}
	tender(1, "100.00")
	tender(1, "100.00") // told of twice
	tender(2, "-50.00") // given back
	require.Eventually(t, func() bool { return p.kinds.Of(inbox.Processed) >= 5 }, long, 10*time.Millisecond)
	early, err := p.guard.known(t.Context(), fmt.Sprintf("tenders/%d/3", order.LegacyID))
	require.NoError(t, err)
	assert.Nil(t, early, "two payments are not three")
	tender(3, "100.00") // the third, with the one that the shop told of itself
	part := p.judged(fmt.Sprintf("tenders/%d/3", order.LegacyID))
	assert.Contains(t, part.Codes(), "TENDER_SPLIT")
	assert.Equal(t, v.Key, part.PartOf)
	seen, _, _ := p.guard.today()
	assert.Equal(t, 121, seen, "a payment is no transaction of its own")
	for r, err := range p.Log.Trail(t.Context(), audit.Query{Subject: audit.Subject{Type: "order", ID: order.ID}, Kind: kindAssessed}) {
		require.NoError(t, err)
		assert.Equal(t, order.ID, r.Entry.Correlation)
	}
}

func TestRestart(t *testing.T) {
	p := newPath(t)
	p.ordinary(99)
	// Twice within a month: the third return is one too many.
	var questions []question
	for range 3 {
		q := p.people.noReceipt()
		q.CustomerID, q.Lines, q.Total = 77, nil, decimal.NewFromInt(30)
		questions = append(questions, q)
	}
	p.scored(questions[0])
	p.scored(questions[1])
	q := p.people.giftCards()
	flagged := p.scored(q)
	require.Equal(t, decisionManager, flagged.Decision)
	wait := p.scored(p.people.giftCards())
	require.Equal(t, decisionApprove, wait.Decision)
	before := []any{}
	seen, n, waiting := p.guard.today()
	before = append(before, seen, n, waiting)
	require.NoError(t, p.stopWithin(t.Context(), long))

	p.start()
	seen, n, waiting = p.guard.today()
	assert.Equal(t, before, []any{seen, n, waiting}, "the budget is what is on record")
	assert.Equal(t, flagged, p.scored(q), "and so are the answers")
	a := p.scored(questions[2])
	assert.Contains(t, a.Codes, "SERIAL_RETURNS", "and what was counted")
	configured := 0
	for _, err := range p.Log.Trail(t.Context(), audit.Query{Kind: audit.KindConfigured, Action: "fraudguard.policy"}) {
		require.NoError(t, err)
		configured++
	}
	assert.Equal(t, 1, configured, "the same policy is in force")
}

// A flag whose review was never asked for, as after a crash, gets one at the start.
func TestReviewIsAskedForAfterACrash(t *testing.T) {
	p := newPath(t)
	p.ordinary(100)
	v := &Verdict{
		Transaction: risk.Transaction{Key: "ask/left-behind", Kind: risk.Sale, At: time.Now(), Amount: decimal.NewFromInt(900)},
		Assessment:  risk.Assessment{Score: 0.9, Reasons: []risk.Reason{{Code: risk.GiftCardValue, Text: "Gift cards worth 900.00", Strength: 0.4}}, Policy: p.cfg.policy.Name()},
		Channel:     channelPOS, JudgedAt: time.Now(),
	}
	e := v.entry(p.guard.shop)
	_, err := p.Log.Append(t.Context(), e)
	require.NoError(t, err)
	e.ID, e.Kind, e.Attributes = entryID(kindFlagged, p.guard.shop, v.Key), kindFlagged, map[string]string{"key": v.Key, "waited": "false"}
	_, err = p.Log.Append(t.Context(), e)
	require.NoError(t, err)
	require.NoError(t, p.stopWithin(t.Context(), long))
	p.start()
	p.reviewed(kindRelease, v.Key, approval.Pending)
}

func TestPolicyIsOnRecord(t *testing.T) {
	p := newPath(t)
	entries := map[string]string{}
	for r, err := range p.Log.Trail(t.Context(), audit.Query{Kind: audit.KindConfigured}) {
		require.NoError(t, err)
		entries[r.Entry.Action] = r.Entry.Attributes["digest"]
	}
	assert.Equal(t, p.cfg.policy.Digest(), entries["fraudguard.policy"])
}

func TestSessionTokens(t *testing.T) {
	p := newPath(t)
	body := `{"id":"question-1","kind":"sale","location_id":1,"currency":"USD","total":"10.00"}`
	send := func(method, path, token, body string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, p.URL+path, strings.NewReader(body))
		require.NoError(t, err)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		t.Cleanup(func() { _ = resp.Body.Close() })
		assert.Equal(t, "*", resp.Header.Get("Access-Control-Allow-Origin"))
		return resp
	}
	sign := func(client, secret, shop string, at time.Time) string {
		return shopifytest.SignSessionToken(secret, shopifytest.SessionClaims{Shop: shop, ClientID: client, Account: "1", Issued: at})
	}
	const questions = "/pos/transactions"
	good := func() string { return sign(p.cfg.clientID, p.cfg.Secret, p.cfg.Shop, time.Now()) } // for a minute
	assert.Equal(t, http.StatusNoContent, send(http.MethodOptions, questions, "", "").StatusCode, "a preflight has no token")
	for name, token := range map[string]string{
		"none":         "",
		"wrong secret": sign(p.cfg.clientID, "guess", p.cfg.Shop, time.Now()),
		"another app":  sign("other", p.cfg.Secret, p.cfg.Shop, time.Now()),
		"another shop": sign(p.cfg.clientID, p.cfg.Secret, "other.myshopify.com", time.Now()),
		"expired":      sign(p.cfg.clientID, p.cfg.Secret, p.cfg.Shop, time.Now().Add(-2*time.Minute)),
	} {
		assert.Equal(t, http.StatusUnauthorized, send(http.MethodPost, questions, token, body).StatusCode, name)
		assert.Equal(t, http.StatusUnauthorized, send(http.MethodGet, questions+"/question-1", token, "").StatusCode, name)
	}
	seen, _, _ := p.guard.today()
	assert.Zero(t, seen)

	assert.Equal(t, http.StatusOK, send(http.MethodPost, questions, good(), body).StatusCode)
	for name, bad := range map[string]string{
		"not JSON": "{", "a list": "[]", "two": body + body, "no id": `{"kind":"sale"}`, "short id": strings.Replace(body, "question-1", "q", 1),
		"path in the id": strings.Replace(body, "question-1", "../../etc", 1), "currency": strings.Replace(body, "USD", "EUR", 1),
		"no location": strings.Replace(body, `"location_id":1`, `"location_id":0`, 1), "kind": strings.Replace(body, `"sale"`, `"gift"`, 1),
		"negative": strings.Replace(body, "10.00", "-1", 1), "enormous": strings.Replace(body, "10.00", "1e999999999", 1),
		"receipt of a sale": strings.Replace(body, `"kind"`, `"order_id":5,"kind"`, 1), "a line without pieces": strings.Replace(body, `"kind"`, `"lines":[{"sku":"a"}],"kind"`, 1),
	} {
		assert.Equal(t, http.StatusUnprocessableEntity, send(http.MethodPost, questions, good(), bad).StatusCode, name)
	}
	assert.Equal(t, http.StatusRequestEntityTooLarge, send(http.MethodPost, questions, good(), body+strings.Repeat(" ", maxQuestion)).StatusCode)
	assert.Equal(t, http.StatusNotFound, send(http.MethodGet, questions+"/never-asked", good(), "").StatusCode)
	assert.Equal(t, http.StatusNotFound, send(http.MethodGet, questions+"/q", good(), "").StatusCode)
	assert.Equal(t, http.StatusMethodNotAllowed, send(http.MethodDelete, questions, good(), "").StatusCode)
}

func TestDeliveriesOfNoUse(t *testing.T) {
	p := newPath(t)
	p.post(webhook.Delivery{Topic: "orders/create", Body: []byte(`{"id":1,"source_name":"web","created_at":"2026-11-20T10:00:00Z"}`)}, p.cfg.Secret, http.StatusOK)
	p.post(webhook.Delivery{Topic: "orders/create", Body: []byte(`{"id":1,"source_name":"pos","created_at":"2026-11-20T10:00:00Z"}`)}, "guess", http.StatusUnauthorized)
	require.Eventually(t, func() bool { return p.kinds.Of(inbox.Processed) == 1 }, long, 10*time.Millisecond)
	seen, _, _ := p.guard.today()
	assert.Zero(t, seen, "an online order is not the register's")
	// Signed, so from the shop, but of no use: kept as dead letters.
	p.post(webhook.Delivery{Topic: "orders/create", Body: []byte(`{"id":2,"source_name":"pos","total_price":"-5","created_at":"2026-11-20T10:00:00Z"}`)}, p.cfg.Secret, http.StatusOK)
	p.post(webhook.Delivery{Topic: "orders/create", Body: []byte(`{"id":3,"source_name":"pos"}`)}, p.cfg.Secret, http.StatusOK)
	require.Eventually(t, func() bool { return p.kinds.Of(inbox.Died) == 2 }, long, 10*time.Millisecond)
	// Nobody asked what this order says it was asked about.
	order := p.sell(func(s *shopifytest.Sale) {
		s.Attributes = []shopifytest.Attribute{{Key: questionAttribute, Value: "never-asked-at-all"}}
	})
	v := p.judged(fmt.Sprint("order/", order.LegacyID))
	assert.Empty(t, v.Question)
	assert.NotEmpty(t, v.Policy)
	require.Eventually(t, func() bool { seen, _, _ := p.guard.today(); return seen == 1 }, long, 10*time.Millisecond)
}

func TestReturnIsMatchedWithItsQuestion(t *testing.T) {
	p := newPath(t)
	order := p.sell(plain)
	p.judged(fmt.Sprint("order/", order.LegacyID))
	q := p.people.question(risk.Return)
	q.OrderID, q.Total = order.LegacyID, order.Total
	p.scored(q)
	other := p.people.question(risk.Return) // of another order
	other.OrderID, other.Total = order.LegacyID+1, decimal.NewFromInt(20)
	p.scored(other)
	got, err := p.sim.TakeBack(shopifytest.TakeBack{Order: order.ID})
	require.NoError(t, err)
	require.True(t, got.Refunded.IsPositive())
	var v *Verdict
	require.Eventually(t, func() bool {
		for r, err := range p.Log.Trail(t.Context(), audit.Query{Subject: audit.Subject{Type: "order", ID: order.ID}, Kind: kindAssessed}) {
			require.NoError(t, err)
			if strings.HasPrefix(r.Entry.Attributes["key"], "refund/") {
				v, err = p.guard.verdict(p.t.Context(), r)
				require.NoError(t, err)
			}
		}
		return v != nil
	}, long, 10*time.Millisecond)
	assert.Equal(t, "ask/"+q.ID, v.Question)
	seen, _, _ := p.guard.today()
	assert.Equal(t, 3, seen, "the sale and two questions")
}

func TestWrongCurrency(t *testing.T) {
	p := newPath(t)
	sh := *p.shop
	sh.currency = "EUR"
	_, err := startService(t.Context(), p.cfg, &sh, t.TempDir(), "127.0.0.1:0", slog.New(slog.DiscardHandler), nil)
	assert.ErrorContains(t, err, "the policy counts in USD and the shop in EUR")
}

func (p *path) takeBack(order string) {
	p.t.Helper()
	_, err := p.sim.TakeBack(shopifytest.TakeBack{Order: order})
	require.NoError(p.t, err)
}

// Who asks about a small sale and rings up a large one, or names the question of
// another sale, gains nothing.
func TestQuestionAboutAnotherSale(t *testing.T) {
	p := newPath(t)
	small := p.people.question(risk.Sale)
	small.Total = decimal.NewFromInt(10)
	large := p.people.question(risk.Sale)
	large.Total = decimal.NewFromInt(900)
	elsewhere := p.people.question(risk.Sale)
	elsewhere.Total, elsewhere.LocationID = decimal.NewFromInt(900), number(p.sim.Locations()[1].ID)
	back := p.people.question(risk.Return)
	back.Total = decimal.NewFromInt(900)
	for _, q := range []question{small, large, elsewhere, back} {
		p.scored(q)
	}
	naming := func(id string) *Verdict {
		order := p.sell(func(s *shopifytest.Sale) {
			s.Attributes = []shopifytest.Attribute{{Key: questionAttribute, Value: id}}
		})
		return p.judged(fmt.Sprint("order/", order.LegacyID))
	}
	assert.Equal(t, "ask/"+large.ID, naming(large.ID).Question)
	for name, id := range map[string]string{"smaller": small.ID, "named before": large.ID, "at another place": elsewhere.ID, "about a return": back.ID} {
		v := naming(id)
		assert.Empty(t, v.Question, name)
		assert.Equal(t, codeAnother, v.Reasons[0].Code, name)
		assert.GreaterOrEqual(t, v.Score, anotherStrength, name)
	}
	require.Eventually(t, func() bool { seen, _, _ := p.guard.today(); return seen == 4+4 }, long, 10*time.Millisecond, "each of those counts")
}
