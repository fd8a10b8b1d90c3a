// Package salesforcetest is a simulated Salesforce org to test clients against, over real
// HTTP: sign-in, describe, SOQL, records by id and by external id, sObject Collections and
// Bulk API 2.0, stateful, with the limits and the errors that Salesforce documents. It
// fails on demand.
//
//	org := salesforcetest.New(t, nil)
//	org.Add("Contact", map[string]any{"LastName": "Sample", "Email": "robin@example.com"})
//	sink, err := salesforce.New(salesforce.Credentials{
//		URL: org.URL(), ClientID: salesforcetest.ClientID, ClientSecret: salesforcetest.ClientSecret,
//	}, nil)
//
// What it knows less of than Salesforce it refuses, as Salesforce refuses what is wrong:
// SOQL beyond SELECT, WHERE, ORDER BY and LIMIT is MALFORMED_QUERY.
package salesforcetest

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"
)

// What signs in. With Options.PublicKey the JWT bearer flow does too, for Username.
const (
	ClientID     = "3MVG9simulated.client"
	ClientSecret = "simulated-client-secret"
	Username     = "integration@example.com"
)

// TB is what New needs of a *testing.T.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Options of an org. The zero value is the defaults.
type Options struct {
	// Objects of the org. If nil, [Objects].
	Objects []Object

	// PublicKey checks the assertions of the JWT bearer flow.
	PublicKey *rsa.PublicKey

	// DailyCalls is how many API calls a day has. If zero, 100,000.
	DailyCalls int

	// TokenUses is how many requests a token is good for. If zero, any number.
	TokenUses int

	// PageSize is how many records a page of a query's answer has. If zero, 2,000.
	PageSize int

	// Looks is how often a job is looked at before it is done. If zero, 2.
	Looks int

	// HardDelete is whether the user has the permission "Bulk API Hard Delete".
	HardDelete bool

	// Terse leaves the duplicateResult out of the answers to collections.
	Terse bool
}

// Org is a simulated org. It is safe for concurrent use.
type Org struct {
	opts   Options
	server *httptest.Server

	mu       sync.Mutex
	objects  map[string]*object
	tokens   map[string]int // uses left; -1 is any number
	jobs     map[string]*job
	cursors  map[string]*cursor
	used     int
	serial   int
	signIns  int
	locked   int
	breaks   int // rows after which the next job fails
	rule     *DuplicateRule
	reject   func(object string, values map[string]any) *Problem
	faults   []*Fault
	chaos    *chaos
	requests []Request
	undo     []func() // of the request that is under way, if it may be rolled back
}

// Request is one that an org answered.
type Request struct {
	Method  string
	Path    string // without its query
	Records int    // in a collection
	Status  int
	Header  http.Header // without Authorization
}

// New starts an org that ends with the test.
func New(t TB, opts *Options) *Org {
	t.Helper()
	o, err := Start(opts)
	if err != nil {
		t.Fatalf("salesforcetest: %v", err)
	}
	t.Cleanup(o.Close)
	return o
}

// Start starts an org on a port of the loopback interface. Close ends it.
func Start(opts *Options) (*Org, error) {
	o := &Org{
		opts:    *cmp.Or(opts, &Options{}),
		objects: make(map[string]*object), tokens: make(map[string]int), jobs: make(map[string]*job), cursors: make(map[string]*cursor),
	}
	o.opts.DailyCalls = cmp.Or(o.opts.DailyCalls, 100_000)
	o.opts.PageSize = cmp.Or(o.opts.PageSize, 2_000)
	o.opts.Looks = cmp.Or(o.opts.Looks, 2)
	if o.opts.Objects == nil {
		o.opts.Objects = Objects()
	}
	for _, def := range o.opts.Objects {
		if err := o.define(def); err != nil {
			return nil, err
		}
	}
	o.server = httptest.NewUnstartedServer(http.HandlerFunc(o.serve)) // it must be there before somebody asks
	o.server.Start()
	return o, nil
}

// URL is the org's address, without a slash at its end.
func (o *Org) URL() string { return o.server.URL }

// Close ends the org.
func (o *Org) Close() { o.server.Close() }

