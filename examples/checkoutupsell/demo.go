package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/checkoutupsell/internal/advice"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// How the carts of the quick start are: enough of them for the arms to differ.
const (
	demoCarts   = 160
	demoHoldout = 0.3
)

// demonstration is the quick start: a while at a register of a simulated shop.
type demonstration struct {
	*service
	*demo.Narrator
	cfg   *config
	sim   *shopifytest.Shop
	till  *till
	first string // the first cart
}

func demonstrate(ctx context.Context, cfg *config, in, out *os.File) (err error) {
	d := &demonstration{cfg: cfg, Narrator: demo.NewNarrator(in, out)}
	cfg.holdout = max(cfg.holdout, demoHoldout)
	dir, removeDir, err := cfg.TempDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeDir()) }()
	// A plan that the past can be read on in seconds.
	d.sim, err = shopifytest.Start(&shopifytest.Options{Data: simulatedShop(shopifytest.GenerateData(cfg.Seed, time.Now())), Plan: shopifytest.Plus, RetrySchedule: demo.RetrySoon()})
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
		url: d.URL, clientID: cfg.clientID, secret: cfg.Secret, shop: cfg.Shop, currency: sh.currency, location: firstOf(sh.locations), sim: d.sim,
		client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 4}}, random: rand.New(rand.NewPCG(cfg.Seed, 12)),
	}
	defer d.till.client.CloseIdleConnections()
	for _, scene := range []func(context.Context) error{d.introduce, d.begin, d.small, d.large, d.tooLarge, d.lost, d.afternoon, d.prove} {
		if err := scene(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *demonstration) introduce(ctx context.Context) error {
	d.Printf("%s  %s\n", d.shop.name, d.till.shop)
	if err := d.ready(ctx); err != nil {
		return err
	}
	if err := d.subscribe(ctx); err != nil {
		return err
	}
	r := d.cfg.rules
	d.Line("shop", "simulated: %d products, %d orders of the past year", len(d.sim.Products()), len(d.sim.Orders()))
	d.Line("learned", "what is bought together, from %d baskets", d.shop.learned.Load().ranker.Baskets())
	judge := "none: the baseline ranks (weighted co-purchase) and words (templates)"
	if m := d.desk.model; m != nil {
		judge = m.Info().Provider + " " + m.Info().Model + ", at most " + d.cfg.ModelTimeout.String()
	}
	d.Line("model", "%s", judge)
	d.Line("rules", "%s: never out of stock, never what is in the cart, at least %s %% margin", r.Version(), r.MinMargin.Shift(2))
	d.Line("", "the register gives up to %d %% and %s %s, a manager up to %d %%, nobody more", r.AssociatePercent, r.AskAbove.StringFixed(2), r.Currency, r.ManagerPercent)
	return nil
}

// begin takes the rollout to its first stage.
func (d *demonstration) begin(ctx context.Context) error {
	d.Printf("\nThe rollout begins\n")
	r, err := d.desk.rollout.Promote(ctx, self, "The quick start begins.")
	if err != nil {
		return err
	}
	d.Line("policy", "%s: %s", r.Ruling.Verdict, r.Ruling.Reason)
	if r, err = d.settled(ctx, r); err != nil {
		return err
	}
	state, err := d.desk.rollout.State(ctx)
	if err != nil {
		return err
	}
	if r.State != approval.Executed || state.Stage < 0 {
		return errors.New("the rollout was not begun: nothing is suggested")
	}
	d.Line("stage", "%s; %.0f %% of customers and carts are held out for comparison", d.desk.rollout.Plan().Stages[state.Stage].Name, 100*d.cfg.holdout)
	return nil
}

// settled waits for a person if need be, and for the effect.
func (d *demonstration) settled(ctx context.Context, r *approval.Request) (*approval.Request, error) {
	if r.State == approval.Pending {
		if err := d.Decide(ctx, d.Service, r); err != nil {
			return nil, err
		}
	}
	wait, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	r, err := d.Queue.Wait(wait, r.ID)
	if err != nil {
		return nil, err
	}
	for _, dec := range r.Decisions {
		d.Line("decision", "%s by %s through the %s", dec.Verdict, dec.By.Name, dec.Channel)
	}
	return r, nil
}

// ask asks about a cart, again while the answer is empty because it came too late, and
// returns how long the first one took.
func (d *demonstration) ask(ctx context.Context, q question) (a answer, took time.Duration, err error) {
	return demo.Insist(ctx, func() (answer, time.Duration, error) { return d.till.ask(ctx, q) }, func(a answer) bool { return a.Offer != "" })
}

// shown asks with new carts until one is not held out, and tells of the answer.
func (d *demonstration) shown(ctx context.Context, titles ...string) (question, answer, error) {
	var variants []string
	for _, t := range titles {
		if v := d.till.variant(t); v != "" {
			variants = append(variants, v)
		}
	}
	for range 50 {
		q := d.till.question(d.till.newCart(), variants...)
		a, took, err := d.ask(ctx, q)
		if err != nil {
			return q, a, err
		}
		if !a.Show {
			continue
		}
		d.Line("cart", "%s", strings.Join(titles, ", "))
		d.Line("answer", "after %.1f ms", float64(took.Microseconds())/1000)
		for _, s := range a.Suggestions {
			proposed := ""
			if s.Percent > 0 {
				proposed = fmt.Sprintf(" (the register may take off %s)", s.Off)
			}
			d.Line("", "+ %s, %s %s: %s%s", s.Title, s.Price, a.Currency, s.Reason, proposed)
		}
		if a.Loyalty {
			d.Line("", "nobody is on the sale: ask them to join the loyalty program")
		}
		return q, a, nil
	}
	return question{}, answer{}, errors.New("every cart was held out")
}

// addon is a suggestion of the answer that is no plan.
func addon(a answer) (suggestionView, error) {
	i := slices.IndexFunc(a.Suggestions, func(s suggestionView) bool { return s.Kind == advice.Addon })
	if i < 0 {
		return suggestionView{}, errors.New("nothing that could be discounted was suggested")
	}
	return a.Suggestions[i], nil
}

func (d *demonstration) small(ctx context.Context) error {
	d.Printf("\nA cart, and a small discount\n")
	q, a, err := d.shown(ctx, "Suede Chelsea Boot", "Boot Socks")
	if err != nil {
		return err
	}
	d.first = q.Cart
	again, _, err := d.ask(ctx, q)
	if err != nil {
		return err
	}
	d.Line("again", "the same question has the same answer: offer %s", again.Offer)
	s, err := addon(a)
	if err != nil {
		return err
	}
	return d.give(ctx, q, a, s, d.cfg.rules.AssociatePercent)
}

func (d *demonstration) large(ctx context.Context) error {
	d.Printf("\nMore than the register may give\n")
	q, a, err := d.shown(ctx, "Hopsack Wool Blazer")
	if err != nil {
		return err
	}
	s, err := addon(a)
	if err != nil {
		return err
	}
	return d.give(ctx, q, a, s, d.cfg.rules.ManagerPercent-5)
}

func (d *demonstration) tooLarge(ctx context.Context) error {
	d.Printf("\nMore than anybody may give\n")
	_, a, err := d.shown(ctx, "Leather Tote")
	if err != nil {
		return err
	}
	s, err := addon(a)
	if err != nil {
		return err
	}
	v, err := d.till.discount(ctx, a.Offer, wish{VariantID: s.VariantID, Percent: 60})
	if err != nil {
		return err
	}
	d.Line("wish", "60 %% off %s", s.Title)
	d.Line("policy", "%s: %s", v.State, v.Reason)
	return nil
}

// lost loses Shopify's answer after the code was made.
func (d *demonstration) lost(ctx context.Context) error {
	d.Printf("\nShopify's answer gets lost on the way\n")
	before := len(d.sim.DiscountCodes())
	q, a, err := d.shown(ctx, "Merino Crewneck")
	if err != nil {
		return err
	}
	s, err := addon(a)
	if err != nil {
		return err
	}
	d.sim.Inject(shopifytest.Fault{Field: "discountCodeBasicCreate", LoseResponse: true})
	if err := d.give(ctx, q, a, s, 5); err != nil {
		return err
	}
	d.Line("shopify", "has %d more code: it was looked for, not made again", len(d.sim.DiscountCodes())-before)
	return nil
}

// give asks for a discount on a suggestion and sells the cart with it.
func (d *demonstration) give(ctx context.Context, q question, a answer, s suggestionView, percent int) error {
	v, err := d.till.discount(ctx, a.Offer, wish{VariantID: s.VariantID, Percent: percent})
	if err != nil {
		return err
	}
	d.Line("wish", "%d %% off %s, %s %s", percent, s.Title, v.Off, a.Currency)
	if v, err = d.codeReady(ctx, a, v); err != nil {
		return err
	}
	if v.State != discountReady {
		d.Line("refused", "%s", v.Reason)
		return nil
	}
	d.Line("code", "%s…, for one use until %s", v.Code[:len(codePrefix)+3], v.Expires.Local().Format("15:04"))
	order, err := d.till.ringUp(q, a.Offer, []int64{s.VariantID}, &v)
	if err != nil {
		return err
	}
	o, err := d.became(ctx, q.Cart)
	if err != nil {
		return err
	}
	d.Line("sold", "order %s, goods of %s %s; %d suggested, %s taken off by the code", order.Name, o.basket.StringFixed(2), a.Currency, o.accepted, o.off.StringFixed(2))
	return nil
}

// codeReady asks again until a discount is decided and made.
func (d *demonstration) codeReady(ctx context.Context, a answer, v discountView) (discountView, error) {
	decided := false
	for deadline := time.Now().Add(2 * time.Minute); v.State == discountPending || v.State == discountWorking; {
		if v.State == discountPending && !decided {
			decided = true
			for r, err := range d.Queue.List(ctx, approval.Filter{Kind: kindDiscount, States: []approval.State{approval.Pending}, Subject: audit.Subject{Type: "cart", ID: a.Cart}}) {
				if err != nil {
					return v, err
				}
				d.Line("policy", "%s: %s", r.Ruling.Verdict, r.Ruling.Reason)
				if _, err := d.settled(ctx, r); err != nil {
					return v, err
				}
			}
		}
		now, err := d.till.again(ctx, a.Offer)
		if err != nil {
			return v, err
		}
		if now.Discount == nil || time.Now().After(deadline) {
			return v, errors.New("the discount was not made in time")
		}
		v = *now.Discount
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return v, ctx.Err()
		}
	}
	return v, nil
}

