// Package salesforce writes a client book into Salesforce over its documented REST API:
// customers as contacts, their orders as records of a custom object, both found again by
// an external id, so that the same state again changes nothing.
//
//	sink, err := salesforce.New(salesforce.Credentials{
//		URL: "https://alder.my.salesforce.com", ClientID: id, ClientSecret: secret,
//	}, nil)
//	if err != nil { … }
//	if err := sink.Check(ctx); err != nil { … } // says by name what is not set up
//	outcomes, err := sink.Save(ctx, records)
//
// Save uses sObject Collections, 200 records a request; Load Bulk API 2.0. Before a
// contact is created for the first time, contacts without a key that have the same e-mail
// address or telephone number are looked for, and Salesforce's duplicate rules are heard:
// what may be somebody whom the CRM has already is for a person to say (crm.Ambiguous).
//
// # Errors
//
// Errors match crm.ErrUnavailable, crm.ErrLimit or crm.ErrRefused. What Salesforce
// answered is an *APIError; what is not set up is a *SetupError. They hold codes and names
// of fields, never the messages of Salesforce, which quote values.
package salesforce

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
)

// Version is the version of Salesforce's API that is called by default.
const Version = "66.0"

// MaxCollection is how many records one request of sObject Collections takes.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_upsert.htm
const MaxCollection = 200

// Options of a sink. The zero value is the defaults.
type Options struct {
	// Version of the API, 52.0 or later. If empty, [Version].
	Version string

	// Contact and Purchase name the objects and fields. Empty names are the defaults.
	Contact  ContactFields
	Purchase PurchaseFields

	// Fixed are fields of the contact that always get the same text, such as the account
	// that all of them belong to: {"AccountId": "001…"}.
	Fixed map[string]string

	// MatchEmail and MatchPhone are the fields in which a new customer's address and
	// number are looked for. If nil, Email; Phone and MobilePhone. If empty but not nil,
	// none is.
	MatchEmail, MatchPhone []string

	// Sure decides for contacts of the CRM's own that have a new customer's e-mail
	// address or number: it returns the id of the one that is the customer without doubt,
	// which is then tied to them, or "" to ask a person. If nil, a person is always
	// asked. See [SameEmailAndName].
	Sure func(crm.Record, []crm.Candidate) string

	// Unnamed is the last name of contacts without one, which Salesforce demands. If
	// empty, "Unknown".
	Unnamed string

	// Reserve is the share of the day's API calls that Save and Load leave to others:
	// once less is left they fail with a *crm.LimitError. Forget and Link go on. If zero,
	// 0.1; if negative, none.
	Reserve float64

	// HardDelete has Forget delete for good, past Salesforce's recycle bin, which
	// otherwise keeps what was deleted for 15 days. The user needs the permission
	// "Bulk API Hard Delete". A purchase that left its customer's state before, and was
	// deleted by Save or Load, lies in the bin all the same until its 15 days are over:
	// there Forget does not see it.
	HardDelete bool

	// Transport sends the requests. If nil, http.DefaultTransport.
	Transport http.RoundTripper

	// Timeout bounds each request, but for those that carry a job's data, which may take
	// half an hour. If zero, 2 minutes.
	Timeout time.Duration

	// Tries is how often a request is sent that gets no answer or 5xx, and a record
	// written whose row is locked. If zero, 4.
	Tries int

	// MinWait and MaxWait bound the pause before a further try and between looks at a
	// job; pauses double and are jittered. If zero, 500 ms and 30 s.
	MinWait, MaxWait time.Duration

	// JobBytes and JobRecords bound one bulk job. If zero, 100 MB, which is what
	// Salesforce takes, and 50,000 customers, whose outcomes are held in memory.
	JobBytes   int64
	JobRecords int

	// TempDir is where Load keeps the files of a job, which hold customers' data, until
	// they are sent. If empty, os.TempDir().
	TempDir string
}

// Sink is a Salesforce org. It is safe for concurrent use.
type Sink struct {
	opts   Options
	http   *retryablehttp.Client
	data   *retryablehttp.Client // for the results of jobs
	once   *retryablehttp.Client // for their data
	tokens *tokens
	usage  usage

	schemaLock sync.Mutex
	schema     *schema
	schemaAt   time.Time
}

var _ crm.Sink = (*Sink)(nil)

var (
	versionForm = regexp.MustCompile(`^(5[2-9]|[6-9][0-9]|[1-9][0-9]{2})\.0$`)
	nameForm    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,79}$`)
)

// New returns a sink that signs in with creds. It does not connect yet; Check does.
func New(creds Credentials, opts *Options) (*Sink, error) {
	o := *cmp.Or(opts, &Options{})
	o.Version = cmp.Or(o.Version, Version)
	o.Contact, o.Purchase = o.Contact.withDefaults(), o.Purchase.withDefaults()
	if o.MatchEmail == nil {
		o.MatchEmail = []string{"Email"}
	}
	if o.MatchPhone == nil {
		o.MatchPhone = []string{"Phone", "MobilePhone"}
	}
	o.Unnamed = cmp.Or(crm.OneLine(o.Unnamed), "Unknown")
	o.Reserve = min(max(cmp.Or(o.Reserve, 0.1), 0), 1)
	o.Timeout = cmp.Or(o.Timeout, 2*time.Minute)
	o.Tries = cmp.Or(o.Tries, 4)
	o.MinWait, o.MaxWait = cmp.Or(o.MinWait, 500*time.Millisecond), cmp.Or(o.MaxWait, 30*time.Second)
	o.JobBytes, o.JobRecords = cmp.Or(o.JobBytes, 100_000_000), cmp.Or(o.JobRecords, 50_000)
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("salesforce: %w", err)
	}
	client := newHTTP(&o, o.Timeout, o.Tries)
	login, err := newTokens(creds, client)
	if err != nil {
		return nil, fmt.Errorf("salesforce: %w", err)
	}
	long := max(o.Timeout, dataTimeout)
	return &Sink{opts: o, http: client, data: newHTTP(&o, long, o.Tries), once: newHTTP(&o, long, 1), tokens: login}, nil
}

func (o *Options) check() error {
	switch {
	case !versionForm.MatchString(o.Version):
		return errors.New("version: want 52.0 or later") // since when it has the header about duplicates
	case o.Tries < 1, o.MinWait < 0, o.MaxWait < o.MinWait, o.Timeout < 0, o.JobBytes < 1<<10, o.JobRecords < 1:
		return errors.New("a limit is out of its range")
	}
	names := slices.Concat(o.MatchEmail, o.MatchPhone, o.Contact.names(), o.Purchase.names())
	for name := range o.Fixed {
		names = append(names, name)
	}
	for _, name := range names {
		if !nameForm.MatchString(name) {
			return fmt.Errorf("%q is not the API name of an object or field", name)
		}
	}
	return nil
}

// Name implements crm.Sink.
func (s *Sink) Name() string { return "Salesforce" }

// path is below the instance's address.
func (s *Sink) path(rest string) string { return "/services/data/v" + s.opts.Version + rest }
