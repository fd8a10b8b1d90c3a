package approval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// undoSuffix makes the kind of the action that undoes actions of a kind.
const undoSuffix = ".undo"

// undo is the action that undoes another one.
type undo struct {
	kind    string
	Request string          `json:"request"` // ID of the request to undo
	Digest  string          `json:"digest"`  // of what was executed
	Args    json.RawMessage `json:"args"`
	Result  json.RawMessage `json:"result,omitempty"`
	Title   string          `json:"title,omitzero"`
	Amount  Money           `json:"amount,omitzero"`
}

// Kind implements [Action].
func (u undo) Kind() string { return u.kind }

// Validate implements [Action].
func (u undo) Validate() error {
	if u.Request == "" || u.Args == nil {
		return errors.New("nothing is named that could be undone")
	}
	return nil
}

// Preview implements [Previewer].
func (u undo) Preview() Preview {
	return Preview{Title: cut("Undo: "+u.Title, maxLabel), Summary: "What was done is taken back.", Fields: []PreviewField{
		{Label: "Request", Value: u.Request}, {Label: "Action", Value: cut(string(u.Args), maxText)}, {Label: "Result", Value: cut(string(u.Result), maxText)},
	}}
}

// AmountAtStake implements [Priced].
func (u undo) AmountAtStake() Money { return u.Amount }

// compensator makes the kind that undoes actions of k.
func compensator[A Action, R any](k *kind, ex Executor[A, R]) (*kind, error) {
	name := k.name + undoSuffix
	if err := checkKind(name); err != nil {
		return nil, err
	}
	u := &kind{name: name, settle: k.settle, undoes: true}
	u.holds = func(a Action) bool {
		v, ok := a.(undo)
		return ok && v.kind == name
	}
	u.decode = func(args []byte) (Action, error) {
		v := undo{kind: name}
		return v, json.Unmarshal(args, &v)
	}
	parts := func(a Action) (A, R, error) {
		v := a.(undo)
		var action A
		var result R
		err := json.Unmarshal(v.Args, &action)
		if err == nil && v.Result != nil {
			err = json.Unmarshal(v.Result, &result)
		}
		if err != nil {
			err = Permanent(errors.New("what was done does not fit this version of the program"))
		}
		return action, result, err
	}
	u.execute = func(ctx context.Context, e Execution, a Action) (any, error) {
		action, result, err := parts(a)
		if err != nil {
			return nil, err
		}
		return struct{}{}, ex.Undo(ctx, e, action, result)
	}
	if ex.FindUndone != nil {
		u.find = func(ctx context.Context, e Execution, a Action) (any, bool, error) {
			action, result, err := parts(a)
			if err != nil {
				return nil, false, err
			}
			undone, err := ex.FindUndone(ctx, e, action, result)
			return struct{}{}, undone, err
		}
	}
	return u, nil
}

// Undo proposes to take back what an [Executed] request did, by the
// [Executor].Undo of its kind. That is an action of its own, of the kind of the
// first with ".undo" behind it: the policy rules on it, people are asked about
// it, and it is executed once like any other. by is its proposer. Asking twice
// returns the first such request.
//
// Errors: [ErrNotFound], [ErrInvalid] where nothing was executed or the kind
// cannot be undone, and those of [Queue.Propose].
func (q *Queue) Undo(ctx context.Context, id string, by Principal, reason string) (*Request, error) {
	r, err := q.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	k := q.kind(r.Kind + undoSuffix)
	switch {
	case r.State != Executed || r.Execution == nil:
		return nil, invalid("state", "is not executed")
	case k == nil || !k.undoes:
		return nil, invalid("action", "cannot be undone")
	}
	u, err := q.Propose(ctx, undo{
		kind: k.name, Request: r.ID, Digest: r.Digest, Args: r.Args, Result: r.Execution.Result, Title: r.Preview.Title, Amount: r.Amount,
	}, Proposal{
		Key: "undo/" + r.ID, Shop: r.Shop, Location: r.Location, Correlation: r.Correlation, Proposer: by, Reason: reason, Subjects: r.Subjects,
	})
	if err != nil {
		return nil, err
	}
	return u, q.link(ctx, id, u.ID)
}

// Undoable reports whether [Queue.Undo] would take r: it is executed, its kind can
// be undone, and nobody has asked for that before.
func (q *Queue) Undoable(r *Request) bool {
	k := q.kind(r.Kind + undoSuffix)
	return r.State == Executed && r.Execution != nil && r.UndoRequest == "" && k != nil && k.undoes
}

// link notes at a request who undoes it.
func (q *Queue) link(ctx context.Context, id, undoID string) error {
	for {
		rec, err := q.store.Get(ctx, id)
		if err != nil || rec.Request.UndoRequest == undoID {
			return err
		}
		rec.Request.UndoRequest = undoID
		stored, err := q.store.Update(ctx, rec)
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return fmt.Errorf("approval: the request that undoes %s is %s, but this could not be noted: %w", id, undoID, err)
		}
		q.changed(&stored.Request)
		return nil
	}
}
