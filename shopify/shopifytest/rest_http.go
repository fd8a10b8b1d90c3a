package shopifytest

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/posai-go/posai/shopify/schema"
)

// requests is the plan's bucket of REST requests: 2 a second and 40 at once on
// Shopify's standard plans, and as many times that as a plan has query cost.
// Source: https://shopify.dev/docs/api/usage/limits#rate-limits
func (p Plan) requests() Plan {
	if p == (Plan{}) {
		p = Standard
	}
	times := max(1, p.RestoreRate/Standard.RestoreRate)
	return Plan{Maximum: 40 * times, RestoreRate: 2 * times}
}

// restAPI is the subset of the REST Admin API that the shop has. Safe for concurrent
// use.
type restAPI struct {
	shop   *Shop
	bucket *bucket
}

// restRequest is one request on its way.
type restRequest struct {
	api     *restAPI
	w       http.ResponseWriter
	r       *http.Request
	version string
	entry   JournalEntry
	fault   Fault
}

// restProblem is an answer that says no.
type restProblem struct {
	status int
	errors any
}

// routes adds the resources to the mux.
func (a *restAPI) routes(mux *http.ServeMux) {
	for pattern, resource := range map[string]struct {
		scope  string
		handle func(*restRequest) (any, *restProblem)
	}{
		"GET /shop.json":            {"", (*restRequest).getShop},
		"GET /orders.json":          {"read_orders", func(q *restRequest) (any, *restProblem) { return q.list("orders", q.orders()) }},
		"GET /orders/count.json":    {"read_orders", func(q *restRequest) (any, *restProblem) { return q.count(q.orders()) }},
		"GET /orders/{id}":          {"read_orders", func(q *restRequest) (any, *restProblem) { return q.one("order", q.orders()) }},
		"PUT /orders/{id}":          {"write_orders", (*restRequest).putOrder},
		"GET /products.json":        {"read_products", func(q *restRequest) (any, *restProblem) { return q.list("products", q.products()) }},
		"GET /products/count.json":  {"read_products", func(q *restRequest) (any, *restProblem) { return q.count(q.products()) }},
		"GET /products/{id}":        {"read_products", func(q *restRequest) (any, *restProblem) { return q.one("product", q.products()) }},
		"GET /customers.json":       {"read_customers", func(q *restRequest) (any, *restProblem) { return q.list("customers", q.customers()) }},
		"GET /customers/count.json": {"read_customers", func(q *restRequest) (any, *restProblem) { return q.count(q.customers()) }},
		"GET /customers/{id}":       {"read_customers", func(q *restRequest) (any, *restProblem) { return q.one("customer", q.customers()) }},
		"GET /webhooks.json":        {"", func(q *restRequest) (any, *restProblem) { return q.list("webhooks", q.webhooks()) }},
		"GET /webhooks/count.json":  {"", func(q *restRequest) (any, *restProblem) { return q.count(q.webhooks()) }},
		"GET /webhooks/{id}":        {"", func(q *restRequest) (any, *restProblem) { return q.one("webhook", q.webhooks()) }},
		"POST /webhooks.json":       {"", (*restRequest).postWebhook},
		"PUT /webhooks/{id}":        {"", (*restRequest).putWebhook},
		"DELETE /webhooks/{id}":     {"", (*restRequest).deleteWebhook},
	} {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+adminPath+"{version}"+path, func(w http.ResponseWriter, r *http.Request) {
			a.serve(w, r, resource.scope, resource.handle)
		})
	}
}

