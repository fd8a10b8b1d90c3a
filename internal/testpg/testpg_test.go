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

func TestServerStopsAndStarts(t *testing.T) {
	server := testpg.NewServer(t)
	url := server.URL(t)
	exec := func(statement string) error {
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			return err
		}
		_, err = conn.Exec(t.Context(), statement)
		require.NoError(t, conn.Close(t.Context()))
		return err
	}
	require.NoError(t, exec(`CREATE TABLE mine (n int)`))
	server.Stop(t)
	require.Error(t, exec(`SELECT 1`))
	server.Start(t)
	require.NoError(t, exec(`INSERT INTO mine VALUES (1)`), "what was committed is there")
}
