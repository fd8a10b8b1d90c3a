package layering_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/internal/layering"
)

const root = "../.."

// TestArrows parses every Go file of the module. It reads the files itself:
// asking `go list` would let the test cache hide a violation, while files that
// a test opens are part of its cache key.
func TestArrows(t *testing.T) {
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); name == "testdata" || name == "node_modules" || name == ".git" {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && path != root {
				return filepath.SkipDir // a module of its own
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		files++
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			im := layering.Import{From: strings.TrimPrefix(filepath.ToSlash(rel), "."), Test: strings.HasSuffix(path, "_test.go"), Path: imported}
			if rule := layering.Check(im); rule != "" {
				t.Errorf("%s imports %s: %s", path, imported, rule)
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, files, 50, "the walk must have found the module")
}

func TestCheck(t *testing.T) {
	const m = layering.Module + "/"
	tests := []struct {
		name string
		im   layering.Import
		rule string
	}{
		{"room knows another room", layering.Import{From: "ai", Path: m + "shopify"}, "room ai knows nothing of room shopify"},
		{"leaf knows another room", layering.Import{From: "webhook/inbox", Path: m + "audit"}, "room webhook knows nothing of room audit"},
		{"approval knows audit", layering.Import{From: "approval", Path: m + "audit"}, ""},
		{"approval's leaf knows audit", layering.Import{From: "approval/console", Path: m + "audit"}, ""},
		{"approval knows no leaf of audit", layering.Import{From: "approval", Path: m + "audit/filestore"}, "leaves of different rooms do not meet"},
		{"audit does not know approval", layering.Import{From: "audit", Path: m + "approval"}, "room audit knows nothing of room approval"},
		{"root knows no leaf", layering.Import{From: "webhook", Path: m + "webhook/inbox"}, "a room never imports its leaves"},
		{"leaf knows its root", layering.Import{From: "webhook/inbox", Path: m + "webhook"}, ""},
		{"root's test knows a leaf", layering.Import{From: "webhook", Test: true, Path: m + "webhook/inbox"}, ""},
		{"toolgate joins ai", layering.Import{From: "approval/toolgate", Path: m + "ai"}, ""},
		{"toolgate joins no leaf of ai", layering.Import{From: "approval/toolgate", Path: m + "ai/openai"}, "room approval knows nothing of room ai"},
		{"accesslog joins shopify", layering.Import{From: "audit/accesslog", Path: m + "shopify"}, ""},
		{"accesslog joins no leaf of shopify", layering.Import{From: "audit/accesslog", Path: m + "shopify/admin"}, "room audit knows nothing of room shopify"},
		{"accesslog's test uses a leaf of shopify", layering.Import{From: "audit/accesslog", Test: true, Path: m + "shopify/admin"}, ""},
		{"compliance joins webhook", layering.Import{From: "audit/compliance", Path: m + "webhook"}, ""},
		{"another leaf of audit does not", layering.Import{From: "audit/export", Path: m + "shopify"}, "room audit knows nothing of room shopify"},
		{"kit outside tests", layering.Import{From: "shopify/admin", Path: m + "shopify/shopifytest"}, "test kits are imported by tests, test kits and examples alone"},
		{"kit in a test", layering.Import{From: "webhook", Test: true, Path: m + "shopify/shopifytest"}, ""},
		{"kit in an example", layering.Import{From: "examples/postpurchase", Path: m + "shopify/shopifytest"}, ""},
		{"kit's command knows the kit", layering.Import{From: "shopify/shopifytest/cmd/shopifytest", Path: m + "shopify/shopifytest"}, ""},
		{"example knows example", layering.Import{From: "examples/a", Path: m + "examples/b"}, "an example never imports another example"},
		{"example knows itself", layering.Import{From: "examples/a/internal/x", Path: m + "examples/a/internal/y"}, ""},
		{"example knows another's inside", layering.Import{From: "examples/a", Path: m + "examples/ab/internal/y"}, "an example never imports another example"},
		{"example knows what examples share", layering.Import{From: "examples/a", Path: m + "examples/internal/demo"}, ""},
		{"room knows an example", layering.Import{From: "ai", Path: m + "examples/internal/demo"}, "nothing imports an example"},
		{"internal knows a room", layering.Import{From: "internal/sqldb", Path: m + "webhook"}, "internal packages know no room"},
		{"heavy root", layering.Import{From: "webhook", Path: "github.com/riverqueue/river"}, "the root of a room links only the standard library and github.com/shopspring/decimal"},
		{"heavy leaf", layering.Import{From: "webhook/inbox", Path: "github.com/riverqueue/river"}, ""},
		{"light root", layering.Import{From: "audit", Path: "golang.org/x/mod/sumdb/tlog"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.rule, layering.Check(tt.im)) })
	}
}
