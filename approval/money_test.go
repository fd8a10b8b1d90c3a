package approval_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
)

func TestAmountAbove(t *testing.T) {
	gbp := func(amount string) approval.Money { return approval.Money{Amount: amount, Currency: "GBP"} }
	for name, test := range map[string]struct {
		amount approval.Money
		above  bool
		fails  bool
	}{
		"below":                  {gbp("499.99"), false, false},
		"at":                     {gbp("500.00"), false, false},
		"at, without decimals":   {gbp("500"), false, false},
		"at, with more":          {gbp("500.0000"), false, false},
		"the least above":        {gbp("500.01"), true, false},
		"less than a penny":      {gbp("500.0000000001"), true, false},
		"leading zeros":          {gbp("000500.01"), true, false},
		"large":                  {gbp("123456789012345678901234567890"), true, false},
		"nothing at stake":       {gbp("0"), false, false},
		"no amount":              {approval.Money{}, false, true},
		"another currency":       {approval.Money{Amount: "1", Currency: "USD"}, false, true},
		"no currency":            {approval.Money{Amount: "1"}, false, true},
		"small letters":          {approval.Money{Amount: "1", Currency: "gbp"}, false, true},
		"negative":               {gbp("-600"), false, true},
		"exponent":               {gbp("1e9"), false, true},
		"fraction":               {gbp("1001/2"), false, true},
		"hexadecimal":            {gbp("0x1F5"), false, true},
		"grouped":                {gbp("1,000.00"), false, true},
		"decimal comma":          {gbp("500,01"), false, true},
		"space":                  {gbp(" 1"), false, true},
		"infinity":               {gbp("Inf"), false, true},
		"too many digits":        {gbp(strings.Repeat("9", 31)), false, true},
		"digits of other tongue": {gbp("٥٠١"), false, true},
	} {
		t.Run(name, func(t *testing.T) {
			above, err := approval.AmountAbove("500.00", "GBP")(&approval.Request{Proposal: approval.Proposal{Amount: test.amount}})
			assert.Equal(t, test.fails, err != nil, "%v", err)
			assert.Equal(t, test.above, above)
		})
	}
	_, err := approval.AmountAbove("five hundred", "GBP")(&approval.Request{Proposal: approval.Proposal{Amount: gbp("1")}})
	require.Error(t, err, "a limit that is no amount")
}

// TestThresholdAgainstOracle compares with integers of a hundredth of a penny.
func TestThresholdAgainstOracle(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	write := func(n int64) string {
		s := fmt.Sprintf("%d.%04d", n/10_000, n%10_000)
		if rng.IntN(2) == 0 { // as people write it
			s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
		}
		return s
	}
	for range 20_000 {
		limit := rng.Int64N(1_000_000_000)
		amount := max(limit+rng.Int64N(5)-2, 0)
		if rng.IntN(2) == 0 {
			amount = rng.Int64N(1_000_000_000)
		}
		r := &approval.Request{Proposal: approval.Proposal{Amount: approval.Money{Amount: write(amount), Currency: "EUR"}}}
		above, err := approval.AmountAbove(write(limit), "EUR")(r)
		require.NoError(t, err)
		require.Equal(t, amount > limit, above, "%s above %d", r.Amount.Amount, limit)
	}
}

// FuzzMoney: what is taken as an amount is a plain decimal, however long.
func FuzzMoney(f *testing.F) {
	for _, s := range []string{"500.00", "-1", "1e9", "0x1", "1/2", "", "00.10"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m := approval.Money{Amount: s, Currency: "GBP"}
		order, err := m.Cmp(approval.Money{Amount: s, Currency: "GBP"})
		if err != nil {
			return
		}
		assert.Zero(t, order)
		assert.Empty(t, strings.Trim(s, "-.0123456789"))
		assert.LessOrEqual(t, len(s), 42)
	})
}
