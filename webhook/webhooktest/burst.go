package webhooktest

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/posai-go/posai/webhook"
)

// Burst says how many deliveries are sent at once and what goes wrong on the
// way. Nil, and the zero Burst, send one after the other, as they are.
type Burst struct {
	// Connections is how many deliveries are under way at once. If zero, 1.
	Connections int

	// Duplicates is the share of deliveries, from 0 to 1, that are sent a
	// second time with the same ids, although they were acknowledged.
	Duplicates float64

	// Disorder is by how many places a delivery may be late. If zero, they
	// are sent in order.
	Disorder int

	// Seed makes what happens by chance the same each time.
	Seed uint64
}

// Report says what became of a burst.
type Report struct {
	// Deliveries are those that were sent, filled as by [Fill], in the order
	// in which they were given, without repetitions.
	Deliveries []webhook.Delivery

	Acknowledged int // deliveries that were acknowledged at least once
	Duplicates   int // deliveries that were sent a second time
	Attempts     int // requests

	// Undelivered are the errors of those that were never acknowledged, or
	// whose repetition was not.
	Undelivered []error
}

// PostAll delivers ds to url as [Sender.Post] does each, and returns when all
// are acknowledged or given up.
func (s *Sender) PostAll(ctx context.Context, url string, ds []webhook.Delivery, b *Burst) Report {
	if b == nil {
		b = new(Burst)
	}
	report := Report{Deliveries: make([]webhook.Delivery, len(ds))}
	queue := make(chan int)
	acknowledged := make([]bool, len(ds))
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i, d := range ds {
		report.Deliveries[i] = fill(d, s.now())
	}
	for range max(b.Connections, 1) {
		wg.Go(func() {
			for i := range queue {
				attempts, err := s.Post(ctx, url, report.Deliveries[i])
				mu.Lock()
				report.Attempts += attempts
				if err != nil {
					report.Undelivered = append(report.Undelivered, err)
				} else {
					acknowledged[i] = true
				}
				mu.Unlock()
			}
		})
	}
	order := b.order(len(ds))
	report.Duplicates = len(order) - len(ds)
	for _, i := range order {
		queue <- i
	}
	close(queue)
	wg.Wait()
	for _, ok := range acknowledged {
		if ok {
			report.Acknowledged++
		}
	}
	return report
}

// order returns the indexes of n deliveries in the order in which they are
// sent, some of them twice.
func (b *Burst) order(n int) []int {
	type place struct {
		index int
		at    float64
	}
	random := rand.New(rand.NewPCG(b.Seed, 0))
	late := func() float64 { return random.Float64() * float64(b.Disorder) }
	var places []place
	for i := range n {
		at := float64(i) + late()
		places = append(places, place{i, at})
		if random.Float64() < b.Duplicates {
			places = append(places, place{i, at + late()})
		}
	}
	slices.SortStableFunc(places, func(x, y place) int { return cmp.Compare(x.at, y.at) })
	order := make([]int, len(places))
	for i, p := range places {
		order[i] = p.index
	}
	return order
}
