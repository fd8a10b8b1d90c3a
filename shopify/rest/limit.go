package rest

import (
	"strconv"
	"strings"
)

// CallLimit is the state of a shop's bucket of requests.
// Source: https://shopify.dev/docs/api/admin-rest/usage/rate-limits
type CallLimit struct {
	Used int // requests in the bucket
	Max  int // that it holds
}

// ParseCallLimit reads the header X-Shopify-Shop-Api-Call-Limit: "32/40".
func ParseCallLimit(header string) (CallLimit, bool) {
	used, limit, ok := strings.Cut(header, "/")
	u, err := strconv.Atoi(used)
	m, err2 := strconv.Atoi(limit)
	if !ok || err != nil || err2 != nil || u < 0 || m < 1 || m > 1_000_000 {
		return CallLimit{}, false
	}
	return CallLimit{Used: u, Max: m}, true
}
