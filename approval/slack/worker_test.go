package slack_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/internal/testqueue"
)

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
