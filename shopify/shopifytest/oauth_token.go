package shopifytest

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A TokenRequest is one request to the token endpoint, as the shop saw it. Tokens,
// codes and secrets are not in it.
type TokenRequest struct {
	Time time.Time
	// Grant is the grant type: authorization_code, refresh_token,
	// client_credentials, or the long name of the token exchange.
	Grant string
	// Status is the HTTP status of the answer; 0 if it was lost.
	Status int
	// Error is the code of the answer's error, such as "invalid_client".
	Error string
	// Issued tells that tokens were issued, even if the answer was lost.
	Issued bool
	// Others is how many other requests with the same grant type were being
	// answered when this one came.
	Others int
	// Faulted tells that an injected [Fault] hit the request.
	Faulted bool
}

// TokenRequests returns what the token endpoint was asked, oldest first.
func (s *Shop) TokenRequests() []TokenRequest {
	s.oauth.mu.Lock()
	defer s.oauth.mu.Unlock()
	return slices.Clone(s.oauth.requests)
}

const (
	grantCode     = "authorization_code"
	grantRefresh  = "refresh_token"
	grantClient   = "client_credentials"
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"

	typeSession = "urn:ietf:params:oauth:token-type:id_token"
	typeOffline = "urn:shopify:params:oauth:token-type:offline-access-token"
	typeOnline  = "urn:shopify:params:oauth:token-type:online-access-token"
)

// maxTokenBody is how long the body of a request may be, in bytes.
const maxTokenBody = 64 << 10

// oauthError is why there is no token.
type oauthError struct {
	status      int
	code        string
	description string
}

// The answers of the token endpoint. Those of a used code and of a dead refresh token
// are recorded ones: https://github.com/nozzlegear/ShopifySharp/issues/70,
// https://community.shopify.dev/t/520-during-refresh-token-rotation-permanently-orphans-the-offline-access-token/35182
var (
	errClient       = &oauthError{http.StatusBadRequest, "invalid_client", "The client is unknown or its secret is wrong"}
	errCode         = &oauthError{http.StatusBadRequest, "invalid_request", "The authorization code was not found or was already used"}
	errRefresh      = &oauthError{http.StatusUnauthorized, "invalid_request", "This request requires an active refresh_token"}
	errSubject      = &oauthError{http.StatusBadRequest, "invalid_subject_token", "The subject token is invalid or expired"}
	errNoSubject    = &oauthError{http.StatusBadRequest, "missing_subject_token", "The subject token is missing"}
	errSubjectType  = &oauthError{http.StatusBadRequest, "invalid_request", "The subject_token_type is not supported"}
	errRequested    = &oauthError{http.StatusBadRequest, "invalid_request", "The requested_token_type is not supported"}
	errGrantType    = &oauthError{http.StatusBadRequest, "unsupported_grant_type", "The grant_type is not supported"}
	errNotInstalled = &oauthError{http.StatusBadRequest, "app_not_installed", "The app is not installed on this shop"}
	errUnreadable   = &oauthError{http.StatusBadRequest, "invalid_request", "The request could not be read"}
)

// accessToken is the token endpoint. Parameters come as a form, as JSON or in the
// query.
func (a *oauthAPI) accessToken(w http.ResponseWriter, r *http.Request) {
	in, ok := readTokenRequest(w, r)
	grant := in.Get("grant_type")
	if grant == "" {
		grant = grantCode // its name is optional at Shopify
	}
	entry := TokenRequest{Time: a.now(), Grant: grant}
	a.mu.Lock()
	entry.Others = a.inFlight
	a.inFlight++
	a.mu.Unlock()
	w.Header().Set("X-Request-Id", requestID())
	fault, hit := a.faults.take(grant, nil)
	entry.Faulted = hit
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.inFlight--
		if len(a.requests) >= journalSize {
			a.requests = append(a.requests[:0], a.requests[journalSize/10:]...)
		}
		a.requests = append(a.requests, entry)
	}()
	if fault.fails() || fault.OAuthError != "" {
		wait(r.Context(), fault.Delay)
		a.breakdown(w, fault, &entry)
		return
	}
	out, no := map[string]any(nil), errUnreadable
	if ok {
		out, no = a.grant(grant, in)
	}
	entry.Issued = no == nil
	wait(r.Context(), fault.Delay)
	switch {
	case fault.LoseResponse:
		panic(http.ErrAbortHandler)
	case no != nil:
		entry.Status, entry.Error = no.status, no.code
		writeOAuth(w, no.status, map[string]any{"error": no.code, "error_description": no.description})
	default:
		if fault.OmitExpiry {
			delete(out, "expires_in")
			delete(out, "refresh_token_expires_in")
		}
		entry.Status = http.StatusOK
		writeOAuth(w, http.StatusOK, out)
	}
}

func writeOAuth(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, status, body)
}

// breakdown answers as the fault wants, without issuing a token.
func (a *oauthAPI) breakdown(w http.ResponseWriter, fault Fault, entry *TokenRequest) {
	if fault.RetryAfter != "" {
		w.Header().Set("Retry-After", fault.RetryAfter)
	}
	switch {
	case fault.Cut:
		panic(http.ErrAbortHandler)
	case fault.OAuthError != "":
		entry.Status, entry.Error = fault.Status, fault.OAuthError
		if entry.Status == 0 {
			entry.Status = http.StatusBadRequest
		}
		writeOAuth(w, entry.Status, map[string]any{"error": fault.OAuthError, "error_description": "As the test wants it"})
	default:
		entry.Status = fault.Status
		if fault.Throttle {
			entry.Status = http.StatusTooManyRequests
		}
		if entry.Status == 0 {
			entry.Status = http.StatusInternalServerError
		}
		oauthPage(w, entry.Status, "error code: "+strconv.Itoa(entry.Status))
	}
}

