package slack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	slackapi "github.com/slack-go/slack"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/internal/testqueue"
	"github.com/posai-go/posai/approval/slack"
)

const (
	approve = "posai_approve"
	reject  = "posai_reject"
)

func TestNewRefuses(t *testing.T) {
	q := new(approval.Queue)
	good := slack.Credentials{BotToken: botToken, SigningSecret: signingSecret}
	for name, make := range map[string]func() (*slack.Slack, error){
		"no queue":   func() (*slack.Slack, error) { return slack.New(nil, good, "C1", staff, nil) },
		"no people":  func() (*slack.Slack, error) { return slack.New(q, good, "C1", nil, nil) },
		"no channel": func() (*slack.Slack, error) { return slack.New(q, good, "", staff, nil) },
		"no token": func() (*slack.Slack, error) {
			return slack.New(q, slack.Credentials{SigningSecret: "s"}, "C1", staff, nil)
		},
		"no secret":     func() (*slack.Slack, error) { return slack.New(q, slack.Credentials{BotToken: "t"}, "C1", staff, nil) },
		"relative URL":  func() (*slack.Slack, error) { return slack.New(q, good, "C1", staff, &slack.Options{ConsoleURL: "/x"}) },
		"negative wait": func() (*slack.Slack, error) { return slack.New(q, good, "C1", staff, &slack.Options{RetryMin: -1}) },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := make()
			require.Error(t, err)
		})
	}
}

func TestCredentialsDoNotPrint(t *testing.T) {
	c := slack.Credentials{BotToken: botToken, SigningSecret: signingSecret}
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "credentials", c)
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v %#v %s", c, c, &c), logged.String()} {
		assert.NotContains(t, text, "not-a-real")
	}
}

func TestACardAsksAndSaysWhatBecameOfIt(t *testing.T) {
	o := newOffice(t)
	r := o.Propose(t, "612.50", testqueue.Thanks("1043"))
	m := o.card(0)
	assert.Equal(t, "C1", m.Channel)
	for _, text := range []string{"Thank the customer of order 1043", "Dear Ana", "612.50 EUR", "Main Street", "Follow-up assistant", "The sale is above 500.00 EUR", "https://pos.example.com/approvals/requests/" + r.ID} {
		assert.Contains(t, m.Blocks, text)
	}
	assert.NotContains(t, m.Blocks, "7 orders in two years", "the evidence stays in the console")
	assert.NotEmpty(t, buttonValue(m, approve))
	assert.NotEmpty(t, buttonValue(m, reject))

	_, err := o.Decide(t.Context(), approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: approval.Approve, By: testqueue.Boris, Channel: "console"})
	require.NoError(t, err)
	m = o.says(0, "Boris Klein approved it in the console", "Approved and done")
	assert.Empty(t, buttonValue(m, approve))
	assert.Empty(t, buttonValue(m, reject))
	assert.Len(t, o.fake.posted(), 1)
}

func TestWhatIsAllowedIsNotAsked(t *testing.T) {
	o := newOffice(t)
	small := o.Propose(t, "12.50", testqueue.Thanks("1"))
	o.ended(small.ID)
	o.Propose(t, "612.50", testqueue.Thanks("2"))
	assert.Contains(t, o.card(0).Blocks, "order 2")
	assert.Len(t, o.fake.posted(), 1)
}

func TestApproveInSlack(t *testing.T) {
	o := newOffice(t)
	r := o.Propose(t, "612.50", testqueue.Thanks("1043"))
	m := o.card(0)
	o.ok(click("U-MARIA", m, approve))
	now := o.ended(r.ID)
	require.Len(t, now.Decisions, 1)
	assert.Equal(t, testqueue.Maria.ID, now.Decisions[0].By.ID)
	assert.Equal(t, "slack", now.Decisions[0].Channel)
	assert.Equal(t, int64(1), o.Effects.Load())
	o.says(0, "Maria Lopez approved it in Slack", "Approved and done")

	t.Run("and a second click is no harm", func(t *testing.T) {
		again := click("U-MARIA", m, approve)
		again.timestamp = again.timestamp.Add(time.Second)
		o.ok(again)
		assert.Equal(t, int64(1), o.Effects.Load())
		assert.Empty(t, o.fake.whispers())
	})
}

