package slack_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/internal/testqueue"
	"github.com/posai-go/posai/approval/slack"
	"github.com/posai-go/posai/approval/slack/slacktest"
	"github.com/posai-go/posai/approval/sqlstore"
	"github.com/posai-go/posai/internal/testpg"
)

func TestSlackRefusesForAWhile(t *testing.T) {
	t.Parallel()
	for _, fault := range []slacktest.Fault{
		{Error: "channel_not_found"},
		{Error: "is_archived"},
		{Error: "not_in_channel"},
		{Error: "invalid_auth"},
		{Error: "account_inactive"},
		{Error: "ratelimited"},
		{Error: "internal_error"},
		{Error: "service_unavailable"},
		{Status: http.StatusInternalServerError},
		{Status: http.StatusServiceUnavailable},
		{Lost: true},
	} {
		t.Run(fmt.Sprintf("%s%d", fault.Error, fault.Status), func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.slack.Fail("chat.postMessage", fault, fault)
			o.Propose(t, "612.50", testqueue.Thanks("1043"))
			m := o.card(0)
			if fault.Error != "" {
				assert.Contains(t, o.logs.String(), fault.Error)
				assert.Equal(t, 3, o.slack.Calls("chat.postMessage"))
				assert.Zero(t, o.slack.Calls("conversations.history"), "Slack said no, so there is nothing to look for")
			}
			o.slack.Fail("chat.update", fault, fault)
			o.click(maria, m, approve)
			o.says(0, "Approved and done")
			assert.Len(t, o.cards(), 1)
		})
	}
}

func TestAnArchivedChannel(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(s *setup) { s.opts = func(o *slack.Options) { o.GiveUpAfter = 300 * time.Millisecond } })
	o.slack.Archive(slacktest.Channel)
	r := o.Propose(t, "612.50", testqueue.Thanks("1"))
	o.eventually("it is tried again", func() bool { return o.slack.Calls("chat.postMessage") > 3 })
	o.slack.Rejoin(slacktest.Channel)
	o.card(0)

	o.slack.Leave(slacktest.Channel)
	o.inConsole(r, approval.Approve, testqueue.Maria, "")
	o.ended(r.ID)
	o.eventually("a card that cannot be reached is let go", func() bool {
		docs, err := o.store.Documents(t.Context(), "slack/post/", "", 10)
		return err == nil && len(docs) == 0
	})
	assert.Contains(t, o.logs.String(), "not_in_channel")
}

func TestSlackAsksToWait(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(s *setup) {
		s.slack.Workspaces = []slacktest.Workspace{{TeamID: slacktest.Team, BotToken: slacktest.BotToken, Channels: []string{slacktest.Channel, "C0OTHER"}}}
		s.opts = func(o *slack.Options) {
			o.Places = slack.Routes(slack.Route{Scope: approval.Scope{Shop: "example.myshopify.com", Location: testqueue.MainStreet}, To: []slack.Place{{Channel: slacktest.Channel}, {Channel: "C0OTHER"}}})
		}
	})
	o.slack.Fail("chat.postMessage", slacktest.Fault{Status: http.StatusTooManyRequests, RetryAfter: 2, Channel: slacktest.Channel})
	start := time.Now()
	o.Propose(t, "612.50", testqueue.Thanks("1043"))
	o.eventually("Slack has asked to wait", func() bool { return strings.Contains(o.logs.String(), "asked to wait") })
	o.Propose(t, "612.50", testqueue.Thanks("1044"))
	o.card(0)
	assert.GreaterOrEqual(t, time.Since(start), 2*time.Second, "Slack asked to wait two seconds, and that is about the whole channel")
	o.card(1)
	assert.Equal(t, 5, o.slack.Calls("chat.postMessage"))
	require.Len(t, o.slack.Messages("C0OTHER"), 2)
	assert.Less(t, o.slack.Messages("C0OTHER")[0].TS, o.card(0).TS, "the other channel does not wait for this one")
}

