package slack_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/internal/testqueue"
	"github.com/posai-go/posai/approval/slack"
	"github.com/posai-go/posai/approval/slack/slacktest"
)

// callback is one interaction over HTTP, to be forged.
type callback struct {
	body      string
	at        time.Time
	secret    string
	signature string // in place of the right one
}

func newCallback(payload json.RawMessage) callback {
	return callback{body: url.Values{"payload": {string(payload)}}.Encode(), at: time.Now(), secret: slacktest.SigningSecret}
}

func (c callback) stamp() string { return strconv.FormatInt(c.at.Unix(), 10) }

func (c callback) sign() string { return slacktest.Sign(c.secret, c.stamp(), c.body) }

func (c callback) request(t testing.TB) *http.Request {
	t.Helper()
	r, err := slacktest.SignedRequest(t.Context(), "https://pos.example.com/slack/interactions", c.secret, c.at, c.body)
	require.NoError(t, err)
	if c.signature != "" {
		r.Header.Set("X-Slack-Signature", c.signature)
	}
	return r
}

func (o *office) send(r *http.Request) int {
	w := httptest.NewRecorder()
	o.channel.Load().ServeHTTP(w, r)
	return w.Code
}

func TestForgedOldAndReplayedCallbacks(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	r := o.Propose(t, "7000.00", testqueue.Thanks("1043"))
	payload, err := o.slack.ClickPayload(maria, o.card(0), approve)
	require.NoError(t, err)
	good := newCallback(payload)

	for name, c := range map[string]struct {
		change func(*callback)
		status int
	}{
		"signed by somebody else": {func(c *callback) { c.secret = "another secret" }, http.StatusUnauthorized},
		"signed with nothing":     {func(c *callback) { c.secret = "" }, http.StatusUnauthorized},
		"altered after signing": {func(c *callback) {
			c.signature = c.sign()
			c.body = strings.Replace(c.body, maria.ID, boris.ID, 1)
		}, http.StatusUnauthorized},
		"signature of nothing": {func(c *callback) { c.signature = "v0=" }, http.StatusUnauthorized},
		"signature cut off":    {func(c *callback) { c.signature = c.sign()[:20] }, http.StatusUnauthorized},
		"another version":      {func(c *callback) { c.signature = strings.Replace(c.sign(), "v0=", "v1=", 1) }, http.StatusUnauthorized},
		"six minutes old":      {func(c *callback) { c.at = c.at.Add(-6 * time.Minute) }, http.StatusUnauthorized},
		"from the future":      {func(c *callback) { c.at = c.at.Add(6 * time.Minute) }, http.StatusUnauthorized},
		"timestamp moved": {func(c *callback) {
			c.signature = slacktest.Sign(c.secret, "1", c.body)
		}, http.StatusUnauthorized},
		"of another workspace":       {func(c *callback) { c.body = strings.ReplaceAll(c.body, slacktest.Team, "T0OTHER") }, http.StatusForbidden},
		"no form":                    {func(c *callback) { c.body = "%zz" }, http.StatusBadRequest},
		"no payload":                 {func(c *callback) { c.body = "x=y" }, http.StatusBadRequest},
		"payload that is not JSON":   {func(c *callback) { c.body = "payload=%7B" }, http.StatusBadRequest},
		"payload of the wrong shape": {func(c *callback) { c.body = "payload=%5B%5D" }, http.StatusBadRequest},
		"too large":                  {func(c *callback) { c.body += "&x=" + strings.Repeat("x", 1<<20) }, http.StatusRequestEntityTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			bad := good
			c.change(&bad)
			assert.Equal(t, c.status, o.send(bad.request(t)))
		})
	}
	t.Run("without signature", func(t *testing.T) {
		q := good.request(t)
		q.Header.Del("X-Slack-Signature")
		assert.Equal(t, http.StatusUnauthorized, o.send(q))
	})
	t.Run("by GET", func(t *testing.T) {
		q := good.request(t)
		q.Method = http.MethodGet
		assert.Equal(t, http.StatusMethodNotAllowed, o.send(q))
	})
	o.untouched(r.ID)

	t.Run("replayed", func(t *testing.T) {
		require.Equal(t, http.StatusOK, o.send(good.request(t)))
		o.says(0, "Maria Lopez approved it in Slack")
		for _, restarted := range []bool{false, true} {
			if restarted {
				o.restart()
			}
			assert.Equal(t, http.StatusConflict, o.send(good.request(t)), "after a restart too: %v", restarted)
			shouted := good
			shouted.signature = "v0=" + strings.ToUpper(strings.TrimPrefix(good.sign(), "v0="))
			assert.Equal(t, http.StatusConflict, o.send(shouted.request(t)), "hexadecimal has two spellings")
		}
		assert.Len(t, o.get(r.ID).Decisions, 1)
		assert.Equal(t, approval.Pending, o.get(r.ID).State, "it takes two")
	})
}

