package console

import (
	"errors"
	"net/http"

	"github.com/posai-go/posai/approval"
)

// ErrSignedOut says that a request comes from nobody who is signed in. The
// console answers it with the way to sign in.
var ErrSignedOut = errors.New("console: nobody is signed in")

// Authenticator says who sends a request. It is the way to put the console
// behind a sign-in that you already have; [SignedLinks] is the built-in one.
type Authenticator interface {
	// Authenticate returns the person who sends r, with the roles and
	// locations that hold now. It returns an error that matches
	// [ErrSignedOut] when nobody is signed in; any other error becomes a page
	// that says that sign-in is not possible at the moment. The ID must be the
	// same on every channel, so that a person cannot be two approvers. It is
	// called for every request, concurrently.
	Authenticate(r *http.Request) (approval.Principal, error)
}

// AuthenticatorFunc is a function as an [Authenticator].
type AuthenticatorFunc func(r *http.Request) (approval.Principal, error)

// Authenticate calls f.
func (f AuthenticatorFunc) Authenticate(r *http.Request) (approval.Principal, error) { return f(r) }

// overHTTPS reports whether the browser sent r over TLS. A client can claim so
// by a header; all that it gets is a cookie with more restrictions.
func overHTTPS(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}

// cookieName is the name under which a cookie travels. Over TLS it has the
// prefix that keeps other hosts of the same domain from setting it.
// https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes
func cookieName(name string, secure bool) string {
	if secure {
		return "__Host-" + name
	}
	return name
}

func setCookie(w http.ResponseWriter, r *http.Request, name, value string, maxAge int) {
	secure := overHTTPS(r)
	http.SetCookie(w, &http.Cookie{
		Name:     cookieName(name, secure),
		Value:    value,
		Path:     "/",
		MaxAge:   maxAge,
		Secure:   secure,
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode, // Strict would show the sign-in page to everybody who follows a link from mail or chat
	})
}

// readCookie returns a cookie's value, "" if there is none. An unprefixed
// cookie does not count over TLS, where anybody on a sibling host could have
// set it.
func readCookie(r *http.Request, name string) string {
	if c, err := r.Cookie(cookieName(name, true)); err == nil {
		return c.Value
	}
	if overHTTPS(r) {
		return ""
	}
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}
