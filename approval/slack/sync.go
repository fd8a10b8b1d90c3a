package slack

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/posai-go/posai/approval"
)

// maxLookBack bounds the search for a message that may have been posted, in
// pages.
const maxLookBack = 5

// metadataType marks our messages, so that they are found again.
const metadataType = "posai_approval_request"

// sync brings the messages of one request to what the request is now. A
// laterError says that the rest has to wait.
func (w *worker) sync(ctx context.Context, id string, a *attempt) error {
	posts, err := w.posts(ctx, id)
	if err != nil {
		return err
	}
	r, err := w.queue.Get(ctx, id)
	if errors.Is(err, approval.ErrNotFound) {
		return w.dropAll(ctx, posts)
	}
	if err != nil {
		return err
	}
	w.tidy(ctx, r, a, posts)
	var failed error
	for _, channel := range w.channels(r, posts) {
		err := w.syncPlace(ctx, r, a, channel, posts)
		if errors.Is(err, approval.ErrConflict) {
			err = laterError(time.Now()) // another process was faster: look again
		}
		failed = worse(failed, err)
	}
	if failed == nil && r.State.Final() {
		err := w.dropAll(ctx, posts)
		if errors.Is(err, approval.ErrConflict) {
			return laterError(time.Now())
		}
		return err
	}
	return failed
}

// worse returns which of two errors decides when to try again: a failure, or the
// earlier of two times.
func worse(a, b error) error {
	if a == nil {
		return b
	}
	one, ok := errors.AsType[laterError](a)
	if b == nil || !ok {
		return a
	}
	if other, ok := errors.AsType[laterError](b); ok && time.Time(one).Before(time.Time(other)) {
		return a
	}
	return b
}

