package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/posai-go/posai/internal/doctest"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../../.."

// module writes a module of a user's own, beside this one.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	repo, err := filepath.Abs(root)
	require.NoError(t, err)
	mod, err := os.ReadFile(filepath.Join(repo, "go.mod"))
	require.NoError(t, err)
	sum, err := os.ReadFile(filepath.Join(repo, "go.sum"))
	require.NoError(t, err)
	_, requirements, _ := strings.Cut(string(mod), "\n\n") // behind the module's name
	dir := t.TempDir()
	files["go.mod"] = "module example.com/store\n\n" + requirements +
		"\nrequire github.com/posai-go/posai v0.0.0\nreplace github.com/posai-go/posai => " + repo + "\n"
	files["go.sum"] = string(sum)
	for name, text := range files {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	return dir
}

// goTool runs the go command in a module, offline.
func goTool(t *testing.T, dir string, env []string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), append(env, "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "go %s\n%s", strings.Join(args, " "), out)
	return string(out)
}

// TestTheGuide does what the guide says, in a module of its own: its operations
// are generated and compiled, and its program runs against a simulated shop.
func TestTheGuide(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	require.NoError(t, err)
	blocks, err := doctest.Blocks(string(text))
	require.NoError(t, err)
	code := map[string][]string{}
	for _, b := range blocks {
		code[b.Lang] = append(code[b.Lang], b.Text)
	}
	require.Len(t, code["graphql"], 1)
	require.Len(t, code["go separate module"], 2)
	dir := module(t, map[string]string{
		"reports/tenders.graphql": code["graphql"][0],
		"reports/reports.go":      code["go separate module"][0],
		"main.go":                 code["go separate module"][1],
	})
	goTool(t, dir, nil, "generate", "./reports")
	for _, name := range []string{"tenders_gen.go", "reports_table_gen.go"} {
		assert.FileExists(t, filepath.Join(dir, "reports", name))
	}
	goTool(t, dir, nil, "vet", "./...")

	shop := shopifytest.NewShop(t, nil)
	out := goTool(t, dir, []string{"POSAI_TOKEN=" + shop.Token(), "POSAI_URL=" + shop.URL()}, "run", ".", shop.Domain())
	assert.Equal(t, "needs [[read_customers] [read_orders read_marketplace_orders] [write_orders write_marketplace_orders write_quick_sale]]\norders 50\npersonal true true\nnote count the drawer\n", out)
}

// TestGeneratedCodeOfAllKinds generates and compiles what the guide leaves out.
func TestGeneratedCodeOfAllKinds(t *testing.T) {
	dir := module(t, map[string]string{
		"ops/node.graphql": `query Find($id: ID!) { node(id: $id) { ... on Order { name mail: email } ... on Customer { firstName } } }
query Union($id: ID!) { discountNode(id: $id) { discount { ... on DiscountCodeBasic { title } } } }`,
		"ops/stock.graphql": `mutation Adjust($input: InventoryAdjustQuantitiesInput!, $key: String!) {
  inventoryAdjustQuantities(input: $input) @idempotent(key: $key) { inventoryAdjustmentGroup { id changes { delta } } userErrors { field message code } }
}`,
		"ops/types.graphql":      `query Shared { shop { ...Name } } fragment Name on Shop { name currencyCode }`,
		"ops/table.graphql":      `query AlsoShared { shop { ...Name } }`,
		"ops/operations.graphql": `query Levels($id: ID!) { location(id: $id) { inventoryLevels(first: 1) { nodes { quantities(names: ["available"]) { quantity } } } } }`,
		"front/cart.graphql":     `mutation Create($input: CartInput!) { cartCreate(input: $input) { cart { id checkoutUrl cost { totalAmount { amount currencyCode } } } userErrors { field message code } } }`,
	})
	for _, args := range [][]string{{"-dir", "ops"}, {"-dir", "front", "-api", "storefront", "-package", "storefront"}} {
		args[1] = filepath.Join(dir, args[1])
		require.NoError(t, run(args, t.Output()))
	}
	goTool(t, dir, nil, "vet", "./...")
	table, err := os.ReadFile(filepath.Join(dir, "ops", "ops_table_gen.go"))
	require.NoError(t, err)
	assert.Contains(t, string(table), `Safety: shopify.SafetyKeyed`)
	front, err := os.ReadFile(filepath.Join(dir, "front", "storefront_table_gen.go"))
	require.NoError(t, err)
	assert.Contains(t, string(front), "package storefront")
	require.NoError(t, run([]string{"-dir", filepath.Join(dir, "ops")}, t.Output()), "again")

	require.NoError(t, os.Remove(filepath.Join(dir, "ops", "stock.graphql")))
	assert.ErrorContains(t, run([]string{"-dir", filepath.Join(dir, "ops")}, t.Output()), "delete: stock_gen.go")
}

func TestMistakes(t *testing.T) {
	empty, wrong := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(wrong, "a.graphql"), []byte("query Q {\n  shop { nam }\n}"), 0o600))
	for name, tt := range map[string]struct {
		args []string
		text string
	}{
		"no files":          {[]string{"-dir", empty}, "no .graphql files"},
		"wrong field":       {[]string{"-dir", wrong, "-package", "ops"}, "a.graphql:2"},
		"unknown API":       {[]string{"-dir", wrong, "-api", "rest"}, "unknown API"},
		"package name":      {[]string{"-dir", wrong, "-package", "a-b"}, "no package name"},
		"unknown argument":  {[]string{"reports"}, "unknown argument"},
		"unknown flag":      {[]string{"-x"}, "not defined"},
		"folder without go": {[]string{"-dir", filepath.Join(empty, "nothing")}, "no .graphql files"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.ErrorContains(t, run(tt.args, t.Output()), tt.text)
		})
	}
}
