package slack_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	slackapi "github.com/slack-go/slack"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	botToken      = "xoxb-not-a-real-token"
	signingSecret = "not-a-real-signing-secret"
)

// fakeSlack answers the methods that the package uses, over real HTTP, and
// checks what Slack checks: the token, the limits of blocks, that a message to
// update is there.
type fakeSlack struct {
	t      *testing.T
	server *httptest.Server

	mu         sync.Mutex
	messages   []*fakeMessage
	ephemerals []fakeMessage
	views      []fakeView
	faults     map[string][]fault // method → answers before it works
	calls      map[string]int
	next       int
}

type fakeMessage struct {
	Channel, TS, User, Text string
	Blocks                  string // JSON
	Metadata                slackapi.SlackMetadata
	Edits                   int
}

type fakeView struct {
	TriggerID string
	View      slackapi.ModalViewRequest
}

// fault is one answer that is not a success.
type fault struct {
	status     int    // if not zero, the HTTP status
	retryAfter int    // seconds, with 429
	code       string // ok:false with this error
	after      bool   // the effect happens, the answer is lost
}

func newFakeSlack(t *testing.T) *fakeSlack {
	f := &fakeSlack{t: t, faults: make(map[string][]fault), calls: make(map[string]int)}
	f.server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.server.Close)
	return f
}

func (f *fakeSlack) url() string { return f.server.URL + "/api/" }

func (f *fakeSlack) fail(method string, faults ...fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults[method] = append(f.faults[method], faults...)
}

func (f *fakeSlack) count(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[method]
}

// posted returns copies of the messages in the order of posting.
func (f *fakeSlack) posted() []fakeMessage {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]fakeMessage, len(f.messages))
	for i, m := range f.messages {
		list[i] = *m
	}
	return list
}

func (f *fakeSlack) whispers() []fakeMessage {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]fakeMessage(nil), f.ephemerals...)
}

func (f *fakeSlack) opened() []fakeView {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]fakeView(nil), f.views...)
}

func (f *fakeSlack) serve(w http.ResponseWriter, r *http.Request) {
	method := strings.TrimPrefix(r.URL.Path, "/api/")
	body, err := io.ReadAll(r.Body)
	if !assert.NoError(f.t, err) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[method]++
	var lost bool
	if q := f.faults[method]; len(q) > 0 {
		f.faults[method] = q[1:]
		switch {
		case q[0].after:
			lost = true
		case q[0].status != 0:
			if q[0].retryAfter != 0 {
				w.Header().Set("Retry-After", strconv.Itoa(q[0].retryAfter))
			}
			w.WriteHeader(q[0].status)
			return
		default:
			answer(w, map[string]any{"ok": false, "error": q[0].code})
			return
		}
	}
	form := url.Values{}
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "application/x-www-form-urlencoded" {
		if form, err = url.ParseQuery(string(body)); !assert.NoError(f.t, err) {
			return
		}
		if token == "" {
			token = form.Get("token")
		}
	}
	if token != botToken {
		answer(w, map[string]any{"ok": false, "error": "invalid_auth"})
		return
	}
	result := f.call(method, form, body)
	if lost {
		panic(http.ErrAbortHandler) // the connection breaks after the effect
	}
	answer(w, result)
}

