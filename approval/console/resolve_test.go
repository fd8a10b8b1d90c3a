package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/console"
	"github.com/posai-go/posai/approval/internal/testqueue"
)

// uncertain returns a request of which nobody knows whether it happened.
func uncertain(t *testing.T, s *site, maria *visitor) string {
	t.Helper()
	r := s.Propose(t, "612.50", testqueue.Message{Text: testqueue.LostAnswer, Tone: "warm", Order: "1043"})
	_, form := maria.look(r.ID)
	status, _ := maria.decide(r.ID, with(form, "verdict", "approve"))
	require.Equal(t, http.StatusOK, status)
	require.Eventually(t, func() bool {
		now, err := s.Get(t.Context(), r.ID)
		return err == nil && now.State == approval.Uncertain
	}, patience, 10*time.Millisecond)
	return r.ID
}

func TestAPersonSettlesWhatIsUncertain(t *testing.T) {
	s := newSite(t, nil)
	maria := s.visit(t, testqueue.Maria)
	id := uncertain(t, s, maria)

	res, body := maria.get("", "application/json")
	require.Len(t, maria.json(res, body).Waiting, 1, "it waits for somebody")
	_, page := maria.get("requests/"+id, "text/html")
	assert.Contains(t, page, "Please look, then settle it")
	_, page = s.visit(t, testqueue.Carla).get("requests/"+id, "text/html")
	assert.NotContains(t, page, `name="outcome"`)

	_, form := maria.look(id)
	res, page = maria.post("requests/"+id+"/resolution", with(form, "outcome", "happened"), "text/html")
	assert.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	assert.Contains(t, page, "Please say what you found")
	res, _ = maria.post("requests/"+id+"/resolution", with(form, "outcome", "happened", "reason", strings.Repeat("x", 1001)), "text/html")
	assert.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	res, _ = maria.post("requests/"+id+"/resolution", with(form, "outcome", "happened", "reason", "seen", "csrf", "x"), "text/html")
	assert.Equal(t, http.StatusForbidden, res.StatusCode)

	carla := s.visit(t, testqueue.Carla)
	_, hers := carla.look(id)
	res, _ = carla.post("requests/"+id+"/resolution", with(hers, "outcome", "happened", "reason", "seen"), "text/html")
	assert.Equal(t, http.StatusForbidden, res.StatusCode)
	now, err := s.Get(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, approval.Uncertain, now.State)

	res, page = maria.post("requests/"+id+"/resolution", with(form, "outcome", "happened", "reason", "The message is on the order."), "text/html")
	require.Equal(t, http.StatusSeeOther, res.StatusCode, page)
	now = s.ended(t, id)
	assert.Equal(t, approval.Executed, now.State)
	assert.Equal(t, "The message is on the order.", now.Resolution.Reason)
	assert.Equal(t, int64(1), s.Effects.Load())
	_, page = maria.get("requests/"+id, "text/html")
	assert.Contains(t, page, "Maria Lopez looked: it did happen")

	res, body = maria.post("requests/"+id+"/resolution", with(form, "outcome", "try_again", "reason", "again"), "application/json")
	assert.Equal(t, http.StatusConflict, res.StatusCode)
	assert.Equal(t, "decided", maria.json(res, body).Code)
	assert.Equal(t, int64(1), s.Effects.Load())
}

func TestTryingAgainWhatDidNotHappen(t *testing.T) {
	s := newSite(t, nil)
	maria := s.visit(t, testqueue.Maria)
	id := uncertain(t, s, maria)
	_, form := maria.look(id)
	res, page := maria.post("requests/"+id+"/resolution", with(form, "outcome", "try_again", "reason", "Nothing there"), "text/html")
	require.Equal(t, http.StatusSeeOther, res.StatusCode, page)
	assert.Equal(t, approval.Executed, s.ended(t, id).State)
	assert.Equal(t, int64(2), s.Effects.Load())
}

func TestNothingIsDecidedThatIsNotRecorded(t *testing.T) {
	s := newSite(t, nil)
	r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
	maria := s.visit(t, testqueue.Maria)
	_, form := maria.look(r.ID)
	require.NoError(t, s.log.Close())
	res, body := maria.post("requests/"+r.ID+"/decision", with(form, "verdict", "approve"), "application/json")
	assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	assert.Equal(t, "unrecorded", maria.json(res, body).Code)
	assert.Equal(t, int64(0), s.Effects.Load())

	boris := s.visit(t, testqueue.Boris)
	res, page := boris.get("requests/"+r.ID, "text/html")
	assert.NotEqual(t, http.StatusInternalServerError, res.StatusCode)
	assert.Contains(t, page, "audit log")
}

func TestOlderDecidedOnesComePageByPage(t *testing.T) {
	s := newSite(t, &console.Options{PageSize: 2})
	maria := s.visit(t, testqueue.Maria)
	var ids []string
	for range 5 {
		r := s.Propose(t, "12.00", testqueue.Thanks("1"))
		s.ended(t, r.ID)
		ids = append(ids, r.ID)
	}
	var seen []string
	path := "?show=decided"
	for range 3 {
		res, page := maria.get(path, "text/html")
		require.Equal(t, http.StatusOK, res.StatusCode)
		for i := len(ids) - 1; i >= 0; i-- {
			if strings.Contains(page, `id="r-`+ids[i]+`"`) {
				seen = append(seen, ids[i])
			}
		}
		_, after, more := strings.Cut(page, `href="./?after=`)
		if !more {
			break
		}
		id, _, _ := strings.Cut(after, "&")
		path = "?" + url.Values{"show": {"decided"}, "after": {id}}.Encode()
	}
	assert.Equal(t, []string{ids[4], ids[3], ids[2], ids[1], ids[0]}, seen)
}
