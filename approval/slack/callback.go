package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/posai-go/posai/approval"
)

// decideTime bounds what follows from one interaction.
const decideTime = 20 * time.Second

// ackTime is how long an answer is waited for before Slack gets one without it:
// after three seconds it would show an error.
const ackTime = 2 * time.Second

// settleTime is how long after an answer a dialog is changed.
const settleTime = 500 * time.Millisecond

// parsePayload reads what people did, in JSON.
func parsePayload(payload []byte) (*slackapi.InteractionCallback, error) {
	var c slackapi.InteractionCallback
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, errPayload
	}
	return &c, nil
}

// parseForm reads the body of a callback: a form with one field, payload.
func parseForm(body []byte) (*slackapi.InteractionCallback, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("payload") == "" {
		return nil, errPayload
	}
	return parsePayload([]byte(form.Get("payload")))
}

// ServeHTTP takes a callback from Slack: the app's interactivity request URL
// leads here. It answers 401 to what Slack did not sign or signed more than
// five minutes ago, 409 to what it received before, 403 to another workspace,
// 413 and 400 to what it cannot read, 503 where it cannot remember or cannot take
// more, and 200 otherwise: people are told in Slack what became of their click.
// A callback that Slack delivers again is answered as it was and not handled
// again.
// https://docs.slack.dev/interactivity/handling-user-interaction/
func (s *Slack) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	body, err := s.verify.read(w, r)
	if err != nil {
		status := http.StatusBadRequest
		switch {
		case errors.Is(err, errSignature), errors.Is(err, errOld):
			status = http.StatusUnauthorized
		case errors.Is(err, errReplayed):
			status = http.StatusConflict
		case errors.Is(err, errTooLarge):
			status = http.StatusRequestEntityTooLarge
		default:
			if _, ok := errors.AsType[*rememberError](err); ok {
				status = http.StatusServiceUnavailable
			}
		}
		s.opts.Logger.WarnContext(r.Context(), "slack: callback refused", "status", status)
		http.Error(w, http.StatusText(status), status)
		return
	}
	c, err := parseForm(body)
	if err != nil {
		http.Error(w, http.StatusText(http.StatusBadRequest), http.StatusBadRequest)
		return
	}
	answer, err := s.answer(c, 0)
	switch {
	case errors.Is(err, errTeam):
		s.opts.Logger.WarnContext(r.Context(), "slack: callback of another workspace refused")
		http.Error(w, http.StatusText(http.StatusForbidden), http.StatusForbidden)
	case err != nil:
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
	case answer != nil:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	}
}

var (
	errTeam = errors.New("slack: callback of another workspace")
	errBusy = errors.New("slack: too much under way")
)

// teamFor returns the workspace in which somebody did something, nil if it is
// not ours.
func (s *Slack) teamFor(c *slackapi.InteractionCallback) *team {
	if t := s.teams[teamOf(c)]; t != nil {
		return t
	}
	return s.teams[""] // takes all, if it is there
}

// answer handles an interaction and returns the JSON that answers it, nil for an
// empty answer. What takes long goes on after it, and what is longer than limit
// bytes, if that is not zero, comes after it.
func (s *Slack) answer(c *slackapi.InteractionCallback, limit int) ([]byte, error) {
	t := s.teamFor(c)
	if t == nil {
		return nil, errTeam
	}
	key := flightKey(c)
	f, first := s.flights.join(key)
	if first {
		begun := s.begin(func(ctx context.Context) {
			r := s.guarded(ctx, t, c)
			if f.finish(r) {
				s.catchUp(ctx, t, c, r)
			}
		})
		if !begun {
			s.flights.leave(key)
			f.finish(&reply{})
			return nil, errBusy
		}
	}
	r := f.wait(s.ack)
	if r == nil && c.Type == slackapi.InteractionTypeViewSubmission {
		r = moment()
	}
	if r == nil || r.view == nil {
		return nil, nil
	}
	data, err := encode(r.view)
	if err == nil && limit > 0 && len(data) > limit {
		s.begin(func(ctx context.Context) { s.catchUp(ctx, t, c, r) })
		return encode(moment().view)
	}
	return data, err
}

// flightKey names an interaction: what Slack delivers again has the same trigger.
func flightKey(c *slackapi.InteractionCallback) string {
	if c.TriggerID == "" {
		return ""
	}
	return teamOf(c) + "/" + c.TriggerID
}

