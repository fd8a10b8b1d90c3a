package salesforcetest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/crm/salesforcetest"
)

// missing skips a test for want of something, or fails where nothing may be skipped.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("POSAI_NO_SKIP") == "1" {
		t.Fatalf("no %s on this machine, and POSAI_NO_SKIP=1", what)
	}
	t.Skipf("no %s on this machine", what)
}

// TestJSForce runs the scenarios of testdata/drive.mjs, which uses the most used
// JavaScript client of Salesforce, unchanged: what the simulation and our own client might
// misunderstand alike shows here.
func TestJSForce(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "Node")
	}
	if _, err := os.Stat(filepath.Join("testdata", "node_modules", "jsforce")); err != nil {
		missing(t, "jsforce (make npm)")
	}
	want := map[string]string{
		"signin": `{"instance": "URL", "user": "005Sim000000001AAA", "version": "66.0", "max": 100000, "used": 1, "limit": 100000,
			"why": "invalid_client", "noSession": {"code": "INVALID_SESSION_ID", "fields": null}}`,
		"describe": `{"external": true, "unique": true, "length": 255, "lookup": ["Contact"], "relation": "Contact__r",
			"objects": ["Account", "Contact", "Posai_Purchase__c"], "missing": {"code": "NOT_FOUND", "fields": null}}`,
		"records": `{"created": true, "again": false, "same": true, "first": "Robin", "changed": true, "deleted": true,
			"required": {"code": "REQUIRED_FIELD_MISSING", "fields": ["LastName"]}, "unknown": {"code": "INVALID_FIELD", "fields": null},
			"notKey": {"code": "NOT_FOUND", "fields": null}, "gone": {"code": "NOT_FOUND", "fields": null}}`,
		"collections": `{"first": [200, true],
			"second": [[true, false, null, null], [true, true, null, null], [false, null, "INVALID_EMAIL_ADDRESS", ["Email"]]],
			"many": [450, 249], "purchases": [[true, null], [false, "INVALID_FIELD"]], "deleted": [true, true, true],
			"allOrNone": ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"], "tooMany": {"code": "EXCEEDED_ID_LIMIT", "fields": null}}`,
		"query": `{"pages": [450, 450, true], "found": ["robin3@example.com", "robin4@example.com"], "nested": "robin7@example.com", "count": 450,
			"malformed": {"code": "MALFORMED_QUERY", "fields": null}, "noField": {"code": "INVALID_FIELD", "fields": null}, "noType": {"code": "INVALID_TYPE", "fields": null}}`,
		"bulk": `{"good": 250, "bad": ["INVALID_EMAIL_ADDRESS"], "unprocessed": 0, "created": 249, "ids": true,
			"kept": ["Guest", null], "purchases": [1, ["INVALID_FIELD"]], "aborted": "Aborted",
			"hard": {"code": "FEATURENOTENABLED", "fields": null}, "noKey": {"code": "INVALIDJOB", "fields": null}}`,
	}
	orgs := make(map[string]string)
	for name := range want {
		orgs[name] = salesforcetest.New(t, &salesforcetest.Options{PageSize: 200}).URL()
	}
	sims, err := json.Marshal(orgs)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), node, "drive.mjs")
	cmd.Dir = "testdata"
	cmd.Env = append(os.Environ(), "SIMS="+string(sims), "CLIENT_ID="+salesforcetest.ClientID, "CLIENT_SECRET="+salesforcetest.ClientSecret)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s", &stderr)
	var got map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(out, &got), "%s", out)
	for name := range want {
		t.Run(name, func(t *testing.T) {
			assert.JSONEq(t, strings.ReplaceAll(want[name], "URL", orgs[name]), string(got[name]))
		})
	}
}
