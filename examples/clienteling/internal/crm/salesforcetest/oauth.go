package salesforcetest

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// token answers the token endpoint.
// https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_endpoints.htm
func (o *Org) token(in *input) answer {
	refuse := func(code, description string) answer {
		return answer{status: http.StatusBadRequest, body: map[string]string{"error": code, "error_description": description}}
	}
	form, err := url.ParseQuery(string(in.body))
	if in.Method != http.MethodPost || err != nil {
		return refuse("invalid_request", "must use HTTP POST")
	}
	switch form.Get("grant_type") {
	case "client_credentials":
		id, secret, basic := in.BasicAuth()
		if !basic {
			id, secret = form.Get("client_id"), form.Get("client_secret")
		}
		if id != ClientID {
			return refuse("invalid_client_id", "client identifier invalid")
		}
		if secret != ClientSecret {
			return refuse("invalid_client", "invalid client credentials")
		}
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		if why := o.assertion(form.Get("assertion")); why != "" {
			return refuse("invalid_grant", why)
		}
	default:
		return refuse("unsupported_grant_type", "grant type not supported")
	}
	uses := o.opts.TokenUses
	if uses == 0 {
		uses = -1
	}
	bearer := "00DSim000000001!" + random()
	o.tokens[bearer] = uses
	o.signIns++
	return answer{status: 200, body: map[string]string{
		"access_token": bearer, "instance_url": o.URL(), "token_type": "Bearer", "scope": "api",
		"id": o.URL() + "/id/00DSim000000001AAA/005Sim000000001AAA", "signature": random(),
		"issued_at": time.Now().Format("20060102150405"),
	}}
}

// assertion checks a JWT: who signed it, for whom, and that it lives for minutes only.
func (o *Org) assertion(s string) string {
	if o.opts.PublicKey == nil {
		return "user hasn't approved this consumer"
	}
	var claims jwt.RegisteredClaims
	_, err := jwt.ParseWithClaims(s, &claims, func(*jwt.Token) (any, error) { return o.opts.PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired())
	switch {
	case err != nil:
		return "invalid assertion"
	case claims.Issuer != ClientID:
		return "client identifier invalid"
	case claims.Subject != Username:
		return "user hasn't approved this consumer"
	case !slices.ContainsFunc(claims.Audience, func(a string) bool { return a == "https://login.salesforce.com" || a == o.URL() }):
		return "audience is invalid"
	case time.Until(claims.ExpiresAt.Time) > 5*time.Minute:
		return "expiration is too far in the future"
	}
	return ""
}