func TestManyCardsWithinTheLimits(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	// Slack's own figure, in a window of two seconds.
	o.slack.Limit("chat.postMessage", 4, 2*time.Second)
	const n = 9
	for i := range n {
		o.Propose(t, "612.50", testqueue.Thanks(strconv.Itoa(i)))
	}
	o.eventually("all are posted", func() bool { return len(o.cards()) == n })
	for i := range n {
		count := 0
		for _, m := range o.cards() {
			if strings.Contains(m.Shown(), fmt.Sprintf("order %d\n", i)) {
				count++
			}
		}
		assert.Equal(t, 1, count, "order %d", i)
	}
	t.Logf("Slack had to refuse %d calls", o.slack.Limited("chat.postMessage"))
}

// Calls are spread before Slack has to refuse, and after it did.
func TestCallsAreSpread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := slack.NewGate()
		start := time.Now()
		var seconds []float64
		for range 9 {
			seconds = append(seconds, g.Book().Sub(start).Seconds())
		}
		assert.Equal(t, []float64{0, 0, 0, 1, 2, 3, 4, 5, 6}, seconds, "one a second, and three at once")
		assert.False(t, g.Opens().After(start))
		g.Limited(10 * time.Second)
		g.Limited(5 * time.Second)
		assert.Equal(t, 10*time.Second, g.Opens().Sub(start), "the longest that was asked for")
		time.Sleep(time.Minute)
		assert.Equal(t, time.Now(), g.Book())
	})
}

func TestAnAnswerThatGotLostAsksOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.slack.Fail("chat.postMessage", slacktest.Fault{Lost: true})
	r := o.Propose(t, "612.50", testqueue.Thanks("1043"))
	m := o.card(0)
	o.eventually("the card is found again", func() bool { return o.slack.Calls("conversations.history") > 0 })
	o.click(maria, m, approve)
	o.says(0, "Maria Lopez approved it in Slack")
	o.ended(r.ID)
	assert.Len(t, o.cards(), 1)
	assert.Equal(t, 1, o.slack.Calls("chat.postMessage"))
}

func TestWithoutTheScopeToLookACardMayComeTwice(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.slack.Fail("conversations.history", slacktest.Fault{Error: "missing_scope"})
	o.slack.Fail("chat.postMessage", slacktest.Fault{Lost: true})
	r := o.Propose(t, "612.50", testqueue.Thanks("1043"))
	o.card(1)
	o.click(maria, o.card(0), approve)
	o.ended(r.ID)
	o.says(0, "Maria Lopez approved it in Slack")
	o.says(1, "Maria Lopez approved it in Slack")
}

func TestALostAnswerToANoticeMentionsOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t, escalating(300*time.Millisecond))
	o.slack.Fail("chat.postMessage", slacktest.Fault{}, slacktest.Fault{Lost: true}) // the card, and the notice below it
	o.Propose(t, "612.50", testqueue.Thanks("1"))
	o.eventually("the thread is searched", func() bool { return o.slack.Calls("conversations.replies") > 0 })
	o.eventually("it is found", func() bool {
		docs, err := o.store.Documents(t.Context(), "slack/post/", "", 10)
		return err == nil && len(docs) == 2 && strings.Contains(string(docs[1].Data), `"shown"`) && !strings.Contains(string(docs[1].Data), `"maybe"`)
	})
	assert.Len(t, o.answers(), 1)
}

// escalating asks the boss after a while, whom Slack knows as a user and a group.
func escalating(after time.Duration) func(*setup) {
	return func(s *setup) {
		s.policy = approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Role("manager"), time.Hour, "All").WithEscalation(
			approval.Escalation{After: after, Need: approval.Any(approval.Role("boss"), approval.Person("staff-9"))})})
		s.opts = func(o *slack.Options) {
			o.Mentions = slack.MentionRoles(map[string][]string{"boss": {"S0BOSSES", "<!channel>", "S0BOSSES"}, "manager": {"S0MANAGERS"}}, map[string]string{"staff-9": "U0NINE"})
		}
	}
}

