package shopifytest

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/posai-go/posai/shopify/schema"
	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// adminPath is where the Admin API is: /admin/api/{version}/graphql.json.
const adminPath = "/admin/api/"

// versionPattern is the form of API versions. Whichever of them a client asks
// for, it gets the pinned one and is told so, as Shopify does with versions that
// it no longer supports.
var versionPattern = regexp.MustCompile(`^([0-9]{4}-(01|04|07|10)|unstable)$`)

// deprecationURL is the value of the X-Shopify-API-Deprecated-Reason header.
const deprecationURL = "https://shopify.dev/api/usage/versioning#deprecation-practices"

// adminConfig is what an [adminAPI] is made of.
type adminConfig struct {
	// name, path and schema are those of the API. Zero: the Admin API's.
	name, path string
	schema     *schema.Schema
	// engine executes; see adminEngine.
	engine *graph.Engine
	// resolver is the stored shop. It is called with lock held.
	resolver graph.Resolver
	// auth tells the access scopes of a request, or how it is refused. A nil slice
	// means all scopes.
	auth func(h http.Header) (scopes []string, refused *badRequest)
	// online tells whether the token is one of an online access mode. If nil, none is.
	online func(h http.Header) bool
	// uncounted says that operations cost nothing, and answers tell no cost.
	uncounted bool
	// faults and journal may be shared with another API.
	faults  *faults
	journal *journal
	// lock is taken while an operation executes: shared for queries, exclusive for
	// mutations. If nil, operations run side by side.
	lock func(mutation bool) (unlock func())
	// plan is the bucket. The zero value is Standard.
	plan Plan
	// now tells the time. If nil, time.Now.
	now func() time.Time
	// logger hears of mistakes inside the simulated shop. If nil, nobody does.
	logger *slog.Logger
}

// adminAPI is a GraphQL API over HTTP, the Admin API above all. Safe for concurrent
// use.
type adminAPI struct {
	cfg     adminConfig
	bucket  *bucket
	keys    *idempotencyKeys
	faults  *faults
	journal *journal
	told    sync.Map // names of mutations of which the log has that they are improvised
}

func newAdminAPI(cfg adminConfig) *adminAPI {
	if cfg.now == nil {
		cfg.now = time.Now
	}
	if cfg.lock == nil {
		cfg.lock = func(bool) func() { return func() {} }
	}
	if cfg.logger == nil {
		cfg.logger = slog.New(slog.DiscardHandler)
	}
	if cfg.schema == nil {
		cfg.name, cfg.path, cfg.schema = "admin", adminPath, schema.Admin()
	}
	if cfg.faults == nil {
		cfg.faults, cfg.journal = &faults{}, &journal{}
	}
	return &adminAPI{
		cfg: cfg, bucket: newBucket(cfg.plan, cfg.now), keys: newIdempotencyKeys(cfg.now), faults: cfg.faults, journal: cfg.journal,
	}
}

// adminEngine returns the engine of the pinned Admin schema. It is made once per process.
var adminEngine = sync.OnceValues(func() (*graph.Engine, error) {
	return graph.New(schema.Admin().SDL(), nil)
})

// ServeHTTP answers requests below the path of the API.
func (a *adminAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{api: a, w: w, entry: JournalEntry{API: a.cfg.name, RequestID: requestID(), Time: a.cfg.now()}}
	w.Header().Set("X-Request-Id", x.entry.RequestID)
	version, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, a.cfg.path), "/graphql.json")
	if !ok || !versionPattern.MatchString(version) {
		x.fail(http.StatusNotFound, "Not Found")
		return
	}
	x.entry.Version = version
	w.Header().Set("X-Shopify-API-Version", a.cfg.schema.Version())
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		x.fail(http.StatusMethodNotAllowed, "Method Not Allowed")
		return
	case !acceptsJSON(r.Header.Values("Accept")):
		x.fail(http.StatusNotAcceptable, "Not Acceptable")
		return
	}
	scopes, refused := a.cfg.auth(r.Header)
	if refused != nil {
		x.fail(refused.status, refused.errors)
		return
	}
	req, bad := readAdminRequest(w, r)
	if bad != nil {
		x.handleBad(r.Context(), bad)
		return
	}
	x.entry.Variables, _ = copyJSON(req.Variables).(map[string]any)
	if scopes != nil {
		req.Access = accessOf(a.cfg.schema, scopes)
	}
	if a.cfg.online != nil && a.cfg.online(r.Header) {
		req.Access = offlineOnly(req.Access)
	}
	x.handle(r.Context(), req)
}

// requestID returns a random UUID.
func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// acceptsJSON reports whether the Accept header, if there is one, allows JSON.
func acceptsJSON(values []string) bool {
	if len(values) == 0 {
		return true
	}
	for part := range strings.SplitSeq(strings.Join(values, ","), ",") {
		media, _, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(media)) {
		case "*/*", "application/*", "application/json", "application/graphql-response+json":
			return true
		}
	}
	return false
}

// accessOf returns the check of [graph.Request] for a token with the scopes.
func accessOf(api *schema.Schema, scopes []string) func(parentType, field, namedType string) string {
	denied := map[string]string{} // by coordinate; "" is allowed
	check := func(coordinate string) string {
		required, known := denied[coordinate]
		if !known {
			if access, ok := api.Access(coordinate); ok && !access.Allows(scopes) {
				required = access.Prose
			}
			denied[coordinate] = required
		}
		return required
	}
	return func(parentType, field, namedType string) string {
		if required := check(parentType + "." + field); required != "" {
			return required
		}
		// A connection is denied as a whole, rather than each of its nodes.
		return check(strings.TrimSuffix(namedType, "Connection"))
	}
}

// offlineOnly refuses what online tokens may not do, beside what access refuses.
//
// https://shopify.dev/docs/api/admin-graphql/latest/mutations/orderCreate
// https://shopify.dev/docs/api/admin-graphql/latest/mutations/orderRiskAssessmentCreate
func offlineOnly(access func(parentType, field, namedType string) string) func(parentType, field, namedType string) string {
	return func(parentType, field, namedType string) string {
		if access != nil {
			if required := access(parentType, field, namedType); required != "" {
				return required
			}
		}
		if parentType == "Mutation" && (field == "orderCreate" || field == "orderRiskAssessmentCreate") {
			return "an offline access token."
		}
		return ""
	}
}

// wait waits for the delay or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
