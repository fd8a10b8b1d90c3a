package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// simulatedShop is the generated shop, with gift cards.
func simulatedShop(seed uint64) *shopifytest.Data {
	return withGiftCards(shopifytest.GenerateData(seed, time.Now()))
}

func withGiftCards(data *shopifytest.Data) *shopifytest.Data {
	data.Products = append(data.Products, shopifytest.ProductData{
		Title: "Gift Card", Type: "Gift Cards", Vendor: data.Shop.Name, GiftCard: true,
		Variants: []shopifytest.VariantData{{SKU: "GIFT-250", Price: decimal.NewFromInt(250)}},
	})
	return data
}

// till is a POS extension at a register, as far as the guard sees it.
type till struct {
	url      string // of the service
	clientID string
	secret   string // of the app: a real extension gets its tokens from Shopify
	shop     string
	currency string
	client   *http.Client
}

// ask sends a question and returns the answer and how long it took.
func (t *till) ask(ctx context.Context, q question) (answer, time.Duration, error) {
	q.Currency = t.currency
	body, err := json.Marshal(q)
	if err != nil {
		return answer{}, 0, err
	}
	return t.send(ctx, http.MethodPost, "/pos/transactions", body)
}

// again asks what became of a question.
func (t *till) again(ctx context.Context, id string) (answer, error) {
	a, _, err := t.send(ctx, http.MethodGet, "/pos/transactions/"+id, nil)
	return a, err
}

func (t *till) send(ctx context.Context, method, path string, body []byte) (answer, time.Duration, error) {
	token := shopifytest.SignSessionToken(t.secret, shopifytest.SessionClaims{Shop: t.shop, ClientID: t.clientID, Account: "1", Issued: time.Now()})
	r, err := http.NewRequestWithContext(ctx, method, t.url+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, 0, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	started := time.Now()
	resp, err := t.client.Do(r)
	if err != nil {
		return answer{}, 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	took := time.Since(started)
	if err != nil {
		return answer{}, took, err
	}
	if resp.StatusCode != http.StatusOK {
		return answer{}, took, fmt.Errorf("the guard answered %s: %s", resp.Status, text)
	}
	var a answer
	return a, took, json.Unmarshal(text, &a)
}

// customers makes up the questions of an ordinary day: two hundred registers, what
// people buy and what they bring back.
type customers struct {
	random   *rand.Rand
	sim      *shopifytest.Shop
	past     []shopifytest.Order // that may come back, each once
	asked    int
	location int64
}

func newCustomers(sim *shopifytest.Shop, seed uint64) *customers {
	c := &customers{random: rand.New(rand.NewPCG(seed, 0xc057)), sim: sim, location: number(sim.Locations()[0].ID)}
	for _, o := range sim.Orders() {
		if o.Source == "pos" && o.Refunded.IsZero() && time.Since(o.CreatedAt) < 30*24*time.Hour {
			c.past = append(c.past, o)
		}
	}
	c.random.Shuffle(len(c.past), func(i, j int) { c.past[i], c.past[j] = c.past[j], c.past[i] })
	return c
}

// number is the number at the end of a GID.
func number(gid string) int64 {
	n, _ := strconv.ParseInt(gid[strings.LastIndexByte(gid, '/')+1:], 10, 64)
	return n
}

// question is at a register of its own, by an associate of its own.
func (c *customers) question(kind risk.Kind) question {
	c.asked++
	return question{
		ID: fmt.Sprintf("q-%d-%08x", c.asked, c.random.Uint32()), Kind: kind, LocationID: c.location,
		DeviceID: 1000 + int64(c.asked%200), StaffID: 5000 + int64(c.asked%200), Tenders: []string{"credit_card"},
	}
}

// ordinary is what anybody does.
func (c *customers) ordinary() question {
	if c.random.Float64() < 0.04 && len(c.past) > 0 {
		return c.ordinaryReturn()
	}
	q := c.question(risk.Sale)
	products := c.sim.Products()
	if c.random.Float64() < 0.6 {
		people := c.sim.Customers()
		q.CustomerID = number(people[c.random.IntN(len(people))].ID)
	}
	for range 1 + c.random.IntN(3) {
		p := products[c.random.IntN(len(products)-1)] // the last is the gift card
		v := p.Variants[c.random.IntN(len(p.Variants))]
		q.Lines = append(q.Lines, questionLine{SKU: v.SKU, Quantity: 1, Price: v.Price})
		q.Total = q.Total.Add(v.Price)
	}
	return q
}

func (c *customers) ordinaryReturn() question {
	o := c.past[0]
	c.past = c.past[1:]
	q := c.question(risk.Return)
	q.OrderID, q.CustomerID = o.LegacyID, number("/"+o.CustomerID)
	l := o.Lines[0]
	q.Lines = []questionLine{{SKU: l.SKU, Quantity: 1, Price: l.Price}}
	q.Total = l.Price
	return q
}

// giftCards buys three dear ones, in three parts.
func (c *customers) giftCards() question {
	q := c.question(risk.Sale)
	q.Lines = []questionLine{{SKU: "GIFT-250", Quantity: 3, Price: decimal.NewFromInt(250), GiftCard: true}}
	q.Total = decimal.NewFromInt(750)
	q.Tenders = []string{"credit_card", "credit_card", "credit_card"}
	return q
}

// noReceipt brings back what nobody knows anything of.
func (c *customers) noReceipt() question {
	q := c.question(risk.Return)
	for _, p := range c.sim.Products() {
		if v := p.Variants[0]; v.Price.GreaterThan(decimal.NewFromInt(250)) && len(q.Lines) < 2 && p.Type != "Gift Cards" {
			q.Lines = append(q.Lines, questionLine{SKU: v.SKU, Quantity: 1, Price: v.Price})
			q.Total = q.Total.Add(v.Price)
		}
	}
	q.Tenders = []string{"cash"}
	return q
}

// override takes most of the price off.
func (c *customers) override() question {
	q := c.question(risk.Sale)
	for _, p := range c.sim.Products()[:4] {
		v := p.Variants[0]
		q.Lines = append(q.Lines, questionLine{SKU: v.SKU, Quantity: 2, Price: v.Price})
		q.Total = q.Total.Add(v.Price.Mul(decimal.NewFromInt(2)))
	}
	q.ManualDiscount = q.Total.Mul(decimal.RequireFromString("0.65")).Round(2)
	q.Total = q.Total.Sub(q.ManualDiscount)
	return q
}
