package inbox_test

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/internal/testpg"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
	"github.com/posai-go/posai/webhook/webhooktest"
)

const (
	secret = "a-client-secret-for-tests"
	soon   = 3 * time.Minute // never reached by a test that passes
)

// onBoth runs test on a fresh SQLite file and on a fresh PostgreSQL database.
func onBoth(t *testing.T, test func(t *testing.T, url string)) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, fileURL(t))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, testpg.URL(t))
	})
}

// scaled is n, or less of it under the race detector.
func scaled(n, underRaceDetector int) int {
	if underRace {
		return underRaceDetector
	}
	return n
}

func fileURL(t testing.TB) string { return "sqlite://" + filepath.Join(t.TempDir(), "inbox.db") }

// open opens an inbox that is not started.
func open(t testing.TB, url string, process inbox.Process, opts *inbox.Options) *inbox.Inbox {
	t.Helper()
	box, err := inbox.Open(t.Context(), url, process, opts)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, box.Close()) })
	return box
}

// start opens an inbox and starts it.
func start(t testing.TB, url string, process inbox.Process, opts *inbox.Options) *inbox.Inbox {
	t.Helper()
	box := open(t, url, process, opts)
	require.NoError(t, box.Start(t.Context()))
	return box
}

func order(n int) webhook.Delivery {
	return webhooktest.Fill(webhook.Delivery{
		Topic: "orders/create", WebhookID: fmt.Sprintf("webhook-%d", n),
		Body: fmt.Appendf(nil, `{"id":%d,"email":"alice@example.com"}`, n),
	})
}

func accept(t testing.TB, box *inbox.Inbox, d webhook.Delivery) (duplicate bool) {
	t.Helper()
	duplicate, err := box.Accept(t.Context(), d)
	require.NoError(t, err)
	return duplicate
}

func list(t testing.TB, box *inbox.Inbox, q inbox.Query) (records []inbox.Record) {
	t.Helper()
	for r, err := range box.List(t.Context(), q) {
		require.NoError(t, err)
		records = append(records, r)
	}
	return records
}

// waitFor waits until n deliveries are in a state.
func waitFor(t testing.TB, box *inbox.Inbox, state inbox.State, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		stats, err := box.Stats(context.WithoutCancel(t.Context()))
		require.NoError(t, err)
		return map[inbox.State]int{
			inbox.Pending: stats.Pending, inbox.Processing: stats.Processing, inbox.Done: stats.Processed, inbox.Dead: stats.Dead,
		}[state] == n
	}, soon, 50*time.Millisecond, "never %d %s", n, state)
}

// eventually waits until ok returns true.
func eventually(t testing.TB, ok func() bool, what string) {
	t.Helper()
	for began := time.Now(); !ok(); time.Sleep(5 * time.Millisecond) {
		require.Less(t, time.Since(began), soon, "%s: did not happen", what)
	}
}

func receive[T any](t testing.TB, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(soon):
		require.FailNow(t, "nothing happened")
		panic("unreachable")
	}
}

// ownGoroutines returns the stacks of goroutines of River and of this module's
// inbox.
func ownGoroutines() (stacks []string) {
	buf := make([]byte, 1<<20)
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(g, "riverqueue") || strings.Contains(g, "posai/webhook/inbox.") {
			stacks = append(stacks, g)
		}
	}
	return stacks
}
