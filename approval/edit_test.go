package approval_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
)

// byAmount: up to 500 a manager, up to 1000 two, above never.
var byAmount = approval.Rules("1",
	approval.Rule{When: approval.AmountAbove("1000.00", "GBP"), Then: approval.Deny("more than 1000.00")},
	approval.Rule{When: approval.AmountAbove("500.00", "GBP"), Then: approval.Ask(approval.Quorum(2, approval.Role("manager")), time.Hour, "more than 500.00")},
	approval.Rule{Then: approval.Ask(approval.Role("manager"), time.Hour, "at most 500.00")},
)

func edited(r *approval.Request, by approval.Principal, values map[string]string) approval.Decision {
	d := approve(r, by)
	d.Edit = values
	return d
}

func TestEdit(t *testing.T) {
	t.Parallel()
	f := newQueue(t, byAmount, nil)
	f.start(t)
	r := f.propose(t, note{Text: "hello", Color: "red", Pennies: 100_00})
	after, err := f.Decide(t.Context(), edited(r, manager, map[string]string{"text": "good day", "pinned": "true"}))
	require.NoError(t, err)
	assert.Equal(t, 2, after.Revision)
	assert.NotEqual(t, r.Digest, after.Digest)
	assert.Equal(t, "good day", after.Preview.Summary)
	require.Len(t, after.Edits, 1)
	e := after.Edits[0]
	assert.Equal(t, []approval.Diff{
		{Path: "/pinned", After: json.RawMessage(`true`)},
		{Path: "/text", Before: json.RawMessage(`"hello"`), After: json.RawMessage(`"good day"`)},
	}, e.Changes)
	assert.Equal(t, r.Digest, e.Before)
	assert.Equal(t, after.Digest, e.After)
	assert.Equal(t, manager, e.By)
	assert.Equal(t, after.Digest, after.Decisions[0].Digest)

	done, err := f.Wait(t.Context(), r.ID)
	require.NoError(t, err)
	require.Equal(t, approval.Executed, done.State)
	action, _ := approval.ActionOf[note](done)
	assert.Equal(t, note{Text: "good day", Pinned: true, Color: "red", Pennies: 100_00}, action)
	require.Eventually(t, func() bool { return count(f.trail(t, r.ID), audit.KindEffect) == 1 }, patience, 5*time.Millisecond)
	assert.Equal(t, []audit.Kind{audit.KindProposed, audit.KindRuled, audit.KindRuled, audit.KindDecided, audit.KindStarted, audit.KindEffect}, f.trail(t, r.ID))
	decided := f.entries(t, r.ID)[3]
	assert.Equal(t, r.Digest, decided.Attributes["edited_from"])
	for _, entry := range f.entries(t, r.ID) {
		data, err := json.Marshal(entry)
		require.NoError(t, err)
		assert.NotContains(t, string(data), "good day")
	}
}

func TestEditIsJudgedAgain(t *testing.T) {
	t.Parallel()
	f := newQueue(t, byAmount, nil)
	r := f.propose(t, note{Text: "hello", Pennies: 100_00})

	_, err := f.Decide(t.Context(), edited(r, manager, map[string]string{"pennies": "100001"}))
	forbidden, ok := errors.AsType[*approval.ForbiddenError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, approval.WhyPolicy, forbidden.Why)
	assert.Equal(t, r, f.get(t, r.ID), "nothing changed")

	// Now it needs two: the one who edited is the first.
	after, err := f.Decide(t.Context(), edited(r, manager, map[string]string{"pennies": "50001"}))
	require.NoError(t, err)
	assert.Equal(t, approval.Pending, after.State)
	assert.Equal(t, "500.01", after.Amount.Amount)
	_, err = f.Decide(t.Context(), approve(r, other))
	stale, ok := errors.AsType[*approval.StaleError](err)
	require.True(t, ok, "who saw the first revision approves nothing: %v", err)
	assert.Equal(t, &approval.StaleError{Revision: 2, Digest: after.Digest}, stale)
	_, err = f.Decide(t.Context(), approve(after, manager))
	require.ErrorIs(t, err, approval.ErrForbidden, "nobody counts twice")

	// The other one edits too: their approval is of what they made, and the
	// first one's is gone.
	third, err := f.Decide(t.Context(), edited(after, other, map[string]string{"pennies": "60000"}))
	require.NoError(t, err)
	assert.Equal(t, approval.Pending, third.State)
	last, err := f.Decide(t.Context(), approve(third, manager))
	require.NoError(t, err)
	assert.Equal(t, approval.Approved, last.State)
	assert.Len(t, last.Edits, 2)
}

func TestEditRefuses(t *testing.T) {
	t.Parallel()
	f := newQueue(t, byAmount, nil)
	r := f.propose(t, note{Text: "hello", Pennies: 1})
	for name, test := range map[string]struct {
		values map[string]string
		field  string
	}{
		"unknown field":     {map[string]string{"proposer": "x"}, "edit"},
		"too long":          {map[string]string{"text": strings.Repeat("é", 41)}, "text"},
		"not UTF-8":         {map[string]string{"text": "\xff"}, "text"},
		"zero byte":         {map[string]string{"text": "a\x00"}, "text"},
		"checkbox":          {map[string]string{"pinned": "maybe"}, "pinned"},
		"not a choice":      {map[string]string{"color": "green"}, "color"},
		"required":          {map[string]string{"pennies": " "}, "pennies"},
		"two lines in one":  {map[string]string{"pennies": "1\n2"}, "pennies"},
		"refused by itself": {map[string]string{"pennies": "1e9"}, "edit"},
		"makes it invalid":  {map[string]string{"text": ""}, "action"},
		"one good, one bad": {map[string]string{"text": "ok", "color": "green"}, "color"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.Decide(t.Context(), edited(r, manager, test.values))
			invalid, ok := errors.AsType[*approval.InvalidError](err)
			require.True(t, ok, "%v", err)
			require.ErrorIs(t, err, approval.ErrInvalid)
			assert.Equal(t, test.field, invalid.Field)
			assert.Equal(t, r, f.get(t, r.ID))
		})
	}
	_, err := f.Decide(t.Context(), edited(r, clerk, map[string]string{"text": "x"}))
	require.ErrorIs(t, err, approval.ErrForbidden, "who may not decide may not edit")

	after, err := f.Decide(t.Context(), edited(r, manager, map[string]string{"text": "hello"}))
	require.NoError(t, err)
	assert.Equal(t, approval.Approved, after.State)
	assert.Equal(t, 1, after.Revision, "an edit that changes nothing approves what was shown")
	assert.Equal(t, r.Digest, after.Digest)
	assert.Empty(t, after.Edits)
}
