package slack

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/posai-go/posai/approval"
)

const (
	// rescan is how often everything that waits is looked at again, in case a
	// notification got lost.
	rescan = 5 * time.Minute

	// maxDue bounds how many requests are kept in mind. What is beyond is found
	// by the next scan.
	maxDue = 5000

	// maxStray bounds how many clicked cards are kept in mind.
	maxStray = 64

	// headStart is how long another process leaves a change to the one that
	// posted the card.
	headStart = 2 * time.Second
)

// worker keeps the messages of one workspace as the requests are. One goroutine
// runs it. What it has in mind is no more than a list of what to look at: what
// there is to do follows from the requests and the remembered posts alone, so a
// crash loses none of it.
type worker struct {
	*Slack
	team  *team
	due   map[string]*attempt
	count int      // of all that were ever due
	more  bool     // a scan stopped for lack of room
	stray []target // clicked cards that are not the one we know
}

// attempt is a request whose messages may not be as they should be.
type attempt struct {
	number   int // in the order of coming
	failures int
	marked   time.Time
	at       time.Time
	booked   map[lane]time.Time // calls that the gate gave a time
}

func newWorker(s *Slack, t *team) *worker {
	return &worker{Slack: s, team: t, due: make(map[string]*attempt)}
}

// poke has the card of a request looked at, after a click on it.
func (t *team) poke(what target) {
	select {
	case t.clicked <- what:
	default: // the next scan sees to it
	}
}

