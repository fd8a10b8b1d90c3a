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

func testInsertWith(t *testing.T, s approval.Store) {
	version := func(name string) int64 {
		d, err := s.Document(t.Context(), name)
		require.NoError(t, err)
		return d.Version
	}
	doc := func(name string, version int64) approval.Document {
		return approval.Document{Name: name, Version: version, Data: json.RawMessage(`{"n":1}`)}
	}
	first := sample("a")
	stored, inserted, err := s.InsertWith(t.Context(), first, []approval.Document{doc("a", 0), doc("b", 0)})
	require.NoError(t, err)
	assert.True(t, inserted)
	assert.EqualValues(t, 1, stored.Version)
	got, err := s.Document(t.Context(), "b")
	require.NoError(t, err)
	assert.Equal(t, approval.Document{Name: "b", Version: 1, Data: json.RawMessage(`{"n":1}`)}, got)

	again := sample("a")
	there, inserted, err := s.InsertWith(t.Context(), again, []approval.Document{doc("a", 1), doc("c", 0)})
	require.NoError(t, err)
	assert.False(t, inserted)
	assert.Equal(t, first.Request.ID, there.Request.ID, "the key is taken")
	assert.EqualValues(t, 1, version("a"), "so nothing is written")
	assert.Zero(t, version("c"))

	other := sample("b")
	_, inserted, err = s.InsertWith(t.Context(), other, []approval.Document{doc("a", 1), doc("b", 7)})
	require.ErrorIs(t, err, approval.ErrConflict)
	assert.False(t, inserted)
	assert.EqualValues(t, 1, version("a"), "nor with a conflict at another")
	_, err = s.Get(t.Context(), other.Request.ID)
	require.ErrorIs(t, err, approval.ErrNotFound)
	_, inserted, err = s.InsertWith(t.Context(), other, []approval.Document{doc("a", 1), doc("b", 1)})
	require.NoError(t, err)
	assert.True(t, inserted)
	assert.EqualValues(t, 2, version("a"))
}

func testInsertWithRace(t *testing.T, s approval.Store) {
	const writers = 8
	var won atomic.Int32
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			_, inserted, err := s.InsertWith(t.Context(), sample("a"), []approval.Document{{Name: "a", Data: json.RawMessage(`{}`)}})
			if inserted {
				won.Add(1)
			}
			if err != nil && !errors.Is(err, approval.ErrConflict) {
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, 1, won.Load())
	d, err := s.Document(t.Context(), "a")
	require.NoError(t, err)
	assert.EqualValues(t, 1, d.Version)
}

func testDocuments(t *testing.T, any approval.Store) {
	s, ok := any.(approval.DocumentStore)
	if !ok {
		return // it is optional
	}
	for _, name := range []string{"b/Z", "b/a", "b/-", "b/_", "a", "b", "b0", "c/a", "b/é"} {
		_, err := s.SetDocument(t.Context(), approval.Document{Name: name, Data: json.RawMessage(`{"n":"` + name + `"}`)})
		require.NoError(t, err)
	}
	names := func(prefix, after string, limit int) (list []string) {
		docs, err := s.Documents(t.Context(), prefix, after, limit)
		require.NoError(t, err)
		for _, d := range docs {
			assert.EqualValues(t, 1, d.Version)
			assert.Equal(t, `{"n":"`+d.Name+`"}`, string(d.Data))
			list = append(list, d.Name)
		}
		return list
	}
	assert.Equal(t, []string{"b/-", "b/Z", "b/_", "b/a", "b/é"}, names("b/", "", 10), "by their bytes")
	assert.Equal(t, []string{"b/-", "b/Z"}, names("b/", "", 2))
	assert.Equal(t, []string{"b/_", "b/a", "b/é"}, names("b/", "b/Z", 10), "after a name")
	assert.Empty(t, names("d/", "", 10))

	require.ErrorIs(t, s.DropDocument(t.Context(), "b/a", 2), approval.ErrConflict, "another version")
	require.ErrorIs(t, s.DropDocument(t.Context(), "b/x", 1), approval.ErrConflict, "not there")
	require.NoError(t, s.DropDocument(t.Context(), "b/a", 1))
	require.ErrorIs(t, s.DropDocument(t.Context(), "b/a", 1), approval.ErrConflict, "dropped before")
	again, err := s.SetDocument(t.Context(), approval.Document{Name: "b/a", Data: json.RawMessage(`{"n":"b/a"}`)})
	require.NoError(t, err)
	assert.EqualValues(t, 1, again.Version, "a dropped one begins anew")

	require.NoError(t, s.DropDocuments(t.Context(), "b/Z", "b/a"))
	assert.Equal(t, []string{"b/-", "b/a", "b/é"}, names("b/", "", 10), "the end is not part of it")
	require.NoError(t, s.DropDocuments(t.Context(), "b/", "b0"))
	assert.Empty(t, names("b/", "", 10))
	assert.Equal(t, []string{"b", "b0"}, names("b", "", 10), "others stay")
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
