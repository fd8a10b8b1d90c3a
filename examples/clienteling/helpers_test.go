package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/csvcrm"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/salesforce"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/salesforcetest"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook/inbox"
)

// fewPeople is a small shop: six customers with two or three orders each, none of them
// at an age at which Shopify's groups change.
func fewPeople(t *testing.T) *shopifytest.Data {
	t.Helper()
	data := shopifytest.GenerateData(1, time.Now())
	data.Customers = data.Customers[:6]
	for i := range data.Customers {
		data.Customers[i].Phone = fmt.Sprintf("+1212555010%d", i)
	}
	orders := data.Orders
	data.Orders = nil
	for i := range 14 {
		o := orders[i]
		o.CustomerID, o.Refunds = data.Customers[i%6].ID, nil
		o.At = time.Now().Add(-time.Duration(214-i) * 24 * time.Hour).Truncate(time.Second)
		if i >= 6 {
			o.At = time.Now().Add(-time.Duration(36-i) * 24 * time.Hour).Truncate(time.Second)
		}
		data.Orders = append(data.Orders, o)
	}
	return data
}

// held is a transport of the shop's that carries deliveries, but keeps those for one
// address.
type held struct {
	prefix string

	mu   sync.Mutex
	kept []*http.Request // with a body that can be read again
}

func (h *held) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.prefix == "" || !strings.HasPrefix(r.URL.String(), h.prefix) {
		return http.DefaultTransport.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	kept := r.Clone(context.Background())
	kept.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	h.kept = append(h.kept, kept)
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: http.Header{}, Request: r}, nil
}

func (h *held) hold(prefix string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.prefix = prefix
}

// rig is the service at work for a simulated shop.
type rig struct {
	*service
	t   *testing.T
	sim *shopifytest.Shop
	cfg *config
	dir string
	csv *csvcrm.Sink
	org *salesforcetest.Org // if the CRM is one
}

// contents is what an org has, without the numbers and times that it gives itself.
func contents(t *testing.T, org *salesforcetest.Org) string {
	t.Helper()
	var lines []string
	owners := map[any]any{}
	for _, object := range []string{"Contact", "Posai_Purchase__c"} {
		for _, r := range org.All(object) {
			if object == "Contact" {
				owners[r["Id"]] = r["Posai_Key__c"]
			}
			for _, own := range []string{"Id", "CreatedDate", "LastModifiedDate", "SystemModstamp"} {
				delete(r, own)
			}
			for field, v := range r {
				if key, ok := owners[v]; ok {
					r[field] = key // of the contact
				}
			}
			line, err := json.Marshal(r)
			require.NoError(t, err)
			lines = append(lines, object+" "+string(line))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// salesforceRig is newRig with a Salesforce as the CRM.
func salesforceRig(t *testing.T, sim *shopifytest.Shop, org *salesforcetest.Org, change ...func(*config)) *rig {
	t.Helper()
	sink := orgSink(t, org)
	r := newRig(t, sim, func(crm.Sink) crm.Sink { return sink }, change...)
	r.org = org
	return r
}

func orgSink(t *testing.T, org *salesforcetest.Org) crm.Sink {
	t.Helper()
	sink, err := salesforce.New(orgCredentials(org), &salesforce.Options{MinWait: time.Millisecond, MaxWait: 5 * time.Millisecond, Timeout: time.Minute})
	require.NoError(t, err)
	return sink
}

// newRig starts a service that has read the shop.
func newRig(t *testing.T, sim *shopifytest.Shop, sink func(crm.Sink) crm.Sink, change ...func(*config)) *rig {
	t.Helper()
	r := &rig{t: t, sim: sim, dir: t.TempDir(), cfg: &config{
		Config: demo.Config{Name: "clienteling", Expiry: time.Hour, ModelTimeout: time.Minute}, crm: "csv", tag: "do-not-share",
		backoff: func(int) time.Duration { return 5 * time.Millisecond },
	}}
	r.cfg.use(sim)
	for _, fn := range change {
		fn(r.cfg)
	}
	r.start(sink)
	return r
}

func (r *rig) start(sink func(crm.Sink) crm.Sink) {
	r.t.Helper()
	logger := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		logger = slog.New(slog.NewTextHandler(r.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	sh, err := openShop(r.t.Context(), r.cfg, logger)
	require.NoError(r.t, err)
	var given crm.Sink
	if sink != nil {
		if r.csv == nil {
			r.csv, err = csvcrm.Open(r.t.Context(), filepath.Join(r.dir, "crm"), nil)
			require.NoError(r.t, err)
			r.t.Cleanup(func() { assert.NoError(r.t, r.csv.Close()) })
		}
		given = sink(r.csv)
	}
	r.service, err = startService(r.t.Context(), r.cfg, sh, given, r.dir, "127.0.0.1:0", logger, nil)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { assert.NoError(r.t, r.end(context.Background())) })
	ctx, cancel := context.WithTimeout(r.t.Context(), long)
	defer cancel()
	_, err = r.ready(ctx)
	require.NoError(r.t, err)
	require.Eventually(r.t, func() bool {
		n := 0
		for _, s := range sim(r).Subscriptions() {
			if strings.HasPrefix(s.URI, r.URL) {
				n++
			}
		}
		return n == len(topics)
	}, long, 10*time.Millisecond, "subscriptions")
}

func sim(r *rig) *shopifytest.Shop { return r.sim }

// end stops the service as the program does, but waits longer for what is at work.
func (r *rig) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), long)
	defer cancel()
	return r.stop(ctx)
}

// long is how long a test waits for what has to come, however busy the machine is.
const long = 5 * time.Minute

// processed waits until all deliveries are.
func (r *rig) processed() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), long)
	defer cancel()
	require.NoError(r.t, r.sim.WaitIdle(ctx))
	done := assert.Eventually(r.t, func() bool {
		stats, err := r.Inbox.Stats(r.t.Context())
		return err == nil && stats.Depth() == 0
	}, long, 3*time.Millisecond)
	require.True(r.t, done, "%v", r.unprocessed())
	require.Empty(r.t, r.unprocessed())
}

