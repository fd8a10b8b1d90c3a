package audit_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
)

func TestText(t *testing.T) {
	log := filled(t, 2)
	hostile := full()
	hostile.Note = "clear \x1b[2J screen\r\n   999  forged line \u202eback\u2066"
	_, err := log.Append(t.Context(), hostile)
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, audit.WriteText(&b, log.Trail(t.Context(), audit.Query{})))
	golden(t, "trail.golden.txt", b.Bytes())
	for _, c := range []string{"\x1b", "\r", "\u202e", "\u2066"} {
		assert.NotContains(t, b.String(), c)
	}
}

// Each line can be taken apart again and gives the leaf hash.
func TestJSONL(t *testing.T) {
	log := filled(t, 2)
	_, err := log.Append(t.Context(), full())
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, audit.WriteJSONL(&b, log.Trail(t.Context(), audit.Query{})))
	lines := bufio.NewScanner(&b)
	n := int64(0)
	for ; lines.Scan(); n++ {
		var line struct {
			Index    int64           `json:"index"`
			Entry    json.RawMessage `json:"entry"`
			LeafHash tlog.Hash       `json:"leaf_hash"`
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &line))
		assert.Equal(t, n, line.Index)
		assert.Equal(t, line.LeafHash, tlog.RecordHash(append(line.Entry, '\n')))
		var r audit.Record
		require.NoError(t, json.Unmarshal(lines.Bytes(), &r))
		want, err := log.At(t.Context(), n)
		require.NoError(t, err)
		assert.Equal(t, want, r)
	}
	assert.EqualValues(t, 3, n)
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errMedium }

func TestWritersPassErrorsOn(t *testing.T) {
	log := filled(t, 1)
	records := log.Trail(t.Context(), audit.Query{})
	require.ErrorIs(t, audit.WriteText(fullDisk{}, records), errMedium)
	require.ErrorIs(t, audit.WriteJSONL(fullDisk{}, records), errMedium)
	broken := func(yield func(audit.Record, error) bool) {
		yield(audit.Record{}, errors.Join(errMedium))
	}
	require.ErrorIs(t, audit.WriteText(new(bytes.Buffer), broken), errMedium)
}
