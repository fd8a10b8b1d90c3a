package slack_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval/slack"
)

func TestFileMessages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "messages")
	open := func() *slack.FileMessages {
		m, err := slack.OpenFileMessages(dir)
		require.NoError(t, err)
		return m
	}
	one := slack.Message{RequestID: "../../etc/passwd", Channel: "C1", Since: time.Unix(1, 0).UTC()}
	two := slack.Message{RequestID: "r2", Channel: "C1", TS: "2.2", Shown: "abc", Since: time.Unix(2, 0).UTC()}
	m := open()
	require.NoError(t, m.Save(t.Context(), one))
	require.NoError(t, m.Save(t.Context(), two))
	one.TS = "1.1"
	require.NoError(t, m.Save(t.Context(), one), "in place of the earlier one")

	list, err := open().List(t.Context())
	require.NoError(t, err)
	assert.ElementsMatch(t, []slack.Message{one, two}, list)

	require.NoError(t, m.Delete(t.Context(), "r2"))
	require.NoError(t, m.Delete(t.Context(), "r2"), "deleting again is no error")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "new-123"), []byte("{half"), 0o600))
	list, err = open().List(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []slack.Message{one}, list, "what a crash left is not read")

	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		assert.Zero(t, info.Mode().Perm()&0o077, "%s is the owner's alone", path)
		return nil
	}))

	require.NoError(t, os.WriteFile(filepath.Join(dir, "bad.json"), []byte("{"), 0o600))
	_, err = open().List(t.Context())
	require.ErrorContains(t, err, "bad.json")
}
