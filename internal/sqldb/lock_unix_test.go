//go:build unix

package sqldb_test

import (
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/internal/sqldb"
)

// TestReopenedWhileProcessesStart: a process that is being started has copies of
// all open files for a moment, and must not hold a lock that was given back.
func TestReopenedWhileProcessesStart(t *testing.T) {
	url, nothing := fileURL(t), filepath.Join(t.TempDir(), "nothing")
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if exec.CommandContext(t.Context(), nothing).Run() == nil { // a fork is enough
					return
				}
			}
		})
	}
	defer wg.Wait()
	defer close(done)
	for range 100 {
		db, err := sqldb.Open(t.Context(), url)
		require.NoError(t, err)
		require.NoError(t, db.Close())
	}
}
