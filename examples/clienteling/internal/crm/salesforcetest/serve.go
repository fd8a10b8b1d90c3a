package salesforcetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// answer is what the org says.
type answer struct {
	status int
	body   any // marshaled, unless []byte
	header http.Header
	html   bool
}

// input is a request, read.
type input struct {
	*http.Request
	body    []byte
	path    string // below /services/data/vNN.0
	version string
	dup     dupOptions
	records int // for the journal
}

const maxBody = 200 << 20

var apiPath = regexp.MustCompile(`^/services/data/v([0-9]{2,3}\.0)(/.*)?$`)

func (o *Org) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return
	}
	in := &input{Request: r, body: body}
	fault := o.fault(r)
	if fault != nil {
		if a := fault.instead(w, r); a != nil {
			o.finish(w, in, *a, nil)
			return
		} else if fault.Kind == Hang || fault.Kind == DropRequest {
			return
		}
	}
	o.mu.Lock()
	a := o.answer(in)
	o.mu.Unlock()
	o.finish(w, in, a, fault)
}

// finish notes and sends an answer.
func (o *Org) finish(w http.ResponseWriter, in *input, a answer, fault *Fault) {
	header := in.Header.Clone()
	header.Del("Authorization")
	o.mu.Lock()
	o.requests = append(o.requests, Request{Method: in.Method, Path: in.URL.Path, Records: in.records, Status: a.status, Header: header})
	used, limit := o.used, o.opts.DailyCalls
	o.mu.Unlock()
	if fault != nil && fault.Kind == LoseAnswer {
		hangUp(w)
		return
	}
	var out []byte
	contentType := "application/json;charset=UTF-8"
	switch b := a.body.(type) {
	case nil:
	case []byte:
		out = b
		contentType = "text/csv"
		if a.html {
			contentType = "text/html;charset=UTF-8"
		}
	default:
		var buf bytes.Buffer
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(b); err != nil {
			panic(err)
		}
		out = buf.Bytes()
	}
	maps.Copy(w.Header(), a.header)
	if out != nil {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Length", strconv.Itoa(len(out)))
	}
	w.Header().Set("Sforce-Limit-Info", fmt.Sprintf("api-usage=%d/%d", used, limit))
	w.WriteHeader(a.status)
	if fault != nil && fault.Kind == HalfAnswer {
		_, _ = w.Write(out[:len(out)/2])
		hangUp(w)
		return
	}
	_, _ = w.Write(out)
}

func hangUp(w http.ResponseWriter) {
	if f, is := w.(http.Flusher); is && w.Header().Get("Content-Type") != "" {
		f.Flush()
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = conn.Close()
		return
	}
	panic(http.ErrAbortHandler)
}

func errorAnswer(status int, code, message string, fields ...string) answer {
	e := map[string]any{"message": message, "errorCode": code}
	if len(fields) > 0 {
		e["fields"] = fields
	}
	return answer{status: status, body: []any{e}}
}

func (p *Problem) answer() answer {
	status := p.status
	if status == 0 {
		status = http.StatusBadRequest
		if p.Code == "NOT_FOUND" {
			status = http.StatusNotFound
		}
	}
	a := errorAnswer(status, p.Code, p.Message, p.Fields...)
	if p.dup != nil {
		a.body.([]any)[0].(map[string]any)["duplicateResult"] = p.dup
	}
	return a
}