func answer(w http.ResponseWriter, v map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(code string) map[string]any { return map[string]any{"ok": false, "error": code} }

func (f *fakeSlack) call(method string, form url.Values, body []byte) map[string]any {
	switch method {
	case "chat.postMessage":
		if bad := checkBlocks(form.Get("blocks")); bad != "" {
			assert.Fail(f.t, "blocks that Slack refuses", bad)
			return refuse("invalid_blocks")
		}
		f.next++
		m := &fakeMessage{
			Channel: form.Get("channel"), TS: fmt.Sprintf("%d.%06d", time.Now().Unix(), f.next),
			Text: form.Get("text"), Blocks: form.Get("blocks"),
		}
		if meta := form.Get("metadata"); meta != "" {
			_ = json.Unmarshal([]byte(meta), &m.Metadata)
		}
		f.messages = append(f.messages, m)
		return map[string]any{"ok": true, "channel": m.Channel, "ts": m.TS}
	case "chat.update":
		if bad := checkBlocks(form.Get("blocks")); bad != "" {
			assert.Fail(f.t, "blocks that Slack refuses", bad)
			return refuse("invalid_blocks")
		}
		for _, m := range f.messages {
			if m.Channel == form.Get("channel") && m.TS == form.Get("ts") {
				m.Text, m.Blocks = form.Get("text"), form.Get("blocks")
				m.Edits++
				return map[string]any{"ok": true, "channel": m.Channel, "ts": m.TS, "text": m.Text}
			}
		}
		return refuse("message_not_found")
	case "chat.postEphemeral":
		f.ephemerals = append(f.ephemerals, fakeMessage{Channel: form.Get("channel"), User: form.Get("user"), Text: form.Get("text"), Blocks: form.Get("blocks")})
		return map[string]any{"ok": true, "message_ts": "1.1"}
	case "conversations.history":
		var list []map[string]any
		for _, m := range f.messages {
			if m.Channel == form.Get("channel") && m.TS >= form.Get("oldest") {
				list = append(list, map[string]any{"type": "message", "ts": m.TS, "metadata": m.Metadata})
			}
		}
		return map[string]any{"ok": true, "messages": list, "has_more": false}
	case "views.open":
		var v struct {
			TriggerID string                    `json:"trigger_id"`
			View      slackapi.ModalViewRequest `json:"view"`
		}
		if err := json.Unmarshal(body, &v); err != nil {
			return refuse("invalid_json")
		}
		f.views = append(f.views, fakeView{TriggerID: v.TriggerID, View: v.View})
		return map[string]any{"ok": true, "view": map[string]any{"id": "V1"}}
	}
	return refuse("unknown_method")
}

// checkBlocks returns what Slack would refuse.
// https://docs.slack.dev/reference/block-kit/blocks/
func checkBlocks(blocks string) string {
	var set slackapi.Blocks
	if err := json.Unmarshal([]byte(blocks), &set); err != nil {
		return err.Error()
	}
	if len(set.BlockSet) == 0 || len(set.BlockSet) > 50 {
		return "1 to 50 blocks"
	}
	if n := textLength(blocks); n > 12_000 {
		return fmt.Sprintf("%d characters in all blocks together", n)
	}
	for _, b := range set.BlockSet {
		switch b := b.(type) {
		case *slackapi.HeaderBlock:
			if n := len([]rune(b.Text.Text)); n == 0 || n > 150 {
				return "header of 1 to 150 characters"
			}
		case *slackapi.SectionBlock:
			if b.Text == nil && len(b.Fields) == 0 || len(b.Fields) > 10 {
				return "section with text or up to 10 fields"
			}
			if b.Text != nil && (b.Text.Text == "" || len([]rune(b.Text.Text)) > 3000) {
				return "section text of 1 to 3000 characters"
			}
			for _, field := range b.Fields {
				if n := len([]rune(field.Text)); n == 0 || n > 2000 {
					return "section field of 1 to 2000 characters"
				}
			}
		case *slackapi.ContextBlock:
			if n := len(b.ContextElements.Elements); n == 0 || n > 10 {
				return "context of 1 to 10 elements"
			}
		case *slackapi.ActionBlock:
			for _, e := range b.Elements.ElementSet {
				if button, ok := e.(*slackapi.ButtonBlockElement); ok && (len([]rune(button.Text.Text)) > 75 || len(button.Value) > 2000) {
					return "button text of 75 and value of 2000 characters"
				}
			}
		}
	}
	return ""
}

// textLength adds up all texts in blocks.
func textLength(blocks string) int {
	var v any
	if json.Unmarshal([]byte(blocks), &v) != nil {
		return 0
	}
	var walk func(v any) int
	walk = func(v any) (n int) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				n += walk(e)
			}
		case map[string]any:
			for key, e := range v {
				if text, ok := e.(string); ok && key == "text" {
					n += len([]rune(text))
				}
				n += walk(e)
			}
		}
		return n
	}
	return walk(v)
}

// callback is one interaction as Slack would send it.
type callback struct {
	body      string
	timestamp time.Time
	secret    string
	signature string // in place of the right one
}

func interaction(payload map[string]any) callback {
	data, _ := json.Marshal(payload)
	return callback{body: url.Values{"payload": {string(data)}}.Encode(), timestamp: time.Now(), secret: signingSecret}
}

// click is what Slack sends when somebody presses a button of a message.
func click(user string, m fakeMessage, actionID string) callback {
	return interaction(map[string]any{
		"type": "block_actions", "trigger_id": "trigger-" + actionID,
		"user":      map[string]any{"id": user, "name": "name-of-" + user},
		"team":      map[string]any{"id": "T1"},
		"channel":   map[string]any{"id": m.Channel},
		"container": map[string]any{"type": "message", "channel_id": m.Channel, "message_ts": m.TS},
		"actions":   []any{map[string]any{"action_id": actionID, "block_id": "posai_actions", "type": "button", "value": buttonValue(m, actionID), "action_ts": "1.0"}},
	})
}

// buttonValue returns the value of a button of a message, "" if it has none.
func buttonValue(m fakeMessage, actionID string) string {
	var set slackapi.Blocks
	if json.Unmarshal([]byte(m.Blocks), &set) != nil {
		return ""
	}
	for _, b := range set.BlockSet {
		actions, ok := b.(*slackapi.ActionBlock)
		if !ok {
			continue
		}
		for _, e := range actions.Elements.ElementSet {
			if button, ok := e.(*slackapi.ButtonBlockElement); ok && button.ActionID == actionID {
				return button.Value
			}
		}
	}
	return ""
}

func (c callback) stamp() string { return strconv.FormatInt(c.timestamp.Unix(), 10) }

func (c callback) request(t testing.TB, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(c.body))
	require.NoError(t, err)
	stamp := c.stamp()
	signature := c.signature
	if signature == "" {
		signature = sign(c.secret, stamp, c.body)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Slack-Request-Timestamp", stamp)
	r.Header.Set("X-Slack-Signature", signature)
	return r
}

// sign is Slack's signature, written down again from its description.
// https://docs.slack.dev/authentication/verifying-requests-from-slack/
func sign(secret, stamp, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + stamp + ":" + body))
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}
