package once_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval/internal/once"
)

func TestSetForgetsAfterTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := once.New(10)
		first, err := s.Add("a", time.Now().Add(time.Minute))
		require.NoError(t, err)
		assert.True(t, first)
		assert.True(t, s.Has("a"))

		time.Sleep(59 * time.Second)
		first, err = s.Add("a", time.Now().Add(time.Minute))
		require.NoError(t, err)
		assert.False(t, first, "a live key is not new, and adding it again does not prolong it")

		time.Sleep(time.Second)
		assert.False(t, s.Has("a"))
		first, err = s.Add("a", time.Now().Add(time.Minute))
		require.NoError(t, err)
		assert.True(t, first)
	})
}

func TestSetIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := once.New(3)
		for i := range 3 {
			first, err := s.Add(strconv.Itoa(i), time.Now().Add(time.Minute))
			require.NoError(t, err)
			require.True(t, first)
		}
		_, err := s.Add("one too many", time.Now().Add(time.Minute))
		require.ErrorIs(t, err, once.ErrFull)
		assert.True(t, s.Has("0"), "a full set forgets nothing that is live")

		time.Sleep(time.Minute)
		first, err := s.Add("one too many", time.Now().Add(time.Minute))
		require.NoError(t, err)
		assert.True(t, first)
	})
}

func TestSetHasOneWinner(t *testing.T) {
	s := once.New(100)
	var wins atomic.Int32
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			if first, err := s.Add("key", time.Now().Add(time.Minute)); err == nil && first {
				wins.Add(1)
			}
		})
	}
	wg.Wait()
	assert.Equal(t, int32(1), wins.Load())
}
