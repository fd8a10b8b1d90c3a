package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
)

func ignore(context.Context, webhook.Delivery) error { return nil }

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		url     string
		process inbox.Process
		opts    *inbox.Options
	}{
		"no database":      {"", ignore, nil},
		"no function":      {fileURL(t), nil, nil},
		"negative workers": {fileURL(t), ignore, &inbox.Options{Workers: -1}},
		"negative keep":    {fileURL(t), ignore, &inbox.Options{KeepProcessed: -1}},
		"too long timeout": {fileURL(t), ignore, &inbox.Options{Timeout: 48 * time.Hour}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := inbox.Open(t.Context(), test.url, test.process, test.opts)
			require.Error(t, err)
		})
	}
}

func TestAcceptedIsProcessedAsItCame(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		got := make(chan webhook.Delivery, 10)
		box := start(t, url, func(_ context.Context, d webhook.Delivery) error {
			got <- d
			return nil
		}, nil)
		sent := order(1)
		sent.Name, sent.Body = "pos", []byte("\x00\xff not even JSON")
		sent.ReceivedAt = time.Now()
		assert.False(t, accept(t, box, sent))
		d := receive(t, got)
		assert.Equal(t, 1, d.Attempt)
		d.Attempt = 0
		sent.TriggeredAt, sent.ReceivedAt = sent.TriggeredAt.UTC().Truncate(time.Microsecond), sent.ReceivedAt.UTC().Truncate(time.Microsecond)
		assert.Equal(t, sent, d)
		waitFor(t, box, inbox.Done, 1)

		record, err := box.Get(t.Context(), 1)
		require.NoError(t, err)
		assert.Equal(t, inbox.Done, record.State)
		assert.Equal(t, 1, record.Attempts)
		assert.WithinDuration(t, time.Now(), record.FinishedAt, soon)
		_, err = box.Accept(t.Context(), webhook.Delivery{Topic: "orders/create"})
		require.Error(t, err, "without a shop")
	})
}

func TestDuplicates(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		box := open(t, url, ignore, nil)
		assert.False(t, accept(t, box, order(1)))
		assert.True(t, accept(t, box, order(1)), "the same again")

		other := order(1)
		other.Shop = "another.myshopify.com"
		assert.False(t, accept(t, box, other), "the same id from another shop")

		bare := order(2)
		bare.WebhookID = ""
		assert.False(t, accept(t, box, bare), "no id")
		assert.True(t, accept(t, box, bare), "no id, the same body")
		bare.Topic = "orders/paid"
		assert.False(t, accept(t, box, bare), "no id, the same body, another topic")

		var wg sync.WaitGroup
		var mu sync.Mutex
		first := 0
		for range 40 {
			wg.Go(func() {
				duplicate, err := box.Accept(t.Context(), order(3))
				assert.NoError(t, err)
				mu.Lock()
				defer mu.Unlock()
				if !duplicate {
					first++
				}
			})
		}
		wg.Wait()
		assert.Equal(t, 1, first, "of forty at once")
		assert.Len(t, list(t, box, inbox.Query{}), 5)
	})
}

func TestOutcomes(t *testing.T) {
	fail := func() error { return errors.New("no luck") }
	cases := map[string]struct {
		outcomes []func() error // of one attempt after the other; then nil
		state    inbox.State
		attempts []int // that the function saw
		err      string
	}{
		"done":           {nil, inbox.Done, []int{1}, ""},
		"retried":        {[]func() error{fail}, inbox.Done, []int{1, 2}, ""},
		"panic":          {[]func() error{func() error { panic("oh") }}, inbox.Done, []int{1, 2}, ""},
		"later":          {[]func() error{func() error { return webhook.RetryLater(time.Millisecond, nil) }, fail}, inbox.Done, []int{1, 1, 2}, ""},
		"gave up":        {[]func() error{func() error { return webhook.GiveUp(errors.New("hopeless")) }}, inbox.Dead, []int{1}, "webhook: gave up: hopeless"},
		"wrapped":        {[]func() error{func() error { return fmt.Errorf("so: %w", webhook.GiveUp(nil)) }}, inbox.Dead, []int{1}, "so: webhook: gave up"},
		"always failing": {[]func() error{fail, fail, fail, fail}, inbox.Dead, []int{1, 2, 3}, "no luck"},
		"long and odd":   {[]func() error{func() error { return webhook.GiveUp(errors.New(strings.Repeat("ä\x00", 2000))) }}, inbox.Dead, []int{1}, "webhook: gave up: ä"},
	}
	onBoth(t, func(t *testing.T, url string) {
		var mu sync.Mutex
		attempts := make(map[string][]int)
		events := make(map[string][]inbox.EventKind)
		box := start(t, url, func(_ context.Context, d webhook.Delivery) error {
			mu.Lock()
			attempts[d.Name] = append(attempts[d.Name], d.Attempt)
			n := len(attempts[d.Name])
			mu.Unlock()
			if outcomes := cases[d.Name].outcomes; n <= len(outcomes) {
				return outcomes[n-1]()
			}
			return nil
		}, &inbox.Options{
			MaxAttempts: 3, Backoff: func(int) time.Duration { return time.Millisecond },
			Observe: func(ev inbox.Event) {
				mu.Lock()
				defer mu.Unlock()
				events[ev.Delivery.Name] = append(events[ev.Delivery.Name], ev.Kind)
			},
		})
		dead := 0
		for name, test := range cases {
			d := order(0)
			d.Name, d.WebhookID = name, name
			accept(t, box, d)
			if test.state == inbox.Dead {
				dead++
			}
		}
		waitFor(t, box, inbox.Done, len(cases)-dead)
		waitFor(t, box, inbox.Dead, dead)
		require.NoError(t, box.Stop(t.Context())) // all is observed
		for _, record := range list(t, box, inbox.Query{}) {
			name, test := record.Name, cases[record.Name]
			assert.Equal(t, test.state, record.State, name)
			assert.Equal(t, test.attempts, attempts[name], name)
			assert.Equal(t, test.attempts[len(test.attempts)-1], record.Attempts, name)
			assert.True(t, strings.HasPrefix(record.LastError, test.err), "%s: %s", name, record.LastError)
			assert.LessOrEqual(t, len(record.LastError), 1000)
			assert.Len(t, events[name], 1+len(test.attempts), name)
			assert.Contains(t, events[name], inbox.Received, name)
			assert.Contains(t, events[name], map[inbox.State]inbox.EventKind{inbox.Done: inbox.Processed, inbox.Dead: inbox.Died}[test.state], name)
		}
	})
}

