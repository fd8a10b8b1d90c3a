package salesforce

import (
	"cmp"
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/hashicorp/go-retryablehttp"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
)

// Credentials sign in as an integration user, without anybody at a browser: with a
// client's secret (OAuth 2.0 client credentials flow), or with a private key in the name
// of a user (JWT bearer flow).
//
// https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_client_credentials_flow.htm
// https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_jwt_flow.htm
type Credentials struct {
	// URL is the org's My Domain, "https://alder.my.salesforce.com". With a private key
	// it may be https://login.salesforce.com or https://test.salesforce.com.
	URL string

	ClientID     string
	ClientSecret string // for client credentials

	Username   string          // for the JWT bearer flow
	PrivateKey *rsa.PrivateKey // of at least 2,048 bits

	// Audience of the JWT. If empty, https://test.salesforce.com for a sandbox, and
	// https://login.salesforce.com otherwise.
	Audience string
}

// String tells nothing: it keeps secrets out of logs.
func (Credentials) String() string { return "salesforce.Credentials{…}" }

// GoString is String.
func (c Credentials) GoString() string { return c.String() }

// token is what a sign-in gave.
type token struct {
	bearer   string
	instance *url.URL
	number   int // of the sign-in
}

// tokens keeps the token of all goroutines. One signs in, the others wait for it.
type tokens struct {
	creds  Credentials
	url    *url.URL
	http   *retryablehttp.Client
	turn   chan struct{}
	mu     sync.Mutex
	now    token
	failed error // of the last sign-in, at
	at     time.Time
}

func newTokens(c Credentials, client *retryablehttp.Client) (*tokens, error) {
	u, err := origin(c.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("address: %w", err)
	case c.ClientID == "":
		return nil, errors.New("no client id")
	case (c.ClientSecret == "") == (c.PrivateKey == nil):
		return nil, errors.New("want a client secret or a private key")
	case c.PrivateKey != nil && c.Username == "":
		return nil, errors.New("a private key signs for a username")
	case c.PrivateKey != nil && c.PrivateKey.N.BitLen() < 2048:
		return nil, errors.New("the private key is shorter than 2,048 bits")
	}
	t := &tokens{creds: c, url: u, http: client, turn: make(chan struct{}, 1)}
	if t.creds.Audience == "" {
		t.creds.Audience = "https://login.salesforce.com"
		if strings.Contains(u.Hostname(), ".sandbox.") || u.Hostname() == "test.salesforce.com" {
			t.creds.Audience = "https://test.salesforce.com"
		}
	}
	return t, nil
}

// origin reads an address that a secret may be sent to.
func origin(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Host == "", u.User != nil, u.RawQuery != "", u.Fragment != "", strings.Trim(u.Path, "/") != "":
		return nil, errors.New("want https://HOST")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, errors.New("want https")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// related says whether two hosts are of the same domain: a token of one is only sent to
// the other if so.
func related(a, b string) bool {
	if loopback(a) || loopback(b) {
		return loopback(a) && loopback(b)
	}
	return domain(a) == domain(b)
}

func domain(host string) string {
	labels := strings.Split(strings.ToLower(host), ".")
	return strings.Join(labels[max(0, len(labels)-2):], ".")
}

// get returns a token other than that of the sign-in stale, which was refused.
func (t *tokens) get(ctx context.Context, stale int) (token, error) {
	if now, known, err := t.known(stale); known {
		return now, err
	}
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return token{}, context.Cause(ctx)
	}
	if now, known, err := t.known(stale); known {
		return now, err
	}
	bearer, instance, err := t.signIn(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		if !errors.Is(err, crm.ErrUnavailable) && ctx.Err() == nil { // a refusal, not an accident
			t.failed, t.at = err, time.Now()
		}
		return token{}, err
	}
	t.now = token{bearer: bearer, instance: instance, number: t.now.number + 1}
	t.failed = nil
	return t.now, nil
}

// known is what needs no sign-in: a token, or that it was refused a moment ago, so that
// many who wait do not knock one after the other.
func (t *tokens) known(stale int) (now token, known bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now.number > stale {
		return t.now, true, nil
	}
	if t.failed != nil && time.Since(t.at) < time.Second {
		return token{}, true, t.failed
	}
	return token{}, false, nil
}

func (t *tokens) signIn(ctx context.Context) (string, *url.URL, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {t.creds.ClientID}, "client_secret": {t.creds.ClientSecret}}
	if t.creds.PrivateKey != nil {
		assertion, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
			"iss": t.creds.ClientID, "sub": t.creds.Username, "aud": t.creds.Audience,
			"exp": time.Now().Add(3 * time.Minute).Unix(), // the longest that Salesforce takes
		}).SignedString(t.creds.PrivateKey)
		if err != nil {
			return "", nil, fmt.Errorf("salesforce: sign-in: %w", err)
		}
		form = url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, t.url.String()+"/services/oauth2/token", []byte(form.Encode()))
	if err != nil {
		return "", nil, fmt.Errorf("salesforce: sign-in: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := send(ctx, t.http, req)
	if err != nil {
		return "", nil, fmt.Errorf("salesforce: sign-in: %w", err)
	}
	defer drain(resp)
	body, err := readAll(resp.Body, 1<<16)
	if err != nil {
		return "", nil, fmt.Errorf("salesforce: sign-in: %w", err)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
		InstanceURL string `json:"instance_url"`
		TokenType   string `json:"token_type"`
		Error       string `json:"error"`
	}
	broken := json.Unmarshal(body, &answer)
	if resp.StatusCode != http.StatusOK {
		return "", nil, fmt.Errorf("salesforce: sign-in: %w", refusal(resp, answer.Error))
	}
	instance, err := origin(answer.InstanceURL)
	switch {
	case broken != nil, answer.AccessToken == "", !strings.EqualFold(cmp.Or(answer.TokenType, "Bearer"), "Bearer"):
		return "", nil, fmt.Errorf("salesforce: sign-in: %w: not the answer of a token endpoint", crm.ErrUnavailable)
	case err != nil, !related(instance.Hostname(), t.url.Hostname()):
		return "", nil, fmt.Errorf("salesforce: sign-in: %w: the instance's address is not one of Salesforce's", crm.ErrRefused)
	}
	return answer.AccessToken, instance, nil
}

// refusal is what a sign-in's failure means. https://www.rfc-editor.org/rfc/rfc6749#section-5.2
func refusal(resp *http.Response, code string) error {
	e := &APIError{Status: resp.StatusCode, Code: clean(code), kind: crm.ErrRefused}
	switch {
	case resp.StatusCode >= 500:
		e.kind = crm.ErrUnavailable
	case resp.StatusCode == http.StatusTooManyRequests, strings.Contains(code, "rate"):
		e.kind = &crm.LimitError{Limit: "sign-in", RetryAfter: retryAfter(resp)}
	}
	return e
}
