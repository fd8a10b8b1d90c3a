package approval_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
)

// rule approves notes up to 20.00 in advance.
func rule(by approval.Principal) approval.StandingRule {
	return approval.StandingRule{
		Scope: approval.Scope{Kind: "test.note"}, Match: []approval.ArgMatch{{Path: "/pennies", Max: "2000"}},
		Cap: 3, Until: time.Now().Add(time.Hour), By: by,
	}
}

func TestStandingRule(t *testing.T) {
	f := newQueue(t, askManager, nil)
	s, err := f.Grant(t.Context(), rule(manager))
	require.NoError(t, err)
	propose := func(key string, n note, change ...func(*approval.Proposal)) *approval.Request {
		return f.propose(t, n, append(change, func(p *approval.Proposal) { p.Key = key })...)
	}
	r := propose("small", note{Text: "a", Pennies: 1999})
	assert.Equal(t, approval.Approved, r.State)
	assert.Equal(t, s.ID, r.Ruling.Standing)
	assert.Equal(t, s.ID, f.entries(t, r.ID)[1].Attributes["standing_rule"])
	assert.Equal(t, approval.Pending, propose("large", note{Text: "a", Pennies: 2001}).State)
	mine := propose("own", note{Text: "a", Pennies: 1}, func(p *approval.Proposal) { p.Proposer = manager })
	assert.Equal(t, approval.Pending, mine.State, "nobody approves their own in advance either")

	propose("second", note{Text: "a", Pennies: 1})
	propose("small", note{Text: "a", Pennies: 1999}) // known: uses nothing up
	assert.Equal(t, approval.Approved, propose("third", note{Text: "a", Pennies: 1}).State)
	assert.Equal(t, approval.Pending, propose("fourth", note{Text: "a", Pennies: 1}).State, "the cap")
	used, err := f.Used(t.Context(), s.ID)
	require.NoError(t, err)
	assert.Equal(t, 3, used)

	require.NoError(t, f.Revoke(t.Context(), s.ID, other, ""))
	assert.Equal(t, []string{"granted", "revoked"}, steps(t, f.log, "approval_standing", s.ID))
}

// TestStandingRuleReachesNoFurtherThanItsGrantor.
func TestStandingRuleReachesNoFurtherThanItsGrantor(t *testing.T) {
	local := manager
	local.Locations = []string{"gid://shopify/Location/1"}
	two := approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Quorum(2, approval.Role("manager")), time.Hour, "")})
	owner := approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Role("owner"), time.Hour, "")})
	deny := approval.Rules("1", approval.Rule{Then: approval.Deny("never")})
	for name, test := range map[string]struct {
		policy   approval.Policy
		by       approval.Principal
		location string
		state    approval.State
	}{
		"their store":       {askManager, local, "gid://shopify/Location/1", approval.Approved},
		"another store":     {askManager, local, "gid://shopify/Location/2", approval.Pending},
		"two are needed":    {two, manager, "", approval.Pending},
		"another role":      {owner, manager, "", approval.Pending},
		"the policy denies": {deny, manager, "", approval.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			f := newQueue(t, test.policy, nil)
			s := rule(test.by)
			s.Scope.Location = test.location
			if test.location == "gid://shopify/Location/2" {
				s.Scope.Location = "gid://shopify/Location/1"
			}
			_, err := f.Grant(t.Context(), s)
			require.NoError(t, err)
			r := f.propose(t, note{Text: "a", Pennies: 1}, func(p *approval.Proposal) { p.Location = test.location })
			assert.Equal(t, test.state, r.State)
		})
	}
}

func TestStandingRuleCapHoldsInARace(t *testing.T) {
	f := newQueue(t, askManager, nil)
	s := rule(manager)
	s.Cap = 10
	_, err := f.Grant(t.Context(), s)
	require.NoError(t, err)
	var allowed atomic.Int32
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			p := proposal(strconv.Itoa(i))
			r, err := f.Propose(t.Context(), note{Text: "a", Pennies: 1}, p)
			if assert.NoError(t, err) && r.State == approval.Approved {
				allowed.Add(1)
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, 10, allowed.Load())
}

// A form that is sent twice, by two clicks that race, makes one rule.
func TestGrantIsIdempotent(t *testing.T) {
	f := newQueue(t, askManager, nil)
	s := rule(manager)
	s.Key = "form"
	s.Match = append(s.Match, approval.ArgMatch{Path: "/text", Equal: json.RawMessage(` "<a>"`)})
	var wg sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		wg.Go(func() {
			granted, err := f.Grant(t.Context(), s)
			assert.NoError(t, err)
			assert.Zero(t, granted.Change)
			ids[i] = granted.ID
		})
	}
	wg.Wait()
	settings, err := f.Controls(t.Context())
	require.NoError(t, err)
	require.Len(t, settings.Standing, 1)
	for _, id := range ids {
		assert.Equal(t, settings.Standing[0].ID, id)
	}
	assert.Equal(t, []string{"granted"}, steps(t, f.log, "approval_standing", ids[0]))

	more := s
	more.Cap++
	_, err = f.Grant(t.Context(), more)
	require.ErrorIs(t, err, approval.ErrInvalid, "other terms")
	theirs := s
	theirs.By = other
	second, err := f.Grant(t.Context(), theirs)
	require.NoError(t, err, "somebody else's key is another")
	assert.NotEqual(t, ids[0], second.ID)
	require.NoError(t, f.Revoke(t.Context(), ids[0], manager, ""))
	third, err := f.Grant(t.Context(), s)
	require.NoError(t, err, "what is revoked can be granted again")
	assert.NotEqual(t, ids[0], third.ID)
}

