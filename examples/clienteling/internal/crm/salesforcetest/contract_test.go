package salesforcetest_test

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/crm/salesforcetest"
)

// step is one request and what Salesforce's documentation says that comes of it. In path,
// body and shape, {name} is what an earlier step kept, and {k} is a key of this run.
type step struct {
	doc    string
	method string
	path   string
	header map[string]string
	body   string
	status int
	shape  string            // of the answer; empty for any
	text   string            // a pattern of an answer that is not JSON
	answer map[string]string // patterns of headers
	keep   map[string]string // names, and the paths of what they keep: "0.id"
	until  string            // repeat until the shape fits, while this is the state
}

const (
	rest = "https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/"
	bulk = "https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/"
	data = "/services/data/v66.0"
)

// contract is what a client may rely on, as groups of requests that follow one another.
var contract = map[string][]step{
	"versions, limits and sessions": {
		{doc: rest + "resources_versions.htm", method: "GET", path: "/services/data/", status: 200, shape: `[{"label": "<string>", "url": "<string>", "version": "<string>"}, "…"]`},
		{
			doc: rest + "resources_limits.htm", method: "GET", path: data + "/limits", status: 200, shape: `{"DailyApiRequests": {"Max": "<number>", "Remaining": "<number>"}}`,
			answer: map[string]string{"Sforce-Limit-Info": `api-usage=\d+/\d+`},
		},
		{
			doc: rest + "errorcodes.htm", method: "GET", path: data + "/limits", header: map[string]string{"Authorization": "Bearer nobody"}, status: 401,
			shape: `[{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]`,
		},
		{doc: rest + "errorcodes.htm", method: "GET", path: data + "/nothing", status: 404, shape: `[{"message": "<string>", "errorCode": "NOT_FOUND"}]`},
	},
	"describe": {
		{
			doc: rest + "resources_sobject_describe.htm", method: "GET", path: data + "/sobjects/Contact/describe", status: 200,
			shape: `{"name": "Contact", "createable": true, "updateable": true, "deletable": true, "queryable": true, "keyPrefix": "003",
				"fields": [{"name": "<string>", "type": "<string>", "length": "<number>", "externalId": "<bool>", "unique": "<bool>", "caseSensitive": "<bool>",
				"createable": "<bool>", "updateable": "<bool>", "filterable": "<bool>", "nillable": "<bool>", "referenceTo": "<list>"}, "…"]}`,
		},
		{doc: rest + "errorcodes.htm", method: "GET", path: data + "/sobjects/Nothing__c/describe", status: 404, shape: `[{"errorCode": "NOT_FOUND"}]`},
	},
	"collections": {
		{
			doc: rest + "resources_composite_sobjects_collections_upsert.htm", method: "PATCH", path: data + "/composite/sobjects/Contact/Posai_Key__c",
			body: `{"allOrNone": false, "records": [
				{"attributes": {"type": "Contact"}, "Posai_Key__c": "{k}/a", "LastName": "Contract", "Email": "{m}a@example.com"},
				{"attributes": {"type": "Contact"}, "Posai_Key__c": "{k}/b", "LastName": "Contract", "Email": "no address"},
				{"attributes": {"type": "Contact"}, "Posai_Key__c": "{k}/c"}]}`,
			status: 200,
			shape: `[{"id": "<id>", "success": true, "errors": [], "created": true},
				{"success": false, "errors": [{"statusCode": "INVALID_EMAIL_ADDRESS", "message": "<string>", "fields": ["Email"]}]},
				{"success": false, "errors": [{"statusCode": "REQUIRED_FIELD_MISSING", "message": "<string>", "fields": ["LastName"]}]}]`,
			keep: map[string]string{"a": "0.id"},
		},
		{
			doc: rest + "resources_composite_sobjects_collections_upsert.htm", method: "PATCH", path: data + "/composite/sobjects/Contact/Posai_Key__c",
			body:   `{"records": [{"attributes": {"type": "Contact"}, "Posai_Key__c": "{k}/a", "FirstName": "Robin", "Email": null}]}`,
			status: 200, shape: `[{"id": "{a}", "success": true, "errors": [], "created": false}]`,
		},
		{
			doc: rest + "dome_upsert.htm", method: "PATCH", path: data + "/composite/sobjects/Posai_Purchase__c/Posai_Key__c",
			body: `{"records": [{"attributes": {"type": "Posai_Purchase__c"}, "Posai_Key__c": "{k}/p", "Net__c": 12.5, "Contact__r": {"Posai_Key__c": "{k}/a"}},
				{"attributes": {"type": "Posai_Purchase__c"}, "Posai_Key__c": "{k}/q", "Contact__r": {"Posai_Key__c": "{k}/nobody"}}]}`,
			status: 200, shape: `[{"success": true, "created": true}, {"success": false, "errors": [{"statusCode": "INVALID_FIELD"}]}]`,
			keep: map[string]string{"p": "0.id"},
		},
		{
			doc: rest + "resources_query.htm", method: "GET", status: 200,
			path:  data + "/query?q=" + url.QueryEscape(`SELECT Id, Net__c, Contact__r.Posai_Key__c, Contact__r.Email FROM Posai_Purchase__c WHERE Contact__r.Posai_Key__c IN ('{k}/a', 'O\'Brien') AND Posai_Key__c != null`),
			shape: `{"totalSize": 1, "done": true, "records": [{"attributes": {"type": "Posai_Purchase__c", "url": "<string>"}, "Id": "{p}", "Net__c": 12.5, "Contact__r": {"attributes": {"type": "Contact"}, "Posai_Key__c": "{k}/a", "Email": null}}]}`,
		},
		{
			doc: rest + "resources_composite_sobjects_collections.htm", method: "PATCH", path: data + "/composite/sobjects/Contact/Posai_Key__c",
			body: `{"records": [{many}]}`, status: 400, shape: `[{"errorCode": "<string>", "message": "<string>"}]`,
		},
		{
			doc: rest + "resources_composite_sobjects_collections_delete.htm", method: "DELETE", path: data + "/composite/sobjects?ids={p},{a}&allOrNone=false",
			status: 200, shape: `[{"id": "{p}", "success": true, "errors": []}, {"id": "{a}", "success": true, "errors": []}]`,
		},
		{
			doc: rest + "resources_composite_sobjects_collections_delete.htm", method: "DELETE", path: data + "/composite/sobjects?ids={a}&allOrNone=false",
			status: 200, shape: `[{"success": false, "errors": [{"statusCode": "ENTITY_IS_DELETED", "message": "<string>", "fields": "<list>"}]}]`,
		},
	},
	"one record": {
		{
			doc: rest + "dome_upsert.htm", method: "PATCH", path: data + "/sobjects/Contact/Posai_Key__c/{k}-one", body: `{"LastName": "Contract"}`,
			status: 201, shape: `{"id": "<id>", "success": true, "errors": [], "created": true}`, keep: map[string]string{"one": "id"},
		},
		{
			doc: rest + "dome_upsert.htm", method: "PATCH", path: data + "/sobjects/Contact/Posai_Key__c/{k}-one", body: `{"FirstName": "Robin"}`,
			status: 200, shape: `{"id": "{one}", "success": true, "errors": [], "created": false}`,
		},
		{
			doc: rest + "resources_sobject_upsert_patch.htm", method: "PATCH", path: data + "/sobjects/Contact/Posai_Key__c/{k}-one", body: `{"Posai_Key__c": "{k}-one"}`,
			status: 400, shape: `[{"errorCode": "INVALID_FIELD"}]`,
		},
		{
			doc: rest + "dome_upsert.htm", method: "PATCH", path: data + "/sobjects/Contact/Nothing__c/1", body: `{"LastName": "Contract"}`,
			status: 404, shape: `[{"errorCode": "NOT_FOUND"}]`,
		},
		{
			doc: rest + "dome_get_field_values.htm", method: "GET", path: data + "/sobjects/Contact/{one}?fields=Id,Posai_Key__c,FirstName", status: 200,
			shape:  `{"attributes": {"type": "Contact", "url": "<string>"}, "Id": "{one}", "Posai_Key__c": "{k}-one", "FirstName": "Robin"}`,
			answer: map[string]string{"Last-Modified": `GMT$`},
		},
		{
			doc: rest + "intro_rest_conditional_requests.htm", method: "PATCH", path: data + "/sobjects/Contact/{one}", body: `{"FirstName": "Kim"}`,
			header: map[string]string{"If-Unmodified-Since": "Mon, 20 May 2013 20:49:32 GMT"}, status: 412,
		},
		{doc: rest + "dome_update_fields.htm", method: "PATCH", path: data + "/sobjects/Contact/{one}", body: `{"FirstName": "Kim"}`, status: 204},
		{
			doc: rest + "errorcodes.htm", method: "PATCH", path: data + "/sobjects/Contact/{one}", body: `{"Nothing__c": 1}`, status: 400,
			shape: `[{"message": "<string>", "errorCode": "INVALID_FIELD"}]`,
		},
		{doc: rest + "errorcodes.htm", method: "PATCH", path: data + "/sobjects/Contact/{one}", body: `{"FirstName": `, status: 400, shape: `[{"errorCode": "JSON_PARSER_ERROR"}]`},
		{doc: rest + "dome_delete_record.htm", method: "DELETE", path: data + "/sobjects/Contact/{one}", status: 204},
		{doc: rest + "errorcodes.htm", method: "GET", path: data + "/sobjects/Contact/{one}", status: 404, shape: `[{"errorCode": "NOT_FOUND"}]`},
	},
	"several requests in one": {
		{
			doc: rest + "resources_composite_composite.htm", method: "POST", path: data + "/composite", status: 200,
			body: `{"compositeRequest": [{"method": "GET", "url": "` + data + `/query?q=SELECT+Id+FROM+Contact+LIMIT+0", "referenceId": "a"},
				{"method": "GET", "url": "` + data + `/query?q=SELEC", "referenceId": "b"}]}`,
			shape: `{"compositeResponse": [{"httpStatusCode": 200, "referenceId": "a", "httpHeaders": {}, "body": {"totalSize": 0, "done": true, "records": []}},
				{"httpStatusCode": 400, "referenceId": "b", "body": [{"errorCode": "MALFORMED_QUERY", "message": "<string>"}]}]}`,
		},
		{
			doc: rest + "resources_composite_composite.htm", method: "POST", path: data + "/composite", status: 400,
			body: `{"compositeRequest": [{six}]}`, shape: `[{"errorCode": "<string>", "message": "<string>"}]`,
		},
	},
	"queries that are wrong": {
		{doc: rest + "resources_query.htm", method: "GET", path: data + "/query?q=" + url.QueryEscape("SELEC Id FROM Contact"), status: 400, shape: `[{"message": "<string>", "errorCode": "MALFORMED_QUERY"}]`},
		{doc: rest + "resources_query.htm", method: "GET", path: data + "/query?q=" + url.QueryEscape("SELECT Nothing__c FROM Contact"), status: 400, shape: `[{"errorCode": "INVALID_FIELD"}]`},
		{doc: rest + "resources_query.htm", method: "GET", path: data + "/query?q=" + url.QueryEscape("SELECT Id FROM Nothing__c"), status: 400, shape: `[{"errorCode": "INVALID_TYPE"}]`},
		{doc: rest + "resources_query.htm", method: "GET", path: data + "/query?q=" + url.QueryEscape(`SELECT Id FROM Contact WHERE LastName = 'a\q'`), status: 400, shape: `[{"errorCode": "MALFORMED_QUERY"}]`},
	},
	"a bulk job": {
		{
			doc: bulk + "create_job.htm", method: "POST", path: data + "/jobs/ingest", status: 200,
			body: `{"object": "Contact", "operation": "upsert", "externalIdFieldName": "Posai_Key__c", "contentType": "CSV", "lineEnding": "LF", "columnDelimiter": "COMMA"}`,
			shape: `{"id": "<id>", "operation": "upsert", "object": "Contact", "createdById": "<id>", "createdDate": "<time>", "systemModstamp": "<time>", "state": "Open",
				"externalIdFieldName": "Posai_Key__c", "concurrencyMode": "Parallel", "contentType": "CSV", "apiVersion": 66, "contentUrl": "<string>", "lineEnding": "LF", "columnDelimiter": "COMMA"}`,
			keep: map[string]string{"job": "id"},
		},
		{
			doc: bulk + "upload_job_data.htm", method: "PUT", path: data + "/jobs/ingest/{job}/batches", header: map[string]string{"Content-Type": "text/csv"}, status: 201,
			body: "Posai_Key__c,LastName,Email,FirstName\n{k}/x,Contract,{m}x@example.com,\"Robin \"\"R\"\"\n, Jr.\"\n{k}/y,Contract,no address,#N/A\n",
		},
		{
			doc: bulk + "close_job.htm", method: "PATCH", path: data + "/jobs/ingest/{job}", body: `{"state": "UploadComplete"}`, status: 200,
			shape: `{"id": "{job}", "state": "UploadComplete", "object": "Contact", "operation": "upsert"}`,
		},
		{
			doc: bulk + "get_job_info.htm", method: "GET", path: data + "/jobs/ingest/{job}", status: 200, until: "JobComplete",
			shape: `{"id": "{job}", "state": "JobComplete", "jobType": "V2Ingest", "numberRecordsProcessed": 2, "numberRecordsFailed": 1, "retries": "<number>", "totalProcessingTime": "<number>"}`,
		},
		{doc: bulk + "get_job_successful_results.htm", method: "GET", path: data + "/jobs/ingest/{job}/successfulResults/", status: 200, text: `^"?sf__Id"?,"?sf__Created"?,.*\n"?[A-Za-z0-9]{18}"?,"?true"?,`},
		{doc: bulk + "get_job_failed_results.htm", method: "GET", path: data + "/jobs/ingest/{job}/failedResults/", status: 200, text: `^"?sf__Id"?,"?sf__Error"?,.*\n"?[A-Za-z0-9]*"?,"?INVALID_EMAIL_ADDRESS:.*:Email --"?,`},
		{doc: bulk + "get_job_unprocessed_results.htm", method: "GET", path: data + "/jobs/ingest/{job}/unprocessedrecords/", status: 200},
		{doc: bulk + "delete_job.htm", method: "DELETE", path: data + "/jobs/ingest/{job}", status: 204},
		{doc: bulk + "delete_job.htm", method: "GET", path: data + "/jobs/ingest/{job}", status: 404, shape: `[{"errorCode": "NOT_FOUND"}]`},
		{
			doc: rest + "resources_sobject_upsert_delete.htm", method: "GET", path: data + "/query?q=" + url.QueryEscape(`SELECT Id FROM Contact WHERE Posai_Key__c = '{k}/x'`),
			status: 200, shape: `{"totalSize": 1, "records": [{"Id": "<id>"}]}`, keep: map[string]string{"x": "records.0.Id"},
		},
		{doc: rest + "dome_delete_record.htm", method: "DELETE", path: data + "/sobjects/Contact/{x}", status: 204},
	},
	"a bulk job that is given up": {
		{
			doc: bulk + "create_job.htm", method: "POST", path: data + "/jobs/ingest", body: `{"object": "Contact", "operation": "insert"}`,
			status: 200, shape: `{"id": "<id>", "state": "Open", "lineEnding": "LF", "columnDelimiter": "COMMA", "contentType": "CSV"}`, keep: map[string]string{"job": "id"},
		},
		{doc: bulk + "close_job.htm", method: "PATCH", path: data + "/jobs/ingest/{job}", body: `{"state": "Aborted"}`, status: 200, shape: `{"id": "{job}", "state": "Aborted"}`},
		{doc: bulk + "delete_job.htm", method: "DELETE", path: data + "/jobs/ingest/{job}", status: 204},
		{doc: bulk + "create_job.htm", method: "POST", path: data + "/jobs/ingest", body: `{"object": "Contact", "operation": "upsert", "externalIdFieldName": "Title"}`, status: 400, shape: `[{"errorCode": "<string>", "message": "<string>"}]`},
	},
}

