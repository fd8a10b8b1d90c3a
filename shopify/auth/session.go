package auth

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/posai-go/posai/shopify"
)

// Session is what a session token says.
type Session struct {
	Shop shopify.Domain
	// Account is who is logged in: a number, in decimal. At a register that is the
	// account of the device and not the member of staff who pinned in: who that is, no
	// one signs.
	Account string
	// ID is the token's own (jti). A token is used for several requests: whoever must
	// see each once needs a key of their own, or a [ReplayGuard].
	ID string
	// SessionID is that of the session that the token is one of many of (sid).
	SessionID string
	// Issued and Expires are when the token was made and ends.
	Issued, Expires time.Time

	token string
}

// String tells whose session it is.
func (s Session) String() string { return "session of account " + s.Account + " of " + string(s.Shop) }

// Format prints the session as [Session.String] does, whatever the verb.
func (s Session) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue is [Session.String].
func (s Session) LogValue() slog.Value { return slog.StringValue(s.String()) }

// AccountID returns the account as a number, false if it is none.
func (s *Session) AccountID() (int64, bool) {
	n, err := strconv.ParseInt(s.Account, 10, 64)
	return n, err == nil && n > 0
}

const (
	// leeway is how far the clocks may be apart. It is that of Shopify's libraries.
	leeway = 10 * time.Second
	// maxSessionToken bounds a session token, in bytes.
	maxSessionToken = 4096
)

type sessionClaims struct {
	jwt.RegisteredClaims
	Destination string `json:"dest"`
	SessionID   string `json:"sid"`
}

// VerifySession verifies a session token, such as App Bridge and POS UI extensions
// send in the header Authorization, and an app's page gets as id_token. It insists on
// the algorithm HS256 and one of the app's secrets, on the app as its audience, on an
// expiry, on times that are right within 10 s, and on issuer and destination being
// the same shop. The error matches [ErrSession].
// Source: https://shopify.dev/docs/apps/build/authentication-authorization/session-tokens
func (a *App) VerifySession(token string) (*Session, error) {
	switch {
	case token == "":
		return nil, &SessionError{Reason: "missing"}
	case len(token) > maxSessionToken:
		return nil, &SessionError{Reason: "malformed"}
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithAudience(a.clientID), jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(time.Now),
	)
	reason := "malformed"
	for _, secret := range a.secrets.valid() {
		c := &sessionClaims{}
		t, err := parser.ParseWithClaims(token, c, func(*jwt.Token) (any, error) { return []byte(secret), nil })
		if err != nil {
			if reason != "claims" { // which tells that the secret was right
				reason = sessionReason(err)
			}
			continue
		}
		if !t.Valid {
			continue
		}
		return a.session(c, token)
	}
	return nil, &SessionError{Reason: reason}
}

// session reads the claims of a token whose signature and times are right.
func (a *App) session(c *sessionClaims, token string) (*Session, error) {
	shop, ok := shopOf(c.Destination, "")
	issuer, ok2 := shopOf(c.Issuer, "/admin")
	switch {
	case !ok || !ok2 || shop != issuer:
		return nil, &SessionError{Reason: "shop"}
	case c.Subject == "":
		return nil, &SessionError{Reason: "claims"}
	}
	s := &Session{Shop: shop, Account: c.Subject, ID: c.ID, SessionID: c.SessionID, Expires: c.ExpiresAt.Time, token: token}
	if c.IssuedAt != nil {
		s.Issued = c.IssuedAt.Time
	}
	return s, nil
}

// shopOf returns the shop of an address in a token, which has this path.
func shopOf(address, path string) (shopify.Domain, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Path != path || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", false
	}
	shop, err := shopify.ParseDomain(u.Host)
	return shop, err == nil
}

func sessionReason(err error) string {
	switch {
	case errors.Is(err, jwt.ErrTokenInvalidClaims):
		return "claims"
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return "signature"
	}
	return "malformed"
}
