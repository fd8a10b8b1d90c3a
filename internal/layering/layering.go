// Package layering holds the rules that say which package of this module may
// import which, as data and as one function, so that a test can hold every
// file of the tree against them.
//
// The rules in words are in docs/design.md, "Arrows".
package layering

import (
	"path"
	"slices"
	"strings"
)

// Module is the module path that all rules are about.
const Module = "github.com/posai-go/posai"

// rooms are the top-level packages that users import. Each maps to the other
// rooms that it may know.
var rooms = map[string][]string{
	"shopify":  nil,
	"webhook":  nil,
	"ai":       nil,
	"audit":    nil,
	"approval": {"audit"},
}

// bridges are the leaves that may know one room more than their own does.
var bridges = map[string][]string{
	"audit/accesslog":   {"shopify"},
	"audit/compliance":  {"webhook"},
	"approval/toolgate": {"ai"},
}

// kits are the test kits: a package below one of these belongs to it.
var kits = []string{
	"shopify/shopifytest",
	"shopify/auth/authtest",
	"webhook/webhooktest",
	"ai/aitest",
	"ai/rag/ragtest",
	"approval/approvaltest",
	"audit/audittest",
	"internal/secrettest",
	"internal/testbrowser",
	"internal/testpg",
}

// rootWeight lists the third-party packages that a room's root may import
// itself. An entry that ends in "/" allows everything below it.
var rootWeight = map[string][]string{
	"shopify": {
		"github.com/Khan/genqlient/graphql",
		"github.com/hashicorp/go-retryablehttp",
		"github.com/vektah/gqlparser/v2/gqlerror", // the errors in genqlient's own Response
		"github.com/shopspring/decimal",
		"golang.org/x/time/rate",
	},
	"webhook":  {"github.com/shopspring/decimal"},
	"ai":       {"github.com/shopspring/decimal", "golang.org/x/time/rate"},
	"audit":    {"golang.org/x/mod/sumdb/"},
	"approval": nil,
}

// Import is one import of one file.
type Import struct {
	From string // importing package, relative to the module: "webhook/inbox"
	Test bool   // the file is a _test.go file
	Path string // import path as written
}

// Check returns the rule that an import breaks, or "" if it breaks none.
func Check(im Import) string {
	target, ours := strings.CutPrefix(im.Path, Module+"/")
	if !ours {
		return checkForeign(im)
	}
	from, to := room(im.From), room(target)
	switch {
	case im.From == target:
		return "" // an external test of the package itself
	case from == "examples":
		if to == "examples" && !strings.HasPrefix(target, "examples/internal/") && example(target) != example(im.From) {
			return "an example never imports another example"
		}
		return ""
	case to == "examples":
		return "nothing imports an example"
	case kit(target) != "":
		if im.Test || kit(im.From) != "" {
			return ""
		}
		return "test kits are imported by tests, test kits and examples alone"
	case to == "internal":
		return ""
	case from == "internal":
		if im.Test {
			return ""
		}
		return "internal packages know no room"
	case from == to:
		if im.From == from && target != from && !im.Test && !within(target, from+"/internal") {
			return "a room never imports its leaves"
		}
		return ""
	case im.From == "": // the module's own tests at the top
		return ""
	case slices.Contains(rooms[from], to):
		if target == to {
			return ""
		}
		if im.Test { // a test may set up the other room's embedded store
			return ""
		}
		return "leaves of different rooms do not meet"
	case slices.Contains(bridges[im.From], to) && (target == to || im.Test): // a test sets up the other side
		return ""
	}
	return "room " + from + " knows nothing of room " + to
}

func checkForeign(im Import) string {
	first, _, _ := strings.Cut(im.Path, "/")
	if im.Test || !strings.Contains(first, ".") {
		return "" // tests, and the standard library
	}
	allowed, isRoot := rootWeight[im.From]
	if !isRoot {
		return ""
	}
	for _, a := range allowed {
		if im.Path == a || strings.HasSuffix(a, "/") && strings.HasPrefix(im.Path, a) {
			return ""
		}
	}
	return "the root of a room links only the standard library and " + strings.Join(allowed, ", ")
}

// room is the first element of a package path.
func room(pkg string) string {
	first, _, _ := strings.Cut(pkg, "/")
	return first
}

// example is the folder of the example that a package belongs to.
func example(pkg string) string {
	parts := strings.SplitN(pkg, "/", 3)
	return strings.Join(parts[:min(len(parts), 2)], "/")
}

func kit(pkg string) string {
	for _, k := range kits {
		if within(pkg, k) {
			return k
		}
	}
	return ""
}

func within(pkg, dir string) bool {
	return pkg == dir || strings.HasPrefix(path.Clean(pkg), dir+"/")
}
