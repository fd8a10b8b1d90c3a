package ai

import (
	"context"
	"errors"
	"iter"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Check is a rule for replies, see [Guard]. One of the two functions at least must
// be set. Errors may quote the reply in Match of a [*BlockedError], nowhere else.
type Check struct {
	// Name of the check, such as "known SKUs".
	Name string

	// Piece judges a piece of the text that ends where a sentence or a line does,
	// or with the reply. It also holds the end of what came before, so that a match
	// across the border is found; runes is the length of the whole text so far. A
	// stream with checks of pieces alone is delivered sentence by sentence.
	Piece func(ctx context.Context, text string, runes int) error

	// Whole judges the whole reply. A stream with such a check is delivered at its
	// end.
	Whole func(ctx context.Context, req *Request, resp *Response) error
}

// A BlockedError is a reply that a [Guard] did not let through. It matches
// [ErrBlocked].
type BlockedError struct {
	// Check is the name of the check.
	Check string

	// Match is what the check found in the reply. It is no part of the error's
	// text.
	Match string

	// Err is the check's own error, if it was another one. Its text is no part of
	// the error's.
	Err error
}

// Error names the check.
func (e *BlockedError) Error() string { return ErrBlocked.Error() + ": " + e.Check }

// Unwrap returns [ErrBlocked] and Err.
func (e *BlockedError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrBlocked}
	}
	return []error{ErrBlocked, e.Err}
}

// Guard returns middleware that lets a reply through if it passes all checks; else
// the error is a [*BlockedError]. Of a stream, nothing is delivered that was not
// checked. Refusals are checked like text; reasoning is not, which is not for
// readers, nor are tool calls, whose tools check their arguments. It belongs outside of
// [Redact], where names and numbers are what the reader will see.
func Guard(checks ...Check) Middleware {
	return func(m Model) Model {
		g := &guarded{Model: m, checks: checks}
		for _, c := range checks {
			g.whole = g.whole || c.Whole != nil
		}
		return g
	}
}

// MaxLength returns a check that the text has at most so many characters.
func MaxLength(runes int) Check {
	return Check{Name: "length", Piece: func(_ context.Context, _ string, have int) error {
		if have > runes {
			return &BlockedError{}
		}
		return nil
	}}
}

// Forbid returns a check that the text holds none of the phrases, such as claims
// that a shop must not make. Case, punctuation for emphasis, invisible characters and
// the kind of white space make no difference.
func Forbid(name string, phrases ...string) Check {
	plain := make([]string, len(phrases))
	for i, p := range phrases {
		plain[i] = plainText(p)
	}
	return Check{Name: name, Piece: func(_ context.Context, text string, _ int) error {
		text = plainText(text)
		for _, p := range plain {
			for i := 0; p != ""; {
				at := strings.Index(text[i:], p)
				if at < 0 {
					break
				}
				i += at
				if !wordBefore(text, i) && !wordAfter(text, i+len(p)) {
					return &BlockedError{Match: p}
				}
				i += len(p)
			}
		}
		return nil
	}}
}

