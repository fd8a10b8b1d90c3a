package sqlstore_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/sqlstore"
	"github.com/posai-go/posai/internal/testpg"
)

func TestStore(t *testing.T) {
	audittest.TestStore(t, func(t *testing.T) func() audittest.Store {
		database := testpg.URL(t)
		return func() audittest.Store { return open(t, database, nil) }
	})
}

func open(t testing.TB, database string, opts *sqlstore.Options) *sqlstore.Store {
	t.Helper()
	var o sqlstore.Options
	if opts != nil {
		o = *opts
	}
	o.TurnTimeout = time.Minute // the machine may be busy
	s, err := sqlstore.Open(t.Context(), database, &o)
	require.NoError(t, err)
	return s
}

// openLog opens store and log; both are closed at the test's end.
func openLog(t testing.TB, database string, opts *sqlstore.Options) (*sqlstore.Store, *audit.Log) {
	t.Helper()
	s := open(t, database, opts)
	log, err := audit.Open(t.Context(), s, &audit.Options{MaxWait: time.Minute})
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, log.Close())
		assert.NoError(t, s.Close())
	})
	return s, log
}

func TestOpenRefuses(t *testing.T) {
	_, err := sqlstore.Open(t.Context(), "sqlite:"+t.TempDir()+"/x.db", nil)
	require.ErrorContains(t, err, "PostgreSQL")
	database := testpg.URL(t)
	_, err = sqlstore.Open(t.Context(), withParameter(t, database, "pool_max_conns", "1"), nil)
	require.ErrorContains(t, err, "pool_max_conns")
	_, err = sqlstore.Open(t.Context(), database, &sqlstore.Options{ReadOnly: true})
	require.Error(t, err, "there are no tables yet")
	require.NoError(t, open(t, database, nil).Close())
	_, err = sqlstore.Open(t.Context(), database, &sqlstore.Options{ReadOnly: true, Log: "another"})
	require.ErrorIs(t, err, sqlstore.ErrNoLog)

	s := open(t, database, &sqlstore.Options{Log: "plus", Origin: "a+b"})
	_, err = s.Signer()
	require.Error(t, err)
	require.NoError(t, s.Close())
}

func withParameter(t *testing.T, raw, name, value string) string {
	t.Helper()
	u, err := url.Parse(raw)
	require.NoError(t, err)
	query := u.Query()
	query.Set(name, value)
	u.RawQuery = query.Encode()
	return u.String()
}

// Several logs in one database do not see each other.
func TestSeveralLogs(t *testing.T) {
	database := testpg.URL(t)
	var keys []string
	for i, name := range []string{"", "second"} {
		s, log := openLog(t, database, &sqlstore.Options{Log: name, Origin: fmt.Sprintf("example.com/log/%d", i)})
		for j := range 3 + i {
			_, err := log.Append(t.Context(), audittest.Entry(j))
			require.NoError(t, err)
		}
		report, err := log.Verify(t.Context())
		require.NoError(t, err)
		assert.EqualValues(t, 3+i, report.Entries)
		key, err := s.VerifierKey()
		require.NoError(t, err)
		keys = append(keys, key)
		assert.True(t, strings.HasPrefix(key, fmt.Sprintf("example.com/log/%d+", i)))
	}
	assert.NotEqual(t, keys[0], keys[1])
}

func TestReadOnly(t *testing.T) {
	database := testpg.URL(t)
	_, log := openLog(t, database, nil)
	_, err := log.Append(t.Context(), audittest.Entry(0))
	require.NoError(t, err)

	s := open(t, database, &sqlstore.Options{ReadOnly: true})
	defer func() { require.NoError(t, s.Close()) }()
	reader, err := audit.OpenReader(t.Context(), s, nil)
	require.NoError(t, err)
	r, err := reader.Get(t.Context(), "entry-0")
	require.NoError(t, err)
	assert.Equal(t, audittest.Entry(0), r.Entry)
	err = s.Append(t.Context(), audit.Batch{})
	require.ErrorIs(t, err, audit.ErrUnavailable)
	_, err = s.Turn(t.Context())
	require.Error(t, err)

	_, err = log.Append(t.Context(), audittest.Entry(1))
	require.NoError(t, err)
	require.NoError(t, reader.Refresh(t.Context()))
	assert.EqualValues(t, 2, reader.Size())
}

