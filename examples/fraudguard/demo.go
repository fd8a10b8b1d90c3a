package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/shopify/shopifytest"
)

const (
	// ordinaryQuestions is how many ordinary customers a morning has at least.
	ordinaryQuestions = 540
	// oddOnes is how many of what comes after the morning is to be flagged.
	oddOnes = 4
)

// demonstration is the quick start: a morning at the registers of a simulated
// shop.
type demonstration struct {
	*service
	*demo.Narrator
	cfg    *config
	sim    *shopifytest.Shop
	till   *till
	people *customers
	first  string   // key of the first question that was stopped
	orders []string // whose trails are printed in the end
}

func demonstrate(ctx context.Context, cfg *config, in, out *os.File) (err error) {
	d := &demonstration{cfg: cfg, Narrator: demo.NewNarrator(in, out)}
	// A morning, whatever time it is: no flags are given away because it is late.
	if cfg.policy, err = alwaysMorning(cfg.policy, cfg.policy.Budget.Days); err != nil {
		return err
	}
	dir, removeDir, err := cfg.TempDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeDir()) }()
	// A plan that the past can be read on in seconds.
	d.sim, err = shopifytest.Start(&shopifytest.Options{Data: simulatedShop(cfg.Seed), Plan: shopifytest.Plus, RetrySchedule: demo.RetrySoon()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.sim.Close()) }()
	cfg.use(d.sim)
	sh, err := openShop(ctx, cfg, d.Logger())
	if err != nil {
		return err
	}
	d.service, err = startService(ctx, cfg, sh, dir, "127.0.0.1:0", d.Logger(), d.Observe)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stopWithin(ctx, time.Minute)) }()
	d.till = &till{
		url: d.URL, clientID: cfg.clientID, secret: cfg.Secret, shop: cfg.Shop, currency: sh.currency,
		client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 4}},
	}
	defer d.till.client.CloseIdleConnections()
	d.people = newCustomers(d.sim, cfg.Seed)
	for _, scene := range []func(context.Context) error{
		d.introduce, d.morning, d.giftCards, d.noReceipt, d.ownRefund, d.sentLater, d.overBudget, d.summary,
	} {
		if err := scene(ctx); err != nil {
			return err
		}
	}
	return d.Prove(ctx, d.Service, d.orders)
}

// alwaysMorning is the policy without an end of the day.
func alwaysMorning(p *risk.Policy, days int) (*risk.Policy, error) {
	b := p.Budget
	b.Days, b.LateFrom = days, risk.Duration(24*time.Hour)
	return p.WithBudget(b)
}

func (d *demonstration) introduce(ctx context.Context) error {
	d.Printf("%s  %s\n", d.shop.name, d.shop.client.Shop())
	if err := d.ready(ctx); err != nil {
		return err
	}
	if err := d.subscribe(ctx); err != nil {
		return err
	}
	sales, returns := d.guard.engine.Learned()
	p := d.cfg.policy
	d.Line("shop", "simulated: %d products, %d orders of the past year", len(d.sim.Products()), len(d.sim.Orders()))
	d.Line("learned", "from the latest %d sales and %d returns, without labels", sales, returns)
	d.Line("policy", "%s: %d rules and an isolation forest; at most one in %d is flagged", p.Name(), len(p.Rules), p.Budget.OneIn)
	d.Line("manager", "decides about flags from %s %s on; where the guard cannot answer, registers go ahead below %s", p.ReviewFrom.StringFixed(2), p.Currency, p.FailOpenBelow.StringFixed(2))
	d.Line("webhooks", "orders, refunds and tender transactions registered for %s", d.WebhookURL())
	return nil
}

// morning asks about ordinary transactions, one after the other, until the day's
// flags suffice for what comes after it: how many the ordinary ones take depends on
// the orders of the past year, and these on the time of day.
func (d *demonstration) morning(ctx context.Context) error {
	d.Printf("\nA morning at two hundred registers\n")
	var took []time.Duration
	decisions := map[string]int{}
	for len(took) < ordinaryQuestions || !d.flagsLeft(oddOnes) {
		if len(took) == 10*ordinaryQuestions {
			return errors.New("ordinary customers take all the flags of the day")
		}
		a, t, err := d.till.ask(ctx, d.people.ordinary())
		if err != nil {
			return err
		}
		took = append(took, t)
		decisions[a.Decision]++
	}
	slices.Sort(took)
	_, flagged, _ := d.guard.today()
	d.Line("asked", "%d ordinary sales and returns, over HTTP with session tokens, each on record before it is answered", len(took))
	d.Line("answered", "%d approve, %d manager; half within %.1f ms, 99 %% within %.1f ms", decisions[decisionApprove], decisions[decisionManager], ms(took[len(took)/2]), ms(took[len(took)*99/100]))
	d.Line("flagged", "%d", flagged)
	return nil
}