func TestEscalationMentions(t *testing.T) {
	t.Parallel()
	o := newOffice(t, escalating(300*time.Millisecond))
	r := o.Propose(t, "612.50", testqueue.Thanks("1"))
	o.eventually("it is escalated", func() bool { return len(o.answers()) == 1 })
	a := o.answers()[0]
	assert.Equal(t, o.card(0).TS, a.ThreadTS)
	assert.True(t, a.Broadcast, "the channel sees it too")
	assert.True(t, strings.HasPrefix(a.Text, "<!subteam^S0BOSSES> <@U0NINE> Nobody has decided"), a.Text)
	assert.NotContains(t, a.Text, "MANAGERS", "they were asked before")
	assert.NotContains(t, a.Text, "channel>", "an ID is no markup")
	o.says(0, "role boss")

	o.restart()
	o.inConsole(r, approval.Approve, testqueue.Maria, "")
	o.says(0, "Maria Lopez approved it")
	o.eventually("the answer says so too", func() bool { return strings.Contains(o.answers()[0].Text, "Now: approved and done") })
	assert.Len(t, o.answers(), 1, "mentioned once")
}

func TestADeletedCardIsPostedAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	r := o.Propose(t, "7000.00", testqueue.Thanks("1043"))
	first := o.card(0)
	o.slack.Delete(first)
	o.inConsole(r, approval.Approve, testqueue.Maria, "")
	m := o.says(0, "Maria Lopez approved it in the console")
	assert.NotEqual(t, first.TS, m.TS)
	assert.True(t, button(m, approve))
}

func TestACardThatWeGaveUpStillCounts(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	r := o.Propose(t, "7000.00", testqueue.Thanks("1043"))
	o.card(0)
	o.slack.Fail("chat.update", slacktest.Fault{Error: "message_not_found"})
	o.inConsole(r, approval.Approve, testqueue.Maria, "")
	o.says(1, "Maria Lopez approved it in the console")
	o.click(boris, o.card(0), approve)
	o.ended(r.ID)
	o.says(0, "Boris Klein approved it in Slack")
	o.says(1, "Boris Klein approved it in Slack")
}

func TestARestartLosesNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	first := o.Propose(t, "612.50", testqueue.Thanks("1"))
	second := o.Propose(t, "613.50", testqueue.Thanks("2"))
	o.card(1)
	o.stop()

	// While Slack's part is away, one is decided and one comes in.
	o.inConsole(first, approval.Approve, testqueue.Maria, "")
	o.ended(first.ID)
	o.Propose(t, "614.50", testqueue.Thanks("3"))

	o.channel.Store(o.build())
	o.start()
	o.card(2)
	count := func(text string) (n int) {
		for _, m := range o.cards() {
			if strings.Contains(m.Shown(), text) {
				n++
			}
		}
		return n
	}
	o.eventually("the decided one says so", func() bool { return count("Maria Lopez approved it in the console") == 1 })
	for i := range 3 {
		assert.Equal(t, 1, count(fmt.Sprintf("order %d\n", i+1)))
	}
	require.Error(t, o.channel.Load().Start(t.Context()), "started twice")

	t.Run("and a crash between posting and remembering asks once", func(t *testing.T) {
		o.slack.Fail("chat.postMessage", slacktest.Fault{Lost: true})
		o.slack.Fail("conversations.history", slacktest.Fault{Status: 500}, slacktest.Fault{Status: 500}, slacktest.Fault{Status: 500})
		o.opts = func(o *slack.Options) { o.CallTimeout = 5 * time.Second }
		r := o.Propose(t, "615.50", testqueue.Thanks("4"))
		o.card(3)
		o.restart()
		o.inConsole(r, approval.Approve, testqueue.Maria, "")
		o.eventually("it is found", func() bool { return count("Maria Lopez approved it in the console") == 2 })
		assert.Equal(t, 1, count("order 4\n"))
		assert.Equal(t, approval.Pending, o.get(second.ID).State)
	})
}

