package demo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/open"
	"github.com/posai-go/posai/ai/sqlbudget"
)

// Budget is what a model may cost in a day: for the shop, and for one person. Its
// methods are used in this order: Flags, Read, Model, Close.
type Budget struct {
	priceFile        string
	perDay, perStaff string
	prices           *ai.Prices
	shopCap, eachCap ai.Cost
	ledger           *sqlbudget.Ledger
}

// NewBudget is a budget that no flags are read for.
func NewBudget(prices *ai.Prices, perShop, perStaff ai.Cost) Budget {
	return Budget{prices: prices, shopCap: perShop, eachCap: perStaff}
}

// PerStaff sets what one person may cost.
func (b *Budget) PerStaff(limit ai.Cost) { b.eachCap = limit }

// Flags adds -prices, -budget and -staff-budget.
func (b *Budget) Flags(fs *flag.FlagSet) {
	fs.StringVar(&b.priceFile, "prices", "", "JSON `file` with the prices of the model's tokens, see ai.ReadPrices; needed with -model")
	fs.StringVar(&b.perDay, "budget", "5", "the most that the model may cost in a day, in the currency of -prices")
	fs.StringVar(&b.perStaff, "staff-budget", "1", "the same for one person")
}

// Read reads the prices of the configured model, if there is one.
func (b *Budget) Read(c *Config) (err error) {
	if b.shopCap, err = ai.ParseCost(b.perDay); err != nil || b.shopCap <= 0 {
		return errors.New("-budget must be an amount such as 5 or 2.50")
	}
	if b.eachCap, err = ai.ParseCost(b.perStaff); err != nil || b.eachCap <= 0 {
		return errors.New("-staff-budget must be an amount such as 1 or 0.50")
	}
	if b.priceFile == "" {
		if c.Model != "" {
			return errors.New("-model needs -prices: without them there is no budget")
		}
		return nil
	}
	f, err := os.Open(b.priceFile)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if b.prices, err = ai.ReadPrices(f); err != nil {
		return fmt.Errorf("%s: %w", b.priceFile, err)
	}
	return nil
}

// Model returns the configured model, or the given one in its place, within the budget
// and its time, for callers with these roles by feature. It is nil where there is none.
func (b *Budget) Model(ctx context.Context, c *Config, model ai.Model, dir string, roles map[string][]string) (ai.Model, error) {
	if model == nil && c.Model != "" {
		var err error
		if model, err = open.Model(c.Model, c.ModelKey, &open.Options{BaseURL: c.ModelURL}); err != nil {
			return nil, err
		}
	}
	if model == nil {
		return nil, nil
	}
	around := []ai.Middleware{ai.Access(roles), ai.Retry(&ai.RetryOptions{Attempts: 2, MaxWait: 2 * time.Second}), ai.Timeout(c.ModelTimeout)}
	if b.prices != nil {
		database, err := c.DatabaseURL(dir)
		if err != nil {
			return nil, err
		}
		if b.ledger, err = sqlbudget.Open(ctx, database, nil); err != nil {
			return nil, err
		}
		budget, err := ai.NewBudget(b.ledger, b.prices, []ai.Cap{
			{Per: ai.PerShop, Period: ai.Daily, Limit: b.shopCap}, {Per: ai.PerShop | ai.PerStaff, Period: ai.Daily, Limit: b.eachCap},
		}, nil)
		if err != nil {
			return nil, err
		}
		around = append(around, budget.Middleware)
	}
	return ai.Wrap(model, around...), nil
}

// Close closes the books.
func (b *Budget) Close() error {
	if b.ledger == nil {
		return nil
	}
	ledger := b.ledger
	b.ledger = nil
	return ledger.Close()
}