func (w *worker) run(ctx context.Context) {
	// Subscribed first, so that nothing happens between the scan and the first
	// notification.
	changes := w.queue.Subscribe(ctx)
	w.scan(ctx)
	scans := time.NewTicker(rescan)
	defer scans.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		if id, ok := w.next(); ok {
			w.refresh(ctx, id)
			continue
		}
		if w.more && len(w.due) < maxDue/2 {
			w.scan(ctx)
			continue
		}
		timer.Reset(w.wait())
		select {
		case change, ok := <-changes:
			switch {
			case !ok:
				return
			case change.ID == "" || change.Missed:
				w.scan(ctx)
			default:
				w.mark(change.ID)
			}
		case t := <-w.team.clicked:
			if t.TS != "" && len(w.stray) < maxStray {
				w.stray = append(w.stray, t)
			}
			w.mark(t.Request)
		case <-scans.C:
			w.scan(ctx)
			w.sweep(ctx)
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

// scan marks everything that waits and everything that has a message.
func (w *worker) scan(ctx context.Context) {
	w.more = false
	err := w.eachPosted(ctx, w.mark)
	if err == nil {
		err = w.scanWaiting(ctx)
	}
	if err != nil && ctx.Err() == nil {
		w.opts.Logger.ErrorContext(ctx, "slack: list of waiting requests failed", "error", err)
	}
}

func (w *worker) scanWaiting(ctx context.Context) error {
	for r, err := range w.queue.List(ctx, approval.Filter{States: []approval.State{approval.Pending}}) {
		if err != nil {
			return err
		}
		if !w.mark(r.ID) {
			break
		}
	}
	return nil
}

// mark has a request looked at. It returns false if there is no room.
func (w *worker) mark(id string) bool {
	if a := w.due[id]; a != nil {
		a.marked = time.Now()
		return true
	}
	if len(w.due) >= maxDue {
		w.more = true
		return false
	}
	w.count++
	w.due[id] = &attempt{number: w.count, marked: time.Now()}
	return true
}

// next returns the request that is due now and came first, so that cards stand in
// the order in which they were asked for.
func (w *worker) next() (next string, ok bool) {
	now, first := time.Now(), 0
	for id, a := range w.due {
		if !now.Before(a.at) && (!ok || a.number < first) {
			next, ok, first = id, true, a.number
		}
	}
	return next, ok
}

// wait is how long nothing is due.
func (w *worker) wait() time.Duration {
	at := time.Now().Add(time.Hour)
	for _, a := range w.due {
		if a.at.Before(at) {
			at = a.at
		}
	}
	return max(0, time.Until(at))
}

// refresh makes the messages of one request right, or plans the next try.
func (w *worker) refresh(ctx context.Context, id string) {
	a := w.due[id]
	err := w.sync(ctx, id, a)
	if err == nil {
		delete(w.due, id)
		return
	}
	if ctx.Err() != nil {
		return
	}
	if later, ok := errors.AsType[laterError](err); ok {
		a.at = time.Time(later)
		return
	}
	wait := w.opts.RetryMax
	if a.failures < 16 {
		wait = min(wait, w.opts.RetryMin<<a.failures)
	}
	a.failures++
	a.at = time.Now().Add(wait)
	w.opts.Logger.WarnContext(ctx, "slack: card not sent", "request", id, "failures", a.failures, "error", code(err))
}

// laterError says that there is nothing wrong, but more to do at a time.
type laterError time.Time

func (laterError) Error() string { return "slack: later" }

// call makes a call when its lane allows it. It returns a laterError when that is
// not now.
func (w *worker) call(ctx context.Context, a *attempt, l lane, f func(ctx context.Context) error) error {
	if closed := w.gate.opens(l); time.Until(closed) > 0 {
		delete(a.booked, l) // what waits until then is spread anew
		return laterError(closed)
	}
	at, booked := a.booked[l]
	if !booked {
		at = w.gate.book(l)
	}
	if time.Until(at) > 0 {
		if a.booked == nil {
			a.booked = make(map[lane]time.Time)
		}
		a.booked[l] = at
		return laterError(at)
	}
	delete(a.booked, l)
	bounded, cancel := context.WithTimeout(ctx, w.opts.CallTimeout)
	defer cancel()
	err := f(bounded)
	if until := w.gate.learn(l, err); !until.IsZero() {
		w.opts.Logger.InfoContext(ctx, "slack: asked to wait", "method", l.method.name, "seconds", time.Until(until).Round(time.Second).Seconds())
		return laterError(until)
	}
	return err
}

// sweep forgets changes that nobody confirmed.
func (w *worker) sweep(ctx context.Context) {
	if err := w.dropDrafts(ctx, time.Now()); err != nil && ctx.Err() == nil {
		w.opts.Logger.WarnContext(ctx, "slack: old drafts not dropped", "error", err)
	}
}

// refused reports whether Slack itself answered, with an error code: then what
// was asked has not happened.
func refused(err error) bool {
	_, ok := errors.AsType[slackapi.SlackErrorResponse](err)
	return ok
}

// gone reports whether Slack says that a message is not there or not ours.
func gone(err error) bool {
	switch code(err) {
	case "message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found":
		return true
	}
	return false
}

// unreachable reports whether Slack says that a channel takes nothing from us.
func unreachable(err error) bool {
	switch code(err) {
	case "channel_not_found", "is_archived", "not_in_channel", "restricted_action":
		return true
	}
	return false
}

// refusesCard reports whether Slack does not take a message as it is.
func refusesCard(err error) bool {
	switch code(err) {
	case "msg_blocks_too_long", "msg_too_long", "invalid_blocks", "invalid_blocks_format":
		return true
	}
	return false
}

// code is what may be logged of an error: Slack's own word for it, or its kind.
func code(err error) string {
	if refused, ok := errors.AsType[slackapi.SlackErrorResponse](err); ok {
		return refused.Err
	}
	if status, ok := errors.AsType[slackapi.StatusCodeError](err); ok {
		return "status " + strconv.Itoa(status.Code)
	}
	if _, limited := errors.AsType[*slackapi.RateLimitedError](err); limited {
		return "ratelimited"
	}
	if _, network := errors.AsType[*url.Error](err); network {
		return "no answer"
	}
	if err == nil {
		return ""
	}
	return err.Error()
}
