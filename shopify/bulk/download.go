package bulk

import (
	"compress/gzip"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// trusted reports why an address is not one to get files from or send files to:
// it must be https, or the shop's own, which in tests is a simulated one.
func (r *Runner) trusted(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return fmt.Errorf("bulk: %w", ErrUntrusted)
	}
	if u.Scheme != "https" && (u.Scheme != r.base.Scheme || u.Host != r.base.Host) {
		return fmt.Errorf("bulk: %w: %s://%s", ErrUntrusted, u.Scheme, u.Host)
	}
	return nil
}

const maxRedirects = 3

func (r *Runner) checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errors.New("bulk: too many redirects")
	}
	req.Header.Del("Referer") // it would hold the signature of the address
	return r.trusted(req.URL.String())
}

// A download reads a file over HTTP. When the connection breaks off it goes on
// where it was, as long as the file is the same.
type download struct {
	runner   *Runner
	ctx      context.Context //nolint:containedctx // the life of the reading
	address  string
	again    func(context.Context) (string, error) // the address, asked for anew
	progress func(read int64)

	body    io.ReadCloser
	cancel  context.CancelCauseFunc // of the request
	offset  int64
	total   int64 // -1 if the host did not say
	etag    string
	gzipped bool
	failed  int // attempts without progress
	told    int64
	renewed bool
}

func (r *Runner) download(ctx context.Context, address string, again func(context.Context) (string, error)) *download {
	return &download{runner: r, ctx: ctx, address: address, again: again, total: -1}
}

const (
	// maxAttempts without a byte of progress.
	maxAttempts = 8
	firstPause  = 200 * time.Millisecond
	longPause   = 5 * time.Second
	// tellEach is how many bytes pass between two reports of progress.
	tellEach = 1 << 20
)

var errStalled = errors.New("the storage host is silent")

// plain starts the download and returns the file without compression.
func (d *download) plain() (io.Reader, error) {
	if err := d.open(); err != nil {
		return nil, err
	}
	if !d.gzipped {
		return d, nil
	}
	z, err := gzip.NewReader(d)
	if err != nil {
		return nil, fmt.Errorf("bulk: %w: %w", ErrMalformed, err)
	}
	return z, nil
}

// Close ends the download.
func (d *download) Close() {
	if d.body != nil {
		d.cancel(nil)
		_ = d.body.Close()
		d.body = nil
	}
}

// Read returns bytes as they were sent.
func (d *download) Read(b []byte) (int, error) {
	for {
		if d.body == nil {
			if d.total >= 0 && d.offset == d.total {
				return 0, io.EOF
			}
			if err := d.open(); err != nil {
				return 0, err
			}
		}
		n, err := d.read(d.body, b)
		d.offset += int64(n)
		if n > 0 {
			d.failed = 0
			if d.total >= 0 && d.offset > d.total {
				return 0, fmt.Errorf("bulk: %w: it is longer than announced", ErrChanged)
			}
			if d.progress != nil && d.offset-d.told >= tellEach {
				d.told = d.offset
				d.progress(d.offset)
			}
			return n, nil
		}
		switch {
		case err == nil:
			continue
		case errors.Is(err, io.EOF) && (d.total < 0 || d.offset == d.total):
			if d.progress != nil && d.told != d.offset {
				d.told = d.offset
				d.progress(d.offset)
			}
			return 0, io.EOF
		}
		d.Close()
		if err := d.rest(err, 0); err != nil {
			return 0, err
		}
	}
}

// read reads from an answer, which may not be silent for long.
func (d *download) read(body io.Reader, b []byte) (int, error) {
	stall := time.AfterFunc(d.runner.opts.StallTimeout, func() { d.cancel(errStalled) })
	defer stall.Stop()
	return body.Read(b)
}

// skip reads what has been read before.
func (d *download) skip(body io.Reader) error {
	buf := make([]byte, 32<<10)
	for left := d.offset; left > 0; {
		n, err := d.read(body, buf[:min(left, int64(len(buf)))])
		if left -= int64(n); err != nil && left > 0 {
			return err
		}
	}
	return nil
}

// rest waits before the next attempt, or says that there is none.
func (d *download) rest(err error, atLeast time.Duration) error {
	if d.ctx.Err() != nil {
		return fmt.Errorf("bulk: download: %w", context.Cause(d.ctx))
	}
	if d.failed++; d.failed >= maxAttempts {
		if errors.Is(err, ErrStorage) {
			return err
		}
		return fmt.Errorf("bulk: download: %w: %w", ErrStorage, withoutURL(err))
	}
	if err := pause(d.ctx, max(d.runner.backoff(d.failed-1), atLeast), nil); err != nil {
		return fmt.Errorf("bulk: download: %w", err)
	}
	return nil
}

// backoff is how long to wait after so many failures beside the first. It is no
// longer than a look at an operation would wait.
func (r *Runner) backoff(failures int) time.Duration {
	return min(min(firstPause, r.opts.MinPoll)<<failures, longPause)
}

