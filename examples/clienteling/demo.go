package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/clienteling/internal/desk"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/webhooktest"
)

// demonstration is the quick start: a shop, the service, and an afternoon.
type demonstration struct {
	*service
	*demo.Narrator
	cfg      *config
	sim      *shopifytest.Shop
	register *register
}

func demonstrate(ctx context.Context, cfg *config, in, out *os.File) (err error) {
	d := &demonstration{cfg: cfg, Narrator: demo.NewNarrator(in, out)}
	dir, removeDir, err := cfg.TempDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeDir()) }()
	if d.sim, err = shopifytest.Start(&shopifytest.Options{Seed: cfg.Seed, Plan: shopifytest.Plus, RetrySchedule: demo.RetrySoon()}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.sim.Close()) }()
	cfg.use(d.sim)
	sh, err := openShop(ctx, cfg, d.Logger())
	if err != nil {
		return err
	}
	if d.service, err = startService(ctx, cfg, sh, nil, dir, "127.0.0.1:0", d.Logger(), d.Observe); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.end(ctx)) }()
	if err := d.introduce(ctx); err != nil {
		return err
	}
	id, err := d.somebody(ctx)
	if err != nil {
		return err
	}
	for _, scene := range []func(context.Context, int64) error{d.look, d.write, d.sell, d.again, d.match, d.unsubscribe, d.erase} {
		if err := scene(ctx, id); err != nil {
			return err
		}
	}
	d.Printf("\nPages     %s/clients and %s/sync, once signed in at the console\n", d.URL, d.URL)
	return d.Prove(ctx, d.Service, nil)
}

// introduce tells what was read, and waits for the CRM to have it.
func (d *demonstration) introduce(ctx context.Context) error {
	d.Printf("%s  %s\n", d.shop.name, d.shop.domain)
	report, err := d.ready(ctx)
	if err != nil {
		return err
	}
	d.Line("shop", "simulated; read by bulk operations: %d customers, %d orders, %d variants", report.Customers.Read, report.Orders.Read, report.Variants.Read)
	c, err := d.store.Counts(ctx)
	if err != nil {
		return err
	}
	d.Line("book", "%d orders of %d customers; %d orders were walk-ins'", c.Orders, c.Customers, report.Orders.Read-c.Orders)
	d.Line("webhooks", "%d topics, kept for %s", len(topics), d.WebhookURL())
	state, err := d.settled(ctx)
	if err != nil {
		return err
	}
	d.Line("CRM", "%s: %d contacts, %d purchases, state %s", d.sink.Name(), len(state.contacts), state.purchases, state.digest)
	d.register = &register{url: d.URL, sim: d.sim, clientID: d.cfg.clientID}
	return nil
}

// look asks as a register does.
func (d *demonstration) look(ctx context.Context, id int64) error {
	d.Printf("\nRegister  a customer is added to the cart; the extension asks who that is\n")
	c, err := d.register.customer(ctx, id)
	if err != nil {
		return err
	}
	d.tell(c)
	return d.showAsText(ctx, id)
}

// showAsText shows what an associate with the permission sees.
func (d *demonstration) showAsText(ctx context.Context, id int64) error {
	e, err := d.store.Entry(ctx, id)
	if err != nil {
		return err
	}
	p := d.clients.profile(e)
	d.Printf("\nAssociate opens the customer's page\n")
	d.Line("worth", "%s in %d orders, %s each; Shopify's group: %s", p.Lifetime, p.Orders, p.Average, p.RFM.Group().Label())
	for _, ch := range p.Channels {
		d.Line("", "%s: %d orders, %s", ch.Channel, ch.Orders, ch.Value)
	}
	return nil
}

// tell prints what a register is told.
func (d *demonstration) tell(c *desk.Customer) {
	d.Line("answer", "%s, %s: %d orders, %d visits", c.Name, c.City, c.Orders, c.VisitsInAll)
	for _, v := range c.Visits[:min(len(c.Visits), 2)] {
		where := v.Channel
		if v.Store != "" {
			where = v.Store
		}
		d.Line("", "%s, %s: %s", v.At.In(d.shop.zone).Format("2 Jan"), where, strings.Join(v.Bought, ", "))
	}
	var likes []string
	for _, p := range c.Preferences {
		likes = append(likes, fmt.Sprintf("%s %s (%d %%)", p.Kind, p.Value, p.Percent))
	}
	d.Line("likes", "%s", strings.Join(likes[:min(len(likes), 5)], "; "))
	by := "by " + c.Points.By
	for _, p := range c.Points.Points {
		d.Line("talk", "“%s” (%s)", p.Text, by)
	}
	marketing := "no e-mail"
	if c.Marketing.Email {
		marketing = "e-mail"
	}
	d.Line("may have", "%s", marketing)
}

