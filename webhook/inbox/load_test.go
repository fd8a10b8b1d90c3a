package inbox_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/internal/sqldb"
	"github.com/posai-go/posai/internal/testpg"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
	"github.com/posai-go/posai/webhook/webhooktest"
)

// What tells the test binary to be a service that receives deliveries.
const (
	childURL  = "POSAI_INBOX_TEST_URL"
	childAddr = "POSAI_INBOX_TEST_ADDR"
	childLog  = "POSAI_INBOX_TEST_LOG"
	childHeld = "POSAI_INBOX_TEST_HELD" // "1": it processes nothing before its input ends
)

func TestMain(m *testing.M) {
	if url := os.Getenv(childURL); url != "" {
		if err := serve(url, os.Getenv(childAddr), os.Getenv(childLog)); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// quick makes a process that is gone on PostgreSQL be noticed soon, but not one
// that a busy machine holds up.
var quick = &inbox.Options{DeadAfter: 5 * time.Second, Backoff: func(int) time.Duration { return 10 * time.Millisecond }}

// effectTable counts what was processed: it has no unique key, so it would show
// an effect that happened twice.
const effectTable = `CREATE TABLE IF NOT EXISTS effect (webhook_id text NOT NULL)`

// serve receives and processes deliveries until it is killed.
func serve(url, addr, log string) error {
	ctx := context.Background()
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	db, err := sqldb.Open(ctx, url)
	if err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, effectTable); err != nil {
		return err
	}
	box, err := inbox.Open(ctx, url, record(db, file), quick)
	if err != nil {
		return err
	}
	held := os.Getenv(childHeld) == "1"
	if !held {
		if err := box.Start(ctx); err != nil {
			return err
		}
	}
	handler, err := webhook.NewHandler(box, webhook.Secrets{Current: secret}, nil)
	if err != nil {
		return err
	}
	// The senders try to connect all the time, and may have the port as their own.
	l, err := net.Listen("tcp", addr)
	for began := time.Now(); err != nil && time.Since(began) < soon; l, err = net.Listen("tcp", addr) {
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	fmt.Println("ready")
	served := make(chan error, 1)
	go func() { served <- http.Serve(l, handler) }()
	if held {
		_, _ = io.Copy(io.Discard, os.Stdin)
		if err := box.Start(ctx); err != nil {
			return err
		}
	}
	return <-served
}

// record processes a delivery: it leaves a line in a file at once, and a row in
// the database when the delivery is marked.
func record(db *sqldb.DB, file *os.File) inbox.Process {
	insert := db.Rebind(`INSERT INTO effect (webhook_id) VALUES (?)`)
	return func(ctx context.Context, d webhook.Delivery) error {
		if rand.N(20) == 0 {
			time.Sleep(rand.N(3 * time.Millisecond))
		}
		inbox.AtCommit(ctx, func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, insert, d.WebhookID)
			return err
		})
		_, err := fmt.Fprintln(file, d.WebhookID)
		return err
	}
}

// service is the child process.
type service struct {
	url, addr, log string
	cmd            *exec.Cmd
	held           io.Closer // until it is closed, nothing is processed; may be nil
}

func newService(t *testing.T, url string) *service {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &service{url: url, addr: l.Addr().String(), log: filepath.Join(t.TempDir(), "processed")}
	require.NoError(t, l.Close())
	return s
}

func (s *service) start(t *testing.T) { s.run(t, false) }

// startHeld starts a service that processes nothing before s.held is closed.
func (s *service) startHeld(t *testing.T) { s.run(t, true) }

func (s *service) run(t *testing.T, held bool) {
	s.cmd = exec.Command(os.Args[0])
	s.cmd.Env = append(os.Environ(), childURL+"="+s.url, childAddr+"="+s.addr, childLog+"="+s.log)
	if held {
		s.cmd.Env = append(s.cmd.Env, childHeld+"=1")
		var err error
		s.held, err = s.cmd.StdinPipe()
		require.NoError(t, err)
	}
	out, err := s.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
}

func (s *service) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// traffic is what a test sends: deliveries of 2 to 30 kB, a tenth of them
// twice, over 64 connections, each sent again until it is acknowledged.
type traffic struct {
	deliveries int
	addr       string

	allowed      atomic.Int64 // how many of the deliveries may be sent
	posts        atomic.Int64 // acknowledged, duplicates included
	resent       atomic.Int64
	unanswered   atomic.Int64
	mu           sync.Mutex
	acknowledged map[string]bool
	statuses     map[int]int // of answers
}

// allow lets the first n deliveries be sent, so that there is traffic when it
// matters, however late the test is.
func (tr *traffic) allow(n int) { tr.allowed.Store(int64(n)) }

// full says that a proof runs at its full size.
var full = os.Getenv("POSAI_FULL") == "1"

const connections = 64

