package approval_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
)

func TestEscalation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		boss, director := approvaltest.Person("boss-1", "boss"), approvaltest.Person("director-1", "director")
		policy := approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Role("manager"), 4*time.Hour, "always").WithEscalation(
			approval.Escalation{After: time.Hour, Need: approval.Role("boss")},
			approval.Escalation{After: 2 * time.Hour, Need: approval.Role("director")},
		)})
		f := newQueue(t, policy, nil)
		require.NoError(t, f.Start(t.Context()))
		defer func() { require.NoError(t, f.Stop(t.Context())) }()
		changes := f.Subscribe(t.Context())
		r := f.propose(t, note{Text: "a"})
		<-changes
		_, err := f.Decide(t.Context(), approve(r, boss))
		require.ErrorIs(t, err, approval.ErrForbidden, "not yet")

		time.Sleep(time.Hour + time.Minute)
		synctest.Wait()
		assert.Equal(t, r.ID, (<-changes).ID, "channels are told")
		now := f.get(t, r.ID)
		assert.Equal(t, 1, now.Escalated)
		assert.Equal(t, "1 of role manager or 1 of role boss", now.Need().String())
		assert.Equal(t, r.Digest, now.Digest, "a page that was opened before still counts")
		_, err = f.Decide(t.Context(), approve(r, director))
		require.ErrorIs(t, err, approval.ErrForbidden)

		time.Sleep(time.Hour)
		synctest.Wait()
		got, err := f.Decide(t.Context(), approve(r, director))
		require.NoError(t, err)
		assert.Equal(t, approval.Approved, got.State)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, approval.Executed, f.get(t, r.ID).State)
		escalated := 0
		for _, e := range f.entries(t, r.ID) {
			if e.Attributes["step"] == "escalated" {
				escalated++
			}
		}
		assert.Equal(t, 2, escalated)
	})
}

func TestEscalatedRequestsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		policy := approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Role("manager"), 2*time.Hour, "").WithEscalation(
			approval.Escalation{After: time.Hour, Need: approval.Role("boss")})})
		f := newQueue(t, policy, nil)
		require.NoError(t, f.Start(t.Context()))
		defer func() { require.NoError(t, f.Stop(t.Context())) }()
		r := f.propose(t, note{Text: "a"})
		time.Sleep(2*time.Hour + time.Minute)
		synctest.Wait()
		assert.Equal(t, approval.Expired, f.get(t, r.ID).State)
	})
}

func TestEscalationThatMakesNoSenseIsLeftOut(t *testing.T) {
	for name, steps := range map[string][]approval.Escalation{
		"after the expiry": {{After: 2 * time.Hour, Need: approval.Role("boss")}},
		"out of order":     {{After: 20 * time.Minute, Need: approval.Role("boss")}, {After: 10 * time.Minute, Need: approval.Role("boss")}},
		"at once":          {{Need: approval.Role("boss")}},
		"to nobody":        {{After: time.Minute}},
	} {
		f := newQueue(t, approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Role("manager"), time.Hour, "").WithEscalation(steps...)}), nil)
		r := f.propose(t, note{Text: "a"})
		assert.Equal(t, approval.Pending, r.State, name)
		assert.Empty(t, r.Ruling.Escalation, name)
	}
}
