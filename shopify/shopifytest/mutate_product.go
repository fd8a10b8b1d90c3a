package shopifytest

import (
	"regexp"
	"strings"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/productUpdate
func productUpdate(s *state, c *graph.Call) (any, error) {
	in := input(c, "product")
	if in == nil || c.Args["identifier"] != nil || c.Args["media"] != nil {
		return nil, notSimulated("productUpdate without the argument product alone")
	}
	if key := unknown(in, "id", "title", "handle", "descriptionHtml", "productType", "vendor", "status", "tags", "metafields"); key != "" {
		return nil, notSimulated("ProductUpdateInput." + key)
	}
	p, ok := find[*product](s, text(in, "id"))
	if !ok {
		return refused(userError{field: []string{"id"}, message: "Product does not exist"}), nil
	}
	errs := withoutCodes(s.checkMetafields("PRODUCT", p, in["metafields"], "metafields"))
	if title, sent := in["title"]; sent && (title == nil || title == "") {
		errs = append(errs, userError{field: []string{"title"}, message: "Title can't be blank"})
	}
	if h := text(in, "handle"); h != "" && h != p.handle {
		for _, other := range s.products {
			if other.handle == h {
				errs = append(errs, userError{field: []string{"handle"}, message: "Handle has already been taken"})
			}
		}
	}
	if len(errs) > 0 {
		return refused(errs...), nil
	}
	setText(in, "title", &p.title)
	setText(in, "productType", &p.productType)
	setText(in, "vendor", &p.vendor)
	if h := text(in, "handle"); h != "" {
		p.handle = h
	}
	if status := text(in, "status"); status != "" {
		p.status = status
	}
	if html, sent := in["descriptionHtml"]; sent {
		p.html, _ = html.(string)
		p.description = plain(p.html)
	}
	if tags, sent := in["tags"]; sent {
		p.tags = normalizeTags(stringList(tags))
	}
	s.setMetafields(p, in["metafields"])
	s.updated(p)
	return done("product", object(p)), nil
}

var markup = regexp.MustCompile(`<[^>]*>`)

// plain is HTML without its markup.
func plain(html string) string {
	return strings.TrimSpace(markup.ReplaceAllString(html, " "))
}
