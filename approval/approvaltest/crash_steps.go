package approvaltest

import (
	"context"
	"os"
	"sync/atomic"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
)

// stepper counts the places where a process may die.
type stepper struct {
	left atomic.Int64 // steps until it dies; 0 or less: it does not
	die  func(name string)
}

func (s *stepper) step(name string) {
	if s.left.Add(-1) == 0 {
		s.die(name)
	}
}

// killSelf is kill -9: nothing is flushed, no deferred function runs.
func killSelf() {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill()
	}
	select {}
}

// dyingStore dies before or after what it stores.
type dyingStore struct {
	approval.Store
	*stepper
}

// wrapStore returns s as a store that dies. It still has what the queue looks
// for on the way of a request.
func wrapStore(s approval.Store, steps *stepper) approval.Store {
	dying := dyingStore{s, steps}
	if fast, ok := s.(approval.Snapshotter); ok {
		return struct {
			dyingStore
			approval.Snapshotter
		}{dying, fast}
	}
	return dying
}

func (s dyingStore) Insert(ctx context.Context, r *approval.Record, wake ...time.Time) (*approval.Record, bool, error) {
	s.step("before insert")
	defer s.step("after insert")
	return s.Store.Insert(ctx, r, wake...)
}

func (s dyingStore) InsertWith(ctx context.Context, r *approval.Record, docs []approval.Document, wake ...time.Time) (*approval.Record, bool, error) {
	s.step(beforeCounted)
	defer s.step(afterCounted)
	return s.Store.InsertWith(ctx, r, docs, wake...)
}

func (s dyingStore) Update(ctx context.Context, r *approval.Record, wake ...time.Time) (*approval.Record, error) {
	s.step("before update to " + string(r.Request.State))
	defer s.step("after update to " + string(r.Request.State))
	return s.Store.Update(ctx, r, wake...)
}

// everyStep is where a process dies, at least, when it dies everywhere.
var everyStep = []string{
	"before insert", "after insert",
	beforeCounted, afterCounted,
	"before update to pending", "after update to pending",
	"before update to approved", "after update to approved",
	"before update to executing", "after update to executing",
	"before update to executed", "after update to executed",
	"before append", "after append",
	beforeCall, afterCall,
}

const (
	beforeCall = "before the call"
	afterCall  = "after the call, its response lost"

	beforeCounted = "before the insert that a fuse counts"
	afterCounted  = "after the insert that a fuse counts"
)

// dyingLog dies before or after what it appends.
type dyingLog struct {
	audit.Store
	*stepper
}

func (s dyingLog) Append(ctx context.Context, b audit.Batch) error {
	s.step("before append")
	defer s.step("after append")
	return s.Store.Append(ctx, b)
}

// wrapLog returns s as a store that dies.
func wrapLog(s audit.Store, steps *stepper) audit.Store {
	dying := dyingLog{s, steps}
	if shared, ok := s.(audit.Shared); ok {
		return struct {
			dyingLog
			audit.Shared
		}{dying, shared}
	}
	return dying
}

// openAudit opens the log that s holds, through as, which may be s.
func openAudit(ctx context.Context, s, as audit.Store, maxWait time.Duration) (*audit.Log, error) {
	opts := &audit.Options{MaxWait: maxWait}
	var err error
	if signing, ok := s.(audit.Signing); ok {
		if opts.Signer, err = signing.Signer(); err != nil {
			return nil, err
		}
	}
	if keyed, ok := s.(audit.Keyed); ok {
		if opts.Verifiers, err = keyed.Verifiers(); err != nil {
			return nil, err
		}
	}
	return audit.Open(ctx, as, opts)
}