func (tr *traffic) run(t *testing.T) {
	tr.mu.Lock()
	tr.acknowledged, tr.statuses = make(map[string]bool), make(map[int]int)
	tr.mu.Unlock()
	transport := &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}
	defer transport.CloseIdleConnections()
	sender := &webhooktest.Sender{Secret: secret, Schedule: slices.Repeat([]time.Duration{250 * time.Millisecond}, 2000), Transport: tr.count(transport)}
	next := make(chan int)
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			for n := range next {
				tr.post(t, sender, n)
			}
		})
	}
	for n := range tr.deliveries {
		for int64(n) >= tr.allowed.Load() && t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		next <- n
		if n%10 == 9 { // soon again, when the first is on its way or done
			next <- n - rand.IntN(10)
		}
	}
	close(next)
	wg.Wait()
}

func (tr *traffic) post(t *testing.T, sender *webhooktest.Sender, n int) {
	d := order(n)
	d.Body = sizedOrder(int64(n+1), 2<<10+n*7919%(28<<10))
	attempts, err := sender.Post(t.Context(), "http://"+tr.addr, d)
	if !assert.NoError(t, err) {
		return
	}
	tr.posts.Add(1)
	tr.resent.Add(int64(attempts - 1))
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.acknowledged[d.WebhookID] = true
}

// count counts the statuses of answers on their way.
func (tr *traffic) count(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(r)
		if err != nil {
			tr.unanswered.Add(1)
			return nil, err
		}
		tr.mu.Lock()
		defer tr.mu.Unlock()
		tr.statuses[resp.StatusCode]++
		return resp, nil
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// prove lets an inbox finish what the service left and counts: every delivery
// that was acknowledged is processed, and none has had its effect twice.
func (tr *traffic) prove(t *testing.T, s *service, kills int, moreLogs ...string) {
	file, err := os.OpenFile(s.log, os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	db, err := sqldb.Open(t.Context(), s.url)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	box := start(t, s.url, record(db, file), quick)
	began := time.Now()
	before, err := box.Stats(t.Context())
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		stats, err := box.Stats(context.WithoutCancel(t.Context()))
		return assert.NoError(t, err) && stats.Processed == tr.deliveries
	}, 10*soon, 200*time.Millisecond)
	t.Logf("the last %d were processed in %v", before.Depth(), time.Since(began))
	require.NoError(t, box.Stop(t.Context()))

	assert.Len(t, tr.acknowledged, tr.deliveries)
	kept := make(map[string]int)
	for r, err := range box.List(t.Context(), inbox.Query{}) {
		require.NoError(t, err)
		kept[r.WebhookID]++
		assert.Equal(t, inbox.Done, r.State)
	}
	assert.Len(t, kept, tr.deliveries, "kept")
	var rows, distinct int
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*), count(DISTINCT webhook_id) FROM effect`).Scan(&rows, &distinct))
	assert.Equal(t, tr.deliveries, rows, "effects")
	assert.Equal(t, tr.deliveries, distinct, "deliveries with an effect")
	for id := range tr.acknowledged {
		assert.Equal(t, 1, kept[id], id)
	}

	var lines []string
	for _, log := range append(moreLogs, s.log) {
		text, err := os.ReadFile(log)
		require.NoError(t, err)
		lines = append(lines, strings.Fields(string(text))...)
	}
	slices.Sort(lines)
	calls := len(lines)
	assert.Len(t, slices.Compact(lines), tr.deliveries, "called for each")
	// One is called for again only if a kill met it between call and mark. On
	// SQLite outcomes wait for one another, up to a batch of them.
	assert.LessOrEqual(t, calls, tr.deliveries+kills*(64+8))
	t.Logf("%d deliveries by %d posts, %d sent again, answers %v: all acknowledged, %d rows, %d effects of %d deliveries, %d calls",
		tr.deliveries, tr.posts.Load(), tr.resent.Load(), tr.statuses, len(kept), rows, distinct, calls)
}

// waitPosts waits until n posts are acknowledged.
func (tr *traffic) waitPosts(t *testing.T, n int) {
	require.Eventually(t, func() bool { return tr.posts.Load() >= int64(n) }, 10*soon, time.Millisecond)
}

func TestWhatWasAcknowledgedSurvivesKills(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		const kills = 5
		s := newService(t, url)
		s.start(t)
		defer func() { s.kill() }()
		tr := &traffic{deliveries: scaled(1000, 200), addr: s.addr}
		if full {
			tr.deliveries = 20_000
		}
		stage := tr.deliveries / (kills + 2)
		tr.allow(2 * stage)
		done := make(chan struct{})
		began := time.Now()
		go func() { defer close(done); tr.run(t) }()
		for kill := range kills {
			tr.waitPosts(t, (kill+1)*stage)
			s.kill()
			before := tr.unanswered.Load()
			tr.allow((kill + 3) * stage)
			eventually(t, func() bool { return tr.unanswered.Load() > before }, "a delivery meets nobody")
			s.start(t)
		}
		tr.allow(tr.deliveries)
		<-done
		t.Logf("acknowledged after %v", time.Since(began))
		s.kill()
		assert.GreaterOrEqual(t, tr.resent.Load(), int64(kills), "each kill met a delivery")
		tr.prove(t, s, kills+1)
	})
}

func TestAProcessThatDiesIsTakenOver(t *testing.T) {
	t.Parallel()
	url := testpg.URL(t)
	receiver, worker := newService(t, url), newService(t, url)
	receiver.startHeld(t)
	defer func() { receiver.kill() }()
	worker.start(t)
	defer func() { worker.kill() }()
	tr := &traffic{deliveries: scaled(1000, 200), addr: receiver.addr}
	tr.allow(tr.deliveries)
	done := make(chan struct{})
	go func() { defer close(done); tr.run(t) }()
	eventually(t, func() bool {
		text, err := os.ReadFile(worker.log)
		return err == nil && len(text) > 0
	}, "the other one has its share")
	require.NoError(t, receiver.held.Close())
	tr.waitPosts(t, tr.deliveries/2)
	worker.kill() // for good, with what it had claimed
	<-done

	db, err := sqldb.Open(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.Eventually(t, func() bool {
		var left int
		err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM posai_delivery WHERE state <> 'processed'`).Scan(&left)
		return err == nil && left == 0
	}, soon, 50*time.Millisecond, "the other process does not take over")
	receiver.kill()
	tr.prove(t, receiver, 2, worker.log)
}

