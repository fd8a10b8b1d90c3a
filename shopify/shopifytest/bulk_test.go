package shopifytest_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

// ask sends a GraphQL request and returns data.
func ask(t *testing.T, shop *shopifytest.Shop, query string, variables map[string]any) map[string]any {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, shop.URL()+"/admin/api/2026-10/graphql.json", bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Shopify-Access-Token", shop.Token())
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var out struct {
		Data   map[string]any
		Errors []any
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&out))
	require.Empty(t, out.Errors)
	return out.Data
}

const runBulk = `mutation($query: String!, $group: Boolean!) { bulkOperationRunQuery(query: $query, groupObjects: $group) {
	bulkOperation { id status type url objectCount } userErrors { field message code } } }`

const getBulk = `query($id: ID!) { bulkOperation(id: $id) { id status errorCode url partialDataUrl fileSize objectCount rootObjectCount completedAt query type } }`

// bulkDone starts a bulk query and returns the operation when it has ended.
func bulkDone(t *testing.T, shop *shopifytest.Shop, query string, grouped bool) map[string]any {
	t.Helper()
	payload := ask(t, shop, runBulk, map[string]any{"query": query, "group": grouped})["bulkOperationRunQuery"].(map[string]any)
	require.Empty(t, payload["userErrors"])
	op := payload["bulkOperation"].(map[string]any)
	assert.Equal(t, "CREATED", op["status"])
	assert.Nil(t, op["url"])
	eventually(t, func() bool {
		op = ask(t, shop, getBulk, map[string]any{"id": op["id"]})["bulkOperation"].(map[string]any)
		return op["completedAt"] != nil
	})
	return op
}

func fetch(t *testing.T, url string, header ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(b), resp.Header
}

type bulkLine struct {
	ID       string `json:"id"`
	Parent   string `json:"__parentId"`
	Typename string `json:"__typename"`
}

func bulkLines(t *testing.T, file string) []bulkLine {
	t.Helper()
	var out []bulkLine
	s := bufio.NewScanner(strings.NewReader(file))
	for s.Scan() {
		var l bulkLine
		require.NoError(t, json.Unmarshal(s.Bytes(), &l))
		assert.NotContains(t, s.Text(), "edges")
		out = append(out, l)
	}
	return out
}

func TestBulkQueryWritesLines(t *testing.T) {
	shop := newShop(t, nil)
	const query = `{ orders { edges { node { id name customer { id displayName } lineItems { edges { node { id quantity } } } } } } }`
	for _, grouped := range []bool{false, true} {
		op := bulkDone(t, shop, query, grouped)
		assert.Equal(t, "COMPLETED", op["status"])
		assert.Equal(t, query, op["query"])
		status, file, _ := fetch(t, op["url"].(string))
		require.Equal(t, http.StatusOK, status)
		lines := bulkLines(t, file)
		require.Len(t, lines, atoi(t, op["objectCount"]))
		assert.Len(t, file, atoi(t, op["fileSize"]))
		roots, seen := 0, map[string]bool{}
		for i, l := range lines {
			assert.Empty(t, l.Typename, "unless it is asked for")
			if l.Parent == "" {
				roots++
				seen[l.ID] = true
				continue
			}
			assert.True(t, seen[l.Parent])
			if grouped {
				assert.True(t, lines[i-1].Parent == l.Parent || lines[i-1].ID == l.Parent, "directly behind its parent")
			}
		}
		assert.Len(t, shop.Orders(), roots)
		assert.Equal(t, roots, atoi(t, op["rootObjectCount"]))
	}
	op := bulkDone(t, shop, `{ orders(query: "name:nonsense") { edges { node { id } } } }`, false)
	assert.Equal(t, "COMPLETED", op["status"])
	assert.Nil(t, op["url"], "nothing, no file")
}

func atoi(t *testing.T, v any) int {
	t.Helper()
	text, ok := v.(string)
	require.True(t, ok, "UnsignedInt64 is a string")
	var n int
	require.NoError(t, json.Unmarshal([]byte(text), &n))
	return n
}