// became waits for the outcome of a cart.
func (d *demonstration) became(ctx context.Context, cart string) (outcome, error) {
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		r, err := d.Log.Get(ctx, d.desk.entryID(kindOutcome, cart))
		if err == nil {
			return outcomeOf(r)
		}
		if !errors.Is(err, audit.ErrNotFound) {
			return outcome{}, err
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return outcome{}, ctx.Err()
		}
	}
	return outcome{}, errors.New("the order was not heard of in time")
}

// afternoon is many carts, some of them held out: people buy a suggestion now and then.
func (d *demonstration) afternoon(ctx context.Context) error {
	d.Printf("\nAn afternoon: %d carts, whose customers take a suggestion about every third time\n", demoCarts)
	state, err := d.desk.rollout.State(ctx)
	if err != nil {
		return err
	}
	var took []time.Duration
	last := ""
	for range demoCarts {
		q := d.till.question(d.till.newCart(), d.till.anyCart()...)
		if len(q.Lines) == 0 {
			continue
		}
		a, t, err := d.ask(ctx, q)
		if err != nil {
			return err
		}
		took = append(took, t)
		var added []int64
		if a.Show && len(a.Suggestions) > 0 && d.till.random.IntN(3) == 0 {
			added = []int64{a.Suggestions[d.till.random.IntN(len(a.Suggestions))].VariantID}
		}
		if _, err := d.till.ringUp(q, a.Offer, added, nil); err != nil {
			return err
		}
		last = q.Cart
	}
	if _, err := d.became(ctx, last); err != nil {
		return err
	}
	if err := d.sim.WaitIdle(ctx); err != nil {
		return err
	}
	slices.Sort(took)
	d.Line("answered", "half within %.1f ms, 95 %% within %.1f ms", float64(took[len(took)/2].Microseconds())/1000, float64(took[len(took)*95/100].Microseconds())/1000)
	f, err := d.desk.figures(ctx, state.Since)
	if err != nil {
		return err
	}
	for _, a := range f.arms(d.shop.currency) {
		d.Line("arm", "%-16s  %3d orders, basket %s, %s with a suggestion, %s of it per order", strings.ToLower(a.Name), a.Orders, a.Basket, a.Attach, a.Added)
	}
	for _, e := range f.effects(d.shop.currency) {
		d.Line("effect", "%s: %s (95 %%: %s; %s)", strings.ToLower(e.Title), e.Effect, e.Range, e.P)
	}
	if _, err := d.desk.rollout.Promote(ctx, self, "The afternoon is over."); err != nil {
		d.Line("gate", "the next stage has to wait: %s", strings.TrimPrefix(err.Error(), "rollout: "))
	}
	d.Line("page", "%s shows the figures to a manager who is signed in", d.PublicURL("/upsell"))
	return nil
}

func (d *demonstration) prove(ctx context.Context) error {
	d.Printf("\nTrail of the first cart\n")
	for r, err := range d.Log.Trail(ctx, audit.Query{Correlation: "cart/" + d.first}) {
		if err != nil {
			return err
		}
		d.Printf("%s", audit.Format(r))
	}
	return d.Prove(ctx, d.Service, nil)
}
