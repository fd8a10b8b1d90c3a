package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook/inbox"
)

// demonstration is the quick start: a shop, the service, and what happens.
type demonstration struct {
	*service
	cfg    *config
	sim    *shopifytest.Shop // nil with a real shop
	out    io.Writer
	person bool // somebody sits at the terminal
	events chan inbox.Event
	orders []string // followed up, in order
}

func demonstrate(ctx context.Context, cfg *config, in, out *os.File) (err error) {
	var body []byte
	if cfg.payload != "" {
		if body, err = readPayload(cfg.payload); err != nil {
			return err
		}
	}
	d := &demonstration{cfg: cfg, out: out, person: term.IsTerminal(int(in.Fd())), events: make(chan inbox.Event, 256)}
	dir := cfg.data
	if dir == "" {
		if dir, err = os.MkdirTemp("", "postpurchase-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	if cfg.shop == "" {
		data := shopifytest.GenerateData(cfg.seed, time.Now())
		if body != nil {
			if err := addPayload(data, body); err != nil {
				return err
			}
		}
		if d.sim, err = shopifytest.Start(&shopifytest.Options{Data: data}); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, d.sim.Close()) }()
		use(cfg, d.sim)
	}
	// Warnings only: what happens is printed.
	logger := slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelWarn}))
	sh, err := openShop(ctx, cfg, logger)
	if err != nil {
		return err
	}
	d.service, err = startService(ctx, cfg, sh, dir, "127.0.0.1:0", logger, d.observe)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		err = errors.Join(err, d.stop(ctx))
	}()
	d.introduce()
	if body != nil {
		err = d.deliverPayload(ctx, body)
	} else {
		err = d.threeSales(ctx)
	}
	if err != nil {
		return err
	}
	return d.prove(ctx, dir)
}

// observe keeps what the inbox says, for a reader that may be busy.
func (d *demonstration) observe(e inbox.Event) {
	select {
	case d.events <- e:
	default:
	}
}

func (d *demonstration) introduce() {
	d.printf("%s  %s\n", d.shop.name, d.shop.client.Shop())
	if d.sim != nil {
		d.line("shop", "simulated: %d products, %d customers, %d orders of the past year", len(d.sim.Products()), len(d.sim.Customers()), len(d.sim.Orders()))
		for _, l := range d.sim.Locations() {
			d.line("location", "%s", l.Name)
		}
	}
	judge := "none: the baseline judges (co-purchase similarity and a template)"
	if m := d.follower.model; m != nil {
		judge = m.Info().Provider + " " + m.Info().Model
	}
	d.line("model", "%s", judge)
	d.line("policy", "a manager decides above %s %s", d.cfg.limit.StringFixed(2), d.shop.currency)
}

