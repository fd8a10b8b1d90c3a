package slacktest

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxCall bounds what a call of the Web API may hold.
const maxCall = 4 << 20

// result is the answer of a method.
type result map[string]any

func refuse(code string, messages ...string) result {
	r := result{"ok": false, "error": code}
	if len(messages) > 0 {
		r["response_metadata"] = map[string]any{"messages": messages}
	}
	return r
}

// call is one call of a method.
type call struct {
	team string
	args url.Values
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/link/" {
		s.acceptSocket(w, r)
		return
	}
	method, ok := strings.CutPrefix(r.URL.Path, "/api/")
	if !ok {
		http.NotFound(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCall))
	if err != nil {
		return
	}
	c := call{args: arguments(r, body)}
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if token == "" {
		token = c.args.Get("token")
	}
	s.mu.Lock()
	s.calls[method]++
	s.mu.Unlock()

	fault, faulty := s.fault(method, c.args.Get("channel"))
	if fault.Delay > 0 {
		select {
		case <-time.After(fault.Delay):
		case <-r.Context().Done():
			return
		}
	}
	switch {
	case faulty && fault.Status != 0:
		refuseStatus(w, fault.Status, time.Duration(fault.RetryAfter)*time.Second)
		return
	case faulty && fault.Error != "":
		writeJSON(w, refuse(fault.Error))
		return
	}
	if method == "apps.connections.open" {
		s.openConnection(w, token)
		return
	}
	if c.team = s.teamOf(token); c.team == "" {
		writeJSON(w, refuse("invalid_auth"))
		return
	}
	if wait := s.throttled(method, c.team, c.args.Get("channel")); wait > 0 {
		refuseStatus(w, http.StatusTooManyRequests, wait)
		return
	}
	answer := s.call(method, c)
	if fault.Lost {
		panic(http.ErrAbortHandler) // the connection breaks after the effect
	}
	writeJSON(w, answer)
}

// arguments reads what a call says, as a form or as JSON.
func arguments(r *http.Request, body []byte) url.Values {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "application/json" {
		form, _ := url.ParseQuery(string(body))
		return form
	}
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(body, &fields)
	form := url.Values{}
	for name, raw := range fields {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		form.Set(name, text)
	}
	return form
}

func (s *Server) teamOf(token string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.workspaces {
		if token != "" && token == w.BotToken {
			return w.TeamID
		}
	}
	return ""
}

// Revoke makes the bot token of a workspace invalid.
func (s *Server) Revoke(teamID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.workspaces {
		if s.workspaces[i].TeamID == teamID {
			s.workspaces[i].BotToken = ""
		}
	}
}

func (s *Server) call(method string, c call) result {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch method {
	case "auth.test":
		return result{"ok": true, "team_id": c.team, "user_id": "U0BOT", "bot_id": "B0BOT"}
	case "chat.postMessage":
		return s.postMessage(c)
	case "chat.update":
		return s.updateMessage(c)
	case "chat.postEphemeral":
		return s.postEphemeral(c)
	case "conversations.history":
		return s.history(c, func(m *Message) bool { return m.ThreadTS == "" || m.Broadcast })
	case "conversations.replies":
		ts := c.args.Get("ts")
		return s.history(c, func(m *Message) bool { return m.TS == ts || m.ThreadTS == ts })
	case "views.open":
		return s.openView(c)
	case "views.update":
		return s.updateView(c)
	}
	s.problem("unknown method " + method)
	return refuse("unknown_method")
}

// writable says why a channel takes no message, "" if it does.
func (s *Server) writable(c call) string {
	ch := s.channels[c.args.Get("channel")]
	switch {
	case ch == nil || ch.team != c.team:
		return "channel_not_found"
	case ch.archived:
		return "is_archived"
	case ch.left:
		return "not_in_channel"
	}
	return ""
}

// content checks text and blocks of a message.
func (s *Server) content(c call) (code, detail string) {
	text, blocks := c.args.Get("text"), c.args.Get("blocks")
	if text == "" && blocks == "" {
		return "no_text", ""
	}
	if length(text) > 40_000 {
		return "msg_too_long", ""
	}
	if blocks == "" {
		return "", ""
	}
	if problem := checkMessageBlocks(json.RawMessage(blocks)); problem != "" {
		s.problem("blocks: " + problem)
		return "invalid_blocks", problem
	}
	if length(texts(json.RawMessage(blocks))) > 13_000 {
		return "msg_blocks_too_long", ""
	}
	return "", ""
}

func (s *Server) postMessage(c call) result {
	if code := s.writable(c); code != "" {
		return refuse(code)
	}
	if code, detail := s.content(c); code != "" {
		return refuse(code, detail)
	}
	m := &Message{
		TeamID: c.team, Channel: c.args.Get("channel"), TS: s.timestamp(), ThreadTS: c.args.Get("thread_ts"), Broadcast: c.args.Get("reply_broadcast") == "true",
		Text: c.args.Get("text"), Blocks: json.RawMessage(c.args.Get("blocks")), Metadata: json.RawMessage(c.args.Get("metadata")),
	}
	if m.ThreadTS != "" && s.message(m.Channel, m.ThreadTS) == nil {
		return refuse("thread_not_found")
	}
	s.messages = append(s.messages, m)
	return result{"ok": true, "channel": m.Channel, "ts": m.TS}
}

