package shopify

import (
	"fmt"
	"strconv"
	"strings"
)

// GID is a global id, "gid://shopify/Order/820982911946154508": what Shopify's
// GraphQL APIs take and return as ID. The zero value is no id.
// Source: https://shopify.dev/docs/api/usage/gids
type GID string

// maxGID is the longest id that is accepted, in bytes.
const maxGID = 512

// NewGID returns the GID of a type and a numeric id, as webhooks and the REST
// API give it.
func NewGID(typ string, id int64) GID {
	return GID("gid://shopify/" + typ + "/" + strconv.FormatInt(id, 10))
}

// ParseGID checks that s has the shape gid://app/Type/id, with an optional
// query ("?inventory_item_id=1") behind the id. The error matches [ErrInvalid].
func ParseGID(s string) (GID, error) {
	if _, _, ok := splitGID(s); !ok {
		return "", fmt.Errorf("shopify: %w: not a GID", ErrInvalid)
	}
	return GID(s), nil
}

// Type returns the type's name, "Order", or "" if g is not a GID.
func (g GID) Type() string {
	typ, _, _ := splitGID(string(g))
	return typ
}

// ID returns the part behind the type, without a query, or "" if g is not a
// GID. It is a number for nearly all types.
func (g GID) ID() string {
	_, id, _ := splitGID(string(g))
	return id
}

// Number returns the id as a number. Numeric ids exceed what a float64 holds
// exactly. The error matches [ErrInvalid].
func (g GID) Number() (int64, error) {
	n, err := strconv.ParseInt(g.ID(), 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("shopify: %w: no number in the GID", ErrInvalid)
	}
	return n, nil
}

// String returns the id as it stands in requests.
func (g GID) String() string { return string(g) }

func splitGID(s string) (typ, id string, ok bool) {
	rest, ok := strings.CutPrefix(s, "gid://")
	if !ok || len(s) > maxGID {
		return "", "", false
	}
	app, rest, ok := strings.Cut(rest, "/")
	if !ok || !word(app, "-_") {
		return "", "", false
	}
	typ, rest, ok = strings.Cut(rest, "/")
	if !ok || !word(typ, "_:") {
		return "", "", false
	}
	id, query, _ := strings.Cut(rest, "?")
	if !word(id, "-_.~+=%") || strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' }) {
		return "", "", false
	}
	return typ, id, true
}

// word reports whether s is not empty and holds only ASCII letters, digits and
// the extra characters.
func word(s, extra string) bool {
	for i := range len(s) {
		if c := s[i]; !nameStart(c) && !digit(c) && strings.IndexByte(extra, c) < 0 {
			return false
		}
	}
	return s != ""
}
