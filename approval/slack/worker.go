package slack

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/posai-go/posai/approval"
)

// rescan is how often everything that waits is looked at again, in case a
// notification got lost.
const rescan = 5 * time.Minute

// maxLookBack bounds the search for a card that may have been posted, in pages.
const maxLookBack = 5

// metadataType marks our messages, so that they are found again.
const metadataType = "posai_approval_request"

// worker keeps the cards as the requests are. One goroutine runs it.
type worker struct {
	*Slack
	messages map[string]Message
	due      map[string]*attempt
	pause    time.Time       // Slack asked to wait
	stray    []target        // clicked cards that are not the one we know
	brief    map[string]bool // requests whose whole card Slack refuses
}

// attempt is a request whose card is not as it should be.
type attempt struct {
	failures int
	at       time.Time
}

func newWorker(s *Slack, messages []Message) *worker {
	w := &worker{Slack: s, messages: make(map[string]Message), due: make(map[string]*attempt), brief: make(map[string]bool)}
	for _, m := range messages {
		w.messages[m.RequestID] = m
	}
	return w
}

// poke has the card of a request looked at, after a click on it.
func (s *Slack) poke(t target) {
	select {
	case s.clicked <- t:
	default: // the next rescan sees to it
	}
}

func (w *worker) run(ctx context.Context) {
	// Subscribed first, so that nothing happens between the scan and the first
	// notification.
	changes := w.queue.Subscribe(ctx)
	w.scan(ctx)
	scans := time.NewTicker(rescan)
	defer scans.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		if id, ok := w.next(); ok {
			w.refresh(ctx, id)
			continue
		}
		timer.Reset(w.wait())
		select {
		case change, ok := <-changes:
			switch {
			case !ok:
				return
			case change.ID == "" || change.Missed:
				w.scan(ctx)
			default:
				w.mark(change.ID)
			}
		case t := <-w.clicked:
			if m, ok := w.messages[t.Request]; t.TS != "" && (!ok || m.TS != t.TS) {
				w.stray = append(w.stray, t)
			}
			w.mark(t.Request)
		case <-scans.C:
			w.scan(ctx)
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

// scan marks everything that waits and everything that has a card.
func (w *worker) scan(ctx context.Context) {
	for id := range w.messages {
		w.mark(id)
	}
	for r, err := range w.queue.List(ctx, approval.Filter{States: []approval.State{approval.Pending}}) {
		if err != nil {
			if ctx.Err() == nil {
				w.opts.Logger.ErrorContext(ctx, "slack: list of waiting requests failed", "error", err)
			}
			return
		}
		w.mark(r.ID)
	}
}

func (w *worker) mark(id string) {
	if w.due[id] == nil {
		w.due[id] = &attempt{}
	}
}

// next returns a request that is due now.
func (w *worker) next() (string, bool) {
	now := time.Now()
	if now.Before(w.pause) {
		return "", false
	}
	for id, a := range w.due {
		if !now.Before(a.at) {
			return id, true
		}
	}
	return "", false
}

// wait is how long nothing is due.
func (w *worker) wait() time.Duration {
	at := time.Now().Add(time.Hour)
	for _, a := range w.due {
		if a.at.Before(at) {
			at = a.at
		}
	}
	if w.pause.After(at) {
		at = w.pause
	}
	return max(0, time.Until(at))
}

// refresh makes one card right, or plans the next try.
func (w *worker) refresh(ctx context.Context, id string) {
	err := w.sync(ctx, id)
	if err == nil {
		delete(w.due, id)
		return
	}
	if ctx.Err() != nil {
		return
	}
	a := w.due[id]
	if limited, ok := errors.AsType[*slackapi.RateLimitedError](err); ok {
		w.pause = time.Now().Add(max(limited.RetryAfter, time.Second))
		w.opts.Logger.InfoContext(ctx, "slack: asked to wait", "seconds", limited.RetryAfter.Seconds())
		return
	}
	wait := w.opts.RetryMax
	if a.failures < 16 {
		wait = min(wait, w.opts.RetryMin<<a.failures)
	}
	a.failures++
	a.at = time.Now().Add(wait)
	w.opts.Logger.WarnContext(ctx, "slack: card not sent", "request", id, "failures", a.failures, "error", code(err))
}

// sync brings the card of one request to what the request is now.
func (w *worker) sync(ctx context.Context, id string) error {
	r, err := w.queue.Get(ctx, id)
	if errors.Is(err, approval.ErrNotFound) {
		return w.forget(ctx, id)
	}
	if err != nil {
		return err
	}
	card := w.render(r, w.brief[id])
	if err := w.tidy(ctx, id, card); err != nil {
		return err
	}
	m, known := w.messages[id]
	if !known {
		if r.State != approval.Pending {
			return nil
		}
		channel := w.opts.Route(r)
		if channel == "" {
			return nil
		}
		m = Message{RequestID: id, Channel: channel, Since: time.Now().UTC()}
		// Remembered before it is posted: after a crash in between we look
		// whether it is there, instead of asking twice.
		if err := w.save(ctx, m); err != nil {
			return err
		}
	} else if m.TS == "" {
		if m.TS, err = w.lookBack(ctx, m); err != nil {
			return err
		}
	}
	print := card.fingerprint()
	switch {
	case m.TS == "" && r.State != approval.Pending:
		return w.forget(ctx, id)
	case m.TS == "":
		err = w.post(ctx, &m, card)
	case m.Shown != print:
		_, _, _, err = w.api.UpdateMessageContext(ctx, m.Channel, m.TS, card.options()...)
		if gone(err) {
			w.opts.Logger.WarnContext(ctx, "slack: card is gone", "request", id)
			if err := w.forget(ctx, id); err != nil {
				return err
			}
			if r.State != approval.Pending {
				return nil
			}
			return w.sync(ctx, id) // still an open question: ask again
		}
	}
	if refusesCard(err) && !w.brief[id] {
		w.opts.Logger.WarnContext(ctx, "slack: card refused, sent without preview", "request", id, "error", code(err))
		w.brief[id] = true
		return w.sync(ctx, id)
	}
	if err != nil {
		return err
	}
	if r.State.Final() {
		return w.forget(ctx, id)
	}
	if m.Shown == print {
		return nil
	}
	m.Shown = print
	return w.save(ctx, m)
}

// post sends a new card.
func (w *worker) post(ctx context.Context, m *Message, c card) error {
	options := append(c.options(), slackapi.MsgOptionMetadata(slackapi.SlackMetadata{
		EventType: metadataType, EventPayload: map[string]any{"request": m.RequestID},
	}))
	channel, ts, err := w.api.PostMessageContext(ctx, m.Channel, options...)
	if err != nil {
		return err
	}
	m.Channel, m.TS = channel, ts
	return nil
}

// tidy brings up to date the clicked cards that are not the one we know: of a
// request that was posted twice, or whose card we gave up.
func (w *worker) tidy(ctx context.Context, id string, c card) error {
	rest := w.stray[:0]
	for i, t := range w.stray {
		if t.Request != id {
			rest = append(rest, t)
			continue
		}
		_, _, _, err := w.api.UpdateMessageContext(ctx, t.Channel, t.TS, c.options()...)
		if _, limited := errors.AsType[*slackapi.RateLimitedError](err); limited {
			w.stray = append(rest, w.stray[i:]...)
			return err
		}
		if err != nil {
			w.opts.Logger.WarnContext(ctx, "slack: clicked card not brought up to date", "request", id, "error", code(err))
		}
	}
	w.stray = rest
	return nil
}

// lookBack searches the channel for a card that was perhaps posted although we
// never heard so. Without the scope to read the channel it finds nothing, and
// the card is posted, perhaps again: better twice than never.
// https://docs.slack.dev/reference/methods/conversations.history
func (w *worker) lookBack(ctx context.Context, m Message) (string, error) {
	params := slackapi.GetConversationHistoryParameters{
		ChannelID: m.Channel, IncludeAllMetadata: true, Limit: 100,
		Oldest: strconv.FormatInt(m.Since.Add(-time.Minute).Unix(), 10),
	}
	for range maxLookBack {
		page, err := w.api.GetConversationHistoryContext(ctx, &params)
		if err != nil {
			if _, refused := errors.AsType[slackapi.SlackErrorResponse](err); refused {
				return "", nil
			}
			return "", err
		}
		for _, posted := range page.Messages {
			if posted.Metadata.EventType == metadataType && posted.Metadata.EventPayload["request"] == m.RequestID {
				return posted.Timestamp, nil
			}
		}
		if params.Cursor = page.ResponseMetaData.NextCursor; params.Cursor == "" {
			break
		}
	}
	return "", nil
}

func (w *worker) save(ctx context.Context, m Message) error {
	if err := w.opts.Messages.Save(ctx, m); err != nil {
		return err
	}
	w.messages[m.RequestID] = m
	return nil
}

func (w *worker) forget(ctx context.Context, id string) error {
	if _, ok := w.messages[id]; !ok {
		return nil
	}
	if err := w.opts.Messages.Delete(ctx, id); err != nil {
		return err
	}
	delete(w.messages, id)
	delete(w.brief, id)
	return nil
}

func (c card) options() []slackapi.MsgOption {
	return []slackapi.MsgOption{
		slackapi.MsgOptionText(c.text, true), slackapi.MsgOptionBlocks(c.blocks...),
		slackapi.MsgOptionDisableLinkUnfurl(), slackapi.MsgOptionDisableMediaUnfurl(),
	}
}

// gone reports whether Slack says that a message is not there or not ours.
func gone(err error) bool {
	switch code(err) {
	case "message_not_found", "cant_update_message", "channel_not_found":
		return true
	}
	return false
}

// refusesCard reports whether Slack does not take a message as it is.
func refusesCard(err error) bool {
	switch code(err) {
	case "msg_blocks_too_long", "msg_too_long", "invalid_blocks", "invalid_blocks_format":
		return true
	}
	return false
}

// code is what may be logged of an error: Slack's own word for it, or its kind.
func code(err error) string {
	if refused, ok := errors.AsType[slackapi.SlackErrorResponse](err); ok {
		return refused.Err
	}
	if status, ok := errors.AsType[slackapi.StatusCodeError](err); ok {
		return "status " + strconv.Itoa(status.Code)
	}
	if _, network := errors.AsType[*url.Error](err); network {
		return "no answer"
	}
	if err == nil {
		return ""
	}
	return err.Error()
}
