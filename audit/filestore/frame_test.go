package filestore_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/filestore"
)

// What may be taken for a write that never finished, and what may not.
func TestTornOrDamaged(t *testing.T) {
	signer, _ := audittest.NewKey(t)
	batches := audittest.Batches(t, signer, 2, 2, 2)
	whole := string(filestore.Encode(batches))
	second := len(filestore.Encode(batches[:1]))
	third := len(filestore.Encode(batches[:2]))
	for _, tt := range []struct {
		name  string
		data  string
		whole int // batches
		torn  bool
	}{
		{"all there", whole, 3, true},
		{"cut in the last batch", whole[:len(whole)-1], 2, true},
		{"cut after one byte of the last batch", whole[:third+1], 2, true},
		{"zeros instead of the last batch", whole[:third] + strings.Repeat("\x00", len(whole)-third), 2, true},
		{"a hole in the last batch", whole[:third+40] + strings.Repeat("\x00", 80) + whole[third+120:], 2, true},
		{"a hole in a batch before", whole[:second+40] + strings.Repeat("\x00", 80) + whole[second+120:], 1, false},
		{"the start of a batch before is gone", whole[:second] + "\x00" + whole[second+1:], 1, false},
		{"more than any batch", whole + strings.Repeat("x", 5<<20), 3, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, rest, torn, err := filestore.Parse([]byte(tt.data))
			require.NoError(t, err)
			assert.Equal(t, audittest.Stored(batches[:tt.whole]), got)
			assert.Equal(t, tt.torn, torn)
			assert.Equal(t, len(tt.data)-len(filestore.Encode(got)), int(rest))
		})
	}
}

func FuzzFrames(f *testing.F) {
	signer, _ := audittest.NewKey(f)
	batches := audittest.Batches(f, signer, 1, 2)
	f.Add(filestore.Encode(batches))
	f.Add(filestore.Encode(batches[:1])[:100])
	f.Add(append(filestore.Encode(batches), "CE\x00\x00"...))
	f.Add(filestore.Encode([]audit.Batch{{Leaves: make([]audit.Leaf, 9)}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, rest, _, err := filestore.Parse(data)
		require.NoError(t, err)
		head := data[:len(data)-int(rest)]
		require.Equal(t, string(head), string(filestore.Encode(got)), "what is read is what was written")
	})
}
