package audit_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

func TestParseCheckpoint(t *testing.T) {
	signer, known := audittest.NewKey(t)
	witness, _ := audittest.NewKey(t)
	root := tlog.RecordHash([]byte("x")).String()
	text := fmt.Sprintf
	for _, tt := range []struct {
		name, text string
		ok         bool
	}{
		{"three lines", text("example.com/log\n20\n%s\n", root), true},
		{"an extension line", text("example.com/log\n20\n%s\nmore\n", root), true},
		{"two lines", "example.com/log\n20\n", false},
		{"another origin", text("example.com/other\n20\n%s\n", root), false},
		{"a size with a zero in front", text("example.com/log\n020\n%s\n", root), false},
		{"a negative size", text("example.com/log\n-1\n%s\n", root), false},
		{"an immense size", text("example.com/log\n%s\n%s\n", strings.Repeat("9", 30), root), false},
		{"a short root", text("example.com/log\n20\n%s\n", root[4:]), false},
		{"a root with loose bits", text("example.com/log\n20\n%s\n", root[:42]+"j="), false},
		{"too large", text("example.com/log\n20\n%s\n%s\n", root, strings.Repeat("x", audit.MaxCosignedSize)), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			msg, err := note.Sign(&note.Note{Text: tt.text}, signer)
			require.NoError(t, err)
			c, err := audit.ParseCheckpoint(msg, known)
			if !tt.ok {
				require.ErrorIs(t, err, audit.ErrCheckpoint)
				return
			}
			require.NoError(t, err)
			assert.EqualValues(t, 20, c.Size)
			assert.Equal(t, root, c.Root.String())
			unverified, err := audit.UnverifiedCheckpoint(msg)
			require.NoError(t, err)
			assert.Equal(t, c, unverified)

			cosigned, err := note.Sign(&note.Note{Text: tt.text}, signer, witness)
			require.NoError(t, err)
			_, err = audit.ParseCheckpoint(cosigned, known)
			require.NoError(t, err, "a witness does no harm")
			alone, err := note.Sign(&note.Note{Text: tt.text}, witness)
			require.NoError(t, err)
			_, err = audit.ParseCheckpoint(alone, known)
			require.ErrorIs(t, err, audit.ErrCheckpoint)
		})
	}
}
