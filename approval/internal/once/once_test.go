package once_test

import (
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
	"github.com/posai-go/posai/approval/internal/once"
	"github.com/posai-go/posai/approval/sqlstore"
)

func add(t *testing.T, s *once.Set, key string, until time.Time) bool {
	t.Helper()
	first, err := s.Add(t.Context(), key, until)
	require.NoError(t, err)
	return first
}

func has(t *testing.T, s *once.Set, key string, until time.Time) bool {
	t.Helper()
	is, err := s.Has(t.Context(), key, until)
	require.NoError(t, err)
	return is
}

func TestSetForgetsAfterTheTime(t *testing.T) {
	for name, newSet := range map[string]func() *once.Set{
		"in memory":  func() *once.Set { return once.New(10) },
		"in a store": func() *once.Set { return once.In(approvaltest.NewMemory(), "used") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSet()
				until := time.Now().Add(time.Minute)
				assert.False(t, has(t, s, "a", until))
				assert.True(t, add(t, s, "a", until))
				assert.True(t, has(t, s, "a", until))
				assert.False(t, has(t, s, "b", until))

				time.Sleep(59 * time.Second)
				assert.False(t, add(t, s, "a", until), "a live key is not new")

				time.Sleep(time.Second)
				assert.False(t, has(t, s, "a", until))
				assert.True(t, add(t, s, "a", time.Now().Add(time.Minute)))
			})
		})
	}
}

func TestSetIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := once.New(3)
		until := time.Now().Add(time.Minute)
		for i := range 3 {
			require.True(t, add(t, s, strconv.Itoa(i), until))
		}
		_, err := s.Add(t.Context(), "one too many", until)
		require.ErrorIs(t, err, once.ErrFull)
		assert.True(t, has(t, s, "0", until), "a full set forgets nothing that is live")

		time.Sleep(time.Minute)
		assert.True(t, add(t, s, "one too many", time.Now().Add(time.Minute)))
	})
}

func TestAStoredSetDropsWhatHasExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := approvaltest.NewMemory()
		s := once.In(store, "used")
		for range 5 {
			for i := range 100 {
				require.True(t, add(t, s, strconv.Itoa(i), time.Now().Add(time.Minute)))
			}
			time.Sleep(2 * time.Hour)
		}
		require.True(t, add(t, s, "last", time.Now().Add(time.Minute)))
		docs, err := store.Documents(t.Context(), "used/", "", 1000)
		require.NoError(t, err)
		assert.Len(t, docs, 1)
	})
}

func TestAStoredSetSurvivesARestart(t *testing.T) {
	url := "sqlite://" + filepath.ToSlash(filepath.Join(t.TempDir(), "q.db"))
	until := time.Now().Add(time.Hour)
	for i := range 2 {
		store, err := sqlstore.Open(t.Context(), url, nil)
		require.NoError(t, err)
		var s approval.DocumentStore = store
		assert.Equal(t, i == 0, add(t, once.In(s, "used"), "a", until))
		assert.True(t, add(t, once.In(s, "other"), strconv.Itoa(i), until), "names are apart")
		require.NoError(t, store.Close())
	}
}

func TestSetHasOneWinner(t *testing.T) {
	for name, s := range map[string]*once.Set{"in memory": once.New(100), "in a store": once.In(approvaltest.NewMemory(), "used")} {
		t.Run(name, func(t *testing.T) {
			until := time.Now().Add(time.Minute)
			var wins atomic.Int32
			var wg sync.WaitGroup
			for range 32 {
				wg.Go(func() {
					if first, err := s.Add(t.Context(), "key", until); err == nil && first {
						wins.Add(1)
					}
				})
			}
			wg.Wait()
			assert.Equal(t, int32(1), wins.Load())
		})
	}
}
