package approval

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// netDelay is when the queue looks at a request that was stored, in case that
// whoever stored it dies before finishing.
const netDelay = 5 * time.Second

// Propose asks for an action. The policy rules on it at once: the returned
// request is [Approved] and will be executed, [Denied], or [Pending] and waits
// for people. A proposal whose shop, kind and key are known changes nothing and
// returns the first request as it is now; with [ErrKeyReused] where that one was
// proposed with other arguments, see [KeepFirst].
//
// Errors: [ErrInvalid] for an action or a proposal that makes no sense or an
// action that is not registered, [ErrUnrecorded] where the audit log fails;
// then nothing is visible or executed until it takes the entries, and Propose
// may be called again with the same key.
func (q *Queue) Propose(ctx context.Context, a Action, p Proposal) (*Request, error) {
	k, err := q.kindOfAction(a)
	if err != nil {
		return nil, err
	}
	if err := p.validate(); err != nil {
		return nil, err
	}
	stored, reused, err := q.insert(ctx, k, a, p, netDelay)
	if err != nil {
		return nil, err
	}
	r, err := q.reveal(ctx, stored)
	if err == nil && reused {
		err = &KeyReusedError{Request: r}
	}
	return r, err
}

// KeepFirst turns [ErrKeyReused] into no error: the request that was there first is
// what counts. It is for who proposes anew, after a crash or for a webhook that
// came twice, what a model may have worded differently this time:
//
//	r, err := approval.KeepFirst(q.Propose(ctx, action, proposal))
func KeepFirst(r *Request, err error) (*Request, error) {
	if reused, ok := errors.AsType[*KeyReusedError](err); ok {
		return reused.Request, nil
	}
	return r, err
}

// reusedFor reports whether a is another action than rec was proposed with. Of an
// old record that was edited this is not known.
func (rec *Record) reusedFor(k *kind, a Action) (bool, error) {
	var args []byte
	err := guard(func() (err error) {
		args, _, err = encodeAction(k, a)
		return err
	})
	switch {
	case err != nil:
		return false, &InvalidError{Field: "action", Reason: err.Error(), Err: err}
	case rec.Proposed != "":
		return rec.Proposed != argsDigest(args), nil
	}
	return len(rec.Request.Edits) == 0 && !bytes.Equal(rec.Request.Args, args), nil
}

