package mail

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/posai-go/posai/approval"
)

const (
	// rescan is how often everything that waits is looked at again.
	rescan = 5 * time.Minute

	// gather is how long changes are collected before they are looked at.
	gather = 100 * time.Millisecond

	// maxNews is up to how many changed requests are looked at one by one.
	maxNews = 100
)

// news are the requests that changed since the last look.
type news struct {
	ids map[string]bool
	all bool // too many, or it is not known which
	at  time.Time
}

func (n *news) note(c approval.Change) {
	if n.ids == nil {
		n.ids, n.at = map[string]bool{}, time.Now().Add(gather)
	}
	n.all = n.all || c.ID == "" || c.Missed || len(n.ids) >= maxNews
	if c.State != approval.Approved && c.State != approval.Executing && !n.all {
		n.ids[c.ID] = true
	}
}

// run looks at everything that waits now and then, and at what has changed, until
// ctx ends. Sending goes on until its own context ends.
func (a *Asker) run(ctx, sending context.Context, changes <-chan approval.Change) {
	r := round{Asker: a, told: map[string]map[string]int{}, sending: func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(sending, a.opts.SendTimeout)
	}}
	var n news
	failures := 0
	next := time.Now() // when everything is looked at
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		at := next
		if n.ids != nil && failures == 0 && n.at.Before(next) {
			at = n.at
		}
		timer.Reset(time.Until(at))
		select {
		case <-ctx.Done():
			return
		case c, open := <-changes:
			if !open {
				return
			}
			n.note(c)
			continue
		case <-timer.C:
		}
		now := time.Now()
		r.again, r.ok = rescan, true
		whole := n.all || failures > 0 || !now.Before(next)
		if whole {
			r.everything(ctx)
		} else {
			r.some(ctx, n.ids)
		}
		n = news{}
		switch soon := now.Add(r.again); {
		case !r.ok:
			next = now.Add(a.pause(failures))
			failures++
		case whole || soon.Before(next):
			next, failures = soon, 0
		}
	}
}

// pause is the wait after so many failures before this one.
func (a *Asker) pause(failures int) time.Duration {
	if failures >= 16 {
		return a.opts.RetryMax
	}
	return min(a.opts.RetryMax, a.opts.RetryMin<<failures)
}

// round is one look at what waits.
type round struct {
	*Asker

	// told is about which revision of a request people were asked, as far as
	// this process knows, so that nothing has to be read about it.
	told map[string]map[string]int

	// sending returns the context of one mail, which outlives that of the looks.
	sending func() (context.Context, context.CancelFunc)

	again time.Duration // when to look again at the latest
	ok    bool          // everybody was asked, or is being asked
}

// everything asks whoever is still to be asked about anything that waits.
func (a *round) everything(ctx context.Context) {
	waiting := map[string]bool{}
	for r, err := range a.queue.List(ctx, approval.Filter{States: []approval.State{approval.Pending}}) {
		if err != nil {
			a.missed(ctx, "", err)
			return
		}
		waiting[r.ID] = true
		if err := a.ask(ctx, r); err != nil {
			a.missed(ctx, r.ID, err)
		}
	}
	maps.DeleteFunc(a.told, func(id string, _ map[string]int) bool { return !waiting[id] })
	if err := a.forget(ctx, waiting); err != nil {
		a.failed(ctx, "", err)
	}
}

// some asks about a few requests.
func (a *round) some(ctx context.Context, ids map[string]bool) {
	for id := range ids {
		r, err := a.queue.Get(ctx, id)
		switch {
		case err == nil && r.State == approval.Pending:
			err = a.ask(ctx, r)
		case (err == nil || errors.Is(err, approval.ErrNotFound)) && a.told[id] != nil:
			delete(a.told, id)
			err = a.drop(ctx, id)
		case errors.Is(err, approval.ErrNotFound):
			err = nil
		}
		if err != nil {
			a.missed(ctx, id, err)
		}
	}
}

func (a *round) missed(ctx context.Context, request string, err error) {
	a.ok = false
	a.failed(ctx, request, err)
}

func (a *Asker) failed(ctx context.Context, request string, err error) {
	if ctx.Err() == nil {
		a.opts.Logger.WarnContext(ctx, "mail: not sent", "request", request, "type", fmt.Sprintf("%T", err))
	}
}

// ask asks the people who can decide r and were not asked about this revision.
func (a *round) ask(ctx context.Context, r *approval.Request) error {
	people, err := a.opts.People(ctx, r)
	if err != nil {
		return err
	}
	var failed error
	for _, to := range people {
		if to.Address == "" || a.told[r.ID][to.Person.ID] == r.Revision || a.queue.MayDecide(ctx, r, to.Person) != nil {
			continue
		}
		sent, err := a.askOne(ctx, r, to)
		if err != nil {
			failed = err
		}
		if !sent {
			continue
		}
		if a.told[r.ID] == nil {
			a.told[r.ID] = map[string]int{}
		}
		a.told[r.ID][to.Person.ID] = r.Revision
	}
	return failed
}

// askOne asks a person, unless that was done, and reports whether it is done.
func (a *round) askOne(ctx context.Context, r *approval.Request, to Recipient) (sent bool, err error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	ctx, cancel := a.sending()
	defer cancel()
	c, err := a.claim(ctx, r, to.Person.ID)
	switch {
	case err != nil || c.sent:
		return c.sent, err
	case !c.mine:
		// Somebody is at it. Should they die, it is taken over.
		a.again = min(a.again, c.left+gather)
		return false, nil
	}
	if err := a.sendTo(ctx, r, to); err != nil {
		// Not asked after all: the next round tries again.
		return false, errors.Join(err, a.unclaim(context.WithoutCancel(ctx), r, to.Person.ID, c.token))
	}
	// The mail is out, whatever happens to ctx. If this fails, the mail is sent
	// once more when the claim has run out.
	return true, a.confirm(context.WithoutCancel(ctx), r, to.Person.ID, c.token)
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
