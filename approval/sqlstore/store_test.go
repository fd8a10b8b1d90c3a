package sqlstore_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
	"github.com/posai-go/posai/approval/sqlstore"
	"github.com/posai-go/posai/internal/testpg"
)

// onBoth runs test on a fresh SQLite file and on a fresh PostgreSQL database.
func onBoth(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, sqliteURL(t))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, testpg.URL(t))
	})
}

func sqliteURL(t *testing.T) string {
	return "sqlite://" + filepath.ToSlash(filepath.Join(t.TempDir(), "approval.db"))
}

func open(t *testing.T, url string, opts *sqlstore.Options) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), url, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	approvaltest.TestStore(t, func(t *testing.T) approval.Store { return open(t, sqliteURL(t), nil) })
}

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	approvaltest.TestStore(t, func(t *testing.T) approval.Store { return open(t, testpg.URL(t), nil) })
}
