package approvaltest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/posai-go/posai/approval"
)

// counter is an outside of HTTP: each POST is one more effect.
var counter = newCounter(false)

// fencing is one that refuses who was replaced, see [approval.Execution].Fence.
var fencing = newCounter(true)

func newCounter(fencing bool) *CrashOutside {
	return &CrashOutside{
		Start: func(t *testing.T) (string, func() []string) {
			t.Helper()
			c := &counting{fencing: fencing, fences: map[string]int64{}}
			server := httptest.NewServer(c)
			t.Cleanup(server.Close)
			return server.URL, c.list
		},
		Do: func(ctx context.Context, address string, e approval.Execution) (string, error) {
			found, err := callCounter(ctx, http.MethodPost, address, e)
			if err == nil && len(found) == 0 {
				return "", approval.Permanent(errors.New("refused: another worker has taken over"))
			}
			return last(found), err
		},
		Find: func(ctx context.Context, address string, e approval.Execution) (string, bool, error) {
			found, err := callCounter(ctx, http.MethodGet, address, e)
			return last(found), len(found) > 0, err
		},
	}
}

func last(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1]
}

// counting keeps the idempotency keys of its effects, and the largest fence of
// each key that it was shown.
type counting struct {
	fencing bool

	mu      sync.Mutex
	effects []string
	fences  map[string]int64
}

func (c *counting) list() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.effects)
}

// ServeHTTP answers with the numbers of the key's effects, after one more if
// that is asked for; with none at all if it is refused.
func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.FormValue("key")
	fence, err := strconv.ParseInt(r.FormValue("fence"), 10, 64)
	if key == "" || err != nil {
		http.Error(w, "a key and a fence are needed", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	late := c.fencing && fence < c.fences[key]
	c.fences[key] = max(c.fences[key], fence)
	if r.Method == http.MethodPost && !late {
		c.effects = append(c.effects, key)
	}
	numbers := []string{}
	for i, k := range c.effects {
		if k == key && !late {
			numbers = append(numbers, strconv.Itoa(i+1))
		}
	}
	c.mu.Unlock()
	_ = json.NewEncoder(w).Encode(numbers)
}

func callCounter(ctx context.Context, method, address string, e approval.Execution) (numbers []string, err error) {
	query := url.Values{"key": {e.IdempotencyKey}, "fence": {strconv.FormatInt(e.Fence, 10)}}
	req, err := http.NewRequestWithContext(ctx, method, address+"/effects?"+query.Encode(), nil)
	if err != nil {
		return nil, approval.Permanent(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, approval.Unknown(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, approval.Permanent(fmt.Errorf("the outside answers %s", resp.Status))
	}
	if err := json.NewDecoder(resp.Body).Decode(&numbers); err != nil {
		return nil, approval.Unknown(err)
	}
	return numbers, nil
}
