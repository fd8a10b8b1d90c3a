package slacktest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// User is somebody in a workspace.
type User struct {
	TeamID string // if empty, that of the first workspace
	ID     string
}

// Delivery is what became of one interaction.
type Delivery struct {
	Payload  json.RawMessage // as the app got it
	Attempts []Attempt
}

// Attempt is one time that an interaction was handed to the app.
type Attempt struct {
	Status int    // HTTP status; 200 for an envelope that was acknowledged; 0 if no answer came in time
	Body   []byte // of the answer
	Took   time.Duration
}

// Acknowledged reports whether the app took the interaction.
func (d *Delivery) Acknowledged() bool {
	return len(d.Attempts) > 0 && d.Attempts[len(d.Attempts)-1].Status == http.StatusOK
}

// Body returns the last answer of the app.
func (d *Delivery) Body() string {
	if len(d.Attempts) == 0 {
		return ""
	}
	return string(d.Attempts[len(d.Attempts)-1].Body)
}

func (s *Server) team(u User) string {
	if u.TeamID != "" {
		return u.TeamID
	}
	return s.workspaces[0].TeamID
}

// trigger makes a right to open a modal. The lock is held.
func (s *Server) trigger(team, user string) string {
	id := "trigger." + s.id("")
	s.triggers[id] = &trigger{team: team, user: user, until: time.Now().Add(s.opts.TriggerLifetime)}
	return id
}

// Click presses the button with an action ID as a message shows it, and returns
// once the app has answered or Slack has given up. m may be an earlier state of
// the message: people press what they see.
func (s *Server) Click(ctx context.Context, u User, m Message, actionID string) (*Delivery, error) {
	payload, err := s.ClickPayload(u, m, actionID)
	if err != nil {
		return nil, err
	}
	return s.Deliver(ctx, payload)
}

