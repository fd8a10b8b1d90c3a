package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"

	"github.com/posai-go/posai/shopify"
)

// maxLink bounds a Link header that is read, in bytes.
const maxLink = 16 << 10

// ParseLink reads the header Link: the queries of the next and the previous page, nil
// where there is none. Only the query of a link is taken: where the API is, the client
// knows, and an address from outside must not get the access token.
// Source: https://shopify.dev/docs/api/admin-rest/usage/pagination, RFC 8288
func ParseLink(header []string) (next, previous url.Values) {
	text := strings.Join(header, ",")
	if len(text) > maxLink {
		return nil, nil
	}
	for {
		_, rest, found := strings.Cut(text, "<")
		if !found {
			return next, previous
		}
		target, rest, found := strings.Cut(rest, ">")
		if !found {
			return next, previous
		}
		params := rest
		if before, _, ok := strings.Cut(rest, "<"); ok {
			params = before
		}
		text = rest
		query := pageQuery(target)
		for _, rel := range relations(params) {
			switch {
			case query == nil:
			case rel == "next" && next == nil:
				next = query
			case rel == "previous" && previous == nil:
				previous = query
			}
		}
	}
}

// pageQuery returns the query of a link if it is one to a page.
func pageQuery(target string) url.Values {
	u, err := url.Parse(target)
	if err != nil {
		return nil
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil || q.Get("page_info") == "" {
		return nil
	}
	return q
}

// relations returns the values of rel among a link's parameters.
func relations(params string) []string {
	for param := range strings.FieldsFuncSeq(params, func(r rune) bool { return r == ';' || r == ',' }) {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if strings.EqualFold(strings.TrimSpace(name), "rel") {
			return strings.Fields(strings.ToLower(strings.Trim(strings.TrimSpace(value), `"`)))
		}
	}
	return nil
}

// Pages returns the elements of all pages of a list, from the one that query asks for:
// url.Values{"limit": {"250"}}, which is the most that Shopify gives at once. key is the
// list's name in the answer: "orders". A page is asked for when the loop gets there. An
// error is yielded once and ends it; ranging again starts again.
func Pages[T any](ctx context.Context, c *Client, path string, query url.Values, key string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		at := query
		for {
			var body map[string]json.RawMessage
			resp, err := c.Get(ctx, path, at, &body)
			if err != nil {
				yield(zero, err)
				return
			}
			var list []T
			if raw, ok := body[key]; !ok || json.Unmarshal(raw, &list) != nil {
				yield(zero, fmt.Errorf("rest: GET %s: the answer holds no list %q of %T", path, key, zero))
				return
			}
			for _, element := range list {
				if !yield(element, nil) {
					return
				}
			}
			if resp.Next == nil {
				return
			}
			if slices.Equal(resp.Next["page_info"], at["page_info"]) {
				yield(zero, fmt.Errorf("rest: GET %s: %w: a page that leads to itself", path, shopify.ErrServer))
				return
			}
			at = resp.Next
		}
	}
}