// TestContract holds the simulation against Salesforce's documentation, and a real org
// too where one is named: POSAI_SALESFORCE_URL, _CLIENT_ID and _CLIENT_SECRET. The org has
// to be set up as docs/clienteling.md says. The test makes a few contacts whose last name
// is Contract and deletes them.
func TestContract(t *testing.T) {
	simulated := salesforcetest.New(t, nil)
	orgs := map[string][3]string{"simulated": {simulated.URL(), salesforcetest.ClientID, salesforcetest.ClientSecret}}
	if address := os.Getenv("POSAI_SALESFORCE_URL"); address != "" {
		orgs["real"] = [3]string{address, os.Getenv("POSAI_SALESFORCE_CLIENT_ID"), os.Getenv("POSAI_SALESFORCE_CLIENT_SECRET")}
	}
	for name, org := range orgs {
		t.Run(name, func(t *testing.T) {
			token, instance := signIn(t, org)
			for group, steps := range contract {
				t.Run(group, func(t *testing.T) { follow(t, instance, token, steps) })
			}
		})
	}
}

// signIn checks what a token endpoint answers.
func signIn(t *testing.T, org [3]string) (token, instance string) {
	t.Helper()
	post := func(secret string) (int, map[string]any) {
		resp, err := http.PostForm(org[0]+"/services/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {org[1]}, "client_secret": {secret}})
		require.NoError(t, err)
		defer func() { require.NoError(t, resp.Body.Close()) }()
		var body map[string]any
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&body))
		return resp.StatusCode, body
	}
	status, body := post("wrong")
	assert.Equal(t, 400, status)
	assert.Empty(t, differences("", shapeOf(`{"error": "invalid_client", "error_description": "<string>"}`), body))
	status, body = post(org[2])
	require.Equal(t, 200, status)
	require.Empty(t, differences("", shapeOf(`{"access_token": "<string>", "instance_url": "<string>", "token_type": "Bearer", "id": "<string>", "issued_at": "<string>", "signature": "<string>"}`), body))
	return body["access_token"].(string), body["instance_url"].(string)
}