// readTokenRequest reads the parameters; ok is false if the body cannot be read.
func readTokenRequest(w http.ResponseWriter, r *http.Request) (in url.Values, ok bool) {
	r.Body = http.MaxBytesReader(w, r.Body, maxTokenBody)
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media != "application/json" {
		if r.ParseForm() != nil {
			return url.Values{}, false
		}
		return r.Form, true
	}
	var body map[string]any
	if json.NewDecoder(r.Body).Decode(&body) != nil {
		return url.Values{}, false
	}
	in = r.URL.Query()
	for name, v := range body {
		switch v := v.(type) {
		case string:
			in.Set(name, v)
		case float64:
			in.Set(name, strconv.FormatFloat(v, 'f', -1, 64))
		case bool:
			in.Set(name, strconv.FormatBool(v))
		}
	}
	return in, true
}

// grant carries out a request.
func (a *oauthAPI) grant(grant string, in url.Values) (map[string]any, *oauthError) {
	if in.Get("client_id") != a.cfg.ClientID || !a.credentials(in.Get("client_secret")) {
		return nil, errClient
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	expiring := in.Get("expiring") == "1" || in.Get("expiring") == "true"
	switch grant {
	case grantCode:
		return a.grantCode(in, expiring)
	case grantRefresh:
		return a.grantRefresh(in.Get("refresh_token"))
	case grantClient:
		if a.uninstalled {
			return nil, errNotInstalled
		}
		return a.reply(a.issue(kindClient, a.scopes, a.cfg.ClientLifetime), a.scopes, a.cfg.ClientLifetime), nil
	case grantExchange:
		return a.grantExchange(in, expiring)
	}
	return nil, errGrantType
}

func (a *oauthAPI) grantCode(in url.Values, expiring bool) (map[string]any, *oauthError) {
	code, ok := a.codes[in.Get("code")]
	delete(a.codes, in.Get("code"))
	if !ok || !a.now().Before(code.expires) || in.Has("redirect_uri") && in.Get("redirect_uri") != code.redirectURI {
		return nil, errCode
	}
	a.uninstalled = false
	if code.user != 0 {
		return a.replyOnline(code.user, code.scopes), nil
	}
	a.current = code.scopes
	a.granted(code.scopes)
	return a.replyOffline(code.scopes, expiring), nil
}

func (a *oauthAPI) grantExchange(in url.Values, expiring bool) (map[string]any, *oauthError) {
	subject, requested := in.Get("subject_token"), in.Get("requested_token_type")
	if subject == "" {
		return nil, errNoSubject
	}
	if requested != typeOffline && requested != typeOnline {
		return nil, errRequested
	}
	switch in.Get("subject_token_type") {
	case typeSession:
		user, err := a.readSessionToken(subject)
		if err != nil {
			return nil, errSubject
		}
		if a.uninstalled {
			return nil, errNotInstalled
		}
		if requested == typeOnline {
			return a.replyOnline(user, a.current), nil
		}
		return a.replyOffline(a.current, expiring), nil
	case typeOffline:
		// The way from a token that does not expire to one that does; there is none back.
		old, known := a.access[subject]
		switch {
		case requested != typeOffline || !expiring:
			return nil, errRequested
		case known && old.kind == kindOffline:
			delete(a.access, subject)
			return a.replyOffline(old.scopes, true), nil
		}
		return nil, errSubject
	}
	return nil, errSubjectType
}

func (a *oauthAPI) grantRefresh(text string) (map[string]any, *oauthError) {
	now := a.now()
	r, ok := a.refresh[text]
	if !ok || !now.Before(r.expires) || !r.used.IsZero() && !now.Before(r.used.Add(a.cfg.RetryLifetime)) {
		return nil, errRefresh
	}
	if r.used.IsZero() {
		r.used = now
	}
	// A replacement that is used ends the one that it replaces: issueOffline spares
	// this one alone.
	token, next := a.issueOffline(r.scopes, r)
	out := a.reply(token, r.scopes, a.cfg.AccessLifetime)
	out["refresh_token"], out["refresh_token_expires_in"] = next.text, seconds(a.cfg.RefreshLifetime)
	return out, nil
}

func (a *oauthAPI) replyOffline(scopes []string, expiring bool) map[string]any {
	if !expiring {
		return a.reply(a.issue(kindOffline, scopes, 0), scopes, 0)
	}
	token, r := a.issueOffline(scopes, nil)
	out := a.reply(token, scopes, a.cfg.AccessLifetime)
	out["refresh_token"], out["refresh_token_expires_in"] = r.text, seconds(a.cfg.RefreshLifetime)
	return out
}

// replyOnline issues a token of one account.
// Source: https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/online-access-tokens
func (a *oauthAPI) replyOnline(user int64, scopes []string) map[string]any {
	out := a.reply(a.issue(kindOnline, scopes, a.cfg.OnlineLifetime), scopes, a.cfg.OnlineLifetime)
	who := a.user(user)
	out["associated_user_scope"] = out["scope"]
	out["associated_user"] = map[string]any{
		"id": user, "first_name": who.FirstName, "last_name": who.LastName, "email": who.Email,
		"account_owner": user == accountOwner, "locale": "en", "collaborator": false, "email_verified": true,
	}
	return out
}

func (a *oauthAPI) reply(token string, scopes []string, lifetime time.Duration) map[string]any {
	if scopes == nil {
		scopes = allScopes()
	}
	out := map[string]any{"access_token": token, "scope": strings.Join(scopes, ",")}
	if lifetime > 0 {
		out["expires_in"] = seconds(lifetime)
	}
	return out
}

// seconds is a lifetime as Shopify tells it.
func seconds(d time.Duration) int64 { return max(1, int64(d/time.Second)) }