func (a *restAPI) serve(w http.ResponseWriter, r *http.Request, scope string, handle func(*restRequest) (any, *restProblem)) {
	now := a.shop.admin.cfg.now
	q := &restRequest{api: a, w: w, r: r, version: r.PathValue("version")}
	name := r.Method + " " + strings.TrimPrefix(r.URL.Path, adminPath+q.version+"/")
	q.entry = JournalEntry{API: "rest", RequestID: requestID(), Time: now(), Version: q.version, Operation: name, Mutation: r.Method != http.MethodGet}
	w.Header().Set("X-Request-Id", q.entry.RequestID)
	if !versionPattern.MatchString(q.version) {
		q.send(http.StatusNotFound, map[string]any{"errors": "Not Found"})
		return
	}
	w.Header().Set("X-Shopify-API-Version", schema.Admin().Version())
	scopes, refused := a.shop.oauth.authenticate(r.Header.Get("X-Shopify-Access-Token"))
	if refused != nil {
		q.send(refused.status, map[string]any{"errors": refused.errors})
		return
	}
	var hit bool
	q.fault, hit = a.shop.admin.faults.take(name, nil)
	q.entry.Faulted = hit
	switch {
	case q.fault.fails():
		wait(r.Context(), q.fault.Delay)
		q.breakdown()
		return
	case !a.bucket.take(1):
		q.throttle()
		return
	}
	status := a.bucket.status()
	w.Header().Set("X-Shopify-Shop-Api-Call-Limit", fmt.Sprintf("%d/%d", int(status.MaximumAvailable-status.CurrentlyAvailable+0.5), int(status.MaximumAvailable)))
	if scope != "" && scopes != nil && !schema.Grants(scopes, scope) {
		q.send(http.StatusForbidden, map[string]any{"errors": "[API] This action requires merchant approval for " + scope + " scope."})
		return
	}
	unlock := a.shop.lock(r.Method != http.MethodGet)
	body, problem := func() (any, *restProblem) {
		defer unlock()
		return handle(q)
	}()
	if problem != nil {
		q.send(problem.status, map[string]any{"errors": problem.errors})
		return
	}
	q.entry.Effect = q.entry.Mutation
	wait(r.Context(), q.fault.Delay)
	status200 := http.StatusOK
	if r.Method == http.MethodPost {
		status200 = http.StatusCreated
	}
	q.send(status200, body)
}

// send answers, unless the fault loses the answer.
func (q *restRequest) send(status int, body any) {
	if q.fault.LoseResponse || q.fault.Cut {
		q.api.shop.admin.journal.add(q.entry)
		panic(http.ErrAbortHandler)
	}
	q.entry.Status = status
	q.api.shop.admin.journal.add(q.entry)
	writeJSON(q.w, status, body)
}

func (q *restRequest) throttle() {
	q.w.Header().Set("Retry-After", "2.0")
	q.send(http.StatusTooManyRequests, map[string]any{"errors": statusText(http.StatusTooManyRequests)})
}

// breakdown answers as the fault wants.
func (q *restRequest) breakdown() {
	status := q.fault.Status
	switch {
	case q.fault.Throttle:
		q.throttle()
		return
	case status == 0:
		status = http.StatusInternalServerError
	}
	if q.fault.RetryAfter != "" {
		q.w.Header().Set("Retry-After", q.fault.RetryAfter)
	}
	q.send(status, map[string]any{"errors": statusText(status)})
}

// payloads are resources in their order, made when they are wanted.
type payloads []payload

type payload struct {
	id    int64
	place int64 // in the list, growing; not 0, and what comes and goes does not change it
	make  func() map[string]any
}

func (q *restRequest) orders() payloads {
	s := q.api.shop.state
	var out payloads
	for _, o := range slices.Backward(s.orders) { // the latest first
		out = append(out, payload{o.id, -o.filed, func() map[string]any { return s.orderPayload(o) }})
	}
	return out
}

func (q *restRequest) products() payloads {
	s := q.api.shop.state
	var out payloads
	for _, p := range s.products {
		out = append(out, payload{p.id, p.filed, func() map[string]any { return s.productPayload(p) }})
	}
	return out
}

func (q *restRequest) customers() payloads {
	s := q.api.shop.state
	var out payloads
	for _, c := range s.customers {
		out = append(out, payload{c.id, c.filed, func() map[string]any { return s.customerPayload(c) }})
	}
	return out
}

func (q *restRequest) getShop() (any, *restProblem) {
	info := &q.api.shop.state.shop
	return map[string]any{"shop": map[string]any{
		"id": info.id, "name": info.data.Name, "email": info.data.Email, "domain": info.data.Domain, "myshopify_domain": info.data.Domain,
		"currency": info.data.Currency, "iana_timezone": info.location.String(),
	}}, nil
}