func TestReplayListDelete(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		var mu sync.Mutex
		broken := true
		box := start(t, url, func(context.Context, webhook.Delivery) error {
			mu.Lock()
			defer mu.Unlock()
			if broken {
				return webhook.GiveUp(errors.New("broken"))
			}
			return nil
		}, nil)
		for n := range 3 {
			accept(t, box, order(n))
		}
		waitFor(t, box, inbox.Dead, 3)
		dead := list(t, box, inbox.Query{State: inbox.Dead, Topic: "orders/create", Shop: "example.myshopify.com"})
		require.Len(t, dead, 3)
		assert.Empty(t, list(t, box, inbox.Query{Topic: "orders/paid"}))
		assert.Empty(t, list(t, box, inbox.Query{Shop: "another.myshopify.com"}))
		for r, err := range box.List(t.Context(), inbox.Query{}) {
			require.NoError(t, err)
			assert.Equal(t, dead[0].ID, r.ID)
			break // and nothing hangs
		}

		mu.Lock()
		broken = false
		mu.Unlock()
		require.NoError(t, box.Replay(t.Context(), dead[1].ID))
		waitFor(t, box, inbox.Done, 1)
		r, err := box.Get(t.Context(), dead[1].ID)
		require.NoError(t, err)
		assert.Equal(t, 1, r.Attempts)
		assert.Empty(t, r.LastError)
		require.NoError(t, box.Replay(t.Context(), dead[1].ID), "a processed one again")
		waitFor(t, box, inbox.Done, 1)

		require.NoError(t, box.Delete(t.Context(), dead[2].ID))
		_, err = box.Get(t.Context(), dead[2].ID)
		require.ErrorIs(t, err, inbox.ErrNotFound)
		require.ErrorIs(t, box.Replay(t.Context(), dead[2].ID), inbox.ErrNotFound)
		require.ErrorIs(t, box.Delete(t.Context(), dead[2].ID), inbox.ErrNotFound)

		require.NoError(t, box.Stop(t.Context()))
		accept(t, box, order(9))
		waiting := list(t, box, inbox.Query{State: inbox.Pending})
		require.Len(t, waiting, 1)
		require.ErrorIs(t, box.Replay(t.Context(), waiting[0].ID), inbox.ErrActive)
		require.ErrorIs(t, box.Delete(t.Context(), waiting[0].ID), inbox.ErrActive)
		stats, err := box.Stats(t.Context())
		require.NoError(t, err)
		assert.Equal(t, inbox.Stats{Pending: 1, Processed: 1, Dead: 1, Lag: stats.Lag}, stats)
		assert.Positive(t, stats.Lag)
	})
}

func TestListPages(t *testing.T) {
	t.Parallel()
	box := open(t, fileURL(t), ignore, nil)
	const n = 250
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { accept(t, box, order(i)) })
	}
	wg.Wait()
	records := list(t, box, inbox.Query{})
	require.Len(t, records, n)
	for i, r := range records[1:] {
		assert.Greater(t, r.ID, records[i].ID)
	}
}