func argsDigest(args []byte) string {
	sum := sha256.Sum256(append([]byte("posai/approval/args/v1\n"), args...))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// soon wakes the queue as soon as the record is there.
const soon time.Duration = 0

// insert stores the request that follows from a proposal, or returns the one
// that is stored, and whether that one is about something else. Somebody looks at
// it after the given time.
func (q *Queue) insert(ctx context.Context, k *kind, a Action, p Proposal, wake time.Duration) (_ *Record, reused bool, err error) {
	first, err := q.store.List(ctx, Filter{States: allStates(), Shop: p.Shop, Kind: k.name, Key: p.Key, Limit: 1})
	if err != nil {
		return nil, false, err
	}
	if len(first) > 0 {
		reused, err = first[0].reusedFor(k, a)
		return first[0], reused, err
	}
	// What fuses and standing rules have left is read before and written with the
	// request, so whoever is second judges again.
	for range maxConflicts {
		stored, inserted, err := q.insertOnce(ctx, k, a, p, wake)
		switch {
		case errors.Is(err, ErrConflict):
			continue
		case err == nil && !inserted:
			reused, err = stored.reusedFor(k, a)
		}
		return stored, reused, err
	}
	return nil, false, fmt.Errorf("approval: propose: %w", ErrConflict)
}

func (q *Queue) insertOnce(ctx context.Context, k *kind, a Action, p Proposal, wake time.Duration) (stored *Record, inserted bool, err error) {
	now, err := q.store.Now(ctx)
	if err != nil {
		return nil, false, err
	}
	if err := p.timely(now); err != nil {
		return nil, false, err
	}
	rec := &Record{Request: *q.newRequest(k, p, now)}
	r := &rec.Request
	charges, err := q.judge(ctx, k, r, a, now, asProposal)
	if err != nil {
		return nil, false, err
	}
	rec.Proposed = argsDigest(r.Args)
	if err := rec.emit(proposedEntry(r), ruledEntry(r, now)); err != nil {
		return nil, false, err
	}
	if data, err := rec.Encode(); err != nil || len(data) > maxRecord {
		return nil, false, invalid("", "the request is too large")
	}
	if len(charges) == 0 {
		return q.store.Insert(ctx, rec, now.Add(wake))
	}
	slices.SortFunc(charges, func(a, b Document) int { return strings.Compare(a.Name, b.Name) }) // all lock in this order
	return q.store.InsertWith(ctx, rec, charges, now.Add(wake))
}

func (q *Queue) newRequest(k *kind, p Proposal, now time.Time) *Request {
	p.Proposer.ActsFor = nil
	r := &Request{ID: newID(), Kind: k.name, Revision: 1, State: Recording, Proposal: p, CreatedAt: now, ChangedAt: now}
	if r.Correlation == "" {
		r.Correlation = r.ID
	}
	return r
}

func allStates() []State {
	return []State{Recording, Pending, Approved, Executing, Executed, Uncertain, Rejected, Denied, Expired, Failed}
}

// kindOfAction returns the registered kind of a, which must be valid.
func (q *Queue) kindOfAction(a Action) (*kind, error) {
	if a == nil {
		return nil, invalid("action", "is missing")
	}
	var k *kind
	err := guard(func() error {
		if k = q.kind(a.Kind()); k == nil || !k.holds(a) {
			return errors.New("is of a type that is not registered")
		}
		return a.Validate()
	})
	if err != nil {
		return nil, &InvalidError{Field: "action", Reason: err.Error(), Err: err}
	}
	return k, nil
}

// judge fills in what follows from the action: arguments, preview, form, the
// ruling of the policy, the digest. The charges are what is to be stored with it.
func (q *Queue) judge(ctx context.Context, k *kind, r *Request, a Action, now time.Time, as judging) (charges []Document, err error) {
	var decoded Action
	err = guard(func() (err error) {
		if r.Args, decoded, err = encodeAction(k, a); err != nil {
			return err
		}
		if v, ok := a.(Priced); ok {
			r.Amount = v.AmountAtStake()
		}
		r.Form = nil
		if e, ok := a.(Editor); ok {
			r.Form = e.EditForm()
		}
		r.Preview, err = preview(a, r.Args)
		return err
	})
	if err != nil {
		return nil, &InvalidError{Field: "action", Reason: err.Error(), Err: err}
	}
	c := &checker{}
	c.amount(r.Amount)
	if err := firstError(c.err, r.Preview.validate(), validateForm(r.Form)); err != nil {
		return nil, err
	}
	if r.PolicyVersion, err = policyVersion(q.policy); err != nil {
		return nil, err
	}
	own := q.rule(ctx, q.policy, r, decoded)
	if r.Ruling, charges, err = q.overlay(ctx, r, own, now, as); err != nil {
		return nil, err
	}
	r.PolicyRuling = nil
	if !reflect.DeepEqual(own, r.Ruling) {
		r.PolicyRuling = &own
	}
	q.shadow(ctx, r)
	r.Escalated, r.EscalatedAt = 0, nil
	r.ExpiresAt = time.Time{}
	if r.Ruling.Verdict == RuleAsk {
		if latest := r.Proposal.ExpiresAt; !latest.IsZero() {
			r.Ruling = r.Ruling.within(latest.Sub(now))
		}
		r.ExpiresAt = now.Add(r.Ruling.Expiry)
	}
	r.Digest, err = r.ComputeDigest()
	return charges, err
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// encodeAction returns the action as canonical JSON and as it is read back from
// there, and makes sure that the executor will get the same action that is judged
// and shown.
func encodeAction(k *kind, a Action) (args json.RawMessage, back Action, err error) {
	encode := func(a Action) ([]byte, error) {
		data, err := json.Marshal(a)
		if err != nil {
			return nil, errors.New("cannot be written as JSON")
		}
		return canonical(data)
	}
	if args, err = encode(a); err != nil {
		return nil, nil, err
	}
	if len(args) > maxArgs {
		return nil, nil, fmt.Errorf("is larger than %d bytes of JSON", maxArgs)
	}
	if back, err = k.decode(args); err != nil {
		return nil, nil, errors.New("cannot be read back from its JSON")
	}
	if again, err := encode(back); err != nil || !bytes.Equal(args, again) {
		return nil, nil, errors.New("changes on the way through JSON")
	}
	return args, back, nil
}

func preview(a Action, args []byte) (Preview, error) {
	if p, ok := a.(Previewer); ok {
		return p.Preview(), nil
	}
	var b bytes.Buffer
	if err := json.Indent(&b, args, "", "  "); err != nil {
		return Preview{}, err
	}
	return Preview{Title: a.Kind(), Summary: b.String()}, nil
}

// guard runs fn, which calls methods of the caller, and turns a panic into an
// error.
func guard(fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panicked with a %T", v)
		}
	}()
	return fn()
}

// reveal makes a new request visible once its first entries are in the log.
func (q *Queue) reveal(ctx context.Context, rec *Record) (*Request, error) {
	for rec.Request.State == Recording {
		if err := q.record(ctx, rec); err != nil {
			return nil, err
		}
		rec.Outbox = nil
		var wake []time.Time
		switch rec.Request.Ruling.Verdict {
		case RuleAllow:
			rec.Request.State, wake = Approved, []time.Time{{}}
		case RuleDeny:
			rec.Request.State = Denied
		default:
			rec.Request.State = Pending // the look after netDelay stays on until it expires
		}
		stored, err := q.store.Update(ctx, rec, wake...)
		switch {
		case errors.Is(err, ErrConflict): // somebody else revealed it
			if rec, err = q.store.Get(ctx, rec.Request.ID); err != nil {
				return nil, err
			}
		case err != nil:
			return nil, err
		default:
			rec = stored
			q.changed(&rec.Request)
			q.tellProposed(ctx, &rec.Request)
		}
	}
	return &rec.Request, nil
}
