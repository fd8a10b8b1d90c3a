package inbox_test

import (
	"bufio"
	"context"
	"fmt"
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

	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
	"github.com/posai-go/posai/webhook/webhooktest"
)

// What tells the test binary to be a service that receives deliveries.
const (
	childURL  = "POSAI_INBOX_TEST_URL"
	childAddr = "POSAI_INBOX_TEST_ADDR"
	childLog  = "POSAI_INBOX_TEST_LOG"
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

// quick makes a process that is gone on PostgreSQL be noticed soon.
var quick = &inbox.Options{DeadAfter: time.Second, Backoff: func(int) time.Duration { return 10 * time.Millisecond }}

// serve receives and processes deliveries until it is killed.
func serve(url, addr, log string) error {
	ctx := context.Background()
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	box, err := inbox.Open(ctx, url, note(file), quick)
	if err != nil {
		return err
	}
	if err := box.Start(ctx); err != nil {
		return err
	}
	handler, err := webhook.NewHandler(box, webhook.Secrets{Current: secret}, nil)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	return http.Serve(l, handler)
}

// note takes a moment and leaves a line in a file.
func note(file *os.File) inbox.Process {
	return func(_ context.Context, d webhook.Delivery) error {
		time.Sleep(rand.N(3 * time.Millisecond))
		_, err := fmt.Fprintln(file, d.WebhookID)
		return err
	}
}

// service is the child process.
type service struct {
	url, addr, log string
	cmd            *exec.Cmd
}

func (s *service) start(t *testing.T) {
	s.cmd = exec.Command(os.Args[0])
	s.cmd.Env = append(os.Environ(), childURL+"="+s.url, childAddr+"="+s.addr, childLog+"="+s.log)
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

func TestWhatWasAcknowledgedSurvivesKills(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		const deliveries, senders, kills = 300, 16, 4
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		s := &service{url: url, addr: l.Addr().String(), log: filepath.Join(t.TempDir(), "processed")}
		require.NoError(t, l.Close())
		s.start(t)
		defer func() { s.kill() }()

		var acknowledged sync.Map
		var count, resent atomic.Int64
		next := make(chan int)
		var wg sync.WaitGroup
		sender := &webhooktest.Sender{Secret: secret, Schedule: webhooktest.Schedule(20 * time.Second), Transport: &http.Transport{}}
		for range senders {
			wg.Go(func() {
				for n := range next {
					d := order(n)
					attempts, err := sender.Post(t.Context(), "http://"+s.addr, d)
					if assert.NoError(t, err) {
						acknowledged.Store(d.WebhookID, true)
						count.Add(1)
						resent.Add(int64(attempts - 1))
					}
				}
			})
		}
		go func() {
			defer close(next)
			for n := range deliveries {
				select {
				case next <- n:
				case <-t.Context().Done():
					return
				}
			}
		}()
		for kill := range int64(kills) {
			require.Eventually(t, func() bool { return count.Load() > (kill+1)*deliveries/(kills+2) }, soon, time.Millisecond)
			s.kill()
			s.start(t)
		}
		wg.Wait()
		s.kill()

		file, err := os.OpenFile(s.log, os.O_APPEND|os.O_WRONLY, 0o600)
		require.NoError(t, err)
		defer func() { require.NoError(t, file.Close()) }()
		box := start(t, url, note(file), quick)
		waitFor(t, box, inbox.Done, deliveries)
		records := list(t, box, inbox.Query{})
		require.Len(t, records, deliveries, "kept once each")
		for _, r := range records {
			acknowledged.Delete(r.WebhookID)
		}
		acknowledged.Range(func(id, _ any) bool { return assert.Fail(t, "acknowledged and lost", id) })

		log, err := os.ReadFile(s.log)
		require.NoError(t, err)
		lines := strings.Fields(string(log))
		t.Logf("%d deliveries, %d sent again, %d times processed", deliveries, resent.Load(), len(lines))
		assert.Positive(t, resent.Load(), "no kill met a delivery")
		// One is processed again only if a kill met it between its effect and
		// its mark, and there are but so many workers.
		assert.LessOrEqual(t, len(lines), deliveries+8*(kills+1))
		slices.Sort(lines)
		assert.Len(t, slices.Compact(lines), deliveries, "processed each")
	})
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
	copyDatabase(t, strings.TrimPrefix(url, "sqlite://"), snapshot)

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
