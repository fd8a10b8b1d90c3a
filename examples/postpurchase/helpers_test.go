package main

import (
	"sync"
	"time"

	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook/inbox"
)

// counter counts what the inbox says.
type counter struct {
	mu sync.Mutex
	n  map[inbox.EventKind]int
}

func (c *counter) add(k inbox.EventKind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[inbox.EventKind]int{}
	}
	c.n[k]++
}

func (c *counter) of(k inbox.EventKind) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[k]
}

// smallShop is the simulated shop with the orders of its last weeks only: what
// is read at the start takes a second less.
var smallShop = sync.OnceValue(func() *shopifytest.Data {
	data := shopifytest.GenerateData(1, time.Now())
	data.Orders = data.Orders[len(data.Orders)-200:]
	return data
})