// moment is the answer to a dialog whose outcome comes later.
func moment() *reply {
	return &reply{view: updated(message("One moment", "What became of it appears here."))}
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("slack: %w", err)
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// guarded handles an interaction. People and previews are the caller's code: if
// it panics, one click is lost, not the process.
func (s *Slack) guarded(ctx context.Context, t *team, c *slackapi.InteractionCallback) (r *reply) {
	defer func() {
		if v := recover(); v != nil {
			s.opts.Logger.ErrorContext(ctx, "slack: panic in a callback", "type", fmt.Sprintf("%T", v))
			r = &reply{}
			if c.Type == slackapi.InteractionTypeViewSubmission {
				r.view = updated(message("Not done", unclear))
			}
		}
	}()
	switch c.Type {
	case slackapi.InteractionTypeBlockActions:
		s.pressed(ctx, t, c)
	case slackapi.InteractionTypeViewSubmission:
		switch c.View.CallbackID {
		case rejectView:
			return s.rejected(ctx, t, c)
		case editView:
			return s.edited(ctx, t, c)
		case confirmView:
			return s.confirmed(ctx, t, c)
		}
	}
	return &reply{}
}

// catchUp shows in a dialog what came too late as the answer.
// https://docs.slack.dev/reference/methods/views.update
func (s *Slack) catchUp(ctx context.Context, t *team, c *slackapi.InteractionCallback, r *reply) {
	if c.Type != slackapi.InteractionTypeViewSubmission {
		return
	}
	view := message("Done", "Done. The card shows it.")
	if late, ok := r.view.(*slackapi.ViewSubmissionResponse); ok {
		switch {
		case late.View != nil:
			view = late.View
		case len(late.Errors) > 0:
			words := slices.Sorted(maps.Values(late.Errors))
			view = message("Not done", "This cannot be taken as it is:\n"+strings.Join(words, "\n")+"\nPlease close this and press the button again.")
		}
	}
	if s.settle(ctx, c.View.ID); ctx.Err() != nil {
		return
	}
	l := lane{method: viewMethod, team: t.id}
	err := s.patiently(ctx, l, func(ctx context.Context) error {
		_, err := t.api.UpdateViewContext(ctx, *view, "", "", c.View.ID)
		return err
	})
	if err != nil {
		s.opts.Logger.WarnContext(ctx, "slack: dialog not brought up to date", "error", code(err))
	}
}

// settle waits until Slack has put up the dialog that came as the answer. Nobody
// tells when that is.
func settle(ctx context.Context, _ string) {
	timer := time.NewTimer(settleTime)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// pressed handles a button of a card.
func (s *Slack) pressed(ctx context.Context, t *team, c *slackapi.InteractionCallback) {
	for _, a := range c.ActionCallback.BlockActions {
		if a == nil || a.ActionID != approveAction && a.ActionID != rejectAction && a.ActionID != editAction {
			continue // "open in the console" needs no answer
		}
		what, err := parseTarget(a.Value)
		if err != nil {
			s.whisper(t, c, "This button cannot be read. Nothing was decided.")
			return
		}
		what.Channel, what.TS = c.Container.ChannelID, c.Container.MessageTs
		me, words := s.person(ctx, c)
		if words != "" {
			s.whisper(t, c, words)
			return
		}
		switch a.ActionID {
		case rejectAction:
			s.askWhy(ctx, t, c, what, me)
		case editAction:
			s.askHow(ctx, t, c, what, me)
		default:
			d := approval.Decision{RequestID: what.Request, Digest: what.Digest, Verdict: approval.Approve, By: me, Channel: Channel}
			if words := s.decide(ctx, t, what, d); words != "" {
				s.whisper(t, c, words)
			}
		}
		return
	}
}

// person says who did something, or what to tell them instead.
func (s *Slack) person(ctx context.Context, c *slackapi.InteractionCallback) (me approval.Principal, words string) {
	me, err := s.people.Principal(ctx, User{TeamID: teamOf(c), ID: c.User.ID})
	switch {
	case errors.Is(err, ErrUnknownUser):
		return me, "Your Slack user is not linked to anybody who may decide here. Nothing was decided."
	case err != nil || me.ID == "":
		s.opts.Logger.ErrorContext(ctx, "slack: people failed", "error", err)
		return me, "It cannot be checked at the moment who you are. Nothing was decided; please try again in a minute."
	}
	return me, ""
}

// whisper tells only the one who pressed, after the callback was answered.
func (s *Slack) whisper(t *team, c *slackapi.InteractionCallback, words string) {
	channel, user := c.Container.ChannelID, c.User.ID
	if channel == "" {
		channel = c.Channel.ID
	}
	s.whisperTo(t, channel, user, words)
}

func (s *Slack) whisperTo(t *team, channel, user, words string) {
	if channel == "" {
		return
	}
	words = cut(words, maxSection)
	s.begin(func(ctx context.Context) {
		err := s.patiently(ctx, lane{method: ephemeralMethod, team: t.id}, func(ctx context.Context) error {
			_, err := t.api.PostEphemeralContext(ctx, channel, user, slackapi.MsgOptionText(words, true), slackapi.MsgOptionBlocks(plainSection(words)))
			return err
		})
		if err != nil {
			s.opts.Logger.WarnContext(ctx, "slack: could not answer a click", "error", code(err))
		}
	})
}

// patiently makes a call when its lane allows it, again if Slack asks to wait,
// until ctx ends.
func (s *Slack) patiently(ctx context.Context, l lane, f func(ctx context.Context) error) error {
	at := s.gate.book(l)
	for {
		if closed := s.gate.opens(l); closed.After(at) {
			at = closed
		}
		timer := time.NewTimer(time.Until(at))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
		bounded, cancel := context.WithTimeout(ctx, s.opts.CallTimeout)
		err := f(bounded)
		cancel()
		if at = s.gate.learn(l, err); at.IsZero() {
			return err
		}
	}
}