func TestRejectInSlackAsksWhy(t *testing.T) {
	o := newOffice(t)
	r := o.Propose(t, "612.50", testqueue.Thanks("1043"))
	m := o.card(0)
	o.ok(click("U-MARIA", m, reject))
	o.eventually("the dialog opens", func() bool { return len(o.fake.opened()) == 1 })
	dialog := o.fake.opened()[0]
	assert.Equal(t, "trigger-"+reject, dialog.TriggerID)
	o.untouched(r.ID)

	var reply struct {
		Action string            `json:"response_action"`
		Errors map[string]string `json:"errors"`
	}
	require.NoError(t, json.Unmarshal([]byte(o.ok(submit("U-MARIA", dialog, "  "))), &reply))
	assert.Equal(t, "errors", reply.Action)
	assert.Contains(t, reply.Errors["reason"], "say why")
	o.untouched(r.ID)

	assert.Empty(t, o.ok(submit("U-MARIA", dialog, "Not this customer <!channel>")), "an empty answer closes the dialog")
	now := o.ended(r.ID)
	assert.Equal(t, approval.Rejected, now.State)
	assert.Equal(t, "Not this customer <!channel>", now.Decisions[0].Reason)
	o.says(0, "Maria Lopez rejected it in Slack: Not this customer")
	assert.Equal(t, int64(0), o.Effects.Load())

	t.Run("a dialog that is sent late is told", func(t *testing.T) {
		body := o.ok(submit("U-BORIS", dialog, "Me neither"))
		assert.Contains(t, body, `"response_action":"update"`)
		assert.Contains(t, body, "Maria Lopez had already rejected this")
	})
}

// submit is what Slack sends when a dialog is sent off.
func submit(user string, v fakeView, reason string) callback {
	return interaction(map[string]any{
		"type": "view_submission", "team": map[string]any{"id": "T1"}, "user": map[string]any{"id": user},
		"view": map[string]any{
			"id": "V1", "type": "modal", "callback_id": v.View.CallbackID, "private_metadata": v.View.PrivateMetadata,
			"state": map[string]any{"values": map[string]any{"reason": map[string]any{"text": map[string]any{"type": "plain_text_input", "value": reason}}}},
		},
	})
}

func TestForgedOldAndReplayedCallbacks(t *testing.T) {
	o := newOffice(t)
	r := o.Propose(t, "7000.00", testqueue.Thanks("1043"))
	m := o.card(0)
	good := click("U-MARIA", m, approve)

	cases := map[string]struct {
		change func(*callback)
		status int
	}{
		"signed by somebody else": {func(c *callback) { c.secret = "another secret" }, http.StatusUnauthorized},
		"altered after signing": {func(c *callback) {
			c.signature = sign(signingSecret, c.stamp(), c.body)
			c.body = strings.Replace(c.body, "U-MARIA", "U-BORIS", 1)
		}, http.StatusUnauthorized},
		"signature of nothing": {func(c *callback) { c.signature = "v0=" }, http.StatusUnauthorized},
		"signature cut off":    {func(c *callback) { c.signature = sign(signingSecret, "1", c.body)[:20] }, http.StatusUnauthorized},
		"another version": {func(c *callback) {
			c.signature = strings.Replace(sign(signingSecret, c.stamp(), c.body), "v0=", "v1=", 1)
		}, http.StatusUnauthorized},
		"six minutes old":            {func(c *callback) { c.timestamp = c.timestamp.Add(-6 * time.Minute) }, http.StatusUnauthorized},
		"from the future":            {func(c *callback) { c.timestamp = c.timestamp.Add(6 * time.Minute) }, http.StatusUnauthorized},
		"timestamp moved":            {func(c *callback) { c.signature = sign(signingSecret, "1", c.body) }, http.StatusUnauthorized},
		"of another workspace":       {func(c *callback) { c.body = strings.Replace(c.body, "T1", "T2", 1) }, http.StatusForbidden},
		"no form":                    {func(c *callback) { c.body = "%zz" }, http.StatusBadRequest},
		"no payload":                 {func(c *callback) { c.body = "x=y" }, http.StatusBadRequest},
		"payload that is not JSON":   {func(c *callback) { c.body = "payload=%7B" }, http.StatusBadRequest},
		"payload of the wrong shape": {func(c *callback) { c.body = "payload=%5B%5D" }, http.StatusBadRequest},
		"too large":                  {func(c *callback) { c.body += "&x=" + strings.Repeat("x", 1<<20) }, http.StatusRequestEntityTooLarge},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bad := good
			c.change(&bad)
			status, body := o.send(bad)
			assert.Equal(t, c.status, status, body)
		})
	}
	t.Run("without signature", func(t *testing.T) {
		q := good.request(t, o.callback)
		q.Header.Del("X-Slack-Signature")
		res, err := o.client.Do(q)
		require.NoError(t, err)
		assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
		require.NoError(t, res.Body.Close())
	})
	t.Run("by GET", func(t *testing.T) {
		q := good.request(t, o.callback)
		q.Method = http.MethodGet
		res, err := o.client.Do(q)
		require.NoError(t, err)
		assert.Equal(t, http.StatusMethodNotAllowed, res.StatusCode)
		require.NoError(t, res.Body.Close())
	})
	o.untouched(r.ID)

	t.Run("replayed", func(t *testing.T) {
		o.ok(good)
		o.says(0, "Maria Lopez approved it in Slack")
		status, _ := o.send(good)
		assert.Equal(t, http.StatusConflict, status)
		shouted := good
		signature := sign(signingSecret, good.stamp(), good.body)
		shouted.signature = "v0=" + strings.ToUpper(strings.TrimPrefix(signature, "v0="))
		status, _ = o.send(shouted)
		assert.Equal(t, http.StatusConflict, status, "hexadecimal has two spellings")
		now, err := o.Get(t.Context(), r.ID)
		require.NoError(t, err)
		assert.Len(t, now.Decisions, 1)
		assert.Equal(t, approval.Pending, now.State, "it takes two")
	})
}

