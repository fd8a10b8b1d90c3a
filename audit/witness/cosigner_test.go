package witness_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/witness"
)

func TestCosign(t *testing.T) {
	log, known, key := newLog(t, 5)
	one := audittest.NewWitness(t, "witness.example.com/one", known)
	two := audittest.NewWitness(t, "witness.example.com/two", known)
	policy, err := witness.NewPolicy(key, 2,
		serve(t, one, "one", one.Ed25519Key()), serve(t, two, "two", two.MLDSAKey()))
	require.NoError(t, err)
	cosigner, err := witness.NewCosigner(policy, patient)
	require.NoError(t, err)

	begin := time.Now().Add(-2 * time.Second)
	for _, size := range []int{5, 5, 6, 40} { // the same again is cosigned again
		grow(t, log, 0, size)
		cosigned, err := cosigner.Cosign(t.Context(), log)
		require.NoError(t, err)
		assert.EqualValues(t, size, cosigned.Size)
		assert.EqualValues(t, size, one.Size("example.com/log"))

		c, seen, err := policy.Check(cosigned.Note)
		require.NoError(t, err)
		assert.Equal(t, cosigned.Checkpoint, c)
		require.Len(t, seen, 2)
		for i, name := range []string{"one", "two"} {
			assert.Equal(t, name, seen[i].Witness)
			assert.WithinRange(t, seen[i].Time, begin, time.Now().Add(2*time.Second))
			assert.NoError(t, cosigned.Outcomes[i].Err)
		}
		plain, err := audit.ParseCheckpoint(cosigned.Note, known)
		require.NoError(t, err, "who knows no witness still reads it")
		assert.Equal(t, c, plain)

		receipt, err := log.ReceiptFor(t.Context(), 3, cosigned.Note)
		require.NoError(t, err)
		text, err := receipt.MarshalText()
		require.NoError(t, err)
		var r audit.Receipt
		require.NoError(t, r.UnmarshalText(text))
		record, _, err := r.Verify(known)
		require.NoError(t, err)
		assert.Equal(t, audittest.Entry(3).ID, record.Entry.ID)
		_, _, err = policy.Check(r.Checkpoint)
		require.NoError(t, err, "the receipt carries the cosignatures")
	}
}

// A cosigner that was restarted learns from the witness what it has seen.
func TestCosignAfterRestart(t *testing.T) {
	log, known, key := newLog(t, 3)
	w := audittest.NewWitness(t, "witness.example.com", known)
	policy, err := witness.NewPolicy(key, 1, serve(t, w, "w", w.Ed25519Key()))
	require.NoError(t, err)
	for _, size := range []int{3, 3, 9} {
		grow(t, log, 0, size)
		cosigner, err := witness.NewCosigner(policy, patient)
		require.NoError(t, err)
		cosigned, err := cosigner.Cosign(t.Context(), log)
		require.NoError(t, err)
		assert.EqualValues(t, size, cosigned.Size)
	}
}

// What a log's owner might do: put it back, or rewrite it, with the real key.
func TestWitnessesNoticeAnotherHistory(t *testing.T) {
	signer, known := audittest.NewKey(t)
	key, err := known.Verifier(signer.Name(), signer.KeyHash())
	require.NoError(t, err)
	w := audittest.NewWitness(t, "witness.example.com", known)
	policy, err := witness.NewPolicy(key, 1, serve(t, w, "w", w.Ed25519Key()))
	require.NoError(t, err)
	good := openLog(t, signer, known)
	grow(t, good, 0, 8)
	cosigner, err := witness.NewCosigner(policy, patient)
	require.NoError(t, err)
	_, err = cosigner.Cosign(t.Context(), good)
	require.NoError(t, err)

	for _, tt := range []struct {
		name    string
		entries []int
		alarm   error
	}{
		{"put back", []int{0, 1, 2}, witness.ErrAhead},
		{"put back to nothing", nil, witness.ErrAhead},
		{"same size, another entry", []int{0, 1, 2, 3, 4, 5, 6, 70}, witness.ErrInconsistent},
		{"larger, another entry", []int{0, 1, 20, 3, 4, 5, 6, 7, 8, 9}, witness.ErrInconsistent},
	} {
		for _, fresh := range []bool{false, true} {
			t.Run(tt.name, func(t *testing.T) {
				bad := openLog(t, signer, known)
				for _, i := range tt.entries {
					grow(t, bad, i, i+1)
				}
				asks := cosigner
				if fresh {
					asks, err = witness.NewCosigner(policy, patient)
					require.NoError(t, err)
				}
				result, err := asks.Cosign(t.Context(), bad)
				require.ErrorIs(t, err, witness.ErrQuorum)
				require.ErrorIs(t, err, tt.alarm)
				require.ErrorIs(t, result.Outcomes[0].Err, tt.alarm)
				_, _, err = policy.Check(result.Note)
				require.ErrorIs(t, err, witness.ErrQuorum)
			})
		}
	}
	assert.EqualValues(t, 8, w.Size("example.com/log"))
}

