package approval

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/posai-go/posai/audit"
)

// Controls are the settings that people change while the queue runs. They are
// stored beside the requests, so all processes obey them: before each call to
// an executor they are read from the store, and a call under way is canceled
// within about a second.
//
// What makes the queue stricter holds as soon as it is stored; what makes it
// more lenient holds only once it is durable in the audit log.
type Controls struct {
	Switches    []Switch       `json:"switches,omitempty"`
	Standing    []StandingRule `json:"standing,omitempty"`
	Delegations []Delegation   `json:"delegations,omitempty"`
}

const (
	controlsDocument = "controls"

	// controlsAge is how old the controls may be where they only cancel calls
	// under way or decide what buttons are shown.
	controlsAge = time.Second

	maxControls = 1000 // of each kind
)

// ControlChange says of a setting in [Controls] whether its last change is in
// the audit log. A setting that makes the queue more lenient has no effect
// before.
type ControlChange struct {
	// Outbox holds the entries that are not in the log yet, as canonical JSON.
	Outbox []string `json:"outbox,omitempty"`

	// Removed says that the change is the removal.
	Removed bool `json:"removed,omitzero"`
}

// control is one of the items in [Controls].
type control[T any] interface {
	*T
	id() string
	state() *ControlChange
	over(now time.Time) bool // has no effect any more, at this time
}

// Controls returns the settings in force.
func (q *Queue) Controls(ctx context.Context) (*Controls, error) {
	c, err := q.readControls(ctx)
	if err != nil {
		return nil, err
	}
	now, err := q.store.Now(ctx)
	if err != nil {
		return nil, err
	}
	c.Switches = slices.DeleteFunc(c.Switches, func(s Switch) bool { return s.over(now) })
	c.Standing = slices.DeleteFunc(c.Standing, func(s StandingRule) bool { return s.Change.pending() || s.over(now) })
	c.Delegations = slices.DeleteFunc(c.Delegations, func(d Delegation) bool { return d.Change.pending() || d.over(now) })
	return c, nil
}

// readControls reads all controls from the store, and puts what is not in the
// audit log yet into it, as far as the log takes it. Within a transaction of the
// caller it records nothing: the log may wait for what that transaction holds.
func (q *Queue) readControls(ctx context.Context) (*Controls, error) {
	c := new(Controls)
	if _, err := readDocument(ctx, q.store, controlsDocument, c); err != nil {
		return nil, err
	}
	if c.unrecorded() && !q.within {
		// Whoever made the change died before it was recorded.
		if err := q.recordControls(ctx, c); err == nil {
			c = new(Controls)
			if _, err := readDocument(ctx, q.store, controlsDocument, c); err != nil {
				return nil, err
			}
		}
	}
	q.controls.set(c)
	return c, nil
}

// recentControls returns the controls as they were a moment ago.
func (q *Queue) recentControls(ctx context.Context) (*Controls, error) {
	if c := q.controls.get(controlsAge); c != nil {
		return c, nil
	}
	return q.readControls(ctx)
}

func (c *Controls) changes() []*ControlChange {
	var list []*ControlChange
	for i := range c.Switches {
		list = append(list, &c.Switches[i].Change)
	}
	for i := range c.Standing {
		list = append(list, &c.Standing[i].Change)
	}
	for i := range c.Delegations {
		list = append(list, &c.Delegations[i].Change)
	}
	return list
}

func (c *Controls) unrecorded() bool {
	return slices.ContainsFunc(c.changes(), func(ch *ControlChange) bool { return ch.pending() })
}

// recordControls puts the outboxes into the log, and then clears them in the
// store.
func (q *Queue) recordControls(ctx context.Context, c *Controls) error {
	recorded := map[string]bool{}
	for _, ch := range c.changes() {
		if err := q.record(ctx, &Record{Outbox: ch.Outbox}); err != nil {
			return err
		}
		for _, entry := range ch.Outbox {
			recorded[entry] = true
		}
	}
	var cleared []Scope
	err := changeDocument(ctx, q.store, controlsDocument, func(c *Controls, _ int64) (bool, error) {
		write := false
		cleared = nil
		for _, ch := range c.changes() {
			before := len(ch.Outbox)
			ch.Outbox = slices.DeleteFunc(ch.Outbox, func(entry string) bool { return recorded[entry] })
			write = write || len(ch.Outbox) < before
		}
		c.Switches = slices.DeleteFunc(c.Switches, func(v Switch) bool {
			if v.Change.gone() {
				cleared = append(cleared, v.Scope)
			}
			return v.Change.gone()
		})
		c.Standing = slices.DeleteFunc(c.Standing, func(v StandingRule) bool { return v.Change.gone() })
		c.Delegations = slices.DeleteFunc(c.Delegations, func(v Delegation) bool { return v.Change.gone() })
		return write, nil
	})
	if err != nil {
		return err
	}
	for _, s := range cleared {
		q.ringFor(ctx, s)
	}
	return nil
}

// pending reports whether its last change is not in the log yet.
func (ch *ControlChange) pending() bool { return len(ch.Outbox) > 0 }

func (ch *ControlChange) gone() bool { return ch.Removed && !ch.pending() }

