package slack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/internal/testqueue"
	"github.com/posai-go/posai/approval/slack"
	"github.com/posai-go/posai/approval/slack/slacktest"
)

func TestNewRefuses(t *testing.T) {
	q := new(approval.Queue)
	with := func(o slack.Options) func() (*slack.Slack, error) {
		return func() (*slack.Slack, error) { return slack.New(q, credentials, "C1", staff, &o) }
	}
	for name, build := range map[string]func() (*slack.Slack, error){
		"no queue":   func() (*slack.Slack, error) { return slack.New(nil, credentials, "C1", staff, nil) },
		"no people":  func() (*slack.Slack, error) { return slack.New(q, credentials, "C1", nil, nil) },
		"no channel": func() (*slack.Slack, error) { return slack.New(q, credentials, "", staff, nil) },
		"no token": func() (*slack.Slack, error) {
			return slack.New(q, slack.Credentials{SigningSecret: "s"}, "C1", staff, nil)
		},
		"no way in":               func() (*slack.Slack, error) { return slack.New(q, slack.Credentials{BotToken: "t"}, "C1", staff, nil) },
		"relative URL":            with(slack.Options{ConsoleURL: "/x"}),
		"negative wait":           with(slack.Options{RetryMin: -1}),
		"too many reasons":        with(slack.Options{Reasons: make([]string, 101)}),
		"an empty reason":         with(slack.Options{Reasons: []string{"a", ""}}),
		"workspaces and no name":  with(slack.Options{Workspaces: []slack.Workspace{{TeamID: "T2", BotToken: "t"}}}),
		"a workspace twice":       with(slack.Options{TeamID: "T1", Workspaces: []slack.Workspace{{TeamID: "T1", BotToken: "t"}}}),
		"a workspace, no token":   with(slack.Options{TeamID: "T1", Workspaces: []slack.Workspace{{TeamID: "T2"}}}),
		"an address without host": with(slack.Options{APIURL: "https://"}),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := build()
			require.Error(t, err)
		})
	}
}

func TestCredentialsDoNotPrint(t *testing.T) {
	c := slack.Credentials{BotToken: "xoxb-secret", SigningSecret: "secret", AppToken: "xapp-secret"}
	w := slack.Workspace{TeamID: "T1", BotToken: "xoxb-secret"}
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "credentials", c)
	for _, text := range []string{fmt.Sprint(c, w), fmt.Sprintf("%+v %#v %s %+v %#v", c, c, &c, w, w), logged.String()} {
		assert.NotContains(t, text, "secret")
	}
}

func TestACardAsksAndSaysWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	r := o.Propose(t, "612.50", testqueue.Thanks("1043"))
	m := o.card(0)
	for _, text := range []string{"Thank the customer of order 1043", "Dear Ana", "612.50 EUR", "Main Street", "Follow-up assistant", "The sale is above 500.00 EUR"} {
		assert.Contains(t, m.Shown(), text)
	}
	assert.Contains(t, string(m.Blocks), "https://pos.example.com/approvals/requests/"+r.ID)
	assert.NotContains(t, m.Shown(), "7 orders in two years", "the evidence stays in the console")
	for _, action := range []string{approve, edit, reject} {
		assert.True(t, button(m, action), action)
	}

	o.inConsole(r, approval.Approve, testqueue.Boris, "")
	m = o.says(0, "Boris Klein approved it in the console", "Approved and done")
	for _, action := range []string{approve, edit, reject} {
		assert.False(t, button(m, action), action)
	}
	assert.Len(t, o.cards(), 1)
	assert.Empty(t, o.answers())
}

func TestNotificationsNameNobody(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	r := o.Propose(t, "612.50", testqueue.Message{Text: "Dear Ana", Tone: "warm", Order: "of Ana Example"})
	m := o.card(0)
	assert.Contains(t, m.Shown(), "Ana Example")
	assert.Equal(t, "Waiting for approval: test.message · 612.50 EUR · Main Street", m.Text)
	o.inConsole(r, approval.Reject, testqueue.Boris, "Ana does not like mail")
	m = o.says(0, "Ana does not like mail")
	assert.Equal(t, "Rejected: test.message · 612.50 EUR · Main Street", m.Text)
}

