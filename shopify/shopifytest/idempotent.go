package shopifytest

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/posai-go/posai/shopify/schema"
	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// idempotencyAge is how long a key is remembered.
const idempotencyAge = 24 * time.Hour

// idempotencyKeys remembers the keys of @idempotent mutations and what they
// gave. Safe for concurrent use.
type idempotencyKeys struct {
	now      func() time.Time
	required []string // mutations that demand a key, sorted

	mu   sync.Mutex
	keys map[string]*keyRecord
}

// A keyRecord is one use of a key.
type keyRecord struct {
	digest  [sha256.Size]byte // of the field and its arguments
	since   time.Time
	running bool
	value   any // what the resolver gave, when not running
}

func newIdempotencyKeys(now func() time.Time) *idempotencyKeys {
	return &idempotencyKeys{now: now, required: schema.Admin().IdempotentMutations(), keys: map[string]*keyRecord{}}
}

// A keyedRun is one operation with its idempotency keys.
type keyedRun struct {
	keys *idempotencyKeys
	// fields says by response key what becomes of those root fields that carry a key.
	fields map[string]*keyedField
}

type keyedField struct {
	key     string
	record  *keyRecord // nil: the error says why the field is not carried out
	replay  bool
	code    string
	message string
}

// begin claims the keys of a mutation.
func (k *idempotencyKeys) begin(op *graph.Operation) *keyedRun {
	run := &keyedRun{keys: k, fields: map[string]*keyedField{}}
	if !op.Mutation {
		return run
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	for key, r := range k.keys {
		if !r.running && now.Sub(r.since) > idempotencyAge {
			delete(k.keys, key)
		}
	}
	for _, root := range op.Roots() {
		if key, ok := root.Directives["idempotent"]["key"].(string); ok {
			run.fields[root.Key] = k.claim(key, root, now)
		}
	}
	return run
}

// claim takes a key for a field, or says why it cannot. The caller holds mu.
func (k *idempotencyKeys) claim(key string, root graph.Root, now time.Time) *keyedField {
	digest := digestOf(root)
	r, known := k.keys[key]
	switch {
	case !known:
		r = &keyRecord{digest: digest, since: now, running: true}
		k.keys[key] = r
		return &keyedField{key: key, record: r}
	case r.digest != digest:
		return &keyedField{
			code: "IDEMPOTENCY_KEY_PARAMETER_MISMATCH", message: "The same idempotency key cannot be used with different operation parameters.",
		}
	case r.running:
		return &keyedField{
			code: "IDEMPOTENCY_CONCURRENT_REQUEST", message: "This request is currently in progress, please try again.",
		}
	}
	return &keyedField{key: key, record: r, replay: true}
}

func digestOf(root graph.Root) [sha256.Size]byte {
	b, _ := json.Marshal([]any{root.Field, root.Args}) //nolint:errchkjson // the arguments came from JSON
	return sha256.Sum256(b)
}

// end gives up the keys of fields that were not carried out, so that they can
// be tried again.
func (r *keyedRun) end() {
	r.keys.mu.Lock()
	defer r.keys.mu.Unlock()
	for _, f := range r.fields {
		switch {
		case f.record == nil || f.replay:
		case f.record.value == nil:
			delete(r.keys.keys, f.key)
		default:
			f.record.running = false
		}
	}
}

// resolver puts the keys in front of the shop's resolver.
func (r *keyedRun) resolver(next graph.Resolver) graph.Resolver {
	return graph.ResolverFunc(func(c *graph.Call) (any, bool, error) {
		if c.ParentType != "Mutation" {
			return next.Resolve(c)
		}
		responseKey, _ := c.Path[0].(string)
		f := r.fields[responseKey]
		if f == nil {
			if _, needs := slices.BinarySearch(r.keys.required, c.Field); needs {
				return nil, true, graph.NewError("BAD_REQUEST", "The @idempotent directive is required for this mutation but was not provided.")
			}
			return next.Resolve(c)
		}
		switch {
		case f.record == nil:
			return refusedPayload(c.Field, f), true, nil
		case f.replay:
			return f.record.value, true, nil
		}
		value, handled, err := next.Resolve(c)
		if handled && err == nil {
			f.record.value = value
		}
		return value, handled, err
	})
}

// refusedPayload is the payload of a mutation whose key was refused.
func refusedPayload(field string, f *keyedField) graph.Object {
	list := "userErrors"
	if field == "locationActivate" || field == "locationDeactivate" {
		list = field + "UserErrors"
	}
	return graph.Object{
		graph.Closed: true,
		list:         graph.List{{graph.Closed: true, "field": nil, "message": f.message, "code": f.code}},
	}
}
