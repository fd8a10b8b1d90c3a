package rollout_test

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/rollout"
)

// lateStore is a store one of whose answers arrives late.
type lateStore struct {
	approval.Store
	hold atomic.Pointer[func()]
}

func (s *lateStore) Document(ctx context.Context, name string) (approval.Document, error) {
	doc, err := s.Store.Document(ctx, name)
	if hold := s.hold.Swap(nil); hold != nil {
		(*hold)()
	}
	return doc, err
}

// Who read the state before a pause, and is held up, does not undo the pause.
func TestAPauseIsNotForgotten(t *testing.T) {
	f := newFixture(t)
	require.Equal(t, approval.Executed, f.settle(t, f.promote(t), approval.Approve).State)
	store := &lateStore{Store: f.state}
	r, err := rollout.New(plan(), store, f.log, nil)
	require.NoError(t, err)
	has := rollout.Subject{Location: main, Role: "lead"}
	for n := 0; f.Arm(t.Context(), has) != rollout.Treatment; n++ {
		require.Less(t, n, 100)
		has.Unit = strconv.Itoa(n)
	}

	isRead, goOn, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	hold := func() { close(isRead); <-goOn }
	store.hold.Store(&hold)
	go func() {
		defer close(done)
		assert.Equal(t, rollout.Treatment, r.Arm(t.Context(), has), "as it was when it was read")
	}()
	<-isRead
	require.NoError(t, r.Pause(t.Context(), manager, "complaints"))
	close(goOn)
	<-done
	assert.Equal(t, rollout.Off, r.Arm(t.Context(), has))
}
