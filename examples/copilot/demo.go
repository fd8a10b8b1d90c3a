package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strings"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook/inbox"
)

// demonstration is the quick start: a shop, the service, and what is asked.
type demonstration struct {
	*service
	*demo.Narrator
	cfg  *config
	sim  *shopifytest.Shop
	page *http.Client
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
	defer func() { err = errors.Join(err, d.stopWithin(ctx, time.Minute)) }()
	if err := d.introduce(ctx); err != nil {
		return err
	}
	if err := d.open(ctx); err != nil {
		return err
	}
	for _, q := range []string{
		"Do you have a warm cashmere scarf?",
		firstSKU(d.sim, "Oxford Dress Shirt"),
		"Can I return something from the sale?",
	} {
		if _, err := d.ask(ctx, q); err != nil {
			return err
		}
	}
	if err := d.sellOut(ctx); err != nil {
		return err
	}
	if err := d.callPerson(ctx); err != nil {
		return err
	}
	return d.Prove(ctx, d.Service, nil)
}

func (d *demonstration) introduce(ctx context.Context) error {
	stats, err := d.shop.index.Stats(ctx)
	if err != nil {
		return err
	}
	d.Printf("%s  %s\n", d.shop.name, d.shop.client.Shop())
	d.Line("shop", "simulated: %d products at %d stores", len(d.sim.Products()), len(d.shop.locations))
	d.Line("index", "%d products and sections of policies", stats.Documents)
	d.Line("model", "%s", d.modelName())
	d.Line("webhooks", "products/* and inventory_levels/* registered for %s", d.WebhookURL())
	d.Line("page", "%s/kiosk", d.URL)
	return nil
}

// open opens the kiosk's page, as a browser does.
func (d *demonstration) open(ctx context.Context) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	d.page = &http.Client{Jar: jar, Timeout: time.Minute}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, d.URL+"/kiosk", nil)
	if err != nil {
		return err
	}
	resp, err := d.page.Do(r)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// ask asks at the kiosk and tells the answer as it comes.
func (d *demonstration) ask(ctx context.Context, q string) (blocks []block, err error) {
	d.Printf("\nCustomer  “%s”\n", q)
	body, err := json.Marshal(question{Question: q})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL+"/kiosk/ask", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/x-ndjson")
	resp, err := d.page.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the kiosk answered %s", resp.Status)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, err
		}
		switch {
		case e.Error != "":
			return nil, errors.New(e.Error)
		case e.Done != nil:
			by := "by search, without AI"
			if e.Done.AI {
				by = "by " + e.Done.By
			}
			if e.Done.Why != "" {
				by += ": " + e.Done.Why
			}
			d.Line("answered", "%s", by)
		case e.Block != nil:
			blocks = append(blocks, *e.Block)
			d.tell(e.Block)
		}
	}
	return blocks, lines.Err()
}

func (d *demonstration) tell(b *block) {
	switch {
	case b.Card != nil:
		title := b.Card.Title
		if b.Card.InsteadOf != "" {
			title += ", instead of " + b.Card.InsteadOf
		}
		d.Line("product", "%s", title)
		if b.Card.Why != "" {
			d.Line("", "“%s”", b.Card.Why)
		}
		for _, v := range b.Card.Variants[:min(len(b.Card.Variants), 2)] {
			d.Line("", "%s", v)
		}
		if more := len(b.Card.Variants) - 2 + b.Card.More; more > 0 {
			d.Line("", "and %d more variants", more)
		}
	case b.Policy != nil:
		d.Line("policy", "%s: “%s”", b.Policy.Title, strings.ReplaceAll(b.Policy.Text, "\n", " "))
	case b.Task != nil:
		d.Line("person", "%s; called until %s", b.Task.What, b.Task.Until.Local().Format("15:04"))
	default:
		d.Line(b.Kind, "%s", b.Text)
	}
}

// String is a variant on one line.
func (v cardVariant) String() string {
	parts := []string{fmt.Sprintf("%-14s %s, %s: %s", v.SKU, v.Price, v.Here.Location, v.Here)}
	for _, s := range v.Elsewhere {
		parts = append(parts, fmt.Sprintf("%s: %s", s.Location, s))
	}
	return strings.Join(parts, "; ")
}

// String is what can be sold, in words.
func (s stock) String() string {
	switch {
	case !s.Known:
		return "not sold there"
	case s.Untracked:
		return "always to be had"
	}
	return fmt.Sprint(s.Available, " in stock")
}

// sellOut sells the last of something at the register, and asks for it.
func (d *demonstration) sellOut(ctx context.Context) error {
	sku := firstSKU(d.sim, "Cashmere Beanie")
	_, err := d.sim.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{SKU: sku, Quantity: d.stockOf(sku)}}})
	if err != nil {
		return err
	}
	d.Printf("\nRegister  the last of %s is sold\n", sku)
	if err := d.Received(ctx, inbox.Processed); err != nil {
		return err
	}
	_, err = d.ask(ctx, sku)
	return err
}

// callPerson asks for a person, who comes.
func (d *demonstration) callPerson(ctx context.Context) error {
	blocks, err := d.ask(ctx, "I want to speak to a manager")
	if err != nil {
		return err
	}
	if len(blocks) != 1 || blocks[0].Task == nil {
		return errors.New("nobody was called")
	}
	r, err := d.Queue.Get(ctx, blocks[0].Task.ID)
	if err != nil {
		return err
	}
	if err := d.Decide(ctx, d.Service, r); err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, d.cfg.answerIn+time.Minute)
	defer cancel()
	if r, err = d.Queue.Wait(wait, r.ID); err != nil {
		return err
	}
	d.TellOutcome(r, "that somebody is on the way, at the kiosk too")
	if r.State == approval.Expired {
		d.Line("", "the kiosk says that nobody could come")
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

// stockOf is how many of a SKU there are where the register is.
func (d *demonstration) stockOf(sku string) int {
	for _, p := range d.sim.Products() {
		for _, v := range p.Variants {
			if v.SKU == sku {
				return v.Available[d.shop.locations[0].ID]
			}
		}
	}
	return 0
}
