package shopifytest

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The package's documentation lists what the shop carries out.
func TestDocumentedMutations(t *testing.T) {
	source, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(source), "# What can be written")
	listed, _, _ := strings.Cut(rest, "They answer")
	names := regexp.MustCompile(`[a-z]+[A-Z][A-Za-z0-9]+`).FindAllString(listed, -1)
	slices.Sort(names)
	assert.Equal(t, slices.Sorted(maps.Keys(mutations)), names)
}
