package interop_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	fnote "github.com/transparency-dev/formats/note"
	fwitness "github.com/transparency-dev/formats/witness"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/witness/persistence/inmemory"
	theirs "github.com/transparency-dev/witness/witness"
	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/witness"
)

// runWitness starts transparency-dev's witness, which knows the log, with keys of
// both types. It returns its URL and the keys.
func runWitness(t *testing.T, log note.Verifier) (url string, ed25519, mldsa string) {
	t.Helper()
	const name = "witness.example.com/theirs"
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	require.NoError(t, err)
	signer, err := fnote.NewSignerForCosignatureV1(skey)
	require.NoError(t, err)
	ed25519, err = fnote.VKeyToCosignatureV1(vkey)
	require.NoError(t, err)
	quantumKey, mldsa, err := fnote.GenerateMLDSAKey(name)
	require.NoError(t, err)
	quantum, err := fnote.NewMLDSASigner(quantumKey)
	require.NoError(t, err)
	w, err := theirs.New(t.Context(), theirs.Opts{
		Persistence: inmemory.New(), Signers: []note.Signer{signer, quantum},
		VerifierForLog: func(_ context.Context, asked string) (note.Verifier, bool, error) {
			return log, asked == log.Name(), nil
		},
	})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", theirs.NewHTTPHandler(w).AddCheckpoint)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, ed25519, mldsa
}

// Our client gets cosignatures of a witness that others have written, and their
// policies are satisfied by what it makes of them.
func TestWitness(t *testing.T) {
	signer, verifier := newKey(t)
	store := audittest.NewMemory(t)
	fill(t, store, signer, 5)
	log := openLog(t, store, signer, verifier)
	url, ed25519, mldsa := runWitness(t, verifier)
	for name, vkey := range map[string]string{"Ed25519": ed25519, "ML-DSA-44": mldsa} {
		t.Run(name, func(t *testing.T) {
			text := fmt.Sprintf("witness W %s %s\nquorum W\n", vkey, url)
			policy, err := witness.ParsePolicy([]byte(text))
			require.NoError(t, err)
			policy.Logs = []witness.Log{{Verifier: verifier}}
			cosigner, err := witness.NewCosigner(policy, patient)
			require.NoError(t, err)
			for range 3 {
				e := audittest.Entry(int(log.Size()))
				_, err := log.Append(t.Context(), e)
				require.NoError(t, err)
				cosigned, err := cosigner.Cosign(t.Context(), log)
				require.NoError(t, err)
				_, seen, err := policy.Check(cosigned.Note)
				require.NoError(t, err)
				assert.Len(t, seen, 1)

				group, err := fwitness.ParsePolicy([]byte(text))
				require.NoError(t, err)
				assert.True(t, group.Satisfied(cosigned.Note))
				if name == "Ed25519" {
					group, err := tessera.NewWitnessGroupFromPolicy([]byte(text))
					require.NoError(t, err)
					assert.True(t, group.Satisfied(cosigned.Note))
				}
			}
		})
	}
	t.Run("another history", func(t *testing.T) {
		other := audittest.NewMemory(t)
		fill(t, other, signer, 3)
		forked := openLog(t, other, signer, verifier)
		for i := range 9 {
			e := audittest.Entry(100 + i)
			_, err := forked.Append(t.Context(), e)
			require.NoError(t, err)
		}
		policy, err := witness.ParsePolicy(fmt.Appendf(nil, "witness W %s %s\nquorum W\n", ed25519, url))
		require.NoError(t, err)
		policy.Logs = []witness.Log{{Verifier: verifier}}
		cosigner, err := witness.NewCosigner(policy, patient)
		require.NoError(t, err)
		_, err = cosigner.Cosign(t.Context(), forked)
		require.ErrorIs(t, err, witness.ErrInconsistent)
	})
}

// The witness of our test kit cosigns what their verifiers accept.
func TestOurWitness(t *testing.T) {
	signer, verifier := newKey(t)
	store := audittest.NewMemory(t)
	fill(t, store, signer, 5)
	log := openLog(t, store, signer, verifier)
	ours := audittest.NewWitness(t, "witness.example.com/ours", note.VerifierList(verifier))
	server := httptest.NewServer(ours)
	defer server.Close()
	text := fmt.Appendf(nil, "witness A %s %s\nwitness B %s %s\ngroup G all A B\nquorum G\n", ours.Ed25519Key(), server.URL, ours.MLDSAKey(), server.URL)
	policy, err := witness.ParsePolicy(text)
	require.NoError(t, err)
	policy.Logs = []witness.Log{{Verifier: verifier}}
	cosigner, err := witness.NewCosigner(policy, patient)
	require.NoError(t, err)
	cosigned, err := cosigner.Cosign(t.Context(), log)
	require.NoError(t, err)
	ed, err := fnote.NewVerifierForCosignatureV1(ours.Ed25519Key())
	require.NoError(t, err)
	quantum, err := fnote.NewMLDSAVerifier(ours.MLDSAKey())
	require.NoError(t, err)
	n, err := note.Open(cosigned.Note, note.VerifierList(verifier, ed, quantum))
	require.NoError(t, err)
	assert.Len(t, n.Sigs, 3)
	for _, sig := range n.Sigs[1:] {
		theirTime, err := fnote.CoSigV1Timestamp(sig)
		require.NoError(t, err)
		at, err := witness.Time(sig)
		require.NoError(t, err)
		assert.True(t, at.Equal(theirTime))
	}
}
