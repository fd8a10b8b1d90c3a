package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// npm runs a command of the extension's folder. Without Node, or `npm ci` in the folder,
// the test is skipped, or fails where nothing may be skipped.
func npm(t *testing.T, env []string, args ...string) string {
	t.Helper()
	missing := func(what string) {
		if os.Getenv("POSAI_NO_SKIP") == "1" {
			t.Fatalf("no %s on this machine, and POSAI_NO_SKIP=1", what)
		}
		t.Skipf("no %s on this machine", what)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		missing("Node")
	}
	script := filepath.Join("extension", "node_modules", filepath.FromSlash(args[0]))
	if !strings.HasPrefix(args[0], "../") {
		if _, err := os.Stat(script); err != nil {
			missing("npm packages (npm ci --prefix examples/checkoutupsell/extension)")
		}
	}
	script, err = filepath.Abs(script)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, append([]string{script}, args[1:]...)...)
	cmd.Dir = "extension"
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

const (
	typescript = "typescript/bin/tsc"
	vitest     = "vitest/vitest.mjs"
)

// The extension holds against Shopify's published types, strictly.
func TestExtensionTypes(t *testing.T) { npm(t, nil, typescript, "--noEmit") }

// The register takes no more than 64 KiB of each target.
func TestExtensionSize(t *testing.T) {
	if _, err := os.Stat(filepath.Join("extension", "node_modules", "esbuild")); err != nil {
		npm(t, nil, "esbuild/lib/main.js") // says what is missing
	}
	out := npm(t, nil, "../build.mjs", "--dry-run")
	assert.Contains(t, out, "Tile.js")
	assert.Contains(t, out, "Modal.js")
	t.Log(out)
}

// The extension's own tests, against Shopify's tester.
func TestExtensionUnits(t *testing.T) {
	out := npm(t, nil, vitest, "run", "--exclude", "tests/live.test.ts")
	assert.Contains(t, out, "passed")
}

// exactIDs gives the shop ids that a JavaScript number holds, as a register's API has
// them. The simulated shop's own are larger.
func exactIDs(t *testing.T, data *shopifytest.Data) *shopifytest.Data {
	t.Helper()
	var text bytes.Buffer
	require.NoError(t, data.Write(&text))
	small := regexp.MustCompile(`\b90073000(\d{8})\b`).ReplaceAll(text.Bytes(), []byte("4$1"))
	out, err := shopifytest.ReadData(bytes.NewReader(small))
	require.NoError(t, err)
	for i := range out.Products {
		p := &out.Products[i]
		p.ID = 5_000_000_000 + int64(i)
		for j := range p.Variants {
			p.Variants[j].ID = 6_000_000_000 + int64(100*i+j)
		}
	}
	return out
}

// TestExtensionAgainstBackend drives the modal, in Shopify's tester, against this very
// service: it adds what is suggested, asks for more than the register may give, a manager
// approves, and the code is applied; then the order is rung up and counts.
func TestExtensionAgainstBackend(t *testing.T) {
	if _, err := os.Stat(filepath.Join("extension", "node_modules")); err != nil {
		npm(t, nil, vitest) // says what is missing
	}
	p := newPathWith(t, exactIDs(t, smallShop())).begin()
	variant := p.till.variant("Suede Chelsea Boot")
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { // the register's part
		token := shopifytest.SignSessionToken(p.cfg.Secret, shopifytest.SessionClaims{Shop: p.cfg.Shop, ClientID: p.cfg.clientID, Account: "71", Issued: time.Now()})
		_, _ = w.Write([]byte(token))
	}))
	t.Cleanup(tokens.Close)
	approving, stop := context.WithCancel(t.Context())
	approved := make(chan *approval.Request, 1)
	go func() {
		defer close(approved)
		for approving.Err() == nil {
			for r, err := range p.Queue.List(approving, approval.Filter{Kind: kindDiscount, States: []approval.State{approval.Pending}}) {
				if err != nil {
					return
				}
				p.decide(r, approval.Approve, nil)
				approved <- r
				return
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-approving.Done():
			}
		}
	}()
	npm(t, []string{
		"BACKEND_URL=" + p.URL, "TOKEN_URL=" + tokens.URL, "LOCATION_ID=" + strconv.FormatInt(number(p.till.location), 10),
		"VARIANT_ID=" + strconv.FormatInt(number(variant), 10), "SHOP=" + p.cfg.Shop,
	}, vitest, "run", "tests/live.test.ts")
	stop()
	r := <-approved
	require.NotNil(t, r, "a manager was asked")
	assert.Equal(t, "cart-of-the-extension", r.Subjects[0].ID)
	require.Len(t, p.sim.DiscountCodes(), 1, "one code was made")
}
