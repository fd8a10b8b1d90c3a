package slack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
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

// socketMode is an office that nobody can reach: what people do comes over its
// own WebSocket.
func socketMode(s *setup) {
	s.slack.SocketMode = true
	s.creds = slack.Credentials{BotToken: slacktest.BotToken, AppToken: slacktest.AppToken}
}

func (o *office) connected(total int) {
	o.t.Helper()
	o.eventually("connected", func() bool {
		_, n := o.slack.Connections()
		return n >= total
	})
}

func TestSocketMode(t *testing.T) {
	t.Parallel()
	o := newOffice(t, socketMode)
	r := o.Propose(t, "612.50", testqueue.Thanks("1043"))
	m := o.card(0)
	o.click(carla, m, approve)
	o.whispered(carla, "You cannot decide this")

	o.click(maria, m, reject)
	v := o.dialog(0)
	assert.Contains(t, o.submit(maria, v, map[string]string{"reason": " "}).Errors["reason"], "say why")
	assert.True(t, o.submit(maria, v, map[string]string{"reason": "No"}).Closed)
	assert.Equal(t, approval.Rejected, o.ended(r.ID).State)
	o.says(0, "Maria Lopez rejected it in Slack: No")
	o.click(boris, m, approve)
	o.whispered(boris, "Maria Lopez had already rejected this")
}

func TestSlackSendsAConnectionAway(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{"warning", "refresh_requested", "link_disabled", "too_many_websockets", "something new"} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, socketMode)
			r := o.Propose(t, "612.50", testqueue.Thanks("1"))
			m := o.card(0)
			o.connected(1)
			o.slack.Disconnect(reason)
			o.connected(2)
			o.click(maria, m, approve)
			o.ended(r.ID)
		})
	}
}

func TestAConnectionBreaks(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	broken := make(chan struct{})
	o := newOffice(t, socketMode, func(s *setup) {
		s.slack.AckTimeout = time.Second
		s.people = slack.PeopleFunc(func(ctx context.Context, u slack.User) (approval.Principal, error) {
			calls.Add(1)
			<-broken
			return staff(ctx, u)
		})
	})
	r := o.Propose(t, "7000.00", testqueue.Thanks("1"))
	m := o.card(0)
	o.connected(1)
	done := make(chan *slacktest.Delivery)
	go func() {
		d, err := o.slack.Click(context.WithoutCancel(t.Context()), maria, m, approve)
		assert.NoError(t, err)
		done <- d
	}()
	o.eventually("the click is being handled", func() bool { return calls.Load() == 1 })
	o.slack.Drop()
	o.connected(2)
	close(broken)
	d := <-done
	assert.True(t, d.Acknowledged())
	assert.Greater(t, len(d.Attempts), 1, "the acknowledgement got lost with the connection")
	assert.Equal(t, int32(1), calls.Load(), "what comes again is handled once")
	assert.Len(t, o.get(r.ID).Decisions, 1)
	o.says(0, "Maria Lopez approved it in Slack")
}

func TestEnvelopesThatComeAgain(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	var o *office
	o = newOffice(t, socketMode, untilAgain(&o, &calls), func(s *setup) { s.slack.AckTimeout = 200 * time.Millisecond })
	r := o.Propose(t, "7000.00", testqueue.Thanks("1"))
	m := o.card(0)
	d, err := o.slack.Click(t.Context(), maria, m, approve)
	require.NoError(t, err)
	require.True(t, d.Acknowledged())
	assert.Greater(t, len(d.Attempts), 1)
	assert.Equal(t, int32(1), calls.Load())
	assert.Len(t, o.get(r.ID).Decisions, 1)
}

func TestAConnectionInAHurryIsNotALoop(t *testing.T) {
	t.Parallel()
	o := newOffice(t, socketMode, func(s *setup) {
		s.opts = func(o *slack.Options) { o.RetryMin, o.RetryMax = 50*time.Millisecond, time.Second }
	})
	start := time.Now()
	for i := range 4 {
		o.connected(i + 1)
		o.slack.Disconnect("too_many_websockets")
	}
	o.connected(5)
	assert.GreaterOrEqual(t, time.Since(start), (50+100+200+400)*time.Millisecond, "the waits grow")
}

func TestNoConnectionForAWhile(t *testing.T) {
	t.Parallel()
	o := newOffice(t, socketMode)
	r := o.Propose(t, "612.50", testqueue.Thanks("1"))
	m := o.card(0)
	o.connected(1)
	o.slack.Fail("apps.connections.open", slacktest.Fault{Error: "invalid_auth"}, slacktest.Fault{Status: 500}, slacktest.Fault{Status: 429, RetryAfter: 1}, slacktest.Fault{Lost: true})
	o.slack.Drop()
	o.click(maria, m, approve)
	o.ended(r.ID)
	assert.Contains(t, o.logs.String(), "invalid_auth")
	assert.Contains(t, o.logs.String(), "ratelimited")
}

