package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/desk"
	"github.com/posai-go/posai/examples/clienteling/internal/profile"
	"github.com/posai-go/posai/examples/clienteling/internal/store"
	"github.com/posai-go/posai/shopify"
)

// countAgain is how often it is counted what customers are compared with.
const countAgain = time.Hour

// clients is the book as the desk sees it.
type clients struct {
	store    *store.Store
	log      *audit.Log
	shop     string
	currency string
	zone     *time.Location
	wake     func() // the outbox

	mu         sync.Mutex
	population *profile.Population
}

// Search implements [desk.Book].
func (c *clients) Search(ctx context.Context, text string, limit int) ([]desk.Row, error) {
	hits, err := c.store.Search(ctx, text, limit)
	if err != nil {
		return nil, err
	}
	rows := make([]desk.Row, len(hits))
	for i, h := range hits {
		rows[i] = desk.Row{ID: h.ID, FirstName: h.FirstName, LastName: h.LastName, Email: h.Email, Phone: h.Phone, City: h.City, LastVisit: h.LastOrder}
	}
	return rows, nil
}

// Entry implements [desk.Book].
func (c *clients) Entry(ctx context.Context, id shopify.GID) (book.Entry, error) {
	n, err := id.Number()
	if err != nil {
		return book.Entry{}, desk.ErrNotFound
	}
	e, err := c.store.Entry(ctx, n)
	if err != nil {
		return book.Entry{}, c.deskError(ctx, n, err)
	}
	return *e, nil
}

func (c *clients) deskError(ctx context.Context, id int64, err error) error {
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	erased, err := c.store.Erased(ctx, id)
	switch {
	case err != nil:
		return err
	case erased:
		return desk.ErrErased
	}
	return desk.ErrNotFound
}

// AddNote implements [desk.Book].
func (c *clients) AddNote(ctx context.Context, n book.Note) error {
	n, err := c.store.AddNote(ctx, n)
	if errors.Is(err, store.ErrNotFound) {
		id, numberErr := n.Customer.Number()
		if numberErr != nil {
			return numberErr
		}
		return c.deskError(ctx, id, err)
	}
	if err != nil {
		return err
	}
	c.wake()
	// Its words are sealed: who is erased takes them along. Who wrote it, the desk said.
	_, err = c.log.Append(ctx, audit.Entry{
		ID: "note/" + n.ID, Kind: audit.KindEffect, Shop: c.shop, Actor: audit.Actor{Type: audit.System, ID: self.ID}, Action: "clienteling.note",
		Subjects: []audit.Subject{{Type: "customer", ID: string(n.Customer)}}, Attributes: map[string]string{"about": string(n.Kind)},
		Sealed: []audit.Part{{Name: "text", Data: []byte(n.Text)}},
	})
	return err
}

// Population implements [desk.Book].
func (c *clients) Population(context.Context) (*profile.Population, error) {
	return c.compared(), nil
}

func (c *clients) compared() *profile.Population {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.population
}

// profile is a customer's profile for the CRM. Scores among the shop's customers are
// left to the desk: they change with everybody's purchases.
func (c *clients) profile(e *book.Entry) profile.Profile {
	return profile.Of(*e, nil, time.Now().In(c.zone))
}

// count counts what customers are compared with.
func (c *clients) count(ctx context.Context) error {
	p, err := profile.NewPopulation(c.currency, func(yield func(profile.Member, error) bool) {
		for e, err := range c.store.Entries(ctx) {
			m := profile.Member{}
			if err == nil {
				m = profile.MemberOf(*e, c.currency)
			}
			if !yield(m, err) || err != nil {
				return
			}
		}
	}, nil)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.population = p
	return nil
}

// keepCounting counts again and again, until ctx ends.
func (c *clients) keepCounting(ctx context.Context, logger *slog.Logger) {
	for {
		if err := c.count(ctx); err != nil && ctx.Err() == nil {
			logger.Warn("the customers could not be counted", "error", err)
		}
		select {
		case <-time.After(countAgain):
		case <-ctx.Done():
			return
		}
	}
}
