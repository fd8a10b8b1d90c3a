package main

import (
	"sync"

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
