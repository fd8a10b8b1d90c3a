package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/posai-go/posai/shopify"
)

// InstallOptions are the optional settings of an [Installer]. Zero fields are the
// defaults.
type InstallOptions struct {
	// Home is the page of an app that is not embedded, to which the browser goes after
	// the installation, with the parameter shop. If empty the app is embedded, and the
	// browser goes to the app's place in Shopify's admin.
	Home string

	// Online asks for an online token, which is the account's that installs the app.
	// If false, for an offline one.
	Online bool

	// Installed is called when a token with all of [Options.Scopes] is stored, before
	// the browser goes on: to subscribe to webhooks, for example. Its error ends in
	// Fail; the token stays.
	Installed func(ctx context.Context, t *Token) error

	// States sees to it that each callback is taken once. If nil, this process
	// remembers, with a [MemoryReplayGuard]: set it where several processes answer
	// callbacks, to sqlstore's Store.States for instance.
	States StateStore

	// Fail answers a request that failed. If nil, a short text with a fitting status;
	// the reason is in the log.
	Fail func(w http.ResponseWriter, r *http.Request, err error)
}

// Installer installs the app by the authorization code grant. Its two methods are
// handlers; mount them where you like.
//
//	GET /auth?shop=example.myshopify.com   Begin: sends the browser to Shopify
//	GET /auth/callback?code=…              Callback: Shopify sends it back
//
// Source: https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/authorization-code-grant
type Installer struct {
	app      *App
	callback string
	origin   string // of the callback
	secure   bool
	opts     InstallOptions
}

// NewInstaller returns an installer. callback is the URL at which [Installer.Callback]
// is, as the app's configuration at Shopify lists it: https, or http on this
// machine. Nil options are the defaults. The error matches [shopify.ErrInvalid].
func (a *App) NewInstaller(callback string, opts *InstallOptions) (*Installer, error) {
	in := &Installer{app: a, callback: callback}
	if opts != nil {
		in.opts = *opts
	}
	u, err := appURL(callback)
	if err != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("auth: %w: the callback's URL", shopify.ErrInvalid)
	}
	in.origin, in.secure = u.Scheme+"://"+u.Host, u.Scheme == "https"
	if in.opts.Home != "" {
		if _, err := appURL(in.opts.Home); err != nil {
			return nil, fmt.Errorf("auth: %w: InstallOptions.Home", shopify.ErrInvalid)
		}
	}
	if in.opts.States == nil {
		in.opts.States, _ = NewMemoryReplayGuard(0) // never fails
	}
	if in.opts.Fail == nil {
		in.opts.Fail = fail
	}
	return in, nil
}

// appURL parses a URL of the app's own.
func appURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, err
	}
	local := u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback()
	if u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return nil, errors.New("not a URL of an app")
	}
	return u, nil
}

func fail(w http.ResponseWriter, _ *http.Request, err error) {
	switch te, isToken := errors.AsType[*TokenError](err); {
	case errors.Is(err, ErrCallback):
		http.Error(w, "This link is not valid or was used already. Start the installation again.", http.StatusBadRequest)
	case errors.Is(err, shopify.ErrAccessDenied):
		http.Error(w, "The app was not granted the access that it needs. Start the installation again.", http.StatusForbidden)
	case isToken && te.dead():
		http.Error(w, "The authorization was used already or has expired. Start the installation again.", http.StatusBadRequest)
	default:
		http.Error(w, "The installation failed. Try again.", http.StatusBadGateway)
	}
}

func (in *Installer) fail(w http.ResponseWriter, r *http.Request, err error) {
	in.app.opts.Logger.LogAttrs(r.Context(), slog.LevelWarn, "auth: installation failed", slog.Any("error", err))
	in.opts.Fail(w, r, err)
}

func private(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // the URL holds a code
	h.Set("X-Content-Type-Options", "nosniff")
}

