package approval_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
	"github.com/posai-go/posai/audit"
)

func delegate(t *testing.T, f *fixture, from approval.Principal, to string, change ...func(*approval.Delegation)) approval.Delegation {
	t.Helper()
	d := approval.Delegation{From: from, To: to, By: from, Until: time.Now().Add(time.Hour), Reason: "holiday"}
	for _, c := range change {
		c(&d)
	}
	d, err := f.Delegate(t.Context(), d)
	require.NoError(t, err)
	return d
}

func TestDelegateDecides(t *testing.T) {
	f := newQueue(t, askManager, nil)
	r := f.propose(t, note{Text: "a"})
	_, err := f.Decide(t.Context(), approve(r, clerk))
	require.ErrorIs(t, err, approval.ErrForbidden)
	d := delegate(t, f, manager, clerk.ID)
	ended, end := context.WithCancel(t.Context())
	end()
	require.ErrorIs(t, f.MayDecide(ended, r, clerk), approval.ErrForbidden, "nobody waits for the store any more")
	require.NoError(t, f.MayDecide(t.Context(), r, clerk), "and sees the button")
	r, err = f.Decide(t.Context(), approve(r, clerk))
	require.NoError(t, err)
	assert.Equal(t, approval.Approved, r.State)
	assert.Equal(t, []string{manager.ID}, r.Decisions[0].By.ActsFor)

	var decided audit.Entry
	for _, e := range f.entries(t, r.ID) {
		if e.Kind == audit.KindDecided {
			decided = e
		}
	}
	assert.Equal(t, clerk.ID, decided.Actor.ID)
	assert.Equal(t, "manager", decided.Actor.Role)
	assert.Equal(t, manager.ID, decided.Attributes["acts_for"])

	f.start(t)
	f.reaches(t, r.ID, approval.Executed) // the approval counts after the delegation too
	require.NoError(t, f.Undelegate(t.Context(), d.ID, clerk, "the delegate does not want to"))
	next := f.propose(t, note{Text: "b"}, func(p *approval.Proposal) { p.Key = "next" })
	_, err = f.Decide(t.Context(), approve(next, clerk))
	require.ErrorIs(t, err, approval.ErrForbidden)
	assert.Equal(t, []string{"set", "ended"}, steps(t, f.log, "approval_delegation", d.ID))
}

func TestDelegationDoesNotMakeTwoOfOne(t *testing.T) {
	two := approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Quorum(2, approval.Role("manager")), time.Hour, "")})
	third := other
	for name, order := range map[string][2]approval.Principal{
		"the absent one first": {manager, clerk},
		"the delegate first":   {clerk, manager},
	} {
		t.Run(name, func(t *testing.T) {
			f := newQueue(t, two, nil)
			delegate(t, f, manager, clerk.ID)
			r := f.propose(t, note{Text: "a"})
			_, err := f.Decide(t.Context(), approve(r, order[0]))
			require.NoError(t, err)
			_, err = f.Decide(t.Context(), approve(r, order[1]))
			require.ErrorIs(t, err, approval.ErrForbidden)
			r, err = f.Decide(t.Context(), approve(r, third))
			require.NoError(t, err)
			assert.Equal(t, approval.Approved, r.State)
		})
	}
}

