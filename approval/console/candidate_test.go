package console_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/internal/testqueue"
	"github.com/posai-go/posai/approval/sqlstore"
)

func TestWhyThisRuling(t *testing.T) {
	s := newSite(t, nil)
	r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
	body, _ := s.visit(t, testqueue.Maria).page("requests/" + r.ID)
	_, why, found := strings.Cut(body, "Why this ruling")
	require.True(t, found)
	why, _, _ = strings.Cut(why, "</details>")
	assert.Regexp(t, `(?s)rule 1</b> <span class="quiet">is not about this.*class="decided"><b>rule 2</b> <span class="quiet">is about this, and decided.*rule 3</b> <span class="quiet">was not reached`, why)
}

func TestCandidatePolicy(t *testing.T) {
	_, log := newQueue(t)
	store, err := sqlstore.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "shadow.db"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	policy := func(version, limit string) approval.Policy {
		return approval.Rules(version,
			approval.Rule{When: approval.AmountAbove(limit, "EUR"), Then: approval.Ask(approval.Role("manager"), time.Hour, "above "+limit)},
			approval.Rule{Then: approval.Allow("small")})
	}
	q, err := approval.NewQueue(store, log, policy("1", "500.00"), &approval.Options{Shadow: policy("2", "700.00")})
	require.NoError(t, err)
	require.NoError(t, approval.Register(q, approval.Executor[testqueue.Message, string]{
		Execute: func(context.Context, approval.Execution, testqueue.Message) (string, error) { return "", nil },
	}))
	s := mount(t, &testqueue.Queue{Queue: q, Store: store}, log, nil)
	differs := s.Propose(t, "612.50", testqueue.Thanks("1043"))
	s.Propose(t, "800.00", testqueue.Thanks("1044"))
	maria := s.visit(t, testqueue.Maria)
	body, _ := maria.page("controls")
	assert.Contains(t, body, `href="./candidate"`)
	body, _ = maria.page("candidate")
	for _, text := range []string{
		"<b>2</b><span>requests that both ruled on", "<b>1</b><span>with another ruling", "requests/" + differs.ID,
		"In force: somebody has to approve", "Candidate: allowed (small)",
	} {
		assert.Contains(t, body, text)
	}
	for _, who := range []approval.Principal{testqueue.Carla, testqueue.Harbor} {
		v := s.visit(t, who)
		res, _ := v.get("candidate", "text/html")
		assert.Equal(t, http.StatusForbidden, res.StatusCode)
		body, _ = v.page("controls")
		assert.NotContains(t, body, "./candidate")
	}
}

func TestNoCandidatePolicy(t *testing.T) {
	s := newSite(t, nil)
	s.Propose(t, "612.50", testqueue.Thanks("1043"))
	body, _ := s.visit(t, testqueue.Maria).page("candidate")
	assert.Contains(t, body, "Nothing to compare")
}

func TestNarrowingByStateAgeAndProposer(t *testing.T) {
	s := newSite(t, nil)
	waiting := s.Propose(t, "612.50", testqueue.Thanks("1043"))
	rejected := s.Propose(t, "612.50", testqueue.Thanks("1044"))
	done := s.Propose(t, "10.00", testqueue.Thanks("1045"))
	_, err := s.Decide(t.Context(), approval.Decision{RequestID: rejected.ID, Digest: rejected.Digest, Verdict: approval.Reject, By: testqueue.Maria})
	require.NoError(t, err)
	s.ended(t, done.ID)
	maria := s.visit(t, testqueue.Maria)
	all := []string{waiting.ID, rejected.ID, done.ID}
	for query, want := range map[string][]string{
		"state=pending&show=decided":   {waiting.ID},
		"state=rejected":               {rejected.ID},
		"state=executed&by=assistant":  {done.ID},
		"show=all&age=1d&by=assistant": all,
		"show=all&age=over1h":          nil,
		"show=all&by=somebody":         nil,
		"show=all&state=recording":     all,
		"show=all&age=%3Cscript%3E":    all,
	} {
		body, _ := maria.page("?" + query)
		for _, id := range all {
			has := strings.Contains(body, `id="r-`+id+`"`)
			assert.Equal(t, strings.Contains(strings.Join(want, " "), id), has, query)
		}
	}
	body, _ := maria.page("?state=rejected&age=7d&by=assistant")
	assert.Contains(t, body, `<option value="rejected" selected>`)
	assert.Contains(t, body, `href="./?age=7d&amp;by=assistant"`, "the other lists are of the same age and proposer")
}
