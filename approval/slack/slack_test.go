package slack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	slackapi "github.com/slack-go/slack"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/internal/testqueue"
	"github.com/posai-go/posai/approval/slack"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
)

// office is a queue that asks in a fake Slack.
type office struct {
	*testqueue.Queue
	t        testing.TB
	fake     *fakeSlack
	dir      string // of the remembered messages
	channel  *slack.Slack
	callback string // URL
	client   *http.Client
	logs     *logBuffer
}

var staff = slack.PeopleFunc(func(_ context.Context, u slack.User) (approval.Principal, error) {
	switch u.ID {
	case "U-MARIA":
		return testqueue.Maria, nil
	case "U-BORIS":
		return testqueue.Boris, nil
	case "U-CARLA":
		return testqueue.Carla, nil
	case "U-BROKEN":
		return approval.Principal{}, errors.New("directory is down")
	}
	return approval.Principal{}, slack.ErrUnknownUser
})

func newOffice(t *testing.T) *office {
	o := &office{t: t, fake: newFakeSlack(t), dir: t.TempDir(), client: &http.Client{Timeout: 20 * time.Second}, logs: new(logBuffer)}
	o.Queue = testqueue.New(t, newLog(t))
	o.channel = o.build()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { o.channel.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	o.callback = server.URL + "/slack/interactions"
	o.start()
	t.Cleanup(func() {
		o.stop()
		assert.NotContains(t, o.logs.String(), botToken)
		assert.NotContains(t, o.logs.String(), signingSecret)
		assert.NotContains(t, o.logs.String(), "Dear Ana", "what a request says is not logged")
	})
	return o
}

func newLog(t testing.TB) *audit.Log {
	t.Helper()
	store, err := filestore.Open(t.TempDir(), nil)
	require.NoError(t, err)
	log, err := audit.Open(t.Context(), store, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Errorf("close the log: %v", err)
		}
	})
	return log
}