func TestDelegationEdges(t *testing.T) {
	person := approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Person(manager.ID), time.Hour, "")})
	local := manager
	local.Locations = []string{"gid://shopify/Location/1"}
	elsewhere := clerk
	elsewhere.Locations = []string{"gid://shopify/Location/2"}
	at := func(location string) func(*approval.Proposal) {
		return func(p *approval.Proposal) { p.Location = location }
	}
	for name, test := range map[string]struct {
		policy  approval.Policy
		from    approval.Principal
		to      approval.Principal
		change  func(*approval.Delegation)
		propose func(*approval.Proposal)
		ok      bool
	}{
		"asked by name":                {policy: person, ok: true},
		"before it starts":             {change: func(d *approval.Delegation) { d.Start = time.Now().Add(30 * time.Minute) }},
		"of another kind":              {change: func(d *approval.Delegation) { d.Scope.Kind = "test.other" }},
		"what the absent one proposed": {propose: func(p *approval.Proposal) { p.Proposer = manager }},
		"what the delegate proposed":   {propose: func(p *approval.Proposal) { p.Proposer = clerk }},
		"their store":                  {from: local, propose: at("gid://shopify/Location/1"), ok: true},
		"another store":                {from: local, propose: at("gid://shopify/Location/2")},
		"from one store to another":    {from: local, to: elsewhere, propose: at("gid://shopify/Location/1"), ok: true},
		"but not in their own store":   {from: local, to: elsewhere, propose: at("gid://shopify/Location/2")},
	} {
		t.Run(name, func(t *testing.T) {
			policy, from, to := askManager, manager, clerk
			if test.policy != nil {
				policy = test.policy
			}
			if test.from.ID != "" {
				from = test.from
			}
			if test.to.ID != "" {
				to = test.to
			}
			f := newQueue(t, policy, nil)
			delegate(t, f, from, to.ID, func(d *approval.Delegation) {
				if test.change != nil {
					test.change(d)
				}
			})
			r := f.propose(t, note{Text: "a"}, func(p *approval.Proposal) {
				if test.propose != nil {
					test.propose(p)
				}
			})
			_, err := f.Decide(t.Context(), approve(r, to))
			if test.ok {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, approval.ErrForbidden)
			}
		})
	}
}

// TestActingForIsNotAClaim: what a channel says of it is ignored.
func TestActingForIsNotAClaim(t *testing.T) {
	f := newQueue(t, approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Person(manager.ID), time.Hour, "")}), nil)
	r := f.propose(t, note{Text: "a"})
	forged := clerk
	forged.ActsFor = []string{manager.ID}
	require.ErrorIs(t, f.MayDecide(t.Context(), r, forged), approval.ErrForbidden)
	_, err := f.Decide(t.Context(), approve(r, forged))
	require.ErrorIs(t, err, approval.ErrForbidden)
}

func TestDelegationIsNotHandedOn(t *testing.T) {
	f := newQueue(t, askManager, nil)
	third := approval.Principal{ID: "clerk-2", Type: approval.Human, Roles: []string{"clerk"}}
	delegate(t, f, manager, clerk.ID)
	delegate(t, f, clerk, third.ID)
	r := f.propose(t, note{Text: "a"})
	_, err := f.Decide(t.Context(), approve(r, third))
	require.ErrorIs(t, err, approval.ErrForbidden)
}

func TestDelegateRefuses(t *testing.T) {
	f := newQueue(t, askManager, nil)
	stronger := clerk
	stronger.Roles = []string{"clerk", "manager"}
	owner := approvaltest.Person("owner-1", "owner")
	local := manager
	local.Locations = []string{"gid://shopify/Location/1"}
	peer := other
	for name, test := range map[string]struct {
		d   approval.Delegation
		err error
	}{
		"to oneself":                   {approval.Delegation{From: manager, To: manager.ID, By: manager}, approval.ErrInvalid},
		"from an AI":                   {approval.Delegation{From: model, To: clerk.ID, By: manager}, approval.ErrInvalid},
		"for somebody else":            {approval.Delegation{From: manager, To: clerk.ID, By: clerk}, approval.ErrForbidden},
		"a role one has not":           {approval.Delegation{From: stronger, To: "x", By: clerk}, approval.ErrForbidden},
		"by an AI":                     {approval.Delegation{From: clerk, To: "x", By: model}, approval.ErrForbidden},
		"by a manager for a peer":      {approval.Delegation{From: peer, To: "x", By: manager}, nil},
		"a manager makes up an owner":  {approval.Delegation{From: approvaltest.Person("ghost", "owner"), To: manager.ID, By: manager}, approval.ErrForbidden},
		"a manager takes the owner's":  {approval.Delegation{From: owner, To: manager.ID, By: manager}, approval.ErrForbidden},
		"for a friend as well":         {approval.Delegation{From: owner, To: clerk.ID, By: manager}, approval.ErrForbidden},
		"a peer's to oneself":          {approval.Delegation{From: peer, To: manager.ID, By: manager}, approval.ErrForbidden},
		"a role that is not By's":      {approval.Delegation{From: clerk, To: "x", By: manager}, approval.ErrForbidden},
		"of more locations":            {approval.Delegation{From: peer, To: "x", By: local, Scope: approval.Scope{Location: local.Locations[0]}}, approval.ErrForbidden},
		"what the caller says is true": {approval.Delegation{From: manager, To: "x", By: manager, LookedUp: true}, nil},
	} {
		test.d.Until = time.Now().Add(time.Hour)
		d, err := f.Delegate(t.Context(), test.d)
		assert.ErrorIs(t, err, test.err, name)
		assert.False(t, d.LookedUp, name)
	}
	_, err := f.Delegate(t.Context(), approval.Delegation{From: manager, To: clerk.ID, By: manager})
	require.ErrorIs(t, err, approval.ErrInvalid, "without an end")
}

