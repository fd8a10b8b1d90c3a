package csvcrm_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/csvcrm"
)

func FuzzRead(f *testing.F) {
	header := strings.Join(csvcrm.Columns(), ",") + "\n"
	f.Add(header)
	f.Add(header + "shop/1,Robin,Sample,robin@example.com,,,,,false,false,,,,0,,,\"a\nb\"\n")
	f.Add(header + "shop/2,,,,,,,,,,,,,,,,\nshop/1,,,,,,,,,,,,,,,,\n")
	f.Add("name,email\nRobin,robin@example.com\n")
	f.Add("\"")
	f.Add("")
	f.Fuzz(func(t *testing.T, file string) {
		last := ""
		err := csvcrm.Read(strings.NewReader(file), func(cells []string) error {
			require.Len(t, cells, len(csvcrm.Columns()))
			require.NoError(t, crm.CheckKey(cells[0]))
			require.Greater(t, cells[0], last)
			last = cells[0]
			return nil
		})
		if err != nil {
			require.ErrorIs(t, err, csvcrm.ErrForeign)
		}
	})
}

func FuzzDefuse(f *testing.F) {
	f.Add("=1+1")
	f.Add("+15551234567")
	f.Add("-12.5")
	f.Add("\t=1")
	f.Fuzz(func(t *testing.T, s string) {
		got := csvcrm.Defuse(s)
		require.True(t, strings.HasSuffix(got, s))
		if got != "" && strings.ContainsRune("=+-@\t\r", rune(got[0])) {
			require.Equal(t, s, got)
			require.Empty(t, strings.Trim(got[1:], "0123456789."), "only a number begins so")
		}
	})
}
