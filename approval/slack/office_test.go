package slack_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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
	"github.com/posai-go/posai/approval/sqlstore"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
)

const (
	approve = "posai_approve"
	edit    = "posai_edit"
	reject  = "posai_reject"
)

// patience is how long the tests wait for what happens in the background.
const patience = 3 * time.Minute

// oneMoment is what a dialog says whose outcome takes longer than Slack waits.
const oneMoment = "What became of it appears here"

var (
	maria    = slacktest.User{ID: "U0MARIA"}
	boris    = slacktest.User{ID: "U0BORIS"}
	carla    = slacktest.User{ID: "U0CARLA"}
	broken   = slacktest.User{ID: "U0BROKEN"}
	stranger = slacktest.User{ID: "U0STRANGER"}
)

var credentials = slack.Credentials{BotToken: slacktest.BotToken, SigningSecret: slacktest.SigningSecret}

// staff knows the people of testqueue.
var staff = slack.PeopleFunc(func(_ context.Context, u slack.User) (approval.Principal, error) {
	switch u.ID {
	case maria.ID:
		return testqueue.Maria, nil
	case boris.ID:
		return testqueue.Boris, nil
	case carla.ID:
		return testqueue.Carla, nil
	case broken.ID:
		return approval.Principal{}, errors.New("directory is down")
	}
	return approval.Principal{}, slack.ErrUnknownUser
})

// office is a queue that asks in a simulated Slack.
type office struct {
	*testqueue.Queue
	t       testing.TB
	slack   *slacktest.Server
	store   *sqlstore.Store // what the channel remembers
	creds   slack.Credentials
	people  slack.People
	opts    func(*slack.Options)
	ack     time.Duration
	channel atomic.Pointer[slack.Slack]
	logs    *logBuffer
}

// setup is what tests change before an office opens.
type setup struct {
	slack  slacktest.Options
	creds  slack.Credentials
	people slack.People
	opts   func(*slack.Options)
	policy approval.Policy
	ack    time.Duration // if zero, as long as it takes
	url    string        // of the database of what is remembered; if empty, SQLite
}

