package slacktest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	slackapi "github.com/slack-go/slack"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval/slack/slacktest"
)

func plain(text string) *slackapi.TextBlockObject {
	return slackapi.NewTextBlockObject(slackapi.PlainTextType, text, false, false)
}

func start(t *testing.T, opts *slacktest.Options) (*slacktest.Server, *slackapi.Client) {
	t.Helper()
	if opts == nil {
		opts = new(slacktest.Options)
	}
	if opts.AckTimeout == 0 {
		opts.AckTimeout = time.Minute // a busy machine is no reason to deliver again
	}
	s := slacktest.NewServer(opts)
	t.Cleanup(s.Close)
	return s, slackapi.New(slacktest.BotToken, slackapi.OptionAPIURL(s.APIURL()))
}

func TestRefusesWhatSlackRefuses(t *testing.T) {
	t.Parallel()
	s, client := start(t, nil)
	many := make([]slackapi.Block, 51)
	for i := range many {
		many[i] = slackapi.NewDividerBlock()
	}
	options := make([]*slackapi.OptionBlockObject, 101)
	for i := range options {
		options[i] = slackapi.NewOptionBlockObject(string(rune('a'+i)), plain("x"), nil)
	}
	for name, blocks := range map[string][]slackapi.Block{
		"too many blocks":   many,
		"a long text":       {slackapi.NewSectionBlock(plain(strings.Repeat("x", 3001)), nil, nil)},
		"an empty text":     {slackapi.NewSectionBlock(plain(""), nil, nil)},
		"a long header":     {slackapi.NewHeaderBlock(plain(strings.Repeat("x", 151)))},
		"a long label":      {slackapi.NewActionBlock("a", slackapi.NewButtonBlockElement("a", "v", plain(strings.Repeat("x", 76))))},
		"a long value":      {slackapi.NewActionBlock("a", slackapi.NewButtonBlockElement("a", strings.Repeat("v", 2001), plain("x")))},
		"the same block ID": {slackapi.NewActionBlock("a", slackapi.NewButtonBlockElement("a", "", plain("x"))), slackapi.NewActionBlock("a", slackapi.NewButtonBlockElement("b", "", plain("x")))},
		"too many options":  {slackapi.NewActionBlock("a", slackapi.NewOptionsSelectBlockElement(slackapi.OptTypeStatic, nil, "a", options...))},
		"too many elements": {slackapi.NewContextBlock("", plain("1"), plain("2"), plain("3"), plain("4"), plain("5"), plain("6"), plain("7"), plain("8"), plain("9"), plain("10"), plain("11"))},
	} {
		before := len(s.Problems())
		_, _, err := client.PostMessageContext(t.Context(), slacktest.Channel, slackapi.MsgOptionText("t", false), slackapi.MsgOptionBlocks(blocks...))
		require.ErrorContains(t, err, "invalid_blocks", name)
		assert.Len(t, s.Problems(), before+1, name)
	}
	for channel, code := range map[string]string{"C0NOWHERE": "channel_not_found", slacktest.Channel: "no_text"} {
		_, _, err := client.PostMessageContext(t.Context(), channel, slackapi.MsgOptionText("", false))
		require.ErrorContains(t, err, code)
	}
	_, _, err := slackapi.New("xoxb-wrong", slackapi.OptionAPIURL(s.APIURL())).PostMessageContext(t.Context(), slacktest.Channel, slackapi.MsgOptionText("t", false))
	require.ErrorContains(t, err, "invalid_auth")
	_, _, _, err = client.UpdateMessageContext(t.Context(), slacktest.Channel, "1.1", slackapi.MsgOptionText("t", false))
	require.ErrorContains(t, err, "message_not_found")
	assert.Empty(t, s.Messages(slacktest.Channel))
}

