package witness_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/witness"
)

// patient waits for witnesses on a machine that is busy.
var patient = &witness.Options{Timeout: time.Minute}

// newLog returns a log of n entries, its key's verifiers and that key.
func newLog(t testing.TB, n int) (*audit.Log, note.Verifiers, note.Verifier) {
	t.Helper()
	signer, known := audittest.NewKey(t)
	log := openLog(t, signer, known)
	grow(t, log, 0, n)
	v, err := known.Verifier(signer.Name(), signer.KeyHash())
	require.NoError(t, err)
	return log, known, v
}

func openLog(t testing.TB, signer note.Signer, known note.Verifiers) *audit.Log {
	t.Helper()
	log, err := audit.Open(t.Context(), audittest.NewMemory(t), &audit.Options{Signer: signer, Verifiers: known, MaxWait: time.Minute})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	return log
}

func grow(t testing.TB, log *audit.Log, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		_, err := log.Append(t.Context(), audittest.Entry(i))
		require.NoError(t, err)
	}
}

// serve starts a witness and returns it as the policy sees it.
func serve(t testing.TB, w *audittest.Witness, name, vkey string) witness.Witness {
	t.Helper()
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	v, err := witness.NewVerifier(vkey)
	require.NoError(t, err)
	return witness.Witness{Name: name, Verifier: v, URL: server.URL + "/"}
}