// TestKilledAtEveryCall stops the channel, as a crash would, around every call to
// Slack: whatever was answered or not, each request has one card in the end.
func TestKilledAtEveryCall(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(s *setup) { s.opts = func(o *slack.Options) { o.CallTimeout = 5 * time.Second } })
	const rounds = 5
	requests := make([]*approval.Request, rounds)
	for i := range rounds {
		o.slack.Fail("chat.postMessage", slacktest.Fault{Delay: time.Duration(i) * 20 * time.Millisecond, Lost: i%2 == 1})
		before := o.slack.Calls("chat.postMessage")
		requests[i] = o.Propose(t, "612.50", testqueue.Thanks(fmt.Sprintf("k%d", i)))
		o.eventually("a call is under way", func() bool { return o.slack.Calls("chat.postMessage") > before })
		o.restart()
	}
	for i := range requests {
		o.eventually("it has its card", func() bool { return strings.Contains(o.shown(), fmt.Sprintf("order k%d\n", i)) })
	}
	for _, r := range requests {
		o.inConsole(r, approval.Approve, testqueue.Maria, "")
	}
	o.eventually("nothing is left to do", func() bool {
		docs, err := o.store.Documents(t.Context(), "slack/post/", "", 10)
		return err == nil && len(docs) == 0 && strings.Count(o.shown(), "Approved and done") == rounds
	})
	for i := range requests {
		assert.Equal(t, 1, strings.Count(o.shown(), fmt.Sprintf("order k%d\n", i)))
	}
}

// shown is all that the cards say.
func (o *office) shown() string {
	var b strings.Builder
	for _, m := range o.cards() {
		b.WriteString(m.Shown() + "\n")
	}
	return b.String()
}

func TestTwoProcessesPostOnce(t *testing.T) {
	t.Parallel()
	url := testpg.URL(t)
	o := newOffice(t, func(s *setup) {
		s.url = url
		s.opts = func(o *slack.Options) { o.CallTimeout = 5 * time.Second }
	})
	store, err := sqlstore.Open(t.Context(), url, nil) // as another process has it
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	first := o.opts
	o.opts = func(s *slack.Options) {
		first(s)
		s.Store = store
	}
	second := o.build()
	require.NoError(t, second.Start(t.Context()))
	t.Cleanup(func() { assert.NoError(t, second.Stop(context.Background())) })
	requests := make([]*approval.Request, 4)
	for i := range requests {
		requests[i] = o.Propose(t, "612.50", testqueue.Thanks(strconv.Itoa(i)))
	}
	o.card(3)
	// A callback that one has received is known to the other.
	payload, err := o.slack.ClickPayload(carla, o.card(0), approve)
	require.NoError(t, err)
	c := newCallback(payload)
	assert.Equal(t, http.StatusOK, o.send(c.request(t)))
	w := httptest.NewRecorder()
	second.ServeHTTP(w, c.request(t))
	assert.Equal(t, http.StatusConflict, w.Code)

	o.stop() // the other one goes on
	for _, r := range requests {
		o.inConsole(r, approval.Approve, testqueue.Maria, "")
	}
	o.eventually("all say so", func() bool { return strings.Count(o.shown(), "Approved and done") == len(requests) })
	assert.Len(t, o.cards(), len(requests))
	assert.Equal(t, len(requests), o.slack.Calls("chat.postMessage"))
	o.channel.Store(o.build())
	o.start()
}