const (
	restPage    = 50 // elements of a page
	restPageMax = 250
)

// cursor is what page_info says: go on after, or end before, the resource that has or had this place,
// among those that the filters of the first request let through.
type cursor struct {
	Place   int64             `json:"place"`
	Before  bool              `json:"before,omitempty"`
	Filters map[string]string `json:"filters,omitempty"`
}

func (c cursor) text() string {
	b, _ := json.Marshal(c) // numbers, truths and text can always be encoded
	return base64.RawURLEncoding.EncodeToString(b)
}

// list answers with a page and the Link header.
// Source: https://shopify.dev/docs/api/admin-rest/usage/pagination
func (q *restRequest) list(key string, all payloads) (any, *restProblem) {
	query := q.r.URL.Query()
	limit, filters := restPage, map[string]string{}
	for name, values := range query {
		switch name {
		case "limit":
			n, err := strconv.Atoi(values[0])
			if err != nil || n < 1 || n > restPageMax {
				return nil, &restProblem{http.StatusBadRequest, map[string]string{"limit": "must be between 1 and 250"}}
			}
			limit = n
		case "page_info", "fields":
		case "topic", "address", "ids", "since_id":
			if key != "webhooks" && (name == "topic" || name == "address") {
				return nil, &restProblem{http.StatusBadRequest, map[string]string{name: "this filter is not simulated"}}
			}
			filters[name] = values[0]
		case "status":
			if values[0] != "any" {
				return nil, &restProblem{http.StatusBadRequest, map[string]string{name: "this value is not simulated"}}
			}
		default:
			return nil, &restProblem{http.StatusBadRequest, map[string]string{name: "this filter is not simulated"}}
		}
	}
	var c cursor
	pageInfo := query.Get("page_info")
	if pageInfo != "" {
		for _, name := range sortedKeys(query) {
			if !slices.Contains([]string{"page_info", "limit", "fields"}, name) {
				return nil, &restProblem{http.StatusBadRequest, map[string]string{name: name + " cannot be passed when page_info is present."}}
			}
		}
		raw, err := base64.RawURLEncoding.DecodeString(pageInfo)
		if err != nil || json.Unmarshal(raw, &c) != nil || c.Place == 0 {
			return nil, &restProblem{http.StatusBadRequest, map[string]string{"page_info": "Invalid value."}}
		}
		filters = c.Filters
	}
	for name, value := range filters {
		var problem *restProblem
		if all, problem = all.only(name, value); problem != nil {
			return nil, problem
		}
	}
	start, end := 0, len(all)
	if pageInfo != "" {
		at, found := slices.BinarySearchFunc(all, c.Place, func(p payload, place int64) int { return cmp.Compare(p.place, place) })
		switch {
		case c.Before:
			end, start = at, max(0, at-limit)
		case found:
			start = at + 1
		default:
			start = at // it was deleted: the next one has its place
		}
	}
	end = min(end, start+limit)
	page := []map[string]any{}
	for _, p := range all[start:end] {
		page = append(page, only(p.make(), query.Get("fields")))
	}
	if len(page) > 0 {
		var links []string
		link := func(rel string, c cursor) {
			v := url.Values{"limit": {strconv.Itoa(limit)}, "page_info": {c.text()}}
			if f := query.Get("fields"); f != "" {
				v.Set("fields", f)
			}
			links = append(links, fmt.Sprintf(`<https://%s%s?%s>; rel="%s"`, q.api.shop.Domain(), q.r.URL.Path, v.Encode(), rel))
		}
		if start > 0 {
			link("previous", cursor{all[start].place, true, filters})
		}
		if end < len(all) {
			link("next", cursor{all[end-1].place, false, filters})
		}
		if len(links) > 0 {
			q.w.Header().Set("Link", strings.Join(links, ", "))
		}
	}
	return map[string]any{key: page}, nil
}

// count answers with how many resources there are.
func (q *restRequest) count(all payloads) (any, *restProblem) {
	for name := range q.r.URL.Query() {
		if name != "status" || q.r.URL.Query().Get(name) != "any" {
			return nil, &restProblem{http.StatusBadRequest, map[string]string{name: "this filter is not simulated"}}
		}
	}
	return map[string]any{"count": len(all)}, nil
}

