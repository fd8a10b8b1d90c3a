package inbox_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/internal/sqldb"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
	"github.com/posai-go/posai/webhook/webhooktest"
)

// version is an update of an order as of n seconds past midnight.
func version(id, n int) webhook.Delivery {
	at := time.Date(2026, 11, 2, 0, 0, n, 0, time.UTC)
	return webhooktest.Fill(webhook.Delivery{
		Topic: "orders/updated", WebhookID: fmt.Sprintf("order-%d-%d", id, n), TriggeredAt: at,
		Body: fmt.Appendf(nil, `{"id":%d,"updated_at":%q,"email":"alice@example.com"}`, id, at.Format(time.RFC3339)),
	})
}

func TestOneByOne(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		orders, each := 5, scaled(20, 10)
		var mu sync.Mutex
		var once sync.Once
		active := make(map[string]int)
		seen := make(map[string][]string)
		overlaps, most := 0, 0
		abreast := make(chan struct{}) // closed when two are at work; the first waits for a second
		process := func(ctx context.Context, d webhook.Delivery) error {
			a, ok := inbox.AttemptOf(ctx)
			assert.True(t, ok)
			key := a.Resource.Ordering
			mu.Lock()
			if active[key]++; active[key] > 1 {
				overlaps++
			}
			n := 0
			for _, k := range active {
				n += k
			}
			if most = max(most, n); most == 2 {
				once.Do(func() { close(abreast) })
			}
			mu.Unlock()
			select {
			case <-abreast:
			case <-ctx.Done():
			}
			time.Sleep(rand.N(3 * time.Millisecond))
			mu.Lock()
			defer mu.Unlock()
			active[key]--
			if d.Attempt == 1 && strings.HasSuffix(d.WebhookID, "-3") {
				return errors.New("the first attempt fails, and those behind wait")
			}
			seen[key] = append(seen[key], d.WebhookID)
			return nil
		}
		opts := &inbox.Options{Order: inbox.OneByOne, Backoff: func(int) time.Duration { return 50 * time.Millisecond }}
		first := open(t, url, process, opts)
		second := open(t, url, process, opts)
		want := make(map[string][]string)
		for n := range each {
			for id := range orders {
				d := version(id+1, n)
				if n%5 == 4 { // a refund belongs to its order
					d.Topic, d.Body = "refunds/create", fmt.Appendf(nil, `{"id":%d,"order_id":%d}`, n, id+1)
				}
				accept(t, []*inbox.Inbox{first, second}[n%2], d)
				key := fmt.Sprintf("orders/%d", id+1)
				want[key] = append(want[key], d.WebhookID)
			}
		}
		require.NoError(t, first.Start(t.Context()))
		require.NoError(t, second.Start(t.Context()))
		waitFor(t, first, inbox.Done, orders*each)
		mu.Lock()
		defer mu.Unlock()
		assert.Zero(t, overlaps, "two at once for one order")
		assert.Greater(t, most, 1, "different orders side by side")
		assert.Equal(t, want, seen, "in order of arrival")
	})
}

