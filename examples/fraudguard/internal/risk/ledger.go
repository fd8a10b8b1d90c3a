package risk

import "time"

// Bounds of the ledger.
const (
	maxReceipts  = 50_000
	maxPurchases = 200_000
	maxArticles  = 50_000
)

// ledger knows what was bought: by receipt, by customer, and how many pieces of an
// article people usually take.
type ledger struct {
	receipts  *lru[*receipt]
	purchases *lru[int] // pieces by customer and article
	articles  *lru[article]
	sales     int // how many were entered
}

type receipt struct {
	at                            time.Time
	customer, associate, location string
	left                          map[string]int // pieces by article
}

// article is how one is bought.
type article struct {
	sales  int
	pieces float64
}

func newLedger() *ledger {
	return &ledger{receipts: newLRU[*receipt](maxReceipts), purchases: newLRU[int](maxPurchases), articles: newLRU[article](maxArticles)}
}

// enter takes down a sale, or that goods came back.
func (l *ledger) enter(t *Transaction) {
	if t.Kind == Return {
		l.giveBack(t)
		return
	}
	l.sales++
	r := &receipt{at: t.At, customer: t.Customer, associate: t.Associate, location: t.Location, left: make(map[string]int, len(t.Lines))}
	for _, line := range t.Lines {
		if line.SKU == "" { // a custom sale: nothing to recognize it by
			continue
		}
		r.left[line.SKU] += line.Quantity
		if t.Customer != "" {
			n, _ := l.purchases.get(purchase(t.Customer, line.SKU))
			l.purchases.put(purchase(t.Customer, line.SKU), n+line.Quantity)
		}
		a, _ := l.articles.get(line.SKU)
		l.articles.put(line.SKU, article{a.sales + 1, a.pieces + float64(line.Quantity)})
	}
	l.receipts.put(t.Key, r)
}

func (l *ledger) giveBack(t *Transaction) {
	r, _ := l.receipts.get(t.Receipt)
	for _, line := range t.Lines {
		if r != nil {
			r.left[line.SKU] -= line.Quantity
		}
		customer := t.Customer
		if customer == "" && r != nil {
			customer = r.customer
		}
		if n, ok := l.purchases.get(purchase(customer, line.SKU)); ok {
			l.purchases.put(purchase(customer, line.SKU), n-line.Quantity)
		}
	}
}

// notBought counts the pieces of a return that were not bought, as far as the
// ledger can tell: against the receipt if there is one, else against what the
// customer bought. Without either it cannot, and says 0.
func (l *ledger) notBought(t *Transaction, r *receipt) int {
	if r == nil && t.Customer == "" {
		return 0
	}
	missing, taken := 0, map[string]int{}
	for _, line := range t.Lines {
		if line.SKU == "" {
			continue
		}
		var have int
		if r != nil {
			have = r.left[line.SKU]
		} else {
			have, _ = l.purchases.get(purchase(t.Customer, line.SKU))
		}
		have = max(have-taken[line.SKU], 0)
		taken[line.SKU] += line.Quantity
		missing += max(line.Quantity-have, 0)
	}
	return missing
}

// usual is how many pieces of an article go into a basket, at least 1.
func (l *ledger) usual(sku string) float64 {
	// Where the article is not known, it is one.
	a, ok := l.articles.get(sku)
	if !ok {
		return 1
	}
	// As if it had been bought twice before, one piece each: few sales say little.
	return (a.pieces + 2) / float64(a.sales+2)
}

// popularity is the share of sales that an article is in.
func (l *ledger) popularity(sku string) float64 {
	a, _ := l.articles.get(sku)
	return float64(a.sales+1) / float64(l.sales+2)
}

func purchase(customer, sku string) string { return customer + "\x00" + sku }