func TestWhatIsNotAnEnvelope(t *testing.T) {
	t.Parallel()
	o := newOffice(t, socketMode)
	r := o.Propose(t, "612.50", testqueue.Thanks("1"))
	m := o.card(0)
	o.connected(1)
	for _, text := range []string{
		"", "{", "[]", "null", `{"type":7}`, `{"type":"interactive","envelope_id":"e1","payload":"x"}`, `{"type":"events_api","envelope_id":"e2","payload":{}}`,
		`{"type":"interactive","envelope_id":"e3","payload":{"type":"block_actions","team":{"id":"T0OTHER"}}}`, `{"type":"interactive","envelope_id":"` + strings.Repeat("e", 300) + `"}`,
	} {
		o.slack.SendRaw(text)
	}
	o.click(maria, m, approve)
	o.ended(r.ID)
	_, total := o.slack.Connections()
	assert.Equal(t, 1, total, "the connection lives")

	t.Run("a frame that is too large costs the connection, not the process", func(t *testing.T) {
		o.slack.SendRaw(`{"x":"` + strings.Repeat("x", 2<<20) + `"}`)
		o.connected(2)
	})
}

func TestALargeAnswerComesAfterTheAcknowledgement(t *testing.T) {
	t.Parallel()
	o, propose := newShop(t, socketMode)
	large := jacket
	for i := range 60 {
		large.Tags = append(large.Tags, fmt.Sprintf("tag-%d-%s", i, strings.Repeat("y", 100)))
	}
	large.Note = strings.Repeat("ö", 2500)
	r := propose(large)
	o.click(maria, o.card(0), edit)
	v := o.submit(maria, o.dialog(0), map[string]string{"field_5": strings.Repeat("ü", 2600)})
	o.eventually("what will be approved appears", func() bool {
		v, _ = o.slack.View(v.ID)
		return strings.Contains(v.Shown(), "Not approved yet")
	})
	assert.True(t, o.submit(maria, v, nil).Closed)
	assert.Equal(t, approval.Executed, o.ended(r.ID).State)
}

func TestStopAcknowledgesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	o := newOffice(t, socketMode, func(s *setup) {
		s.people = slack.PeopleFunc(func(ctx context.Context, u slack.User) (approval.Principal, error) {
			close(entered)
			<-release
			return staff(ctx, u)
		})
	})
	r := o.Propose(t, "612.50", testqueue.Thanks("1"))
	m := o.card(0)
	o.connected(1)
	done := make(chan *slacktest.Delivery)
	go func() {
		d, err := o.slack.Click(context.WithoutCancel(t.Context()), maria, m, approve)
		assert.NoError(t, err)
		done <- d
	}()
	<-entered
	stopped := make(chan error)
	go func() { stopped <- o.channel.Load().Stop(context.WithoutCancel(t.Context())) }()
	o.eventually("nothing more is begun", func() bool {
		_, err := slack.HandleEnvelope(o.channel.Load(), []byte(`{"type":"interactive","envelope_id":"e1","payload":{"type":"shortcut","team":{"id":"T0SAMPLE"}}}`))
		return err != nil
	})
	close(release)
	require.NoError(t, <-stopped)
	d := <-done
	assert.True(t, d.Acknowledged())
	assert.Len(t, d.Attempts, 1)
	require.Len(t, o.get(r.ID).Decisions, 1)
	o.eventually("Slack sees the connection end", func() bool {
		open, _ := o.slack.Connections()
		return open == 0
	})
}

func FuzzEnvelope(f *testing.F) {
	o := newOffice(f, socketMode)
	r := o.Propose(f, "612.50", testqueue.Thanks("1043"))
	payload, err := o.slack.ClickPayload(maria, o.card(0), approve)
	require.NoError(f, err)
	envelope := func(payload string) string {
		return `{"type":"interactive","envelope_id":"e1","payload":` + payload + `}`
	}
	f.Add(strings.ReplaceAll(envelope(string(payload)), r.Digest, "sha256:0000"))
	f.Add(envelope(`{"type":"view_submission","user":{"id":"U0MARIA"},"team":{"id":"T0SAMPLE"},"view":{"callback_id":"posai_edit_view"}}`))
	f.Add(`{"type":"disconnect","reason":"warning"}`)
	f.Add(`{"type":"hello","num_connections":1}`)
	f.Add(`{"type":"events_api","envelope_id":"x","payload":{"a":[1,2]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		ack, err := slack.HandleEnvelope(o.channel.Load(), []byte(text))
		if err == nil && ack != nil {
			var a struct {
				EnvelopeID string `json:"envelope_id"`
			}
			require.NoError(t, json.Unmarshal(ack, &a))
			assert.NotEmpty(t, a.EnvelopeID)
			assert.Less(t, len(ack), 20<<10)
		}
		now, err := o.Get(t.Context(), r.ID)
		require.NoError(t, err)
		assert.Equal(t, approval.Pending, now.State, "nobody knows the digest")
	})
}
