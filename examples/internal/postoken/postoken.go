// Package postoken verifies the session tokens with which a POS UI extension calls
// the app's own server, and answers its browser's questions about that (CORS).
//
// A session token is a JWT, signed with the app's client secret by HS256, that
// says for which shop and by which logged-in account a request is made. What a
// JWT library checks by default is not enough: [Verifier.Verify] also insists on
// the algorithm, the audience, an expiry, and that issuer and destination are the
// same shop. See https://shopify.dev/docs/apps/build/authentication-authorization/session-tokens.
package postoken

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// ErrToken is what every error of [Verifier.Verify] is. It does not say more: who
// sends a wrong token learns nothing.
var ErrToken = errors.New("postoken: the session token is missing or not valid")

// leeway is how far the clocks may be apart.
const leeway = 10 * time.Second

// maxToken bounds a token, in bytes.
const maxToken = 4096

// Session is what a token says.
type Session struct {
	Shop string // domain, such as "example.myshopify.com"
	// Account is the id of the logged-in account. It is not the member of staff
	// who has pinned in at the register: that, nobody signs.
	Account string
}

// Verifier verifies tokens. It is safe for concurrent use.
type Verifier struct {
	secrets  [][]byte
	parser   *jwt.Parser
	clientID string
}

// New returns a verifier for the app with this client ID. The secrets are its
// client secret and, after a rotation, the one before; an empty one verifies
// nothing. now tells the time; nil is time.Now.
func New(clientID string, now func() time.Time, secrets ...string) *Verifier {
	if now == nil {
		now = time.Now
	}
	v := &Verifier{clientID: clientID, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithAudience(clientID), jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(now),
	)}
	for _, s := range secrets {
		if s != "" {
			v.secrets = append(v.secrets, []byte(s))
		}
	}
	return v
}

type claims struct {
	jwt.RegisteredClaims
	Destination string `json:"dest"`
}

// Verify returns what the request's token says, or [ErrToken].
func (v *Verifier) Verify(r *http.Request) (Session, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > maxToken || v.clientID == "" {
		return Session{}, ErrToken
	}
	for _, secret := range v.secrets {
		c := &claims{}
		_, err := v.parser.ParseWithClaims(token, c, func(*jwt.Token) (any, error) { return secret, nil })
		if err != nil {
			continue
		}
		shop, ok := shopOf(c.Destination, "")
		issuer, ok2 := shopOf(c.Issuer, "/admin")
		if !ok || !ok2 || shop != issuer || c.Subject == "" {
			return Session{}, ErrToken
		}
		return Session{Shop: shop, Account: c.Subject}, nil
	}
	return Session{}, ErrToken
}

// shopDomain is the form of a shop's domain.
var shopDomain = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*\.(myshopify\.com|shopify\.com|myshopify\.io|shop\.dev)$`)

func shopOf(address, path string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Path != path || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", false
	}
	host := strings.ToLower(u.Host)
	return host, shopDomain.MatchString(host)
}

// CORS answers preflight requests and lets extensions, whose origin differs from
// device to device, read the answers of next. That is safe because next goes by the
// token alone: no cookie is ever sent along.
func CORS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
			h.Set("Access-Control-Allow-Methods", "GET, POST")
			h.Set("Access-Control-Max-Age", "7200")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Sign makes a token as Shopify does, for simulated shops and tests.
func Sign(clientID, secret string, s Session, issued time.Time) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: "https://" + s.Shop + "/admin", Subject: s.Account, Audience: jwt.ClaimStrings{clientID},
			ExpiresAt: jwt.NewNumericDate(issued.Add(time.Minute)), NotBefore: jwt.NewNumericDate(issued), IssuedAt: jwt.NewNumericDate(issued),
		},
		Destination: "https://" + s.Shop,
	}).SignedString([]byte(secret))
}