func TestADatabaseThatStopsLosesNothing(t *testing.T) {
	t.Parallel()
	outage := 2 * time.Second
	tr := &traffic{deliveries: scaled(1000, 200)}
	if full {
		outage, tr.deliveries = 10*time.Second, 20_000
	}
	server := testpg.NewServer(t)
	s := newService(t, server.URL(t))
	s.start(t)
	defer func() { s.kill() }()
	tr.addr = s.addr
	tr.allow(tr.deliveries * 2 / 3)
	done := make(chan struct{})
	go func() { defer close(done); tr.run(t) }()
	tr.waitPosts(t, tr.deliveries/3)
	server.Stop(t)
	tr.allow(tr.deliveries)
	down := time.Now()
	var worst time.Duration
	probe := &http.Client{}
	for n := tr.deliveries; time.Since(down) < outage; n++ { // what answers does a sender get meanwhile?
		r, err := webhooktest.NewRequest(t.Context(), "http://"+s.addr, order(-n), secret)
		require.NoError(t, err)
		sent := time.Now()
		resp, err := probe.Do(r)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		worst = max(worst, time.Since(sent))
		assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
		time.Sleep(20 * time.Millisecond)
	}
	eventually(t, func() bool {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		return tr.statuses[http.StatusServiceUnavailable] > 0
	}, "a delivery is put off")
	server.Start(t)
	<-done
	// Shopify waits for 5 s. The rest is for a busy machine.
	assert.Less(t, worst, 30*time.Second)
	t.Logf("the slowest 503 took %v", worst)
	s.kill()
	tr.prove(t, s, 1+8)
}

func TestPoisonThatKillsTheProcessDies(t *testing.T) {
	t.Parallel()
	url := fileURL(t)
	started := make(chan int, 10)
	box := start(t, url, func(ctx context.Context, d webhook.Delivery) error {
		started <- d.Attempt
		<-ctx.Done()
		return ctx.Err()
	}, &inbox.Options{MaxAttempts: 1})
	accept(t, box, order(1))
	assert.Equal(t, 1, receive(t, started))
	// In the middle of the attempt, this is what a kill would leave.
	snapshot := filepath.Join(t.TempDir(), "inbox.db")
	db, err := sqldb.Open(t.Context(), url)
	require.NoError(t, err)
	require.NoError(t, db.Tx(t.Context(), func(*sql.Tx) error { // nobody writes meanwhile
		copyDatabase(t, strings.TrimPrefix(url, "sqlite://"), snapshot)
		return nil
	}))
	require.NoError(t, db.Close())

	box = start(t, "sqlite://"+snapshot, func(context.Context, webhook.Delivery) error {
		assert.Fail(t, "processed again")
		return nil
	}, &inbox.Options{MaxAttempts: 1})
	waitFor(t, box, inbox.Dead, 1)
	assert.Equal(t, "the process ended during the attempt", list(t, box, inbox.Query{})[0].LastError)
}

// copyDatabase copies a SQLite database as a crash would leave it.
func copyDatabase(t *testing.T, from, to string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(from + suffix)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(to+suffix, data, 0o600))
	}
}