func TestBulkOperationsOverTime(t *testing.T) {
	shop := newShop(t, &shopifytest.Options{BulkDelay: time.Hour, BulkLimit: 1})
	start := func() map[string]any {
		return ask(t, shop, runBulk, map[string]any{"query": `{ products { edges { node { id } } } }`, "group": false})["bulkOperationRunQuery"].(map[string]any)
	}
	first := start()["bulkOperation"].(map[string]any)
	refused := start()["userErrors"].([]any)[0].(map[string]any)
	assert.Equal(t, "OPERATION_IN_PROGRESS", refused["code"])
	assert.Nil(t, refused["field"])
	current := ask(t, shop, `{ currentBulkOperation { id status } bulkOperations(first: 5, query: "status:CREATED operation_type:QUERY") { nodes { id } } }`, nil)
	assert.Equal(t, first["id"], current["currentBulkOperation"].(map[string]any)["id"])
	assert.Len(t, current["bulkOperations"].(map[string]any)["nodes"], 1)
	status := func() any {
		return ask(t, shop, getBulk, map[string]any{"id": first["id"]})["bulkOperation"].(map[string]any)["status"]
	}
	assert.Equal(t, "CREATED", status())
	eventually(t, func() bool { // the operation may begin to wait after an advance
		shop.Advance(31 * time.Minute)
		return status() == "COMPLETED"
	})
	op := ask(t, shop, getBulk, map[string]any{"id": first["id"]})["bulkOperation"].(map[string]any)
	code, _, _ := fetch(t, op["url"].(string))
	assert.Equal(t, http.StatusOK, code)
	shop.Advance(7*24*time.Hour + time.Minute)
	code, body, _ := fetch(t, op["url"].(string))
	assert.Equal(t, http.StatusBadRequest, code)
	assert.Contains(t, body, "<Code>ExpiredToken</Code>")
}

func TestStorageIsAHostOfItsOwn(t *testing.T) {
	shop := newShop(t, nil)
	url := bulkDone(t, shop, `{ products { edges { node { id } } } }`, false)["url"].(string)
	code, whole, header := fetch(t, url)
	require.Equal(t, http.StatusOK, code)
	code, part, _ := fetch(t, url, "Range", "bytes=10-", "If-Range", header.Get("ETag"))
	assert.Equal(t, http.StatusPartialContent, code)
	assert.Equal(t, whole[10:], part)
	code, body, _ := fetch(t, url, "X-Shopify-Access-Token", shop.Token())
	assert.Equal(t, http.StatusBadRequest, code)
	assert.NotContains(t, body, shop.Token())
	code, _, _ = fetch(t, strings.Replace(url, "Signature=", "Signature=0", 1))
	assert.Equal(t, http.StatusForbidden, code)
	code, _, _ = fetch(t, shop.URL()+"/_storage/bulk/bulk-1.jsonl")
	assert.Equal(t, http.StatusForbidden, code)
}

func TestBulkAccessIsDenied(t *testing.T) {
	shop := newShop(t, &shopifytest.Options{Scopes: []string{"read_products"}})
	op := bulkDone(t, shop, `{ customers { edges { node { id } } } }`, false)
	assert.Equal(t, "FAILED", op["status"])
	assert.Equal(t, "ACCESS_DENIED", op["errorCode"])
}

const stage = `mutation($input: [StagedUploadInput!]!) { stagedUploadsCreate(input: $input) {
	stagedTargets { url resourceUrl parameters { name value } } userErrors { field message } } }`

type field struct{ name, value string }

// upload sends a form and returns the status.
func upload(t *testing.T, url string, fields []field) int {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, f := range fields {
		if f.name != "file" {
			require.NoError(t, form.WriteField(f.name, f.value))
			continue
		}
		w, err := form.CreateFormFile("file", "variables.jsonl")
		require.NoError(t, err)
		_, err = io.WriteString(w, f.value)
		require.NoError(t, err)
	}
	require.NoError(t, form.Close())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, &body)
	require.NoError(t, err)
	req.Header.Set("Content-Type", form.FormDataContentType())
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	return resp.StatusCode
}

