package slack

import (
	"context"
	"fmt"
	"strings"

	slackapi "github.com/slack-go/slack"

	"github.com/posai-go/posai/approval"
)

// The parts of what is said about a request in one place: the card, and answers
// below it. Changing a message notifies nobody, an answer does.
const (
	cardPart      = "card"
	escalatedPart = "escalated" // with revision and step
	uncertainPart = "uncertain"
	failedPart    = "failed"
)

// notice is an answer below a card.
type notice struct {
	part string
	need approval.Need // whose people are mentioned
	text string
}

// notices returns what has to be said below the card of a request now.
func notices(r *approval.Request) []notice {
	var list []notice
	if r.State == approval.Pending {
		for i := range min(r.Escalated, len(r.Ruling.Escalation)) {
			need := r.Ruling.Escalation[i].Need
			list = append(list, notice{
				part: fmt.Sprintf("%s-%d-%d", escalatedPart, r.Revision, i+1), need: need,
				text: "Nobody has decided this yet. It can now also be decided by: " + need.String() + ".",
			})
		}
	}
	switch r.State {
	case approval.Uncertain:
		list = append(list, notice{part: uncertainPart, need: r.Need(), text: "This was approved, but it is not certain whether it happened. Somebody has to look and settle it in the console."})
	case approval.Failed:
		if len(r.Decisions) > 0 {
			list = append(list, notice{part: failedPart, need: r.Need(), text: "This was approved, but it did not happen. The console says why."})
		}
	}
	return list
}

// past is what an answer below a card says once it does not hold any more.
func past(part string, r *approval.Request) string {
	switch {
	case strings.HasPrefix(part, escalatedPart) && r.State == approval.Pending:
		return "This was escalated; it has changed since."
	case strings.HasPrefix(part, escalatedPart):
		return "This was escalated. Now: " + strings.ToLower(stateLabel(r.State)) + "."
	case part == uncertainPart:
		return "It was not certain whether this happened. Now: " + strings.ToLower(stateLabel(r.State)) + "."
	}
	return "Now: " + strings.ToLower(stateLabel(r.State)) + "."
}

// renderNotice makes the message of a notice. The mentions are markup of our
// own; everything else in it is escaped.
func (s *Slack) renderNotice(ctx context.Context, r *approval.Request, n notice) content {
	text := escaped(n.text)
	if who := s.mentions(ctx, r, n.need); len(who) > 0 {
		text = strings.Join(who, " ") + " " + text
	}
	return said(cut(text, maxSection))
}

// said is a message of one text with our own markup. The blocks keep Slack from
// guessing at links and names in it.
func said(markup string) content {
	verbatim := slackapi.NewTextBlockObject(slackapi.MarkdownType, markup, false, true)
	return content{text: markup, blocks: []slackapi.Block{slackapi.NewSectionBlock(verbatim, nil, nil)}}
}