func TestWhoMayNotDecideInSlack(t *testing.T) {
	o := newOffice(t)
	r := o.Propose(t, "612.50", testqueue.Thanks("1043"))
	m := o.card(0)
	for name, c := range map[string]struct{ user, words string }{
		"without the role":        {"U-CARLA", "You cannot decide this"},
		"unknown":                 {"U-STRANGER", "not linked to anybody"},
		"the directory is broken": {"U-BROKEN", "cannot be checked at the moment"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, button := range []string{approve, reject} {
				o.ok(click(c.user, m, button))
			}
			o.whispered(c.user, c.words, "Nothing was decided")
		})
	}
	assert.Empty(t, o.fake.opened(), "no dialog for who may not reject")
	o.untouched(r.ID)
}

func TestALateClickInSlack(t *testing.T) {
	o := newOffice(t)
	r := o.Propose(t, "612.50", testqueue.Thanks("1043"))
	m := o.card(0)
	_, err := o.Decide(t.Context(), approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: approval.Reject, Reason: "Too dear", By: testqueue.Maria, Channel: "console"})
	require.NoError(t, err)
	o.ok(click("U-BORIS", m, approve))
	o.whispered("U-BORIS", "Maria Lopez had already rejected this", "in the console", "Too dear", "changed nothing")
	o.ok(click("U-BORIS", m, reject))
	o.eventually("told twice", func() bool { return len(o.fake.whispers()) == 2 })
	assert.Empty(t, o.fake.opened(), "no dialog in vain")
	assert.Equal(t, int64(0), o.Effects.Load())
}

func TestAStaleCardDecidesNothing(t *testing.T) {
	o := newOffice(t)
	r := o.Propose(t, "7000.00", testqueue.Thanks("1043"))
	old := o.card(0)
	_, err := o.Decide(t.Context(), approval.Decision{
		RequestID: r.ID, Digest: r.Digest, Verdict: approval.Approve, By: testqueue.Maria, Channel: "console",
		Edit: map[string]string{"text": "See you soon"},
	})
	require.NoError(t, err)
	o.ok(click("U-BORIS", old, approve))
	o.whispered("U-BORIS", "has changed since", "Nothing was decided")
	fresh := o.says(0, "See you soon", "Maria Lopez approved it in the console, with changes")
	assert.Equal(t, int64(0), o.Effects.Load())
	o.ok(click("U-BORIS", fresh, approve))
	assert.Equal(t, approval.Executed, o.ended(r.ID).State)
	assert.Equal(t, "See you soon", o.Last.Load().Text)
}

func TestWhatAModelWritesIsPlainText(t *testing.T) {
	o := newOffice(t)
	const evil = "<!channel> <@U1> *bold* <https://evil.example.com|click> &amp; @here"
	o.Propose(t, "612.50", testqueue.Message{Text: evil, Tone: "warm", Order: evil})
	m := o.card(0)
	var set slackapi.Blocks
	require.NoError(t, json.Unmarshal([]byte(m.Blocks), &set))
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if text, ok := v["text"].(string); ok && strings.Contains(text, "channel") {
				assert.Equal(t, "plain_text", v["type"], text)
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	var blocks any
	require.NoError(t, json.Unmarshal([]byte(m.Blocks), &blocks))
	walk(blocks)
	assert.NotContains(t, m.Text, "<!", "the text of the notification is escaped")
	assert.Contains(t, m.Text, "&lt;!channel&gt;")
}

func TestLongPreviews(t *testing.T) {
	o := newOffice(t)
	o.Propose(t, "612.50", testqueue.Message{Text: strings.Repeat("ä", 3500) + "END", Tone: "warm", Order: "1"})
	m := o.card(0)
	assert.Contains(t, m.Blocks, "END", "in several parts, but whole")
	assert.NotEmpty(t, buttonValue(m, approve))
}

func TestWhatDoesNotFitCannotBeApprovedHere(t *testing.T) {
	o := newOffice(t)
	r := o.Propose(t, "612.50", testqueue.Message{Text: strings.Repeat("\U0001F600", 1500), Tone: "warm", Order: strings.Repeat("1", 200)})
	m := o.card(0)
	assert.NotEmpty(t, buttonValue(m, approve), "a long title is repeated whole below the header")
	assert.Contains(t, m.Blocks, strings.Repeat("1", 200))
	o.untouched(r.ID)

	// 64 long fields are more than Slack shows in one message.
	o.Propose(t, "612.50", testqueue.Message{Text: testqueue.Endless, Tone: "warm", Order: "2"})
	m = o.card(1)
	assert.Empty(t, buttonValue(m, approve))
	assert.NotEmpty(t, buttonValue(m, reject))
	assert.Contains(t, m.Blocks, "too long for Slack")
}

func TestACardThatSlackRefusesIsSentBrief(t *testing.T) {
	o := newOffice(t)
	o.fake.fail("chat.postMessage", fault{code: "msg_blocks_too_long"})
	r := o.Propose(t, "612.50", testqueue.Thanks("1043"))
	m := o.card(0)
	assert.Contains(t, m.Blocks, "order 1043")
	assert.NotContains(t, m.Blocks, "Dear Ana")
	assert.Empty(t, buttonValue(m, approve), "nobody approves what they could not read")
	assert.NotEmpty(t, buttonValue(m, reject))
	_, err := o.Decide(t.Context(), approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: approval.Approve, By: testqueue.Boris, Channel: "console"})
	require.NoError(t, err)
	o.says(0, "Boris Klein approved it in the console")
}