func TestStagedUploadsCheckTheForm(t *testing.T) {
	shop := newShop(t, nil)
	target := func() (url, key string, fields []field) {
		out := ask(t, shop, stage, map[string]any{"input": []any{map[string]any{
			"resource": "BULK_MUTATION_VARIABLES", "filename": "v.jsonl", "mimeType": "text/jsonl", "httpMethod": "POST",
		}}})["stagedUploadsCreate"].(map[string]any)["stagedTargets"].([]any)[0].(map[string]any)
		assert.Nil(t, out["resourceUrl"])
		for _, p := range out["parameters"].([]any) {
			p := p.(map[string]any)
			fields = append(fields, field{p["name"].(string), p["value"].(string)})
		}
		return out["url"].(string), fields[0].value, fields
	}
	customer := shop.Customers()[0].ID
	file := field{"file", `{"id":"` + customer + `","tags":["uploaded"]}` + "\n"}
	run := func(key string) map[string]any {
		return ask(t, shop, `mutation($path: String!) { bulkOperationRunMutation(stagedUploadPath: $path,
			mutation: "mutation($id: ID!, $tags: [String!]!) { tagsAdd(id: $id, tags: $tags) { node { id } userErrors { message } } }") {
			bulkOperation { id } userErrors { field message code } } }`, map[string]any{"path": key})["bulkOperationRunMutation"].(map[string]any)
	}
	for name, change := range map[string]func([]field) []field{
		"the file first":  func(f []field) []field { return append([]field{file}, f...) },
		"a field missing": func(f []field) []field { return append(f[:len(f)-1], file) },
		"another type":    func(f []field) []field { f[1].value = "text/plain"; return append(f, file) },
		"no file":         func(f []field) []field { return f },
		"a field more":    func(f []field) []field { return append(f, field{"x", "y"}, file) },
		"something last":  func(f []field) []field { return append(f, file, field{"x", "y"}) },
		"another key":     func(f []field) []field { f[0].value = "tmp/other"; return append(f, file) },
	} {
		t.Run(name, func(t *testing.T) {
			url, key, fields := target()
			assert.GreaterOrEqual(t, upload(t, url, change(fields)), 400)
			errs := run(key)["userErrors"].([]any)
			require.Len(t, errs, 1)
			assert.Equal(t, "NO_SUCH_FILE", errs[0].(map[string]any)["code"])
		})
	}
	url, key, fields := target()
	require.Equal(t, http.StatusCreated, upload(t, url, append(fields, file)))
	started := run(key)
	require.Empty(t, started["userErrors"])
	eventually(t, func() bool {
		for _, c := range shop.Customers() {
			if c.ID == customer {
				return slices.Contains(c.Tags, "uploaded")
			}
		}
		return false
	})
}

func TestBulkFaultsByTheControlSurface(t *testing.T) {
	shop := newShop(t, &shopifytest.Options{Control: true})
	post := func(body string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, shop.URL()+"/_sim/bulk_faults", strings.NewReader(body))
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		return resp.StatusCode
	}
	assert.Equal(t, http.StatusUnprocessableEntity, post(`{"fail":"SOMETHING"}`))
	assert.Equal(t, http.StatusCreated, post(`{"fail":"TIMEOUT","kind":"QUERY"}`))
	op := bulkDone(t, shop, `{ products { edges { node { id } } } }`, false)
	assert.Equal(t, "TIMEOUT", op["errorCode"])
	assert.NotNil(t, op["partialDataUrl"])
	assert.Nil(t, op["url"])
	op = bulkDone(t, shop, `{ products { edges { node { id } } } }`, false)
	assert.Equal(t, "COMPLETED", op["status"], "one operation is hit")
}
