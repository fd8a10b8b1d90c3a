package filestore_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/filestore"
)

// TestMain turns the test program into the process that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("AUDIT_TEST_APPEND_TO"); dir != "" {
		if err := appendForever(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if dir := os.Getenv("AUDIT_TEST_LIVE_IN"); dir != "" {
		if err := live(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// appendForever appends from several goroutines and prints each ID after it is
// acknowledged.
func appendForever(dir string) error {
	ctx := context.Background()
	store, err := filestore.Open(dir, small())
	if err != nil {
		return err
	}
	log, err := audit.Open(ctx, store, patient)
	if err != nil {
		return err
	}
	failed := make(chan error)
	for range 4 {
		go func() {
			for {
				e := audittest.Entry(0)
				e.ID = ""
				r, err := log.Append(ctx, e)
				if err != nil {
					failed <- err
					return
				}
				fmt.Println(r.Entry.ID) // one write: a line is printed whole
			}
		}()
	}
	return <-failed
}

func TestKill(t *testing.T) {
	const rounds = 12
	exe, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for round := range rounds {
		cmd := exec.CommandContext(t.Context(), exe)
		cmd.Env = append(os.Environ(), "AUDIT_TEST_APPEND_TO="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for n := rand.IntN(600); n >= 0 && lines.Scan(); n-- {
			acknowledged[lines.Text()] = true
		}
		require.NoError(t, cmd.Process.Kill())
		for lines.Scan() { // what it had printed before it died
			acknowledged[lines.Text()] = true
		}
		require.Error(t, cmd.Wait(), "it was killed")

		store, log := openLog(t, dir)
		for id := range acknowledged {
			_, err := log.Get(t.Context(), id)
			require.NoError(t, err, "round %d: %s was acknowledged", round, id)
		}
		report, err := log.Verify(t.Context())
		require.NoError(t, err)
		assert.GreaterOrEqual(t, report.Entries, int64(len(acknowledged)))
		require.NoError(t, log.Close())
		require.NoError(t, store.Close())
	}
	require.Greater(t, len(acknowledged), rounds)
	bundles, err := filepath.Glob(filepath.Join(dir, "tile/entries/*"))
	require.NoError(t, err)
	require.NotEmpty(t, bundles, "some were killed while they archived")
}