func TestWhatIsAllowedIsNotAsked(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	small := o.Propose(t, "12.50", testqueue.Thanks("1"))
	o.ended(small.ID)
	o.Propose(t, "612.50", testqueue.Thanks("2"))
	assert.Contains(t, o.card(0).Shown(), "order 2")
	assert.Len(t, o.cards(), 1)
}

func TestApproveInSlack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	r := o.Propose(t, "612.50", testqueue.Thanks("1043"))
	m := o.card(0)
	o.click(maria, m, approve)
	now := o.ended(r.ID)
	require.Len(t, now.Decisions, 1)
	assert.Equal(t, testqueue.Maria.ID, now.Decisions[0].By.ID)
	assert.Equal(t, "slack", now.Decisions[0].Channel)
	assert.Equal(t, r.Digest, now.Decisions[0].Digest)
	assert.Equal(t, int64(1), o.Effects.Load())
	o.says(0, "Maria Lopez approved it in Slack", "Approved and done")

	t.Run("and a second click is no harm", func(t *testing.T) {
		o.click(maria, m, approve)
		assert.Equal(t, int64(1), o.Effects.Load())
		assert.Empty(t, o.slack.Ephemerals())
	})
}

func TestFourEyes(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	r := o.Propose(t, "7000.00", testqueue.Thanks("1043"))
	m := o.card(0)
	assert.Contains(t, m.Shown(), "Needed: 2 of role manager")
	assert.NotContains(t, m.Shown(), "so far")
	o.click(maria, m, approve)
	m = o.says(0, "Approved so far by Maria Lopez (1)")
	assert.True(t, button(m, approve))
	assert.Equal(t, approval.Pending, o.get(r.ID).State)

	o.click(maria, m, approve)
	assert.Len(t, o.get(r.ID).Decisions, 1, "nobody counts twice")
	o.click(boris, m, approve)
	o.ended(r.ID)
	m = o.says(0, "Maria Lopez approved it in Slack", "Boris Klein approved it in Slack", "Approved and done")
	assert.NotContains(t, m.Shown(), "so far")
	assert.Equal(t, int64(1), o.Effects.Load())
}

func TestTheProposerCannotDecideInSlack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	r, err := o.Queue.Queue.Propose(t.Context(), testqueue.Thanks("1"), approval.Proposal{
		Key: "mine", Location: testqueue.MainStreet, Proposer: testqueue.Maria, Amount: approval.Money{Amount: "612.50", Currency: "EUR"},
	})
	require.NoError(t, err)
	m := o.card(0)
	for _, action := range []string{approve, edit, reject} {
		o.click(maria, m, action)
	}
	o.eventually("told each time", func() bool { return len(o.slack.Ephemerals()) == 3 })
	o.whispered(maria, "You proposed this", "Nothing was decided")
	assert.Empty(t, o.slack.Views())
	o.untouched(r.ID)
}

func TestWhoMayNotDecideInSlack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	r := o.Propose(t, "612.50", testqueue.Thanks("1043"))
	m := o.card(0)
	for name, c := range map[string]struct {
		user  slacktest.User
		words string
	}{
		"without the role":        {carla, "You cannot decide this"},
		"unknown":                 {stranger, "not linked to anybody"},
		"the directory is broken": {broken, "cannot be checked at the moment"},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(o.slack.Ephemerals())
			for _, action := range []string{approve, edit, reject} {
				o.click(c.user, m, action)
			}
			o.eventually("told each time", func() bool { return len(o.slack.Ephemerals()) == before+3 })
			o.whispered(c.user, c.words, "Nothing was decided")
		})
	}
	assert.Empty(t, o.slack.Views(), "no dialog for who may not decide")
	o.untouched(r.ID)
}