func TestGrantRefuses(t *testing.T) {
	f := newQueue(t, askManager, nil)
	for name, change := range map[string]func(*approval.StandingRule){
		"no kind":         func(s *approval.StandingRule) { s.Scope.Kind = "" },
		"no condition":    func(s *approval.StandingRule) { s.Match = nil },
		"no cap":          func(s *approval.StandingRule) { s.Cap = 0 },
		"no end":          func(s *approval.StandingRule) { s.Until = time.Time{} },
		"an end too far":  func(s *approval.StandingRule) { s.Until = time.Now().Add(400 * 24 * time.Hour) },
		"a bad bound":     func(s *approval.StandingRule) { s.Match = []approval.ArgMatch{{Path: "/pennies", Max: "1e9"}} },
		"no bound":        func(s *approval.StandingRule) { s.Match = []approval.ArgMatch{{Path: "/pennies"}} },
		"a bad path":      func(s *approval.StandingRule) { s.Match = []approval.ArgMatch{{Path: "pennies", Max: "1"}} },
		"a value and min": func(s *approval.StandingRule) { s.Match[0].Equal = json.RawMessage(`1`) },
		"a broken value": func(s *approval.StandingRule) {
			s.Match = []approval.ArgMatch{{Path: "/pennies", Equal: json.RawMessage(`{`)}}
		},
		"a key too long": func(s *approval.StandingRule) { s.Key = strings.Repeat("x", 257) },
		"a bad amount":   func(s *approval.StandingRule) { s.MaxAmount = approval.Money{Amount: "-1", Currency: "GBP"} },
	} {
		s := rule(manager)
		change(&s)
		_, err := f.Grant(t.Context(), s)
		assert.ErrorIs(t, err, approval.ErrInvalid, name)
	}
	for name, by := range map[string]approval.Principal{"a clerk": clerk, "an AI": model, "a system": guardrail} {
		_, err := f.Grant(t.Context(), rule(by))
		assert.ErrorIs(t, err, approval.ErrForbidden, name)
	}
}

func TestArgMatch(t *testing.T) {
	args := json.RawMessage(`{"a":{"b/c":[10,"12.50",true]},"n":12345678901234567890,"s":"x","z":null}`)
	for name, test := range map[string]struct {
		match approval.ArgMatch
		holds bool
	}{
		"equal":                 {approval.ArgMatch{Path: "/s", Equal: json.RawMessage(`"x"`)}, true},
		"equal, written apart":  {approval.ArgMatch{Path: "/s", Equal: json.RawMessage(` "\u0078" `)}, true},
		"not equal":             {approval.ArgMatch{Path: "/s", Equal: json.RawMessage(`"y"`)}, false},
		"number is not text":    {approval.ArgMatch{Path: "/a/b~1c/0", Equal: json.RawMessage(`"10"`)}, false},
		"number by value":       {approval.ArgMatch{Path: "/a/b~1c/0", Equal: json.RawMessage(`10.0`)}, true},
		"large number":          {approval.ArgMatch{Path: "/n", Equal: json.RawMessage(`12345678901234567891`)}, false},
		"large number in range": {approval.ArgMatch{Path: "/n", Min: "12345678901234567890", Max: "12345678901234567890"}, true},
		"above":                 {approval.ArgMatch{Path: "/n", Max: "12345678901234567889"}, false},
		"decimal as text":       {approval.ArgMatch{Path: "/a/b~1c/1", Min: "12.5", Max: "12.5"}, true},
		"below":                 {approval.ArgMatch{Path: "/a/b~1c/1", Min: "12.51"}, false},
		"range over no number":  {approval.ArgMatch{Path: "/s", Max: "1"}, false},
		"range over a truth":    {approval.ArgMatch{Path: "/a/b~1c/2", Max: "1"}, false},
		"null":                  {approval.ArgMatch{Path: "/z", Equal: json.RawMessage(`null`)}, true},
		"not there":             {approval.ArgMatch{Path: "/q", Equal: json.RawMessage(`null`)}, false},
		"past the end":          {approval.ArgMatch{Path: "/a/b~1c/3", Max: "1"}, false},
		"index with zero":       {approval.ArgMatch{Path: "/a/b~1c/00", Max: "10"}, false},
		"everything":            {approval.ArgMatch{Equal: args}, true},
	} {
		got, err := approval.ArgIs(test.match)(&approval.Request{Args: args})
		require.NoError(t, err, name)
		assert.Equal(t, test.holds, got, name)
	}
}