// flagsLeft is whether n more may be flagged today.
func (d *demonstration) flagsLeft(n int) bool {
	seen, flagged, _ := d.guard.today()
	return flagged+n <= seen/d.cfg.policy.Budget.OneIn
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// giftCards is stopped at the register and released; then the sale is done and
// known again.
func (d *demonstration) giftCards(ctx context.Context) error {
	q := d.people.giftCards()
	d.first = "ask/" + q.ID
	a, err := d.stopped(ctx, "Three gift cards of 250, paid in three parts", q)
	if err != nil || a.Decision != decisionApprove {
		return err
	}
	order, err := d.sim.RingUp(shopifytest.Sale{
		Location: d.sim.Locations()[0].ID, Lines: []shopifytest.SaleLine{{SKU: "GIFT-250", Quantity: 3}}, Attributes: []shopifytest.Attribute{{Key: questionAttribute, Value: q.ID}},
	})
	if err != nil {
		return err
	}
	v, err := d.judged(ctx, fmt.Sprint("order/", order.LegacyID))
	if err != nil {
		return err
	}
	d.Line("rung up", "order %s: it names the question, so it is judged already and not counted again", order.Name)
	d.Line("", "a manager let it go ahead: nothing is written to the order (question %s)", v.Question)
	return d.DeliverAgain(ctx, d.sim, "orders/create", strconv.FormatInt(order.LegacyID, 10))
}

func (d *demonstration) noReceipt(ctx context.Context) error {
	_, err := d.stopped(ctx, "Something dear comes back, without a receipt", d.people.noReceipt())
	return err
}

// scored asks, again while the guard was late and the answer goes by the amount alone, and
// returns how long the first answer took.
func (d *demonstration) scored(ctx context.Context, q question) (a answer, took time.Duration, err error) {
	return demo.Insist(ctx, func() (answer, time.Duration, error) { return d.till.ask(ctx, q) }, func(a answer) bool { return a.Scored })
}

// stopped asks about something odd and tells of it until the register may go on.
func (d *demonstration) stopped(ctx context.Context, title string, q question) (answer, error) {
	d.Printf("\n%s\n", title)
	a, took, err := d.scored(ctx, q)
	if err != nil {
		return a, err
	}
	if err := d.tell(ctx, "ask/"+q.ID, a, took); err != nil || a.Decision != decisionManager {
		return a, err
	}
	changes := d.Queue.Subscribe(ctx)
	r, err := d.Proposed(ctx, 0, changes, func() (*approval.Request, error) { return d.guard.request(ctx, kindRelease, "ask/"+q.ID) })
	if err != nil {
		return a, err
	}
	if err := d.settle(ctx, r, "the register may go ahead"); err != nil {
		return a, err
	}
	if a, err = d.till.again(ctx, q.ID); err != nil {
		return a, err
	}
	d.Line("register", "asks again: %s (the review is %s)", a.Decision, a.Review)
	return a, nil
}

// tell tells the verdict about a question.
func (d *demonstration) tell(ctx context.Context, key string, a answer, took time.Duration) error {
	v, err := d.judged(ctx, key)
	if err != nil {
		return err
	}
	d.Line("asked", "%s of %s %s", v.Kind, v.Amount.StringFixed(2), d.shop.currency)
	d.Line("answer", "%s after %.1f ms, score %.2f, %s", a.Decision, ms(took), a.Score, strings.Join(a.Codes, " "))
	d.tellReasons(v)
	return nil
}

func (d *demonstration) tellReasons(v *Verdict) {
	for _, r := range v.Reasons {
		d.Line("", "+%.2f %s: %s", r.Strength, r.Code, r.Text)
	}
}

// settle tells what becomes of a review.
func (d *demonstration) settle(ctx context.Context, r *approval.Request, written string) error {
	d.Line("policy", "%s: %s", r.Ruling.Verdict, r.Ruling.Reason)
	for _, e := range r.Evidence[1:] {
		d.Line("reviewer", "%s: “%s”", strings.ToLower(e.Label), e.Text)
	}
	if r.State == approval.Pending {
		if err := d.Decide(ctx, d.Service, r); err != nil {
			return err
		}
	}
	wait, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	r, err := d.Queue.Wait(wait, r.ID)
	if err != nil {
		return err
	}
	if m, err := approval.ResultOf[Marked](r); err == nil && r.Kind == kindMark {
		written = m.String()
	}
	d.TellOutcome(r, written)
	return nil
}

// judged waits for the verdict about what was done.
func (d *demonstration) judged(ctx context.Context, key string) (*Verdict, error) {
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		v, err := d.guard.known(ctx, key)
		if v != nil || err != nil {
			return v, err
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return nil, errors.New("the delivery was not judged in time")
}

// ownRefund is a sale that the same associate takes back a moment later.
func (d *demonstration) ownRefund(ctx context.Context) error {
	d.Printf("\nSold, and taken back by the same associate a moment later\n")
	sku, err := d.dear()
	if err != nil {
		return err
	}
	order, err := d.sim.RingUp(shopifytest.Sale{Location: d.sim.Locations()[0].ID, Lines: []shopifytest.SaleLine{{SKU: sku}}})
	if err != nil {
		return err
	}
	if _, err := d.judged(ctx, fmt.Sprint("order/", order.LegacyID)); err != nil {
		return err
	}
	if _, err := d.sim.TakeBack(shopifytest.TakeBack{Order: order.ID}); err != nil {
		return err
	}
	return d.marked(ctx, order, "return of "+order.ID, "taken back", "order %s, %s %s, nobody else was there")
}

// sentLater is a sale with most of the price off, to be sent: such an order takes a
// risk assessment.
func (d *demonstration) sentLater(ctx context.Context) error {
	d.Printf("\nEight blazers, most of the price taken off by hand, to be sent\n")
	sku, err := d.dear()
	if err != nil {
		return err
	}
	order, err := d.sim.RingUp(shopifytest.Sale{
		Location: d.sim.Locations()[0].ID, SendLater: true, Lines: []shopifytest.SaleLine{{SKU: sku, Quantity: 8}},
		Discount: &shopifytest.Discount{Title: "Friends", Percent: decimal.NewFromInt(60)},
	})
	if err != nil {
		return err
	}
	if err := d.marked(ctx, order, "sale of "+order.ID, "rung up", "order %s, %s %s"); err != nil {
		return err
	}
	now, _ := d.sim.Order(order.ID)
	for _, r := range now.Risks {
		d.Line("shopify", "shows the order with risk %s and %d facts", strings.ToLower(r.Level), len(r.Facts))
	}
	return nil
}

// marked waits for the review of an order and tells of it.
func (d *demonstration) marked(ctx context.Context, order shopifytest.Order, key, label, format string) error {
	d.orders = append(d.orders, order.ID)
	changes := d.Queue.Subscribe(ctx)
	r, err := d.Proposed(ctx, d.cfg.ModelTimeout, changes, func() (*approval.Request, error) { return d.guard.request(ctx, kindMark, key) })
	if err != nil {
		return err
	}
	d.Line(label, format, order.Name, order.Total.StringFixed(2), order.Currency)
	m, ok := approval.ActionOf[Mark](r)
	if !ok {
		return errors.New("the review is not about a mark")
	}
	v, err := d.guard.known(ctx, m.Transaction)
	if err != nil || v == nil {
		return errors.Join(errors.New("the verdict is not on record"), err)
	}
	d.Line("judged", "score %.2f, from the webhook; risk %s", v.Score, strings.ToLower(m.Level))
	d.tellReasons(v)
	return d.settle(ctx, r, "")
}

// dear is an article of more than the limit of reviews.
func (d *demonstration) dear() (string, error) {
	for _, p := range d.sim.Products() {
		if v := p.Variants[0]; v.Price.GreaterThan(d.cfg.policy.ReviewFrom) && p.Type != "Gift Cards" {
			return v.SKU, nil
		}
	}
	return "", errors.New("the simulated shop has nothing dear enough")
}

// overBudget is as odd as the others, but the day's flags are given.
func (d *demonstration) overBudget(ctx context.Context) error {
	for n := 0; n < 10 && d.flagsLeft(1); n++ {
		if _, _, err := d.scored(ctx, d.people.override()); err != nil {
			return err
		}
	}
	d.Printf("\nOne more, after the day's flags are given\n")
	q := d.people.noReceipt()
	a, took, err := d.scored(ctx, q)
	if err != nil {
		return err
	}
	if err := d.tell(ctx, "ask/"+q.ID, a, took); err != nil {
		return err
	}
	seen, flagged, waiting := d.guard.today()
	d.Line("budget", "%d of %d transactions are flagged: one more would be more than one in %d, so it goes ahead, on record", flagged, seen, d.cfg.policy.Budget.OneIn)
	d.Line("", "%d wait, the highest score first, for the next flag that falls free today", waiting)
	return nil
}

func (d *demonstration) summary(ctx context.Context) error {
	d.Printf("\nPage  %s shows today's flags with the trail of each, to a manager who is signed in\n", d.PublicURL("/flags"))
	d.Printf("\nTrail of the gift cards, from the question on\n")
	for r, err := range d.Log.Trail(ctx, audit.Query{Subject: audit.Subject{Type: "transaction", ID: d.first}}) {
		if err != nil {
			return err
		}
		d.Printf("%s", audit.Format(r))
	}
	return nil
}