// withoutURL takes the signed address out of an error of net/http.
func withoutURL(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		return ue.Err
	}
	return err
}

// open asks for the rest of the file until an answer comes.
func (d *download) open() error {
	for {
		resp, err := d.request()
		if err != nil {
			if errors.Is(err, ErrUntrusted) {
				return withoutURL(err)
			}
			if err := d.rest(err, 0); err != nil {
				return err
			}
			continue
		}
		err = d.accept(resp)
		if err == nil {
			d.body = resp.Body
			return nil
		}
		retry := retryAfter(resp)
		d.cancel(nil)
		_ = resp.Body.Close()
		se, ok := errors.AsType[*StorageError](err)
		switch {
		case !ok:
			return err
		case se.expired && !d.renewed && d.again != nil:
			d.renewed = true
			address, err := d.again(d.ctx)
			if err != nil {
				return err
			}
			if address == "" || address == d.address {
				return se
			}
			d.address = address
		case se.Status == http.StatusTooManyRequests || se.Status == http.StatusRequestTimeout || se.Status >= 500:
			if err := d.rest(se, retry); err != nil {
				return err
			}
		default:
			return se
		}
	}
}

func (d *download) request() (*http.Response, error) {
	if err := d.runner.trusted(d.address); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(d.ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.address, nil)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	// Asked for by name, so that ranges count the bytes that are sent.
	req.Header.Set("Accept-Encoding", "gzip")
	if d.offset > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(d.offset, 10)+"-")
		if d.etag != "" {
			req.Header.Set("If-Range", d.etag)
		}
	}
	stall := time.AfterFunc(d.runner.opts.StallTimeout, func() { cancel(errStalled) })
	resp, err := d.runner.http.Do(req)
	if !stall.Stop() && err == nil {
		_ = resp.Body.Close()
		err = errStalled
	}
	if err != nil {
		cancel(nil)
		return nil, err
	}
	d.cancel = cancel
	return resp, nil
}

// accept checks that an answer is the file, or the rest of it.
func (d *download) accept(resp *http.Response) error {
	etag := resp.Header.Get("ETag")
	if strings.HasPrefix(etag, "W/") {
		etag = "" // a weak one does not promise equal bytes
	}
	gzipped := strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip")
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusPartialContent {
		return storageError(resp)
	}
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && !gzipped && !strings.EqualFold(enc, "identity") {
		return fmt.Errorf("bulk: %w: unknown compression", ErrMalformed)
	}
	if d.offset == 0 && resp.StatusCode == http.StatusOK {
		d.etag, d.total, d.gzipped = etag, resp.ContentLength, gzipped
		return nil
	}
	if gzipped != d.gzipped || etag != d.etag {
		return fmt.Errorf("bulk: %w", ErrChanged)
	}
	if resp.StatusCode == http.StatusPartialContent {
		start, total, ok := contentRange(resp.Header.Get("Content-Range"))
		if !ok || start != d.offset || total >= 0 && d.total >= 0 && total != d.total {
			return fmt.Errorf("bulk: %w", ErrChanged)
		}
		return nil
	}
	// The whole file once more: the host does not know ranges.
	if d.etag == "" || resp.ContentLength >= 0 && d.total >= 0 && resp.ContentLength != d.total {
		return fmt.Errorf("bulk: %w", ErrChanged)
	}
	if err := d.skip(resp.Body); err != nil {
		return &StorageError{Status: http.StatusServiceUnavailable} // cut again: try again
	}
	return nil
}

// contentRange reads "bytes 5-9/10"; the total is -1 if it is "*".
func contentRange(s string) (start, total int64, ok bool) {
	s, ok = strings.CutPrefix(s, "bytes ")
	if !ok {
		return 0, 0, false
	}
	span, size, ok := strings.Cut(s, "/")
	first, _, dash := strings.Cut(span, "-")
	if !ok || !dash {
		return 0, 0, false
	}
	start, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return 0, 0, false
	}
	if size == "*" {
		return start, -1, true
	}
	total, err = strconv.ParseInt(size, 10, 64)
	return start, total, err == nil
}

// storageError reads an answer that is no file. Google's and Amazon's stores
// write XML with a Code.
func storageError(resp *http.Response) *StorageError {
	e := &StorageError{Status: resp.StatusCode}
	var body struct{ Code string }
	if xml.NewDecoder(io.LimitReader(resp.Body, 16<<10)).Decode(&body) == nil && len(body.Code) <= 64 {
		e.Code = body.Code
	}
	switch resp.StatusCode {
	case http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		e.expired = true
	case http.StatusBadRequest:
		e.expired = e.Code == "ExpiredToken"
	}
	return e
}

// retryAfter reads seconds; dates are left alone.
func retryAfter(resp *http.Response) time.Duration {
	n, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return min(time.Duration(n)*time.Second, time.Minute)
}

// isNetwork reports a failure on the way.
func isNetwork(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}