// The logs of several processes, here of one, are one log.
func TestLogsTakeTurns(t *testing.T) {
	database := testpg.URL(t)
	const logs, writers, each = 3, 4, 8
	var all []*audit.Log
	for range logs {
		_, log := openLog(t, database, nil)
		all = append(all, log)
	}
	_, second := openLog(t, database, nil) // two logs on a store of their own
	all = append(all, second)
	var wg sync.WaitGroup
	for i, log := range all {
		for w := range writers {
			wg.Go(func() {
				for j := range each {
					e := audittest.Entry(j)
					e.ID = fmt.Sprintf("own-%d-%d-%d", i, w, j)
					r, err := log.Append(t.Context(), e)
					if assert.NoError(t, err) {
						assert.Equal(t, e.ID, r.Entry.ID)
					}
					// An ID that all of them append is in the log once.
					e.ID = fmt.Sprintf("shared-%d-%d", w, j)
					_, err = log.Append(t.Context(), e)
					assert.NoError(t, err)
				}
			})
		}
	}
	wg.Wait()
	want := int64(len(all)*writers*each + writers*each)
	roots := map[string]bool{}
	for _, log := range all {
		require.NoError(t, log.Refresh(t.Context()))
		assert.Equal(t, want, log.Size())
		report, err := log.Verify(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, report.Entries)
		roots[report.Root.String()] = true
		seen := map[string]bool{}
		for r, err := range log.Trail(t.Context(), audit.Query{}) {
			require.NoError(t, err)
			require.False(t, seen[r.Entry.ID], "twice: %s", r.Entry.ID)
			seen[r.Entry.ID] = true
		}
		assert.Len(t, seen, int(want))
	}
	assert.Len(t, roots, 1)

	other := audittest.Entry(0)
	other.ID, other.Action = "shared-0-0", "something.else"
	_, err := all[0].Append(t.Context(), other)
	require.ErrorIs(t, err, audit.ErrConflict)
}

// Search narrows by every field of the query, and pages.
func TestSearchPages(t *testing.T) {
	database := testpg.URL(t)
	s := open(t, database, nil)
	defer func() { require.NoError(t, s.Close()) }()
	signer, known := audittest.NewKey(t)
	for _, b := range audittest.Batches(t, signer, 900, 1000, 600) {
		require.NoError(t, s.Append(t.Context(), b))
	}
	log, err := audit.OpenReader(t.Context(), s, &audit.Options{Verifiers: known})
	require.NoError(t, err)
	at := audittest.Entry(1200).Time
	for name, tt := range map[string]struct {
		query audit.Query
		want  int
	}{
		"all":            {audit.Query{}, 2500},
		"by actor":       {audit.Query{Actor: "test"}, 2500},
		"backwards":      {audit.Query{Kind: audit.KindProposed, Descending: true}, 2500},
		"time":           {audit.Query{Since: at, Until: at.Add(1100 * time.Second)}, 1100},
		"actor and time": {audit.Query{Actor: "test", Since: at, Until: at.Add(2 * time.Second)}, 2},
		"correlation":    {audit.Query{Correlation: "flow-100", Actor: "test", Action: "postpurchase.followup"}, 3},
		"limit":          {audit.Query{Actor: "test", Limit: 1500}, 1500},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			for index, err := range s.Search(t.Context(), tt.query) {
				require.NoError(t, err)
				if tt.query.Limit == 0 && tt.want < 2500 && n < 10 {
					r, err := log.At(t.Context(), index)
					require.NoError(t, err)
					require.True(t, tt.query.Match(r), "nothing else is found")
				}
				if n++; n == tt.query.Limit {
					break
				}
			}
			assert.Equal(t, tt.want, n)
		})
	}
}

// tamper changes the tables behind the store's back.
func tamper(t *testing.T, database string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	for _, s := range append([]string{`SET session_replication_role = replica`}, statements...) {
		_, err := conn.Exec(t.Context(), s)
		require.NoError(t, err, s)
	}
}