// Begin answers a GET request with the parameter shop by sending the browser to
// Shopify, where the merchant approves. If the request is signed the signature must be
// right. Inside of Shopify's admin, where the browser keeps no cookies, it first
// leads out of it.
func (in *Installer) Begin(w http.ResponseWriter, r *http.Request) {
	private(w)
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	if len(r.URL.RawQuery) > maxQuery {
		in.fail(w, r, &CallbackError{Reason: "query"})
		return
	}
	q := r.URL.Query()
	if q.Has("hmac") {
		var err error
		if q, err = in.app.verifyQuery(r.URL.RawQuery); err != nil {
			in.fail(w, r, err)
			return
		}
	}
	shop, err := shopify.ParseDomain(q.Get("shop"))
	if err != nil {
		in.fail(w, r, &CallbackError{Reason: "shop"})
		return
	}
	if q.Get("embedded") == "1" {
		in.leave(w, r, shop)
		return
	}
	state := newState()
	in.bind(w, state, shop)
	ask := url.Values{"client_id": {in.app.clientID}, "redirect_uri": {in.callback}, "state": {state}}
	if len(in.app.opts.Scopes) > 0 {
		ask.Set("scope", strings.Join(in.app.opts.Scopes, ","))
	}
	if in.opts.Online {
		ask.Set("grant_options[]", "per-user")
	}
	to := in.app.shopURL(shop).JoinPath("admin/oauth/authorize")
	to.RawQuery = ask.Encode()
	http.Redirect(w, r, to.String(), http.StatusFound)
}

var leavePage = template.Must(template.New("leave").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Install</title>
<meta name="shopify-api-key" content="{{.ClientID}}">
<script src="https://cdn.shopify.com/shopifycloud/app-bridge.js"></script>
</head>
<body>
<p><a href="{{.URL}}" target="_top">Go on with the installation</a></p>
<script nonce="{{.Nonce}}">open({{.URL}}, "_top");</script>
</body>
</html>
`))

// leave sends a page that has App Bridge open this URL again in the whole window.
func (in *Installer) leave(w http.ResponseWriter, r *http.Request, shop shopify.Domain) {
	path := r.URL.EscapedPath()
	if u, err := url.ParseRequestURI(r.RequestURI); err == nil {
		path = u.EscapedPath() // without what http.StripPrefix took away
	}
	again := in.origin + path + "?" + url.Values{"shop": {string(shop)}}.Encode()
	nonce := rand.Text()
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src https://cdn.shopify.com 'nonce-"+nonce+"'; connect-src https:; frame-ancestors https://"+string(shop)+" https://admin.shopify.com")
	_ = leavePage.Execute(w, map[string]string{"ClientID": in.app.clientID, "URL": again, "Nonce": nonce}) // the browser is gone if that fails
}

// Callback answers the request with which Shopify sends the browser back: it checks
// the signature over the exact query, that the same browser asked for it and that it is the
// first such request, trades the code for a token, stores it, and compares its scopes with
// those that were asked for.
func (in *Installer) Callback(w http.ResponseWriter, r *http.Request) {
	private(w)
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	to, err := in.install(w, r)
	if err != nil {
		in.fail(w, r, err)
		return
	}
	http.Redirect(w, r, to, http.StatusFound)
}

func (in *Installer) install(w http.ResponseWriter, r *http.Request) (string, error) {
	q, err := in.app.verifyQuery(r.URL.RawQuery)
	if err != nil {
		return "", err
	}
	shop, err := shopify.ParseDomain(q.Get("shop"))
	if err != nil {
		return "", &CallbackError{Reason: "shop"}
	}
	to, err := in.next(shop, q.Get("host"))
	if err != nil {
		return "", err
	}
	if q.Get("code") == "" {
		return "", &CallbackError{Reason: "code"}
	}
	switch bound, err := in.bound(w, r, q.Get("state"), shop); {
	case err != nil:
		return "", fmt.Errorf("auth: state: %w", err)
	case !bound:
		return "", &CallbackError{Reason: "state"}
	}
	// The code is used up by now: a browser that goes away must not cost the token.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), in.app.opts.Timeout)
	defer cancel()
	t, err := in.app.exchangeCode(ctx, shop, q.Get("code"), in.opts.Online)
	if err != nil {
		return "", err
	}
	if in.opts.Installed != nil {
		if err := in.opts.Installed(ctx, t); err != nil {
			return "", fmt.Errorf("auth: after the installation: %w", err)
		}
	}
	return to, nil
}

// next is where the browser goes after the installation.
func (in *Installer) next(shop shopify.Domain, host string) (string, error) {
	if in.opts.Home == "" {
		admin, err := adminOf(shop, host)
		if err != nil {
			return "", err
		}
		return "https://" + admin + "/apps/" + url.PathEscape(in.app.clientID), nil
	}
	u, err := appURL(in.opts.Home)
	if err != nil {
		return "", err
	}
	q := u.Query()
	q.Set("shop", string(shop))
	if host != "" {
		q.Set("host", host)
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}
