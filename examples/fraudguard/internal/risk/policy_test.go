package risk_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
)

func policyFile(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("default_policy.json")
	require.NoError(t, err)
	return string(text)
}

func TestDefaultPolicy(t *testing.T) {
	p := risk.DefaultPolicy()
	assert.Equal(t, "USD", p.Currency)
	assert.GreaterOrEqual(t, p.Budget.OneIn, risk.MinOneIn)
	assert.Regexp(t, `^2026-11-01\+[0-9a-f]{12}$`, p.Name())
	_, ok := p.Rule(risk.SerialReturns)
	assert.True(t, ok)
}

func TestDigestIsOfWhatThePolicySays(t *testing.T) {
	text := policyFile(t)
	read := func(text string) *risk.Policy {
		p, err := risk.ReadPolicy(strings.NewReader(text))
		require.NoError(t, err)
		return p
	}
	p := read(text)
	var compact bytes.Buffer
	require.NoError(t, json.Compact(&compact, []byte(text)))
	assert.Equal(t, p.Digest(), read(compact.String()).Digest(), "white space says nothing")
	lines := strings.Split(text, "\n")
	for i, l := range lines { // swap the first two rules
		if strings.Contains(l, `"RETURN_WITHOUT_RECEIPT"`) {
			lines[i], lines[i+1] = lines[i+1], lines[i]
			break
		}
	}
	assert.Equal(t, p.Digest(), read(strings.Join(lines, "\n")).Digest(), "the order of rules says nothing")
	assert.NotEqual(t, p.Digest(), read(strings.Replace(text, `"count": 3, "within": "30d"`, `"count": 4, "within": "30d"`, 1)).Digest())

	other, err := p.WithAmounts(map[risk.Code]decimal.Decimal{risk.ReturnHighValue: decimal.NewFromInt(7)})
	require.NoError(t, err)
	assert.NotEqual(t, p.Name(), other.Name())
	r, _ := p.Rule(risk.ReturnHighValue)
	assert.Equal(t, "400", r.Amount.String(), "the policy itself is unchanged")
}

func TestPolicyRefused(t *testing.T) {
	text := policyFile(t)
	for name, c := range map[string][3]string{
		"unknown field":      {`"version"`, `"wersion"`, "unknown field"},
		"bad version":        {`"2026-11-01"`, `"2026 11"`, "version"},
		"bad currency":       {`"USD"`, `"usd"`, "currency"},
		"negative limit":     {`"150.00"`, `"-1"`, "fail_open_below"},
		"huge limit":         {`"150.00"`, `"1e999999999"`, "fail_open_below"},
		"too many flags":     {`"one_in": 100`, `"one_in": 99`, "one_in"},
		"too long a period":  {`"one_in": 100`, `"one_in": 100, "days": 32`, "days"},
		"score of 1":         {`"min_score": 0.35`, `"min_score": 1`, "min_score"},
		"late after a day":   {`"18h"`, `"25h"`, "late_from"},
		"no trees":           {`"trees": 100`, `"trees": 0`, "trees"},
		"unknown code":       {`"SERIAL_RETURNS"`, `"SERIOUS_RETURNS"`, "unknown code"},
		"code twice":         {`"TENDER_SPLIT", "weight": 0.4, "count": 3`, `"BASKET_QUANTITY", "weight": 0.4, "count": 6`, "already"},
		"no weight":          {`"TENDER_SPLIT", "weight": 0.4`, `"TENDER_SPLIT", "weight": 0`, "weight"},
		"weight above 1":     {`"TENDER_SPLIT", "weight": 0.4`, `"TENDER_SPLIT", "weight": 1.1`, "weight"},
		"missing parameter":  {`"weight": 0.4, "count": 3`, `"weight": 0.4`, "count"},
		"idle parameter":     {`"weight": 0.4, "count": 3`, `"weight": 0.4, "count": 3, "share": 0.5`, "share"},
		"negative count":     {`"weight": 0.4, "count": 3`, `"weight": 0.4, "count": -3`, "count"},
		"bad duration":       {`"within": "30d"`, `"within": "a month"`, "duration"},
		"too short":          {`"within": "30d"`, `"within": "1s"`, "within"},
		"anomaly everywhere": {`"ANOMALY", "weight": 0.4, "share": 0.6`, `"ANOMALY", "weight": 0.4, "share": 0.5`, "share"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(text, c[0], c[1], 1)
			require.NotEqual(t, text, bad)
			_, err := risk.ReadPolicy(strings.NewReader(bad))
			require.ErrorIs(t, err, risk.ErrPolicy)
			assert.ErrorContains(t, err, c[2])
		})
	}
	for name, bad := range map[string]string{
		"empty": "", "not JSON": "{", "a list": "[]", "two policies": text + text, "too large": strings.Repeat(" ", risk.MaxPolicySize) + text, "no rules": strings.Split(text, `"rules"`)[0] + `"rules": []}`,
	} {
		_, err := risk.ReadPolicy(strings.NewReader(bad))
		assert.ErrorIs(t, err, risk.ErrPolicy, name)
	}
}

func FuzzReadPolicy(f *testing.F) {
	f.Add(policyFile(f))
	f.Add(`{"version":"1","currency":"USD","budget":{"one_in":100},"rules":[{"code":"ANOMALY","weight":1e-9,"share":0.9}]}`)
	f.Add(`{"fail_open_below":1e999999999}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := risk.ReadPolicy(strings.NewReader(text))
		if err != nil {
			require.ErrorIs(t, err, risk.ErrPolicy)
			return
		}
		// What is accepted can be written and read again, and says the same.
		out, err := json.Marshal(p)
		require.NoError(t, err)
		again, err := risk.ReadPolicy(bytes.NewReader(out))
		require.NoError(t, err)
		require.Equal(t, p.Digest(), again.Digest())
		e := risk.NewEngine(p) // and can be used
		a := e.Assess(&risk.Transaction{Key: "k", Kind: risk.Sale, At: noon, Amount: decimal.NewFromInt(5), Lines: []risk.Line{{SKU: "a", Quantity: 3, UnitPrice: decimal.NewFromInt(2)}}})
		require.True(t, a.Score >= 0 && a.Score <= 1)
	})
}