// build makes a channel as a new process would.
func (o *office) build() *slack.Slack {
	o.t.Helper()
	messages, err := slack.OpenFileMessages(o.dir)
	require.NoError(o.t, err)
	s, err := slack.New(o.Queue.Queue, slack.Credentials{BotToken: botToken, SigningSecret: signingSecret}, "C1", staff, &slack.Options{
		Messages: messages, APIURL: o.fake.url(), ConsoleURL: "https://pos.example.com/approvals", TeamID: "T1",
		RetryMin: 5 * time.Millisecond, RetryMax: 50 * time.Millisecond,
		LocationName: func(string) string { return "Main Street" },
		Logger:       slog.New(slog.NewTextHandler(o.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	require.NoError(o.t, err)
	return s
}

func (o *office) start() {
	o.t.Helper()
	require.NoError(o.t, o.channel.Start(context.Background()))
}

func (o *office) stop() {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	require.NoError(o.t, o.channel.Stop(ctx))
}

// eventually waits for what the worker does.
func (o *office) eventually(what string, ok func() bool) {
	o.t.Helper()
	if !assert.Eventually(o.t, ok, 10*time.Second, 5*time.Millisecond, what) {
		for _, m := range o.fake.posted() {
			o.t.Logf("message %s: %s\n%s", m.TS, m.Text, m.Blocks)
		}
		o.t.Fatalf("logs:\n%s", o.logs.String())
	}
}

// card waits for the n-th message, from 0.
func (o *office) card(n int) fakeMessage {
	o.t.Helper()
	o.eventually("the card is posted", func() bool { return len(o.fake.posted()) > n })
	return o.fake.posted()[n]
}

// says waits until the n-th message says all of the texts.
func (o *office) says(n int, texts ...string) fakeMessage {
	o.t.Helper()
	o.eventually(fmt.Sprintf("the card says %q", texts), func() bool {
		list := o.fake.posted()
		if len(list) <= n {
			return false
		}
		for _, text := range texts {
			if !strings.Contains(list[n].Blocks, text) {
				return false
			}
		}
		return true
	})
	return o.fake.posted()[n]
}

// whispered waits until somebody was told something.
func (o *office) whispered(user string, texts ...string) {
	o.t.Helper()
	o.eventually(fmt.Sprintf("%s is told %q", user, texts), func() bool {
		for _, m := range o.fake.whispers() {
			told := m.User == user && m.Channel == "C1"
			for _, text := range texts {
				told = told && strings.Contains(m.Text, text)
			}
			if told {
				return true
			}
		}
		return false
	})
}

// send delivers a callback and returns the status and the body of the answer.
func (o *office) send(c callback) (int, string) {
	o.t.Helper()
	res, err := o.client.Do(c.request(o.t, o.callback))
	require.NoError(o.t, err)
	defer func() { _ = res.Body.Close() }()
	var body bytes.Buffer
	_, err = body.ReadFrom(res.Body)
	require.NoError(o.t, err)
	return res.StatusCode, body.String()
}

func (o *office) ok(c callback) string {
	o.t.Helper()
	status, body := o.send(c)
	require.Equal(o.t, http.StatusOK, status, body)
	return body
}

func (o *office) ended(id string) *approval.Request {
	o.t.Helper()
	var r *approval.Request
	o.eventually("the request ends", func() bool {
		var err error
		r, err = o.Get(o.t.Context(), id)
		return err == nil && r.State.Final()
	})
	return r
}

func (o *office) untouched(id string) {
	o.t.Helper()
	r, err := o.Get(o.t.Context(), id)
	require.NoError(o.t, err)
	assert.Equal(o.t, approval.Pending, r.State)
	assert.Empty(o.t, r.Decisions)
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

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
	o.Propose(t, "612.50", testqueue.Message{Text: strings.Repeat("ä", 7000) + "END", Tone: "warm", Order: "1"})
	m := o.card(0)
	assert.Contains(t, m.Blocks, "END", "in several parts, but whole")
	assert.NotEmpty(t, buttonValue(m, approve))
}

func TestSlackRefusesAndLimits(t *testing.T) {
	o := newOffice(t)
	o.fake.fail("chat.postMessage",
		fault{code: "channel_not_found"}, fault{status: http.StatusInternalServerError}, fault{status: http.StatusTooManyRequests, retryAfter: 1})
	start := time.Now()
	o.Propose(t, "612.50", testqueue.Thanks("1043"))
	o.card(0)
	assert.GreaterOrEqual(t, time.Since(start), time.Second, "Slack asked to wait a second")
	assert.Equal(t, 4, o.fake.count("chat.postMessage"))
	assert.Contains(t, o.logs.String(), "channel_not_found")
}

func TestAnAnswerThatGotLostAsksOnce(t *testing.T) {
	o := newOffice(t)
	o.fake.fail("chat.postMessage", fault{after: true})
	r := o.Propose(t, "612.50", testqueue.Thanks("1043"))
	m := o.card(0)
	o.eventually("the card is found again", func() bool { return o.fake.count("conversations.history") > 0 })
	o.ok(click("U-MARIA", m, approve))
	o.says(0, "Maria Lopez approved it in Slack")
	o.ended(r.ID)
	assert.Len(t, o.fake.posted(), 1)
	assert.Equal(t, 1, o.fake.count("chat.postMessage"))
}

func TestADeletedCardIsPostedAgain(t *testing.T) {
	o := newOffice(t)
	r := o.Propose(t, "7000.00", testqueue.Thanks("1043"))
	o.card(0)
	o.fake.fail("chat.update", fault{code: "message_not_found"})
	_, err := o.Decide(t.Context(), approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: approval.Approve, By: testqueue.Maria, Channel: "console"})
	require.NoError(t, err)
	m := o.says(1, "Maria Lopez approved it in the console")
	assert.NotEmpty(t, buttonValue(m, approve))
	t.Run("and a click on the first one still counts, and both are brought up to date", func(t *testing.T) {
		o.ok(click("U-BORIS", o.card(0), approve))
		o.ended(r.ID)
		o.says(0, "Boris Klein approved it in Slack")
		o.says(1, "Boris Klein approved it in Slack")
	})
}

func TestARestartLosesNothing(t *testing.T) {
	o := newOffice(t)
	first := o.Propose(t, "612.50", testqueue.Thanks("1"))
	second := o.Propose(t, "613.50", testqueue.Thanks("2"))
	o.card(1)
	require.NoError(t, func() error { o.stop(); return nil }())

	// While Slack's part is away, one is decided and one comes in.
	_, err := o.Decide(t.Context(), approval.Decision{RequestID: first.ID, Digest: first.Digest, Verdict: approval.Approve, By: testqueue.Maria, Channel: "console"})
	require.NoError(t, err)
	o.ended(first.ID)
	o.Propose(t, "614.50", testqueue.Thanks("3"))

	o.channel = o.build()
	o.start()
	o.card(2)
	byText := func(text string) (n int) {
		for _, m := range o.fake.posted() {
			if strings.Contains(m.Blocks, text) {
				n++
			}
		}
		return n
	}
	o.eventually("the decided one says so", func() bool { return byText("Maria Lopez approved it in the console") == 1 })
	assert.Equal(t, 1, byText("order 1\""))
	assert.Equal(t, 1, byText("order 2\""))
	assert.Equal(t, 1, byText("order 3\""))
	require.Error(t, o.channel.Start(t.Context()), "started twice")

	t.Run("and a crash between posting and remembering asks once", func(t *testing.T) {
		o.fake.fail("chat.postMessage", fault{after: true})
		o.fake.fail("conversations.history", fault{status: 500}, fault{status: 500}, fault{status: 500}, fault{status: 500}, fault{status: 500})
		o.Propose(t, "615.50", testqueue.Thanks("4"))
		o.card(3)
		o.stop()
		o.channel = o.build()
		o.start()
		r, err := o.Get(t.Context(), second.ID)
		require.NoError(t, err)
		_, err = o.Decide(t.Context(), approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: approval.Approve, By: testqueue.Maria, Channel: "console"})
		require.NoError(t, err)
		o.eventually("the worker is past it", func() bool { return byText("Maria Lopez approved it in the console") == 2 })
		assert.Equal(t, 1, byText("order 4\""))
	})
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
