package main

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/desk"
	"github.com/posai-go/posai/examples/internal/demo/demotest"
)

func TestQuickStart(t *testing.T) {
	t.Parallel()
	p := demotest.Run(t, run)
	require.NoError(t, p.Wait(), p.Output())
	for _, want := range []string{
		"40 customers", "webhooks  16 topics", "CSV files: 40 contacts", "a customer is added to the cart", "(by baseline)", "2 × AW-OXF-", "as before", "no_email is true",
		"39 contacts: the row is gone", "the customer's data was erased", "Proposed: leave out", "decision  approve by Store manager", "40 contacts, none of them twice", "verified",
	} {
		assert.Contains(t, p.Output(), want)
	}
	assert.Empty(t, p.Warnings())
	assert.NotRegexp(t, `[A-Za-z0-9]@example\.com`, p.Output(), "nobody's address")
}

func TestServeSimulated(t *testing.T) {
	t.Parallel()
	p := demotest.Run(t, run, "-serve", "-simulate", "-addr", "127.0.0.1:0", "-data", t.TempDir())
	curl := regexp.MustCompile(`curl -s (\S+) -H 'Authorization: (Bearer \S+)'`)
	require.Eventually(t, func() bool { return curl.MatchString(p.Output()) }, long, 20*time.Millisecond, "the command to ask")
	m := curl.FindStringSubmatch(p.Output())
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m[1], nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", m[2])
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s", body)
	var c desk.Customer
	require.NoError(t, json.Unmarshal(body, &c))
	assert.NotEmpty(t, c.Name)
	assert.Nil(t, c.Worth, "an account of a register may not see what customers are worth")
	assert.NotContains(t, string(body), "@example.com")
	require.NoError(t, p.End())
}

func TestFlagsThatDoNotFit(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"a shop without -serve": {[]string{"-shop", "a.myshopify.com", "-token", "t", "-secret", "s"}, "-serve"},
		"no client":             {[]string{"-serve", "-shop", "a.myshopify.com", "-token", "t", "-secret", "s"}, "-client-id"},
		"two things":            {[]string{"-serve", "-simulate", "-eval-points"}, "-eval-points"},
		"no real CRM":           {[]string{"-crm", "salesforce"}, "-serve"},
		"no real folder":        {[]string{"-crm", "csv:there"}, "-serve"},
		"no such CRM":           {[]string{"-crm", "paper"}, "-crm"},
		"no day":                {[]string{"-since", "lately"}, "not a date"},
	} {
		_, err := parseConfig(tt.args, func(string) string { return "" }, io.Discard)
		require.ErrorContains(t, err, tt.want, name)
	}
}
