package aitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/posai-go/posai/ai"
)

// maxRecorded is the largest body that is recorded, in bytes.
const maxRecorded = 32 << 20

// recordedHeaders are the headers of a response that adapters read. Of requests,
// none is recorded: they hold the keys.
var recordedHeaders = []string{
	"Content-Type", "Retry-After", "Retry-After-Ms", "X-Should-Retry", "X-Request-Id", "Request-Id",
}

// RecordOptions are the options of [NewRecorder] and [Replay]. The zero value is
// the default. A recording is replayed with those that it was made with.
type RecordOptions struct {
	// Transport makes the requests of a recorder. If nil, [http.DefaultTransport].
	Transport http.RoundTripper

	// Secrets are replaced wherever they are, such as the API key if the provider
	// might send it back.
	Secrets []string

	// Vault returns the vault that hides the personal data of one request and its
	// reply; tell it what you know. If nil, [ai.NewVault]: patterns alone.
	Vault func() *ai.Vault
}

// An exchange is a request and its reply.
type exchange struct {
	Method   string      `json:"method"`
	URL      string      `json:"url"` // without user and query, but for "alt"
	Request  string      `json:"request"`
	Status   int         `json:"status"`
	Header   http.Header `json:"header"`
	Response string      `json:"response"`

	// Cut: the connection broke after Response.
	Cut bool `json:"cut,omitempty"`
}

type recording struct {
	Version   int         `json:"version"`
	Exchanges []*exchange `json:"exchanges"`
}

// A Recorder is a transport that keeps what a program and a provider of models
// say to one another, for [Replay]:
//
//	recorder := aitest.NewRecorder(&aitest.RecordOptions{Secrets: []string{key}})
//	model, err := openai.New(key, "gpt-5-mini", &openai.Options{HTTPClient: &http.Client{Transport: recorder}})
//	…
//	err = recorder.WriteFile("testdata/thanks.json")
//
// No header of a request is kept, and of a reply only what adapters read. Secrets
// and personal data are replaced in both bodies. It is safe for concurrent use.
type Recorder struct {
	opts RecordOptions

	mu        sync.Mutex
	exchanges []*exchange
	err       error // why there can be no file
}

// NewRecorder returns a recorder.
func NewRecorder(opts *RecordOptions) *Recorder {
	r := &Recorder{}
	if opts != nil {
		r.opts = *opts
	}
	if r.opts.Transport == nil {
		r.opts.Transport = http.DefaultTransport
	}
	return r
}

// RoundTrip implements [http.RoundTripper]. The exchange is kept when the body of
// the reply has been read to its end or closed.
func (r *Recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := takeBody(req)
	if err != nil {
		return nil, err
	}
	again := req.Clone(req.Context())
	again.Body = io.NopCloser(bytes.NewReader(body))
	again.GetBody = nil
	res, err := r.opts.Transport.RoundTrip(again)
	if err != nil {
		return nil, err
	}
	clean := r.opts.cleaner()
	e := &exchange{
		Method: req.Method, URL: r.opts.address(req), Request: clean(string(body)), Status: res.StatusCode, Header: http.Header{},
	}
	for _, name := range recordedHeaders {
		for _, value := range res.Header.Values(name) {
			e.Header.Add(name, clean(value))
		}
	}
	r.mu.Lock()
	r.exchanges = append(r.exchanges, e)
	r.mu.Unlock()
	res.Body = &recordedBody{ReadCloser: res.Body, finish: func(text []byte, whole bool) {
		r.finish(e, clean(string(text)), whole)
	}}
	return res, nil
}

// finish keeps the body of a reply.
func (r *Recorder) finish(e *exchange, text string, whole bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.Response, e.Cut = text, !whole
	switch {
	case len(text) > maxRecorded:
		r.err = errors.New("aitest: a reply is too large to be recorded")
	case splitPersonalData(text, r.opts.vault()):
		r.err = errors.New("aitest: personal data is split between the events of a stream: " +
			"tell RecordOptions.Vault less, or put ai.Redact around the model, or use invented people")
	}
}

// WriteFile writes what was recorded. It fails, and writes nothing, if personal
// data could not be removed.
func (r *Recorder) WriteFile(path string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(recording{Version: 1, Exchanges: r.exchanges}); err != nil {
		return fmt.Errorf("aitest: %w", err)
	}
	return os.WriteFile(path, out.Bytes(), 0o600)
}

// Replay returns a transport that answers from a file of [Recorder.WriteFile], to
// the byte and without a network. A request must equal a recorded one in method,
// address and body, after the same replacements; equal ones are answered in the
// order in which they were recorded, each once. Any other request is an error. At
// the end of the test, an exchange that was not used fails it.
func Replay(t testing.TB, path string, opts *RecordOptions) http.RoundTripper {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("aitest: %v", err)
	}
	var rec recording
	if err := json.Unmarshal(data, &rec); err != nil {
		t.Fatalf("aitest: %s is not a recording: %v", path, err)
	}
	if rec.Version != 1 {
		t.Fatalf("aitest: %s is a recording of version %d, not 1", path, rec.Version)
	}
	p := &player{exchanges: rec.Exchanges}
	if opts != nil {
		p.opts = *opts
	}
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if n := len(p.exchanges); n > 0 && !t.Failed() {
			t.Errorf("aitest: %d of the exchanges in %s were not used", n, path)
		}
	})
	return p
}

// A player is the transport of [Replay].
type player struct {
	opts RecordOptions

	mu        sync.Mutex
	exchanges []*exchange // not yet used
}

// RoundTrip implements [http.RoundTripper].
func (p *player) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := takeBody(req)
	if err != nil {
		return nil, err
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	address, text := p.opts.address(req), p.opts.cleaner()(string(body))
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.IndexFunc(p.exchanges, func(e *exchange) bool {
		return e.Method == req.Method && e.URL == address && e.Request == text
	})
	if at < 0 {
		return nil, fmt.Errorf("aitest: no recorded exchange is like this %s %s", req.Method, address)
	}
	e := p.exchanges[at]
	p.exchanges = slices.Delete(p.exchanges, at, at+1)
	var reply io.Reader = strings.NewReader(e.Response)
	if e.Cut {
		reply = io.MultiReader(reply, broken{})
	}
	return &http.Response{
		StatusCode: e.Status, Status: http.StatusText(e.Status), Header: e.Header.Clone(), Body: io.NopCloser(reply),
		ContentLength: -1, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
	}, nil
}

// broken is a connection that has broken.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// takeBody reads and closes the body of a request.
func takeBody(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	defer func() { _ = req.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(req.Body, maxRecorded+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxRecorded {
		return nil, errors.New("aitest: a request is too large to be recorded")
	}
	return body, nil
}

// A recordedBody keeps what is read.
type recordedBody struct {
	io.ReadCloser
	text   bytes.Buffer
	finish func(text []byte, whole bool)
	once   sync.Once
}

func (b *recordedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.text.Len() <= maxRecorded {
		b.text.Write(p[:n])
	}
	if err != nil {
		b.once.Do(func() { b.finish(b.text.Bytes(), errors.Is(err, io.EOF)) })
	}
	return n, err
}

// Close keeps the rest of a reply that the reader did not want as cut off.
func (b *recordedBody) Close() error {
	b.once.Do(func() { b.finish(b.text.Bytes(), false) })
	return b.ReadCloser.Close()
}
