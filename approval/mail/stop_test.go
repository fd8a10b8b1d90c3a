package mail_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval/mail"
)

// begun waits until a sender has begun.
func begun(t *testing.T, at <-chan struct{}) {
	t.Helper()
	select {
	case <-at:
	case <-time.After(patience):
		t.Fatal("no mail was begun")
	}
}

// Whoever stops while a mail is on its way must not forget that it was sent.
func TestStopWaitsForTheMailThatIsOnItsWay(t *testing.T) {
	f := newFixture(t, askManager)
	taken, answer := make(chan struct{}, 100), make(chan struct{})
	f.send = func(ctx context.Context, m mail.Message) error {
		if err := f.smtp.Sender()(ctx, m); err != nil {
			return err
		}
		taken <- struct{}{}
		select {
		case <-answer:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	f.start(t)
	f.propose(t, "1", "First")
	begun(t, taken)
	stopped := make(chan error, 1)
	go func() { stopped <- f.asker.Stop(t.Context()) }()
	select {
	case err := <-stopped:
		t.Errorf("the mail was given up: %v", err)
		stopped <- nil
	case <-time.After(300 * time.Millisecond):
	}
	close(answer)
	require.NoError(t, <-stopped)

	f.start(t) // as after a restart
	f.propose(t, "2", "Second")
	f.gets(t, "mia@example.com", "mia@example.com")
	f.post.mu.Lock()
	defer f.post.mu.Unlock()
	assert.Contains(t, f.post.mails[0].Header.Get("Subject"), "First")
	assert.Contains(t, f.post.mails[1].Header.Get("Subject"), "Second")
}

// Who cannot wait any longer gives the mail up, and the next asker sends it.
func TestStopGivesUpWhenItsTimeIsOver(t *testing.T) {
	f := newFixture(t, askManager)
	at := make(chan struct{}, 100)
	f.send = func(ctx context.Context, _ mail.Message) error {
		at <- struct{}{}
		<-ctx.Done()
		return context.Cause(ctx)
	}
	f.opts.SendTimeout = 2 * time.Second // what this asker begins is another's soon
	f.start(t)
	f.propose(t, "1", "First")
	begun(t, at)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, f.asker.Stop(over), context.Canceled)
	f.send, f.opts.SendTimeout = nil, patience
	f.start(t)
	f.gets(t, "mia@example.com")
}