// write adds a note at the register.
func (d *demonstration) write(ctx context.Context, id int64) error {
	n := desk.NewNote{Key: "afternoon-note-1", Kind: "promise", Text: "Said we would call when the linen jackets are in.", Due: time.Now().AddDate(0, 0, 7).Format(time.DateOnly)}
	if err := d.register.note(ctx, id, n); err != nil {
		return err
	}
	d.Printf("\nRegister  the associate notes a promise\n")
	d.Line("noted", "“%s” until %s", n.Text, n.Due)
	c, err := d.register.customer(ctx, id)
	if err != nil {
		return err
	}
	for _, p := range c.Points.Points {
		if p.Note != "" {
			d.Line("talk", "“%s”", p.Text)
		}
	}
	return nil
}

// sell sells to the customer, and sees the profile and the CRM change.
func (d *demonstration) sell(ctx context.Context, id int64) error {
	before, err := d.register.customer(ctx, id)
	if err != nil {
		return err
	}
	sku := firstSKU(d.sim, "Oxford Dress Shirt")
	order, err := d.sim.RingUp(shopifytest.Sale{Customer: strconv.FormatInt(id, 10), Lines: []shopifytest.SaleLine{{SKU: sku, Quantity: 2}}})
	if err != nil {
		return err
	}
	d.Printf("\nRegister  %s: 2 × %s for %s %s\n", order.Name, sku, order.Total, order.Currency)
	state, err := d.settled(ctx)
	if err != nil {
		return err
	}
	after, err := d.register.customer(ctx, id)
	if err != nil {
		return err
	}
	d.Line("profile", "%d orders, before %d; the last visit: %s", after.Orders, before.Orders, strings.Join(after.Visits[0].Bought, ", "))
	row := state.contacts[d.store.Key(id)]
	d.Line("CRM", "lifetime value %s %s, %s orders; state %s", row["lifetime_value"], row["currency"], row["orders"], state.digest)
	return nil
}

// again delivers everything again, as other deliveries and the last first.
func (d *demonstration) again(ctx context.Context, _ int64) error {
	before, err := d.settled(ctx)
	if err != nil {
		return err
	}
	deliveries := d.sim.Deliveries()
	slices.Reverse(deliveries)
	sender := webhooktest.Sender{Secret: d.cfg.Secret, Schedule: demo.RetrySoon()}
	n := 0
	for _, del := range deliveries {
		if del.State != shopifytest.DeliveryDelivered {
			continue
		}
		if _, err := sender.Post(ctx, d.WebhookURL(), webhooktest.Fill(webhook.Delivery{Topic: del.Topic, Shop: d.cfg.Shop, TriggeredAt: del.TriggeredAt, Body: del.Body})); err != nil {
			return err
		}
		n++
	}
	after, err := d.settled(ctx)
	if err != nil {
		return err
	}
	d.Printf("\nShopify   delivers all %d deliveries a second time, the last first\n", n)
	if before.digest != after.digest {
		return fmt.Errorf("the CRM changed from %s to %s", before.digest, after.digest)
	}
	d.Line("CRM", "state %s, as before", after.digest)
	return nil
}

// unsubscribe takes a consent back.
func (d *demonstration) unsubscribe(ctx context.Context, id int64) error {
	if _, err := d.sim.SetConsent(strconv.FormatInt(id, 10), shopifytest.Consent{Email: "UNSUBSCRIBED"}); err != nil {
		return err
	}
	d.Printf("\nCustomer  follows the link “unsubscribe”\n")
	state, err := d.settled(ctx)
	if err != nil {
		return err
	}
	d.Line("CRM", "no_email is %s", state.contacts[d.store.Key(id)]["no_email"])
	return nil
}

// erase erases the customer, everywhere.
func (d *demonstration) erase(ctx context.Context, id int64) error {
	if err := d.sim.EraseCustomer(strconv.FormatInt(id, 10)); err != nil {
		return err
	}
	body := fmt.Appendf(nil, `{"shop_id":1,"shop_domain":%q,"customer":{"id":%d},"orders_to_redact":[]}`, d.cfg.Shop, id)
	sender := webhooktest.Sender{Secret: d.cfg.Secret, Schedule: demo.RetrySoon()}
	if _, err := sender.Post(ctx, d.WebhookURL(), webhooktest.Fill(webhook.Delivery{Topic: string(webhook.CustomersRedact), Shop: d.cfg.Shop, Body: body})); err != nil {
		return err
	}
	d.Printf("\nCustomer  asks to be erased; Shopify sends customers/redact\n")
	state, err := d.settled(ctx)
	if err != nil {
		return err
	}
	if _, there := state.contacts[d.store.Key(id)]; there {
		return errors.New("the customer is still in the CRM")
	}
	d.Line("CRM", "%d contacts: the row is gone, and so are the purchases", len(state.contacts))
	if _, err := d.register.customer(ctx, id); err == nil {
		return errors.New("the register still gets the customer")
	} else {
		d.Line("register", "%v", err)
	}
	for r, err := range d.Log.Trail(ctx, audit.Query{Kind: audit.KindErased}) {
		if err != nil {
			return err
		}
		d.Line("log", "entry %d: erased; who looked at them, and what was noted, can no longer be tied to them", r.Index)
	}
	return nil
}

func firstSKU(sim *shopifytest.Shop, title string) string {
	for _, p := range sim.Products() {
		if p.Title == title {
			return p.Variants[0].SKU
		}
	}
	return ""
}
