package shopify

import (
	"context"
	"log/slog"
)

// TokenSource gives the access token for each request. An implementation that
// refreshes tokens must be safe for concurrent use and obey ctx.
// Source: https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens
type TokenSource interface {
	Token(ctx context.Context) (string, error)
}

// StaticToken returns a source of one token that does not change, such as the
// token of a custom app. It prints and logs as "[redacted]".
func StaticToken(token string) TokenSource { return staticToken{token} }

type staticToken struct{ token string }

func (s staticToken) Token(context.Context) (string, error) { return s.token, nil }
func (staticToken) String() string                          { return "[redacted]" }
func (staticToken) GoString() string                        { return "[redacted]" }
func (staticToken) LogValue() slog.Value                    { return slog.StringValue("[redacted]") }
