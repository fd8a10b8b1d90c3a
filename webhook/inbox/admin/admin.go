package admin

import (
	"crypto/sha256"
	_ "embed" // the page and its look
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/posai-go/posai/webhook/inbox"
)

// Viewer is who looks at the page.
type Viewer struct {
	// Name is shown, and logged with what the viewer does.
	Name string

	// MayAct allows to replay and delete.
	MayAct bool

	// MayRead allows to see bodies and error texts, which hold customers'
	// data.
	MayRead bool
}

// Options are the settings of a [Handler]. Nil means the defaults.
type Options struct {
	// Title stands at the top. If empty, "Webhook inbox".
	Title string

	// Logger gets what viewers do at level Info, and failures at level Error.
	// If nil, nothing is logged.
	Logger *slog.Logger

	// Now tells the time. If nil, [time.Now].
	Now func() time.Time
}

// Handler serves the page. It is safe for concurrent use.
type Handler struct {
	box       *inbox.Inbox
	authorize func(*http.Request) (Viewer, error)
	opts      Options
	handler   http.Handler
}

// New returns a handler that shows box to whom authorize knows: it is asked at
// every request, and its error is answered with status 403. To send people to
// a sign-in instead, do that before this handler.
func New(box *inbox.Inbox, authorize func(*http.Request) (Viewer, error), opts *Options) (*Handler, error) {
	if box == nil || authorize == nil {
		return nil, errors.New("admin: a page needs an inbox and somebody to say who may see it")
	}
	h := &Handler{box: box, authorize: authorize}
	if opts != nil {
		h.opts = *opts
	}
	if h.opts.Title == "" {
		h.opts.Title = "Webhook inbox"
	}
	if h.opts.Logger == nil {
		h.opts.Logger = slog.New(slog.DiscardHandler)
	}
	if h.opts.Now == nil {
		h.opts.Now = time.Now
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", h.as(h.list))
	mux.HandleFunc("GET /{id}", h.as(h.detail))
	mux.HandleFunc("POST /{id}/replay", h.as(h.acting(h.replay)))
	mux.HandleFunc("POST /{id}/delete", h.as(h.acting(h.remove)))
	mux.HandleFunc("POST /replay", h.as(h.acting(h.replayAll)))
	h.handler = http.NewCrossOriginProtection().Handler(mux)
	return h, nil
}

// maxForm bounds a form, in bytes.
const maxForm = 16 << 10

// ServeHTTP serves the page.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin")
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	h.handler.ServeHTTP(w, r)
}

// as finds out who looks.
func (h *Handler) as(next func(http.ResponseWriter, *http.Request, Viewer)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		viewer, err := h.authorize(r)
		if err != nil {
			http.Error(w, "You may not see this page.", http.StatusForbidden)
			return
		}
		next(w, r, viewer)
	}
}

// acting keeps out who may only look.
func (h *Handler) acting(next func(http.ResponseWriter, *http.Request, Viewer)) func(http.ResponseWriter, *http.Request, Viewer) {
	return func(w http.ResponseWriter, r *http.Request, v Viewer) {
		if !v.MayAct {
			http.Error(w, "You may not change anything here.", http.StatusForbidden)
			return
		}
		next(w, r, v)
	}
}

func (h *Handler) replay(w http.ResponseWriter, r *http.Request, v Viewer) {
	h.one(w, r, v, "replayed", h.box.Replay)
}

func (h *Handler) remove(w http.ResponseWriter, r *http.Request, v Viewer) {
	h.one(w, r, v, "deleted", h.box.Delete)
}

func (h *Handler) replayAll(w http.ResponseWriter, r *http.Request, v Viewer) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form cannot be read.", http.StatusBadRequest)
		return
	}
	f, err := parseFilter(r.PostForm)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	// Only ever what is shown, and never all that was processed by a slip.
	f.query.State = inbox.Dead
	n, err := h.box.ReplayAll(r.Context(), f.query)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.opts.Logger.InfoContext(r.Context(), "inbox admin: replayed", "by", v.Name, "count", n, "topic", f.query.Topic, "shop", f.query.Shop)
	see(w, "./?did=replayed&n="+strconv.Itoa(n))
}

// see sends the browser to another page, relative to this one as the browser
// knows it: [http.Redirect] would go by the path without the caller's prefix.
func see(w http.ResponseWriter, reference string) {
	w.Header().Set("Location", reference)
	w.WriteHeader(http.StatusSeeOther)
}

func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		h.opts.Logger.ErrorContext(r.Context(), "inbox admin: failed", "error", err.Error())
	}
	http.Error(w, "The inbox does not answer. Try again.", http.StatusServiceUnavailable)
}

//go:embed style.css
var style string

//go:embed page.html
var page string

// policy allows the page's own style, by its digest, and forms to the page
// itself.
var policy = func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
}()

var templates = template.Must(template.New("page").Funcs(template.FuncMap{
	"style": func() template.CSS { return template.CSS(style) }, //nolint:gosec // our own file
	"when":  when,
}).Parse(page))

// render writes a page.
func (h *Handler) render(w http.ResponseWriter, r *http.Request, name string, data any) {
	var b strings.Builder
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		h.fail(w, r, fmt.Errorf("admin: render: %w", err))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(b.String()))
}

// when is a time as people read it.
func when(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}
