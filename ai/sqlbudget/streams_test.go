package sqlbudget_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/openai"
	"github.com/posai-go/posai/internal/testpg"
)

// A provider streams replies and keeps its own books, by the client's request ID:
// a token for each word of the prompt and for each piece of a reply that it
// wrote, whether the client was still there or not. It answers nobody before begin.
type provider struct {
	arrived chan struct{} // a value for each request
	began   chan struct{}
	begin   func() // may be called again

	mu    sync.Mutex
	usage map[string]ai.Usage
}

func newProvider() *provider {
	p := &provider{arrived: make(chan struct{}, streams), began: make(chan struct{}), usage: map[string]ai.Usage{}}
	p.begin = sync.OnceFunc(func() { close(p.began) })
	return p
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Messages []struct{ Content string }
		Limit    int `json:"max_completion_tokens"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Limit == 0 {
		http.Error(w, "{}", http.StatusBadRequest)
		return
	}
	p.arrived <- struct{}{}
	<-p.began
	id := r.Header.Get("X-Client-Request-Id")
	words := strings.Fields(body.Messages[0].Content)
	input, output := int64(len(words)), int64(0)
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.usage[id] = p.usage[id].Add(ai.NewUsage(input, 0, 0, output, 0))
	}()
	var pieces, cut int
	_, _ = fmt.Sscanf(words[0]+" "+words[1], "%d %d", &pieces, &cut)
	chunk := func(format string, args ...any) {
		_, _ = fmt.Fprintf(w, `data: {"id":"reply-`+id+`","model":"gpt-test",`+format+"}\n\n", args...)
		_ = http.NewResponseController(w).Flush()
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for i := range min(pieces, body.Limit) {
		if i == cut {
			panic(http.ErrAbortHandler)
		}
		output++
		chunk(`"choices":[{"index":0,"delta":{"content":"piece "},"finish_reason":null}]`)
	}
	chunk(`"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":%d,"completion_tokens":%d}`, input, output)
	chunk(`"choices":[]`)
	_, _ = fmt.Fprint(w, "data: [DONE]\n\n")
}

// streams is how many there are at once.
const streams = 100

// One hundred streams at once against one cap, a third of them cut by the
// provider, canceled or left. The cap holds at every moment, and in the end the
// books are those of the provider to the last token.
func TestStreams(t *testing.T) {
	for name, newLedger := range map[string]func(t *testing.T) ai.Ledger{
		"memory":     func(*testing.T) ai.Ledger { return new(ai.MemoryLedger) },
		"SQLite":     func(t *testing.T) ai.Ledger { return open(t, sqlite(t)) },
		"PostgreSQL": func(t *testing.T) ai.Ledger { return open(t, testpg.URL(t)) },
	} {
		t.Run(name, func(t *testing.T) { testStreams(t, newLedger(t)) })
	}
}

func testStreams(t *testing.T, ledger ai.Ledger) {
	books := newProvider()
	server := httptest.NewServer(books)
	defer server.Close()
	defer books.begin() // if the test ends before
	client, err := openai.New("test-key", "gpt-test", &openai.Options{BaseURL: server.URL + "/v1", HTTPClient: server.Client()})
	require.NoError(t, err)
	prices, err := ai.ReadPrices(strings.NewReader(`{"currency": "USD", "prices": [
		{"provider": "openai", "model": "gpt-test", "from": "2026-01-01", "input": "3", "cache_read": "3", "cache_write": "3", "output": "7"}
	]}`)) // invented
	require.NoError(t, err)

	// A call reserves about 60 + 16 × 3 bytes of input at 3 and 40 tokens of output
	// at 7 millionths, and uses at most 5 and 30: not all of a hundred fit at once.
	limit, err := ai.ParseCost("0.020")
	require.NoError(t, err)
	var mu sync.Mutex
	var failures []error
	budget, err := ai.NewBudget(ledger, prices, []ai.Cap{{Per: ai.PerShop, Period: ai.Forever, Limit: limit}},
		&ai.BudgetOptions{OnError: func(_ string, err error) {
			mu.Lock()
			defer mu.Unlock()
			failures = append(failures, err)
		}})
	require.NoError(t, err)
	model := ai.Wrap(client, budget.Middleware)
	ctx := ai.WithCaller(t.Context(), ai.Caller{Shop: "a.myshopify.com"})
	const account = "forever shop=a.myshopify.com"

	var group sync.WaitGroup
	var whole, broken, refused int
	start := func(i int) {
		group.Go(func() {
			pieces, cut := 10+i%20, -1
			if i%9 == 0 {
				cut = i % 7
			}
			req := &ai.Request{
				Messages:        []ai.Message{ai.User(fmt.Sprintf("%d %d words of prompt", pieces, cut))},
				MaxOutputTokens: 40,
			}
			result := stream(ctx, model, req, i)
			b, err := ledger.Balance(t.Context(), account)
			mu.Lock()
			defer mu.Unlock()
			assert.NoError(t, err)
			assert.LessOrEqual(t, b.Spent+b.Held, limit, "the cap was exceeded")
			switch {
			case errors.Is(result, ai.ErrBudget):
				refused++
				books.begin() // the cap is reached
			case result == nil:
				whole++
			default:
				broken++
			}
		})
	}
	// A dozen of those that break come first, since the cap lets in whom it likes of
	// the others.
	var first, later []int
	for i := range streams {
		if len(first) < 12 && (i%9 == 0 || i%8 == 1 || i%8 == 2) {
			first = append(first, i)
		} else {
			later = append(later, i)
		}
	}
	for _, i := range first {
		start(i)
	}
	for range first {
		select {
		case <-books.arrived:
		case <-time.After(2 * time.Minute):
			t.Fatal("a stream does not reach the provider")
		}
	}
	for _, i := range later {
		start(i)
	}
	group.Wait()
	server.Close() // waits for what the provider still writes
	t.Logf("%d whole, %d cut, canceled or left, %d refused", whole, broken, refused)
	assert.Equal(t, streams, whole+broken+refused)
	assert.NotZero(t, refused, "the cap was never reached")
	assert.Greater(t, broken, 5)
	require.Empty(t, failures)

	var truth ai.Usage
	for _, u := range books.usage {
		truth = truth.Add(u)
	}
	paid, ok := prices.Cost(client.Info(), time.Now(), truth)
	require.True(t, ok)
	b, err := ledger.Balance(t.Context(), account)
	require.NoError(t, err)
	assert.LessOrEqual(t, paid, b.Spent+b.Held, "the books are too low")
	assert.LessOrEqual(t, paid, limit)

	open := 0
	for e, err := range ledger.Open(t.Context()) {
		require.NoError(t, err)
		assert.True(t, e.Held)
		require.NoError(t, budget.Correct(t.Context(), e, books.usage[e.ID]))
		open++
	}
	assert.Equal(t, broken, open)
	b, err = ledger.Balance(t.Context(), account)
	require.NoError(t, err)
	assert.Equal(t, ai.Balance{Spent: paid, Usage: truth}, b, "the books differ from the provider's")
}

var errLeft = errors.New("left")

// stream reads a stream to its end or, for a quarter of them, cancels or leaves it.
func stream(ctx context.Context, model ai.Model, req *ai.Request, i int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events := 0
	for ev, err := range model.Stream(ctx, req) {
		if _, done := ev.(ai.Done); done || err != nil {
			return err
		}
		switch events++; {
		case i%8 == 1 && events == 1+i%5:
			return errLeft
		case i%8 == 2 && events == 1+i%5:
			cancel()
		}
	}
	return errors.New("no end")
}
