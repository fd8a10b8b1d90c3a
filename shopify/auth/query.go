package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/posai-go/posai/shopify"
)

const (
	// maxQuery bounds a signed query, in bytes.
	maxQuery = 8 << 10
	// queryAge is how old a signed query may be, and how far ahead of this machine's
	// clock. It is that of Shopify's libraries.
	queryAge = 90 * time.Second
)

// VerifyLaunch verifies the query with which Shopify's admin opens the app's page, as
// in http.Request.URL.RawQuery, and returns its parameters: shop, which is a valid
// domain, host, timestamp, perhaps id_token, and what the app's own URL has. The error
// matches [ErrCallback].
func (a *App) VerifyLaunch(rawQuery string) (url.Values, error) {
	q, err := a.verifyQuery(rawQuery)
	if err != nil {
		return nil, err
	}
	if _, err := shopify.ParseDomain(q.Get("shop")); err != nil {
		return nil, &CallbackError{Reason: "shop"}
	}
	return q, nil
}

// verifyQuery verifies the hmac of a query and its timestamp.
func (a *App) verifyQuery(rawQuery string) (url.Values, error) {
	if len(rawQuery) > maxQuery {
		return nil, &CallbackError{Reason: "query"}
	}
	q, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, &CallbackError{Reason: "query"}
	}
	for _, name := range []string{"hmac", "shop", "timestamp", "code", "state", "host", "id_token", "embedded"} {
		if len(q[name]) > 1 { // who reads the other one is led astray
			return nil, &CallbackError{Reason: "query"}
		}
	}
	sent, err := hex.DecodeString(q.Get("hmac"))
	if err != nil || len(sent) != sha256.Size {
		return nil, &CallbackError{Reason: "hmac"}
	}
	if !a.signed(rawQuery, q, sent) {
		return nil, &CallbackError{Reason: "hmac"}
	}
	at, err := strconv.ParseInt(q.Get("timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(at, 0)).Abs() > queryAge {
		return nil, &CallbackError{Reason: "timestamp"}
	}
	q.Del("hmac")
	return q, nil
}

// signed reports whether sent is the HMAC of the query without the parameter hmac: of
// its pairs as they came, sorted, or of the same pairs encoded as Shopify's libraries
// encode them, should a proxy on the way have encoded them differently. Either is one
// text for one list of pairs.
// Source: https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/authorization-code-grant
func (a *App) signed(rawQuery string, q url.Values, sent []byte) bool {
	var pairs []string
	for pair := range strings.SplitSeq(rawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err != nil || plain == "hmac" || pair == "" {
			continue
		}
		pairs = append(pairs, pair)
	}
	slices.Sort(pairs)
	rest := url.Values{}
	for name, values := range q {
		if name != "hmac" {
			rest[name] = values
		}
	}
	texts := []string{strings.Join(pairs, "&"), rest.Encode()}
	ok := false
	for _, secret := range a.secrets.valid() {
		for _, text := range texts {
			mac := hmac.New(sha256.New, []byte(secret))
			mac.Write([]byte(text))
			ok = hmac.Equal(mac.Sum(nil), sent) || ok
		}
	}
	return ok
}

// adminOf returns where in Shopify's admin a shop is, as the parameter host says it in
// base64: "admin.shopify.com/store/example". If host is empty it is that of the
// shop's own domain.
func adminOf(shop shopify.Domain, host string) (string, error) {
	if host == "" {
		return string(shop) + "/admin", nil
	}
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(host, "="))
	if err != nil {
		return "", &CallbackError{Reason: "host"}
	}
	name, path, _ := strings.Cut(string(raw), "/")
	if _, err := shopify.ParseDomain(name); err != nil || !plainPath(path) {
		return "", &CallbackError{Reason: "host"}
	}
	return string(raw), nil
}

// plainPath reports whether a path is made of names alone.
func plainPath(path string) bool {
	return strings.Trim(path, "/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}
