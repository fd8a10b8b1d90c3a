package approvaltest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
)

func testWakeSoon(t *testing.T, s approval.Store) {
	wakes := make(chan approval.Wake, 10)
	start(t, s, func(ctx context.Context, w approval.Wake) (time.Duration, error) {
		r, err := s.Get(ctx, w.RequestID)
		if assert.NoError(t, err, "woken before the commit") {
			assert.Equal(t, w.RequestID, r.Request.ID)
		}
		wakes <- w
		return 0, nil
	})
	r := insert(t, s, sample("a"), time.Time{})
	w := receive(t, wakes)
	assert.Equal(t, r.Request.ID, w.RequestID)
	alive, err := s.Alive(t.Context(), w.Worker)
	require.NoError(t, err)
	assert.True(t, alive, "the worker that was woken")
	for _, other := range []string{"", "somebody else"} {
		alive, err = s.Alive(t.Context(), other)
		require.NoError(t, err)
		assert.False(t, alive, "worker %q", other)
	}
	_, err = s.Update(t.Context(), r, time.Now().Add(-time.Hour))
	require.NoError(t, err)
	assert.Equal(t, r.Request.ID, receive(t, wakes).RequestID, "an update wakes too")
}

func testWakeNamed(t *testing.T, s approval.Store) {
	waker, ok := s.(approval.Waker)
	if !ok {
		return // it is optional
	}
	wakes := make(chan string, 10)
	start(t, s, func(_ context.Context, w approval.Wake) (time.Duration, error) {
		wakes <- w.RequestID
		return 0, nil
	})
	a, b := insert(t, s, sample("a")), insert(t, s, sample("b"))
	require.NoError(t, waker.Wake(t.Context(), nil))
	require.NoError(t, waker.Wake(t.Context(), []string{a.Request.ID, b.Request.ID}))
	assert.ElementsMatch(t, []string{a.Request.ID, b.Request.ID}, []string{receive(t, wakes), receive(t, wakes)})
	again, err := s.Get(t.Context(), a.Request.ID)
	require.NoError(t, err)
	assert.Equal(t, a, again, "it did not change")
}

func testWakeAt(t *testing.T, s approval.Store) {
	type woken struct {
		id string
		at time.Time
	}
	wakes := make(chan woken, 10)
	start(t, s, func(_ context.Context, w approval.Wake) (time.Duration, error) {
		wakes <- woken{w.RequestID, time.Now()}
		return 0, nil
	})
	at := time.Now().Add(700 * time.Millisecond)
	r := insert(t, s, sample("a"), at, time.Time{})
	assert.Equal(t, r.Request.ID, receive(t, wakes).id)
	second := receive(t, wakes)
	assert.Equal(t, r.Request.ID, second.id)
	assert.False(t, second.at.Before(at), "%v early", at.Sub(second.at))
}

func testWakeAgain(t *testing.T, s approval.Store) {
	times := make(chan time.Time, 10)
	n := 0
	start(t, s, func(context.Context, approval.Wake) (time.Duration, error) {
		times <- time.Now()
		switch n++; n {
		case 1:
			return 300 * time.Millisecond, nil
		case 2:
			return 0, errors.New("the database was away")
		}
		return 0, nil
	})
	insert(t, s, sample("a"), time.Time{})
	first, second := receive(t, times), receive(t, times)
	assert.GreaterOrEqual(t, second.Sub(first), 300*time.Millisecond)
	receive(t, times)
}

func testNoWake(t *testing.T, s approval.Store) {
	wakes := make(chan string, 10)
	start(t, s, func(_ context.Context, w approval.Wake) (time.Duration, error) {
		wakes <- w.RequestID
		return 0, nil
	})
	a := insert(t, s, sample("a"))
	_, inserted, err := s.Insert(t.Context(), sample("a"), time.Time{})
	require.NoError(t, err)
	require.False(t, inserted)
	stale := *a
	stale.Version = 9
	_, err = s.Update(t.Context(), &stale, time.Time{})
	require.ErrorIs(t, err, approval.ErrConflict)
	_, err = s.Update(t.Context(), sample("nothing"), time.Time{})
	require.ErrorIs(t, err, approval.ErrNotFound)
	// Alarms ring in the order in which they were set, or nearly so: after
	// this one the others would have.
	b := insert(t, s, sample("b"), time.Time{})
	require.Equal(t, b.Request.ID, receive(t, wakes))
	assert.Never(t, func() bool { return len(wakes) > 0 }, 100*time.Millisecond, 10*time.Millisecond)
}

func testWakeAfterStart(t *testing.T, s approval.Store) {
	r := insert(t, s, sample("a"), time.Time{})
	wakes := make(chan approval.Wake, 10)
	hook := func(_ context.Context, w approval.Wake) (time.Duration, error) {
		wakes <- w
		return 0, nil
	}
	require.NoError(t, s.Start(t.Context(), approval.Hooks{Wake: hook}))
	first := receive(t, wakes)
	assert.Equal(t, r.Request.ID, first.RequestID)
	require.Error(t, s.Start(t.Context(), approval.Hooks{Wake: hook}), "it is started")
	require.NoError(t, s.Stop(t.Context()))
	require.NoError(t, s.Stop(t.Context()), "stopping twice")

	_, err := s.Update(t.Context(), r, time.Time{})
	require.NoError(t, err)
	start(t, s, hook)
	receive(t, wakes)
}

func testStop(t *testing.T, s approval.Store) {
	entered, leave := make(chan string, 10), make(chan struct{})
	hook := func(ctx context.Context, w approval.Wake) (time.Duration, error) {
		entered <- w.Worker
		select {
		case <-leave:
			return 0, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	require.NoError(t, s.Start(t.Context(), approval.Hooks{Wake: hook}))
	r := insert(t, s, sample("a"), time.Time{})
	worker := receive(t, entered)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Stop(ctx), context.Canceled)
	alive, err := s.Alive(t.Context(), worker)
	require.NoError(t, err)
	assert.False(t, alive, "a worker that was stopped")

	start(t, s, hook)
	receive(t, entered) // what was cut short is done again
	done := make(chan error, 1)
	go func() { done <- s.Stop(context.WithoutCancel(t.Context())) }()
	assert.Never(t, func() bool { return len(done) > 0 }, 50*time.Millisecond, 5*time.Millisecond, "stop did not wait")
	close(leave)
	require.NoError(t, receive(t, done))
	_, err = s.Get(t.Context(), r.Request.ID)
	require.NoError(t, err, "a stopped store can be read")
}
