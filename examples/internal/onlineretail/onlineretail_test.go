package onlineretail_test

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/internal/onlineretail"
)

const text = `InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
700001,10001A,BLUE LAMP,4,2026-03-02 09:15:00,12.50,501.0,United Kingdom
C700002,10001A,BLUE LAMP,-1,2026-03-03 09:15:00,12.50,501.0,United Kingdom
700003,POST,POSTAGE,1,3/4/2026 9:15,18.00,,France
700004,10003,"WET ""CRATE""",-40,2026-03-06 08:00:00,0.00,,United Kingdom
700005,gift_0001_20,GIFT VOUCHER,5,2026-03-06 15:30:00,20.00,502.0,United Kingdom
`

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	plain, zipped := filepath.Join(dir, "a.csv"), filepath.Join(dir, "a.csv.gz")
	require.NoError(t, os.WriteFile(plain, []byte(text), 0o600))
	f, err := os.Create(zipped)
	require.NoError(t, err)
	z := gzip.NewWriter(f)
	_, err = z.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	require.NoError(t, f.Close())
	for _, name := range []string{plain, zipped} {
		r, err := onlineretail.Open(name)
		require.NoError(t, err)
		var rows []onlineretail.Row
		var booked []string
		for row, err := range onlineretail.Rows(r) {
			require.NoError(t, err)
			rows = append(rows, row)
			if row.Booked() {
				booked = append(booked, row.Invoice)
			}
		}
		require.NoError(t, r.Close())
		require.Len(t, rows, 5)
		assert.Equal(t, "501", rows[0].Customer)
		assert.Equal(t, time.Date(2026, 3, 4, 9, 15, 0, 0, time.UTC), rows[2].At)
		assert.Equal(t, []string{"700001", "C700002", "700005"}, booked, "no postage, no stock movement")
		assert.True(t, rows[1].Return())
		assert.True(t, rows[4].Voucher())
		assert.False(t, rows[4].Goods())
	}
	_, err = onlineretail.Open(filepath.Join(dir, "none.csv"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(zipped, []byte("not zipped"), 0o600))
	_, err = onlineretail.Open(zipped)
	require.ErrorIs(t, err, onlineretail.ErrData)
}

func FuzzRows(f *testing.F) {
	f.Add(text)
	f.Add(strings.Replace(text, "12.50", "1e999999999", 1))
	f.Add(strings.Replace(text, "CustomerID", "Customer ID", 1) + "1,2\n")
	f.Fuzz(func(t *testing.T, text string) {
		failed := false
		for row, err := range onlineretail.Rows(strings.NewReader(text)) {
			require.False(t, failed, "nothing follows an error")
			if err != nil {
				require.ErrorIs(t, err, onlineretail.ErrData)
				failed = true
				continue
			}
			if row.Booked() {
				require.True(t, row.Price.IsPositive())
				require.NotZero(t, row.Quantity)
			}
		}
	})
}