// channels returns where a request is shown, and is to be shown, sorted.
func (w *worker) channels(r *approval.Request, posts map[postKey]*post) []string {
	var list []string
	for key := range posts {
		list = append(list, key.channel)
	}
	if r.State == approval.Pending {
		for _, place := range w.opts.Places(r) {
			if place.TeamID == "" {
				place.TeamID = w.opts.TeamID
			}
			if place.TeamID == w.team.id && place.Channel != "" && len(place.Channel) <= 40 && !strings.Contains(place.Channel, "/") {
				list = append(list, place.Channel)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (w *worker) dropAll(ctx context.Context, posts map[postKey]*post) error {
	for key, p := range posts {
		if err := w.drop(ctx, p); err != nil {
			return err
		}
		delete(posts, key)
	}
	return nil
}

// syncPlace makes the card in one channel right, and what stands below it.
func (w *worker) syncPlace(ctx context.Context, r *approval.Request, a *attempt, channel string, posts map[postKey]*post) error {
	key := postKey{channel, cardPart}
	card := posts[key]
	if card == nil {
		if r.State != approval.Pending {
			return nil
		}
		card = w.newPost(r.ID, key)
		posts[key] = card
	}
	if card.TS == "" && r.State != approval.Pending && !card.Maybe {
		return nil // settled before it was posted
	}
	err := w.put(ctx, r, a, card, "", w.render(r, card.Brief), r.State == approval.Pending)
	if refusesCard(err) && !card.Brief {
		w.opts.Logger.WarnContext(ctx, "slack: card refused, sent without preview", "request", r.ID, "error", code(err))
		card.Brief = true
		err = w.put(ctx, r, a, card, "", w.render(r, true), r.State == approval.Pending)
	}
	switch {
	case gone(err) && card.TS != "":
		// Deleted: an open question is asked again, in a new message.
		w.opts.Logger.WarnContext(ctx, "slack: card is gone", "request", r.ID)
		if err := w.drop(ctx, card); err != nil {
			return err
		}
		delete(posts, key)
		if r.State == approval.Pending {
			return laterError(time.Now())
		}
		return nil
	case w.hopeless(r, err):
		w.opts.Logger.WarnContext(ctx, "slack: card cannot be brought up to date", "request", r.ID, "error", code(err))
		return nil
	case err != nil || card.TS == "":
		return err
	}
	return w.syncNotices(ctx, r, a, card, posts)
}

// syncNotices says below a card what has to be said, each once.
func (w *worker) syncNotices(ctx context.Context, r *approval.Request, a *attempt, card *post, posts map[postKey]*post) error {
	now := make(map[string]bool)
	var failed error
	for _, n := range notices(r) {
		now[n.part] = true
		key := postKey{card.Channel, n.part}
		p := posts[key]
		if p == nil {
			p = w.newPost(r.ID, key)
			posts[key] = p
		} else if p.TS != "" {
			continue // said
		}
		failed = worse(failed, w.lenient(ctx, r, w.put(ctx, r, a, p, card.TS, w.renderNotice(ctx, r, n), true)))
	}
	for key, p := range posts {
		if key.channel != card.Channel || key.part == cardPart || now[key.part] || p.TS == "" && !p.Maybe {
			continue
		}
		failed = worse(failed, w.lenient(ctx, r, w.put(ctx, r, a, p, card.TS, said(escaped(past(key.part, r))), false)))
	}
	return failed
}

// hopeless reports whether a channel has taken nothing about a settled request
// for so long that it is let go.
func (w *worker) hopeless(r *approval.Request, err error) bool {
	return unreachable(err) && r.State.Final() && time.Since(r.ChangedAt) > w.opts.GiveUpAfter
}

// lenient lets go of a notice that Slack will never take.
func (w *worker) lenient(ctx context.Context, r *approval.Request, err error) error {
	if gone(err) || refusesCard(err) || w.hopeless(r, err) {
		w.opts.Logger.WarnContext(ctx, "slack: notice not sent", "request", r.ID, "error", code(err))
		return nil
	}
	return err
}

// put posts a message, or updates it if it says something else.
//
// A message that is not wanted is only updated, where it is already there.
func (w *worker) put(ctx context.Context, r *approval.Request, a *attempt, p *post, thread string, c content, wanted bool) error {
	mark := c.fingerprint()
	if p.TS == "" {
		if err := w.claimed(ctx, p); err != nil {
			return err
		}
	}
	if p.TS == "" && p.Maybe {
		ts, err := w.lookBack(ctx, r, a, p, thread)
		if err != nil {
			return err
		}
		p.TS = ts
	}
	switch {
	case p.TS == "" && !wanted:
		p.Maybe = false
		return w.save(ctx, p) // not posted after all, and not needed any more
	case p.TS == "":
		return w.post(ctx, r, a, p, thread, c)
	case p.Shown == mark:
		return nil
	case p.Holder != w.holder && time.Since(a.marked) < headStart:
		return laterError(a.marked.Add(headStart))
	}
	err := w.call(ctx, a, lane{method: updateMethod, team: w.team.id}, func(ctx context.Context) error {
		_, _, _, err := w.team.api.UpdateMessageContext(ctx, p.Channel, p.TS, c.options()...)
		return err
	})
	if err != nil {
		return err
	}
	p.Shown, p.Holder, p.Maybe = mark, w.holder, false
	err = w.save(ctx, p)
	if errors.Is(err, approval.ErrConflict) {
		return w.doubt(ctx, p)
	}
	return err
}

// doubt has a message sent again, since two processes have updated it at once and
// either may have been last.
func (w *worker) doubt(ctx context.Context, p *post) error {
	doc, err := w.opts.Store.Document(ctx, p.name)
	if err != nil || doc.Version == 0 {
		return err
	}
	p.Shown, p.version = "", doc.Version
	if err := w.save(ctx, p); err != nil {
		return err
	}
	return laterError(time.Now())
}

// claimed waits for another process that has begun to post, by the clock that all
// share.
func (w *worker) claimed(ctx context.Context, p *post) error {
	if p.version == 0 || !p.Maybe || p.Holder == w.holder {
		return nil
	}
	now, err := w.opts.Store.Now(ctx)
	if err != nil {
		return err
	}
	// Its call has ended by then, and a little later.
	if left := p.Claimed.Add(w.opts.CallTimeout * 4 / 3).Sub(now); left > 0 {
		return laterError(time.Now().Add(left))
	}
	return nil
}

// post sends a new message. That it is about to be posted is remembered before:
// after a crash in between we look whether it is there, instead of asking twice.
func (w *worker) post(ctx context.Context, r *approval.Request, a *attempt, p *post, thread string, c content) error {
	l := lane{method: postMethod, team: w.team.id, channel: p.Channel}
	err := w.call(ctx, a, l, func(ctx context.Context) error {
		now, err := w.opts.Store.Now(ctx)
		if err != nil {
			return err
		}
		if p.Since.IsZero() {
			p.Since = now
		}
		p.Holder, p.Claimed, p.Maybe = w.holder, now, true
		if err := w.save(ctx, p); err != nil {
			return err
		}
		options := append(c.options(), slackapi.MsgOptionMetadata(slackapi.SlackMetadata{
			EventType: metadataType, EventPayload: map[string]any{"request": r.ID, "part": p.Part},
		}))
		if thread != "" {
			options = append(options, slackapi.MsgOptionTS(thread), slackapi.MsgOptionBroadcast())
		}
		_, ts, err := w.team.api.PostMessageContext(ctx, p.Channel, options...)
		p.TS = ts
		return err
	})
	if _, later := errors.AsType[laterError](err); later || refused(err) {
		p.TS = ""
		if p.Maybe && p.version > 0 {
			// Slack said no, so there is nothing to look for.
			p.Maybe = false
			if saved := w.save(ctx, p); saved != nil {
				return saved
			}
		}
		return err
	}
	if err != nil {
		p.TS = ""
		return err
	}
	p.Shown, p.Maybe = c.fingerprint(), false
	return w.save(ctx, p)
}

// tidy brings up to date the clicked cards that are not the one we know: of a
// request that was posted twice, or whose card we gave up.
func (w *worker) tidy(ctx context.Context, r *approval.Request, a *attempt, posts map[postKey]*post) {
	rest := w.stray[:0]
	for _, t := range w.stray {
		if t.Request != r.ID {
			rest = append(rest, t)
			continue
		}
		if p := posts[postKey{t.Channel, cardPart}]; p != nil && p.TS == t.TS {
			continue // the one we know
		}
		err := w.call(ctx, a, lane{method: updateMethod, team: w.team.id}, func(ctx context.Context) error {
			_, _, _, err := w.team.api.UpdateMessageContext(ctx, t.Channel, t.TS, w.render(r, false).options()...)
			return err
		})
		if _, later := errors.AsType[laterError](err); later {
			rest = append(rest, t)
			continue
		}
		if err != nil {
			w.opts.Logger.WarnContext(ctx, "slack: clicked card not brought up to date", "request", r.ID, "error", code(err))
		}
	}
	w.stray = rest
}

// lookBack searches a channel, or a thread, for a message that was perhaps posted
// although we never heard so. Without the scope to read the channel it finds
// nothing, and the message is posted, perhaps again: better twice than never.
// https://docs.slack.dev/reference/methods/conversations.history
// https://docs.slack.dev/reference/methods/conversations.replies
func (w *worker) lookBack(ctx context.Context, r *approval.Request, a *attempt, p *post, thread string) (ts string, err error) {
	cursor := ""
	oldest := strconv.FormatInt(p.Since.Add(-time.Minute).Unix(), 10)
	for range maxLookBack {
		var messages []slackapi.Message
		err := w.call(ctx, a, lane{method: historyMethod, team: w.team.id}, func(ctx context.Context) (err error) {
			if thread != "" {
				messages, _, cursor, err = w.team.api.GetConversationRepliesContext(ctx, &slackapi.GetConversationRepliesParameters{
					ChannelID: p.Channel, Timestamp: thread, Cursor: cursor, Limit: 100, IncludeAllMetadata: true,
				})
				return err
			}
			page, err := w.team.api.GetConversationHistoryContext(ctx, &slackapi.GetConversationHistoryParameters{
				ChannelID: p.Channel, Cursor: cursor, Limit: 100, IncludeAllMetadata: true, Oldest: oldest,
			})
			if err == nil {
				messages, cursor = page.Messages, page.ResponseMetaData.NextCursor
			}
			return err
		})
		if refused(err) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		for _, m := range messages {
			about := m.Metadata.EventPayload
			if m.Metadata.EventType == metadataType && about["request"] == r.ID && about["part"] == p.Part {
				return m.Timestamp, nil
			}
		}
		if cursor == "" {
			break
		}
	}
	return "", nil
}
