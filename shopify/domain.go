package shopify

import (
	"fmt"
	"regexp"
	"strings"
)

// Domain is a shop's permanent domain, "example.myshopify.com". It is what
// identifies a shop; the domain that customers see is another one. Make one
// with [ParseDomain].
type Domain string

// domainRE is the check of Shopify's own libraries.
// Source: https://github.com/Shopify/shopify-app-js (sanitizeShop)
var domainRE = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_-]*\.(myshopify\.com|shopify\.com|myshopify\.io|shop\.dev)$`)

// ParseDomain checks that s is a shop domain and returns it in lower case. It
// takes the bare domain, without scheme, port or path. The error matches
// [ErrInvalid].
//
// Check every domain that comes from outside: the client sends the shop's
// access token there.
func ParseDomain(s string) (Domain, error) {
	// 253 bytes is the longest name that DNS carries.
	if len(s) > 253 || !domainRE.MatchString(s) {
		return "", fmt.Errorf("shopify: %w: not a shop domain", ErrInvalid)
	}
	return Domain(strings.ToLower(s)), nil
}

// String returns the domain.
func (d Domain) String() string { return string(d) }