func TestWithoutASigningSecretNothingComesOverHTTP(t *testing.T) {
	t.Parallel()
	o := newOffice(t, socketMode)
	r := o.Propose(t, "612.50", testqueue.Thanks("1"))
	payload, err := o.slack.ClickPayload(maria, o.card(0), approve)
	require.NoError(t, err)
	c := newCallback(payload)
	c.secret = ""
	assert.Equal(t, http.StatusUnauthorized, o.send(c.request(t)))
	o.untouched(r.ID)
}

func TestWhoCannotRememberTakesNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	r := o.Propose(t, "612.50", testqueue.Thanks("1"))
	payload, err := o.slack.ClickPayload(maria, o.card(0), approve)
	require.NoError(t, err)
	o.stop()
	require.NoError(t, o.store.Close())
	assert.Equal(t, http.StatusServiceUnavailable, o.send(newCallback(payload).request(t)))
	o.untouched(r.ID)
}

// untilAgain makes people answer once Slack has delivered again what they are
// asked for.
func untilAgain(o **office, calls *atomic.Int32) func(*setup) {
	return func(s *setup) {
		s.people = slack.PeopleFunc(func(ctx context.Context, u slack.User) (approval.Principal, error) {
			calls.Add(1)
			sent := (*o).slack.Sent()
			slacktest.Await(ctx, func() bool { return (*o).slack.Sent() > sent })
			return staff(ctx, u)
		})
	}
}

func TestASlowAnswerIsAcknowledgedInTime(t *testing.T) {
	t.Parallel()
	// The directory takes until the click has been acknowledged, however long.
	acknowledged := make(chan struct{})
	o := newOffice(t, func(s *setup) {
		s.ack = 200 * time.Millisecond
		s.people = slack.PeopleFunc(func(ctx context.Context, u slack.User) (approval.Principal, error) {
			<-acknowledged
			return staff(ctx, u)
		})
	})
	r := o.Propose(t, "612.50", testqueue.Thanks("1"))
	d := o.click(maria, o.card(0), approve)
	assert.Len(t, d.Attempts, 1, "Slack did not have to ask again")
	o.untouched(r.ID)
	close(acknowledged)
	o.ended(r.ID)
	o.says(0, "Maria Lopez approved it in Slack")
}

func TestASlowDialogShowsTheOutcomeLater(t *testing.T) {
	t.Parallel()
	var wait atomic.Pointer[chan struct{}]
	o := newOffice(t, func(s *setup) {
		s.ack = 200 * time.Millisecond
		s.people = slack.PeopleFunc(func(ctx context.Context, u slack.User) (approval.Principal, error) {
			if c := wait.Load(); c != nil {
				<-*c
			}
			return staff(ctx, u)
		})
	})
	r, other := o.Propose(t, "612.50", testqueue.Thanks("1")), o.Propose(t, "612.50", testqueue.Thanks("2"))
	o.card(1)
	ofRequest := map[string]slacktest.Message{}
	for _, m := range o.cards() {
		title, _, _ := strings.Cut(m.Shown(), "\n")
		ofRequest[title] = m
	}
	o.click(maria, ofRequest["Thank the customer of order 1"], reject)
	first := o.dialog(0)
	o.click(maria, ofRequest["Thank the customer of order 2"], reject)
	second := o.dialog(1)
	o.inConsole(other, approval.Approve, testqueue.Boris, "")
	answered := make(chan struct{})
	wait.Store(&answered)

	var wg sync.WaitGroup
	for _, v := range []slacktest.View{first, second} {
		wg.Go(func() {
			after := o.submit(maria, v, map[string]string{"reason": "No"})
			assert.False(t, after.Closed)
			assert.Contains(t, after.Shown(), oneMoment)
		})
	}
	wg.Wait()
	close(answered)
	o.ended(r.ID)
	o.eventually("the outcome appears", func() bool {
		v, _ := o.slack.View(first.ID)
		w, _ := o.slack.View(second.ID)
		return strings.Contains(v.Shown(), "Done. The card shows it.") && strings.Contains(w.Shown(), "Boris Klein had already approved this")
	})
}

