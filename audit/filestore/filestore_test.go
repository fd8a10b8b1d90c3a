package filestore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/filestore"
)

func TestStore(t *testing.T) {
	audittest.TestStore(t, func(t *testing.T) func() audittest.Store {
		dir := t.TempDir()
		return func() audittest.Store {
			s, err := filestore.Open(dir, nil)
			require.NoError(t, err)
			return s
		}
	})
}