func TestTriggersAndHashes(t *testing.T) {
	t.Parallel()
	triggers := make(chan string, 10)
	app := serve(t, func(c *slackapi.InteractionCallback) { triggers <- c.TriggerID })
	press := func(s *slacktest.Server, client *slackapi.Client) string {
		_, _, err := client.PostMessageContext(t.Context(), slacktest.Channel, slackapi.MsgOptionBlocks(slackapi.NewActionBlock("a", slackapi.NewButtonBlockElement("a", "v", plain("x")))))
		require.NoError(t, err)
		_, err = s.Click(t.Context(), slacktest.User{ID: "U1"}, s.Messages(slacktest.Channel)[0], "a")
		require.NoError(t, err)
		return <-triggers
	}
	s, client := start(t, &slacktest.Options{InteractionURL: app, TriggerLifetime: time.Minute})
	view := slackapi.ModalViewRequest{Type: slackapi.VTModal, Title: plain("t"), Blocks: slackapi.Blocks{BlockSet: []slackapi.Block{slackapi.NewSectionBlock(plain("x"), nil, nil)}}}

	_, err := client.OpenViewContext(t.Context(), "none", view)
	require.ErrorContains(t, err, "invalid_trigger_id")
	trigger := press(s, client)
	opened, err := client.OpenViewContext(t.Context(), trigger, view)
	require.NoError(t, err)
	_, err = client.OpenViewContext(t.Context(), trigger, view)
	require.ErrorContains(t, err, "exchanged_trigger_id")
	hasty, hurried := start(t, &slacktest.Options{InteractionURL: app, TriggerLifetime: time.Nanosecond})
	_, err = hurried.OpenViewContext(t.Context(), press(hasty, hurried), view)
	require.ErrorContains(t, err, "expired_trigger_id")

	first, err := client.UpdateViewContext(t.Context(), view, "", opened.Hash, opened.ID)
	require.NoError(t, err)
	assert.NotEqual(t, opened.Hash, first.Hash)
	_, err = client.UpdateViewContext(t.Context(), view, "", opened.Hash, opened.ID)
	require.ErrorContains(t, err, "hash_conflict")
	_, err = client.UpdateViewContext(t.Context(), view, "", "", "V0NONE")
	require.ErrorContains(t, err, "not_found")
	view.PrivateMetadata = strings.Repeat("x", 3001)
	_, err = client.UpdateViewContext(t.Context(), view, "", "", opened.ID)
	require.ErrorContains(t, err, "invalid_arguments")
}

func serve(t *testing.T, heard func(*slackapi.InteractionCallback)) string {
	t.Helper()
	return listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := slackapi.InteractionCallbackParse(r)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		heard(&c)
	}))
}

func listen(t *testing.T, h http.Handler) string {
	t.Helper()
	app := httptest.NewServer(h)
	t.Cleanup(app.Close)
	return app.URL
}

func TestLimitsAndFaults(t *testing.T) {
	t.Parallel()
	s, client := start(t, nil)
	s.Limit("chat.postMessage", 2, time.Hour)
	post := func() error {
		_, _, err := client.PostMessageContext(t.Context(), slacktest.Channel, slackapi.MsgOptionText("t", false))
		return err
	}
	require.NoError(t, post())
	require.NoError(t, post())
	var limited *slackapi.RateLimitedError
	require.ErrorAs(t, post(), &limited)
	assert.Greater(t, limited.RetryAfter, 59*time.Minute)
	assert.Equal(t, 1, s.Limited("chat.postMessage"))
	s.Limit("chat.postMessage", 100, time.Hour)

	s.Fail("chat.postMessage", slacktest.Fault{Error: "is_archived", Channel: "C0OTHER"}, slacktest.Fault{}, slacktest.Fault{Status: 503}, slacktest.Fault{Lost: true})
	require.NoError(t, post(), "a fault of another channel passes by, and the zero one is none")
	require.ErrorContains(t, post(), "503")
	require.Error(t, post())
	assert.Len(t, s.Messages(slacktest.Channel), 4, "a lost answer leaves its effect")
	assert.Equal(t, 6, s.Calls("chat.postMessage"))
}

func TestRetries(t *testing.T) {
	t.Parallel()
	var heads []string
	url := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heads = append(heads, r.Header.Get("X-Slack-Retry-Num"))
		if len(heads) < 3 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	s, _ := start(t, &slacktest.Options{InteractionURL: url, Retries: 5})
	d, err := s.Deliver(t.Context(), []byte(`{}`))
	require.NoError(t, err)
	assert.True(t, d.Acknowledged())
	assert.Equal(t, []string{"", "1", "2"}, heads)
}