// plainText is a text without what hides its words from a comparison.
func plainText(text string) string {
	var b strings.Builder
	b.Grow(len(text) + 8)
	space := false
	for _, r := range text {
		switch {
		case r == '*' || r == '_' || r == '`' || r == '~' || r >= 0x80 && strings.ContainsRune("\u00ad\u200b\u200c\u200d\u2060\ufeff", r):
			continue
		case r == ' ' || '\t' <= r && r <= '\r' || r == '\u00a0' || r == '\u202f':
			space = b.Len() > 0
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		switch {
		case 'A' <= r && r <= 'Z':
			b.WriteByte(byte(r) | 0x20)
		case r < 0x80:
			b.WriteByte(byte(r))
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// OnlyKnown returns a check that everything in the text that matches the pattern is
// known, such as SKUs or prices, so that none can be invented. If the pattern has a
// group, the first one is what must be known. No match may have a space in it that
// ends a sentence.
func OnlyKnown(name string, pattern *regexp.Regexp, known func(ctx context.Context, id string) (bool, error)) Check {
	return Check{Name: name, Piece: func(ctx context.Context, text string, _ int) error {
		for _, id := range matches(pattern, text) {
			ok, err := known(ctx, id)
			if err != nil || !ok {
				return &BlockedError{Match: id, Err: err}
			}
		}
		return nil
	}}
}

// MustCite returns a check that the text cites a source at least once, by something
// that matches the pattern, and none that is not known. If the pattern has a group, the
// first one is the source's ID.
func MustCite(pattern *regexp.Regexp, known func(ctx context.Context, id string) (bool, error)) Check {
	return Check{Name: "citation", Whole: func(ctx context.Context, _ *Request, resp *Response) error {
		text := resp.Text()
		if text == "" && len(resp.ToolCalls()) > 0 {
			return nil // not an answer yet
		}
		ids := matches(pattern, text)
		if len(ids) == 0 {
			return &BlockedError{}
		}
		for _, id := range ids {
			ok, err := known(ctx, id)
			if err != nil || !ok {
				return &BlockedError{Match: id, Err: err}
			}
		}
		return nil
	}}
}

// matches returns the first group of every match, or the match.
func matches(pattern *regexp.Regexp, text string) []string {
	var ids []string
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		if len(m) > 1 {
			ids = append(ids, m[1])
		} else {
			ids = append(ids, m[0])
		}
	}
	return ids
}

type guarded struct {
	Model
	checks []Check
	whole  bool // there is a check of the whole reply
}

// Generate implements [Model].
func (g *guarded) Generate(ctx context.Context, req *Request) (*Response, error) {
	resp, err := g.Model.Generate(ctx, req)
	if err != nil {
		return nil, err
	}
	if err := g.check(ctx, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// check judges a whole reply.
func (g *guarded) check(ctx context.Context, req *Request, resp *Response) error {
	for _, text := range []string{resp.Text(), resp.Refusal} {
		if err := g.piece(ctx, text, utf8.RuneCountInString(text)); err != nil {
			return err
		}
	}
	for _, c := range g.checks {
		if c.Whole == nil {
			continue
		}
		if err := c.Whole(ctx, req, resp); err != nil {
			return blocked(c.Name, err)
		}
	}
	return nil
}

func (g *guarded) piece(ctx context.Context, text string, runes int) error {
	if text == "" {
		return nil
	}
	for _, c := range g.checks {
		if c.Piece == nil {
			continue
		}
		if err := c.Piece(ctx, text, runes); err != nil {
			return blocked(c.Name, err)
		}
	}
	return nil
}

func blocked(name string, err error) error {
	if b, ok := errors.AsType[*BlockedError](err); ok {
		return &BlockedError{Check: name, Match: b.Match, Err: b.Err}
	}
	return &BlockedError{Check: name, Err: err}
}

// Stream implements [Model].
func (g *guarded) Stream(ctx context.Context, req *Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		s := guardedStream{guarded: g, yield: yield}
		for ev, err := range g.Model.Stream(ctx, req) {
			if err != nil {
				if partial, ok := errors.AsType[*PartialError](err); ok && s.whole {
					err = partial.Err // nothing was delivered, and what came was not checked
				}
				if s.release(ctx, len(s.pending)) {
					yield(nil, err)
				}
				return
			}
			if !s.event(ctx, req, ev) {
				return
			}
		}
	}
}

const (
	// guardOverlap is how much of the text before a piece is judged with it, in
	// bytes.
	guardOverlap = 256

	// guardPending is how much text without the end of a sentence is held back.
	guardPending = 8 << 10
)

// A guardedStream holds text back until it is checked.
type guardedStream struct {
	*guarded
	yield     func(Event, error) bool
	pending   string // text that was not delivered
	scanned   int    // of pending, for a border
	before    string // the end of what was delivered
	runes     int    // that were delivered
	delivered strings.Builder
	held      []Event // of a reply that is judged as a whole
}

// event returns false when the stream is over.
func (s *guardedStream) event(ctx context.Context, req *Request, ev Event) bool {
	switch ev := ev.(type) {
	case Done:
		if err := s.check(ctx, req, ev.Response); err != nil {
			s.fail(err)
			return false
		}
		for _, held := range s.held {
			if !s.yield(held, nil) {
				return false
			}
		}
		return s.release(ctx, len(s.pending)) && s.yield(ev, nil)
	case TextDelta:
		if s.whole {
			break
		}
		s.pending += ev.Text
		border := lastBorder(s.pending, s.scanned)
		if border == 0 && len(s.pending) > guardPending {
			border = strings.LastIndexByte(s.pending, ' ') + 1
			if border == 0 {
				border = len(s.pending)
			}
		}
		if border == 0 {
			s.scanned = max(len(s.pending)-1, 0)
			return true
		}
		return s.release(ctx, border)
	}
	if s.whole {
		s.held = append(s.held, ev)
		return true
	}
	return s.yield(ev, nil)
}

// release checks the first n bytes of what is pending and delivers them.
func (s *guardedStream) release(ctx context.Context, n int) bool {
	if n == 0 {
		return true
	}
	piece := s.pending[:n]
	s.pending, s.scanned = s.pending[n:], 0
	s.runes += utf8.RuneCountInString(piece)
	window := s.before + piece
	if err := s.piece(ctx, window, s.runes); err != nil {
		s.fail(err)
		return false
	}
	if s.before = window; len(window) > guardOverlap {
		_, s.before, _ = strings.Cut(window[len(window)-guardOverlap:], " ") // not half a word
	}
	s.delivered.WriteString(piece)
	return s.yield(TextDelta{Text: piece}, nil)
}

// fail yields the error, with what had been delivered.
func (s *guardedStream) fail(err error) {
	if s.delivered.Len() > 0 {
		err = &PartialError{Err: err, Response: &Response{
			Message: Assistant(s.delivered.String()), StopReason: StopUnknown, Usage: Usage{Missing: true},
		}}
	}
	s.yield(nil, err)
}

// lastBorder returns the end of the last sentence or line in a text, or 0. What is
// before from was looked at.
func lastBorder(text string, from int) int {
	for i := len(text) - 1; i >= from; i-- {
		switch text[i] {
		case '\n':
			return i + 1
		case ' ':
			if i > 0 && strings.IndexByte(".!?", text[i-1]) >= 0 {
				return i + 1
			}
		}
	}
	return 0
}
