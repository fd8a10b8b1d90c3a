package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/salesforce"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/salesforcetest"
	"github.com/posai-go/posai/examples/clienteling/internal/store"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
)

// match brings the book to another CRM, a simulated Salesforce, which has a contact of
// its own with a customer's address; a manager says that it is the customer.
func (d *demonstration) match(ctx context.Context, other int64) (err error) {
	org, err := salesforcetest.Start(nil)
	if err != nil {
		return err
	}
	defer org.Close()
	var address string
	for _, c := range d.sim.Customers() {
		if c.ID != string(store.GID(other)) && c.Email != "" {
			address = c.Email
			break
		}
	}
	own := org.Add("Contact", map[string]any{"LastName": "Someone from the newsletter", "Email": address})
	sink, err := salesforce.New(orgCredentials(org), nil)
	if err != nil {
		return err
	}
	dir := filepath.Join(d.Dir, "second")
	cfg := *d.cfg
	cfg.Database = ""
	s, err := startService(ctx, &cfg, d.shop, sink, dir, "127.0.0.1:0", d.logger, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.silence(ctx, s.URL), s.end(ctx)) }()
	report, err := s.ready(ctx)
	if err != nil {
		return err
	}
	d.Printf("\nAnother service for the same shop, with a simulated Salesforce as its CRM: %d customers read\n", report.Customers.Read)
	r, err := s.question(ctx)
	if err != nil {
		return err
	}
	c, err := s.store.Counts(ctx)
	if err != nil {
		return err
	}
	d.Line("CRM", "%d contacts written; about %d a person is asked", len(org.All("Contact"))-1, c.Questions)
	d.Line("question", "%s Proposed: %s", r.Preview.Title, r.Preview.Fields[0].Value)
	m, _ := approval.ActionOf[Match](r)
	q, _, err := s.store.Question(ctx, m.Customer)
	if err != nil {
		return err
	}
	both, err := sides(q)
	if err != nil {
		return err
	}
	for _, c := range both {
		d.Line("", "%s: %s (the page says so; the request has the number alone)", c.ID, c.Text)
	}
	if err := d.DecideWith(ctx, s.Service, r, map[string]string{"choice": own}); err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, d.cfg.Expiry+time.Minute)
	defer cancel()
	if r, err = s.Queue.Wait(wait, r.ID); err != nil {
		return err
	}
	d.TellOutcome(r, "whose record it is")
	if r.State != approval.Executed {
		return nil
	}
	if err := s.idle(ctx); err != nil {
		return err
	}
	contacts := org.All("Contact")
	if len(contacts) != len(d.sim.Customers()) {
		return fmt.Errorf("%d contacts of %d customers", len(contacts), len(d.sim.Customers()))
	}
	d.Line("CRM", "%d contacts, none of them twice; %v has the key %v", len(contacts), own, org.Record("Contact", own)["Posai_Key__c"])
	return nil
}

// silence takes back what a service at an address subscribed to.
func (d *demonstration) silence(ctx context.Context, address string) error {
	for _, sub := range d.sim.Subscriptions() {
		if !strings.HasPrefix(sub.URI, address) {
			continue
		}
		if _, err := admin.WebhookSubscriptionDelete(ctx, d.shop.client, shopify.GID(sub.ID)); err != nil {
			return err
		}
	}
	return nil
}

// question waits for the first question, and for everybody else to be in the CRM.
func (s *service) question(ctx context.Context) (*approval.Request, error) {
	if err := s.idle(ctx); err != nil {
		return nil, err
	}
	for r, err := range s.Queue.List(ctx, approval.Filter{}) {
		if err != nil || r.Kind == kindMatch {
			return r, err
		}
	}
	return nil, errors.New("nobody is asked")
}

// idle waits until nothing is on its way.
func (s *service) idle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for {
		stats, err := s.Inbox.Stats(ctx)
		if err != nil {
			return err
		}
		c, err := s.store.Counts(ctx)
		if err != nil {
			return err
		}
		asked := true
		questions, err := s.store.Questions(ctx)
		if err != nil {
			return err
		}
		for _, q := range questions {
			asked = asked && q.Request != ""
		}
		if asked && stats.Depth()+c.Pending+c.Forgetting == 0 {
			return nil
		}
		if pause(ctx, 20*time.Millisecond); ctx.Err() != nil {
			return fmt.Errorf("the CRM did not get everything in time: %d pending, %d deliveries", c.Pending, stats.Depth())
		}
	}
}
