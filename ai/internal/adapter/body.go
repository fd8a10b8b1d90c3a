package adapter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

var byteOrderMark = []byte("\xEF\xBB\xBF")

// A body is the body of a reply. It ends with an error when it is too long or the
// connection breaks. For event streams, it takes away a byte order mark at the
// start and adds the empty line that some servers leave out at the end; the SDKs
// would lose the first or the last event.
type body struct {
	guard   *Guard
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
		b.err = b.guard.Malformed("larger than Options.MaxResponseBytes")
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
		b.err = b.guard.Transport(fmt.Errorf("reading the reply: %w", err))
	}
}

func (b *body) Close() error { return b.source.Close() }
