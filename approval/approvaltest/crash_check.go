package approvaltest

import (
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
)

// check is what must hold of each visit when the dust has settled.
func (c *crash) check(t *testing.T) (uncertain int) {
	t.Helper()
	trails := c.readLogs(t)
	promised, err := c.job().promises().read()
	require.NoError(t, err)
	effects := map[string]int{} // by idempotency key
	for _, key := range c.effects() {
		effects[key]++
	}
	store, err := c.kit.open(t.Context(), c.job().place(func(string) {}))
	require.NoError(t, err)
	defer closeIf(t, store)
	listed := list(t, store, approval.Filter{States: []approval.State{approval.Uncertain}})
	seen := map[string]string{} // IDs by key
	allowed := 0
	for id, r := range list(t, store, approval.Filter{}) {
		trail := trails[id]
		fail := func(what string) {
			assert.Fail(t, what, "%s: %s, %s at %q; its log: %v", r.Key, r.State, c.kit.died(), c.deaths[r.Key], trail)
		}
		if seen[r.Key] != "" {
			fail("there is a second request for one key")
		}
		seen[r.Key] = id
		if p := promised[r.Key]; p.ID != id || p.End != r.State {
			fail("it is not as it was when it had ended: " + p.ID + " " + string(p.End))
		}
		decisions := 1
		if isCounted(r.Key) {
			allowed++
			decisions = 0
		}
		for kind, want := range map[audit.Kind]int{audit.KindProposed: 1, audit.KindRuled: 1, audit.KindDecided: decisions} {
			if n := trail.count(kind, ""); n != want {
				fail(fmt.Sprintf("the log has %d entries of kind %s rather than %d", n, kind, want))
			}
		}
		if len(r.Decisions) != decisions || r.Execution == nil {
			fail("its decision or its execution is lost")
			continue
		}
		happened := effects[r.Execution.IdempotencyKey]
		delete(effects, r.Execution.IdempotencyKey)
		logged := trail.count(audit.KindEffect, "")
		if happened > 1 {
			fail("there are two effects, or more")
		}
		switch r.State {
		case approval.Executed:
			if happened < 1 {
				fail("it has no effect")
			}
			if logged != 1 || !c.kit.pause && trail[len(trail)-1].kind != audit.KindEffect {
				fail("the log does not end with its one effect")
			}
		case approval.Uncertain:
			uncertain++
			if c.kit.find {
				fail("it could have been found out")
			}
			if listed[id] == nil {
				fail("it is not listed as uncertain")
			}
			if logged != 0 || trail.count(audit.KindFailed, "uncertain") != 1 {
				fail("the log does not say that it is uncertain")
			}
		default:
			fail("it has not ended")
		}
	}
	for key, p := range promised {
		if seen[key] == "" {
			assert.Fail(t, "a request is lost", "%s: %+v, %s at %q", key, p, c.kit.died(), c.deaths[key])
		}
	}
	assert.Len(t, seen, c.visits, "requests")
	// A document has as many versions as it was written.
	fuse, err := store.Document(t.Context(), "fuse/"+crashFuse)
	require.NoError(t, err)
	assert.EqualValues(t, allowed, fuse.Version, "the fuse has not counted each request that it let pass once")
	assert.Empty(t, effects, "effects of requests that nobody knows, by their keys")
	return uncertain
}

// trail is what the log says of a request.
type trail []step

type step struct {
	kind    audit.Kind
	outcome string
}

func (t trail) count(kind audit.Kind, outcome string) (n int) {
	for _, s := range t {
		if s.kind == kind && (outcome == "" || s.outcome == outcome) {
			n++
		}
	}
	return n
}

// readLogs verifies the logs and returns what they say, by request.
func (c *crash) readLogs(t *testing.T) map[string]trail {
	t.Helper()
	trails, known := map[string]trail{}, map[string]bool{}
	for _, dir := range c.logs {
		store, err := c.kit.opts.OpenLog(t.Context(), dir)
		require.NoError(t, err)
		log, err := openAudit(t.Context(), store, store, 0)
		require.NoError(t, err)
		report, err := log.Verify(t.Context())
		require.NoError(t, err)
		require.Nil(t, report.Problem, "the log does not verify")
		for rec, err := range log.Trail(t.Context(), audit.Query{Subject: audit.Subject{Type: "approval"}}) {
			require.NoError(t, err)
			e := rec.Entry
			if known[e.ID] { // in another process's log too
				continue
			}
			known[e.ID] = true
			s := step{kind: e.Kind}
			if e.Effect != nil {
				s.outcome = e.Effect.Outcome
			}
			trails[e.Subjects[0].ID] = append(trails[e.Subjects[0].ID], s)
		}
		require.NoError(t, log.Close())
		closeIf(t, store)
	}
	return trails
}

// list returns all requests that the store lists, by their IDs.
func list(t *testing.T, store approval.Store, f approval.Filter) map[string]*approval.Request {
	t.Helper()
	all := map[string]*approval.Request{}
	for {
		page, err := store.List(t.Context(), f)
		require.NoError(t, err)
		before := len(all)
		for _, rec := range page {
			all[rec.Request.ID] = &rec.Request
		}
		if len(all) == before {
			return all
		}
		f.After = page[len(page)-1].Request.ID
	}
}

func closeIf(t *testing.T, v any) {
	t.Helper()
	if c, ok := v.(io.Closer); ok {
		assert.NoError(t, c.Close())
	}
}
