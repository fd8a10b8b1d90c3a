package shopifytest

import (
	"net/http"
	"time"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// adminPath is where the Admin API is: /admin/api/{version}/graphql.json.
const adminPath = "/admin/api/"

// adminConfig is what an [adminAPI] is made of.
type adminConfig struct {
	// engine executes; see adminEngine.
	engine *graph.Engine
	// resolver is the stored shop. It is called with lock held.
	resolver graph.Resolver
	// auth tells the access scopes of an access token. A nil slice of a valid
	// token means all scopes.
	auth func(token string) (scopes []string, ok bool)
	// lock is taken while an operation executes: shared for queries, exclusive for
	// mutations.
	lock func(mutation bool) (unlock func())
	// plan is the bucket. The zero value is Standard.
	plan Plan
	// now tells the time.
	now func() time.Time
}

// adminAPI is the Admin API over HTTP. Safe for concurrent use.
type adminAPI struct {
	cfg     adminConfig
	bucket  *bucket
	faults  faults
	journal journal
}

func newAdminAPI(cfg adminConfig) *adminAPI {
	return &adminAPI{cfg: cfg, bucket: newBucket(cfg.plan, cfg.now)}
}

// ServeHTTP answers requests below [adminPath].
func (a *adminAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

// adminEngine returns the engine of the pinned Admin schema. It is made once per process.
func adminEngine() (*graph.Engine, error) { return nil, errUnfinished }