func TestSeveralWorkspacesAndChannels(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(s *setup) {
		s.slack.Workspaces = []slacktest.Workspace{
			{TeamID: slacktest.Team, BotToken: slacktest.BotToken, Channels: []string{slacktest.Channel}},
			{TeamID: "T0SECOND", BotToken: "xoxb-second", Channels: []string{"C0SECOND", "C0LARGE"}},
		}
		s.opts = func(o *slack.Options) {
			o.Workspaces = []slack.Workspace{{TeamID: "T0SECOND", BotToken: "xoxb-second"}}
			large := slack.Routes(
				slack.Route{Scope: approval.Scope{Kind: "other.kind"}, To: nil},
				slack.Route{Scope: approval.Scope{Location: testqueue.MainStreet}, To: []slack.Place{{Channel: slacktest.Channel}, {TeamID: "T0SECOND", Channel: "C0SECOND"}}},
			)
			o.Places = func(r *approval.Request) []slack.Place {
				places := large(r)
				if above, err := r.Amount.Cmp(approval.Money{Amount: "5000.00", Currency: "EUR"}); err == nil && above > 0 {
					places = append(places[:len(places):len(places)], slack.Place{TeamID: "T0SECOND", Channel: "C0LARGE"})
				}
				return places
			}
		}
	})
	small := o.Propose(t, "612.50", testqueue.Thanks("1"))
	o.eventually("asked in both", func() bool { return len(o.cards()) == 1 && len(o.slack.Messages("C0SECOND")) == 1 })
	assert.Empty(t, o.slack.Messages("C0LARGE"))

	// Decided in one, said in both. The workspace of who clicks is theirs.
	d, err := o.slack.Click(t.Context(), slacktest.User{TeamID: "T0SECOND", ID: boris.ID}, o.slack.Messages("C0SECOND")[0], approve)
	require.NoError(t, err)
	require.True(t, d.Acknowledged())
	o.ended(small.ID)
	o.says(0, "Boris Klein approved it in Slack", "Approved and done")
	o.eventually("the other one says so", func() bool {
		return strings.Contains(o.slack.Messages("C0SECOND")[0].Shown(), "Approved and done")
	})

	// An uninstalled workspace does not hold up the other.
	o.slack.Revoke("T0SECOND")
	o.Propose(t, "7000.00", testqueue.Thanks("2"))
	o.card(1)
	o.eventually("it is tried", func() bool { return strings.Contains(o.logs.String(), "invalid_auth") })
	assert.Empty(t, o.slack.Messages("C0LARGE"))
}

func TestAPlaceThatIsAddedLater(t *testing.T) {
	t.Parallel()
	o := newOffice(t, escalating(300*time.Millisecond), func(s *setup) {
		s.slack.Workspaces = []slacktest.Workspace{{TeamID: slacktest.Team, BotToken: slacktest.BotToken, Channels: []string{slacktest.Channel, "C0BOSS"}}}
		s.opts = func(o *slack.Options) {
			o.Places = func(r *approval.Request) []slack.Place {
				places := []slack.Place{{Channel: slacktest.Channel}}
				if r.Escalated > 0 {
					places = append(places, slack.Place{Channel: "C0BOSS"})
				}
				return places
			}
		}
	})
	r := o.Propose(t, "612.50", testqueue.Thanks("1"))
	o.eventually("the escalation is asked elsewhere too", func() bool { return len(o.slack.Messages("C0BOSS")) == 2 })
	o.inConsole(r, approval.Reject, testqueue.Maria, "No")
	o.says(0, "Rejected")
	o.eventually("both say so", func() bool { return strings.Contains(o.slack.Messages("C0BOSS")[0].Shown(), "Rejected") })
}

func TestStopLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	o := newOffice(t, func(s *setup) {
		s.people = slack.PeopleFunc(func(ctx context.Context, _ slack.User) (approval.Principal, error) {
			close(entered)
			<-ctx.Done() // a directory that hangs, but obeys
			close(release)
			return approval.Principal{}, ctx.Err()
		})
	})
	o.Propose(t, "612.50", testqueue.Thanks("1"))
	payload, err := o.slack.ClickPayload(maria, o.card(0), approve)
	require.NoError(t, err)
	var clicking sync.WaitGroup
	defer clicking.Wait()
	clicking.Go(func() { _, _ = o.slack.Deliver(t.Context(), payload) })
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, o.channel.Load().Stop(ctx), context.DeadlineExceeded)
	select {
	case <-release:
	default:
		require.Fail(t, "Stop returned while a click was being handled")
	}
}
