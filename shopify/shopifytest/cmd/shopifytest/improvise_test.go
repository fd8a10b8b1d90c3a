package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// notCarriedOut are valid operations that the shop has no state for, or not for a part of their input.
var notCarriedOut = []string{
	`mutation { themeDelete(id: "gid://shopify/OnlineStoreTheme/1") { deletedThemeId userErrors { message } } }`,
	`mutation { orderUpdate(input: {id: "gid://shopify/Order/1", localizedFields: [{key: TAX_CREDENTIAL_BR, value: "1"}]}) { order { id name } userErrors { message } } }`,
}

func TestImprovised(t *testing.T) {
	var log bytes.Buffer // read when the command has ended
	t.Run("by default", func(t *testing.T) {
		o := outside{t, startLogging(t, &log, "-today", "2026-11-20", "-token", "T")}
		for _, query := range append(notCarriedOut, notCarriedOut...) {
			assert.NotContains(t, o.api(query), "errors", query)
		}
		assert.NotContains(t, o.api(`mutation { tagsAdd(id: "gid://shopify/Order/1", tags: ["a"]) { userErrors { message } } }`), "errors")
		entries := o.list("journal")
		require.Len(t, entries, 5)
		for _, e := range entries[:4] {
			assert.Equal(t, true, e["Improvised"], e["RootFields"])
		}
		assert.Equal(t, false, entries[4]["Improvised"])
	})
	assert.Equal(t, 1, strings.Count(log.String(), "mutation=themeDelete"), log.String())
	assert.Equal(t, 1, strings.Count(log.String(), "mutation=orderUpdate"), log.String())

	t.Run("strict", func(t *testing.T) {
		o := outside{t, start(t, "-today", "2026-11-20", "-token", "T", "-strict")}
		for _, query := range notCarriedOut {
			assert.Equal(t, "NOT_SIMULATED", codeOf(o.api(query)), query)
		}
		for _, e := range o.list("journal") {
			assert.Equal(t, false, e["Improvised"])
		}
	})
}