func (s *Server) message(channel, ts string) *Message {
	for _, m := range s.messages {
		if m.Channel == channel && m.TS == ts {
			return m
		}
	}
	return nil
}

func (s *Server) updateMessage(c call) result {
	if code := s.writable(c); code != "" {
		return refuse(code)
	}
	m := s.message(c.args.Get("channel"), c.args.Get("ts"))
	if m == nil {
		return refuse("message_not_found")
	}
	if code, detail := s.content(c); code != "" {
		return refuse(code, detail)
	}
	m.Text, m.Blocks = c.args.Get("text"), json.RawMessage(c.args.Get("blocks"))
	m.Edits++
	return result{"ok": true, "channel": m.Channel, "ts": m.TS, "text": m.Text}
}

func (s *Server) postEphemeral(c call) result {
	if code := s.writable(c); code != "" {
		return refuse(code)
	}
	if code, detail := s.content(c); code != "" {
		return refuse(code, detail)
	}
	s.ephemerals = append(s.ephemerals, Ephemeral{
		TeamID: c.team, Channel: c.args.Get("channel"), User: c.args.Get("user"), Text: c.args.Get("text"), Blocks: json.RawMessage(c.args.Get("blocks")),
	})
	return result{"ok": true, "message_ts": s.timestamp()}
}

// history lists messages, newest first, page by page.
func (s *Server) history(c call, shown func(*Message) bool) result {
	if ch := s.channels[c.args.Get("channel")]; ch == nil || ch.team != c.team {
		return refuse("channel_not_found")
	}
	size, _ := strconv.Atoi(c.args.Get("limit"))
	size = min(max(size, 1), 999)
	var list []map[string]any
	before := c.args.Get("cursor")
	next := ""
	for _, m := range slices.Backward(s.messages) {
		if m.Channel != c.args.Get("channel") || !shown(m) || m.TS < c.args.Get("oldest") || before != "" && m.TS >= before {
			continue
		}
		if len(list) == size {
			next = list[size-1]["ts"].(string)
			break
		}
		entry := map[string]any{"type": "message", "ts": m.TS, "text": m.Text}
		if m.ThreadTS != "" {
			entry["thread_ts"] = m.ThreadTS
		}
		if on := c.args.Get("include_all_metadata"); len(m.Metadata) > 0 && (on == "1" || on == "true") {
			entry["metadata"] = m.Metadata
		}
		list = append(list, entry)
	}
	return result{"ok": true, "messages": list, "has_more": next != "", "response_metadata": map[string]any{"next_cursor": next}}
}

func (s *Server) openView(c call) result {
	t := s.triggers[c.args.Get("trigger_id")]
	switch {
	case t == nil || t.team != c.team:
		return refuse("invalid_trigger_id")
	case t.used:
		return refuse("exchanged_trigger_id")
	case time.Now().After(t.until):
		return refuse("expired_trigger_id")
	}
	raw := json.RawMessage(c.args.Get("view"))
	if problem := checkView(raw); problem != "" {
		s.problem("view: " + problem)
		return refuse("invalid_arguments", problem)
	}
	t.used = true
	v := &View{ID: s.id("V"), TeamID: c.team, User: t.user}
	v.RootID = v.ID
	v.set(raw, s.hash())
	if v.ExternalID != "" && s.view("", v.ExternalID) != nil {
		return refuse("duplicate_external_id")
	}
	s.views = append(s.views, v)
	return result{"ok": true, "view": s.viewJSON(v, nil)}
}

func (s *Server) hash() string { return formatTS(time.Now(), s.serial) + "." + s.id("h") }

// view finds a modal by one of its IDs.
func (s *Server) view(id, external string) *View {
	for _, v := range s.views {
		if id != "" && v.ID == id || external != "" && v.ExternalID == external {
			return v
		}
	}
	return nil
}

func (s *Server) updateView(c call) result {
	v := s.view(c.args.Get("view_id"), c.args.Get("external_id"))
	if v == nil || v.TeamID != c.team || v.Closed {
		return refuse("not_found")
	}
	if hash := c.args.Get("hash"); hash != "" && hash != v.Hash {
		return refuse("hash_conflict")
	}
	raw := json.RawMessage(c.args.Get("view"))
	if problem := checkView(raw); problem != "" {
		s.problem("view: " + problem)
		return refuse("invalid_arguments", problem)
	}
	v.set(raw, s.hash())
	return result{"ok": true, "view": s.viewJSON(v, nil)}
}

// viewJSON is a modal as Slack describes it to the app.
func (s *Server) viewJSON(v *View, state map[string]any) map[string]any {
	var view map[string]any
	_ = json.Unmarshal(v.JSON, &view)
	view["id"], view["hash"], view["team_id"], view["root_view_id"], view["app_id"] = v.ID, v.Hash, v.TeamID, v.RootID, "A0SAMPLE"
	if state != nil {
		view["state"] = map[string]any{"values": state}
	}
	return view
}