func TestTamperingIsFound(t *testing.T) {
	for name, tt := range map[string]struct {
		statement string
		index     int64
	}{
		"a changed entry":          {`UPDATE posai_audit_leaf SET data = set_byte(data, 0, 65) WHERE index = 5`, 5},
		"another entry":            {`UPDATE posai_audit_leaf SET data = (SELECT data FROM posai_audit_leaf WHERE index = 5) WHERE index = 6`, 6},
		"two entries exchanged":    {`UPDATE posai_audit_leaf SET data = CASE index WHEN 2 THEN (SELECT data FROM posai_audit_leaf WHERE index = 3) ELSE (SELECT data FROM posai_audit_leaf WHERE index = 2) END WHERE index IN (2, 3)`, 2},
		"a missing entry":          {`DELETE FROM posai_audit_leaf WHERE index = 5`, 5},
		"a missing last entry":     {`DELETE FROM posai_audit_leaf WHERE index = 6`, 6},
		"an invented entry":        {`INSERT INTO posai_audit_leaf SELECT log, 7, 'x', at, data, sealed, hashes FROM posai_audit_leaf WHERE index = 5`, 7},
		"a missing batch":          {`DELETE FROM posai_audit_batch WHERE first = 1`, 1},
		"a missing last batch":     {`DELETE FROM posai_audit_batch WHERE first = 4`, 4},
		"a moved batch":            {`UPDATE posai_audit_batch SET first = 2 WHERE first = 1`, 1},
		"a changed checkpoint":     {`UPDATE posai_audit_batch SET checkpoint = set_byte(checkpoint, 20, 65) WHERE first = 1`, 1},
		"all gone but the head":    {`DELETE FROM posai_audit_leaf; DELETE FROM posai_audit_batch`, 0},
		"the published checkpoint": {`UPDATE posai_audit_log SET checkpoint = (SELECT checkpoint FROM posai_audit_batch WHERE first = 1)`, -1},
		"no published checkpoint":  {`UPDATE posai_audit_log SET checkpoint = NULL`, -1},
		"an entry without part":    {`UPDATE posai_audit_leaf SET sealed = ARRAY['\x00'::bytea] WHERE index = 3`, 3},
	} {
		t.Run(name, func(t *testing.T) {
			database := testpg.URL(t)
			s := open(t, database, nil)
			defer func() { require.NoError(t, s.Close()) }()
			signer, known := audittest.NewKey(t)
			for _, b := range audittest.Batches(t, signer, 1, 3, 3) {
				require.NoError(t, s.Append(t.Context(), b))
			}
			_, err := audit.Verify(t.Context(), s, &audit.VerifyOptions{Verifiers: known})
			require.NoError(t, err)
			tamper(t, database, tt.statement)
			_, err = audit.Verify(t.Context(), s, &audit.VerifyOptions{Verifiers: known})
			var corrupt *audit.CorruptError
			require.ErrorAs(t, err, &corrupt)
			assert.Equal(t, tt.index, corrupt.Index, corrupt.Reason)
		})
	}
}

// What is damaged beside the entries is found when it is used.
func TestDamagedHashes(t *testing.T) {
	database := testpg.URL(t)
	s := open(t, database, nil)
	defer func() { require.NoError(t, s.Close()) }()
	signer, known := audittest.NewKey(t)
	for _, b := range audittest.Batches(t, signer, 7) {
		require.NoError(t, s.Append(t.Context(), b))
	}
	log, err := audit.OpenReader(t.Context(), s, &audit.Options{Verifiers: known})
	require.NoError(t, err)
	tamper(t, database, `UPDATE posai_audit_leaf SET hashes = set_byte(hashes, 3, 1) WHERE index = 2`)
	_, err = log.At(t.Context(), 3)
	require.ErrorIs(t, err, audit.ErrCorrupt)
	tamper(t, database, `UPDATE posai_audit_leaf SET hashes = ''`)
	_, err = log.At(t.Context(), 3)
	require.ErrorIs(t, err, audit.ErrCorrupt)
	_, err = audit.OpenReader(t.Context(), s, &audit.Options{Verifiers: known})
	require.ErrorIs(t, err, audit.ErrCorrupt)
}

func TestAppendOnly(t *testing.T) {
	database := testpg.URL(t)
	_, log := openLog(t, database, nil)
	_, err := log.Append(t.Context(), audittest.Entry(0))
	require.NoError(t, err)
	conn, err := pgx.Connect(t.Context(), database)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	for _, table := range []string{"posai_audit_leaf", "posai_audit_batch"} {
		for _, s := range []string{`DELETE FROM `, `TRUNCATE `, `UPDATE %s SET log = log`} {
			if strings.Contains(s, "%s") {
				s = fmt.Sprintf(s, table)
			} else {
				s += table
			}
			_, err := conn.Exec(t.Context(), s)
			require.ErrorContains(t, err, "append-only", s)
		}
	}
}
