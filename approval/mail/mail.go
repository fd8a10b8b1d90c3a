package mail

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/posai-go/posai/approval"
)

// Message is one mail.
type Message struct {
	To      string // address
	Subject string
	Text    string // plain
}

// Sender sends a mail. Its error says that the mail was not sent; it must not
// quote the mail. [SMTP] is one; a provider's API is another.
type Sender func(ctx context.Context, m Message) error

// Recipient is somebody who can be asked.
type Recipient struct {
	Person  approval.Principal
	Address string // e-mail address
}

// Options are the settings of [New]. People and Link are required.
type Options struct {
	// People returns who could be asked about a request. Those who cannot decide
	// it are left out.
	People func(ctx context.Context, r *approval.Request) ([]Recipient, error)

	// Link returns the address that signs a person in at the console and leads
	// to a path there, such as "requests/ID". See [console.SignedLinks].
	//
	// [console.SignedLinks]: https://pkg.go.dev/github.com/posai-go/posai/approval/console#SignedLinks
	Link func(p approval.Principal, path string) (string, error)

	// LocationName returns what people call the location with a GID, "" if it
	// has no name. If nil, locations are left out.
	LocationName func(gid string) string

	// TimeZone is that of the times in mails. If nil, [time.Local].
	TimeZone *time.Location

	// RetryMin and RetryMax bound the wait after a mail was not sent, which
	// doubles each time. If zero, 10 s and 10 min.
	RetryMin, RetryMax time.Duration

	// SendTimeout bounds the sending of one mail, from 10 ms. What was begun and
	// neither done nor given up after twice that time, because the process
	// died, is sent again. If zero, 1 min.
	SendTimeout time.Duration

	// Logger gets what goes wrong: IDs of requests and types of errors, no
	// addresses. If nil, nothing is logged.
	Logger *slog.Logger
}

// Asker asks by mail. It is safe for concurrent use. Of several askers on one
// store, each person gets one mail, but for a crash in the moment of sending.
type Asker struct {
	queue *approval.Queue
	store approval.DocumentStore
	send  Sender
	opts  Options

	mu      sync.Mutex
	stop    context.CancelFunc // nothing more is begun
	cut     context.CancelFunc // what was begun is given up
	working sync.WaitGroup
}

// New returns an asker for the queue, which remembers in the queue's store whom
// it asked. It does nothing before [Asker.Start].
func New(q *approval.Queue, store approval.DocumentStore, send Sender, opts *Options) (*Asker, error) {
	if q == nil || store == nil || send == nil || opts == nil || opts.People == nil || opts.Link == nil {
		return nil, errors.New("mail: a queue, its store, a sender, people and links are needed")
	}
	a := &Asker{queue: q, store: store, send: send, opts: *opts}
	o := &a.opts
	if o.RetryMin < 0 || o.RetryMax < 0 {
		return nil, errors.New("mail: a wait cannot be negative")
	}
	if o.SendTimeout == 0 {
		o.SendTimeout = time.Minute
	}
	if o.SendTimeout < 10*time.Millisecond {
		return nil, errors.New("mail: SendTimeout is too short")
	}
	if o.RetryMin == 0 {
		o.RetryMin = 10 * time.Second
	}
	if o.RetryMax == 0 {
		o.RetryMax = 10 * time.Minute
	}
	o.RetryMax = max(o.RetryMin, o.RetryMax)
	if o.TimeZone == nil {
		o.TimeZone = time.Local
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return a, nil
}

// Start asks about everything that waits, and about what comes, until
// [Asker.Stop].
func (a *Asker) Start(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stop != nil {
		return errors.New("mail: started already")
	}
	sending, cut := context.WithCancel(context.WithoutCancel(ctx))
	running, stop := context.WithCancel(sending)
	a.stop, a.cut = stop, cut
	changes := a.queue.Subscribe(running)
	a.working.Go(func() { a.run(running, sending, changes) })
	return nil
}

// Stop ends the asking: no other mail is begun, and one that is being sent is
// waited for, because the server may have taken it. When ctx ends first, the sender
// is told to give it up, and Stop returns the cause.
func (a *Asker) Stop(ctx context.Context) error {
	a.mu.Lock()
	stop, cut := a.stop, a.cut
	a.stop, a.cut = nil, nil
	a.mu.Unlock()
	if stop == nil {
		return nil
	}
	defer cut()
	stop()
	done := make(chan struct{})
	go func() {
		a.working.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
