package sqldb_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/internal/sqldb"
)

func TestLock(t *testing.T) {
	url := "sqlite://" + filepath.Join(t.TempDir(), "lock.db")
	var handles []*sqldb.DB
	for range 2 {
		db, err := sqldb.Open(t.Context(), url)
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, db.Close()) })
		handles = append(handles, db)
	}
	inside, most := 0, 0
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			unlock, err := handles[i%2].Lock(t.Context(), "a")
			if !assert.NoError(t, err) {
				return
			}
			defer unlock()
			mu.Lock()
			inside++
			most = max(most, inside)
			mu.Unlock()
			_, err = handles[i%2].ExecContext(t.Context(), `SELECT 1`) // the connection is free
			assert.NoError(t, err)
			mu.Lock()
			inside--
			mu.Unlock()
		})
	}
	wg.Wait()
	assert.Equal(t, 1, most)

	unlock, err := handles[0].Lock(t.Context(), "a")
	require.NoError(t, err)
	other, err := handles[1].Lock(t.Context(), "b")
	require.NoError(t, err, "another name")
	other()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = handles[1].Lock(ctx, "a")
	require.ErrorIs(t, err, context.Canceled)
	unlock()
	unlock, err = handles[1].Lock(t.Context(), "a")
	require.NoError(t, err)
	unlock()
}