// only keeps the resources that a filter lets through.
func (all payloads) only(filter, value string) (payloads, *restProblem) {
	var keep func(payload) bool
	switch filter {
	case "ids":
		ids := map[string]bool{}
		for id := range strings.SplitSeq(value, ",") {
			ids[strings.TrimSpace(id)] = true
		}
		keep = func(p payload) bool { return ids[strconv.FormatInt(p.id, 10)] }
	case "since_id":
		since, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return nil, &restProblem{http.StatusBadRequest, map[string]string{filter: "Invalid value."}}
		}
		// From here on the order is that of the ids.
		all = slices.SortedFunc(slices.Values(all), func(a, b payload) int { return cmp.Compare(a.id, b.id) })
		for i := range all {
			all[i].place = all[i].id
		}
		keep = func(p payload) bool { return p.id > since }
	default:
		keep = func(p payload) bool { return p.make()[filter] == value }
	}
	return slices.DeleteFunc(slices.Clone(all), func(p payload) bool { return !keep(p) }), nil
}

// only keeps the fields of a comma-separated list; all, if it is empty.
func only(p map[string]any, fields string) map[string]any {
	if fields == "" {
		return p
	}
	out := map[string]any{}
	for name := range strings.SplitSeq(fields, ",") {
		if v, ok := p[strings.TrimSpace(name)]; ok {
			out[strings.TrimSpace(name)] = v
		}
	}
	return out
}

var restNotFound = &restProblem{http.StatusNotFound, "Not Found"}

// id is the number in the path.
func (q *restRequest) id() (int64, bool) {
	text, ok := strings.CutSuffix(q.r.PathValue("id"), ".json")
	n, err := strconv.ParseInt(text, 10, 64)
	return n, ok && err == nil
}

func (q *restRequest) one(key string, all payloads) (any, *restProblem) {
	id, ok := q.id()
	if i := slices.IndexFunc(all, func(p payload) bool { return p.id == id }); ok && i >= 0 {
		return map[string]any{key: only(all[i].make(), q.r.URL.Query().Get("fields"))}, nil
	}
	return nil, restNotFound
}

// readOnly are fields of every resource that a client may send back as it got them.
var readOnly = []string{"id", "admin_graphql_api_id", "created_at", "updated_at"}

// input reads the object under key from the body, which may have these fields alone.
func (q *restRequest) input(key string, fields ...string) (map[string]any, *restProblem) {
	var body map[string]map[string]any
	dec := json.NewDecoder(http.MaxBytesReader(q.w, q.r.Body, maxAdminBody))
	dec.UseNumber()
	if dec.Decode(&body) != nil || body[key] == nil {
		return nil, &restProblem{http.StatusBadRequest, map[string]string{key: "Required parameter missing or invalid"}}
	}
	for name := range body[key] {
		if !slices.Contains(readOnly, name) && !slices.Contains(fields, name) {
			return nil, &restProblem{http.StatusUnprocessableEntity, map[string][]string{name: {"is not simulated"}}}
		}
	}
	return body[key], nil
}

func (q *restRequest) putOrder() (any, *restProblem) {
	s := q.api.shop.state
	id, ok := q.id()
	o, found := find[*order](s, gid("Order", id))
	if !ok || !found {
		return nil, restNotFound
	}
	in, problem := q.input("order", "note", "tags")
	if problem != nil {
		return nil, problem
	}
	tags := normalizeTags(splitScopes(text(in, "tags")))
	if len(text(in, "note")) > maxNote {
		return nil, &restProblem{http.StatusUnprocessableEntity, map[string][]string{"note": {"is too long (maximum is 5000 characters)"}}}
	}
	if e := checkTags(tags); e != nil {
		return nil, &restProblem{http.StatusUnprocessableEntity, map[string][]string{"tags": {e.message}}}
	}
	setText(in, "note", &o.note)
	if _, sent := in["tags"]; sent {
		o.tags = tags
	}
	s.updated(o)
	return map[string]any{"order": s.orderPayload(o)}, nil
}
