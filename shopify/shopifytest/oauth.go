package shopifytest

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// OAuth are the settings of the token endpoints: how the app is known to Shopify,
// and what its tokens are like. Zero fields are the defaults.
type OAuth struct {
	// ClientID is the app's client ID. If empty, a random one.
	ClientID string

	// OldSecret is the client secret before the last rotation. Clients may still use
	// it. If empty, there is none.
	OldSecret string

	// RedirectURLs are where the authorization code may be sent. If nil, any https
	// URL, and any http URL of this machine.
	RedirectURLs []string

	// Grant is what the merchant grants of the access scopes that the app asks for. If
	// nil, all.
	Grant []string

	// AccessLifetime is how long an expiring offline token lives. If zero, an hour.
	AccessLifetime time.Duration

	// RefreshLifetime is how long a refresh token lives. If zero, 90 days.
	RefreshLifetime time.Duration

	// RetryLifetime is how long a refresh token that was used already may be used again,
	// unless its replacement was used meanwhile. If zero, 30 days.
	RetryLifetime time.Duration

	// OnlineLifetime and ClientLifetime are how long online tokens and those of the
	// client credentials grant live. If zero, 24 hours.
	OnlineLifetime, ClientLifetime time.Duration

	// RequireExpiring refuses requests with offline tokens that do not expire, as
	// Shopify does with those of public apps. [Options.Token] is not affected.
	RequireExpiring bool
}

func (o *OAuth) complete() {
	o.ClientID = cmp.Or(o.ClientID, randomHex(16))
	o.AccessLifetime = cmp.Or(o.AccessLifetime, time.Hour)
	o.RefreshLifetime = cmp.Or(o.RefreshLifetime, 90*24*time.Hour)
	o.RetryLifetime = cmp.Or(o.RetryLifetime, 30*24*time.Hour)
	o.OnlineLifetime = cmp.Or(o.OnlineLifetime, 24*time.Hour)
	o.ClientLifetime = cmp.Or(o.ClientLifetime, 24*time.Hour)
	o.RedirectURLs, o.Grant = slices.Clone(o.RedirectURLs), slices.Clone(o.Grant)
}

// tokenKind is what an access token was got for.
type tokenKind string

const (
	kindOffline  tokenKind = "offline"
	kindExpiring tokenKind = "expiring offline"
	kindOnline   tokenKind = "online"
	kindClient   tokenKind = "client credentials"
)

// accessToken is an access token that was issued.
type accessToken struct {
	kind    tokenKind
	scopes  []string  // nil: all
	expires time.Time // zero: never
}

// refreshToken is a refresh token that was issued.
type refreshToken struct {
	text    string
	scopes  []string
	expires time.Time
	used    time.Time // for the first time; zero if it was not
}

// authorizationCode waits to be exchanged.
type authorizationCode struct {
	redirectURI string
	scopes      []string
	user        int64 // not 0: for an online token
	expires     time.Time
}

// oauthAPI is where tokens come from. It is safe for concurrent use.
type oauthAPI struct {
	cfg     OAuth
	secret  string
	token   string   // that never expires, of Options
	scopes  []string // of the app's configuration, with which it is installed at first; nil: all
	domain  string
	now     func() time.Time
	granted func(scopes []string)    // tells what the installation has
	user    func(id int64) StaffData // who has logged in

	faults faults

	mu          sync.Mutex
	codes       map[string]*authorizationCode
	access      map[string]*accessToken
	refresh     map[string]*refreshToken
	current     []string // the scopes that the shop granted last; nil: all
	uninstalled bool
	issued      int
	inFlight    int
	requests    []TokenRequest
}

func newOAuthAPI(o *Options, domain string) *oauthAPI {
	return &oauthAPI{
		cfg: o.OAuth, secret: o.Secret, token: o.Token, scopes: o.Scopes, current: o.Scopes, domain: domain, now: o.Now,
		codes: map[string]*authorizationCode{}, access: map[string]*accessToken{}, refresh: map[string]*refreshToken{},
	}
}

func (a *oauthAPI) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /admin/oauth/authorize", a.authorize)
	mux.HandleFunc("POST /admin/oauth/access_token", a.accessToken)
	mux.HandleFunc("/admin/oauth/", func(w http.ResponseWriter, _ *http.Request) {
		oauthPage(w, http.StatusNotFound, "Not Found")
	})
}

var unknownToken = &badRequest{http.StatusUnauthorized, "[API] Invalid API key or access token (unrecognized login or wrong password)"}

// authenticate tells the access scopes of a token (nil: all), or how a request with
// it is refused.
func (a *oauthAPI) authenticate(token string) ([]string, *badRequest) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if token == a.token && !a.uninstalled {
		return a.scopes, nil
	}
	t, ok := a.access[token]
	switch {
	case !ok, !t.expires.IsZero() && !a.now().Before(t.expires):
		return nil, unknownToken
	case t.kind == kindOffline && a.cfg.RequireExpiring:
		return nil, &badRequest{http.StatusForbidden, "[API] Non-expiring access tokens are no longer accepted for the Admin API. Start using expiring offline tokens: " + expiringDocumentation}
	}
	return t.scopes, nil
}