func notFound() answer {
	return errorAnswer(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
}

func (o *Org) answer(in *input) answer {
	if in.URL.Path == "/services/oauth2/token" {
		return o.token(in)
	}
	if strings.TrimSuffix(in.URL.Path, "/") == "/services/data" {
		return answer{status: 200, body: []any{
			map[string]string{"label": "Spring '26", "url": "/services/data/v66.0", "version": "66.0"},
		}}
	}
	// The path as it was sent: an escaped slash is part of a value.
	escaped := in.URL.EscapedPath()
	m := apiPath.FindStringSubmatch(escaped)
	if m == nil {
		return notFound()
	}
	if n, err := strconv.ParseFloat(m[1], 64); err != nil || n < 46 || n > 68 {
		return notFound()
	}
	in.version, in.path = m[1], strings.TrimSuffix(m[2], "/")
	if a, refused := o.authorize(in); refused {
		return a
	}
	if n := len(in.URL.RequestURI()); n > 16_384 {
		return errorAnswer(http.StatusRequestURITooLong, "URI_TOO_LONG", "URI is too long")
	}
	o.used++
	if o.used > o.opts.DailyCalls {
		return errorAnswer(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
	}
	in.dup = parseDup(in.Header.Get("Sforce-Duplicate-Rule-Header"))
	return o.route(in)
}

func (o *Org) authorize(in *input) (answer, bool) {
	bearer, is := strings.CutPrefix(in.Header.Get("Authorization"), "Bearer ")
	left, known := o.tokens[bearer]
	if !is || !known || left == 0 {
		delete(o.tokens, bearer)
		return errorAnswer(http.StatusUnauthorized, "INVALID_SESSION_ID", "Session expired or invalid"), true
	}
	if left > 0 {
		o.tokens[bearer] = left - 1
	}
	return answer{}, false
}

func (o *Org) route(in *input) answer {
	parts := strings.Split(strings.TrimPrefix(in.path, "/"), "/")
	for i, p := range parts {
		s, err := url.PathUnescape(p)
		if err != nil {
			return notFound()
		}
		parts[i] = s
	}
	switch {
	case in.path == "" && in.Method == http.MethodGet:
		base := "/services/data/v" + in.version
		return answer{status: 200, body: map[string]string{"sobjects": base + "/sobjects", "query": base + "/query", "composite": base + "/composite", "jobs": base + "/jobs", "limits": base + "/limits"}}
	case in.path == "/limits" && in.Method == http.MethodGet:
		return answer{status: 200, body: map[string]any{"DailyApiRequests": map[string]int{"Max": o.opts.DailyCalls, "Remaining": max(0, o.opts.DailyCalls-o.used)}}}
	case parts[0] == "query":
		return o.query(in, parts[1:])
	case in.path == "/composite" && in.Method == http.MethodPost:
		return o.composite(in)
	case parts[0] == "composite" && len(parts) > 1 && parts[1] == "sobjects":
		return o.collections(in, parts[2:])
	case parts[0] == "jobs" && len(parts) > 1 && parts[1] == "ingest":
		return o.ingest(in, parts[2:])
	case parts[0] == "sobjects":
		return o.sobjects(in, parts[1:])
	}
	return notFound()
}

// composite answers https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_composite.htm
// for requests that do not refer to one another.
func (o *Org) composite(in *input) answer {
	var body struct {
		Requests []struct {
			Method string          `json:"method"`
			URL    string          `json:"url"`
			Name   string          `json:"referenceId"`
			Body   json.RawMessage `json:"body"`
		} `json:"compositeRequest"`
	}
	if p := decodeJSON(in.body, &body); p != nil {
		return p.answer()
	}
	in.records = len(body.Requests)
	if n := len(body.Requests); n == 0 || n > 25 {
		return errorAnswer(http.StatusBadRequest, "LIMIT_EXCEEDED", "Limit of 25 reached for operations in a composite request")
	}
	seen, queries := make(map[string]bool), 0
	for _, r := range body.Requests {
		if r.Name == "" || seen[r.Name] {
			return errorAnswer(http.StatusBadRequest, "INVALID_INPUT", "referenceId is missing or not unique")
		}
		seen[r.Name] = true
		if strings.Contains(r.URL, "/query") || strings.Contains(r.URL, "/composite/sobjects") {
			queries++
		}
	}
	if queries > 5 {
		return errorAnswer(http.StatusBadRequest, "LIMIT_EXCEEDED", "Limit of 5 reached for query and collection operations in a composite request")
	}
	results := []any{}
	for _, r := range body.Requests {
		a := o.subrequest(in, r.Method, r.URL, r.Body)
		headers := map[string]string{}
		for name := range a.header {
			headers[name] = a.header.Get(name)
		}
		results = append(results, map[string]any{"body": a.body, "httpHeaders": headers, "httpStatusCode": a.status, "referenceId": r.Name})
	}
	return answer{status: 200, body: map[string]any{"compositeResponse": results}}
}

func (o *Org) subrequest(in *input, method, address string, body []byte) answer {
	u, err := url.Parse(address)
	if err != nil {
		return notFound()
	}
	m := apiPath.FindStringSubmatch(u.EscapedPath())
	if m == nil || m[1] != in.version || m[2] == "/composite" || strings.HasPrefix(m[2], "/jobs") {
		return notFound()
	}
	return o.route(&input{
		Request: &http.Request{Method: method, URL: u, Header: http.Header{}},
		body:    body, version: m[1], path: strings.TrimSuffix(m[2], "/"),
	})
}

// cursor is the rest of a query's answer.
type cursor struct {
	records []map[string]any
	total   int
}

// query answers GET /query?q= and the further pages.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query.htm
func (o *Org) query(in *input, rest []string) answer {
	if in.Method != http.MethodGet {
		return errorAnswer(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "HTTP Method '"+in.Method+"' not allowed. Allowed are HEAD,GET")
	}
	size := o.opts.PageSize
	if _, n, is := strings.Cut(in.Header.Get("Sforce-Query-Options"), "batchSize="); is {
		if n, err := strconv.Atoi(n); err == nil {
			size = min(max(n, 200), 2000)
		}
	}
	if len(rest) == 1 {
		id, from, _ := strings.Cut(rest[0], "-")
		at, err := strconv.Atoi(from)
		c := o.cursors[id]
		if c == nil || err != nil || at < 0 || at > len(c.records) {
			return errorAnswer(http.StatusNotFound, "INVALID_QUERY_LOCATOR", "invalid query locator")
		}
		return o.page(in, id, c, at, size)
	}
	records, total, p := o.run(in.URL.Query().Get("q"))
	if p != nil {
		return p.answer()
	}
	if records == nil {
		records = []map[string]any{}
	}
	o.serial++
	return o.page(in, fmt.Sprintf("01gSim%012d", o.serial), &cursor{records: records, total: total}, 0, size)
}

func (o *Org) page(in *input, id string, c *cursor, from, size int) answer {
	to := min(from+size, len(c.records))
	body := map[string]any{"totalSize": c.total, "done": to == len(c.records), "records": c.records[from:to]}
	if to < len(c.records) {
		o.cursors[id] = c
		body["nextRecordsUrl"] = fmt.Sprintf("/services/data/v%s/query/%s-%d", in.version, id, to)
	} else {
		delete(o.cursors, id)
	}
	return answer{status: 200, body: body}
}

func decodeJSON(body []byte, into any) *Problem {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		return &Problem{Code: "JSON_PARSER_ERROR", Message: "Unexpected character or end of input", status: 400}
	}
	return nil
}

func httpTime(t time.Time) string { return t.UTC().Format(http.TimeFormat) }
