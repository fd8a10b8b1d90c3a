package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrTimestamp reports a request that was signed too long ago, or in the
// future.
var ErrTimestamp = errors.New("webhook: the timestamp is not current")

// AppProxyTolerance is how far the timestamp of an app proxy's request may be
// from the present.
const AppProxyTolerance = 90 * time.Second

// AppProxy is what Shopify says of a request that it forwards from a storefront
// to an app.
//
// https://shopify.dev/docs/apps/build/online-store/app-proxies
type AppProxy struct {
	// Shop is the shop's permanent domain in lower case.
	Shop string

	// PathPrefix is where the proxy is in the storefront, such as
	// "/apps/reviews".
	PathPrefix string

	// CustomerID is the customer who is logged in, 0 if nobody is.
	CustomerID int64

	// At is when Shopify signed the request.
	At time.Time

	// Query has all parameters but the signature. Those that are not
	// Shopify's are the visitor's.
	Query url.Values
}

// maxQuery is how long a query may be, in bytes.
const maxQuery = 64 << 10

// proxyParameters are the parameters that Shopify adds.
var proxyParameters = [...]string{"shop", "path_prefix", "timestamp", "logged_in_customer_id"}

// VerifyAppProxy checks the raw query of a request that comes through an app
// proxy ([net/url.URL.RawQuery]): it is signed with one of the secrets that are
// accepted at now, and at most [AppProxyTolerance] from now.
//
// The signature is the hex of the HMAC-SHA256 of the other parameters, sorted,
// each as name=value, the values of a repeated one joined with commas, nothing
// between them. Because nothing stands between them, a visitor could have
// Shopify sign a query and then cut the same text in other places, as
// another customer. Hence a query is refused in which the name of one of
// Shopify's parameters with its equals sign occurs anywhere else, even if it is
// well signed: an app cannot have a parameter workshop or redirect to a URL
// with ?shop=. A query in which one of Shopify's parameters, hmac or signature
// is repeated is refused as well.
//
// The error is a [*RequestError]: 400 for a malformed query, 401 for one that
// matches [ErrSignature] or [ErrTimestamp]. What follows the query, such as a
// body, is not signed.
//
// https://shopify.dev/docs/apps/build/online-store/app-proxies/authenticate-app-proxies
func VerifyAppProxy(rawQuery string, secrets Secrets, now time.Time) (*AppProxy, error) {
	if len(rawQuery) > maxQuery {
		return nil, badRequest("the query is too long")
	}
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, badRequest("the query is malformed")
	}
	for _, name := range append([]string{"signature", "hmac"}, proxyParameters[:]...) {
		if len(query[name]) > 1 {
			return nil, badRequest("the parameter " + name + " is repeated")
		}
	}
	signature := query.Get("signature")
	if signature == "" {
		return nil, badRequest("the parameter signature is missing")
	}
	delete(query, "signature")
	message, byName := proxyMessages(query)
	if !secrets.verifyHex(message, signature, now) {
		if message = byName; !secrets.verifyHex(message, signature, now) {
			return nil, unauthorized(ErrSignature)
		}
	}
	for _, name := range proxyParameters {
		if strings.Count(message, name+"=") != len(query[name]) {
			return nil, badRequest("the query can be read in two ways")
		}
	}
	proxy := &AppProxy{Shop: strings.ToLower(query.Get("shop")), PathPrefix: query.Get("path_prefix"), Query: query}
	if !validShop(proxy.Shop) {
		return nil, badRequest("the parameter shop is missing or malformed")
	}
	seconds, err := strconv.ParseInt(query.Get("timestamp"), 10, 64)
	if err != nil {
		return nil, badRequest("the parameter timestamp is missing or malformed")
	}
	proxy.At = time.Unix(seconds, 0).UTC()
	if age := now.Sub(proxy.At); age > AppProxyTolerance || age < -AppProxyTolerance {
		return nil, unauthorized(ErrTimestamp)
	}
	if id := query.Get("logged_in_customer_id"); id != "" {
		if proxy.CustomerID, err = strconv.ParseInt(id, 10, 64); err != nil || proxy.CustomerID <= 0 {
			return nil, badRequest("the parameter logged_in_customer_id is malformed")
		}
	}
	return proxy, nil
}

// proxyMessages are what may be signed of a query without its signature.
// Shopify's documentation sorts name=value, its library for JavaScript the
// names: that differs where one name begins with another, because "a-b=" comes
// before "a=".
func proxyMessages(query url.Values) (message, byName string) {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(query)) {
		parts = append(parts, name+"="+strings.Join(query[name], ","))
	}
	byName = strings.Join(parts, "")
	slices.Sort(parts)
	return strings.Join(parts, ""), byName
}

// verifyHex is Verify for signatures in hex.
func (s Secrets) verifyHex(message, signature string, at time.Time) bool {
	given, err := hex.DecodeString(signature)
	if err != nil || len(given) != sha256.Size || s.check() != nil {
		return false
	}
	signedWith := func(secret string) bool {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(message))
		return hmac.Equal(mac.Sum(nil), given)
	}
	return signedWith(s.Current) || s.Previous != "" && at.Before(s.PreviousUntil) && signedWith(s.Previous)
}