func TestPeopleOfAnotherLocation(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(s *setup) { s.people = as(testqueue.Harbor) })
	r := o.Propose(t, "612.50", testqueue.Thanks("1043"))
	o.click(maria, o.card(0), approve)
	o.whispered(maria, "for people of another location")
	o.untouched(r.ID)
}

func TestALateClickInSlack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	r := o.Propose(t, "612.50", testqueue.Thanks("1043"))
	m := o.card(0)
	o.inConsole(r, approval.Reject, testqueue.Maria, "Too dear")
	o.click(boris, m, approve)
	o.whispered(boris, "Maria Lopez had already rejected this", "in the console", "Too dear", "changed nothing")
	o.click(boris, m, reject)
	o.click(boris, m, edit)
	o.eventually("told each time", func() bool { return len(o.slack.Ephemerals()) == 3 })
	assert.Empty(t, o.slack.Views(), "no dialog in vain")
	assert.Equal(t, int64(0), o.Effects.Load())
}

func TestAStaleCardDecidesNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	r := o.Propose(t, "7000.00", testqueue.Thanks("1043"))
	old := o.card(0)
	_, err := o.Decide(t.Context(), approval.Decision{
		RequestID: r.ID, Digest: r.Digest, Verdict: approval.Approve, By: testqueue.Maria, Channel: "console",
		Edit: map[string]string{"text": "See you soon"},
	})
	require.NoError(t, err)
	for i, action := range []string{approve, reject, edit} {
		o.click(boris, old, action)
		o.eventually("told", func() bool { return len(o.slack.Ephemerals()) == i+1 })
	}
	o.whispered(boris, "has changed since", "Nothing was decided")
	assert.Empty(t, o.slack.Views())
	fresh := o.says(0, "See you soon", "Maria Lopez approved it in the console, with changes")
	assert.Equal(t, int64(0), o.Effects.Load())
	o.click(boris, fresh, approve)
	assert.Equal(t, approval.Executed, o.ended(r.ID).State)
	assert.Equal(t, "See you soon", o.Last.Load().Text)
}

func TestWhatAModelWritesIsPlainText(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(s *setup) {
		s.opts = func(o *slack.Options) {
			o.LocationName = func(string) string { return "<!here> Main & <https://evil.example.com|Street>" }
		}
	})
	const evil = "<!channel> <@U1> *bold* <https://evil.example.com|click> &amp; @here"
	r := o.Propose(t, "7000.00", testqueue.Message{Text: evil, Tone: "warm", Order: evil})
	m := o.card(0)
	onlyOurMarkup(t, m)
	assert.NotContains(t, m.Text, "<", "the text of the notification is escaped")
	assert.Contains(t, m.Text, "&lt;!here&gt; Main &amp;")

	o.inConsole(r, approval.Reject, testqueue.Boris, evil)
	onlyOurMarkup(t, o.says(0, "Boris Klein rejected it"))
}

