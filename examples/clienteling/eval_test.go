package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/examples/internal/demo/demotest"
)

func TestEvaluation(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "retail.csv")
	var rows strings.Builder
	rows.WriteString("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n")
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 2000 {
		fmt.Fprintf(&rows, "%d,%d,CUP,%d,2011-%02d-%02d 10:00:00,2.55,%d,United Kingdom\n", 500000+n, 20000+r.IntN(50), 1+r.IntN(9), 1+n/200, 1+r.IntN(28), 12000+r.IntN(200))
	}
	require.NoError(t, os.WriteFile(name, []byte(rows.String()), 0o600))
	p := demotest.Run(t, run, "-eval", name, "-eval-points")
	require.NoError(t, p.Wait(), p.Output())
	for _, want := range []string{"customers ordered by", "R + F + M", "talking points", "talking-points-1", "open promises said  1.000"} {
		assert.Contains(t, p.Output(), want)
	}
}

// The model is asked about each of the made-up customers, by somebody who may.
func TestEvaluationOfAModel(t *testing.T) {
	t.Parallel()
	replies := make([]aitest.Reply, 60)
	for i := range replies {
		replies[i] = aitest.JSON(map[string]any{"points": []any{}})
	}
	model := aitest.NewModel(t, replies...)
	cfg, err := parseConfig([]string{"-eval-points"}, func(string) string { return "" }, io.Discard)
	require.NoError(t, err)
	cfg.model = model
	var out strings.Builder
	require.NoError(t, evaluation(t.Context(), cfg, &out))
	assert.Zero(t, model.Remaining())
	assert.Contains(t, out.String(), "aitest scripted")
	assert.Contains(t, out.String(), "the program's baseline stood in", "it said nothing")
}
