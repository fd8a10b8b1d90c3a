package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook/inbox"
)

// demonstration is the quick start: a shop, the service, and what happens.
type demonstration struct {
	*service
	*demo.Narrator
	cfg    *config
	sim    *shopifytest.Shop // nil with a real shop
	orders []string          // followed up, in order
}

func demonstrate(ctx context.Context, cfg *config, in, out *os.File) (err error) {
	var body []byte
	if cfg.payload != "" {
		if body, err = readPayload(cfg.payload); err != nil {
			return err
		}
	}
	d := &demonstration{cfg: cfg, Narrator: demo.NewNarrator(in, out)}
	dir, removeDir, err := cfg.TempDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeDir()) }()
	if cfg.Shop == "" {
		data := shopifytest.GenerateData(cfg.Seed, time.Now())
		if body != nil {
			if err := addPayload(data, body); err != nil {
				return err
			}
		}
		if d.sim, err = shopifytest.Start(&shopifytest.Options{Data: data}); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, d.sim.Close()) }()
		cfg.Use(d.sim)
	}
	sh, err := openShop(ctx, cfg, d.Logger())
	if err != nil {
		return err
	}
	d.service, err = startService(ctx, cfg, sh, dir, "127.0.0.1:0", d.Logger(), d.Observe)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.StopWithin(ctx, 20*time.Second)) }()
	d.introduce()
	if body != nil {
		err = d.deliverPayload(ctx, body)
	} else {
		err = d.threeSales(ctx)
	}
	if err != nil {
		return err
	}
	return d.Prove(ctx, d.Service, d.orders)
}

func (d *demonstration) introduce() {
	d.Printf("%s  %s\n", d.shop.name, d.shop.client.Shop())
	if d.sim != nil {
		d.Line("shop", "simulated: %d products, %d customers, %d orders of the past year", len(d.sim.Products()), len(d.sim.Customers()), len(d.sim.Orders()))
		for _, l := range d.sim.Locations() {
			d.Line("location", "%s", l.Name)
		}
	}
	judge := "none: the baseline judges (co-purchase similarity and a template)"
	if m := d.follower.model; m != nil {
		judge = m.Info().Provider + " " + m.Info().Model
	}
	d.Line("model", "%s", judge)
	d.Line("policy", "a manager decides above %s %s", d.cfg.limit.StringFixed(2), d.shop.currency)
}

// threeSales rings up a sale that the policy allows, one that a manager has to
// see, and one whose delivery comes twice.
func (d *demonstration) threeSales(ctx context.Context) error {
	if err := d.subscribe(ctx); err != nil {
		return err
	}
	d.Line("webhooks", "orders/create registered for %s", d.WebhookURL())
	sales, err := pickSales(d.sim)
	if err != nil {
		return err
	}
	for i, sale := range sales {
		order, err := d.sim.RingUp(sale.Sale)
		if err != nil {
			return err
		}
		d.orders = append(d.orders, order.ID)
		d.Printf("\nSale %d  order %s, %s %s, %s\n", i+1, order.Name, order.Total.StringFixed(2), order.Currency, sale.story)
		for _, l := range order.Lines {
			d.Line("rung up", "%d × %s", l.Quantity, l.Title)
		}
		if err := d.follow(ctx, order.ID); err != nil {
			return err
		}
		if sale.twice {
			if err := d.DeliverAgain(ctx, d.sim, "orders/create", order.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// follow tells what becomes of an order until the end.
func (d *demonstration) follow(ctx context.Context, order string) error {
	changes := d.Queue.Subscribe(ctx)
	if err := d.Received(ctx, inbox.Received); err != nil {
		return err
	}
	r, err := d.Proposed(ctx, d.cfg.ModelTimeout, changes, func() (*approval.Request, error) {
		return d.follower.request(ctx, string(d.shop.client.Shop()), order)
	})
	if err != nil {
		return err
	}
	d.tellJudgment(r)
	if r.State == approval.Pending || r.Ruling.Verdict == approval.RuleAsk {
		if err := d.Decide(ctx, d.Service, r); err != nil {
			return err
		}
	}
	wait, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if r, err = d.Queue.Wait(wait, r.ID); err != nil {
		return err
	}
	written := ""
	if result, err := approval.ResultOf[Result](r); err == nil {
		written = result.String()
	}
	d.TellOutcome(r, written)
	return nil
}

func (d *demonstration) tellJudgment(r *approval.Request) {
	for _, e := range r.Evidence {
		d.Line("context", "%s: %s", strings.ToLower(e.Label), strings.ReplaceAll(e.Text, "\n", "; "))
	}
	f, ok := approval.ActionOf[FollowUp](r)
	if !ok {
		return
	}
	by := "baseline"
	if !r.Model.Baseline {
		by = r.Model.Name
	}
	d.Line("judgment", "by %s: %s", by, strings.ToLower(occasionText[f.Occasion]))
	d.Line("", "“%s”", f.Message)
	for _, rec := range f.Recommendations {
		d.Line("", "+ %s: %s", rec.Title, rec.Reason)
	}
	d.Line("policy", "%s: %s", r.Ruling.Verdict, r.Ruling.Reason)
}
