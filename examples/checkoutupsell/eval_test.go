package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/internal/demo/demotest"
)

// invoices is a small file in the format of the Online Retail data.
func invoices(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	text.WriteString("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n")
	at := time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC)
	for i := range 900 {
		set := i * i % 23
		for j := range 2 + i%3 {
			fmt.Fprintf(&text, "%d,%d,THING,1,%s,1.00,,United Kingdom\n", 500000+i, 20000+10*set+(i+j)%5, at.Add(time.Duration(i)*time.Hour).Format(time.DateTime))
		}
	}
	name := filepath.Join(t.TempDir(), "retail.csv")
	require.NoError(t, os.WriteFile(name, []byte(text.String()), 0o600))
	return name
}

func TestEvaluation(t *testing.T) {
	file := invoices(t)
	p := demotest.Run(t, run, "-eval", file)
	require.NoError(t, p.Wait())
	for _, want := range []string{"popularity", "raw lift", "co-purchase cosine", "shrunk lift", "the baseline, as it comes", "at 2   at 10", "before 2026-02-01"} {
		assert.Contains(t, p.Output(), want)
	}
	p = demotest.Run(t, run, "-eval", file, "-tune-from", "2026-01-10", "-test-from", "2026-01-20", "-test-until", "2026-01-25")
	require.NoError(t, p.Wait())
	assert.Contains(t, p.Output(), "before 2026-01-10; settings chosen on 240 before 2026-01-20")
	assert.Contains(t, p.Output(), "tested on 120 baskets")
}

func TestEvaluationOfNothing(t *testing.T) {
	none := func(string) string { return "" }
	for name, args := range map[string][]string{
		"no file":   {"-eval", filepath.Join(t.TempDir(), "none.csv")},
		"no split":  {"-eval", invoices(t), "-test-from", "2030-01-01"},
		"no date":   {"-eval", "x", "-test-from", "soon"},
		"two modes": {"-eval", "x", "-serve", "-simulate"},
	} {
		null, err := os.Open(os.DevNull)
		require.NoError(t, err)
		cfg, err := parseConfig(args, none, io.Discard)
		if err == nil {
			err = evaluation(t.Context(), cfg, io.Discard)
		}
		require.Error(t, err, name)
		require.NoError(t, null.Close())
	}
}
