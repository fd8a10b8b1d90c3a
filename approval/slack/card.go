package slack

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/posai-go/posai/approval"
)

// The names of our buttons, as callbacks bring them back.
const (
	approveAction = "posai_approve"
	editAction    = "posai_edit"
	rejectAction  = "posai_reject"
	openAction    = "posai_open"
)

// maxRemark bounds what is said of one decision; all of it is in the console.
const maxRemark = 300

// content is what a message says: its blocks, and the text for notifications.
type content struct {
	text   string
	blocks []slackapi.Block
}

// fingerprint names what a message says, so that it is only sent when it changes.
func (c content) fingerprint() string {
	data, err := json.Marshal(slackapi.Blocks{BlockSet: c.blocks})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(append(data, c.text...))
	return hex.EncodeToString(sum[:12])
}

func (c content) options() []slackapi.MsgOption {
	options := []slackapi.MsgOption{
		// Our own mentions are markup; what else stands in text is escaped.
		slackapi.MsgOptionText(c.text, false), slackapi.MsgOptionDisableLinkUnfurl(), slackapi.MsgOptionDisableMediaUnfurl(),
	}
	if len(c.blocks) > 0 {
		options = append(options, slackapi.MsgOptionBlocks(c.blocks...))
	}
	return options
}

// sheet collects blocks as long as there is room.
type sheet struct {
	blocks []slackapi.Block
	room   int // bytes left for the preview
	most   int // blocks of the preview
}

func (c *sheet) add(b slackapi.Block) { c.blocks = append(c.blocks, b) }

// render makes the card of a request as it is now. A brief one leaves the
// preview out.
func (s *Slack) render(r *approval.Request, brief bool) content {
	waiting := r.State == approval.Pending
	title := title(r)
	c := sheet{room: maxPreview, most: maxBlocks}
	c.add(slackapi.NewHeaderBlock(plain(cut(title, maxHeader))))
	whole := false
	if !brief {
		whole = c.preview(title, r.Preview)
	}
	c.facts(r, s.location(r))
	if waiting {
		c.add(plainContext(cut("Why it is asked: "+cmp.Or(r.Ruling.Reason, "the policy wants a person")+". "+needText(r), 2*maxRemark)))
		if so := approvedSoFar(r); so != "" {
			c.add(plainContext(so))
		}
	}
	if !brief {
		c.edits(r)
	}
	for _, d := range r.Decisions[max(0, len(r.Decisions)-5):] {
		c.decision(d)
	}
	if !waiting {
		c.add(plainSection(stateIcon(r.State) + " " + stateLabel(r.State)))
	}
	if waiting && !whole {
		// Nobody approves what they could not read.
		c.add(plainSection("This is too long for Slack. Open it in the console to read all of it and approve it."))
	}
	c.buttons(r, waiting, whole, s.opts.ConsoleURL)
	return content{text: escaped(s.notification(r)), blocks: c.blocks}
}

// notification is what stands on locked screens and is read aloud: what sort of
// thing, how much and where, but no words of the request, which may name people.
func (s *Slack) notification(r *approval.Request) string {
	parts := []string{stateLabel(r.State) + ": " + r.Kind}
	if r.Amount.Amount != "" {
		parts = append(parts, r.Amount.Amount+" "+r.Amount.Currency)
	}
	if l := s.location(r); l != "" {
		parts = append(parts, l)
	}
	return cut(strings.Join(parts, " · "), maxRemark)
}

// approvedSoFar says who has approved the present revision of a request that
// takes several.
func approvedSoFar(r *approval.Request) string {
	var names []string
	for _, d := range r.Decisions {
		if d.Verdict == approval.Approve && d.Revision == r.Revision && d.Digest == r.Digest {
			names = append(names, name(d.By))
		}
	}
	if names == nil {
		return ""
	}
	return cut(fmt.Sprintf("Approved so far by %s (%d). It waits for others.", strings.Join(names, ", "), len(names)), 2*maxRemark)
}

// preview adds what people see of the action, and reports whether all of it
// found room.
func (c *sheet) preview(title string, p approval.Preview) bool {
	if length(title) > maxHeader && !c.long(title) {
		return false
	}
	return c.long(p.Summary) && c.fields(p.Fields)
}

// long adds text in as many sections as it needs, and reports whether all of it
// found room.
func (c *sheet) long(text string) bool {
	text = strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD"))
	for text != "" {
		part := cutExact(text, maxSection)
		if c.room -= len(part); c.room < 0 || len(c.blocks) >= c.most {
			return false
		}
		text = text[len(part):]
		if strings.TrimSpace(part) != "" {
			c.add(slackapi.NewSectionBlock(plain(part), nil, nil))
		}
	}
	return true
}