// addControl stores a new control and records it.
func addControl[T any, P control[T]](ctx context.Context, q *Queue, list func(*Controls) *[]T, item T, e audit.Entry) error {
	add, err := adding[T, P](ctx, q, list, item, e)
	if err != nil {
		return err
	}
	return q.changeControls(ctx, add)
}

// adding is the change that adds a control with its audit entry.
func adding[T any, P control[T]](ctx context.Context, q *Queue, list func(*Controls) *[]T, item T, e audit.Entry) (func(*Controls) error, error) {
	data, err := e.MarshalJSON()
	if err != nil {
		return nil, &InvalidError{Reason: "does not fit into an audit entry", Err: err}
	}
	P(&item).state().Outbox = []string{string(data)}
	now, err := q.store.Now(ctx)
	if err != nil {
		return nil, err
	}
	return func(c *Controls) error {
		items := list(c)
		*items = slices.DeleteFunc(*items, func(v T) bool { return !P(&v).state().pending() && P(&v).over(now) })
		if len(*items) >= maxControls {
			return invalid("", fmt.Sprintf("there are %d already", maxControls))
		}
		*items = append(*items, item)
		return nil
	}, nil
}

// removal is who ends a control and why; kind and step are the words of its
// audit entry.
type removal struct {
	kind, step string
	by         Principal
	reason     string
}

// removeControl removes a control and records it. allowed returns the control's
// scope and the role in which it may be removed, or why not.
func removeControl[T any, P control[T]](ctx context.Context, q *Queue, list func(*Controls) *[]T, id string, r removal, allowed func(P) (Scope, string, error)) error {
	c := &checker{}
	c.principal("by", r.by)
	c.text("reason", r.reason, maxReason)
	if c.err != nil {
		return c.err
	}
	now, err := q.store.Now(ctx)
	if err != nil {
		return err
	}
	return q.changeControls(ctx, func(c *Controls) error {
		items := *list(c)
		i := slices.IndexFunc(items, func(v T) bool { return P(&v).id() == id && !P(&v).state().Removed })
		if i < 0 {
			return ErrNotFound
		}
		scope, role, err := allowed(&items[i])
		if err != nil {
			return err
		}
		data, err := controlEntry(r.kind, id, r.step, r.by, role, r.reason, scope, now).MarshalJSON()
		if err != nil {
			return &InvalidError{Reason: "does not fit into an audit entry", Err: err}
		}
		ch := P(&items[i]).state()
		ch.Outbox, ch.Removed = append(ch.Outbox, string(data)), true
		return nil
	})
}

func (q *Queue) changeControls(ctx context.Context, change func(*Controls) error) error {
	var after *Controls
	err := changeDocument(ctx, q.store, controlsDocument, func(c *Controls, _ int64) (bool, error) {
		after = c
		return true, change(c)
	})
	if err != nil {
		return err
	}
	q.controls.set(nil)
	return q.recordControls(ctx, after)
}

// mayControl says whether by may change settings for the scope, and in what
// role.
func (q *Queue) mayControl(by Principal, s Scope) (role string, err error) {
	switch {
	case by.Type != Human:
		return "", &ForbiddenError{WhyNotHuman, "Only a person can change this."}
	case len(by.Locations) > 0 && !slices.Contains(by.Locations, s.Location):
		return "", &ForbiddenError{WhyLocation, "This is about more than your location."}
	}
	role, ok := q.opts.ControlNeed.admits(by)
	if !ok {
		return "", &ForbiddenError{WhyRole, "This needs " + q.opts.ControlNeed.String() + "."}
	}
	return role, nil
}

// MayControl returns nil if by may change [Controls] for the scope, or the error
// that [Queue.Halt] would give.
func (q *Queue) MayControl(by Principal, s Scope) error {
	_, err := q.mayControl(by, s)
	return err
}

// controlEntry is about a setting. Its ID makes it the only one about this step
// of this setting.
func controlEntry(kind, id, step string, by Principal, role, reason string, s Scope, at time.Time) audit.Entry {
	e := audit.Entry{
		ID: "approval/" + kind + "/" + id + "/" + step, Time: at, Kind: audit.KindConfigured, Actor: by.actor(role, ""),
		Correlation: id, Shop: s.Shop, Location: s.Location, Action: "approval." + kind,
		Subjects:   []audit.Subject{{Type: "approval_" + kind, ID: id}},
		Attributes: map[string]string{"step": step, "scope": cut(s.String(), audit.MaxValueSize)},
	}
	if reason != "" {
		e.Attributes["reason_digest"] = reasonDigest(id, reason)
	}
	return e
}

func newID() string { return strings.ToLower(rand.Text()) }

// recent is a value that is good for a moment. Its zero value is empty.
type recent struct {
	mu   sync.Mutex
	data []byte // JSON, so that nobody shares what is in it
	at   time.Time
}

func (r *recent) set(c *Controls) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.data, r.at = nil, time.Now()
	if c != nil {
		r.data, _ = json.Marshal(c) //nolint:errchkjson // it was read from JSON
	}
}

func (r *recent) get(age time.Duration) *Controls {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.data == nil || time.Since(r.at) > age {
		return nil
	}
	c := new(Controls)
	if json.Unmarshal(r.data, c) != nil {
		return nil
	}
	return c
}
