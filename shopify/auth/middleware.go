package auth

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/posai-go/posai/shopify"
)

// Surface is what calls an app's server with session tokens.
type Surface int

// The surfaces.
const (
	// AppBridge is an embedded app's page, or an extension in Shopify's admin: a refusal
	// tells it to try once more with a new session token.
	AppBridge Surface = iota
	// POS is a POS UI extension: it gets a plain 401.
	POS
)

// SessionOptions are the optional settings of [App.Sessions]. Zero fields are the
// defaults.
type SessionOptions struct {
	// Surface says how a request is refused. If zero, [AppBridge].
	Surface Surface

	// Origins are the origins whose scripts may read the answers, such as
	// "https://app.example.com". If nil, any: extensions run under origins that differ
	// from device to device, and nothing but the token in the request says who asks,
	// which no foreign page has. Cookies are never allowed.
	Origins []string

	// Methods are the methods that a preflight allows. If nil, GET, POST, PUT, PATCH
	// and DELETE.
	Methods []string

	// Tokens are the access tokens that the handler needs, [Offline] or [Online] or
	// both: where the store has none that works and has all of [Options.Scopes], the
	// session token is exchanged for one before the handler runs. While the shop grants
	// less the answer is 403, and it is asked again once a second at most. If nil, none
	// are needed.
	Tokens []Access

	// Check is asked last whether the session may go on, for example because a program
	// serves one shop alone. If it fails the request is refused as one without a token.
	Check func(ctx context.Context, s *Session) error

	// Replays lets each session token through once; a second request with it is refused
	// as one without a token. If nil, a token counts until it expires, which is a minute,
	// as Shopify means it: App Bridge and POS UI extensions send one token with several
	// requests.
	//
	// Set it for a handler that does something that must not be done again for whoever
	// got hold of a token (from a log, a proxy), and whose clients fetch a new token
	// for each request. Embedded pages do so by themselves when they are refused. POS UI
	// extensions do not, and may get the same token when they ask for another; there,
	// a key of the request's own is the better way.
	//
	// The token is used up just before the handler runs, so a 503 does not cost it. If
	// the guard fails the answer is 503.
	Replays ReplayGuard
}

type sessionKey struct{}

// SessionFrom returns the session that [App.Sessions] verified.
func SessionFrom(ctx context.Context) (*Session, bool) {
	s, ok := ctx.Value(sessionKey{}).(*Session)
	return s, ok
}

// Sessions lets only requests with a valid session token through to next, where
// [SessionFrom] tells whose it is. The token comes in the header Authorization. A
// preflight (OPTIONS) is answered without one, and every answer says which scripts
// may read it. Nil options are the defaults.
//
// A refusal is 401 and says nothing of the reason; the app's log does, at debug level.
// If Shopify cannot be reached for [SessionOptions.Tokens], or [SessionOptions.Replays]
// fails, the answer is 503.
func (a *App) Sessions(next http.Handler, opts *SessionOptions) http.Handler {
	m := &sessions{app: a, next: next}
	if opts != nil {
		m.opts = *opts
	}
	m.opts.Origins, m.opts.Tokens = slices.Clone(m.opts.Origins), slices.Clone(m.opts.Tokens)
	m.methods = "GET, POST, PUT, PATCH, DELETE"
	if m.opts.Methods != nil {
		m.methods = strings.Join(m.opts.Methods, ", ")
	}
	return m
}

type sessions struct {
	app     *App
	next    http.Handler
	opts    SessionOptions
	methods string
}

func (m *sessions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.allow(w, r)
	if r.Method == http.MethodOptions {
		h := w.Header()
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		h.Set("Access-Control-Allow-Methods", m.methods)
		h.Set("Access-Control-Max-Age", "7200")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s, err := m.verify(r)
	if err == nil {
		err = m.tokens(r.Context(), s)
	}
	guarded := false
	if err == nil && m.opts.Replays != nil {
		guarded, err = true, s.once(r.Context(), m.opts.Replays)
	}
	switch {
	case err == nil:
		m.next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), sessionKey{}, s)))
	case errors.Is(err, ErrSession):
		m.app.opts.Logger.LogAttrs(r.Context(), slog.LevelDebug, "auth: session refused", slog.Any("error", err))
		m.refuse(w)
	case guarded:
		m.app.opts.Logger.LogAttrs(r.Context(), slog.LevelWarn, "auth: session not guarded against replay", slog.Any("error", err))
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "Try again.", http.StatusServiceUnavailable)
	case errors.Is(err, shopify.ErrAccessDenied), errors.Is(err, ErrReauthorize):
		m.app.opts.Logger.LogAttrs(r.Context(), slog.LevelWarn, "auth: no access token for a session", slog.Any("error", err))
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "The app has to be installed again.", http.StatusForbidden)
	default:
		m.app.opts.Logger.LogAttrs(r.Context(), slog.LevelWarn, "auth: no access token for a session", slog.Any("error", err))
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "Shopify cannot be reached. Try again.", http.StatusServiceUnavailable)
	}
}

// allow says which scripts may read the answer.
func (m *sessions) allow(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if m.opts.Origins == nil {
		h.Set("Access-Control-Allow-Origin", "*")
	} else {
		h.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		if !slices.Contains(m.opts.Origins, origin) {
			return
		}
		h.Set("Access-Control-Allow-Origin", origin)
	}
	if m.opts.Surface == AppBridge {
		h.Set("Access-Control-Expose-Headers", retryHeader)
	}
}

// retryHeader asks App Bridge for one more try with a new session token.
const retryHeader = "X-Shopify-Retry-Invalid-Session-Request"

func (m *sessions) refuse(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("WWW-Authenticate", "Bearer")
	if m.opts.Surface == AppBridge {
		h.Set(retryHeader, "1")
	}
	http.Error(w, "A valid session token is required.", http.StatusUnauthorized)
}

func (m *sessions) verify(r *http.Request) (*Session, error) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return nil, &SessionError{Reason: "missing"}
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil, &SessionError{Reason: "missing"}
	}
	s, err := m.app.VerifySession(token)
	if err != nil || m.opts.Check == nil {
		return s, err
	}
	if err := m.opts.Check(r.Context(), s); err != nil {
		return nil, &SessionError{Reason: "refused", cause: err}
	}
	return s, nil
}

// tokens sees to it that the store has the tokens that the handler needs.
func (m *sessions) tokens(ctx context.Context, s *Session) error {
	for _, access := range m.opts.Tokens {
		if err := m.token(ctx, s, access); err != nil {
			return err
		}
	}
	return nil
}

func (m *sessions) token(ctx context.Context, s *Session, access Access) error {
	key := Key{Shop: s.Shop, Access: access}
	if access == Online {
		key.Account, _ = s.AccountID()
	}
	t, err := m.app.source(key).Current(ctx)
	switch {
	case err == nil:
		// The shop may have granted more since the token was issued.
		if err = m.app.enough(t); err == nil || time.Since(t.Issued) < failurePause {
			return err
		}
	case !errors.Is(err, ErrReauthorize):
		return err
	}
	_, err = m.app.Exchange(ctx, s, access)
	return err
}
