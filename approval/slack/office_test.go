package slack_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

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
