package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/posai-go/posai/shopify"
)

// stateLifetime is how long a merchant may take to approve an installation.
const stateLifetime = 10 * time.Minute

// StateStore sees to it that a state is used once, where several processes answer
// callbacks; package sqlstore has one, a [MemoryReplayGuard] is one for one process, and
// one of your own is right if authtest.TestStateStore says so. That the browser of the
// callback is the one that began is what the cookie says. Implementations are safe for
// concurrent use.
type StateStore interface {
	// Use records that the state was used and reports whether that is the first time; of
	// several who ask at once one is told so. It may be forgotten at the time expires.
	Use(ctx context.Context, state string, expires time.Time) (first bool, err error)
}

// newState returns a state that nobody can guess: 128 bits.
func newState() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// stateCookie names the cookie of a state, so that installations in two tabs do not
// disturb each other. The prefix keeps subdomains from setting it.
func (in *Installer) stateCookie(state string) string {
	sum := sha256.Sum256([]byte(state))
	name := "posai_oauth_" + base64.RawURLEncoding.EncodeToString(sum[:6])
	if in.secure {
		return "__Host-" + name
	}
	return name
}

// bind gives the browser the cookie that belongs to a state.
func (in *Installer) bind(w http.ResponseWriter, state string, shop shopify.Domain) {
	expires := strconv.FormatInt(time.Now().Add(stateLifetime).Unix(), 10)
	http.SetCookie(w, in.cookie(state, expires+"."+in.sign(in.app.secrets.Current, state, shop, expires), int(stateLifetime/time.Second)))
}

func (in *Installer) cookie(state, value string, maxAge int) *http.Cookie {
	// Lax, so that it comes along when Shopify sends the browser back.
	return &http.Cookie{Name: in.stateCookie(state), Value: value, Path: "/", MaxAge: maxAge, Secure: in.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

func (in *Installer) sign(secret, state string, shop shopify.Domain, expires string) string {
	mac := hmac.New(sha256.New, derive(secret, "state cookie"))
	mac.Write([]byte(strings.Join([]string{state, string(shop), expires, in.callback}, "\n")))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// bound takes the cookie of a state away and reports whether it was there, for this
// shop, in time and for the first time.
func (in *Installer) bound(w http.ResponseWriter, r *http.Request, state string, shop shopify.Domain) (bool, error) {
	if state == "" || len(state) > 64 || strings.ContainsAny(state, "\n") {
		return false, nil
	}
	c, err := r.Cookie(in.stateCookie(state))
	if err != nil {
		return false, nil //nolint:nilerr // it is not there
	}
	http.SetCookie(w, in.cookie(state, "", -1))
	expires, signature, _ := strings.Cut(c.Value, ".")
	valid := false
	for _, secret := range in.app.secrets.valid() {
		valid = hmac.Equal([]byte(signature), []byte(in.sign(secret, state, shop, expires))) || valid
	}
	unix, err := strconv.ParseInt(expires, 10, 64)
	until := time.Unix(unix, 0)
	if err != nil || !valid || !time.Now().Before(until) {
		return false, nil //nolint:nilerr // nothing that was made here
	}
	return in.opts.States.Use(r.Context(), state, until)
}
