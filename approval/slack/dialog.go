package slack

import (
	"context"
	"strings"

	slackapi "github.com/slack-go/slack"

	"github.com/posai-go/posai/approval"
)

// The names of our dialog and its fields.
const (
	rejectView  = "posai_reject_view"
	reasonBlock = "reason"
	reasonInput = "text"
)

// maxReason bounds a reason, in characters.
const maxReason = 1000

// askWhy opens the dialog that asks for the reason of a rejection, unless it is
// clear already that it would be in vain. Slack lets three seconds pass between
// the click and the dialog.
// https://docs.slack.dev/reference/methods/views.open
func (s *Slack) askWhy(ctx context.Context, c *slackapi.InteractionCallback, t target, me approval.Principal) {
	req, err := s.queue.Get(ctx, t.Request)
	if err == nil && req.State == approval.Pending {
		err = s.queue.MayDecide(req, me)
	}
	if err != nil {
		s.whisper(c, s.explain(ctx, t, me, approval.Reject, err))
		return
	}
	if req.State != approval.Pending {
		s.poke(t)
		s.whisper(c, decidedWords(req))
		return
	}
	input := slackapi.NewPlainTextInputBlockElement(plain("It helps whoever proposed this"), reasonInput).WithMultiline(true).WithMaxLength(maxReason)
	view := slackapi.ModalViewRequest{
		Type: slackapi.VTModal, CallbackID: rejectView, PrivateMetadata: t.encode(),
		Title: plain("Reject"), Submit: plain("Reject"), Close: plain("Cancel"),
		Blocks: slackapi.Blocks{BlockSet: []slackapi.Block{
			plainSection(title(req)),
			slackapi.NewInputBlock(reasonBlock, plain("Why?"), nil, input),
		}},
	}
	trigger := c.TriggerID
	s.later(func(ctx context.Context) {
		if _, err := s.api.OpenViewContext(ctx, trigger, view); err != nil {
			s.opts.Logger.WarnContext(ctx, "slack: dialog not opened", "error", code(err))
			s.whisper(c, "The dialog could not be opened. Nothing was decided; please press again.")
		}
	})
}

// reasonIn returns what was typed into the dialog.
func reasonIn(state *slackapi.ViewState) string {
	if state == nil {
		return ""
	}
	return cut(strings.TrimSpace(state.Values[reasonBlock][reasonInput].Value), maxReason)
}

// saying is a dialog that says one thing.
func saying(words string) *slackapi.ModalViewRequest {
	return &slackapi.ModalViewRequest{
		Type: slackapi.VTModal, Title: plain("Not rejected"), Close: plain("Close"),
		Blocks: slackapi.Blocks{BlockSet: []slackapi.Block{plainSection(words)}},
	}
}

// decidedWords says who has decided a request.
func decidedWords(r *approval.Request) string {
	words := "This is not waiting any more: " + strings.ToLower(stateLabel(r.State)) + "."
	if n := len(r.Decisions); n > 0 {
		d := r.Decisions[n-1]
		words += " " + name(d.By) + " " + verdictName(d.Verdict) + " it in " + channelName(d.Channel) + ", at " + d.At.UTC().Format("15:04:05 MST on 2 January") + "."
	}
	return words + " Your click changed nothing."
}
