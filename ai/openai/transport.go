package openai

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"

	"github.com/openai/openai-go/v3/option"

	"github.com/posai-go/posai/ai"
)

// maxErrorBytes is how much of an error's body is read.
const maxErrorBytes = 64 << 10

// intercept stands between the SDK and the connection. It turns whatever is not
// a reply into an [ai.Error], so that nothing of the SDK's errors, which carry
// request and response, gets out; and it limits and mends the body of a reply.
func (m *Model) intercept(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
	if id := ai.CallID(req.Context()); id != "" {
		// https://platform.openai.com/docs/api-reference/debugging-requests
		req.Header.Set("X-Client-Request-Id", id)
	}
	res, err := next(req)
	if err != nil {
		return nil, transportError(err)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		defer func() { _ = res.Body.Close() }()
		body, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorBytes)) // what came is enough
		return nil, m.statusError(res, body)
	}
	mediaType, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if mediaType == "text/html" {
		_ = res.Body.Close()
		return nil, m.withHeader(&ai.Error{Class: ai.ErrMalformedReply, Detail: "an HTML page"}, res)
	}
	res.Body = &body{
		source: res.Body,
		left:   m.maxResponseBytes,
		stream: mediaType == "text/event-stream",
	}
	return res, nil
}

// transportError describes an error of net/http without the URL in it, which may
// hold a password.
func transportError(err error) *ai.Error {
	e := &ai.Error{Class: ai.ErrTransport, Provider: provider, Err: err}
	if inner, ok := errors.AsType[*url.Error](err); ok {
		e.Err = inner.Err
	}
	if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() {
		// The HTTP client's own limit. Its error matches context.DeadlineExceeded,
		// but it is not the caller's context that has ended.
		return &ai.Error{Class: ai.ErrTimeout, Provider: provider}
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		e.Detail = "host name not resolved"
	} else if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		e.Detail = "no connection to the server"
	}
	return e
}

var byteOrderMark = []byte("\xEF\xBB\xBF")

// A body is the body of a reply. It ends with an error when it is too long or the
// connection breaks. For event streams, it takes away a byte order mark at the
// start and adds the empty line that some servers leave out at the end; the SDK
// would lose the first or the last event.
type body struct {
	source  io.ReadCloser
	left    int64
	stream  bool
	started bool
	pending []byte // to be read before the source
	err     error  // after pending
}

func (b *body) Read(p []byte) (int, error) {
	if b.stream && !b.started {
		b.start()
	}
	if len(b.pending) > 0 {
		n := copy(p, b.pending)
		b.pending = b.pending[n:]
		return n, nil
	}
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.source.Read(p)
	if b.left -= int64(n); b.left < 0 {
		b.err = &ai.Error{
			Class: ai.ErrMalformedReply, Provider: provider, Detail: "larger than Options.MaxResponseBytes",
		}
		return 0, b.err
	}
	b.finish(err)
	if n > 0 {
		return n, nil
	}
	if len(b.pending) > 0 || b.err == nil {
		return 0, nil
	}
	return 0, b.err
}

// start reads the first three bytes to see whether they are a byte order mark.
func (b *body) start() {
	b.started = true
	head := make([]byte, len(byteOrderMark))
	n, err := io.ReadFull(b.source, head)
	if errors.Is(err, io.ErrUnexpectedEOF) && n > 0 {
		err = io.EOF // the body is as short as that, or breaks at once: the SDK finds no event
	}
	b.left -= int64(n)
	b.pending = bytes.TrimPrefix(head[:n], byteOrderMark)
	b.finish(err)
}

func (b *body) finish(err error) {
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		b.err = io.EOF
		if b.stream {
			b.pending = append(b.pending, "\n\n"...)
		}
	default:
		b.err = transportError(fmt.Errorf("reading the reply: %w", err))
	}
}

func (b *body) Close() error { return b.source.Close() }
