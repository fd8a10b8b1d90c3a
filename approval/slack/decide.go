package slack

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/posai-go/posai/approval"
)

// unclear is said where it is not known what became of a decision.
const unclear = "Something went wrong and it is not certain that your click arrived. The card shows what holds; please try again in a minute."

// decide takes a decision, or says why it does not count.
func (s *Slack) decide(ctx context.Context, t *team, what target, d approval.Decision) string {
	defer t.poke(what)
	if req, err := s.queue.Get(ctx, what.Request); err == nil && s.queue.MayDecide(ctx, req, d.By) == nil {
		d.ShownAt = shownAt(what.TS, req)
		// Whoever presses has seen the card. If this cannot be recorded, the
		// decision cannot either, and says so.
		_ = s.queue.MarkShown(ctx, what.Request, what.Digest, d.By, Channel)
	}
	_, err := s.queue.Decide(ctx, d)
	if err == nil {
		return ""
	}
	return s.explain(ctx, d, err)
}

// explain says why a decision did not count, "" when the same one had counted
// before.
func (s *Slack) explain(ctx context.Context, d approval.Decision, err error) string {
	if s.counted(ctx, d) {
		return ""
	}
	if decided, ok := errors.AsType[*approval.DecidedError](err); ok {
		return lateWords(decided.Decision)
	}
	switch {
	case errors.Is(err, approval.ErrDecided):
		return "This was decided already. Your click changed nothing."
	case errors.Is(err, approval.ErrForbidden):
		return "You cannot decide this: " + reasonOf(err) + " Nothing was decided."
	case errors.Is(err, approval.ErrStale) && d.EditDigest != "":
		return "What these changes make is not what you were shown any more: the request or the rules have changed since. Nothing was decided; press Edit again."
	case errors.Is(err, approval.ErrStale):
		return "This request has changed since the card was posted. Nothing was decided; look at it as it is now, then decide."
	case errors.Is(err, approval.ErrStopped):
		return "A switch stops this, so nothing can be approved. Nothing was decided."
	case errors.Is(err, approval.ErrUnrecorded):
		return "The audit log does not take entries at the moment, and nothing happens before it does. The card shows what holds; please look again in a minute."
	case errors.Is(err, approval.ErrExpired):
		return "This request has expired. Nothing will happen."
	case errors.Is(err, approval.ErrNotFound):
		return "This request is not there any more. Nothing was decided."
	case errors.Is(err, approval.ErrInvalid):
		return "This cannot be decided like that: " + reasonOf(err)
	}
	s.opts.Logger.ErrorContext(ctx, "slack: decision failed", "request", d.RequestID, "error", err)
	return unclear
}

// counted reports whether the same decision of the same person has counted
// already: a second click, or one that Slack delivered twice.
func (s *Slack) counted(ctx context.Context, d approval.Decision) bool {
	digest := d.Digest
	if d.EditDigest != "" {
		digest = d.EditDigest
	}
	r, err := s.queue.Get(ctx, d.RequestID)
	return err == nil && slices.ContainsFunc(r.Decisions, func(o approval.Decision) bool {
		return o.By.ID == d.By.ID && o.Verdict == d.Verdict && o.Channel == Channel && o.Digest == digest
	})
}

// lateWords says who was faster.
func lateWords(d approval.Decision) string {
	words := fmt.Sprintf("%s had already %s this", name(d.By), verdictName(d.Verdict))
	if !d.At.IsZero() {
		words += ", at " + d.At.UTC().Format("15:04:05 MST on 2 January")
	}
	if d.Channel != "" {
		words += ", in " + channelName(d.Channel)
	}
	if d.Reason != "" {
		words += " (" + cut(d.Reason, maxRemark) + ")"
	}
	return words + ". Your click came later and changed nothing."
}
