package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/posai-go/posai/shopify"
)

// The grants of the token endpoint.
// Source: https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens
const (
	grantCode     = "authorization_code"
	grantRefresh  = "refresh_token"
	grantClient   = "client_credentials"
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	// grantMigrate is a token exchange on the wire.
	grantMigrate = "migration"

	typeSession = "urn:ietf:params:oauth:token-type:id_token"
	typeOffline = "urn:shopify:params:oauth:token-type:offline-access-token"
	typeOnline  = "urn:shopify:params:oauth:token-type:online-access-token"
)

func grantName(grant string) string {
	if grant == grantExchange {
		return "token exchange"
	}
	return strings.ReplaceAll(grant, "_", " ")
}

// maxTokenResponse is the longest answer of the token endpoint that is read, in bytes.
const maxTokenResponse = 1 << 20

// request asks the token endpoint of a shop, again if it fails and again is true. What
// was asked for before is not asked for differently: the refresh token whose answer
// got lost is the one to send again.
func (a *App) request(ctx context.Context, shop shopify.Domain, grant string, params url.Values, again bool) (*reply, error) {
	attempts := 1
	if again {
		attempts = a.opts.MaxAttempts
	}
	for n := 1; ; n++ {
		r, err := a.requestOnce(ctx, shop, grant, params)
		if err == nil {
			return r, nil
		}
		pause := a.opts.MinBackoff << min(n-1, 10)
		pause = pause/2 + rand.N(pause/2+1)
		if te, ok := errors.AsType[*TokenError](err); ok {
			if !te.temporary() {
				return nil, err
			}
			pause = max(pause, te.RetryAfter)
		}
		deadline, limited := ctx.Deadline()
		if n >= attempts || ctx.Err() != nil || limited && time.Now().Add(pause).After(deadline) {
			return nil, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, err
		}
	}
}

func (a *App) requestOnce(ctx context.Context, shop shopify.Domain, grant string, params url.Values) (*reply, error) {
	form := url.Values{"client_id": {a.clientID}, "client_secret": {a.secrets.Current}}
	maps.Copy(form, params)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.shopURL(shop).JoinPath("admin/oauth/access_token").String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("auth: %s: request", grantName(grant))
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json") // else errors come as pages
	req.Header.Set("User-Agent", "posai-go")
	resp, err := a.http.Do(req)
	if err != nil {
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err // the text of the rest is the URL
		}
		return nil, fmt.Errorf("auth: %s: %w", grantName(grant), err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenResponse+1))
	if err != nil {
		return nil, fmt.Errorf("auth: %s: %w", grantName(grant), err)
	}
	failed := &TokenError{Grant: grant, Status: resp.StatusCode, RequestID: clean(resp.Header.Get("X-Request-Id"), nil), RetryAfter: retryAfter(resp.Header.Get("Retry-After"))}
	if len(body) > maxTokenResponse {
		failed.problem = "the answer is too long"
		return nil, failed
	}
	if resp.StatusCode != http.StatusOK {
		failed.Code, failed.Description = parseTokenError(body, form)
		return nil, failed
	}
	r, problem := parseReply(body)
	if problem != "" {
		failed.problem = problem
		return nil, failed
	}
	return r, nil
}

// reply is an answer of the token endpoint.
type reply struct {
	AccessToken  string   `json:"access_token"`
	Scope        string   `json:"scope"`
	ExpiresIn    lifetime `json:"expires_in"`
	RefreshToken string   `json:"refresh_token"`
	RefreshIn    lifetime `json:"refresh_token_expires_in"`
	UserScope    string   `json:"associated_user_scope"`
	User         *User    `json:"associated_user"`
}

// lifetime is a number of seconds. Whatever else there is, null and nonsense, is 0:
// unknown.
type lifetime time.Duration

// UnmarshalJSON never fails: a token is no worse for a lifetime that cannot be read.
func (l *lifetime) UnmarshalJSON(raw []byte) error {
	*l = 0
	s, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	if err == nil && s > 0 && s <= math.MaxInt32 {
		*l = lifetime(s * float64(time.Second))
	}
	return nil
}

// parseReply reads an answer with status 200, or says what is wrong with it.
func parseReply(body []byte) (r *reply, problem string) {
	r = &reply{}
	if json.Unmarshal(body, r) != nil {
		return nil, "the answer is not the JSON of a token"
	}
	for _, token := range []string{r.AccessToken, r.RefreshToken} {
		if strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }) {
			return nil, "a token that no header can carry"
		}
	}
	if r.AccessToken == "" {
		return nil, "the answer holds no token"
	}
	return r, ""
}

// parseTokenError reads an answer with another status. Pages of proxies say nothing.
func parseTokenError(body []byte, sent url.Values) (code, description string) {
	var e struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &e) != nil {
		return "", ""
	}
	return clean(e.Error, sent), clean(e.Description, sent)
}

// maxText is how many bytes of a foreign text are kept.
const maxText = 200

// clean returns a foreign text that is safe to print: without the secrets that were
// sent, without control characters, bounded.
func clean(s string, sent url.Values) string {
	for _, name := range []string{"client_secret", "code", "refresh_token", "subject_token"} {
		if secret := sent.Get(name); secret != "" {
			s = strings.ReplaceAll(s, secret, "…")
		}
	}
	s = strings.ToValidUTF8(s[:min(len(s), maxText)], "")
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, s)
}

func retryAfter(header string) time.Duration {
	s, err := strconv.ParseFloat(header, 64)
	if err != nil || s < 0 || math.IsNaN(s) {
		return 0
	}
	return time.Duration(min(s, 24*60*60) * float64(time.Second))
}

// token makes a token of an answer.
func (r *reply) token(key Key) *Token {
	now := time.Now()
	t := &Token{
		Key: key, AccessToken: r.AccessToken, Scopes: splitScopes(r.Scope), RefreshToken: r.RefreshToken, Granted: now, Issued: now,
	}
	if r.ExpiresIn > 0 {
		t.Expires = now.Add(time.Duration(r.ExpiresIn))
	}
	if r.RefreshIn > 0 {
		t.RefreshExpires = now.Add(time.Duration(r.RefreshIn))
	}
	if r.User != nil && key.Access == Online {
		u := *r.User
		u.Scopes = splitScopes(r.UserScope)
		t.User = &u
	}
	return t
}
