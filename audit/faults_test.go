package audit_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

// Whatever write fails, and whether or not it was kept: what was acknowledged is
// there, what is uncertain is settled by appending it again, and every entry is
// there once.
func TestFaultOfTheStoreAtEveryWrite(t *testing.T) {
	const n = 12
	for _, moment := range []audittest.Moment{audittest.BeforeWrite, audittest.AfterWrite} {
		for at := range n {
			t.Run(fmt.Sprintf("%d at %d", moment, at), func(t *testing.T) {
				store := audittest.NewFaults(audittest.NewMemory(t))
				store.FailAfter(at, moment, errMedium)
				log, err := audit.Open(t.Context(), store, nil)
				require.NoError(t, err)
				acknowledged := 0
				for i := range n {
					_, err := log.Append(t.Context(), audittest.Entry(i))
					switch {
					case i < at:
						require.NoError(t, err)
						acknowledged++
					case i == at:
						require.ErrorIs(t, err, audit.ErrUncertain)
					default:
						require.ErrorIs(t, err, audit.ErrUnavailable)
					}
				}
				assert.Equal(t, at, acknowledged)
				require.NoError(t, log.Close())

				store.Heal()
				log = open(t, store, nil)
				want := int64(at)
				if moment == audittest.AfterWrite {
					want++
				}
				assert.Equal(t, want, log.Size())
				for i := range n {
					r, err := log.Append(t.Context(), audittest.Entry(i))
					require.NoError(t, err)
					assert.EqualValues(t, i, r.Index)
				}
				assert.EqualValues(t, n, log.Size())
				_, err = log.Verify(t.Context())
				require.NoError(t, err)
			})
		}
	}
}
