package approval_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
)

func TestUndo(t *testing.T) {
	// Notes are free; taking one back needs a manager.
	policy := approval.Rules("1",
		approval.Rule{When: approval.KindIs("test.note"), Then: approval.Allow("a note")},
		approval.Rule{When: approval.KindIs("test.note.undo"), Then: approval.Ask(approval.Role("manager"), time.Hour, "it is gone then")})
	f := newBareQueue(t, policy, &approval.Options{Backoff: func(int) time.Duration { return time.Millisecond }})
	var undone atomic.Int32
	require.NoError(t, approval.Register(f.Queue, approval.Executor[note, receipt]{
		Settle:  -1,
		Execute: func(context.Context, approval.Execution, note) (receipt, error) { return receipt{42}, nil },
		Undo: func(_ context.Context, _ approval.Execution, n note, r receipt) error {
			assert.Equal(t, note{Text: "a", Pennies: 5}, n)
			assert.Equal(t, 42, r.Number)
			undone.Add(1)
			return approval.Unknown(errors.New("the answer got lost"))
		},
		FindUndone: func(context.Context, approval.Execution, note, receipt) (bool, error) { return undone.Load() > 0, nil },
	}))
	f.start(t)
	r := f.propose(t, note{Text: "a", Pennies: 5})
	f.reaches(t, r.ID, approval.Executed)

	u, err := f.Undo(t.Context(), r.ID, clerk, "a mistake")
	require.NoError(t, err)
	assert.Equal(t, "test.note.undo", u.Kind)
	assert.Equal(t, "Undo: A note", u.Preview.Title)
	assert.Equal(t, approval.Money{Amount: "0.05", Currency: "GBP"}, u.Amount)
	again, err := f.Undo(t.Context(), r.ID, manager, "me too")
	require.NoError(t, err)
	assert.Equal(t, u.ID, again.ID, "once")
	assert.Equal(t, u.ID, f.get(t, r.ID).UndoRequest)
	_, err = f.Decide(t.Context(), approve(u, manager))
	require.NoError(t, err)
	f.reaches(t, u.ID, approval.Executed)
	assert.EqualValues(t, 1, undone.Load())
	// The entry follows the change that it is about.
	require.Eventually(t, func() bool {
		kinds := f.trail(t, u.ID)
		return kinds[len(kinds)-1] == audit.KindCompensated
	}, patience, 5*time.Millisecond)
}

func TestUndoRefuses(t *testing.T) {
	f := newQueue(t, askManager, nil) // its executor has no Undo
	f.start(t)
	r := f.propose(t, note{Text: "a"})
	_, err := f.Undo(t.Context(), r.ID, clerk, "")
	require.ErrorIs(t, err, approval.ErrInvalid, "nothing happened yet")
	_, err = f.Decide(t.Context(), approve(r, manager))
	require.NoError(t, err)
	f.reaches(t, r.ID, approval.Executed)
	_, err = f.Undo(t.Context(), r.ID, clerk, "")
	require.ErrorIs(t, err, approval.ErrInvalid, "it cannot be undone")
	_, err = f.Undo(t.Context(), "nothing", clerk, "")
	require.ErrorIs(t, err, approval.ErrNotFound)
}
