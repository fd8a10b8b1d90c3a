package filestore_test

import (
	"bytes"
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
		rest  int // what is torn; -1: it is damaged
	}{
		{"all there", whole, 3, 0},
		{"with space for more", whole + zeros(6<<20), 3, 0},
		{"cut in the last batch", whole[:len(whole)-1], 2, len(whole) - third - 1},
		{"cut after one byte of the last batch", whole[:third+1], 2, 1},
		{"the last batch is not in its space", whole[:third] + zeros(len(whole)-third), 2, 0},
		{"half of the last batch is in its space", whole[:third+300] + zeros(6<<20), 2, 300},
		{"the other half is", whole[:third] + zeros(200) + whole[third+200:] + zeros(6<<20), 2, len(whole) - third},
		{"a hole in the last batch", whole[:third+40] + zeros(80) + whole[third+120:], 2, len(whole) - third},
		{"a hole in a batch before", whole[:second+40] + zeros(80) + whole[second+120:], 1, -1},
		{"the start of a batch before is gone", whole[:second] + "\x00" + whole[second+1:], 1, -1},
		{"a batch before is not in its space", whole[:second] + zeros(third-second) + whole[third:] + zeros(6<<20), 1, -1},
		{"more than any batch", whole + strings.Repeat("x", 5<<20), 3, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, rest, torn, err := filestore.Parse([]byte(tt.data))
			require.NoError(t, err)
			assert.Equal(t, audittest.Stored(batches[:tt.whole]), got)
			assert.Equal(t, tt.rest >= 0, torn)
			if torn {
				assert.Equal(t, tt.rest, int(rest))
			}
		})
	}
}

// growing is a file of which the first reads see another content than later ones.
type growing struct {
	before, after string
	reads         int // that see before
}

func (g *growing) ReadAt(b []byte, at int64) (int, error) {
	content := g.after
	if g.reads > 0 {
		content = g.before
	}
	g.reads--
	return strings.NewReader(content).ReadAt(b, at)
}

// Who reads while another process writes sees a batch of which half is written,
// and then the ones after it. That is no damage.
func TestReadBesideWriter(t *testing.T) {
	signer, _ := audittest.NewKey(t)
	batches := audittest.Batches(t, signer, 2, 2, 2)
	whole := string(filestore.Encode(batches))
	second := len(filestore.Encode(batches[:1]))
	third := len(filestore.Encode(batches[:2]))
	for name, before := range map[string]string{
		"nothing of it":      whole[:second],
		"its beginning":      whole[:second+300],
		"its end":            whole[:second] + zeros(200) + whole[second+200:third],
		"a hole in it":       whole[:second+100] + zeros(50) + whole[second+150:third],
		"a hole in an entry": whole[:third-100] + zeros(50) + whole[third-50:third],
	} {
		before += zeros(300_000 - len(before))
		after := whole + zeros(300_000-len(whole))
		for reads := range 12 {
			got, torn, err := filestore.Follow(&growing{before, after, reads}, 300_000)
			require.NoError(t, err, "%s, %d reads", name, reads)
			require.GreaterOrEqual(t, len(got), 1)
			require.Equal(t, audittest.Stored(batches[:len(got)]), got)
			if torn == 0 && len(got) > 1 {
				require.Len(t, got, 3)
			}
		}
	}
	damaged := whole[:second+100] + zeros(50) + whole[second+150:]
	_, _, err := filestore.Follow(strings.NewReader(damaged), int64(len(damaged)))
	require.ErrorIs(t, err, audit.ErrCorrupt, "what stays damaged is")
}

func zeros(n int) string { return strings.Repeat("\x00", n) }

func FuzzFrames(f *testing.F) {
	signer, _ := audittest.NewKey(f)
	batches := audittest.Batches(f, signer, 1, 2)
	f.Add(filestore.Encode(batches))
	f.Add(filestore.Encode(batches[:1])[:100])
	f.Add(append(filestore.Encode(batches), "CE\x00\x00"...))
	f.Add(filestore.Encode([]audit.Batch{{Leaves: make([]audit.Leaf, 9)}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, rest, torn, err := filestore.Parse(data)
		require.NoError(t, err)
		head := filestore.Encode(got)
		require.True(t, bytes.HasPrefix(data, head), "what is read is what was written")
		if torn {
			require.Empty(t, bytes.Trim(data[len(head)+int(rest):], "\x00"), "the rest is all there is")
		}
	})
}
