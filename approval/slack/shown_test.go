package slack_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/internal/testqueue"
	"github.com/posai-go/posai/approval/slack"
)

// Decisions in Slack are timed, from when the card came to say what it says.
func TestDecisionsInSlackAreTimed(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	began := time.Now()
	r := o.Propose(t, "7000.00", testqueue.Thanks("1043"))
	o.card(0)
	_, err := o.Decide(t.Context(), approval.Decision{
		RequestID: r.ID, Digest: r.Digest, Verdict: approval.Approve, By: testqueue.Maria, Channel: "console",
		Edit: map[string]string{"text": "Dear Ana, see you *soon*."},
	})
	require.NoError(t, err)
	// The next approver sees what was changed.
	m := o.says(0, "Maria Lopez changed in the console", "text: “Dear Ana, thank you for your visit.", "→ “Dear Ana, see you *soon*.”")
	o.click(boris, m, approve)
	now := o.ended(r.ID)
	require.Len(t, now.Decisions, 2)
	d := now.Decisions[1]
	assert.Equal(t, now.Edits[0].At.UTC(), d.ShownAt.UTC(), "not before what was approved was there")

	other := o.Propose(t, "612.50", testqueue.Thanks("1044"))
	o.click(maria, o.card(1), reject)
	o.submit(maria, o.dialog(0), map[string]string{"reason": "No"})
	d = o.ended(other.ID).Decisions[0]
	require.False(t, d.ShownAt.IsZero(), "a dialog knows the card that it was opened from")
	assert.False(t, d.ShownAt.Before(began.Add(-time.Second)))
	assert.False(t, d.ShownAt.After(d.At))
	people, err := o.Attention(t.Context(), approval.Filter{})
	require.NoError(t, err)
	at := slices.IndexFunc(people, func(a approval.Attention) bool { return a.Person == testqueue.Boris.ID })
	require.GreaterOrEqual(t, at, 0)
	assert.Equal(t, 1, people[at].Timed)
}

func FuzzShownAt(f *testing.F) {
	for _, ts := range []string{"1795795790.000200", "1795795790", "", ".", "-1.5", "1e9", "99999999999999999999.1", "1.-00001", "1.0000001", "1099511627776.999999"} {
		f.Add(ts)
	}
	f.Fuzz(func(t *testing.T, ts string) {
		at := slack.ShownAt(ts, new(approval.Request))
		if at.IsZero() {
			return
		}
		assert.Positive(t, at.Unix())
		_, err := at.MarshalJSON() // or the decision could not be stored
		assert.NoError(t, err)
	})
}