func newOffice(t testing.TB, change ...func(*setup)) *office {
	t.Helper()
	s := setup{creds: credentials, people: staff}
	for _, f := range change {
		f(&s)
	}
	if s.ack == 0 {
		s.ack = patience
	}
	if s.slack.AckTimeout == 0 {
		s.slack.AckTimeout = patience
	}
	if s.slack.TriggerLifetime == 0 {
		s.slack.TriggerLifetime = patience
	}
	o := &office{t: t, creds: s.creds, people: s.people, opts: s.opts, ack: s.ack, logs: new(logBuffer)}
	o.slack = slacktest.NewServer(&s.slack)
	t.Cleanup(o.slack.Close)
	o.Queue = testqueue.NewWith(t, newLog(t), s.policy)
	var err error
	if s.url == "" {
		s.url = "sqlite://" + filepath.ToSlash(filepath.Join(t.TempDir(), "slack.db"))
	}
	o.store, err = sqlstore.Open(t.Context(), s.url, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, o.store.Close()) })
	o.channel.Store(o.build())
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { o.channel.Load().ServeHTTP(w, r) }))
	t.Cleanup(app.Close)
	o.slack.SetInteractionURL(app.URL + "/slack/interactions")
	o.start()
	t.Cleanup(func() {
		o.stop()
		assert.Empty(t, o.slack.Problems())
		for _, secret := range []string{slacktest.BotToken, slacktest.SigningSecret, slacktest.AppToken, "ticket="} {
			assert.NotContains(t, o.logs.String(), secret)
		}
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
	opts := slack.Options{
		APIURL: o.slack.APIURL(), Store: o.store, ConsoleURL: "https://pos.example.com/approvals", TeamID: slacktest.Team,
		RetryMin: 5 * time.Millisecond, RetryMax: 50 * time.Millisecond,
		LocationName: func(string) string { return "Main Street" },
		Logger:       slog.New(slog.NewTextHandler(o.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if o.opts != nil {
		o.opts(&opts)
	}
	s, err := slack.New(o.Queue.Queue, o.creds, slacktest.Channel, o.people, &opts)
	require.NoError(o.t, err)
	slack.SetAck(s, o.ack)
	slack.SetMost(s, patience)
	slack.SetSettle(s, func(ctx context.Context, view string) {
		slacktest.Await(ctx, func() bool {
			v, _ := o.slack.View(view)
			return strings.Contains(v.Shown(), oneMoment)
		})
	})
	return s
}

func (o *office) start() {
	o.t.Helper()
	require.NoError(o.t, o.channel.Load().Start(context.Background()))
}

func (o *office) stop() {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(o.t, o.channel.Load().Stop(ctx))
}

// restart ends the channel and begins it anew, as another process would.
func (o *office) restart() {
	o.t.Helper()
	o.stop()
	o.channel.Store(o.build())
	o.start()
}

// eventually waits for what happens in the background.
func (o *office) eventually(what string, ok func() bool) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	if slacktest.Await(ctx, ok) {
		return
	}
	for _, m := range o.slack.Messages(slacktest.Channel) {
		o.t.Logf("message %s: %s\n%s", m.TS, m.Text, m.Shown())
	}
	for _, m := range o.slack.Ephemerals() {
		o.t.Logf("whisper to %s: %s", m.User, m.Text)
	}
	for _, v := range o.slack.Views() {
		o.t.Logf("view %s closed=%v %v\n%s", v.ID, v.Closed, v.Errors, v.Shown())
	}
	o.t.Fatalf("%s: did not happen; problems %q; logs:\n%s", what, o.slack.Problems(), o.logs.String())
}

// cards are the messages that are no answers.
func (o *office) cards() (list []slacktest.Message) {
	for _, m := range o.slack.Messages(slacktest.Channel) {
		if m.ThreadTS == "" {
			list = append(list, m)
		}
	}
	return list
}

// answers are the messages below cards.
func (o *office) answers() (list []slacktest.Message) {
	for _, m := range o.slack.Messages(slacktest.Channel) {
		if m.ThreadTS != "" {
			list = append(list, m)
		}
	}
	return list
}

// card waits for the n-th card, from 0.
func (o *office) card(n int) slacktest.Message {
	o.t.Helper()
	o.eventually(fmt.Sprintf("card %d is posted", n), func() bool { return len(o.cards()) > n })
	return o.cards()[n]
}

// says waits until the n-th card says all of the texts.
func (o *office) says(n int, texts ...string) slacktest.Message {
	o.t.Helper()
	o.eventually(fmt.Sprintf("card %d says %q", n, texts), func() bool {
		list := o.cards()
		return len(list) > n && contains(list[n].Shown(), texts)
	})
	return o.cards()[n]
}

func contains(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// whispered waits until somebody alone was told something.
func (o *office) whispered(u slacktest.User, texts ...string) {
	o.t.Helper()
	o.eventually(fmt.Sprintf("%s is told %q", u.ID, texts), func() bool {
		for _, m := range o.slack.Ephemerals() {
			if m.User == u.ID && m.Channel == slacktest.Channel && contains(m.Text, texts) {
				return true
			}
		}
		return false
	})
}

// click presses a button, which the app acknowledges.
func (o *office) click(u slacktest.User, m slacktest.Message, action string) *slacktest.Delivery {
	o.t.Helper()
	d, err := o.slack.Click(o.t.Context(), u, m, action)
	require.NoError(o.t, err)
	require.True(o.t, d.Acknowledged(), "%+v\n%s", d.Attempts, o.logs.String())
	return d
}

// dialog waits for the n-th modal, from 0.
func (o *office) dialog(n int) slacktest.View {
	o.t.Helper()
	o.eventually("the dialog opens", func() bool { return len(o.slack.Views()) > n })
	return o.slack.Views()[n]
}

// submit sends a modal off and returns what became of it.
func (o *office) submit(u slacktest.User, v slacktest.View, values map[string]string) slacktest.View {
	o.t.Helper()
	d, err := o.slack.Submit(o.t.Context(), u, v.ID, values)
	require.NoError(o.t, err)
	require.True(o.t, d.Acknowledged(), "%+v\n%s", d.Attempts, o.logs.String())
	after, ok := o.slack.View(v.ID)
	require.True(o.t, ok)
	return after
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

func (o *office) get(id string) *approval.Request {
	o.t.Helper()
	r, err := o.Get(o.t.Context(), id)
	require.NoError(o.t, err)
	return r
}

func (o *office) untouched(id string) {
	o.t.Helper()
	r := o.get(id)
	assert.Equal(o.t, approval.Pending, r.State)
	assert.Empty(o.t, r.Decisions)
}

// inConsole takes a decision elsewhere.
func (o *office) inConsole(r *approval.Request, verdict approval.Verdict, by approval.Principal, reason string) {
	o.t.Helper()
	_, err := o.Decide(o.t.Context(), approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: verdict, Reason: reason, By: by, Channel: "console"})
	require.NoError(o.t, err)
}

func button(m slacktest.Message, action string) bool {
	_, ok := m.Button(action)
	return ok
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

// TestMain runs more tests at once than there are processors, since most of what
// they do is wait.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.fuzz").Value.String() == "" {
		if err := flag.Set("test.parallel", "8"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
