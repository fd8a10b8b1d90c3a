package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/internal/once"
)

var errPayload = errors.New("slack: callback cannot be read")

// target is what a button or a dialog is about: the request and the digest of
// what it shows.
type target struct {
	Request string `json:"r"`
	Digest  string `json:"d"`
	Channel string `json:"c,omitempty"` // of the message with the button
	TS      string `json:"t,omitempty"`
}

func (t target) encode() string {
	data, err := json.Marshal(t)
	if err != nil {
		return "" // strings always marshal
	}
	return string(data)
}

func parseTarget(text string) (target, error) {
	var t target
	if len(text) > 2000 || json.Unmarshal([]byte(text), &t) != nil || t.Request == "" || t.Digest == "" {
		return target{}, errPayload
	}
	return t, nil
}

// parsePayload reads the body of a callback: a form with one field, payload,
// in JSON.
func parsePayload(body []byte) (*slackapi.InteractionCallback, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("payload") == "" {
		return nil, errPayload
	}
	var c slackapi.InteractionCallback
	if err := json.Unmarshal([]byte(form.Get("payload")), &c); err != nil {
		return nil, errPayload
	}
	return &c, nil
}

// decideTime bounds one decision. Slack shows a warning after three seconds,
// but a decision that has arrived is not taken back.
const decideTime = 20 * time.Second

// ServeHTTP takes a callback from Slack: the app's interactivity request URL
// leads here. It answers 401 to what Slack did not sign or signed more than
// five minutes ago, 409 to what it received before, 403 to another workspace,
// 413 and 400 to what it cannot read, and 200 otherwise: people are told in
// Slack what became of their click.
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
		case errors.Is(err, once.ErrFull):
			status = http.StatusServiceUnavailable
		}
		s.opts.Logger.WarnContext(r.Context(), "slack: callback refused", "status", status)
		http.Error(w, http.StatusText(status), status)
		return
	}
	c, err := parsePayload(body)
	if err != nil {
		http.Error(w, http.StatusText(http.StatusBadRequest), http.StatusBadRequest)
		return
	}
	if s.opts.TeamID != "" && c.Team.ID != s.opts.TeamID {
		s.opts.Logger.WarnContext(r.Context(), "slack: callback of another workspace refused")
		http.Error(w, http.StatusText(http.StatusForbidden), http.StatusForbidden)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), decideTime)
	defer cancel()
	switch {
	case c.Type == slackapi.InteractionTypeBlockActions:
		s.pressed(ctx, c)
	case c.Type == slackapi.InteractionTypeViewSubmission && c.View.CallbackID == rejectView:
		if reply := s.submitted(ctx, c); reply != nil {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(reply)
		}
	}
}

// pressed handles a button of a card.
func (s *Slack) pressed(ctx context.Context, c *slackapi.InteractionCallback) {
	for _, a := range c.ActionCallback.BlockActions {
		if a == nil || a.ActionID != approveAction && a.ActionID != rejectAction {
			continue // "open in the console" needs no answer
		}
		t, err := parseTarget(a.Value)
		if err != nil {
			s.whisper(c, "This button cannot be read. Nothing was decided.")
			return
		}
		t.Channel, t.TS = c.Container.ChannelID, c.Container.MessageTs
		me, words := s.person(ctx, c)
		if words != "" {
			s.whisper(c, words)
			return
		}
		if a.ActionID == rejectAction {
			s.askWhy(ctx, c, t, me)
			return
		}
		if words := s.decide(ctx, t, me, approval.Approve, ""); words != "" {
			s.whisper(c, words)
		}
		return
	}
}

// submitted handles the dialog that asks why. A nil reply closes it.
func (s *Slack) submitted(ctx context.Context, c *slackapi.InteractionCallback) *slackapi.ViewSubmissionResponse {
	t, err := parseTarget(c.View.PrivateMetadata)
	if err != nil {
		return slackapi.NewUpdateViewSubmissionResponse(saying("This dialog cannot be read. Nothing was decided."))
	}
	why := reasonIn(c.View.State)
	if why == "" {
		return slackapi.NewErrorsViewSubmissionResponse(map[string]string{reasonBlock: "Please say why. Whoever proposed this learns from it."})
	}
	me, words := s.person(ctx, c)
	if words == "" {
		words = s.decide(ctx, t, me, approval.Reject, why)
	}
	if words != "" {
		return slackapi.NewUpdateViewSubmissionResponse(saying(words))
	}
	return nil
}