// online tells whether the token belongs to an account that has logged in.
func (a *oauthAPI) online(token string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, ok := a.access[token]
	return ok && t.kind == kindOnline
}

const expiringDocumentation = "https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/offline-access-tokens"

// credentials reports whether the secret is the app's.
func (a *oauthAPI) credentials(secret string) bool {
	return secret != "" && (secret == a.secret || secret == a.cfg.OldSecret)
}

// grantable is what the merchant grants of the scopes that are asked for: the
// app's configuration if none are. A write scope includes the read scope, which is
// not listed then, as Shopify does not.
func (a *oauthAPI) grantable(asked []string) []string {
	if len(asked) == 0 {
		return a.scopes
	}
	var out []string
	for _, scope := range asked {
		if a.cfg.Grant != nil && !slices.Contains(a.cfg.Grant, scope) {
			continue
		}
		read, isRead := strings.CutPrefix(scope, "read_")
		if isRead && slices.Contains(asked, "write_"+read) && (a.cfg.Grant == nil || slices.Contains(a.cfg.Grant, "write_"+read)) {
			continue
		}
		if !slices.Contains(out, scope) {
			out = append(out, scope)
		}
	}
	if out == nil {
		out = []string{} // nil is all
	}
	return out
}

// issueOffline gives a new expiring offline token, which ends those before it. The
// lock is held.
func (a *oauthAPI) issueOffline(scopes []string, parent *refreshToken) (string, *refreshToken) {
	now := a.now()
	maps.DeleteFunc(a.access, func(_ string, t *accessToken) bool { return t.kind == kindExpiring })
	// Of the refresh tokens, only the one that is being replaced may be used again.
	maps.DeleteFunc(a.refresh, func(_ string, r *refreshToken) bool { return r != parent })
	r := &refreshToken{text: "shprt_" + randomHex(16), scopes: scopes, expires: now.Add(a.cfg.RefreshLifetime)}
	a.refresh[r.text] = r
	a.issued++
	token := "shpat_" + randomHex(16)
	a.access[token] = &accessToken{kind: kindExpiring, scopes: scopes, expires: now.Add(a.cfg.AccessLifetime)}
	return token, r
}

// issue gives a token of another kind. The lock is held.
func (a *oauthAPI) issue(kind tokenKind, scopes []string, lifetime time.Duration) string {
	prefix := map[tokenKind]string{kindOffline: "shpat_", kindOnline: "shpua_", kindClient: "shpat_"}[kind]
	token := prefix + randomHex(16)
	t := &accessToken{kind: kind, scopes: scopes}
	if lifetime > 0 {
		t.expires = a.now().Add(lifetime)
	}
	a.access[token] = t
	a.issued++
	return token
}

// forget ends all tokens and codes: the app is uninstalled.
func (a *oauthAPI) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.access)
	clear(a.refresh)
	clear(a.codes)
	a.uninstalled = true
}

// expire ends the access tokens that expire, while refresh tokens stay.
func (a *oauthAPI) expire() {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.access, func(_ string, t *accessToken) bool { return !t.expires.IsZero() })
}

// redirectAllowed reports whether the authorization code may be sent there.
func (a *oauthAPI) redirectAllowed(raw string) bool {
	if a.cfg.RedirectURLs != nil {
		return slices.Contains(a.cfg.RedirectURLs, raw)
	}
	u, err := url.Parse(raw)
	return err == nil && u.Host != "" && u.User == nil && u.Fragment == "" &&
		(u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()))
}

// IssuedTokens is how many access tokens the token endpoint has issued, whether or not
// the answers have arrived.
func (s *Shop) IssuedTokens() int {
	s.oauth.mu.Lock()
	defer s.oauth.mu.Unlock()
	return s.oauth.issued
}

// ClientID is the app's client ID.
func (s *Shop) ClientID() string { return s.oauth.cfg.ClientID }

// ExpireTokens ends the access tokens that expire, as if their time had come.
// Refresh tokens stay.
func (s *Shop) ExpireTokens() { s.oauth.expire() }

// Uninstall is what a merchant does who removes the app: all tokens end,
// [Options.Token] among them, app/uninstalled is sent to who subscribed to it, and
// the subscriptions are gone. Another authorization installs the app again.
func (s *Shop) Uninstall() {
	s.oauth.forget()
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	d := s.state.shop.data
	s.state.emit("app/uninstalled", &s.state.shop, map[string]any{
		"id": s.state.shop.id, "name": d.Name, "email": d.Email, "domain": d.Domain, "myshopify_domain": d.Domain, "currency": d.Currency, "iana_timezone": d.Timezone,
	}, s.state.newGroup())
	for _, w := range slices.Clone(s.state.subscriptions) {
		if w.topic != "APP_UNINSTALLED" {
			s.state.unsubscribe(w.gid)
		}
	}
	// Those of this topic go without taking along what has just been sent to them.
	for _, w := range s.state.subscriptions {
		delete(s.state.byID, w.gid)
	}
	s.state.subscriptions = nil
}
