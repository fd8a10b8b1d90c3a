package approvaltest

import (
	"context"
	"errors"

	"github.com/posai-go/posai/approval"
)

// Person returns a human principal with the roles.
func Person(id string, roles ...string) approval.Principal {
	return approval.Principal{ID: id, Name: "Person " + id, Type: approval.Human, Roles: roles}
}

// Manager returns a human principal with the role manager.
func Manager(id string) approval.Principal { return Person(id, "manager") }

// Model returns an AI principal.
func Model(id string) approval.Principal {
	return approval.Principal{ID: id, Name: "Model " + id, Type: approval.AI}
}

// Script says what a scripted person does about a request that is pending:
// return a decision, or nil to leave it alone. RequestID and Digest are filled
// in where they are empty.
type Script func(r *approval.Request) *approval.Decision

// Approves is the script of somebody who approves all they may.
func Approves(by approval.Principal) Script {
	return func(*approval.Request) *approval.Decision {
		return &approval.Decision{Verdict: approval.Approve, By: by, Channel: "script"}
	}
}

// Rejects is the script of somebody who rejects all they may, for the reason.
func Rejects(by approval.Principal, reason string) Script {
	return func(*approval.Request) *approval.Decision {
		return &approval.Decision{Verdict: approval.Reject, By: by, Channel: "script", Reason: reason}
	}
}

// Answer follows the script for every pending request, old and new, until ctx
// ends, which is no error. Somebody else's being faster and not being asked
// are none either.
func Answer(ctx context.Context, q *approval.Queue, script Script) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changes := q.Subscribe(ctx)
	for {
		for r, err := range q.List(ctx, approval.Filter{States: []approval.State{approval.Pending}}) {
			if err == nil {
				err = answer(ctx, q, script, r)
			}
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				return err
			}
		}
		if _, more := <-changes; !more {
			return nil
		}
	}
}

func answer(ctx context.Context, q *approval.Queue, script Script, r *approval.Request) error {
	d := script(r)
	if d == nil {
		return nil
	}
	if d.RequestID == "" {
		d.RequestID = r.ID
	}
	if d.Digest == "" {
		d.Digest = r.Digest
	}
	_, err := q.Decide(ctx, *d)
	for _, usual := range []error{approval.ErrDecided, approval.ErrExpired, approval.ErrStale, approval.ErrForbidden} {
		if errors.Is(err, usual) {
			return nil
		}
	}
	return err
}
