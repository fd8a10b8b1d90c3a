package sqlstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/sqlstore"
	"github.com/posai-go/posai/internal/testpg"
)

// What a child process is told: the database and its name.
const (
	envURL  = "POSAI_AUDIT_TEST_URL"
	envName = "POSAI_AUDIT_TEST_NAME"
)

func TestMain(m *testing.M) {
	if os.Getenv(envURL) != "" {
		if err := child(); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// quick gives up a stopped process's turn soon, but not that of one which is slow.
var quick = &sqlstore.Options{TurnTimeout: 3 * time.Second}

// child appends with several writers until it is killed or its input ends, and
// prints the ID of each entry whose Append has returned.
func child() error {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = bufio.NewReader(os.Stdin).ReadByte()
		cancel()
	}()
	store, err := sqlstore.Open(ctx, os.Getenv(envURL), quick)
	if err != nil {
		return err
	}
	log, err := audit.Open(ctx, store, nil)
	if err != nil {
		return err
	}
	var out sync.Mutex
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				e := audittest.Entry(i)
				e.ID = fmt.Sprintf("%s-%d-%d", os.Getenv(envName), w, i)
				for ctx.Err() == nil {
					if _, err := log.Append(context.Background(), e); err == nil {
						out.Lock()
						fmt.Println("ack", e.ID)
						out.Unlock()
						break
					} else if !errors.Is(err, audit.ErrUncertain) && !errors.Is(err, audit.ErrUnavailable) {
						fmt.Println("error:", err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(log.Close(), store.Close())
}

// process is a child and what it has printed.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin func() error

	mu     sync.Mutex
	acked  []string
	errors []string
	ended  chan struct{}
}

func start(t *testing.T, database, name string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(os.Args[0], "-test.run=^$"), ended: make(chan struct{})} //nolint:gosec // this very test
	p.cmd.Env = append(os.Environ(), envURL+"="+database, envName+"="+name)
	p.cmd.Stderr = os.Stderr
	stdin, err := p.cmd.StdinPipe()
	require.NoError(t, err)
	p.stdin = stdin.Close
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.ended)
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			p.mu.Lock()
			if id, ok := strings.CutPrefix(lines.Text(), "ack "); ok {
				p.acked = append(p.acked, id)
			} else {
				p.errors = append(p.errors, lines.Text())
			}
			p.mu.Unlock()
		}
		_ = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
	return p
}

func (p *process) acks() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.acked...)
}

// reaches waits until n more entries are acknowledged.
func (p *process) reaches(n int) {
	p.t.Helper()
	begin := len(p.acks())
	require.Eventually(p.t, func() bool { return len(p.acks()) >= begin+n }, 2*time.Minute, 5*time.Millisecond)
}

// Three processes append; one is killed, one is stopped for longer than a turn,
// and the server throws their sessions out. Nothing that was acknowledged is
// lost, nothing is there twice, and the log is one proven log.
func TestProcesses(t *testing.T) {
	database := testpg.URL(t)
	killed, frozen, steady := start(t, database, "killed"), start(t, database, "frozen"), start(t, database, "steady")
	for _, p := range []*process{killed, frozen, steady} {
		p.reaches(5)
	}
	for range 3 { // at some moment of a turn or of another
		stop(t, frozen.cmd.Process)
		steady.reaches(20)
		resume(t, frozen.cmd.Process)
		frozen.reaches(5)
	}
	conn, err := pgx.Connect(t.Context(), database)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	for range 5 {
		_, err := conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		require.NoError(t, err)
		steady.reaches(3)
		frozen.reaches(3)
	}
	killed.reaches(3)
	require.NoError(t, killed.cmd.Process.Kill())
	<-killed.ended
	steady.reaches(10)
	frozen.reaches(10)
	for _, p := range []*process{frozen, steady} {
		require.NoError(t, p.stdin())
		<-p.ended
		assert.Empty(t, p.errors)
	}

	_, log := openLog(t, database, nil)
	report, err := log.Verify(t.Context())
	require.NoError(t, err)
	there := map[string]int{}
	for r, err := range log.Trail(t.Context(), audit.Query{}) {
		require.NoError(t, err)
		there[r.Entry.ID]++
	}
	assert.Len(t, there, int(report.Entries), "none is there twice")
	acked := 0
	for _, p := range []*process{killed, frozen, steady} {
		for _, id := range p.acks() {
			acked++
			assert.Equal(t, 1, there[id], id)
		}
	}
	t.Logf("%d entries, %d acknowledged, %d checkpoints", report.Entries, acked, report.Batches)
	assert.LessOrEqual(t, int(report.Entries)-acked, 3*4, "at most what each writer had on its way")
}

// A log whose server was away goes on when it is back.
func TestServerComesBack(t *testing.T) {
	database := testpg.URL(t)
	_, log := openLog(t, database, nil)
	_, err := log.Append(t.Context(), audittest.Entry(0))
	require.NoError(t, err)
	conn, err := pgx.Connect(t.Context(), database)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()

	_, err = conn.Exec(t.Context(), `BEGIN; LOCK TABLE posai_audit_log IN ACCESS EXCLUSIVE MODE`)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = log.Append(ctx, audittest.Entry(1))
	require.Error(t, err, "fail closed, within the caller's time")
	_, err = conn.Exec(t.Context(), `ROLLBACK`)
	require.NoError(t, err)

	_, err = log.Append(t.Context(), audittest.Entry(1))
	require.NoError(t, err)
	_, err = log.Append(t.Context(), audittest.Entry(2))
	require.NoError(t, err)
	report, err := log.Verify(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 3, report.Entries)
}

// The server crashes under several writers, again and again. What was
// acknowledged is there, and the same log goes on without being opened again.
func TestServerCrashes(t *testing.T) {
	server := testpg.NewServer(t)
	database := server.URL(t)
	_, log := openLog(t, database, nil)
	stop := make(chan struct{})
	var mu sync.Mutex
	acked := map[string]bool{}
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(acked)
	}
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			for i := 0; ; i++ {
				e := audittest.Entry(i)
				e.ID = fmt.Sprintf("entry-%d-%d", w, i)
				for {
					select {
					case <-stop:
						return
					default:
					}
					_, err := log.Append(context.Background(), e)
					if err == nil {
						break
					}
					if !assert.True(t, errors.Is(err, audit.ErrUncertain) || errors.Is(err, audit.ErrUnavailable), "%v", err) {
						return
					}
					time.Sleep(time.Millisecond) // not to keep the machine busy while the server is away
				}
				mu.Lock()
				acked[e.ID] = true
				mu.Unlock()
			}
		})
	}
	for range 4 {
		before := count()
		require.Eventually(t, func() bool { return count() >= before+20 }, 2*time.Minute, time.Millisecond)
		server.Stop(t)
		server.Start(t)
	}
	before := count()
	require.Eventually(t, func() bool { return count() >= before+20 }, 2*time.Minute, time.Millisecond)
	close(stop)
	wg.Wait()
	// A connection that the last crash has cut fails who reads on it first.
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, log.Refresh(t.Context()))
		report, err := log.Verify(t.Context())
		require.NoError(c, err)
		there := map[string]int{}
		for r, err := range log.Trail(t.Context(), audit.Query{}) {
			require.NoError(c, err)
			there[r.Entry.ID]++
		}
		assert.Len(c, there, int(report.Entries), "none is there twice")
		for id := range acked {
			require.Equal(c, 1, there[id], id)
		}
	}, 2*time.Minute, 50*time.Millisecond)
}
