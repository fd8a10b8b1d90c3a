package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
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

	// Logger gets what goes wrong: IDs of requests and types of errors, no
	// addresses. If nil, nothing is logged.
	Logger *slog.Logger
}

// Asker asks by mail. It is safe for concurrent use. Of several askers on one
// store, each person gets one mail.
type Asker struct {
	queue *approval.Queue
	store approval.DocumentStore
	send  Sender
	opts  Options

	mu      sync.Mutex
	cancel  context.CancelFunc
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
	if a.cancel != nil {
		return errors.New("mail: started already")
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a.cancel = cancel
	changes := a.queue.Subscribe(running)
	a.working.Go(func() { a.run(running, changes) })
	return nil
}

// Stop ends the asking. A mail that is being sent is given up when ctx ends.
func (a *Asker) Stop(ctx context.Context) error {
	a.mu.Lock()
	cancel := a.cancel
	a.cancel = nil
	a.mu.Unlock()
	if cancel == nil {
		return nil
	}
	cancel()
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

// rescan is how often everything that waits is looked at again.
const rescan = 5 * time.Minute

// run looks at all that waits whenever something has changed. Requests that
// wait are few: what is decided costs nothing.
func (a *Asker) run(ctx context.Context, changes <-chan approval.Change) {
	wait := time.Duration(0)
	failures := 0
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case _, open := <-changes:
			if !open {
				return
			}
			if failures > 0 {
				continue // the wait holds
			}
		case <-timer.C:
		}
		if a.round(ctx) {
			wait, failures = rescan, 0
			continue
		}
		wait = a.opts.RetryMax
		if failures < 16 {
			wait = min(wait, a.opts.RetryMin<<failures)
		}
		failures++
	}
}

// round asks whoever is still to be asked, and reports whether all of it
// worked.
func (a *Asker) round(ctx context.Context) (ok bool) {
	ok = true
	waiting := map[string]bool{}
	for r, err := range a.queue.List(ctx, approval.Filter{States: []approval.State{approval.Pending}}) {
		if err != nil {
			a.failed(ctx, "", err)
			return false
		}
		waiting[r.ID] = true
		if err := a.ask(ctx, r); err != nil {
			a.failed(ctx, r.ID, err)
			ok = false
		}
	}
	if err := a.forget(ctx, waiting); err != nil {
		a.failed(ctx, "", err)
	}
	return ok
}

func (a *Asker) failed(ctx context.Context, request string, err error) {
	if ctx.Err() == nil {
		a.opts.Logger.WarnContext(ctx, "mail: not sent", "request", request, "type", fmt.Sprintf("%T", err))
	}
}

// ask asks the people who can decide r and were not asked about this revision.
func (a *Asker) ask(ctx context.Context, r *approval.Request) error {
	people, err := a.opts.People(ctx, r)
	if err != nil {
		return err
	}
	var failed error
	for _, to := range people {
		if to.Address == "" || a.queue.MayDecide(r, to.Person) != nil {
			continue
		}
		mine, err := a.claim(ctx, r, to.Person.ID)
		if err != nil {
			return err
		}
		if !mine {
			continue
		}
		if err := a.sendTo(ctx, r, to); err != nil {
			failed = err
			// Not asked after all: the next round tries again.
			if err := a.unclaim(context.WithoutCancel(ctx), r, to.Person.ID); err != nil {
				return err
			}
		}
	}
	return failed
}

func (a *Asker) sendTo(ctx context.Context, r *approval.Request, to Recipient) error {
	link, err := a.opts.Link(to.Person, "requests/"+r.ID)
	if err != nil {
		return err
	}
	m := a.compose(r, link)
	m.To = to.Address
	return a.send(ctx, m)
}

// asked is who was asked about a request, and about which revision, by person.
// Each request has a document of its own.
type asked map[string]int

const documents = "mail/asked/"

// change applies fn to what is remembered of a request. fn says whether to write.
func (a *Asker) change(ctx context.Context, request string, fn func(asked) bool) error {
	for {
		doc, err := a.store.Document(ctx, documents+request)
		if err != nil {
			return err
		}
		all := asked{}
		if doc.Version > 0 {
			if err := json.Unmarshal(doc.Data, &all); err != nil {
				return errors.New("mail: what is remembered cannot be read")
			}
		}
		if !fn(all) {
			return nil
		}
		data, err := json.Marshal(all)
		if err != nil {
			return fmt.Errorf("mail: %w", err)
		}
		_, err = a.store.SetDocument(ctx, approval.Document{Name: doc.Name, Version: doc.Version, Data: data})
		if !errors.Is(err, approval.ErrConflict) {
			return err
		}
	}
}

// claim notes that a person is asked, and reports whether nobody had before.
func (a *Asker) claim(ctx context.Context, r *approval.Request, person string) (mine bool, err error) {
	err = a.change(ctx, r.ID, func(all asked) bool {
		if mine = all[person] != r.Revision; mine {
			all[person] = r.Revision
		}
		return mine
	})
	return mine && err == nil, err
}

func (a *Asker) unclaim(ctx context.Context, r *approval.Request, person string) error {
	return a.change(ctx, r.ID, func(all asked) bool {
		if all[person] != r.Revision {
			return false
		}
		delete(all, person)
		return true
	})
}

// forget drops what is remembered of requests that do not wait any more.
func (a *Asker) forget(ctx context.Context, waiting map[string]bool) error {
	const page = 200
	for after := ""; ; {
		docs, err := a.store.Documents(ctx, documents, after, page)
		if err != nil {
			return err
		}
		for _, d := range docs {
			after = d.Name
			id := strings.TrimPrefix(d.Name, documents)
			if waiting[id] {
				continue
			}
			// Another process may have asked about one that came since.
			r, err := a.queue.Get(ctx, id)
			if err != nil && !errors.Is(err, approval.ErrNotFound) {
				return err
			}
			if err == nil && r.State == approval.Pending {
				continue
			}
			if err := a.store.DropDocument(ctx, d.Name, d.Version); err != nil && !errors.Is(err, approval.ErrConflict) {
				return err
			}
		}
		if len(docs) < page {
			return nil
		}
	}
}
