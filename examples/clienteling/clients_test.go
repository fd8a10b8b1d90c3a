package main

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/desk"
	"github.com/posai-go/posai/examples/clienteling/internal/store"
	"github.com/posai-go/posai/examples/internal/demo"
)

// Whom the book does not have was erased or never there; while the database does not
// answer, nobody says which.
func TestWhoIsNotInTheBook(t *testing.T) {
	s, err := store.Open(t.Context(), demo.SQLiteURL(filepath.Join(t.TempDir(), "book.db")), "alder-and-wren.myshopify.com")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	require.NoError(t, s.Erase(t.Context(), store.Erasure{Topic: "customers/redact", Customer: 2}))
	c := &clients{store: s}
	_, err = c.Entry(t.Context(), store.GID(1))
	require.ErrorIs(t, err, desk.ErrNotFound)
	_, err = c.Entry(t.Context(), store.GID(2))
	require.ErrorIs(t, err, desk.ErrErased)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	err = c.deskError(ended, 1, store.ErrNotFound)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, desk.ErrErased)
	require.NotErrorIs(t, err, desk.ErrNotFound)
}
