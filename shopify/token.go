package shopify

import (
	"context"
	"fmt"
	"log/slog"
)

// TokenSource gives the access token for each request. An implementation that
// refreshes tokens must be safe for concurrent use and obey ctx.
// Source: https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens
type TokenSource interface {
	Token(ctx context.Context) (string, error)
}

// FreshTokenSource is a [TokenSource] that can do better than the token that it
// gave. When Shopify answers 401, the client asks it once per call for another
// token and sends the request again, unsafe mutations too: a request whose token
// was refused did not run.
type FreshTokenSource interface {
	TokenSource
	// FreshToken returns a token in place of the refused one. If that is no longer
	// the source's token, because somebody else got a new one meanwhile, it is the
	// present one. It fails if there is no other token.
	FreshToken(ctx context.Context, refused string) (string, error)
}

// StaticToken returns a source of one token that does not change, such as the
// token of a custom app. It prints and logs as "[redacted]".
func StaticToken(token string) TokenSource { return &staticToken{func() string { return token }} }

// staticToken keeps its token in a function: fmt calls no methods of what an
// unexported field holds, and prints whatever data it finds there.
type staticToken struct{ token func() string }

func (s *staticToken) Token(context.Context) (string, error) { return s.token(), nil }
func (*staticToken) Format(f fmt.State, _ rune)              { _, _ = f.Write([]byte("[redacted]")) }

func (*staticToken) LogValue() slog.Value { return slog.StringValue("[redacted]") }