func TestRoute(t *testing.T) {
	fake := newFakeSlack(t)
	q := testqueue.New(t, newLog(t))
	s, err := slack.New(q.Queue, slack.Credentials{BotToken: botToken, SigningSecret: signingSecret}, "", staff, &slack.Options{
		APIURL: fake.url(),
		Route: func(r *approval.Request) string {
			if order, err := r.Amount.Cmp(approval.Money{Amount: "5000.00", Currency: "EUR"}); err == nil && order > 0 {
				return "C-LARGE"
			}
			return ""
		},
	})
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context()))
	defer func() { require.NoError(t, s.Stop(context.Background())) }()
	q.Propose(t, "612.50", testqueue.Thanks("1"))
	q.Propose(t, "7000.00", testqueue.Thanks("2"))
	require.Eventually(t, func() bool { return len(fake.posted()) == 1 }, 10*time.Second, 5*time.Millisecond)
	assert.Equal(t, "C-LARGE", fake.posted()[0].Channel)
	assert.Contains(t, fake.posted()[0].Blocks, "order 2")
}

func TestAWhisperWaitsWhenSlackAsks(t *testing.T) {
	o := newOffice(t)
	o.Propose(t, "612.50", testqueue.Thanks("1043"))
	o.fake.fail("chat.postEphemeral", fault{status: http.StatusTooManyRequests, retryAfter: 1})
	o.ok(click("U-CARLA", o.card(0), approve))
	o.whispered("U-CARLA", "You cannot decide this")
	assert.Equal(t, 2, o.fake.count("chat.postEphemeral"))
}

func FuzzCallback(f *testing.F) {
	o := &office{t: f}
	o.Queue = testqueue.New(f, newLog(f))
	o.logs = new(logBuffer)
	r := o.Propose(f, "612.50", testqueue.Thanks("1043"))
	s, err := slack.New(o.Queue.Queue, slack.Credentials{BotToken: botToken, SigningSecret: signingSecret}, "C1", staff, &slack.Options{
		APIURL: "http://127.0.0.1:1/api/", HTTPClient: &http.Client{Timeout: time.Millisecond},
	})
	require.NoError(f, err)
	f.Cleanup(func() { _ = s.Stop(context.Background()) })
	for _, c := range []callback{
		click("U-MARIA", fakeMessage{Channel: "C1", TS: "1.1"}, approve),
		submit("U-MARIA", fakeView{View: slackapi.ModalViewRequest{CallbackID: "posai_reject_view", PrivateMetadata: `{"r":"x","d":"y"}`}}, "why"),
		interaction(map[string]any{"type": "block_actions", "actions": []any{map[string]any{"block_id": "posai_actions", "action_id": approve, "value": `{"r":"x"}`}}}),
		interaction(map[string]any{"type": "shortcut", "state": "x"}),
	} {
		f.Add(c.body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		c := callback{body: body, timestamp: time.Now(), secret: signingSecret}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, c.request(t, "http://pos.example.com/slack/interactions"))
		switch w.Code {
		case http.StatusOK, http.StatusBadRequest, http.StatusConflict:
		default:
			t.Fatalf("status %d", w.Code)
		}
		now, err := o.Get(t.Context(), r.ID)
		require.NoError(t, err)
		assert.Equal(t, approval.Pending, now.State, "nobody knows the digest")
	})
}
