package approval_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

// openVault returns a log that seals what people wrote.
func openVault(t *testing.T, store audit.Store) *audit.Log {
	t.Helper()
	master, err := audit.NewLocalKey(bytes.Repeat([]byte{3}, audit.MasterKeySize))
	require.NoError(t, err)
	vault, err := audit.NewVault(new(audittest.Keys), master, nil)
	require.NoError(t, err)
	log, err := audit.Open(t.Context(), store, &audit.Options{Vault: vault})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	return log
}

// TestLaterDecisionAfterAnEdit: whoever approves before the first decision has
// left the outbox does not keep the request from being executed.
func TestLaterDecisionAfterAnEdit(t *testing.T) {
	t.Parallel()
	f := &fixture{store: approvaltest.NewMemory(), log: openVault(t, audittest.NewMemory(t))}
	var err error
	two := approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Quorum(2, approval.Role("manager")), time.Hour, "")})
	f.Queue, err = approval.NewQueue(f.store, f.log, two, nil)
	require.NoError(t, err)
	require.NoError(t, approval.Register(f.Queue, approval.Executor[note, receipt]{
		Execute: func(context.Context, approval.Execution, note) (receipt, error) { return receipt{}, nil },
	}))
	r := f.propose(t, note{Text: "hello"})
	r, err = f.Decide(t.Context(), edited(r, manager, map[string]string{"text": "good day"}))
	require.NoError(t, err)
	require.Equal(t, approval.Pending, r.State)
	_, err = f.Decide(t.Context(), approve(r, other))
	require.NoError(t, err)
	f.start(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err = f.Wait(ctx, r.ID)
	require.NoError(t, err)
	assert.Equal(t, approval.Executed, r.State)
}

// TestVaultComesLater: an entry that was recorded without sealed parts is still
// that entry once the log has a vault.
func TestVaultComesLater(t *testing.T) {
	t.Parallel()
	entries := audittest.NewMemory(t)
	plain, err := audit.Open(t.Context(), entries, nil)
	require.NoError(t, err)
	f := &fixture{store: approvaltest.NewMemory(), log: plain}
	queue := func(log *audit.Log) *approval.Queue {
		q, err := approval.NewQueue(f.store, log, askManager, nil)
		require.NoError(t, err)
		require.NoError(t, approval.Register(q, approval.Executor[note, receipt]{
			Execute: func(context.Context, approval.Execution, note) (receipt, error) { return receipt{}, nil },
		}))
		return q
	}
	f.Queue = queue(plain)
	r := f.propose(t, note{Text: "hello"})
	_, err = f.Decide(t.Context(), edited(r, manager, map[string]string{"text": "good day"}))
	require.NoError(t, err)
	require.NoError(t, plain.Close())

	f.log = openVault(t, entries)
	f.Queue = queue(f.log)
	f.start(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err = f.Wait(ctx, r.ID)
	require.NoError(t, err)
	assert.Equal(t, approval.Executed, r.State)
}

// encoder is a store that seals, with every state of a record that it stores, all
// entries that were ever in the record's outbox, and sees that they stay the same.
type encoder struct {
	*approvaltest.Memory
	t     *testing.T
	mu    sync.Mutex
	first map[string]string // sealed entry as JSON, by entry as JSON
	seen  map[string][]string
	again int // how often an entry was encoded again
}

func (s *encoder) check(rec *approval.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := rec.Request.ID
	for _, e := range rec.Outbox {
		if _, ok := s.first[e]; !ok {
			s.first[e] = ""
			s.seen[id] = append(s.seen[id], e)
		}
	}
	for _, data := range s.seen[id] {
		var e audit.Entry
		if !assert.NoError(s.t, json.Unmarshal([]byte(data), &e)) {
			return
		}
		// Only what may still be in the outbox is ever put into the log again: the
		// entries of a proposal leave it before anybody sees the request.
		if e.Kind == audit.KindProposed && rec.Request.State != approval.Recording {
			continue
		}
		approval.Seal(rec, &e)
		sealed, err := json.Marshal(e.Sealed) // Data is not part of it
		assert.NoError(s.t, err)
		for _, p := range e.Sealed {
			sealed = append(append(sealed, '\n'), p.Data...)
		}
		if s.first[data] == "" {
			s.first[data] = string(sealed)
			continue
		}
		s.again++
		assert.Equal(s.t, s.first[data], string(sealed), "%s at version %d", e.ID, rec.Version)
	}
}

func (s *encoder) Insert(ctx context.Context, r *approval.Record, wake ...time.Time) (*approval.Record, bool, error) {
	stored, inserted, err := s.Memory.Insert(ctx, r, wake...)
	if err == nil {
		s.check(stored)
	}
	return stored, inserted, err
}

func (s *encoder) Update(ctx context.Context, r *approval.Record, wake ...time.Time) (*approval.Record, error) {
	stored, err := s.Memory.Update(ctx, r, wake...)
	if err == nil {
		s.check(stored)
	}
	return stored, err
}

// TestEntriesDoNotChange: whatever happens to a request after a step, the entry of
// the step stays what it was, sealed parts included.
func TestEntriesDoNotChange(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	store := &encoder{Memory: approvaltest.NewMemory(), t: t, first: map[string]string{}, seen: map[string][]string{}}
	f := &fixture{log: openVault(t, audittest.NewMemory(t))}
	var err error
	policy := approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Quorum(5, approval.Role("manager")), time.Hour, "")})
	f.Queue, err = approval.NewQueue(store, f.log, policy, nil)
	require.NoError(t, err)
	require.NoError(t, approval.Register(f.Queue, approval.Executor[note, receipt]{
		Execute: func(context.Context, approval.Execution, note) (receipt, error) { return receipt{}, nil },
	}))
	for i := range 60 {
		r := f.propose(t, note{Text: "hello", Color: "red"}, func(p *approval.Proposal) {
			p.Key, p.Reason = strconv.Itoa(i), "because"
			p.Subjects = []audit.Subject{{Type: "customer", ID: "gid://shopify/Customer/" + strconv.Itoa(i%3+1)}}
		})
		for step := 0; step < 14 && r.State == approval.Pending; step++ {
			by := approvaltest.Manager("manager-" + strconv.Itoa(random.IntN(8)))
			d := approve(r, by)
			switch random.IntN(8) {
			case 0:
				d.Edit = map[string]string{} // changes nothing
			case 1, 2:
				d.Edit = map[string]string{"text": "text " + strconv.Itoa(random.IntN(3))}
			case 3:
				d.Edit = map[string]string{"pennies": strconv.Itoa(random.IntN(3))}
			case 4:
				d.Reason = "it is <fine> & \u2028well"
			case 5:
				if step > 8 {
					d = reject(r, by)
				}
			}
			if after, err := f.Decide(t.Context(), d); err == nil {
				r = after
			} else {
				require.ErrorIs(t, err, approval.ErrForbidden)
			}
		}
	}
	require.NoError(t, f.Start(t.Context()))
	require.Eventually(t, func() bool {
		for _, err := range f.List(t.Context(), approval.Filter{States: []approval.State{approval.Approved, approval.Executing}}) {
			require.NoError(t, err)
			return false
		}
		return true
	}, 5*time.Minute, 20*time.Millisecond)
	require.NoError(t, f.Stop(t.Context()))
	assert.Greater(t, store.again, 500)
}