// onlyOurMarkup checks that nothing but dates and mentions of ours is markup.
func onlyOurMarkup(t *testing.T, m slacktest.Message) {
	t.Helper()
	var blocks any
	require.NoError(t, json.Unmarshal(m.Blocks, &blocks))
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if text, ok := v["text"].(string); ok && v["type"] == "mrkdwn" {
				assert.Regexp(t, `^(Proposed |Expires )?<!date\^[0-9]+\^\{date_short_pretty\} \{time\}\|[^<>|]+>$`, text)
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(blocks)
}

func TestLongPreviews(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Propose(t, "612.50", testqueue.Message{Text: strings.Repeat("ä", 3500) + "END", Tone: "warm", Order: "1"})
	m := o.card(0)
	assert.Contains(t, m.Shown(), "END", "in several parts, but whole")
	assert.True(t, button(m, approve))
}

func TestWhatDoesNotFitCannotBeApprovedHere(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	r := o.Propose(t, "612.50", testqueue.Message{Text: strings.Repeat("\U0001F600", 1500), Tone: "warm", Order: strings.Repeat("1", 200)})
	m := o.card(0)
	assert.True(t, button(m, approve), "a long title is repeated whole below the header")
	assert.Contains(t, m.Shown(), strings.Repeat("1", 200))
	o.untouched(r.ID)

	// 64 long fields are more than Slack shows in one message.
	o.Propose(t, "612.50", testqueue.Message{Text: testqueue.Endless, Tone: "warm", Order: "2"})
	m = o.card(1)
	assert.False(t, button(m, approve))
	assert.True(t, button(m, reject))
	assert.Contains(t, m.Shown(), "too long for Slack")
	assert.Contains(t, string(m.Blocks), "/approvals/requests/")
}

func TestACardThatSlackRefusesIsSentBrief(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.slack.Fail("chat.postMessage", slacktest.Fault{Error: "msg_blocks_too_long"})
	r := o.Propose(t, "612.50", testqueue.Thanks("1043"))
	m := o.card(0)
	assert.Contains(t, m.Shown(), "order 1043")
	assert.NotContains(t, m.Shown(), "Dear Ana")
	assert.False(t, button(m, approve), "nobody approves what they could not read")
	assert.True(t, button(m, reject))
	o.inConsole(r, approval.Approve, testqueue.Boris, "")
	o.says(0, "Boris Klein approved it in the console")
}

func TestEveryOutcomeIsShown(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(s *setup) {
		s.opts = func(o *slack.Options) {
			o.Mentions = slack.MentionRoles(map[string][]string{"manager": {"S0MANAGERS"}}, nil)
		}
		s.policy = approval.Rules("short", approval.Rule{
			When: approval.AmountAbove("900.00", "EUR"), Then: approval.Ask(approval.Role("manager"), 10*time.Second, "Large"),
		}, approval.Rule{Then: approval.Ask(approval.Role("manager"), time.Hour, "All")})
	})
	short := o.Propose(t, "1000.00", testqueue.Thanks("1"))
	o.card(0)
	t.Run("uncertain, then settled", func(t *testing.T) {
		r := o.Propose(t, "600.00", testqueue.Message{Text: testqueue.LostAnswer, Tone: "warm", Order: "2"})
		o.click(maria, o.card(1), approve)
		o.says(1, "not certain whether it happened")
		o.eventually("those who were asked are called", func() bool { return len(o.answers()) == 1 })
		a := o.answers()[0]
		assert.Equal(t, o.card(1).TS, a.ThreadTS)
		assert.Contains(t, a.Text, "<!subteam^S0MANAGERS>")
		assert.Contains(t, a.Text, "settle it in the console")
		_, err := o.Resolve(t.Context(), r.ID, approval.Happened, testqueue.Boris, "I have looked")
		require.NoError(t, err)
		o.says(1, "Approved and done")
		o.eventually("the call is taken back", func() bool { return strings.Contains(o.answers()[0].Text, "Now: approved and done") })
		assert.NotContains(t, o.answers()[0].Text, "subteam")
	})
	t.Run("failed", func(t *testing.T) {
		r := o.Propose(t, "600.00", testqueue.Message{Text: testqueue.Refused, Tone: "warm", Order: "3"})
		o.click(maria, o.card(2), approve)
		assert.Equal(t, approval.Failed, o.ended(r.ID).State)
		o.says(2, "Approved, but it failed")
		o.eventually("it is said", func() bool { return len(o.answers()) == 2 })
		assert.Contains(t, o.answers()[1].Text, "did not happen")
	})
	t.Run("expired", func(t *testing.T) {
		assert.Equal(t, approval.Expired, o.ended(short.ID).State)
		m := o.says(0, "Expired, nothing happens")
		assert.False(t, button(m, approve))
	})
	o.eventually("nothing more is remembered", func() bool {
		docs, err := o.store.Documents(t.Context(), "slack/post/", "", 10)
		return err == nil && len(docs) == 0
	})
}

// as is a directory in which everybody is the same person.
func as(p approval.Principal) slack.People {
	return slack.PeopleFunc(func(context.Context, slack.User) (approval.Principal, error) { return p, nil })
}
