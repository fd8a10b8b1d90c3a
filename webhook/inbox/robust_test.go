package inbox_test

import (
	"context"
	"database/sql"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/internal/sqldb"
	"github.com/posai-go/posai/internal/testpg"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
	"github.com/posai-go/posai/webhook/webhooktest"
)

// Not parallel: it looks at the goroutines of the whole process.
func TestCloseLeavesNoGoroutine(t *testing.T) {
	// Those of the test before may just be about to end.
	eventually(t, func() bool { return len(ownGoroutines()) == 0 }, "nothing runs")
	box := start(t, fileURL(t), ignore, nil)
	accept(t, box, order(1))
	waitFor(t, box, inbox.Done, 1)
	require.NotEmpty(t, ownGoroutines())
	require.NoError(t, box.Close())
	require.Eventually(t, func() bool { return len(ownGoroutines()) == 0 }, soon, time.Millisecond)
}

func TestADatabaseThatHangsIsAnsweredInTime(t *testing.T) {
	t.Parallel()
	url := fileURL(t)
	box := start(t, url, ignore, nil)
	handler, err := webhook.NewHandler(box, webhook.Secrets{Current: secret}, &webhook.Options{Timeout: time.Second})
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	defer server.Close()
	post := func(n int) *http.Response {
		r, err := webhooktest.NewRequest(t.Context(), server.URL, order(n), secret)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp
	}

	db, err := sqldb.Open(t.Context(), url) // shares the one connection
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for n := range 10 {
		wg.Go(func() {
			resp := post(n)
			assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
			assert.NotEmpty(t, resp.Header.Get("Retry-After"))
		})
	}
	wg.Wait() // while it hangs
	require.NoError(t, tx.Rollback())

	for n := range 10 { // sent again, as Shopify does
		eventually(t, func() bool { return post(n).StatusCode == http.StatusOK }, "it is taken")
	}
	waitFor(t, box, inbox.Done, 10)
	assert.Len(t, list(t, box, inbox.Query{}), 10)
}

// By a clock that nothing can hold up: not a moment more than the timeout.
func TestADatabaseThatHangsCostsTheTimeout(t *testing.T) {
	t.Parallel()
	url := fileURL(t)
	synctest.Test(t, func(t *testing.T) {
		box := open(t, url, ignore, nil)
		handler, err := webhook.NewHandler(box, webhook.Secrets{Current: secret}, &webhook.Options{Timeout: time.Second})
		require.NoError(t, err)
		post := func() (status int, took time.Duration) {
			r, err := webhooktest.NewRequest(t.Context(), "http://example.com/", order(1), secret)
			require.NoError(t, err)
			began := time.Now()
			resp, err := webhooktest.InProcess(handler).RoundTrip(r)
			require.NoError(t, err)
			return resp.StatusCode, time.Since(began)
		}
		db, err := sqldb.Open(t.Context(), url)
		require.NoError(t, err)
		defer func() { require.NoError(t, db.Close()) }()
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		status, took := post()
		assert.Equal(t, http.StatusServiceUnavailable, status)
		assert.Equal(t, time.Second, took)
		require.NoError(t, tx.Rollback())
		status, _ = post()
		assert.Equal(t, http.StatusOK, status)
	})
}

func TestARefusedDeliveryDoesNotTakeOthersWithIt(t *testing.T) {
	t.Parallel()
	url := testpg.URL(t)
	box := open(t, url, ignore, nil)
	// While the connection pool is held up, a batch gathers.
	db, err := sqldb.Open(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	var wg sync.WaitGroup
	require.NoError(t, db.Tx(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `LOCK TABLE posai_delivery IN EXCLUSIVE MODE`)
		require.NoError(t, err)
		for n := range 20 {
			wg.Go(func() {
				d := order(n)
				if n == 7 {
					d.Name = "\x00" // PostgreSQL has no such text
				}
				_, err := box.Accept(t.Context(), d)
				assert.Equal(t, n == 7, err != nil, "%d: %v", n, err)
			})
		}
		time.Sleep(50 * time.Millisecond)
		return nil
	}))
	wg.Wait()
	assert.Len(t, list(t, box, inbox.Query{}), 19)
}

func TestAWorkerThatLostItsClaimMarksNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		db, err := sqldb.Open(t.Context(), url)
		require.NoError(t, err)
		defer func() { require.NoError(t, db.Close()) }()
		observed := make(chan inbox.EventKind, 10)
		done := make(chan bool, 100)
		box := start(t, url, func(ctx context.Context, _ webhook.Delivery) error {
			// Another worker takes the delivery over in the middle.
			_, err := db.ExecContext(ctx, `UPDATE posai_delivery SET claim = claim + 1`)
			done <- true
			return err
		}, &inbox.Options{Observe: func(ev inbox.Event) { observed <- ev.Kind }})
		accept(t, box, order(1))
		assert.Equal(t, inbox.Received, receive(t, observed))
		receive(t, done)
		require.NoError(t, box.Stop(t.Context()))
		assert.Empty(t, observed)
		assert.Equal(t, inbox.Processing, list(t, box, inbox.Query{})[0].State)
	})
}