func TestProcessedAreDeletedInTime(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		box := start(t, url, func(_ context.Context, d webhook.Delivery) error {
			if d.WebhookID == "webhook-1" {
				return webhook.GiveUp(nil)
			}
			return nil
		}, &inbox.Options{KeepProcessed: time.Hour})
		accept(t, box, order(1))
		accept(t, box, order(2))
		waitFor(t, box, inbox.Dead, 1)
		waitFor(t, box, inbox.Done, 1)
		n, err := box.Clean(t.Context())
		require.NoError(t, err)
		assert.Zero(t, n)
		require.NoError(t, box.Close())

		box = open(t, url, ignore, &inbox.Options{KeepProcessed: time.Nanosecond})
		n, err = box.Clean(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, n)
		records := list(t, box, inbox.Query{})
		require.Len(t, records, 1, "dead letters stay")
		assert.Equal(t, inbox.Dead, records[0].State)

		if path, ok := strings.CutPrefix(url, "sqlite://"); ok {
			require.NoError(t, box.Delete(t.Context(), records[0].ID))
			require.NoError(t, box.Close())
			file, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.NotContains(t, string(file), "alice@example.com")
		}
	})
}

func TestStopWaitsAndGivesBack(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		started := make(chan int, 10)
		var block sync.Map
		block.Store("block", true)
		box := start(t, url, func(ctx context.Context, d webhook.Delivery) error {
			started <- d.Attempt
			if _, ok := block.Load("block"); ok {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}, nil)
		require.Error(t, box.Start(t.Context()), "started twice")
		accept(t, box, order(1))
		receive(t, started)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, box.Stop(ctx), context.DeadlineExceeded)
		require.NoError(t, box.Stop(t.Context()), "stopped twice")
		record := list(t, box, inbox.Query{})[0]
		assert.Equal(t, inbox.Pending, record.State)
		assert.Zero(t, record.Attempts, "an interruption is no attempt")

		block.Delete("block")
		require.NoError(t, box.Start(t.Context()))
		assert.Equal(t, 1, receive(t, started))
		waitFor(t, box, inbox.Done, 1)
		require.NoError(t, box.Close())
		require.NoError(t, box.Close(), "closed twice")
		_, err := box.Accept(t.Context(), order(2))
		require.ErrorIs(t, err, inbox.ErrClosed)
		require.ErrorIs(t, box.Start(t.Context()), inbox.ErrClosed)
	})
}

func TestStopBeginsNothingMore(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		const n, workers = 40, 3
		started := make(chan bool, 2*n)
		finish := make(chan bool)
		box := start(t, url, func(ctx context.Context, _ webhook.Delivery) error {
			started <- true
			select {
			case <-finish:
			case <-ctx.Done():
			}
			return ctx.Err()
		}, &inbox.Options{Workers: workers})
		for i := range n {
			accept(t, box, order(i))
		}
		for range workers {
			receive(t, started)
		}
		stopped := make(chan error, 1)
		go func() { stopped <- box.Stop(t.Context()) }()
		eventually(t, func() bool { return inbox.Stopping(box) }, "Stop begins")
		select {
		case err := <-stopped:
			require.Fail(t, "it did not wait for those at work", err)
		case <-time.After(50 * time.Millisecond):
		}
		close(finish)
		require.NoError(t, receive(t, stopped))
		assert.Empty(t, started, "begun after Stop")
		for _, r := range list(t, box, inbox.Query{State: inbox.Pending}) {
			assert.Zero(t, r.Attempts)
		}
		stats, err := box.Stats(t.Context())
		require.NoError(t, err)
		assert.Equal(t, workers, stats.Processed)
		assert.Equal(t, n-workers, stats.Pending)
		require.NoError(t, box.Start(t.Context()))
		waitFor(t, box, inbox.Done, n)
	})
}

func TestSeveralInboxesShareTheWork(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		const n = 200 // more than one fetches ahead
		var mu sync.Mutex
		seen := make(map[string]int)
		workers := make(map[int]int)
		both := make(chan struct{}) // closed when both are at work
		process := func(worker int) inbox.Process {
			return func(ctx context.Context, d webhook.Delivery) error {
				mu.Lock()
				seen[d.WebhookID]++
				if workers[worker]++; workers[worker] == 1 && len(workers) == 2 {
					close(both)
				}
				mu.Unlock()
				select {
				case <-both:
				case <-ctx.Done():
				}
				return nil
			}
		}
		first := start(t, url, process(1), &inbox.Options{Workers: 2})
		second := start(t, url, process(2), &inbox.Options{Workers: 2})
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { accept(t, []*inbox.Inbox{first, second}[i%2], order(i)) })
		}
		wg.Wait()
		waitFor(t, first, inbox.Done, n)
		assert.Len(t, seen, n)
		for id, times := range seen {
			assert.Equal(t, 1, times, id)
		}
		assert.Len(t, workers, 2, "one did it all")
	})
}

func TestLoad(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		n, senders := scaled(2000, 300), 64
		box := start(t, url, ignore, nil)
		began := time.Now()
		var wg sync.WaitGroup
		next := make(chan int)
		for range senders {
			wg.Go(func() {
				for i := range next {
					_, err := box.Accept(t.Context(), order(i))
					assert.NoError(t, err)
				}
			})
		}
		for i := range n {
			next <- i
		}
		close(next)
		wg.Wait()
		accepted := time.Since(began)
		waitFor(t, box, inbox.Done, n)
		t.Logf("%d deliveries by %d senders: accepted in %v (%.0f/s), processed in %v", n, senders, accepted, float64(n)/accepted.Seconds(), time.Since(began))
	})
}
