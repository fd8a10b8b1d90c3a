package sqlstore_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
	"github.com/posai-go/posai/approval/console"
	"github.com/posai-go/posai/approval/sqlstore"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/internal/testpg"
)

// watchedStore remembers what is listed.
type watchedStore struct {
	*sqlstore.Store
	mu      sync.Mutex
	filters []approval.Filter
}

func (s *watchedStore) List(ctx context.Context, f approval.Filter) ([]*approval.Record, error) {
	s.mu.Lock()
	s.filters = append(s.filters, f)
	s.mu.Unlock()
	return s.Store.List(ctx, f)
}

func (s *watchedStore) take() []approval.Filter {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.filters
	s.filters = nil
	return list
}

// What the requests of the large store differ in.
const (
	shops, places, kinds = 3, 20, 4
	yearMicros           = int64(365 * 24 * time.Hour / time.Microsecond)
)

// sampleRecord is one request with marks in place of what differs.
func sampleRecord(t *testing.T) string {
	t.Helper()
	at := time.Date(2001, 2, 3, 4, 5, 6, 7000, time.UTC)
	r := approval.Request{
		ID: "@ID@", Kind: "@KIND@", Revision: 1, State: "@STATE@", Args: json.RawMessage(`{"customer":"gid://shopify/Customer/@N@","percent":12}`),
		Proposal: approval.Proposal{
			Key: "order-@N@", Proposer: approvaltest.Model("assistant"), Reason: "The customer waited for longer than was promised.",
			Shop: "@SHOP@", Location: "@PLACE@", Subjects: []audit.Subject{{Type: "order", ID: "gid://shopify/Order/@N@"}},
			Evidence: []approval.Evidence{{Label: "Waiting time", Text: "Nine days, promised were four."}},
		},
		Preview:       approval.Preview{Title: "Discount of 12 % for order #@N@", Summary: "For the next purchase, because of a late delivery."},
		PolicyVersion: "2026-05-01", Ruling: approval.Ask(approval.Role("manager"), time.Hour, "above 10 %"),
		CreatedAt: at, ChangedAt: at, ExpiresAt: at,
		Decisions: []approval.Decision{{
			RequestID: "@ID@", Digest: strings.Repeat("d", 64), Verdict: approval.Approve, By: approvaltest.Manager("manager-7"), Channel: "console", At: at, Revision: 1,
		}},
		Digest: strings.Repeat("d", 64),
	}
	data, err := (&approval.Record{Request: r, Version: 1}).Encode()
	require.NoError(t, err)
	return strings.ReplaceAll(string(data), "2001-02-03T04:05:06.000007Z", "@AT@")
}

