package shopifytest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"html"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// codeLifetime is how long an authorization code may be exchanged.
const codeLifetime = time.Minute

// accountOwner is who approves an installation in the simulated admin.
const accountOwner = 902_541_635

// authorize is the page on which a merchant approves the installation. The
// simulated one does so at once, within what [OAuth.Grant] says.
// Source: https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/authorization-code-grant
func (a *oauthAPI) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	switch {
	case q.Get("client_id") != a.cfg.ClientID:
		oauthPage(w, http.StatusBadRequest, "Oauth error invalid_request: Could not find Shopify API application with api_key "+q.Get("client_id"))
		return
	case !a.redirectAllowed(q.Get("redirect_uri")):
		oauthPage(w, http.StatusBadRequest, "Oauth error invalid_request: The redirect_uri is not whitelisted")
		return
	}
	code := &authorizationCode{redirectURI: q.Get("redirect_uri"), scopes: a.grantable(splitScopes(q.Get("scope"))), expires: a.now().Add(codeLifetime)}
	if slices.Contains(q["grant_options[]"], "per-user") {
		code.user = accountOwner
	}
	text := randomHex(16)
	a.mu.Lock()
	a.codes[text] = code
	a.mu.Unlock()

	back := url.Values{
		"code": {text}, "shop": {a.domain}, "host": {adminHost(a.domain)}, "timestamp": {strconv.FormatInt(a.now().Unix(), 10)},
	}
	if state := q.Get("state"); state != "" {
		back.Set("state", state)
	}
	target, err := url.Parse(code.redirectURI)
	if err != nil { // redirectAllowed parsed it, unless a list allows it
		oauthPage(w, http.StatusBadRequest, "Oauth error invalid_request: The redirect_uri is not whitelisted")
		return
	}
	maps.Copy(back, target.Query())
	target.RawQuery = signQuery(a.secret, back)
	http.Redirect(w, r, target.String(), http.StatusFound)
}

// adminHost is the parameter "host": where the shop's admin is, in base64.
func adminHost(domain string) string {
	name, _, _ := strings.Cut(domain, ".")
	return base64.RawStdEncoding.EncodeToString([]byte("admin.shopify.com/store/" + name))
}

// signQuery returns the query with its "hmac".
func signQuery(secret string, values url.Values) string {
	query := values.Encode() // sorted by name
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(query))
	values.Set("hmac", hex.EncodeToString(mac.Sum(nil)))
	return values.Encode()
}

// LaunchURL returns the URL that opens the app from the shop's admin: the app's own,
// with the parameters host, shop and timestamp, signed. An embedded app is
// opened inside of the admin; then there are a session token (id_token) of the account
// with this number and embedded=1, too. If user is 0, it is not embedded.
func (s *Shop) LaunchURL(app string, user int64) (string, error) {
	u, err := url.Parse(app)
	if err != nil {
		return "", err
	}
	q := u.Query()
	q.Set("host", adminHost(s.Domain()))
	q.Set("shop", s.Domain())
	q.Set("timestamp", strconv.FormatInt(s.oauth.now().Unix(), 10))
	if user != 0 {
		q.Set("embedded", "1")
		q.Set("id_token", s.SessionToken(user))
	}
	u.RawQuery = signQuery(s.oauth.secret, q)
	return u.String(), nil
}

func splitScopes(list string) []string {
	var out []string
	for scope := range strings.SplitSeq(list, ",") {
		if scope = strings.TrimSpace(scope); scope != "" {
			out = append(out, scope)
		}
	}
	return out
}

// oauthPage is an error as a browser gets it.
func oauthPage(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("<!DOCTYPE html><title>" + html.EscapeString(message) + "</title><p>" + html.EscapeString(message) + "\n"))
}
