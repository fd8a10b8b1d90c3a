package shopifytest

import (
	"errors"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// SessionClaims are what a session token says.
// Source: https://shopify.dev/docs/apps/build/authentication-authorization/session-tokens
type SessionClaims struct {
	Shop     string // domain
	ClientID string
	// Account is the number of the logged-in account, in decimal. At a register that
	// is not who has pinned in.
	Account string
	// Issued is when the token was made. It is valid for a minute.
	Issued time.Time
}

// sessionLifetime is how long a session token is valid.
const sessionLifetime = time.Minute

// SignSessionToken makes a session token as App Bridge and POS UI extensions get
// it, with any claims: for tests of who is let in, and who is not.
func SignSessionToken(secret string, c SessionClaims) string {
	// The audience is a text and not a list: Shopify's own libraries compare it as
	// such.
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": "https://" + c.Shop + "/admin", "dest": "https://" + c.Shop, "aud": c.ClientID, "sub": c.Account,
		"iat": c.Issued.Unix(), "nbf": c.Issued.Unix(), "exp": c.Issued.Add(sessionLifetime).Unix(),
		"jti": requestID(), "sid": randomHex(32),
	}).SignedString([]byte(secret))
	if err != nil {
		panic("shopifytest: " + err.Error()) // a text key and texts cannot fail
	}
	return token
}

// SessionToken returns a session token for the account with this number.
func (s *Shop) SessionToken(user int64) string {
	return SignSessionToken(s.oauth.secret, SessionClaims{
		Shop: s.Domain(), ClientID: s.ClientID(), Account: strconv.FormatInt(user, 10), Issued: s.oauth.now(),
	})
}

// readSessionToken verifies a session token of this shop and returns its account.
func (a *oauthAPI) readSessionToken(text string) (int64, error) {
	var claims struct {
		jwt.RegisteredClaims
		Destination string `json:"dest"`
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithAudience(a.cfg.ClientID), jwt.WithExpirationRequired(), jwt.WithTimeFunc(a.now))
	for _, secret := range []string{a.secret, a.cfg.OldSecret} {
		if secret == "" {
			continue
		}
		if _, err := parser.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) { return []byte(secret), nil }); err != nil {
			continue
		}
		if claims.Destination != "https://"+a.domain {
			break
		}
		return strconv.ParseInt(claims.Subject, 10, 64)
	}
	return 0, errors.New("not a session token of this shop")
}