// fill puts n requests of the last year into the store, newest last, as the
// store itself would: one in 2,000 waits, the newest; one in 50,000 is uncertain.
func fill(t *testing.T, store *sqlstore.Store, postgres bool, n int) {
	t.Helper()
	began := time.Now()
	replace := func(text string) string {
		for mark, column := range map[string]string{"@ID@": "id", "@N@": "CAST(i AS text)", "@KIND@": "kind", "@STATE@": "state", "@SHOP@": "shop", "@PLACE@": "place", "@AT@": "iso"} {
			text = `replace(` + text + `, '` + mark + `', ` + column + `)`
		}
		return text
	}
	series, iso, first := `generate_series(%d, %d) AS i`, `to_char(to_timestamp(at / 1e6) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`, `$1::text`
	if !postgres {
		series = `(WITH RECURSIVE s (i) AS (SELECT %d UNION ALL SELECT i + 1 FROM s WHERE i < %d) SELECT i FROM s) AS s`
		iso, first = `strftime('%Y-%m-%dT%H:%M:%fZ', at / 1e6, 'unixepoch')`, `?1`
	}
	end := time.Now().UnixMicro()
	const batch = 50_000
	for from := 1; from <= n; from += batch {
		to := min(from+batch-1, n)
		rows := fmt.Sprintf(`(SELECT *, %s AS iso FROM (SELECT i, 'r-' || i AS id, 'shop-' || (i %% %d) || '.example.com' AS shop, 'test.kind' || (i %% %d) AS kind,
			'gid://shopify/Location/' || (i / 3 %% %d) AS place, %d + (%d / %d) * i AS at,
			CASE WHEN i > %d THEN 'pending' WHEN i %% 50000 = 7 THEN 'uncertain' WHEN i %% 10 < 7 THEN 'executed' WHEN i %% 10 = 7 THEN 'rejected'
				WHEN i %% 10 = 8 THEN 'expired' ELSE 'failed' END AS state
			FROM `+series+`) AS numbered) AS r`, iso, shops, kinds, places, end-yearMicros, yearMicros, n, n-n/2000, from, to)
		require.NoError(t, store.Tx(t.Context(), func(tx *sql.Tx) error {
			for _, insert := range []string{
				`INSERT INTO posai_approval_request (id, shop, kind, idempotency_key, location, state, created_at, version, data, proposer)
					SELECT id, shop, kind, 'order-' || i, place, state, at, 1, ` + replace(first) + `, 'assistant' FROM ` + rows,
				`INSERT INTO posai_approval_subject (type, id, created_at, request_id) SELECT ` + first + `, 'gid://shopify/Order/' || i, at, id FROM ` + rows,
				`INSERT INTO posai_approval_text (request_id, created_at, search) SELECT id, at, lower(` + replace(first) + `) FROM ` + rows,
			} {
				arg := sampleRecord(t)
				switch {
				case strings.Contains(insert, "_subject"):
					arg = "order"
				case strings.Contains(insert, "_text"):
					arg = "Discount of 12 % for order #@N@\nFor the next purchase, because of a late delivery.\norder-@N@\nassistant\nassistant\ngid://shopify/Order/@N@"
				}
				if _, err := tx.ExecContext(t.Context(), insert, arg); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	if postgres { // as autovacuum does after a while
		require.NoError(t, store.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), `SELECT gin_clean_pending_list('posai_approval_text_trigram'); ANALYZE`)
			return err
		}))
	}
	t.Logf("filled with %d requests in %v", n, time.Since(began).Round(time.Millisecond))
}

// wholeTable are plans that read a table from one end to the other, or sort it.
var wholeTable = regexp.MustCompile(`(?m)Seq Scan on posai_|^SCAN (r|t|s|posai_\w+)\s*$`)

// sortsAll: SQLite sorts what waits, but never a table.
var sortsAll = regexp.MustCompile(`(?s)INDEX posai_approval_(request_(created|shop_time|location_time|kind_time)|text_time).*USE TEMP B-TREE FOR ORDER BY`)

// TestLargeStore: what the console's pages and the queue ask of a large store is
// read through indexes. It prints how long each page takes. POSAI_FULL=1 makes
// it a million requests.
func TestLargeStore(t *testing.T) {
	n := 20_000
	if os.Getenv("POSAI_FULL") != "" {
		n = 1_000_000
	}
	for name, url := range map[string]string{"SQLite": sqliteURL(t), "PostgreSQL": testpg.URL(t)} {
		t.Run(name, func(t *testing.T) { largeStore(t, url, n) })
	}
}

func largeStore(t *testing.T, databaseURL string, n int) {
	store := open(t, databaseURL, nil)
	fill(t, store, strings.HasPrefix(databaseURL, "postgres"), n)
	watched := &watchedStore{Store: store}
	q := newQueue(t, watched, ask, func(approval.Execution) {})
	for i := range kinds {
		require.NoError(t, registerKind(q, i))
	}
	var locations []string
	for i := range places {
		locations = append(locations, fmt.Sprint("gid://shopify/Location/", i))
	}
	pages, err := console.New(q, console.AuthenticatorFunc(func(*http.Request) (approval.Principal, error) {
		return approvaltest.Manager("manager-1"), nil
	}), &console.Options{Locations: locations, Reasons: []string{}})
	require.NoError(t, err)
	defer pages.Close()
	server := httptest.NewServer(pages)
	defer server.Close()

	rare := fmt.Sprint("#", n/2)
	deep := fmt.Sprint("r-", n/3)
	for _, page := range []struct {
		name, path string
		found      string // on the page
	}{
		{"inbox", "/", "order #7<"}, // the oldest
		{"decided", "/?show=decided", "order #"},
		{"decided, deep in the past", "/?show=decided&after=" + deep, "order #" + strconv.Itoa(n/3-1)},
		{"all", "/?show=all", "order #"},
		{"of a location", "/?location=" + url.QueryEscape(locations[7]), "order #"},
		{"decided at a location", "/?show=decided&location=" + url.QueryEscape(locations[7]), "order #"},
		{"of a kind", "/?kind=test.kind1", "order #"},
		{"decided of a kind at a location", "/?show=decided&kind=test.kind1&location=" + url.QueryEscape(locations[7]), "order #"},
		{"a rare word", "/?show=all&q=" + url.QueryEscape(rare), "order " + rare},
		{"a rare word that waits", "/?q=" + strconv.Itoa(n), "order #" + strconv.Itoa(n)},
		{"a common word", "/?show=decided&q=discount", "order #"},
		{"a common word at a location", "/?show=decided&q=discount&location=" + url.QueryEscape(locations[7]), "order #"},
		{"common words and a rare one", "/?show=decided&q=" + url.QueryEscape("late discount "+rare), "order " + rare},
		{"two letters", "/?show=decided&q=12", "order #"},
		{"a word that is nowhere", "/?show=all&q=elephant", "Nothing found"},
		{"figures", "/figures", "requests"},
		{"controls", "/controls", ""},
		{"detail", "/requests/" + deep, "order #" + strconv.Itoa(n/3)},
	} {
		watched.take()
		began := time.Now()
		body := fetch(t, server.URL+page.path)
		took := time.Since(began)
		filters := watched.take()
		assert.True(t, strings.Contains(body, page.found), "%s: %q is not on the page", page.name, page.found)
		t.Logf("%8.1f ms, %3d queries: %s", took.Seconds()*1000, len(filters), page.name)
		for _, f := range filters {
			requireIndexed(t, store, page.name, f)
		}
	}
	others := map[string]approval.Filter{
		"what waits, for mail and Slack": {States: []approval.State{approval.Pending}},
		"failed":                         {States: []approval.State{approval.Failed}, Newest: true},
		"a key":                          {Shop: "shop-1.example.com", Kind: "test.kind1", Key: "order-1", Limit: 1},
		"a shop":                         {Shop: "shop-1.example.com", Newest: true},
		"an order":                       {Subject: audit.Subject{Type: "order", ID: fmt.Sprint("gid://shopify/Order/", n/2)}},
		"orders":                         {Subject: audit.Subject{Type: "order"}, Newest: true},
		"a proposer":                     {Proposer: "assistant", Newest: true},
		"nobody":                         {Proposer: "nobody", Newest: true},
	}
	for name, f := range others {
		began := time.Now()
		list, err := store.List(t.Context(), f)
		require.NoError(t, err, name)
		assert.Equal(t, name == "nobody", len(list) == 0, name)
		t.Logf("%8.1f ms: %s", time.Since(began).Seconds()*1000, name)
		requireIndexed(t, store, name, f)
	}

	// A year's first quarter is deleted.
	before := time.Now().Add(-365 * 24 * time.Hour * 3 / 4)
	plan, err := store.ExplainPurge(t.Context(), before.UnixMicro())
	require.NoError(t, err)
	assert.NotRegexp(t, wholeTable, plan, plan)
	assert.NotRegexp(t, sortsAll, plan, plan)
	began := time.Now()
	gone, err := store.Purge(t.Context(), before)
	require.NoError(t, err)
	t.Logf("%8.1f ms for each 1,000 that retention deletes, of %d", time.Since(began).Seconds()*1e6/float64(gone), gone)
	assert.InDelta(t, n/4, gone, float64(n)/100)
	oldest, err := store.List(t.Context(), approval.Filter{States: []approval.State{approval.Executed, approval.Rejected, approval.Expired, approval.Failed}, Limit: 1})
	require.NoError(t, err)
	assert.False(t, oldest[0].Request.CreatedAt.Before(before.Add(-time.Second)), oldest[0].Request.CreatedAt)
	found, err := store.List(t.Context(), approval.Filter{Text: "#" + strconv.Itoa(n/8)})
	require.NoError(t, err)
	for _, r := range found {
		assert.NotEqual(t, fmt.Sprint("r-", n/8), r.Request.ID, "its words are forgotten too")
	}
}

func requireIndexed(t *testing.T, store *sqlstore.Store, name string, f approval.Filter) {
	t.Helper()
	plan, err := store.Explain(t.Context(), f)
	require.NoError(t, err)
	if len(f.States) > 0 && !slices.ContainsFunc(f.States, func(s approval.State) bool { return s != approval.Pending && s != approval.Uncertain }) {
		assert.Regexp(t, `posai_approval_request_state|posai_approval_text_trigram`, plan, "%s: what waits is found among what waits", name)
	}
	if strings.Contains(name, "common") {
		// Of a word that most have, PostgreSQL takes the first that it meets.
		plan, _, _ = strings.Cut(plan, "words:")
	}
	if !assert.NotRegexp(t, wholeTable, plan, name) || !assert.NotRegexp(t, sortsAll, plan, name) {
		t.Logf("%s: %+v\n%s", name, f, plan)
	}
}

// TestPurgeForgetsWords: what is deleted leaves nothing in SQLite's index of
// words.
func TestPurgeForgetsWords(t *testing.T) {
	t.Parallel()
	store := open(t, sqliteURL(t), nil)
	fill(t, store, false, 300)
	indexed := func() (bytes int) {
		require.NoError(t, store.Tx(t.Context(), func(tx *sql.Tx) error {
			return tx.QueryRowContext(t.Context(), `SELECT sum(length(block)) FROM posai_approval_trigram_data`).Scan(&bytes)
		}))
		return bytes
	}
	require.Greater(t, indexed(), 10_000)
	require.NoError(t, store.Tx(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE posai_approval_request SET state = 'executed'`)
		return err
	}))
	gone, err := store.Purge(t.Context(), time.Now().Add(time.Hour))
	require.NoError(t, err)
	assert.Equal(t, 300, gone)
	assert.Less(t, indexed(), 200)
}

func fetch(t *testing.T, address string) string {
	t.Helper()
	r := httptest.NewRecorder()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	_, err = r.Body.ReadFrom(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, address)
	return r.Body.String()
}

// The kinds of the large store.
type (
	kind0 struct{ visit }
	kind1 struct{ visit }
	kind2 struct{ visit }
	kind3 struct{ visit }
)

func (kind0) Kind() string { return "test.kind0" }
func (kind1) Kind() string { return "test.kind1" }
func (kind2) Kind() string { return "test.kind2" }
func (kind3) Kind() string { return "test.kind3" }

func registerKind(q *approval.Queue, i int) error {
	switch i {
	case 0:
		return approval.Register(q, approval.Executor[kind0, string]{Execute: neverCalled[kind0]})
	case 1:
		return approval.Register(q, approval.Executor[kind1, string]{Execute: neverCalled[kind1]})
	case 2:
		return approval.Register(q, approval.Executor[kind2, string]{Execute: neverCalled[kind2]})
	}
	return approval.Register(q, approval.Executor[kind3, string]{Execute: neverCalled[kind3]})
}

func neverCalled[A approval.Action](context.Context, approval.Execution, A) (string, error) {
	return "", nil
}
