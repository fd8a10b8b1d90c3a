package approvaltest

import (
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
)

func testDocument(t *testing.T, s approval.Store) {
	none, err := s.Document(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, approval.Document{Name: "a"}, none, "there is none yet")

	first := approval.Document{Name: "a", Data: json.RawMessage(`{"text":"<&>\u2028","n":12345678901234567890}`)}
	stored, err := s.SetDocument(t.Context(), first)
	require.NoError(t, err)
	assert.EqualValues(t, 1, stored.Version)
	got, err := s.Document(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, stored, got)
	assert.Equal(t, string(first.Data), string(got.Data), "byte for byte")

	_, err = s.SetDocument(t.Context(), first)
	require.ErrorIs(t, err, approval.ErrConflict, "there is one by now")
	got.Data = json.RawMessage(`{}`)
	second, err := s.SetDocument(t.Context(), got)
	require.NoError(t, err)
	assert.EqualValues(t, 2, second.Version)
	_, err = s.SetDocument(t.Context(), got)
	require.ErrorIs(t, err, approval.ErrConflict, "version 1 is gone")
	_, err = s.SetDocument(t.Context(), approval.Document{Name: "b", Version: 7, Data: json.RawMessage(`{}`)})
	require.ErrorIs(t, err, approval.ErrConflict, "there never was a version 7")

	other, err := s.Document(t.Context(), "b")
	require.NoError(t, err)
	assert.Zero(t, other.Version, "names are apart")
}

func testDocumentRace(t *testing.T, s approval.Store) {
	const writers, rounds = 8, 5
	for range rounds {
		seen, err := s.Document(t.Context(), "a")
		require.NoError(t, err)
		var won atomic.Int32
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				_, err := s.SetDocument(t.Context(), approval.Document{Name: "a", Version: seen.Version, Data: json.RawMessage(strconv.Itoa(i))})
				if err == nil {
					won.Add(1)
				} else if !errors.Is(err, approval.ErrConflict) {
					assert.NoError(t, err)
				}
			})
		}
		wg.Wait()
		assert.EqualValues(t, 1, won.Load())
	}
}

func testSnapshot(t *testing.T, s approval.Store) {
	fast, ok := s.(approval.Snapshotter)
	if !ok {
		return // it is optional
	}
	_, err := fast.Snapshot(t.Context(), "nothing", "a")
	require.ErrorIs(t, err, approval.ErrNotFound)
	stored := insert(t, s, sample("a"))
	before, err := s.Now(t.Context())
	require.NoError(t, err)
	snap, err := fast.Snapshot(t.Context(), stored.Request.ID, "a")
	require.NoError(t, err)
	assert.Equal(t, stored, snap.Record)
	assert.Equal(t, approval.Document{Name: "a"}, snap.Document)
	assert.False(t, snap.Now.Before(before))
	doc, err := s.SetDocument(t.Context(), approval.Document{Name: "a", Data: json.RawMessage(`{"b":1}`)})
	require.NoError(t, err)
	snap, err = fast.Snapshot(t.Context(), stored.Request.ID, "a")
	require.NoError(t, err)
	assert.Equal(t, doc, snap.Document)
}
