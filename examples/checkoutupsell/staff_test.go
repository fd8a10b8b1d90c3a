package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/internal/demo"
)

// TestWhoAsksDoesNotDecide: a manager who asks at the register is the same person at the
// console, whether the account is theirs or the device says that they pinned in.
func TestWhoAsksDoesNotDecide(t *testing.T) {
	p := begun(t, "-staff", "70="+demo.Manager.ID+",71=staff:associate")
	for name, tt := range map[string]struct {
		account  string
		pinned   int64
		proposer string
	}{
		"their account":                {"70", 0, demo.Manager.ID},
		"their account, another's pin": {"70", 71, demo.Manager.ID},
		"the device's, their pin":      {"999", 70, demo.Manager.ID},
		"an associate's":               {"71", 0, "staff:associate"},
		"an associate's, their pin":    {"71", 70, "staff:associate"},
		"the device's":                 {"999", 0, "shopify:account/999"},
		"the device's, unknown pin":    {"999", 5, "shopify:account/999"},
	} {
		t.Run(name, func(t *testing.T) {
			p.till.account = tt.account
			_, a, s := p.offered("Hopsack Wool Blazer")
			v, err := p.till.discount(t.Context(), a.Offer, wish{VariantID: s.VariantID, Percent: 20, StaffID: tt.pinned})
			require.NoError(t, err)
			require.Equal(t, discountPending, v.State)
			r := p.requests(a.Cart)[0]
			assert.Equal(t, tt.proposer, r.Proposer.ID)
			_, err = p.Queue.Decide(t.Context(), approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: approval.Approve, By: demo.Manager, Channel: "console"})
			if tt.proposer == demo.Manager.ID {
				require.ErrorIs(t, err, approval.ErrForbidden)
				return
			}
			require.NoError(t, err)
		})
	}
}

// TestWhoIsPinnedInIsAClaim: it stands in the log and before the manager, as what the
// device says.
func TestWhoIsPinnedInIsAClaim(t *testing.T) {
	p := begun(t, "-staff", "71=staff:associate,88=staff:anna")
	_, a, s := p.offered("Hopsack Wool Blazer")
	_, err := p.till.discount(t.Context(), a.Offer, wish{VariantID: s.VariantID, Percent: 20, StaffID: 88})
	require.NoError(t, err)
	r := p.requests(a.Cart)[0]
	text, err := json.Marshal(r.Evidence)
	require.NoError(t, err)
	assert.Contains(t, string(text), "staff member 88 (staff:anna); the device says so, nobody signed it")
	assert.Contains(t, string(text), "account 71 (staff:associate)")
	var entries int
	for rec, err := range p.Log.Trail(t.Context(), audit.Query{Subject: audit.Subject{Type: subjectPinned, ID: "gid://shopify/StaffMember/88"}}) {
		require.NoError(t, err)
		assert.NotEqual(t, "staff:anna", rec.Entry.Actor.ID, "a claim is no actor")
		entries++
	}
	assert.Positive(t, entries)
	_, err = p.till.discount(t.Context(), a.Offer, wish{VariantID: s.VariantID, Percent: 20, StaffID: -1})
	require.ErrorContains(t, err, "422")
}

func FuzzStaff(f *testing.F) {
	f.Add("70=staff:manager,71=staff:associate")
	f.Add("1=,2")
	f.Add(strings.Repeat("9", 30) + "=a")
	f.Fuzz(func(t *testing.T, text string) {
		var s, again staff
		if s.Set(text) != nil {
			return
		}
		if err := again.Set(s.String()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal([]byte(s.String()), []byte(again.String())) {
			t.Fatalf("%q became %q", s.String(), again.String())
		}
	})
}