func TestTwoAlarmsOfADeliveryAreOneAttempt(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		started, finish := make(chan bool, 10), make(chan bool)
		box := start(t, url, func(ctx context.Context, _ webhook.Delivery) error {
			started <- true
			select {
			case <-finish:
			case <-ctx.Done():
			}
			return ctx.Err()
		}, nil)
		accept(t, box, order(1))
		receive(t, started)
		// What one delivery does for the next with the same ordering key.
		db, err := sqldb.Open(t.Context(), url)
		require.NoError(t, err)
		defer func() { require.NoError(t, db.Close()) }()
		_, err = db.ExecContext(t.Context(), `INSERT INTO river_job (args, kind, queue, max_attempts, state)
			SELECT args, kind, queue, max_attempts, 'available' FROM river_job`)
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			var left int
			err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM river_job WHERE state <> 'completed'`).Scan(&left)
			return assert.NoError(t, err) && left == 1
		}, soon, 20*time.Millisecond)
		assert.Empty(t, started, "twice at once")
		close(finish)
		waitFor(t, box, inbox.Done, 1)
		assert.Equal(t, 1, list(t, box, inbox.Query{})[0].Attempts)
	})
}

// A delivery whose predecessor ends while it is found blocked is not left lying.
func TestManyOfOneResourceAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		box := start(t, url, func(context.Context, webhook.Delivery) error { return nil }, &inbox.Options{Order: inbox.OneByOne, Workers: 100})
		n := scaled(100, 40)
		var sending sync.WaitGroup
		for i := range n {
			sending.Go(func() { accept(t, box, version(1, i)) })
		}
		sending.Wait()
		waitFor(t, box, inbox.Done, n)
	})
}

func TestADeadLetterLetsThoseBehindGoOn(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		box := start(t, url, func(_ context.Context, d webhook.Delivery) error {
			if d.WebhookID == "order-1-0" {
				return webhook.GiveUp(errors.New("broken"))
			}
			return nil
		}, &inbox.Options{Order: inbox.OneByOne})
		for n := range 3 {
			accept(t, box, version(1, n))
		}
		waitFor(t, box, inbox.Done, 2)
		waitFor(t, box, inbox.Dead, 1)
	})
}

func TestStale(t *testing.T) {
	for _, policy := range []inbox.Stale{inbox.ProcessStale, inbox.SkipStale} {
		t.Run(map[inbox.Stale]string{inbox.ProcessStale: "processed", inbox.SkipStale: "skipped"}[policy], func(t *testing.T) {
			onBoth(t, func(t *testing.T, url string) {
				type call struct {
					id    string
					stale bool
				}
				calls := make(chan call, 20)
				box := start(t, url, func(ctx context.Context, d webhook.Delivery) error {
					a, _ := inbox.AttemptOf(ctx)
					calls <- call{d.WebhookID, a.Stale()}
					return nil
				}, &inbox.Options{Stale: policy})
				expect := func(d webhook.Delivery, called, stale bool, processed int) {
					t.Helper()
					accept(t, box, d)
					waitFor(t, box, inbox.Done, processed)
					if called {
						assert.Equal(t, call{d.WebhookID, stale}, receive(t, calls))
					}
					assert.Empty(t, calls)
				}
				expect(version(1, 5), true, false, 1)
				expect(version(1, 7), true, false, 2)
				expect(version(1, 6), policy == inbox.ProcessStale, true, 3) // late
				same := version(1, 7)
				same.WebhookID = "the same second"
				expect(same, true, false, 4)
				expect(version(2, 6), true, false, 5) // another order
				other := version(1, 6)
				other.WebhookID, other.Topic = "another topic", "orders/paid"
				expect(other, true, false, 6)
				bare := version(3, 0) // no updated_at: by the time of the trigger
				bare.Body = []byte(`{"id":3}`)
				bare.TriggeredAt = bare.TriggeredAt.Add(time.Hour)
				expect(bare, true, false, 7)
				bare.WebhookID, bare.TriggeredAt = "triggered earlier", bare.TriggeredAt.Add(-time.Second)
				expect(bare, policy == inbox.ProcessStale, true, 8)

				late := list(t, box, inbox.Query{WebhookID: "order-1-6"})
				require.Len(t, late, 1)
				assert.Equal(t, inbox.Resource{ID: "orders/1", Version: version(1, 6).TriggeredAt}, late[0].Resource)
				if policy == inbox.SkipStale {
					assert.Equal(t, inbox.SkippedStale, late[0].Skipped)
					// Who replays it wants it processed.
					require.NoError(t, box.Replay(t.Context(), late[0].ID))
					assert.Equal(t, call{"order-1-6", true}, receive(t, calls))
				}
			})
		})
	}
}

func TestMissedAndRealAreOne(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		calls := make(chan string, 20)
		box := start(t, url, func(ctx context.Context, d webhook.Delivery) error {
			a, _ := inbox.AttemptOf(ctx)
			calls <- fmt.Sprint(d.WebhookID, " ", a.Reconciled)
			return nil
		}, nil)
		missed := func(d webhook.Delivery) {
			t.Helper()
			_, err := box.AcceptMissed(t.Context(), d)
			require.NoError(t, err)
		}
		found := version(1, 5)
		found.WebhookID = "found"
		missed(found)
		missed(found) // the next time that it is found
		assert.Equal(t, "found true", receive(t, calls))
		waitFor(t, box, inbox.Done, 1)
		accept(t, box, version(1, 5)) // the real one was only late
		accept(t, box, version(1, 4))
		waitFor(t, box, inbox.Done, 3)
		assert.Empty(t, calls)
		assert.Equal(t, inbox.SkippedCovered, list(t, box, inbox.Query{WebhookID: "order-1-5"})[0].Skipped)
		accept(t, box, version(1, 6)) // what happened after it was found
		assert.Equal(t, "order-1-6 false", receive(t, calls))

		// The other way round: it arrived while it was being missed.
		accept(t, box, version(2, 5))
		assert.Equal(t, "order-2-5 false", receive(t, calls))
		waitFor(t, box, inbox.Done, 5)
		found = version(2, 5)
		found.WebhookID = "found 2"
		missed(found)
		waitFor(t, box, inbox.Done, 6)
		assert.Empty(t, calls)

		for _, test := range []struct {
			shop, topic, resource string
			version               int
			want                  bool
		}{
			{"example.myshopify.com", "orders/updated", "orders/2", 5, true},
			{"example.myshopify.com", "orders/updated", "orders/2", 4, true},
			{"example.myshopify.com", "orders/updated", "orders/2", 6, false},
			{"example.myshopify.com", "orders/updated", "orders/3", 0, false},
			{"example.myshopify.com", "orders/create", "orders/2", 5, false},
			{"another.myshopify.com", "orders/updated", "orders/2", 5, false},
			{"example.myshopify.com", "orders/updated", "", 0, false},
		} {
			got, err := box.Arrived(t.Context(), test.shop, test.topic, test.resource, version(1, test.version).TriggeredAt)
			require.NoError(t, err)
			assert.Equal(t, test.want, got, "%+v", test)
		}
		_, err := box.AcceptMissed(t.Context(), webhook.Delivery{Shop: "example.myshopify.com", Topic: "orders/updated"})
		require.Error(t, err, "without an id it would be found again and again")
	})
}

func TestWatermarks(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		box := open(t, url, ignore, nil)
		get := func(name string) time.Time {
			at, err := box.Watermark(t.Context(), name)
			require.NoError(t, err)
			return at
		}
		at := time.Date(2026, 11, 2, 9, 0, 0, 123_000, time.UTC)
		assert.True(t, get("a").IsZero())
		require.NoError(t, box.SetWatermark(t.Context(), "a", at))
		assert.Equal(t, at, get("a"))
		require.NoError(t, box.SetWatermark(t.Context(), "a", at.Add(-time.Hour)))
		assert.Equal(t, at, get("a"), "it never goes back")
		assert.True(t, get("b").IsZero())
	})
}

func TestAtCommit(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		db, err := sqldb.Open(t.Context(), url)
		require.NoError(t, err)
		defer func() { require.NoError(t, db.Close()) }()
		_, err = db.ExecContext(t.Context(), `CREATE TABLE effect (name text)`)
		require.NoError(t, err)
		effects := func() (names []string) {
			rows, err := db.QueryContext(t.Context(), `SELECT name FROM effect ORDER BY name`)
			require.NoError(t, err)
			defer func() { require.NoError(t, rows.Close()) }()
			for rows.Next() {
				var name string
				require.NoError(t, rows.Scan(&name))
				names = append(names, name)
			}
			require.NoError(t, rows.Err())
			return names
		}
		write := func(name string) func(context.Context, *sql.Tx) error {
			return func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, db.Rebind(`INSERT INTO effect (name) VALUES (?)`), name)
				return err
			}
		}
		box := start(t, url, func(ctx context.Context, d webhook.Delivery) error {
			assert.True(t, inbox.AtCommit(ctx, write(d.WebhookID)))
			switch {
			case d.WebhookID == "webhook-1" && d.Attempt == 1:
				return errors.New("no luck") // and no effect
			case d.WebhookID == "webhook-2" && d.Attempt == 1:
				inbox.AtCommit(ctx, func(context.Context, *sql.Tx) error { return errors.New("no room for alice@example.com") })
			case d.WebhookID == "webhook-3" && d.Attempt == 1:
				inbox.AtCommit(ctx, func(context.Context, *sql.Tx) error { panic("oh") })
			case d.WebhookID == "webhook-4":
				inbox.AtCommit(ctx, func(context.Context, *sql.Tx) error { return webhook.GiveUp(errors.New("hopeless")) })
			}
			return nil
		}, &inbox.Options{Backoff: func(int) time.Duration { return time.Millisecond }})
		var wg sync.WaitGroup
		for n := range 10 { // together, so that they share transactions
			wg.Go(func() { accept(t, box, order(n)) })
		}
		wg.Wait()
		waitFor(t, box, inbox.Done, 9)
		waitFor(t, box, inbox.Dead, 1)
		got := effects()
		want := []string{"webhook-0", "webhook-1", "webhook-2", "webhook-3", "webhook-5", "webhook-6", "webhook-7", "webhook-8", "webhook-9"}
		assert.Equal(t, want, got)
		for _, r := range list(t, box, inbox.Query{State: inbox.Done}) {
			wanted := 1
			if slices.Contains([]string{"webhook-1", "webhook-2", "webhook-3"}, r.WebhookID) {
				wanted = 2
			}
			assert.Equal(t, wanted, r.Attempts, r.WebhookID)
		}
		assert.False(t, inbox.AtCommit(t.Context(), write("elsewhere")))
	})
}
