package doctest_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/internal/doctest"
)

const root = "../.."

// TestDocumentationCompiles builds every Go block of the documentation as a
// package of this module. Each block is a whole file, as a reader would paste
// it.
func TestDocumentationCompiles(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	files = append(files, filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md"))

	dir := t.TempDir()
	module, err := filepath.Abs(root)
	require.NoError(t, err)
	overlay := map[string]string{}
	var packages []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		blocks, err := doctest.Blocks(string(text))
		require.NoError(t, err, file)
		for _, b := range blocks {
			if b.Lang != "go" {
				continue
			}
			name := fmt.Sprintf("block%d", len(packages))
			source := filepath.Join(dir, name+".go")
			header := fmt.Sprintf("//line %s:%d\n", filepath.Base(file), b.Line+1)
			require.NoError(t, os.WriteFile(source, []byte(header+b.Text), 0o600))
			overlay[filepath.Join(module, "internal", "doctest", name, "block.go")] = source
			packages = append(packages, "./internal/doctest/"+name)
		}
	}
	require.NotEmpty(t, packages, "the README must show a program")

	replace, err := json.Marshal(map[string]any{"Replace": overlay})
	require.NoError(t, err)
	config := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(config, replace, 0o600))
	cmd := exec.Command("go", append([]string{"build", "-overlay", config, "-o", os.DevNull}, packages...)...)
	if len(packages) > 1 { // several packages take no -o file
		cmd = exec.Command("go", append([]string{"build", "-overlay", config}, packages...)...)
	}
	cmd.Dir = root
	dependOnSources(t)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// dependOnSources makes every source file of the module part of this test's
// cache key. The compiler runs in a process of its own, whose reads the test
// cache does not see.
func dependOnSources(t *testing.T) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") {
			_, err = os.Stat(path)
		}
		return err
	}))
}

func TestBlocks(t *testing.T) {
	blocks, err := doctest.Blocks("a\n```go\nx\n```\n\n````text\n```\n````\n")
	require.NoError(t, err)
	assert.Equal(t, []doctest.Block{{Lang: "go", Line: 2, Text: "x\n"}, {Lang: "text", Line: 6, Text: "```\n"}}, blocks)

	_, err = doctest.Blocks(strings.Repeat("x\n", 3) + "```go\n")
	assert.ErrorContains(t, err, "line 4")
}

func FuzzBlocks(f *testing.F) {
	f.Add("```go\npackage x\n```\n")
	f.Fuzz(func(t *testing.T, text string) {
		blocks, err := doctest.Blocks(text)
		if err != nil {
			return
		}
		for _, b := range blocks {
			if !strings.Contains(text, b.Text) {
				t.Fatalf("block is not part of the text: %q", b.Text)
			}
		}
	})
}
