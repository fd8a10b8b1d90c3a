package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest"
)

// simulatedShop is the generated shop, with gift cards and protection plans.
func simulatedShop(data *shopifytest.Data) *shopifytest.Data {
	stock := map[int64]int{}
	for _, l := range data.Locations {
		stock[l.ID] = 1000
	}
	plan := func(sku, title, price, cost string) shopifytest.ProductData {
		return shopifytest.ProductData{Title: title, Type: "Protection Plans", Vendor: data.Shop.Name, Variants: []shopifytest.VariantData{
			{SKU: sku, Price: decimal.RequireFromString(price), Cost: decimal.RequireFromString(cost), Stock: stock},
		}}
	}
	data.Products = append(data.Products,
		plan("PLAN-S", "Repair Plan, Two Years", "29.00", "9.00"), plan("PLAN-L", "Repair Plan, Four Years", "59.00", "21.00"),
		shopifytest.ProductData{Title: "Gift Card", Type: "Gift Cards", Vendor: data.Shop.Name, GiftCard: true, Variants: []shopifytest.VariantData{
			{SKU: "GIFT-50", Price: decimal.NewFromInt(50), Stock: stock},
		}},
	)
	return data
}

// till is the POS UI extension at a register, as far as the service sees it.
type till struct {
	url      string // of the service
	clientID string
	secret   string // of the app: a real extension gets its tokens from Shopify
	shop     string
	currency string
	location string // GID
	account  string // that is signed in; "71" if empty
	client   *http.Client
	random   *rand.Rand
	sim      *shopifytest.Shop
}

// newCart is the key of a cart.
func (t *till) newCart() string {
	return fmt.Sprintf("cart-%016x", t.random.Uint64())
}

func (t *till) question(cart string, variants ...string) question {
	q := question{Cart: cart, LocationID: number(t.location), Currency: t.currency}
	for _, v := range variants {
		q.Lines = append(q.Lines, questionLine{VariantID: number(v), Quantity: 1})
	}
	return q
}

// number is what stands at the end of a GID, 0 of "".
func number(gid string) int64 {
	n, _ := strconv.ParseInt(gid[strings.LastIndexByte(gid, '/')+1:], 10, 64)
	return n
}

// ask sends a question and returns the answer and how long it took.
func (t *till) ask(ctx context.Context, q question) (answer, time.Duration, error) {
	began := time.Now()
	var a answer
	err := t.send(ctx, http.MethodPost, "/pos/offers", q, &a)
	return a, time.Since(began), err
}

func (t *till) again(ctx context.Context, offer string) (a answer, err error) {
	err = t.send(ctx, http.MethodGet, "/pos/offers/"+offer, nil, &a)
	return a, err
}

func (t *till) discount(ctx context.Context, offer string, w wish) (v discountView, err error) {
	err = t.send(ctx, http.MethodPost, "/pos/offers/"+offer+"/discount", w, &v)
	return v, err
}

// errStatus: the service did not answer 200. errBriefly: it asks to try again.
var (
	errStatus  = errors.New("the service refused")
	errBriefly = fmt.Errorf("%w for a moment", errStatus)
)

// send tries again for a while, as somebody at a register does.
func (t *till) send(ctx context.Context, method, path string, body, result any) error {
	for n := 1; ; n++ {
		err := t.sendOnce(ctx, method, path, body, result)
		if n == 100 || !errors.Is(err, errBriefly) {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (t *till) sendOnce(ctx context.Context, method, path string, body, result any) error {
	token := shopifytest.SignSessionToken(t.secret, shopifytest.SessionClaims{Shop: t.shop, ClientID: t.clientID, Account: cmp.Or(t.account, "71"), Issued: time.Now()})
	var r io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		r = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, t.url+path, r)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := t.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode == http.StatusServiceUnavailable {
		return errBriefly
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: %s: %s", errStatus, resp.Status, text)
	}
	return json.Unmarshal(text, result)
}

// ringUp sells a cart, with the properties that the extension wrote on it: what was
// added names its offer, and the code is on its line.
func (t *till) ringUp(q question, offer string, added []int64, code *discountView) (shopifytest.Order, error) {
	sale := shopifytest.Sale{Location: t.location, Attributes: []shopifytest.Attribute{{Key: cartProperty, Value: q.Cart}}}
	if q.CustomerID != 0 {
		sale.Customer = strconv.FormatInt(q.CustomerID, 10)
	}
	for _, l := range q.Lines {
		sale.Lines = append(sale.Lines, shopifytest.SaleLine{Variant: strconv.FormatInt(l.VariantID, 10), Quantity: l.Quantity})
	}
	for _, id := range added {
		l := shopifytest.SaleLine{Variant: strconv.FormatInt(id, 10), Quantity: 1, Attributes: []shopifytest.Attribute{{Key: offerProperty, Value: offer}}}
		if code != nil && code.Code != "" && code.VariantID == id {
			off, err := decimal.NewFromString(code.Off)
			if err != nil {
				return shopifytest.Order{}, err
			}
			l.Discount = &shopifytest.Discount{Title: "Register", Code: code.Code, Amount: off}
		}
		sale.Lines = append(sale.Lines, l)
	}
	return t.sim.RingUp(sale)
}

// variant returns the variant of a product that there is most of at the till's location.
func (t *till) variant(title string) string {
	id, most := "", 0
	for _, p := range t.sim.Products() {
		if p.Title != title {
			continue
		}
		for _, v := range p.Variants {
			if n := v.Available[t.location]; n > most {
				id, most = v.ID, n
			}
		}
	}
	return id
}

// anyCart picks one or two articles that are there.
func (t *till) anyCart() []string {
	var out []string
	products := t.sim.Products()
	for range 200 {
		p := products[t.random.IntN(len(products))]
		v := p.Variants[t.random.IntN(len(p.Variants))]
		if v.Available[t.location] > 0 && p.Type != "Protection Plans" && p.Type != "Gift Cards" {
			out = append(out, v.ID)
		}
		if len(out) > t.random.IntN(2) {
			break
		}
	}
	return out
}
