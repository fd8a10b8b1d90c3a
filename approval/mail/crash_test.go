package mail_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/mail"
	"github.com/posai-go/posai/approval/sqlstore"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
)

// The environment of the process that is killed.
const (
	killedDir  = "POSAI_MAIL_KILLED_DIR"
	killedPort = "POSAI_MAIL_KILLED_PORT"
)

// place is a queue on disk, for one process after the other.
func place(t *testing.T, dir string) (*approval.Queue, *sqlstore.Store) {
	t.Helper()
	kept, err := filestore.Open(filepath.Join(dir, "audit"), nil)
	require.NoError(t, err)
	log, err := audit.Open(t.Context(), kept, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, log.Close()) })
	store, err := sqlstore.Open(t.Context(), "sqlite://"+filepath.ToSlash(filepath.Join(dir, "q.db")), nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	q, err := approval.NewQueue(store, log, askManager, nil)
	require.NoError(t, err)
	require.NoError(t, approval.Register(q, approval.Executor[thanks, string]{
		Execute: func(context.Context, approval.Execution, thanks) (string, error) { return "", nil },
	}))
	require.NoError(t, q.Start(t.Context()))
	t.Cleanup(func() { assert.NoError(t, q.Stop(context.Background())) })
	return q, store
}

// startAsker starts an asker. What it leaves unfinished is another's after twice the
// timeout.
func startAsker(t *testing.T, q *approval.Queue, store approval.DocumentStore, send mail.Sender, timeout time.Duration) {
	t.Helper()
	asker, err := mail.New(q, store, send, &mail.Options{
		People: func(context.Context, *approval.Request) ([]mail.Recipient, error) {
			return []mail.Recipient{{Person: manager, Address: "mia@example.com"}, {Person: boss, Address: "bo@example.com"}}, nil
		},
		Link:     func(p approval.Principal, path string) (string, error) { return "https://pos.example.com/" + path, nil },
		RetryMin: 10 * time.Millisecond, RetryMax: 20 * time.Millisecond, SendTimeout: timeout,
	})
	require.NoError(t, err)
	require.NoError(t, asker.Start(t.Context()))
	t.Cleanup(func() { assert.NoError(t, asker.Stop(context.Background())) })
}

// A process that dies while a mail is on its way to the server has asked nobody:
// the next one does.
func TestKilledWhileSending(t *testing.T) {
	if dir := os.Getenv(killedDir); dir != "" { // the process that is killed
		port, err := strconv.Atoi(os.Getenv(killedPort))
		require.NoError(t, err)
		q, store := place(t, dir)
		_, err = q.Propose(t.Context(), thanks{"First"}, approval.Proposal{Key: "1", Proposer: approval.Principal{ID: "model", Type: approval.AI}})
		require.NoError(t, err)
		// It is gone soon, and the next process need not wait long for its turn. On a
		// machine that is slower than that, it begins again and again.
		startAsker(t, q, store, mail.SMTP{Host: "127.0.0.1", Port: port, From: "approvals@example.com", Plaintext: true}.Sender(), 2*time.Second)
		<-t.Context().Done()
		return
	}
	p, server := startServer(t)
	arrived, goOn := make(chan struct{}, 100), make(chan struct{})
	p.mu.Lock()
	p.hold = func() { arrived <- struct{}{}; <-goOn }
	p.mu.Unlock()
	dir := t.TempDir()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledWhileSending$", "-test.timeout=9m")
	child.Env = append(os.Environ(), killedDir+"="+dir, fmt.Sprintf("%s=%d", killedPort, server.Port))
	require.NoError(t, child.Start())
	select {
	case <-arrived:
	case <-time.After(4 * time.Minute):
		t.Error("no mail was begun")
	}
	require.NoError(t, child.Process.Kill())
	_ = child.Wait() // killed
	p.mu.Lock()
	p.hold, p.refuse = nil, 0
	p.lost = true // what was held is not taken
	p.mu.Unlock()
	close(goOn)
	assert.Empty(t, p.got())

	q, store := place(t, dir)
	startAsker(t, q, store, server.Sender(), patience)
	require.Eventually(t, func() bool { return len(p.got()) > 0 }, patience, 10*time.Millisecond, "nobody was asked again")
	assert.Equal(t, []string{"mia@example.com"}, p.got())
}

// watched counts how often documents are read.
type watched struct {
	approval.DocumentStore
	reads atomic.Int64
}

func (w *watched) Document(ctx context.Context, name string) (approval.Document, error) {
	w.reads.Add(1)
	return w.DocumentStore.Document(ctx, name)
}

// What is known to be asked costs nothing when something else changes.
func TestOneChangeIsOneLook(t *testing.T) {
	f := newFixture(t, askManager)
	w := &watched{DocumentStore: f.store}
	const waiting = 20
	for i := range waiting {
		f.propose(t, strconv.Itoa(i), "Waiting")
	}
	startAsker(t, f.Queue, w, f.smtp.Sender(), patience)
	asked := func(n int) {
		t.Helper()
		require.Eventually(t, func() bool { return len(f.post.got()) == n }, patience, 5*time.Millisecond)
	}
	asked(waiting)
	// What was noted last is noted after the mail is out.
	require.Eventually(t, func() bool {
		docs, err := f.store.Documents(t.Context(), "mail/asked/", "", 100)
		sent := 0
		for _, d := range docs {
			if string(d.Data) == `{"manager":{"revision":1,"sent":true}}` {
				sent++
			}
		}
		return err == nil && sent == waiting
	}, patience, 5*time.Millisecond)
	before := w.reads.Load()
	f.propose(t, "another", "Another")
	asked(waiting + 1)
	assert.LessOrEqual(t, w.reads.Load()-before, int64(4), "of the new one alone")
}
