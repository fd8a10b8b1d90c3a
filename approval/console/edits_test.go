package console_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/internal/testqueue"
)

// The second approver of two sees what the first one changed, alone and together
// with others.
func TestWhatAnEditChanged(t *testing.T) {
	s := newSite(t, nil)
	r := s.Propose(t, "7000.00", testqueue.Thanks("1043"))
	other := s.Propose(t, "612.50", testqueue.Thanks("1044"))
	boris := s.visit(t, testqueue.Boris)
	page, _ := boris.page("requests/" + r.ID)
	assert.NotContains(t, page, "What people changed")
	_, err := s.Decide(t.Context(), approval.Decision{
		RequestID: r.ID, Digest: r.Digest, Verdict: approval.Approve, By: testqueue.Maria, Channel: "slack", Reason: "shorter <b>",
		Edit: map[string]string{"text": "Dear Ana, see you soon. <script>", "gift": "true"},
	})
	require.NoError(t, err)
	detail, _ := boris.page("requests/" + r.ID)
	batch, _ := boris.together(r.ID, other.ID)
	for path, page := range map[string]string{"detail": detail, "batch": batch} {
		_, changed, found := strings.Cut(page, "What people changed")
		require.True(t, found, path)
		changed, _, _ = strings.Cut(changed, "What the AI saw")
		for _, text := range []string{
			"Maria Lopez in Slack", "shorter &lt;b&gt;", "<dt>Message</dt>", "thank you for your visit", "see you soon. &lt;script&gt;", "<dt>It is a gift</dt>",
			`before: </span>no`, `now: </span>yes`,
		} {
			assert.Contains(t, changed, text, path)
		}
	}
	assert.Equal(t, 1, strings.Count(batch, "What people changed"), "of the edited one alone")
	a, _ := boris.look(r.ID)
	require.Len(t, a.Request.Edits, 1)
	assert.Len(t, a.Request.Edits[0].Changes, 2)
}
