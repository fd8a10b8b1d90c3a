// Package querycache embeds the texts of queries and remembers the latest ones.
package querycache

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/posai-go/posai/ai"
)

const (
	// timeout is the longest that a search waits for the query's vector. After that,
	// words alone decide.
	timeout = 2 * time.Second

	maxQueries = 256
)

// A Cache keeps the vectors of the latest queries. The zero value is empty. It is safe
// for concurrent use.
type Cache struct {
	mu      sync.Mutex
	entries []entry // the latest last
}

type entry struct {
	key    key
	vector []float32
}

type key struct {
	model string
	text  string
	dims  int
}

// Embed returns the vector of a query for an index of that many dimensions. Ask is what
// is asked of the embedder, or zero.
func (c *Cache) Embed(ctx context.Context, e ai.Embedder, text string, dims, ask int) ([]float32, error) {
	k := key{e.Info().Provider + "/" + e.Info().Model, text, dims}
	if v := c.get(k); v != nil {
		return v, nil
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req := &ai.EmbedRequest{Texts: []string{text}, Purpose: ai.EmbedQuery, Dimensions: ask}
	resp, err := e.Embed(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("rag: embed query: %w", err)
	}
	if err := resp.Check(e.Info().Provider, req); err != nil {
		return nil, err
	}
	v := resp.Vectors[0]
	if len(v) != dims {
		return v, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) == maxQueries {
		c.entries = slices.Delete(c.entries, 0, 1)
	}
	c.entries = append(c.entries, entry{k, v})
	return v, nil
}

func (c *Cache) get(k key) []float32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, e := range c.entries {
		if e.key == k {
			c.entries = append(slices.Delete(c.entries, i, i+1), e)
			return e.vector
		}
	}
	return nil
}