// fields adds a preview's lines, short ones in two columns.
func (c *sheet) fields(fields []approval.PreviewField) bool {
	var short []*slackapi.TextBlockObject
	flush := func() bool {
		if len(short) == 0 {
			return true
		}
		for _, t := range short {
			c.room -= len(t.Text)
		}
		if c.room < 0 || len(c.blocks) >= c.most {
			return false
		}
		c.add(slackapi.NewSectionBlock(nil, short, nil))
		short = nil
		return true
	}
	for _, f := range fields {
		text := f.Label + "\n" + f.Value
		if strings.TrimSpace(text) == "" {
			continue
		}
		if length(text) > maxShort {
			if !flush() || !c.long(text) {
				return false
			}
			continue
		}
		if short = append(short, plain(text)); len(short) == 10 && !flush() {
			return false
		}
	}
	return flush()
}

// facts adds amount, place, proposer and times.
func (c *sheet) facts(r *approval.Request, location string) {
	var parts []string
	if r.Amount.Amount != "" {
		parts = append(parts, r.Amount.Amount+" "+r.Amount.Currency)
	}
	if location != "" {
		parts = append(parts, location)
	}
	proposer := "proposed by " + name(r.Proposer)
	if r.Model != nil && r.Model.Baseline {
		proposer += " (a fixed rule, without AI)"
	}
	parts = append(parts, proposer)
	elements := []slackapi.MixedElement{plain(cut(strings.Join(parts, " · "), 1000)), date("Proposed", r.CreatedAt)}
	if r.State == approval.Pending && !r.ExpiresAt.IsZero() {
		elements = append(elements, date("Expires", r.ExpiresAt))
	}
	c.add(slackapi.NewContextBlock("", elements...))
}

// decision adds who said what.
func (c *sheet) decision(d approval.Decision) {
	text := name(d.By) + " " + verdictName(d.Verdict) + " it in " + channelName(d.Channel)
	if len(d.Edit) > 0 {
		text += ", with changes"
	}
	if d.Reason != "" {
		text += ": " + d.Reason
	}
	c.add(slackapi.NewContextBlock("", plain(cut(text, maxRemark)), date("", d.At)))
}

// maxCardEdits is how many edits a card shows, the newest.
const maxCardEdits = 3

// edits adds what people changed, so that whoever decides next sees it. It is cut
// visibly: what holds now is in the preview whole.
func (c *sheet) edits(r *approval.Request) {
	for _, e := range r.Edits[max(0, len(r.Edits)-maxCardEdits):] {
		c.add(plainSection(cut(name(e.By)+" changed in "+channelName(e.Channel)+":\n"+changesText(e.Changes), maxCardEdit)))
	}
}

// maxCardEdit bounds what is said of one edit, in characters.
const maxCardEdit = 700

// buttons adds the row of buttons, if there is anything to press.
func (c *sheet) buttons(r *approval.Request, waiting, whole bool, console string) {
	var row []slackapi.BlockElement
	value := target{Request: r.ID, Digest: r.Digest}.encode()
	waiting = waiting && length(value) <= maxValue
	if waiting && whole {
		row = append(row, slackapi.NewButtonBlockElement(approveAction, value, plain("Approve")).WithStyle(slackapi.StylePrimary))
	}
	if waiting && slices.ContainsFunc(r.Form, fits) {
		row = append(row, slackapi.NewButtonBlockElement(editAction, value, plain("Edit…")))
	}
	if waiting {
		row = append(row, slackapi.NewButtonBlockElement(rejectAction, value, plain("Reject…")).WithStyle(slackapi.StyleDanger))
	}
	if address := requestURL(console, r.ID); address != "" {
		open := slackapi.NewButtonBlockElement(openAction, "", plain("Open in the console"))
		open.URL = address
		row = append(row, open)
	}
	if len(row) > 0 {
		c.add(slackapi.NewActionBlock("posai_actions", row...))
	}
}

// requestURL is where a request is in the console, "" if there is none.
func requestURL(console, id string) string {
	if console == "" {
		return ""
	}
	return console + "requests/" + url.PathEscape(id)
}

// date is a time that each reader sees in their own time zone. The markup is
// ours alone.
// https://docs.slack.dev/messaging/formatting-message-text#date-formatting
func date(what string, t time.Time) *slackapi.TextBlockObject {
	text := fmt.Sprintf("<!date^%d^{date_short_pretty} {time}|%s>", t.Unix(), t.UTC().Format("2 Jan 2006 15:04 MST"))
	if what != "" {
		text = what + " " + text
	}
	return slackapi.NewTextBlockObject(slackapi.MarkdownType, text, false, false)
}