// TestDelegateForOthers: with a Lookup, what the absent person has is what it says.
func TestDelegateForOthers(t *testing.T) {
	owner := approvaltest.Person("owner-1", "owner")
	staff := map[string]approval.Principal{owner.ID: owner, other.ID: other, model.ID: model}
	gone := errors.New("nobody")
	opts := &approval.Options{Lookup: func(_ context.Context, id string) (approval.Principal, error) {
		if id == "panic" {
			panic(id)
		}
		if p, ok := staff[id]; ok {
			return p, nil
		}
		return approval.Principal{}, gone
	}}
	ask := func(need approval.Need) approval.Policy {
		return approval.Rules("1", approval.Rule{Then: approval.Ask(need, time.Hour, "")})
	}
	set := func(f *fixture, d approval.Delegation) (approval.Delegation, error) {
		d.By, d.Until = manager, time.Now().Add(time.Hour)
		return f.Delegate(t.Context(), d)
	}
	claimed := other
	claimed.Roles = []string{"owner"}

	f := newQueue(t, ask(approval.Role("owner")), opts)
	d, err := set(f, approval.Delegation{From: claimed, To: clerk.ID})
	require.NoError(t, err)
	assert.Equal(t, other.Roles, d.From.Roles, "not what the caller said")
	r := f.propose(t, note{Text: "a"})
	_, err = f.Decide(t.Context(), approve(r, clerk))
	require.ErrorIs(t, err, approval.ErrForbidden)
	_, err = set(f, approval.Delegation{From: approval.Principal{ID: owner.ID, Type: approval.Human}, To: manager.ID})
	require.ErrorIs(t, err, approval.ErrForbidden, "not to oneself")
	_, err = set(f, approval.Delegation{From: approvaltest.Person("ghost", "owner"), To: clerk.ID})
	require.ErrorIs(t, err, gone)
	_, err = set(f, approval.Delegation{From: approvaltest.Person("panic"), To: clerk.ID})
	require.Error(t, err)
	_, err = set(f, approval.Delegation{From: approvaltest.Person(model.ID), To: clerk.ID})
	require.ErrorIs(t, err, approval.ErrInvalid, "it is a model")
	_, err = set(f, approval.Delegation{From: approval.Principal{ID: owner.ID, Type: approval.Human}, To: clerk.ID})
	require.NoError(t, err)
	_, err = f.Decide(t.Context(), approve(r, clerk))
	require.NoError(t, err)

	// By name only for whom somebody vouches.
	for _, opts := range []*approval.Options{opts, nil} {
		f := newQueue(t, ask(approval.Person(other.ID)), opts)
		d, err := set(f, approval.Delegation{From: other, To: clerk.ID})
		require.NoError(t, err)
		r := f.propose(t, note{Text: "a"})
		_, err = f.Decide(t.Context(), approve(r, clerk))
		if d.LookedUp {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, approval.ErrForbidden)
		}
	}
}