func follow(t *testing.T, instance, token string, steps []step) {
	t.Helper()
	run := strings.ToLower(rand.Text()[:10])
	kept := map[string]string{"k": "contract-" + run, "m": run, "many": strings.TrimSuffix(strings.Repeat(`{"attributes": {"type": "Contact"}, "Posai_Key__c": "x", "LastName": "Contract"},`, 201), ",")}
	var six []string // one query more than such a request may have
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		six = append(six, `{"method": "GET", "url": "`+data+`/query?q=SELECT+Id+FROM+Contact+LIMIT+0", "referenceId": "`+name+`"}`)
	}
	kept["six"] = strings.Join(six, ",")
	fill := func(s string) string {
		for name, v := range kept {
			s = strings.ReplaceAll(s, "{"+name+"}", v)
			s = strings.ReplaceAll(s, "%7B"+name+"%7D", url.QueryEscape(v))
		}
		return s
	}
	for i, st := range steps {
		var body []byte
		deadline := time.Now().Add(10 * time.Minute)
		for {
			status, header, got := request(t, instance, token, st, fill)
			body = got
			if !assert.Equal(t, st.status, status, "step %d, %s %s: %s", i, st.method, st.path, st.doc) {
				t.FailNow()
			}
			for name, pattern := range st.answer {
				assert.Regexp(t, regexp.MustCompile(pattern), header.Get(name), "step %d, header %s: %s", i, name, st.doc)
			}
			if st.until == "" || strings.Contains(string(body), `"`+st.until+`"`) || time.Now().After(deadline) {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if st.text != "" {
			assert.Regexp(t, st.text, string(body), "step %d: %s", i, st.doc)
			_, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
			assert.NoError(t, err)
		}
		if st.shape == "" {
			continue
		}
		var got any
		require.NoError(t, json.Unmarshal(body, &got), "step %d: %s", i, st.doc)
		require.Empty(t, differences("answer", shapeOf(fill(st.shape)), got), "step %d, %s %s: %s", i, st.method, st.path, st.doc)
		for name, path := range st.keep {
			kept[name] = find(got, path)
		}
	}
}

func request(t *testing.T, instance, token string, st step, fill func(string) string) (int, http.Header, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), st.method, instance+fill(st.path), strings.NewReader(fill(st.body)))
	require.NoError(t, err)
	req.Header.Set("Authorization", cmp.Or(st.header["Authorization"], "Bearer "+token))
	req.Header.Set("Content-Type", "application/json")
	for name, v := range st.header {
		req.Header.Set(name, v)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, resp.Header, body
}

// find follows "records.0.Id".
func find(v any, path string) string {
	for part := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[part]
		case []any:
			v = at[int(part[0]-'0')]
		}
	}
	s, _ := v.(string)
	return s
}
