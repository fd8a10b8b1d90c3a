package approval

import (
	"context"
	"errors"
	"time"
)

// SwitchMode says what a [Switch] does.
type SwitchMode string

// The modes of switches.
const (
	// Pause holds executions: requests are proposed and decided as ever, and
	// what is approved waits until the switch is cleared.
	Pause SwitchMode = "pause"

	// Kill stops for good: new proposals are denied, nothing can be approved,
	// and what was approved before and is not executed yet fails. What an
	// attempt that was under way did is still found out.
	Kill SwitchMode = "kill"
)

// Switch stops the executions in its scope, in all processes. Calls to
// executors that are under way have their contexts canceled, with [ErrStopped]
// as the cause, within about a second; their outcome then counts as unknown.
type Switch struct {
	ID    string     `json:"id"` // set by the queue
	Scope Scope      `json:"scope,omitzero"`
	Mode  SwitchMode `json:"mode"`

	By     Principal `json:"by"`
	Reason string    `json:"reason,omitzero"` // for people, at most 4 KiB; people who propose see it
	At     time.Time `json:"at"`              // set by the queue

	// Until is when it ends by itself. If zero, it holds until it is cleared.
	Until time.Time `json:"until,omitzero"`

	Change ControlChange `json:"change,omitzero"` // kept by the queue; what callers put there is ignored
}

func (s *Switch) id() string            { return s.ID }
func (s *Switch) state() *ControlChange { return &s.Change }

func (s *Switch) over(now time.Time) bool {
	return !s.Until.IsZero() && !now.Before(s.Until)
}

// ErrStopped says that a [Switch] stops this. The error is a [*StoppedError].
var ErrStopped = errors.New("approval: stopped by a switch")

// StoppedError says which switch stops something. It matches [ErrStopped].
type StoppedError struct{ Switch Switch }

func (e *StoppedError) Error() string {
	return "approval: stopped by a switch on " + e.Switch.Scope.String()
}

// Is reports whether target is [ErrStopped].
func (e *StoppedError) Is(target error) bool { return target == ErrStopped }

// Halt sets a switch. It holds as soon as it is stored, even where the audit
// log fails, which gives [ErrUnrecorded]. A person needs the role of
// [Options].ControlNeed and, if restricted to locations, a scope within them; a
// system, such as a guardrail of the caller's, may halt everything; an AI may
// not.
//
// Errors: [ErrInvalid], [ErrForbidden], [ErrUnrecorded].
func (q *Queue) Halt(ctx context.Context, s Switch) (Switch, error) {
	c := &checker{}
	c.check(s.Mode == Pause || s.Mode == Kill, "mode", "must be pause or kill")
	c.scope(s.Scope)
	c.principal("by", s.By)
	c.text("reason", s.Reason, maxReason)
	if c.err != nil {
		return Switch{}, c.err
	}
	role := ""
	if s.By.Type != System {
		var err error
		if role, err = q.mayControl(s.By, s.Scope); err != nil {
			return Switch{}, err
		}
	}
	now, err := q.store.Now(ctx)
	if err != nil {
		return Switch{}, err
	}
	s.ID, s.At, s.Change = newID(), now, ControlChange{}
	e := controlEntry("switch", s.ID, "set", s.By, role, s.Reason, s.Scope, now)
	e.Attributes["mode"] = string(s.Mode)
	if !s.Until.IsZero() {
		e.Attributes["until"] = s.Until.UTC().Format(time.RFC3339Nano)
	}
	err = addControl(ctx, q, switches, s, e)
	if s.Mode == Kill && (err == nil || errors.Is(err, ErrUnrecorded)) {
		q.ringFor(ctx, s.Scope) // what waits fails now
	}
	return s, err
}

// Clear ends a switch. Only a person may, under the conditions of
// [Queue.Halt], and the switch holds until that is in the audit log.
//
// Errors: [ErrNotFound], [ErrInvalid], [ErrForbidden], [ErrUnrecorded].
func (q *Queue) Clear(ctx context.Context, id string, by Principal, reason string) error {
	return removeControl(ctx, q, switches, id, removal{"switch", "cleared", by, reason}, func(s *Switch) (Scope, string, error) {
		role, err := q.mayControl(by, s.Scope)
		return s.Scope, role, err
	})
}

func switches(c *Controls) *[]Switch { return &c.Switches }

// stopped returns the switch that stops r, a [Kill] before a [Pause], or nil.
func (c *Controls) stopped(r *Request, now time.Time) *StoppedError {
	var found *StoppedError
	for _, s := range c.Switches {
		if s.over(now) || !s.Scope.Covers(r) {
			continue
		}
		if found == nil || found.Switch.Mode == Pause && s.Mode == Kill {
			found = &StoppedError{Switch: s}
		}
	}
	return found
}

// stopped reads the switches from the store. Where it cannot, nothing may be
// executed.
func (q *Queue) stopped(ctx context.Context, r *Request) (*StoppedError, error) {
	c, err := q.readControls(ctx)
	if err != nil {
		return nil, err
	}
	now, err := q.store.Now(ctx)
	if err != nil {
		return nil, err
	}
	return c.stopped(r, now), nil
}

// watch cancels ctx when a switch is set that stops r, until the returned
// function is called.
func (q *Queue) watch(ctx context.Context, r *Request) (watched context.Context, end func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(controlsAge)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			// A store that does not answer for a moment is no reason to cut off
			// a call that may be having its effect.
			c, err := q.recentControls(ctx)
			if err != nil {
				continue
			}
			now, err := q.store.Now(ctx)
			if err != nil {
				continue
			}
			if stop := c.stopped(r, now); stop != nil {
				cancel(stop)
				return
			}
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-done
	}
}
