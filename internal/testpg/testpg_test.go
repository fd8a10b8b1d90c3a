package testpg_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/internal/testpg"
)

func TestURLGivesEachTestItsOwnDatabase(t *testing.T) {
	first, second := testpg.URL(t), testpg.URL(t)
	assert.NotEqual(t, first, second)
	for _, url := range []string{first, second} {
		conn, err := pgx.Connect(t.Context(), url)
		require.NoError(t, err)
		_, err = conn.Exec(t.Context(), `CREATE TABLE mine (n int)`)
		require.NoError(t, err, "the database is not empty")
		require.NoError(t, conn.Close(t.Context()))
	}
}
