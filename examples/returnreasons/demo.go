package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
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
	sim    *shopifytest.Shop
	orders []string // that something came back of
}

func demonstrate(ctx context.Context, cfg *config, in, out *os.File) (err error) {
	d := &demonstration{cfg: cfg, Narrator: demo.NewNarrator(in, out)}
	dir, removeDir, err := cfg.TempDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeDir()) }()
	data, err := simulatedShop(cfg.Seed, time.Now())
	if err != nil {
		return err
	}
	// A larger plan than the smallest: the summary reads hundreds of returns.
	if d.sim, err = shopifytest.Start(&shopifytest.Options{Data: data, Plan: shopifytest.Plus}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.sim.Close()) }()
	cfg.Use(d.sim)
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
	if err := d.subscribe(ctx); err != nil {
		return err
	}
	d.Line("webhooks", "refunds/create and returns/* registered for %s", d.WebhookURL())
	for n, s := range scenes {
		if err := d.play(ctx, n+1, s); err != nil {
			return err
		}
	}
	if err := d.summarize(ctx); err != nil {
		return err
	}
	return d.Prove(ctx, d.Service, d.orders)
}

func (d *demonstration) introduce() {
	d.Printf("%s  %s\n", d.shop.name, d.shop.client.Shop())
	d.Line("shop", "simulated: %d products, %d orders of the past year, things come back", len(d.sim.Products()), len(d.sim.Orders()))
	judge := "none: the baseline judges (the reason that was picked, and keywords in several languages)"
	if m := d.follower.model; m != nil {
		judge = m.Info().Provider + " " + m.Info().Model
	}
	d.Line("model", "%s", judge)
	d.Line("policy", "a manager decides below a confidence of %.2f", d.cfg.confidence)
}

// play takes something back and tells what becomes of it.
func (d *demonstration) play(ctx context.Context, n int, s scene) error {
	changes := d.Queue.Subscribe(ctx)
	ret, err := s.happen(d.sim)
	if err != nil {
		return err
	}
	d.orders = append(d.orders, ret.OrderID)
	d.Printf("\nReturn %d  %s, %s, %s\n", n, ret.Name, s.title, s.story)
	d.Line("note", "“%s”", s.note)
	if err := d.Received(ctx, inbox.Received); err != nil {
		return err
	}
	r, err := d.Proposed(ctx, d.cfg.ModelTimeout, changes, func() (*approval.Request, error) {
		return d.follower.request(ctx, ret.ID)
	})
	if err != nil {
		return err
	}
	d.tellJudgment(r)
	if r.Ruling.Verdict == approval.RuleAsk {
		if err := d.Decide(ctx, d.Service, r); err != nil {
			return err
		}
	}
	wait, cancel := context.WithTimeout(ctx, d.cfg.Expiry)
	defer cancel()
	if r, err = d.Queue.Wait(wait, r.ID); err != nil {
		return err
	}
	written := ""
	if result, err := approval.ResultOf[Result](r); err == nil {
		written = result.String()
	}
	d.TellOutcome(r, written)
	if err := d.sim.WaitIdle(ctx); err != nil {
		return err
	}
	d.Drain()
	if s.twice {
		return d.DeliverAgain(ctx, d.sim, "refunds/create", strings.TrimPrefix(ret.OrderID, "gid://shopify/Order/"))
	}
	return nil
}

func (d *demonstration) tellJudgment(r *approval.Request) {
	rec, ok := approval.ActionOf[Record](r)
	if !ok {
		return
	}
	for _, i := range rec.Items {
		also := ""
		if i.Second != "" {
			also = ", and also " + strings.ToLower(i.Second.String())
		}
		d.Line("judgment", "by %s: %s%s, confidence %.2f", rec.By, strings.ToLower(i.Reason.String()), also, i.Confidence)
	}
	d.Line("policy", "%s: %s", r.Ruling.Verdict, r.Ruling.Reason)
}

// summarize writes the weekly page, and looks at it as served.
func (d *demonstration) summarize(ctx context.Context) error {
	file := d.cfg.report
	if file == "" {
		file = filepath.Join(os.TempDir(), "returnreasons-summary.html")
		if d.cfg.Data != "" {
			file = filepath.Join(d.cfg.Data, "summary.html")
		}
	}
	d.Printf("\n")
	if err := writeReport(ctx, d.reporter, d.cfg.week, file, d.Writer()); err != nil {
		return err
	}
	d.Line("page", "%s", file)
	if d.cfg.Data == "" && d.cfg.report == "" {
		d.Line("", "(with -serve -simulate it is also at %s)", "/returns")
	}
	return nil
}
