package slack

import (
	"strings"
	"unicode/utf16"

	slackapi "github.com/slack-go/slack"
)

// Limits of Slack, in characters where they are of texts. Those that leave room
// have what Slack allows beside them.
// https://docs.slack.dev/reference/block-kit/
const (
	maxHeader  = 150
	maxSection = 2900 // of 3,000
	maxShort   = 200  // longer values get a section of their own
	maxBlocks  = 40   // of 50 in a message, before the closing ones
	maxModal   = 80   // of 100 in a modal, before the closing ones
	maxOptions = 100  // of a select
	maxLabel   = 75   // of a button or an option
	maxInput   = 3000 // of a text field
	maxSlip    = 3000 // of private_metadata
	maxValue   = 2000 // of a button
	maxFormRow = 150  // of the label of a field, of 2,000
	maxAck     = 20 << 10
)

// maxPreview bounds what a card says of a preview, in bytes. Slack refuses
// messages whose blocks together are too long, at a limit that it does not
// document; refusals were seen from about 11,300 characters.
// https://github.com/slackapi/bolt-js/issues/2867
const maxPreview = 9000

// maxDialogPreview is that of a modal, whose limit is far higher.
const maxDialogPreview = 40_000

// length is the number of characters of s as JavaScript counts them. It is never
// less than any other count, and Slack does not say which one is its own.
func length(s string) (n int) {
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// cut shortens text to at most limit characters, visibly.
func cut(text string, limit int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if length(text) <= limit {
		return text
	}
	return cutExact(text, limit-1) + "…"
}

// cutExact returns at most the first limit characters of text.
func cutExact(text string, limit int) string {
	n := 0
	for i, r := range text {
		if n += utf16.RuneLen(r); n > limit {
			return text[:i]
		}
	}
	return text
}

// plain is text that Slack shows as it is: no markup, no mentions, no links.
// Everything that comes from a model or a person goes through it.
func plain(text string) *slackapi.TextBlockObject {
	return slackapi.NewTextBlockObject(slackapi.PlainTextType, text, false, false)
}

func plainSection(text string) slackapi.Block {
	return slackapi.NewSectionBlock(plain(cut(text, maxSection)), nil, nil)
}

func plainContext(text string) slackapi.Block {
	return slackapi.NewContextBlock("", plain(cut(text, maxSection)))
}

// escaped is text within our own markup: Slack takes nothing in it for markup of
// the kind that mentions or links.
// https://docs.slack.dev/messaging/formatting-message-text#escaping
func escaped(text string) string { return escaper.Replace(text) }

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
