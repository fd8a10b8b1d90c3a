package shopifytest_test

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAdvance has a retry sent that is due in hours, without hours.
func TestAdvance(t *testing.T) {
	_ = newShop(t, nil) // the schema is parsed outside of the bubble
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int32
		s := bubbleShop(t, func(r *http.Request) (*http.Response, error) {
			if tries.Add(1) == 1 {
				return nil, errors.New("down")
			}
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
		}, []time.Duration{3 * time.Hour})
		defer func() { require.NoError(t, s.Close()) }()
		began := time.Now()
		ring(t, s)
		synctest.Wait()
		s.Advance(2 * time.Hour)
		synctest.Wait()
		assert.EqualValues(t, 1, tries.Load(), "not due yet")
		s.Advance(-time.Hour) // is no way to put it back
		s.Advance(time.Hour)
		synctest.Wait()
		assert.EqualValues(t, 2, tries.Load())
		require.NoError(t, s.WaitIdle(t.Context()))
		assert.Zero(t, time.Since(began), "nobody waited")
		assert.Equal(t, 3*time.Hour, s.Now().Sub(began))
		attempts := s.Deliveries()[0].Attempts
		require.Len(t, attempts, 2)
		assert.Equal(t, 3*time.Hour, attempts[1].At.Sub(attempts[0].At))
	})
}