// ClickPayload returns what [Server.Click] delivers.
func (s *Server) ClickPayload(u User, m Message, actionID string) (json.RawMessage, error) {
	button := findElement(m.Blocks, actionID)
	if button == nil {
		return nil, fmt.Errorf("slacktest: the message has no %s", actionID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	team := s.team(u)
	return json.Marshal(map[string]any{
		"type": "block_actions", "api_app_id": "A0SAMPLE", "trigger_id": s.trigger(team, u.ID),
		"team":      map[string]any{"id": team, "domain": "sample"},
		"user":      map[string]any{"id": u.ID, "username": "somebody", "team_id": team},
		"channel":   map[string]any{"id": m.Channel, "name": "sample"},
		"container": map[string]any{"type": "message", "channel_id": m.Channel, "message_ts": m.TS, "is_ephemeral": false},
		"message":   map[string]any{"type": "message", "ts": m.TS, "text": m.Text, "blocks": m.Blocks},
		"actions": []any{map[string]any{
			"type": "button", "action_id": actionID, "block_id": "actions", "text": button["text"], "value": button["value"], "action_ts": s.timestamp(),
		}},
	})
}

// Submit sends a modal off, with values by block ID: the text of an input, the
// value or the text of an option, "true" or "" of a single check box. Inputs that
// are not named keep what they said at first. It fails where Slack's own client
// would not send: a required input that is empty, a value that is too long or no
// option. Otherwise it returns once the app has answered; what the app made of
// the modal is in [Server.View].
func (s *Server) Submit(ctx context.Context, u User, viewID string, values map[string]string) (*Delivery, error) {
	payload, err := s.SubmitPayload(u, viewID, values)
	if err != nil {
		return nil, err
	}
	d, err := s.Deliver(ctx, payload)
	if err != nil {
		return d, err
	}
	if d.Acknowledged() {
		s.respond(viewID, d.Attempts[len(d.Attempts)-1].Body)
	}
	return d, nil
}

// SubmitPayload returns what [Server.Submit] delivers.
func (s *Server) SubmitPayload(u User, viewID string, values map[string]string) (json.RawMessage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.view(viewID, "")
	if v == nil || v.Closed {
		return nil, errors.New("slacktest: there is no such modal")
	}
	state, err := fill(v, values)
	if err != nil {
		return nil, err
	}
	team := s.team(u)
	return json.Marshal(map[string]any{
		"type": "view_submission", "api_app_id": "A0SAMPLE", "trigger_id": s.trigger(team, u.ID),
		"team": map[string]any{"id": team, "domain": "sample"},
		"user": map[string]any{"id": u.ID, "name": "somebody", "team_id": team},
		"view": s.viewJSON(v, state), "response_urls": []any{},
	})
}

// fill makes the state of a modal.
func fill(v *View, values map[string]string) (map[string]any, error) {
	state := make(map[string]any)
	used := 0
	for _, b := range blocksOf(v.JSON) {
		if b["type"] != "input" {
			continue
		}
		id, _ := b["block_id"].(string)
		e, _ := b["element"].(map[string]any)
		value, given := values[id]
		if given {
			used++
		} else {
			value = initialOf(e)
		}
		filled, err := fillElement(e, value)
		if err != nil {
			return nil, fmt.Errorf("slacktest: block %s: %w", id, err)
		}
		optional, _ := b["optional"].(bool)
		if !optional && value == "" {
			return nil, fmt.Errorf("slacktest: block %s is required", id)
		}
		action, _ := e["action_id"].(string)
		state[id] = map[string]any{action: filled}
	}
	if used != len(values) {
		return nil, errors.New("slacktest: a value for a block that the modal does not have")
	}
	return state, nil
}

func fillElement(e map[string]any, value string) (map[string]any, error) {
	filled := map[string]any{"type": e["type"]}
	switch e["type"] {
	case "plain_text_input", "number_input":
		if longest, ok := e["max_length"].(float64); ok && length(value) > int(longest) {
			return nil, errors.New("is too long")
		}
		if filled["value"] = any(value); value == "" {
			filled["value"] = nil
		}
	case "static_select":
		filled["selected_option"] = nil
		if value == "" {
			return filled, nil
		}
		o := option(e, value)
		if o == nil {
			return nil, fmt.Errorf("has no option %q", value)
		}
		filled["selected_option"] = o
	case "checkboxes":
		selected := []any{}
		for name := range strings.SplitSeq(value, ",") {
			if name == "" {
				continue
			}
			o := option(e, name)
			if o == nil {
				return nil, fmt.Errorf("has no option %q", name)
			}
			selected = append(selected, o)
		}
		filled["selected_options"] = selected
	}
	return filled, nil
}

func option(e map[string]any, name string) map[string]any {
	options, _ := e["options"].([]any)
	for _, o := range options {
		o, _ := o.(map[string]any)
		text, _ := o["text"].(map[string]any)
		if o["value"] == name || text["text"] == name {
			return o
		}
	}
	return nil
}

// respond does to a modal what the app's answer says.
// https://docs.slack.dev/surfaces/modals#handling_submissions
func (s *Server) respond(viewID string, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.view(viewID, "")
	if v == nil {
		return
	}
	var answer struct {
		Action string            `json:"response_action"`
		Errors map[string]string `json:"errors"`
		View   json.RawMessage   `json:"view"`
	}
	if len(bytes.TrimSpace(body)) > 0 {
		if err := json.Unmarshal(body, &answer); err != nil {
			s.problem("the answer to a submission is not JSON")
			return
		}
	}
	switch answer.Action {
	case "errors":
		for id, text := range answer.Errors {
			if !slices.Contains(v.Inputs(), id) || text == "" {
				s.problem("an error for a block that takes no input: " + id)
			}
		}
		v.Errors = answer.Errors
	case "update":
		if problem := checkView(answer.View); problem != "" {
			s.problem("view: " + problem)
			return
		}
		v.set(answer.View, s.hash())
	case "clear", "":
		v.Closed = true
	default:
		s.problem("unknown response_action " + answer.Action)
	}
}

// Deliver hands an interaction to the app as Slack does, again if it is not
// acknowledged and that is set up, and returns what came of it. Its error says
// that it could not be delivered at all.
func (s *Server) Deliver(ctx context.Context, payload json.RawMessage) (*Delivery, error) {
	d := &Delivery{Payload: payload}
	if s.opts.SocketMode {
		return d, s.deliverSocket(ctx, d)
	}
	s.mu.Lock()
	target := s.opts.InteractionURL
	s.mu.Unlock()
	if target == "" {
		return d, errors.New("slacktest: no InteractionURL")
	}
	body := url.Values{"payload": {string(payload)}}.Encode()
	for try := 0; try <= s.opts.Retries; try++ {
		// What is sent again is signed anew, at a later time.
		r, err := SignedRequest(ctx, target, SigningSecret, time.Now().Add(time.Duration(try)*time.Second), body)
		if err != nil {
			return d, err
		}
		if try > 0 {
			r.Header.Set("X-Slack-Retry-Num", strconv.Itoa(try))
			r.Header.Set("X-Slack-Retry-Reason", "http_timeout")
		}
		s.mu.Lock()
		s.sent++
		s.mu.Unlock()
		a := s.attempt(r)
		d.Attempts = append(d.Attempts, a)
		if a.Status == http.StatusOK || ctx.Err() != nil {
			break
		}
	}
	return d, ctx.Err()
}

// attempt posts once, for as long as Slack waits.
func (s *Server) attempt(r *http.Request) Attempt {
	ctx, cancel := context.WithTimeout(r.Context(), s.opts.AckTimeout)
	defer cancel()
	start := time.Now()
	res, err := s.http.Client().Do(r.WithContext(ctx))
	a := Attempt{}
	if err == nil {
		a.Status = res.StatusCode
		a.Body, err = io.ReadAll(io.LimitReader(res.Body, maxCall))
		_ = res.Body.Close()
		if err != nil {
			a.Status = 0
		}
	}
	a.Took = time.Since(start)
	return a
}

// SignedRequest returns a request to target with a body, signed as Slack signs.
// https://docs.slack.dev/authentication/verifying-requests-from-slack/
func SignedRequest(ctx context.Context, target, secret string, at time.Time, body string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("slacktest: %w", err)
	}
	stamp := strconv.FormatInt(at.Unix(), 10)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Slack-Request-Timestamp", stamp)
	r.Header.Set("X-Slack-Signature", Sign(secret, stamp, body))
	return r, nil
}

// Sign returns Slack's signature of a body at a time in Unix seconds.
func Sign(secret, timestamp, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + timestamp + ":" + body))
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}
