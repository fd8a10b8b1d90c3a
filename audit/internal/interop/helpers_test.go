package interop_test

import (
	"crypto/rand"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/filestore"
	"github.com/posai-go/posai/audit/sqlstore"
	"github.com/posai-go/posai/audit/tiles"
	"github.com/posai-go/posai/audit/witness"
	"github.com/posai-go/posai/internal/testpg"
)

const origin = "example.com/audit/pos"

// newKey returns a key of the log.
func newKey(t testing.TB) (note.Signer, note.Verifier) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	require.NoError(t, err)
	signer, err := note.NewSigner(skey)
	require.NoError(t, err)
	verifier, err := note.NewVerifier(vkey)
	require.NoError(t, err)
	return signer, verifier
}

// patient waits for witnesses on a machine that is busy.
var patient = &witness.Options{Timeout: time.Minute}

// openLog opens a log on the store.
func openLog(t testing.TB, store audit.Store, signer note.Signer, verifier note.Verifier) *audit.Log {
	t.Helper()
	log, err := audit.Open(t.Context(), store, &audit.Options{Signer: signer, Verifiers: note.VerifierList(verifier), MaxWait: time.Minute})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	return log
}

// fill appends batches of these sizes, from an empty store on.
func fill(t testing.TB, store audit.Store, signer note.Signer, sizes ...int) {
	t.Helper()
	have := int64(0)
	if msg, err := store.Checkpoint(t.Context()); err == nil && msg != nil {
		c, err := audit.UnverifiedCheckpoint(msg)
		require.NoError(t, err)
		have = c.Size
	}
	for _, b := range audittest.Batches(t, signer, sizes...) {
		if b.First >= have {
			require.NoError(t, store.Append(t.Context(), b))
		}
	}
}

// stores are the stores of this module.
func stores(t *testing.T) map[string]func(*testing.T) audit.Store {
	t.Helper()
	return map[string]func(*testing.T) audit.Store{
		"files": func(t *testing.T) audit.Store {
			s, err := filestore.Open(t.TempDir(), nil)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, s.Close()) })
			return s
		},
		"PostgreSQL": func(t *testing.T) audit.Store {
			s, err := sqlstore.Open(t.Context(), testpg.URL(t), nil)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, s.Close()) })
			return s
		},
	}
}

// publish serves the store as tiles and returns the prefix.
func publish(t *testing.T, store audit.Reader) *url.URL {
	t.Helper()
	server := httptest.NewServer(tiles.Handler(store))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	return u
}
