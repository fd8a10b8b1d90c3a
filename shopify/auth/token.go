package auth

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/internal/scope"
)

// Access is what an access token is for.
// Source: https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens
type Access string

// The kinds of access tokens.
const (
	// Offline tokens are the app's, for work without a person: they are refreshed.
	Offline Access = "offline"
	// Online tokens are those of one account, and end with its session.
	Online Access = "online"
	// ClientCredentials tokens are the app's, on shops of the organization that owns
	// the app: a new one is made whenever one is needed.
	ClientCredentials Access = "client_credentials"
)

// Key names a token.
type Key struct {
	Shop   shopify.Domain
	Access Access
	// Account is the number of the account of an online token; else 0.
	Account int64
}

func (k Key) check() error {
	if _, err := shopify.ParseDomain(string(k.Shop)); err != nil {
		return err
	}
	switch {
	case k.Access != Offline && k.Access != Online && k.Access != ClientCredentials:
		return fmt.Errorf("auth: %w: no such access", shopify.ErrInvalid)
	case (k.Access == Online) != (k.Account > 0):
		return fmt.Errorf("auth: %w: online tokens, and no others, belong to an account", shopify.ErrInvalid)
	}
	return nil
}

// Token is an access token and what belongs to it. It prints and logs without
// secrets, but encodes to JSON with them: encrypt what you store.
type Token struct {
	Key
	AccessToken string
	// Scopes are the access scopes that were granted, as Shopify lists them: a write
	// scope stands for the read scope, too.
	Scopes []string
	// Expires is when the access token ends. Zero means that Shopify did not say:
	// not that it never does.
	Expires time.Time
	// RefreshToken gets the next access token. Empty: there is none.
	RefreshToken string
	// RefreshExpires is when the refresh token ends. Zero: unknown.
	RefreshExpires time.Time
	// Granted is when the shop, or a session, gave access; refreshing leaves it.
	Granted time.Time
	// Issued is when Shopify made the access token, by this machine's clock.
	Issued time.Time
	// User is who has logged in, with an online token.
	User *User
}

// User is the account of an online token. What it holds is personal data.
type User struct {
	ID            int64    `json:"id"`
	FirstName     string   `json:"first_name"`
	LastName      string   `json:"last_name"`
	Email         string   `json:"email"`
	EmailVerified bool     `json:"email_verified"`
	AccountOwner  bool     `json:"account_owner"`
	Collaborator  bool     `json:"collaborator"`
	Locale        string   `json:"locale"`
	Scopes        []string `json:"scopes"` // that this account has of the app's
}

// String tells the token's key and times, and no secret.
func (t Token) String() string {
	expires := "unknown"
	if !t.Expires.IsZero() {
		expires = t.Expires.Format(time.RFC3339)
	}
	return fmt.Sprintf("%s token of %s, expires %s", t.Access, t.Shop, expires)
}

// Format prints the token as [Token.String] does, whatever the verb.
func (t Token) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(t.String())) }

// LogValue is [Token.String].
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// Clone returns a copy that shares nothing with t.
func (t *Token) Clone() *Token {
	if t == nil {
		return nil
	}
	c := *t
	c.Scopes = slices.Clone(t.Scopes)
	if t.User != nil {
		u := *t.User
		u.Scopes = slices.Clone(u.Scopes)
		c.User = &u
	}
	return &c
}

// MissingScopes returns which of the scopes the token lacks, nil if none.
func (t *Token) MissingScopes(scopes ...string) []string {
	var out []string
	for _, want := range scopes {
		if !scope.Grants(t.Scopes, want) {
			out = append(out, want)
		}
	}
	return out
}

// assumedLifetime is how long a refreshable token is taken to live of which Shopify
// did not say it. A 401 ends it sooner.
const assumedLifetime = time.Hour

// deadline is when the token ends, as far as known.
func (t *Token) deadline() (time.Time, bool) {
	switch {
	case !t.Expires.IsZero():
		return t.Expires, true
	case t.RefreshToken != "":
		return t.Issued.Add(assumedLifetime), true
	}
	return time.Time{}, false
}

// fresh reports whether the token need not be replaced yet.
func (t *Token) fresh(now time.Time, before time.Duration) bool {
	end, known := t.deadline()
	if !known {
		return true
	}
	return now.Before(end.Add(-min(before, end.Sub(t.Issued)/4)))
}

// alive reports whether the token may still be used.
func (t *Token) alive(now time.Time) bool {
	return t.Expires.IsZero() || now.Before(t.Expires)
}

func splitScopes(list string) []string {
	var out []string
	for s := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		out = append(out, s)
	}
	return out
}
