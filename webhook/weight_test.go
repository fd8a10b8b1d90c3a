package webhook_test

import (
	"go/build"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWeight shows that a program that imports this package alone links no
// third-party package but the decimal one. It reads the imports of the source
// files, from one package to the next; `go list -deps` would say the same, but
// a test that asks it keeps its cached answer when a dependency changes.
func TestWeight(t *testing.T) {
	const module, allowed = "github.com/posai-go/posai", "github.com/shopspring/decimal"
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	var foreign []string
	seen := make(map[string]bool)
	var walk func(path string)
	walk = func(path string) {
		if seen[path] {
			return
		}
		seen[path] = true
		first, _, _ := strings.Cut(path, "/")
		if !strings.Contains(first, ".") {
			return // the standard library
		}
		rest, own := strings.CutPrefix(path, module)
		if !own {
			foreign = append(foreign, path)
			return
		}
		dir := filepath.Join(root, filepath.FromSlash(rest))
		for _, goos := range []string{"linux", "darwin", "windows"} {
			ctx := build.Default
			ctx.GOOS = goos
			pkg, err := ctx.ImportDir(dir, 0)
			require.NoError(t, err)
			for _, name := range pkg.GoFiles { // so that a change of them counts
				_, err := os.Stat(filepath.Join(dir, name))
				require.NoError(t, err)
			}
			for _, im := range pkg.Imports {
				walk(im)
			}
		}
	}
	walk(module + "/webhook")
	slices.Sort(foreign)
	assert.Equal(t, []string{allowed}, foreign)
}
