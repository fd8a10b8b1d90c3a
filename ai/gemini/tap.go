package gemini

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/posai-go/posai/ai/internal/adapter"
)

// emptyReply is what the SDK gets to read in the place of every reply: it panics
// when a reply is not in the form that it expects.
const emptyReply = "{}"

// A tap keeps what the server sent, for this package to read in the SDK's place.
// One call has one tap; the SDK reads on the goroutine of the call.
type tap struct {
	replies [][]byte // a whole body, or the data of the events that the SDK has not yet returned
	err     error    // the reason why a stream ended, if it is not its end
}

type tapKey struct{}

func (t *tap) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, tapKey{}, t)
}

// next returns the oldest reply that was not yet returned.
func (t *tap) next() ([]byte, bool) {
	if len(t.replies) == 0 {
		return nil, false
	}
	raw := t.replies[0]
	t.replies = t.replies[1:]
	return raw, true
}

// A tapTransport guards the connection and fills the tap of the request's context.
type tapTransport struct {
	guard *adapter.Guard
	next  http.RoundTripper // nil: the default
}

func (t *tapTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	next := t.next
	if next == nil {
		next = http.DefaultTransport
	}
	res, err := t.guard.Check(next.RoundTrip(req))
	if err != nil {
		return nil, err
	}
	taps, ok := req.Context().Value(tapKey{}).(*tap)
	if !ok {
		return res, nil
	}
	if mediaType, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); mediaType == "text/event-stream" {
		res.Body = &eventBody{tap: taps, source: res.Body, lines: bufio.NewReader(res.Body)}
		return res, nil
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		return nil, err
	}
	taps.replies = [][]byte{body}
	res.Body = io.NopCloser(strings.NewReader(emptyReply))
	return res, nil
}

// An eventBody is a stream of events, of which the SDK sees their number alone. An
// error of the connection goes to the tap instead of the SDK, which would log it.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
type eventBody struct {
	tap    *tap
	source io.ReadCloser
	lines  *bufio.Reader
	data   []byte // of the event that is being read
	out    []byte // for the SDK
	ended  bool
}

func (b *eventBody) Read(p []byte) (int, error) {
	for len(b.out) == 0 && !b.ended {
		line, err := b.lines.ReadBytes('\n')
		b.line(bytes.TrimRight(line, "\r\n"))
		if err != nil {
			b.ended = true
			if !errors.Is(err, io.EOF) {
				b.tap.err = err
			}
		}
	}
	if len(b.out) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.out)
	b.out = b.out[n:]
	return n, nil
}

func (b *eventBody) line(line []byte) {
	if len(line) == 0 {
		if len(b.data) > 0 {
			b.tap.replies = append(b.tap.replies, b.data)
			b.out = append(b.out, "data: "+emptyReply+"\n\n"...)
			b.data = nil
		}
		return
	}
	field, value, _ := bytes.Cut(line, []byte(":"))
	if string(field) != "data" {
		return // a comment, or a field that says nothing here
	}
	if len(b.data) > 0 {
		b.data = append(b.data, ' ') // a line break between tokens of JSON
	}
	b.data = append(b.data, bytes.TrimPrefix(value, []byte(" "))...)
}

func (b *eventBody) Close() error { return b.source.Close() }