// synced waits until the CRM has everything.
func (r *rig) synced() {
	r.t.Helper()
	r.processed()
	require.Eventually(r.t, func() bool {
		c, err := r.store.Counts(r.t.Context())
		require.NoError(r.t, err)
		return c.Pending+c.Forgetting == 0
	}, long, 3*time.Millisecond)
}

// files are what the CRM says: its files, or what an org has.
func (r *rig) files() string {
	r.t.Helper()
	r.synced()
	if r.org != nil {
		return contents(r.t, r.org)
	}
	sink := r.sink
	if w, ok := sink.(interface{ Unwrap() crm.Sink }); ok {
		sink = w.Unwrap()
	}
	require.NoError(r.t, sink.(*csvcrm.Sink).Flush(r.t.Context()))
	return readFiles(r.t, r.crmDir())
}

func readFiles(t *testing.T, dir string) string {
	t.Helper()
	contacts, err := os.ReadFile(filepath.Join(dir, csvcrm.Contacts))
	require.NoError(t, err)
	purchases, err := os.ReadFile(filepath.Join(dir, csvcrm.Purchases))
	require.NoError(t, err)
	return string(contacts) + "\n" + string(purchases)
}

// unprocessed says what is not processed, and why.
func (r *rig) unprocessed() (out []string) {
	for _, state := range []inbox.State{inbox.Pending, inbox.Processing, inbox.Dead} {
		for rec, err := range r.Inbox.List(r.t.Context(), inbox.Query{State: state, WithoutBodies: true}) {
			require.NoError(r.t, err)
			out = append(out, fmt.Sprint(rec.ID, " ", state, " ", rec.Topic, " ", rec.Resource.Ordering, ", ", rec.Attempts, " attempts: ", rec.LastError))
		}
	}
	return out
}

// holding is a CRM that keeps who saves waiting, or is down.
type holding struct {
	crm.Sink
	wait, down atomic.Bool
	entered    chan struct{}
	goOn       chan struct{}
}

func (h *holding) Unwrap() crm.Sink { return h.Sink }

func (h *holding) Save(ctx context.Context, records []crm.Record) ([]crm.Outcome, error) {
	if h.down.Load() {
		return make([]crm.Outcome, len(records)), crm.ErrUnavailable
	}
	if h.wait.Load() {
		select {
		case h.entered <- struct{}{}:
		default:
		}
		<-h.goOn
	}
	return h.Sink.Save(ctx, records)
}

func (h *holding) Forget(ctx context.Context, keys []string) ([]crm.Outcome, error) {
	if h.down.Load() {
		return nil, crm.ErrUnavailable
	}
	return h.Sink.Forget(ctx, keys)
}

// silenced takes back what was subscribed to for an address.
func (r *rig) silenced(address string) error {
	return (&demonstration{service: r.service, sim: r.sim}).silence(r.t.Context(), address)
}