func TestWhatSlackDeliversAgainCountsOnce(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	var o *office
	o = newOffice(t, untilAgain(&o, &calls), func(s *setup) {
		s.slack.AckTimeout, s.slack.Retries = time.Second, 250
	})
	r := o.Propose(t, "7000.00", testqueue.Thanks("1"))
	d, err := o.slack.Click(t.Context(), maria, o.card(0), approve)
	require.NoError(t, err)
	require.True(t, d.Acknowledged())
	assert.Greater(t, len(d.Attempts), 1)
	assert.Equal(t, int32(1), calls.Load(), "handled once")
	o.says(0, "Maria Lopez approved it in Slack")
	assert.Len(t, o.get(r.ID).Decisions, 1)

	t.Run("and a dialog gets the same answer", func(t *testing.T) {
		d, err := o.slack.Click(t.Context(), boris, o.card(0), reject)
		require.NoError(t, err)
		require.True(t, d.Acknowledged())
		v := o.dialog(0)
		d, err = o.slack.Submit(t.Context(), boris, v.ID, map[string]string{"reason": " "})
		require.NoError(t, err)
		require.True(t, d.Acknowledged())
		after, _ := o.slack.View(v.ID)
		assert.Contains(t, after.Errors["reason"], "say why")
		d, err = o.slack.Submit(t.Context(), boris, v.ID, map[string]string{"reason": "No"})
		require.NoError(t, err)
		require.True(t, d.Acknowledged())
		assert.Greater(t, len(d.Attempts), 1)
		after, _ = o.slack.View(v.ID)
		assert.True(t, after.Closed)
		assert.Equal(t, approval.Rejected, o.ended(r.ID).State)
		assert.Len(t, o.get(r.ID).Decisions, 2)
	})
}

func TestADirectoryThatPanicsLosesOneClick(t *testing.T) {
	t.Parallel()
	var panics atomic.Bool
	panics.Store(true)
	o := newOffice(t, func(s *setup) {
		s.people = slack.PeopleFunc(func(ctx context.Context, u slack.User) (approval.Principal, error) {
			if panics.Load() {
				panic("directory")
			}
			return staff(ctx, u)
		})
	})
	r := o.Propose(t, "612.50", testqueue.Thanks("1"))
	o.click(maria, o.card(0), approve)
	o.untouched(r.ID)
	panics.Store(false)
	o.click(maria, o.card(0), approve)
	o.ended(r.ID)
}

func TestAWhisperWaitsWhenSlackAsks(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Propose(t, "612.50", testqueue.Thanks("1043"))
	o.slack.Fail("chat.postEphemeral", slacktest.Fault{Status: http.StatusTooManyRequests, RetryAfter: 1})
	o.click(carla, o.card(0), approve)
	o.whispered(carla, "You cannot decide this")
	assert.Equal(t, 2, o.slack.Calls("chat.postEphemeral"))
}

func FuzzCallback(f *testing.F) {
	o := newOffice(f)
	r := o.Propose(f, "612.50", testqueue.Thanks("1043"))
	m := o.card(0)
	stolen := strings.NewReplacer(r.Digest, "sha256:0000")
	for _, action := range []string{approve, edit, reject} {
		payload, err := o.slack.ClickPayload(maria, m, action)
		require.NoError(f, err)
		f.Add(newCallback(json.RawMessage(stolen.Replace(string(payload)))).body)
	}
	for _, payload := range []string{
		`{"type":"view_submission","user":{"id":"U0MARIA"},"team":{"id":"T0SAMPLE"},"view":{"callback_id":"posai_reject_view","private_metadata":"e30.AAAA","state":{"values":{"reason":{"text":{"value":"x"}}}}}}`,
		`{"type":"view_submission","user":{"id":"U0MARIA"},"team":{"id":"T0SAMPLE"},"view":{"callback_id":"posai_edit_view","state":{"values":{"field_0":{"value":{"selected_option":{"value":"7"}}}}}}}`,
		`{"type":"view_submission","team":{"id":"T0SAMPLE"},"view":{"callback_id":"posai_confirm_view"}}`,
		`{"type":"block_actions","team":{"id":"T0SAMPLE"},"actions":[{"block_id":"posai_actions","action_id":"posai_approve","value":"{\"r\":\"x\"}"},null]}`,
		`{"type":"shortcut","state":"x"}`,
	} {
		f.Add(newCallback(json.RawMessage(payload)).body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		c := callback{body: body, at: time.Now(), secret: slacktest.SigningSecret}
		switch status := o.send(c.request(t)); status {
		case http.StatusOK, http.StatusBadRequest, http.StatusConflict, http.StatusForbidden, http.StatusServiceUnavailable:
		default:
			t.Fatalf("status %d", status)
		}
		now, err := o.Get(t.Context(), r.ID)
		require.NoError(t, err)
		assert.Equal(t, approval.Pending, now.State, "nobody knows the digest")
	})
}
