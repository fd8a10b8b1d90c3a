package approval

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Delegation lets one person decide in place of another who is away. The
// delegate can then do what the absent one could: by their roles, by their
// name, at their locations. The two count as one person, neither decides what
// the absent one proposed, and a delegation is not handed on.
//
// Nobody hands on what is not theirs. The absent person may hand on what they
// have. Who may change [Controls] may do it for somebody else, but never to
// themselves; what that somebody has is then what [Options].Lookup says. Without
// a Lookup nothing says so but the caller: such a delegation is refused where
// From has a role or a location that By has not, and it does not stand in where
// From is asked by name.
type Delegation struct {
	ID    string    `json:"id"`   // set by the queue
	From  Principal `json:"from"` // whom the authenticator, or Options.Lookup, knows
	To    string    `json:"to"`   // ID of the delegate
	Scope Scope     `json:"scope,omitzero"`
	Start time.Time `json:"start,omitzero"` // if zero, at once
	Until time.Time `json:"until"`          // required, at most 366 days ahead

	By     Principal `json:"by"`              // who sets it: From, or who may change [Controls]
	Reason string    `json:"reason,omitzero"` // for people, at most 4 KiB
	At     time.Time `json:"at"`              // set by the queue

	// LookedUp says that From is as Options.Lookup returned it. The queue sets
	// it.
	LookedUp bool `json:"looked_up,omitzero"`

	Change ControlChange `json:"change,omitzero"` // kept by the queue; what callers put there is ignored
}

func (d *Delegation) id() string            { return d.ID }
func (d *Delegation) state() *ControlChange { return &d.Change }

func (d *Delegation) over(now time.Time) bool { return !now.Before(d.Until) }

// Delegate sets a delegation. It holds once it is in the audit log.
//
// Errors: [ErrInvalid], [ErrForbidden], [ErrUnrecorded], and that of
// [Options].Lookup.
func (q *Queue) Delegate(ctx context.Context, d Delegation) (Delegation, error) {
	now, err := q.store.Now(ctx)
	if err != nil {
		return Delegation{}, err
	}
	c := &checker{}
	c.principal("from", d.From)
	c.check(d.From.Type == Human, "from.type", "must be human")
	c.required("to", d.To, maxID)
	c.check(d.To != d.From.ID, "to", "is the absent person")
	c.scope(d.Scope)
	c.check(d.Until.After(now) && d.Until.After(d.Start) && d.Until.Before(now.Add(maxStandingTime)), "until", "must be after the start, within the next 366 days")
	c.principal("by", d.By)
	c.text("reason", d.Reason, maxReason)
	if c.err != nil {
		return Delegation{}, c.err
	}
	role, err := q.mayDelegate(ctx, &d)
	if err != nil {
		return Delegation{}, err
	}
	d.ID, d.At, d.Change, d.From.ActsFor = newID(), now, ControlChange{}, nil
	e := controlEntry("delegation", d.ID, "set", d.By, role, d.Reason, d.Scope, now)
	e.Attributes["from"], e.Attributes["to"] = d.From.ID, d.To
	e.Attributes["until"] = d.Until.UTC().Format(time.RFC3339Nano)
	return d, addControl(ctx, q, delegations, d, e)
}

// Undelegate ends a delegation at once, even where the audit log fails. The
// absent person may, the delegate, and who may change [Controls].
//
// Errors: [ErrNotFound], [ErrInvalid], [ErrForbidden], [ErrUnrecorded].
func (q *Queue) Undelegate(ctx context.Context, id string, by Principal, reason string) error {
	return removeControl(ctx, q, delegations, id, removal{"delegation", "ended", by, reason}, func(d *Delegation) (Scope, string, error) {
		if by.ID == d.To && by.Type == Human {
			return d.Scope, "", nil
		}
		if by.ID == d.From.ID && by.Type == Human {
			return d.Scope, "", nil
		}
		role, err := q.mayControl(by, d.Scope)
		return d.Scope, role, err
	})
}

func delegations(c *Controls) *[]Delegation { return &c.Delegations }

// mayDelegate says whether d.By may hand on what d.From has, and in what role.
// What a principal says of itself comes from the caller's authenticator; what it
// says of others does not count.
func (q *Queue) mayDelegate(ctx context.Context, d *Delegation) (role string, err error) {
	d.LookedUp = false
	if d.By.Type == Human && d.By.ID == d.From.ID {
		return "", d.withinBy()
	}
	if role, err = q.mayControl(d.By, d.Scope); err != nil {
		return "", err
	}
	if d.To == d.By.ID {
		return "", &ForbiddenError{WhyRole, "You cannot let yourself decide for somebody else."}
	}
	if q.opts.Lookup == nil {
		return role, d.withinBy()
	}
	from, err := q.lookup(ctx, d.From.ID)
	if err != nil {
		return "", err
	}
	d.From, d.LookedUp = from, true
	return role, nil
}

// withinBy refuses a delegation of more than who sets it has.
func (d *Delegation) withinBy() error {
	by, from := &d.By, &d.From
	for _, role := range from.Roles {
		if !by.HasRole(role) {
			return &ForbiddenError{WhyRole, "You cannot delegate a role that you do not have."}
		}
	}
	if len(by.Locations) > 0 && (len(from.Locations) == 0 || slices.ContainsFunc(from.Locations, func(l string) bool { return !by.At(l) })) {
		return &ForbiddenError{WhyLocation, "You cannot delegate for locations that are not yours."}
	}
	return nil
}

// lookup returns who has the ID.
func (q *Queue) lookup(ctx context.Context, id string) (p Principal, err error) {
	err = guard(func() (err error) {
		p, err = q.opts.Lookup(ctx, id)
		return err
	})
	if err != nil {
		return Principal{}, fmt.Errorf("approval: look up the absent person: %w", err)
	}
	c := &checker{}
	c.principal("from", p)
	c.check(p.ID == id && p.Type == Human, "from", "is not a person that Options.Lookup knows")
	return p, c.err
}

// named reports whether d stands in for d.From where they are asked by name.
func (d *Delegation) named() bool { return d.LookedUp || d.By.ID == d.From.ID }

// acting returns by with what a delegation adds for r, if that is needed to
// decide it.
func (c *Controls) acting(by Principal, r *Request, now time.Time) Principal {
	by.ActsFor = nil
	need := r.Need()
	if by.Type != Human || by.At(r.Location) && need.helps(r.approvers(), by) {
		return by
	}
	for _, d := range c.Delegations {
		if d.To != by.ID || d.Change.pending() || now.Before(d.Start) || d.over(now) || !d.Scope.Covers(r) {
			continue
		}
		if d.From.ID == r.Proposer.ID || !d.From.At(r.Location) {
			continue
		}
		if !d.named() && slices.Contains(r.Ruling.need(len(r.Ruling.Escalation)).Persons(), d.From.ID) {
			continue
		}
		// Who has approved already, in person or through somebody, is not there
		// to be acted for.
		if slices.ContainsFunc(r.approvers(), func(p Principal) bool { return p.ID == d.From.ID || slices.Contains(p.ActsFor, d.From.ID) }) {
			continue
		}
		stand := by
		stand.Roles = append(slices.Clone(by.Roles), d.From.Roles...)
		stand.ActsFor = []string{d.From.ID}
		if !by.At(r.Location) {
			// Only the roles that come from somebody of that location.
			stand.Roles, stand.Locations = slices.Clone(d.From.Roles), slices.Clone(d.From.Locations)
		}
		if need.helps(r.approvers(), stand) {
			return stand
		}
	}
	return by
}