func TestQuorumDespiteBadWitnesses(t *testing.T) {
	log, known, key := newLog(t, 7)
	good := audittest.NewWitness(t, "witness.example.com/good", known)
	other := audittest.NewWitness(t, "witness.example.com/bad", known) // has other keys than the policy says
	answer := func(status int, contentType, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
			return true
		}
	}
	const plain, size = "text/plain", "text/x.tlog.size"
	for _, tt := range []struct {
		name  string
		fault func(http.ResponseWriter, *http.Request) bool
		want  error
	}{
		{"a server error", answer(500, plain, ""), witness.ErrUnreachable},
		{"busy", answer(429, plain, ""), witness.ErrUnreachable},
		{"unknown log", answer(404, plain, ""), witness.ErrRefused},
		{"unknown key", answer(403, plain, ""), witness.ErrRefused},
		{"inconsistent", answer(422, plain, ""), witness.ErrInconsistent},
		{"an empty answer", answer(200, plain, ""), witness.ErrUnreachable},
		{"nonsense", answer(200, plain, "— witness.example.com/bad AAAA\n\n\x00"), witness.ErrUnreachable},
		{"an immense answer", answer(200, plain, strings.Repeat("— x AAAAAAAA\n", 1<<20)), witness.ErrUnreachable},
		{"an immense size", answer(409, size, strings.Repeat("9", 40)), witness.ErrUnreachable},
		{"a negative size", answer(409, size, "-4\n"), witness.ErrUnreachable},
		{"a size that it refuses", answer(409, size, "3\n"), witness.ErrUnreachable},
		{"a larger size", answer(409, size, "8\n"), witness.ErrAhead},
		{"another root", answer(409, plain, ""), witness.ErrInconsistent},
		{"no answer", hang, witness.ErrUnreachable},
		{"another key", nil, witness.ErrUnreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bad := audittest.NewWitness(t, "witness.example.com/bad", known)
			bad.SetFault(tt.fault)
			vkey := bad.Ed25519Key()
			if tt.name == "another key" {
				vkey = other.Ed25519Key()
			}
			policy, err := witness.NewPolicy(key, 1,
				serve(t, bad, "bad", vkey), serve(t, good, "good", good.MLDSAKey()))
			require.NoError(t, err)
			opts := &witness.Options{Timeout: time.Minute}
			if tt.name == "no answer" {
				opts.Timeout = 300 * time.Millisecond
			}
			cosigner, err := witness.NewCosigner(policy, opts)
			require.NoError(t, err)
			result, err := cosigner.Cosign(t.Context(), log)
			if tt.name != "no answer" { // where the good one may be too slow as well
				require.NoError(t, err)
				require.NoError(t, result.Outcomes[1].Err)
			}
			require.ErrorIs(t, result.Outcomes[0].Err, tt.want)
		})
	}
}

// hang does not answer until the client is gone, which the server notices once
// the body is read.
func hang(_ http.ResponseWriter, r *http.Request) bool {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
	return true
}

// A witness that answers with its signature on an earlier checkpoint.
func TestCosignatureOnAnotherCheckpoint(t *testing.T) {
	log, known, key := newLog(t, 7)
	w := audittest.NewWitness(t, "witness.example.com", known)
	policy, err := witness.NewPolicy(key, 1, serve(t, w, "w", w.Ed25519Key()))
	require.NoError(t, err)
	cosigner, err := witness.NewCosigner(policy, patient)
	require.NoError(t, err)
	early, err := cosigner.Cosign(t.Context(), log)
	require.NoError(t, err)
	grow(t, log, 7, 9)
	w.SetFault(func(rw http.ResponseWriter, _ *http.Request) bool {
		lines := strings.SplitAfter(strings.TrimSuffix(string(early.Note), "\n"), "\n")
		_, _ = io.WriteString(rw, lines[len(lines)-1]+"\n")
		return true
	})
	_, err = cosigner.Cosign(t.Context(), log)
	require.ErrorIs(t, err, witness.ErrUnreachable)
}

func TestCosignEndsWithItsContext(t *testing.T) {
	log, known, key := newLog(t, 1)
	w := audittest.NewWitness(t, "witness.example.com", known)
	ctx, cancel := context.WithCancel(t.Context())
	w.SetFault(func(_ http.ResponseWriter, r *http.Request) bool {
		cancel()
		return hang(nil, r)
	})
	policy, err := witness.NewPolicy(key, 1, serve(t, w, "w", w.Ed25519Key()))
	require.NoError(t, err)
	cosigner, err := witness.NewCosigner(policy, &witness.Options{Timeout: time.Hour})
	require.NoError(t, err)
	_, err = cosigner.Cosign(ctx, log)
	require.ErrorIs(t, err, context.Canceled)
}

func TestRun(t *testing.T) {
	log, known, key := newLog(t, 2)
	w := audittest.NewWitness(t, "witness.example.com", known)
	policy, err := witness.NewPolicy(key, 1, serve(t, w, "w", w.Ed25519Key()))
	require.NoError(t, err)
	cosigner, err := witness.NewCosigner(policy, patient)
	require.NoError(t, err)
	stop := errors.New("stop")
	w.SetFault(func(rw http.ResponseWriter, _ *http.Request) bool {
		rw.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	var sizes []int64
	failed := false
	err = cosigner.Run(t.Context(), log, time.Millisecond, func(_ context.Context, c *witness.Cosigned, err error) error {
		if err != nil { // it is tried again
			require.ErrorIs(t, err, witness.ErrQuorum)
			failed = true
			w.SetFault(nil)
			return nil
		}
		sizes = append(sizes, c.Size)
		if c.Size == 4 {
			return stop
		}
		grow(t, log, 2, 4)
		return nil
	})
	require.ErrorIs(t, err, stop)
	assert.True(t, failed)
	assert.Equal(t, []int64{2, 4}, sizes, "only what has grown is cosigned again")

	ctx, cancel := context.WithCancel(t.Context())
	err = cosigner.Run(ctx, log, time.Hour, func(context.Context, *witness.Cosigned, error) error { cancel(); return nil })
	require.ErrorIs(t, err, context.Canceled)
}
