package postoken_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/internal/postoken"
)

var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func verifier(secrets ...string) *postoken.Verifier {
	return postoken.New("client", func() time.Time { return now }, secrets...)
}

func request(t *testing.T, authorization string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Header.Set("Authorization", authorization)
	return r
}

// sign makes a token that is right but for what change does to it.
func sign(t *testing.T, method jwt.SigningMethod, key any, change func(jwt.MapClaims)) string {
	t.Helper()
	c := jwt.MapClaims{
		"iss": "https://example.myshopify.com/admin", "dest": "https://example.myshopify.com", "aud": "client", "sub": "42",
		"exp": now.Add(time.Minute).Unix(), "nbf": now.Unix(), "iat": now.Unix(), "jti": "x", "sid": "y",
	}
	change(c)
	token, err := jwt.NewWithClaims(method, c).SignedString(key)
	require.NoError(t, err)
	return token
}

func same(jwt.MapClaims) {}

func TestVerify(t *testing.T) {
	token, err := postoken.Sign("client", "secret", postoken.Session{Shop: "example.myshopify.com", Account: "42"}, now)
	require.NoError(t, err)
	for name, v := range map[string]*postoken.Verifier{"the secret": verifier("secret"), "the secret before": verifier("new", "secret")} {
		s, err := v.Verify(request(t, "Bearer "+token))
		require.NoError(t, err, name)
		assert.Equal(t, postoken.Session{Shop: "example.myshopify.com", Account: "42"}, s)
	}
	for name, change := range map[string]func(jwt.MapClaims){
		"expired within the leeway":     func(c jwt.MapClaims) { c["exp"] = now.Add(-9 * time.Second).Unix() },
		"not yet valid, within leeway":  func(c jwt.MapClaims) { c["nbf"] = now.Add(9 * time.Second).Unix() },
		"several audiences":             func(c jwt.MapClaims) { c["aud"] = []string{"other", "client"} },
		"capital letters in the domain": func(c jwt.MapClaims) { c["dest"] = "https://Example.myshopify.com" },
	} {
		_, err := verifier("secret").Verify(request(t, "bearer "+sign(t, jwt.SigningMethodHS256, []byte("secret"), change)))
		assert.NoError(t, err, name)
	}
}

func TestRefused(t *testing.T) {
	good := sign(t, jwt.SigningMethodHS256, []byte("secret"), same)
	none := sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, same)
	part := strings.Split(good, ".")
	for name, authorization := range map[string]string{
		"nothing":         "",
		"no scheme":       good,
		"other scheme":    "Basic " + good,
		"empty":           "Bearer ",
		"too long":        "Bearer " + strings.Repeat("x", 5000),
		"another secret":  "Bearer " + sign(t, jwt.SigningMethodHS256, []byte("guess"), same),
		"no signature":    "Bearer " + none,
		"stripped":        "Bearer " + part[0] + "." + part[1] + ".",
		"alg none header": "Bearer " + base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + part[1] + "." + part[2],
		"HS384":           "Bearer " + sign(t, jwt.SigningMethodHS384, []byte("secret"), same),
		"changed":         "Bearer " + part[0] + "." + part[1] + "x." + part[2],
	} {
		_, err := verifier("secret").Verify(request(t, authorization))
		assert.ErrorIs(t, err, postoken.ErrToken, name)
	}
	for name, change := range map[string]func(jwt.MapClaims){
		"expired":               func(c jwt.MapClaims) { c["exp"] = now.Add(-11 * time.Second).Unix() },
		"without expiry":        func(c jwt.MapClaims) { delete(c, "exp") },
		"not yet valid":         func(c jwt.MapClaims) { c["nbf"] = now.Add(11 * time.Second).Unix() },
		"issued in the future":  func(c jwt.MapClaims) { c["iat"] = now.Add(time.Hour).Unix() },
		"for another app":       func(c jwt.MapClaims) { c["aud"] = "other" },
		"for no app":            func(c jwt.MapClaims) { delete(c, "aud") },
		"of two shops":          func(c jwt.MapClaims) { c["iss"] = "https://other.myshopify.com/admin" },
		"no destination":        func(c jwt.MapClaims) { delete(c, "dest") },
		"no issuer":             func(c jwt.MapClaims) { delete(c, "iss") },
		"of another site":       func(c jwt.MapClaims) { c["dest"], c["iss"] = "https://example.com", "https://example.com/admin" },
		"destination with path": func(c jwt.MapClaims) { c["dest"] = "https://example.myshopify.com/x" },
		"destination with user": func(c jwt.MapClaims) { c["dest"] = "https://a@example.myshopify.com" },
		"plain http":            func(c jwt.MapClaims) { c["dest"] = "http://example.myshopify.com" },
		"of nobody":             func(c jwt.MapClaims) { delete(c, "sub") },
	} {
		_, err := verifier("secret").Verify(request(t, "Bearer "+sign(t, jwt.SigningMethodHS256, []byte("secret"), change)))
		assert.ErrorIs(t, err, postoken.ErrToken, name)
	}
	empty := sign(t, jwt.SigningMethodHS256, []byte(""), same)
	for name, v := range map[string]*postoken.Verifier{"no secret": verifier(), "an empty secret": verifier("")} {
		_, err := v.Verify(request(t, "Bearer "+empty))
		assert.ErrorIs(t, err, postoken.ErrToken, name)
	}
	_, err := postoken.New("", nil, "secret").Verify(request(t, "Bearer "+sign(t, jwt.SigningMethodHS256, []byte("secret"), func(c jwt.MapClaims) { c["aud"] = "" })))
	assert.ErrorIs(t, err, postoken.ErrToken, "no client ID")
}

func TestCORS(t *testing.T) {
	h := postoken.CORS(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodOptions, "/", nil))
	assert.Equal(t, http.StatusNoContent, w.Code)
	assert.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
	assert.Equal(t, "Authorization, Content-Type", w.Header().Get("Access-Control-Allow-Headers"))
	assert.Equal(t, "7200", w.Header().Get("Access-Control-Max-Age"))
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	assert.Equal(t, http.StatusUnauthorized, w.Code)
	assert.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"), "an extension must be able to read a refusal")
	assert.Empty(t, w.Header().Get("Access-Control-Allow-Credentials"))
}

func FuzzVerify(f *testing.F) {
	f.Add("Bearer a.b.c")
	f.Add("Bearer eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, authorization string) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header["Authorization"] = []string{authorization}
		if s, err := verifier("a secret that the fuzzer does not know").Verify(r); err == nil {
			t.Fatalf("accepted for %s", s.Shop)
		}
	})
}