// threeSales rings up a sale that the policy allows, one that a manager has to
// see, and one whose delivery comes twice.
func (d *demonstration) threeSales(ctx context.Context) error {
	if err := d.shop.subscribe(ctx, d.url+"/webhooks"); err != nil {
		return err
	}
	d.line("webhooks", "orders/create registered for %s/webhooks", d.url)
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
		d.printf("\nSale %d  order %s, %s %s, %s\n", i+1, order.Name, order.Total.StringFixed(2), order.Currency, sale.story)
		for _, l := range order.Lines {
			d.line("rung up", "%d × %s", l.Quantity, l.Title)
		}
		if err := d.follow(ctx, order.ID); err != nil {
			return err
		}
		if sale.twice {
			if err := d.deliverAgain(ctx, order.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// follow tells what becomes of an order until the end.
func (d *demonstration) follow(ctx context.Context, order string) error {
	changes := d.queue.Subscribe(ctx)
	if err := d.received(ctx, inbox.Received); err != nil {
		return err
	}
	r, err := d.proposed(ctx, order, changes)
	if err != nil {
		return err
	}
	d.tellJudgment(r)
	if r.State == approval.Pending || r.Ruling.Verdict == approval.RuleAsk {
		if err := d.decide(ctx, r); err != nil {
			return err
		}
	}
	wait, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if r, err = d.queue.Wait(wait, r.ID); err != nil {
		return err
	}
	d.tellOutcome(r)
	return nil
}

// received waits for the next delivery of the given kind and tells of it.
func (d *demonstration) received(ctx context.Context, kind inbox.EventKind) error {
	for {
		select {
		case e := <-d.events:
			if e.Kind == inbox.Died {
				return fmt.Errorf("a delivery of %s could not be processed: %w", e.Delivery.Topic, e.Err)
			}
			if e.Kind != kind {
				continue
			}
			what := "kept, answered 200"
			if kind == inbox.Duplicate {
				what = "known, answered 200, nothing to do"
			}
			d.line("delivery", "%s, %d bytes, signature good, %s", e.Delivery.Topic, len(e.Delivery.Body), what)
			return nil
		case <-time.After(30 * time.Second):
			return errors.New("no delivery arrived within 30 s")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// proposed waits until there is a request for the order.
func (d *demonstration) proposed(ctx context.Context, order string, changes <-chan approval.Change) (*approval.Request, error) {
	timeout := time.After(d.cfg.modelTimeout + 30*time.Second)
	for {
		r, err := d.follower.request(ctx, string(d.shop.client.Shop()), order)
		if r != nil || err != nil {
			return r, err
		}
		select {
		case <-changes:
		case e := <-d.events:
			if e.Kind == inbox.Died {
				return nil, fmt.Errorf("the delivery could not be processed: %w", e.Err)
			}
		case <-timeout:
			return nil, errors.New("no proposal was made in time")
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (d *demonstration) tellJudgment(r *approval.Request) {
	for _, e := range r.Evidence {
		d.line("context", "%s: %s", strings.ToLower(e.Label), strings.ReplaceAll(e.Text, "\n", "; "))
	}
	f, ok := approval.ActionOf[FollowUp](r)
	if !ok {
		return
	}
	by := "baseline"
	if !r.Model.Baseline {
		by = r.Model.Name
	}
	d.line("judgment", "by %s: %s", by, strings.ToLower(occasionText[f.Occasion]))
	d.line("", "“%s”", f.Message)
	for _, rec := range f.Recommendations {
		d.line("", "+ %s: %s", rec.Title, rec.Reason)
	}
	d.line("policy", "%s: %s", r.Ruling.Verdict, r.Ruling.Reason)
}

// decide waits for a person at the console, or plays one.
func (d *demonstration) decide(ctx context.Context, r *approval.Request) error {
	link, err := d.links.Link(d.consoleURL(d.cfg), manager, "requests/"+r.ID)
	if err != nil {
		return err
	}
	d.line("waiting", "for %s: open %s", r.Ruling.Need, link)
	if d.person {
		d.line("", "(decide there; Ctrl-C ends)")
		return nil // the caller waits
	}
	d.line("", "nobody sits at this terminal: a scripted manager signs in there and approves")
	return approveOverHTTP(ctx, link, r.ID)
}

func (d *demonstration) tellOutcome(r *approval.Request) {
	for _, dec := range r.Decisions {
		d.line("decision", "%s by %s through the %s", dec.Verdict, dec.By.Name, dec.Channel)
	}
	switch r.State {
	case approval.Executed:
		result, err := approval.ResultOf[Result](r)
		if err != nil {
			break
		}
		d.line("written", "%s", result)
	case approval.Rejected, approval.Expired, approval.Denied:
		d.line("nothing", "is written: the request is %s", r.State)
	default:
		d.line("state", "%s", r.State)
	}
}

// deliverAgain sends the order's delivery a second time, as Shopify may.
func (d *demonstration) deliverAgain(ctx context.Context, order string) error {
	for _, del := range d.sim.Deliveries() {
		if del.Topic != "orders/create" || del.State != shopifytest.DeliveryDelivered || !strings.Contains(string(del.Body), order) {
			continue
		}
		if err := d.sim.Redeliver(del.WebhookID); err != nil {
			return err
		}
		return d.received(ctx, inbox.Duplicate)
	}
	return errors.New("the delivery is not in the simulated shop's log")
}

// prove prints the trail of each order and verifies the log.
func (d *demonstration) prove(ctx context.Context, dir string) error {
	if err := d.queue.Stop(ctx); err != nil { // the last entries are on record then
		return err
	}
	for _, order := range d.orders {
		d.printf("\nTrail of %s\n", order)
		if err := audit.WriteText(d.out, d.log.Trail(ctx, audit.Query{Subject: audit.Subject{Type: "order", ID: order}})); err != nil {
			return err
		}
	}
	report, err := d.log.Verify(ctx)
	if err != nil {
		return fmt.Errorf("the audit log does not verify: %w", err)
	}
	d.printf("\nAudit log: %d entries, every leaf and the signed checkpoint verified, root %v\n", report.Entries, report.Root)
	if d.cfg.data != "" {
		d.printf("Verify it yourself: go run ./audit/cmd/posaudit verify %s\n", filepath.Join(dir, "audit"))
	}
	return nil
}

func (d *demonstration) printf(format string, args ...any) { fmt.Fprintf(d.out, format, args...) }

// line prints one step; texts from outside cannot move the cursor.
func (d *demonstration) line(label, format string, args ...any) {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, fmt.Sprintf(format, args...))
	fmt.Fprintf(d.out, "  %-9s %s\n", label, text)
}
