// Package evaluate measures how well the recommendations without a model foresee what
// people bought, on the public "Online Retail" data, beside the simple measures that
// everybody knows.
//
// What is measured is leave-one-out over later baskets: of each basket a product is
// hidden, the others are the cart, and it counts as a hit at k when the hidden one is
// among the first k recommendations. Baskets are split by time, twice:
//
//	train ........ | tune ...... | test ......
//
// Settings are chosen by what they reach on the tuning baskets, trained on what came
// before these. Then everything before the test baskets trains, and the test baskets
// are looked at once. A hidden product that was never sold before is a miss.
package evaluate

import (
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/posai-go/posai/examples/internal/copurchase"
	"github.com/posai-go/posai/examples/internal/onlineretail"
)

// Basket is what was bought at once.
type Basket struct {
	At    time.Time
	Items []string // stock codes, each once
}

// Baskets makes a basket of each invoice that is a sale of goods, in the order of time.
// Errors match [onlineretail.ErrData].
func Baskets(rows iter.Seq2[onlineretail.Row, error]) ([]Basket, error) {
	var out []Basket
	index := map[string]int{}
	seen := map[[2]string]bool{}
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		if !row.Booked() || row.Return() || !row.Goods() {
			continue
		}
		article := strings.ToUpper(row.Article) // the data writes some codes both ways
		if seen[[2]string{row.Invoice, article}] {
			continue
		}
		seen[[2]string{row.Invoice, article}] = true
		i, ok := index[row.Invoice]
		if !ok {
			i = len(out)
			index[row.Invoice] = i
			out = append(out, Basket{At: row.At})
		}
		out[i].Items = append(out[i].Items, article)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: no sales", onlineretail.ErrData)
	}
	slices.SortStableFunc(out, func(a, b Basket) int { return a.At.Compare(b.At) })
	return out, nil
}

// Split says which baskets are for what.
type Split struct {
	TuneFrom, TestFrom time.Time
	Until              time.Time // the end of the test; zero is none
}

// DefaultSplit tests on the last sixth of the time and tunes on the sixth before,
// whole days.
func DefaultSplit(baskets []Basket) Split {
	first, last := baskets[0].At, baskets[len(baskets)-1].At
	day := func(back time.Duration) time.Time { return last.Add(-back).Truncate(24 * time.Hour) }
	sixth := last.Sub(first) / 6
	return Split{TuneFrom: day(2 * sixth), TestFrom: day(sixth)}
}

// ErrSplit says that a split leaves nothing to train, tune or test on.
var ErrSplit = errors.New("evaluate: nothing to train, tune or test on")

func (s Split) parts(baskets []Basket) (train, tune, test []Basket, err error) {
	for _, b := range baskets {
		switch {
		case b.At.Before(s.TuneFrom):
			train = append(train, b)
		case b.At.Before(s.TestFrom):
			tune = append(tune, b)
		case s.Until.IsZero() || b.At.Before(s.Until):
			test = append(test, b)
		}
	}
	if len(train) == 0 || len(tune) == 0 || len(test) == 0 || !s.TuneFrom.Before(s.TestFrom) {
		return nil, nil, nil, ErrSplit
	}
	return train, tune, test, nil
}

// Rates are shares of hits, 0 to 1.
type Rates struct {
	// Basket2 and Basket10 are averaged within each basket first, so that baskets
	// count alike; Item2 and Item10 are over all hidden products, most of which are
	// in large baskets.
	Basket2, Basket10, Item2, Item10 float64

	Baskets, Hidden int
	// Each is the mean time of a ranking.
	Each time.Duration
}

// How many products of a basket are hidden at most, one after the other, evenly spread.
const (
	testHidden = 20
	tuneHidden = 4
)

// Rank is a way to recommend: the n best products for a cart.
type Rank func(cart []string, n int) []copurchase.Scored

// Measure returns how often a way to recommend foresees the hidden product, over the
// baskets with at least two. Of each, at most as many are hidden as mostHidden says, one
// after the other, evenly spread.
func Measure(rank Rank, baskets []Basket, mostHidden int) Rates {
	type count struct{ hits2, hits10, hidden int }
	counts := make([]count, len(baskets))
	var took [64]time.Duration
	var workers sync.WaitGroup
	n := min(runtime.GOMAXPROCS(0), len(took))
	for w := range n {
		workers.Go(func() {
			began := time.Now()
			for i := w; i < len(baskets); i += n {
				items := baskets[i].Items
				if len(items) < 2 {
					continue
				}
				c := &counts[i]
				c.hidden = min(len(items), mostHidden)
				for k := range c.hidden {
					at := k * len(items) / c.hidden
					cart := slices.Concat(items[:at], items[at+1:])
					place := slices.IndexFunc(rank(cart, 10), func(s copurchase.Scored) bool { return s.ID == items[at] })
					if place >= 0 {
						c.hits10++
						if place < 2 {
							c.hits2++
						}
					}
				}
			}
			took[w] = time.Since(began)
		})
	}
	workers.Wait()
	var r Rates
	for _, c := range counts {
		if c.hidden == 0 {
			continue
		}
		r.Baskets++
		r.Hidden += c.hidden
		r.Item2 += float64(c.hits2)
		r.Item10 += float64(c.hits10)
		r.Basket2 += float64(c.hits2) / float64(c.hidden)
		r.Basket10 += float64(c.hits10) / float64(c.hidden)
	}
	if r.Hidden > 0 {
		r.Item2 /= float64(r.Hidden)
		r.Item10 /= float64(r.Hidden)
		r.Basket2 /= float64(r.Baskets)
		r.Basket10 /= float64(r.Baskets)
		for _, d := range took {
			r.Each += d / time.Duration(r.Hidden)
		}
	}
	return r
}
