package salesforcetest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/crm/salesforcetest"
)

// FuzzRequest asks for anything: the answer is one of HTTP's, and JSON where it is to be.
func FuzzRequest(f *testing.F) {
	o := salesforcetest.New(f, nil)
	o.Add("Contact", map[string]any{"LastName": "Sample", "Posai_Key__c": "k"})
	resp, err := http.PostForm(o.URL()+"/services/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {salesforcetest.ClientID}, "client_secret": {salesforcetest.ClientSecret}})
	require.NoError(f, err)
	var token struct {
		Access string `json:"access_token"`
	}
	require.NoError(f, json.NewDecoder(resp.Body).Decode(&token))
	require.NoError(f, resp.Body.Close())
	f.Add("GET", "/query", "SELECT Id, Contact__r.Email FROM Posai_Purchase__c WHERE (Contact__r.Email IN ('a','b') OR Net__c > 3) AND Name != null ORDER BY Name DESC LIMIT 3", "")
	f.Add("GET", "/query/01gSim000000000001-2000", "", "")
	f.Add("PATCH", "/composite/sobjects/Contact/Posai_Key__c", "", `{"allOrNone": true, "records": [{"attributes": {"type": "Contact"}, "Posai_Key__c": "k", "LastName": null}]}`)
	f.Add("PATCH", "/sobjects/Posai_Purchase__c/Posai_Key__c/p%2F1", "", `{"Contact__r": {"Posai_Key__c": "k"}, "Net__c": 1e400}`)
	f.Add("DELETE", "/composite/sobjects", "", "")
	f.Add("POST", "/jobs/ingest", "", `{"object": "Contact", "operation": "upsert", "externalIdFieldName": "Posai_Key__c"}`)
	f.Fuzz(func(t *testing.T, method, path, q, body string) {
		if !slices.Contains([]string{"GET", "POST", "PATCH", "PUT", "DELETE"}, method) {
			method = "GET"
		}
		u := &url.URL{Path: "/services/data/v66.0" + path, RawQuery: url.Values{"q": {q}, "ids": {q}, "fields": {q}}.Encode()}
		req, err := http.NewRequestWithContext(t.Context(), method, o.URL()+u.String(), strings.NewReader(body))
		if err != nil {
			return
		}
		req.Header.Set("Authorization", "Bearer "+token.Access)
		resp, err := http.DefaultClient.Do(req)
		if err != nil && strings.Contains(err.Error(), "invalid") {
			return // a request that Go does not send
		}
		require.NoError(t, err, "the connection stays")
		defer func() { require.NoError(t, resp.Body.Close()) }()
		got, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		if len(got) > 0 && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
			require.True(t, json.Valid(got), "%s", got)
		}
	})
}
