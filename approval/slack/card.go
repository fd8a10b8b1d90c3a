package slack

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	slackapi "github.com/slack-go/slack"

	"github.com/posai-go/posai/approval"
)

// The names of our buttons, as callbacks bring them back.
const (
	approveAction = "posai_approve"
	rejectAction  = "posai_reject"
	openAction    = "posai_open"
)

// Limits of Block Kit, in characters.
// https://docs.slack.dev/reference/block-kit/blocks/
const (
	maxHeader  = 150
	maxSection = 2900 // of 3,000
	maxShort   = 200  // longer values get a section of their own
	maxBlocks  = 40   // of 50, before the closing ones
	maxRemark  = 300  // reasons of decisions; all of them are in the console
)

// maxPreview bounds what a card says of a preview, in bytes. Slack refuses
// messages whose blocks together are too long, at a limit that it does not
// document; refusals were seen from about 11,300 characters.
// https://github.com/slackapi/bolt-js/issues/2867
const maxPreview = 9000

// card is a message: its blocks, and the text for notifications.
type card struct {
	text   string
	blocks []slackapi.Block
	room   int // bytes left for the preview
}

// fingerprint names what a card says, so that it is only sent when it changes.
func (c card) fingerprint() string {
	data, err := json.Marshal(slackapi.Blocks{BlockSet: c.blocks})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(append(data, c.text...))
	return hex.EncodeToString(sum[:12])
}

// plain is text that Slack shows as it is: no markup, no mentions, no links.
// Everything that comes from a model or a person goes through it.
func plain(text string) *slackapi.TextBlockObject {
	return slackapi.NewTextBlockObject(slackapi.PlainTextType, text, false, false)
}

func plainSection(text string) slackapi.Block {
	return slackapi.NewSectionBlock(plain(cut(text, maxSection)), nil, nil)
}

// render makes the card of a request as it is now. A brief one leaves the
// preview out.
func (s *Slack) render(r *approval.Request, brief bool) card {
	waiting := r.State == approval.Pending
	title := cmp.Or(strings.TrimSpace(r.Preview.Title), r.Kind)
	c := card{text: stateLabel(r.State) + ": " + cut(title, maxHeader), room: maxPreview}
	c.add(slackapi.NewHeaderBlock(plain(cut(title, maxHeader))))
	whole := false
	if !brief {
		whole = c.preview(title, r.Preview)
	}
	c.facts(r, s.location(r))
	if waiting {
		c.add(slackapi.NewContextBlock("", plain(cut("Why it is asked: "+cmp.Or(r.Ruling.Reason, "the policy wants a person")+". "+needText(r), 2*maxRemark))))
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
	return c
}

func (c *card) add(b slackapi.Block) { c.blocks = append(c.blocks, b) }

// preview adds what people see of the action, and reports whether all of it
// found room.
func (c *card) preview(title string, p approval.Preview) bool {
	if utf8.RuneCountInString(title) > maxHeader && !c.long(title) {
		return false
	}
	return c.long(p.Summary) && c.fields(p.Fields)
}

// long adds text in as many sections as it needs, and reports whether all of it
// found room.
func (c *card) long(text string) bool {
	text = strings.TrimSpace(text)
	for text != "" {
		part := cutExact(text, maxSection)
		if c.room -= len(part); c.room < 0 || len(c.blocks) >= maxBlocks {
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
func (c *card) fields(fields []approval.PreviewField) bool {
	var short []*slackapi.TextBlockObject
	flush := func() bool {
		if len(short) == 0 {
			return true
		}
		for _, t := range short {
			c.room -= len(t.Text)
		}
		if c.room < 0 || len(c.blocks) >= maxBlocks {
			return false
		}
		c.add(slackapi.NewSectionBlock(nil, short, nil))
		short = nil
		return true
	}
	for _, f := range fields {
		text := f.Label + "\n" + f.Value
		if utf8.RuneCountInString(text) > maxShort {
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
func (c *card) facts(r *approval.Request, location string) {
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
	elements := []slackapi.MixedElement{plain(cut(strings.Join(parts, " · "), maxSection)), date("Proposed", r.CreatedAt)}
	if r.State == approval.Pending && !r.ExpiresAt.IsZero() {
		elements = append(elements, date("Expires", r.ExpiresAt))
	}
	c.add(slackapi.NewContextBlock("", elements...))
}

// decision adds who said what.
func (c *card) decision(d approval.Decision) {
	text := name(d.By) + " " + verdictName(d.Verdict) + " it in " + channelName(d.Channel)
	if len(d.Edit) > 0 {
		text += ", with changes"
	}
	if d.Reason != "" {
		text += ": " + d.Reason
	}
	c.add(slackapi.NewContextBlock("", plain(cut(text, maxRemark)), date("", d.At)))
}

// buttons adds the row of buttons, if there is anything to press.
func (c *card) buttons(r *approval.Request, waiting, whole bool, console string) {
	var row []slackapi.BlockElement
	value := target{Request: r.ID, Digest: r.Digest}.encode()
	if waiting && whole && len(value) <= 2000 {
		row = append(row, slackapi.NewButtonBlockElement(approveAction, value, plain("Approve")).WithStyle(slackapi.StylePrimary))
	}
	if waiting && len(value) <= 2000 {
		row = append(row, slackapi.NewButtonBlockElement(rejectAction, value, plain("Reject")).WithStyle(slackapi.StyleDanger))
	}
	if console != "" {
		open := slackapi.NewButtonBlockElement(openAction, "", plain("Open in the console"))
		open.URL = console + "requests/" + url.PathEscape(r.ID)
		row = append(row, open)
	}
	if len(row) > 0 {
		c.add(slackapi.NewActionBlock("posai_actions", row...))
	}
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

// cut shortens text to at most limit characters.
func cut(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return cutExact(text, limit-1) + "…"
}

// cutExact returns the first limit characters of text.
func cutExact(text string, limit int) string {
	n := 0
	for i := range text {
		if n == limit {
			return text[:i]
		}
		n++
	}
	return text
}