// Add puts a record into the org and returns its id. It panics on values that the org
// would refuse.
func (o *Org) Add(name string, values map[string]any) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	obj := o.objects[name]
	if obj == nil {
		panic("salesforcetest: no object " + name)
	}
	defer o.unlocked()()
	id, p := o.insert(obj, values, dupOptions{allow: true})
	if p != nil {
		panic("salesforcetest: " + p.Code + ": " + p.Message)
	}
	return id
}

// unlocked keeps locks for others until the function that it returns is called.
func (o *Org) unlocked() func() {
	n := o.locked
	o.locked = 0
	return func() { o.locked = n }
}

// Record returns the values of a record, or nil if it is deleted or was never there.
func (o *Org) Record(name, id string) map[string]any {
	o.mu.Lock()
	defer o.mu.Unlock()
	if obj := o.objects[name]; obj != nil {
		if r := obj.live(id); r != nil {
			return r.copy()
		}
	}
	return nil
}

// All returns the values of all records of an object that are not deleted, the oldest
// first.
func (o *Org) All(name string) []map[string]any {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []map[string]any
	if obj := o.objects[name]; obj != nil {
		for _, id := range obj.order {
			if r := obj.live(id); r != nil {
				all = append(all, r.copy())
			}
		}
	}
	return all
}

// Bin returns the ids of an object's records in the recycle bin.
func (o *Org) Bin(name string) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var ids []string
	if obj := o.objects[name]; obj != nil {
		for _, id := range obj.order {
			if r := obj.records[id]; r != nil && r.deleted {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// Set changes fields of a record, as somebody else would.
func (o *Org) Set(name, id string, values map[string]any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	obj := o.objects[name]
	if obj == nil || obj.live(id) == nil {
		panic("salesforcetest: no such record")
	}
	defer o.unlocked()()
	if p := o.update(obj, obj.live(id), values, dupOptions{allow: true}); p != nil {
		panic("salesforcetest: " + p.Code + ": " + p.Message)
	}
}

// Requests returns what the org answered, the sign-ins too.
func (o *Org) Requests() []Request {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.requests)
}

// SignIns is how often somebody signed in.
func (o *Org) SignIns() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.signIns
}

// Jobs is how many bulk jobs the org keeps.
func (o *Org) Jobs() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.jobs)
}

// SetUsed says how many of the day's calls are used up.
func (o *Org) SetUsed(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.used = n
}

// ExpireTokens makes all tokens invalid.
func (o *Org) ExpireTokens() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.tokens)
}

// LockRows has the next n records that are written fail with UNABLE_TO_LOCK_ROW.
func (o *Org) LockRows(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.locked = n
}

// BreakJob has the next job that is worked off fail after n of its rows, if it has more.
func (o *Org) BreakJob(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.breaks = n
}

// Reject has the org refuse records, as a validation rule or a trigger would: fn returns
// nil for those that may pass. It must not call the org.
func (o *Org) Reject(fn func(object string, values map[string]any) *Problem) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reject = fn
}

// A DuplicateRule finds contacts that are the same person, by the e-mail address.
type DuplicateRule struct {
	// Block refuses duplicates for good; otherwise who sets allowSave may save them.
	Block bool
}

// SetDuplicateRule sets the rule of the object Contact, or removes it with nil.
func (o *Org) SetDuplicateRule(r *DuplicateRule) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rule = r
}

// Alter changes the definition of an object, as an administrator would: fn gets the
// field and returns what it becomes; one without a name is removed.
func (o *Org) Alter(name string, fn func(Field) Field) {
	o.mu.Lock()
	defer o.mu.Unlock()
	obj := o.objects[name]
	if obj == nil {
		panic("salesforcetest: no object " + name)
	}
	var kept []Field
	for _, f := range obj.def.Fields {
		if f = fn(f); f.Name != "" {
			kept = append(kept, f)
		}
	}
	obj.def.Fields = kept
	obj.index()
}

// Drop removes an object.
func (o *Org) Drop(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.objects, name)
}

func now() time.Time { return time.Now().UTC() }

func random() string { return rand.Text() }
