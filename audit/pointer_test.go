package audit_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

func TestPointer(t *testing.T) {
	log, known := receipts(t, 6)
	decided := full()
	decided.ID = "decided"
	_, err := log.Append(t.Context(), decided)
	require.NoError(t, err)
	r, err := log.Receipt(t.Context(), 6)
	require.NoError(t, err)
	p, err := r.Pointer(known)
	require.NoError(t, err)
	text, err := json.Marshal(p)
	require.NoError(t, err)
	for _, private := range []string{"Customer", "manager", "tone", "floor"} {
		assert.NotContains(t, string(text), private, "a pointer is public")
	}
	var again audit.Pointer
	require.NoError(t, json.Unmarshal(text, &again))
	assert.Equal(t, p, again)
	assert.Equal(t, "approve", p.Verdict)
	assert.Equal(t, r.Digest(), p.Receipt)

	appendTo(t, log, 50)
	later, err := log.Receipt(t.Context(), 6)
	require.NoError(t, err)
	for _, receipt := range []*audit.Receipt{r, later} {
		record, err := again.Verify(receipt, known)
		require.NoError(t, err)
		assert.Equal(t, "decided", record.Entry.ID)
	}
	other, err := log.Receipt(t.Context(), 5)
	require.NoError(t, err)
	_, err = again.Verify(other, known)
	require.ErrorIs(t, err, audit.ErrCorrupt)
	_, strangers := audittest.NewKey(t)
	_, err = again.Verify(r, strangers)
	require.ErrorIs(t, err, audit.ErrCheckpoint)
	_, err = r.Pointer(strangers)
	require.ErrorIs(t, err, audit.ErrCheckpoint)
}