// person says who pressed, or what to tell them instead.
func (s *Slack) person(ctx context.Context, c *slackapi.InteractionCallback) (me approval.Principal, words string) {
	me, err := s.people.Principal(ctx, User{TeamID: c.Team.ID, ID: c.User.ID})
	switch {
	case errors.Is(err, ErrUnknownUser):
		return me, "Your Slack user is not linked to anybody who may decide here. Nothing was decided."
	case err != nil || me.ID == "":
		s.opts.Logger.ErrorContext(ctx, "slack: people failed", "error", err)
		return me, "It cannot be checked at the moment who you are. Nothing was decided; please try again in a minute."
	}
	return me, ""
}

// decide takes a decision, or says why it does not count.
func (s *Slack) decide(ctx context.Context, t target, me approval.Principal, verdict approval.Verdict, why string) string {
	defer s.poke(t)
	if req, err := s.queue.Get(ctx, t.Request); err == nil && s.queue.MayDecide(req, me) == nil {
		// Whoever presses has seen the card. If this cannot be recorded, the
		// decision cannot either, and says so.
		_ = s.queue.MarkShown(ctx, t.Request, t.Digest, me, Channel)
	}
	_, err := s.queue.Decide(ctx, approval.Decision{RequestID: t.Request, Digest: t.Digest, Verdict: verdict, Reason: why, By: me, Channel: Channel})
	if err == nil {
		return ""
	}
	return s.explain(ctx, t, me, verdict, err)
}

// explain says why a decision did not count, "" when the same click had counted
// before.
func (s *Slack) explain(ctx context.Context, t target, me approval.Principal, verdict approval.Verdict, err error) string {
	if decided, ok := errors.AsType[*approval.DecidedError](err); ok {
		d := decided.Decision
		if d.By.ID == me.ID && d.Verdict == verdict && d.Channel == Channel && d.Digest == t.Digest {
			return ""
		}
		words := fmt.Sprintf("%s had already %s this", name(d.By), verdictName(d.Verdict))
		if !d.At.IsZero() {
			words += ", at " + d.At.UTC().Format("15:04:05 MST on 2 January")
		}
		if d.Channel != "" {
			words += ", in " + channelName(d.Channel)
		}
		if d.Reason != "" {
			words += " (" + d.Reason + ")"
		}
		return words + ". Your click came later and changed nothing."
	}
	switch {
	case errors.Is(err, approval.ErrDecided):
		return "This was decided already. Your click changed nothing."
	case errors.Is(err, approval.ErrForbidden):
		return "You cannot decide this: " + reasonOf(err) + " Nothing was decided."
	case errors.Is(err, approval.ErrStale):
		return "This request has changed since the card was posted. Nothing was decided; look at it as it is now, then decide."
	case errors.Is(err, approval.ErrUnrecorded):
		return "The audit log does not take entries at the moment, and nothing happens before it does. The card shows what holds; please look again in a minute."
	case errors.Is(err, approval.ErrExpired):
		return "This request has expired. Nothing will happen."
	case errors.Is(err, approval.ErrNotFound):
		return "This request is not there any more. Nothing was decided."
	case errors.Is(err, approval.ErrInvalid):
		return "This cannot be decided like that: " + reasonOf(err)
	}
	s.opts.Logger.ErrorContext(ctx, "slack: decision failed", "request", t.Request, "error", err)
	return "Something went wrong and it is not certain that your click arrived. The card shows what holds; please try again in a minute."
}

// whisper tells only the one who pressed, after the callback was answered.
func (s *Slack) whisper(c *slackapi.InteractionCallback, words string) {
	channel, user := c.Container.ChannelID, c.User.ID
	if channel == "" {
		channel = c.Channel.ID
	}
	s.later(func(ctx context.Context) {
		err := patiently(ctx, func() error {
			_, err := s.api.PostEphemeralContext(ctx, channel, user, slackapi.MsgOptionText(words, true), slackapi.MsgOptionBlocks(plainSection(words)))
			return err
		})
		if err != nil {
			s.opts.Logger.WarnContext(ctx, "slack: could not answer a click", "error", code(err))
		}
	})
}

// patiently calls f until Slack does not ask to wait, or ctx ends.
func patiently(ctx context.Context, f func() error) error {
	for {
		err := f()
		limited, ok := errors.AsType[*slackapi.RateLimitedError](err)
		if !ok {
			return err
		}
		wait := time.NewTimer(max(limited.RetryAfter, time.Second))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return err
		}
	}
}

// later runs f after a callback was answered. At most a few run at a time;
// beyond that, people see the card change but get no words.
func (s *Slack) later(f func(ctx context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	select {
	case s.slots <- struct{}{}:
	default:
		s.opts.Logger.Warn("slack: too many answers under way")
		return
	}
	s.after.Go(func() {
		defer func() { <-s.slots }()
		ctx, cancel := context.WithTimeout(context.Background(), decideTime)
		defer cancel()
		f(ctx)
	})
}
