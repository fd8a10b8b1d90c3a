package slack

import (
	"context"
	"crypto/rand"
	"strconv"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/posai-go/posai/approval"
)

// The names of our dialogs and of the fields of the one that asks why.
const (
	rejectView   = "posai_reject_view"
	editView     = "posai_edit_view"
	confirmView  = "posai_confirm_view"
	becauseBlock = "because"
	becauseInput = "choice"
	reasonBlock  = "reason"
	reasonInput  = "text"
)

// maxReason bounds a reason, in characters.
const maxReason = 1000

// openable returns a request as it waits, if it would not be in vain that
// somebody decides on it. Otherwise it has told them why.
func (s *Slack) openable(ctx context.Context, t *team, c *slackapi.InteractionCallback, what target, d approval.Decision) *approval.Request {
	req, err := s.queue.Get(ctx, what.Request)
	if err == nil && req.State == approval.Pending {
		if err = s.queue.MayDecide(ctx, req, d.By); err == nil && req.Digest != what.Digest {
			err = approval.ErrStale
		}
	}
	if err == nil && req.State == approval.Pending {
		return req
	}
	t.poke(what)
	var words string
	if err != nil {
		words = s.explain(ctx, d, err)
	} else {
		words = settledWords(req)
	}
	if words == "" {
		words = "You have decided this already."
	}
	s.whisper(t, c, words)
	return nil
}

// askWhy opens the dialog that asks for the reason of a rejection.
func (s *Slack) askWhy(ctx context.Context, t *team, c *slackapi.InteractionCallback, what target, me approval.Principal) {
	req := s.openable(ctx, t, c, what, approval.Decision{RequestID: what.Request, Digest: what.Digest, Verdict: approval.Reject, By: me, Channel: Channel})
	if req == nil {
		return
	}
	view := &slackapi.ModalViewRequest{Title: plain("Reject"), Submit: plain("Reject"), Close: plain("Cancel")}
	view.Blocks.BlockSet = []slackapi.Block{plainSection(title(req))}
	label := "Why?"
	if len(s.opts.Reasons) > 0 {
		options := make([]*slackapi.OptionBlockObject, len(s.opts.Reasons))
		for i, reason := range s.opts.Reasons {
			options[i] = slackapi.NewOptionBlockObject(strconv.Itoa(i), plain(cut(reason, maxLabel)), nil)
		}
		choice := slackapi.NewOptionsSelectBlockElement(slackapi.OptTypeStatic, plain("Choose one"), becauseInput, options...)
		view.Blocks.BlockSet = append(view.Blocks.BlockSet, slackapi.NewInputBlock(becauseBlock, plain(label), nil, choice).WithOptional(true))
		label = "In your own words"
	}
	input := slackapi.NewPlainTextInputBlockElement(plain("It helps whoever proposed this"), reasonInput).WithMultiline(true).WithMaxLength(maxReason)
	view.Blocks.BlockSet = append(view.Blocks.BlockSet, slackapi.NewInputBlock(reasonBlock, plain(label), nil, input).WithOptional(len(s.opts.Reasons) > 0))
	s.open(t, c, what, rejectView, view)
}

// newSlip returns what a dialog of somebody carries.
func newSlip(c *slackapi.InteractionCallback, what target, use string) slip {
	return slip{target: what, Use: use, Team: teamOf(c), User: c.User.ID, ID: rand.Text(), Until: time.Now().Add(slipLife).Unix()}
}

// open opens a dialog, for which Slack lets three seconds pass after the click.
// https://docs.slack.dev/reference/methods/views.open
func (s *Slack) open(t *team, c *slackapi.InteractionCallback, what target, use string, view *slackapi.ModalViewRequest) {
	p := newSlip(c, what, use)
	carried, err := s.seal.encode(p)
	if err != nil {
		s.whisper(t, c, "This cannot be done in Slack. Please open the request in the console.")
		return
	}
	view.Type, view.CallbackID, view.ExternalID, view.PrivateMetadata = slackapi.VTModal, use, p.ID, carried
	trigger := c.TriggerID
	s.begin(func(ctx context.Context) {
		err := s.patiently(ctx, lane{method: viewMethod, team: t.id}, func(ctx context.Context) error {
			_, err := t.api.OpenViewContext(ctx, trigger, *view)
			return err
		})
		if err != nil {
			s.opts.Logger.WarnContext(ctx, "slack: dialog not opened", "error", code(err))
			s.whisper(t, c, "The dialog could not be opened. Nothing was decided; please press again.")
		}
	})
}

// rejected handles the dialog that asks why, once it is sent off.
func (s *Slack) rejected(ctx context.Context, t *team, c *slackapi.InteractionCallback) *reply {
	p, err := s.seal.decode(c, time.Now())
	if err != nil {
		return &reply{view: updated(message("Not rejected", lostDialog))}
	}
	why := s.reasonIn(c.View.State)
	if why == "" {
		return &reply{view: slackapi.NewErrorsViewSubmissionResponse(map[string]string{reasonBlock: "Please say why. Whoever proposed this learns from it."})}
	}
	me, words := s.person(ctx, c)
	if words == "" {
		words = s.decide(ctx, t, p.target, approval.Decision{RequestID: p.Request, Digest: p.Digest, Verdict: approval.Reject, Reason: why, By: me, Channel: Channel})
	}
	if words != "" {
		return &reply{view: updated(message("Not rejected", words))}
	}
	return &reply{}
}

// lostDialog is said about a dialog that is not ours, not the one's who sent it
// off, or too old.
const lostDialog = "This dialog is too old or cannot be read. Nothing was decided; please close it and press the button again."

// reasonIn joins the reason that was picked and the one that was written.
func (s *Slack) reasonIn(state *slackapi.ViewState) string {
	if state == nil {
		return ""
	}
	picked := ""
	if i, err := strconv.Atoi(state.Values[becauseBlock][becauseInput].SelectedOption.Value); err == nil && i >= 0 && i < len(s.opts.Reasons) {
		picked = s.opts.Reasons[i]
	}
	written := cut(strings.TrimSpace(state.Values[reasonBlock][reasonInput].Value), maxReason)
	switch {
	case picked == "":
		return written
	case written == "":
		return picked
	}
	return picked + ": " + written
}

// message is a dialog that says one thing.
func message(title, words string) *slackapi.ModalViewRequest {
	return &slackapi.ModalViewRequest{
		Type: slackapi.VTModal, Title: plain(title), Close: plain("Close"),
		Blocks: slackapi.Blocks{BlockSet: []slackapi.Block{plainSection(words)}},
	}
}

// updated answers a dialog by another one in its place.
func updated(view *slackapi.ModalViewRequest) *slackapi.ViewSubmissionResponse {
	return slackapi.NewUpdateViewSubmissionResponse(view)
}
