package ai

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// maxPriceBytes bounds the price table that is read.
const maxPriceBytes = 4 << 20

// A Price is what the tokens of a model cost from a certain time on.
type Price struct {
	// Provider and Model are the names in [Info]. A Model that ends in "*" is all
	// models that begin with what is before it.
	Provider, Model string

	// From is when the price begins to hold. It holds until the next one of the
	// same model begins.
	From time.Time

	// Input, CacheRead, CacheWrite and Output are the prices of one million tokens
	// of each kind of [Usage], with at most six decimals. Reasoning costs as other
	// output does.
	Input, CacheRead, CacheWrite, Output decimal.Decimal
}

// Prices is a table of prices in one currency. It is immutable and safe for
// concurrent use.
type Prices struct {
	currency string
	exact    map[priceKey][]tokenPrice // by From, newest first
	prefixes []prefixPrices            // longest prefix first
}

type priceKey struct{ provider, model string }

type prefixPrices struct {
	priceKey
	prices []tokenPrice
}

// A tokenPrice is a price per token.
type tokenPrice struct {
	from                                 time.Time
	input, cacheRead, cacheWrite, output Cost
}

// NewPrices returns a table of prices in a currency, such as "USD". It refuses
// prices that are negative, have more than six decimals, or are given twice.
func NewPrices(currency string, prices []Price) (*Prices, error) {
	if currency == "" {
		return nil, errors.New("ai: prices without a currency")
	}
	byKey := map[priceKey][]tokenPrice{}
	for _, p := range prices {
		name := fmt.Sprintf("ai: price of %s %s from %s", p.Provider, p.Model, p.From.Format(time.DateOnly))
		if p.Provider == "" || p.Model == "" {
			return nil, errors.New(name + ": no provider or model")
		}
		t := tokenPrice{from: p.From}
		for _, amount := range []struct {
			to   *Cost
			from decimal.Decimal
		}{{&t.input, p.Input}, {&t.cacheRead, p.CacheRead}, {&t.cacheWrite, p.CacheWrite}, {&t.output, p.Output}} {
			var err error
			if *amount.to, err = NewCost(amount.from.Shift(-6)); err != nil {
				return nil, errors.New(name + ": must be at least 0 and have at most 6 decimals")
			}
		}
		key := priceKey{p.Provider, p.Model}
		for _, other := range byKey[key] {
			if other.from.Equal(p.From) {
				return nil, errors.New(name + ": given twice")
			}
		}
		byKey[key] = append(byKey[key], t)
	}
	table := &Prices{currency: currency, exact: map[priceKey][]tokenPrice{}}
	for key, list := range byKey {
		slices.SortFunc(list, func(a, b tokenPrice) int { return b.from.Compare(a.from) })
		if prefix, wild := strings.CutSuffix(key.model, "*"); wild {
			table.prefixes = append(table.prefixes, prefixPrices{priceKey{key.provider, prefix}, list})
		} else {
			table.exact[key] = list
		}
	}
	slices.SortFunc(table.prefixes, func(a, b prefixPrices) int { return len(b.model) - len(a.model) })
	return table, nil
}

// ReadPrices reads a table of prices, of at most 4 MiB:
//
//	{
//	  "currency": "USD",
//	  "prices": [
//	    {"provider": "openai", "model": "gpt-5-mini*", "from": "2026-01-01",
//	     "input": "0.25", "cache_read": "0.025", "cache_write": "0.25", "output": "2"}
//	  ]
//	}
//
// Prices are for one million tokens; "from" is a day in UTC. No field may be left
// out, so that nothing is free by accident.
func ReadPrices(r io.Reader) (*Prices, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxPriceBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("ai: reading prices: %w", err)
	case len(data) > maxPriceBytes:
		return nil, fmt.Errorf("ai: price table larger than %d bytes", maxPriceBytes)
	}
	var table struct {
		Currency string `json:"currency"`
		Prices   []struct {
			Provider   string  `json:"provider"`
			Model      string  `json:"model"`
			From       string  `json:"from"`
			Input      *string `json:"input"`
			CacheRead  *string `json:"cache_read"`
			CacheWrite *string `json:"cache_write"`
			Output     *string `json:"output"`
		} `json:"prices"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&table); err != nil {
		return nil, fmt.Errorf("ai: price table: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("ai: price table: more text after its end")
	}
	prices := make([]Price, len(table.Prices))
	for i, row := range table.Prices {
		p := &prices[i]
		p.Provider, p.Model = row.Provider, row.Model
		if p.From, err = time.Parse(time.DateOnly, row.From); err != nil {
			return nil, fmt.Errorf("ai: price table: row %d: from must be a date", i)
		}
		for name, field := range map[string]struct {
			to   *decimal.Decimal
			from *string
		}{
			"input": {&p.Input, row.Input}, "cache_read": {&p.CacheRead, row.CacheRead},
			"cache_write": {&p.CacheWrite, row.CacheWrite}, "output": {&p.Output, row.Output},
		} {
			if field.from == nil {
				return nil, fmt.Errorf("ai: price table: row %d: %s is missing", i, name)
			}
			if *field.to, err = parseDecimal(*field.from); err != nil {
				return nil, fmt.Errorf("ai: price table: row %d: %s: %w", i, name, err)
			}
		}
	}
	return NewPrices(table.Currency, prices)
}

// Currency returns the currency of all prices.
func (p *Prices) Currency() string { return p.currency }

// Cost returns what usage of a model costs at the prices that held at a time. It
// reports false if there was no price.
func (p *Prices) Cost(info Info, at time.Time, u Usage) (Cost, bool) {
	price, ok := p.at(info, at)
	return price.cost(u), ok
}

func (p *Prices) at(info Info, at time.Time) (tokenPrice, bool) {
	key := priceKey{info.Provider, info.Model}
	if price, ok := current(p.exact[key], at); ok {
		return price, true
	}
	for _, prefix := range p.prefixes {
		if prefix.provider == key.provider && strings.HasPrefix(key.model, prefix.model) {
			if price, ok := current(prefix.prices, at); ok {
				return price, true
			}
		}
	}
	return tokenPrice{}, false
}

func current(prices []tokenPrice, at time.Time) (tokenPrice, bool) {
	for _, price := range prices {
		if !price.from.After(at) {
			return price, true
		}
	}
	return tokenPrice{}, false
}

func (t tokenPrice) cost(u Usage) Cost {
	return t.input.times(u.UncachedTokens()).
		plus(t.cacheRead.times(u.CacheReadTokens)).
		plus(t.cacheWrite.times(u.CacheWriteTokens)).
		plus(t.output.times(u.OutputTokens))
}

// worst is the most that so many tokens can cost, cached or not.
func (t tokenPrice) worst(input, output int64) Cost {
	return max(t.input, t.cacheRead, t.cacheWrite).times(input).plus(t.output.times(output))
}
