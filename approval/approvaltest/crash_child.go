package approvaltest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/posai-go/posai/approval"
)

// envCrash holds the [crashJob] of a process that is there to die.
const envCrash = "POSAI_APPROVALTEST_CRASH"

// crashJob is what a process is told to do.
type crashJob struct {
	Test     string // the name of the test
	Dir      string // the folder of the place
	Log      string // the folder of the audit log
	URL      string // of the store's database
	Outside  string // address
	Visits   []crashVisit
	Patience time.Duration
}

// crashVisit is one request: the first that a process is given may have been
// left by an earlier process.
type crashVisit struct {
	Key  string // of one that a person is asked about, or with the prefix counted
	Step int    // at which step the process dies; 0: at none
}

// counted is what the keys of visits begin with that the policy allows, and that
// the fuse counts.
const counted = "counted-"

func isCounted(key string) bool { return strings.HasPrefix(key, counted) }

func (j *crashJob) place(step func(string)) CrashPlace {
	return CrashPlace{Dir: filepath.Join(j.Dir, "store"), URL: j.URL, Step: step}
}

// obituary is the file in which a process says at which step it dies.
func (j *crashJob) obituary() string { return filepath.Join(j.Dir, "died") }

func (j *crashJob) promises() promises { return promises(filepath.Join(j.Dir, "promises")) }

// isChild does the job of a process that is there to die, and then does not
// return. In the test's own process it returns false.
func (k *crashKit) isChild(t *testing.T) bool {
	env := os.Getenv(envCrash)
	if env == "" {
		return false
	}
	var job crashJob
	if err := json.Unmarshal([]byte(env), &job); err != nil || job.Test != t.Name() {
		t.Errorf("approvaltest: this process was started for the test %q, by %v", job.Test, err)
		return true // never a process that starts others
	}
	go func() { // ends with the process that started it
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), job.Patience)
	defer cancel()
	if err := k.work(ctx, &job); err != nil {
		fmt.Fprintln(os.Stderr, "approvaltest:", err)
		os.Exit(1)
	}
	os.Exit(0)
	return true
}

// work makes the visits, whatever earlier processes did of them. The end of the
// process is one more that nobody prepared for, unless it was to be stopped.
func (k *crashKit) work(ctx context.Context, job *crashJob) error {
	steps := &stepper{die: func(name string) {
		if err := os.WriteFile(job.obituary(), []byte(name), 0o600); err != nil {
			fmt.Fprintln(os.Stderr, "approvaltest:", err)
			os.Exit(1)
		}
		if k.pause {
			pauseSelf()
			return
		}
		killSelf()
	}}
	logStore, err := k.opts.OpenLog(ctx, job.Log)
	if err != nil {
		return fmt.Errorf("open the audit log's store: %w", err)
	}
	log, err := openAudit(ctx, logStore, wrapLog(logStore, steps), job.Patience)
	if err != nil {
		return fmt.Errorf("open the audit log: %w", err)
	}
	store, err := k.open(ctx, job.place(steps.step))
	if err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	q, err := approval.NewQueue(wrapStore(store, steps), log, crashPolicy, &approval.Options{
		Backoff: func(int) time.Duration { return 20 * time.Millisecond },
		Fuses:   []approval.Fuse{{Name: crashFuse, MaxCount: 1_000_000, Window: 24 * time.Hour}},
	})
	if err != nil {
		return err
	}
	if err := approval.Register(q, k.executor(job.Outside, steps)); err != nil {
		return err
	}
	for i, visit := range job.Visits {
		steps.left.Store(int64(visit.Step))
		if i == 0 {
			// Not before it may die: a start takes over what is due.
			if err := q.Start(ctx); err != nil {
				return fmt.Errorf("start: %w", err)
			}
		}
		if err := makeVisit(ctx, q, store, job, visit.Key); err != nil {
			return fmt.Errorf("%s: %w", visit.Key, err)
		}
	}
	if k.pause { // whoever was stopped is to finish what it was at
		if err := q.Stop(ctx); err != nil {
			return fmt.Errorf("stop: %w", err)
		}
	}
	return nil
}

// crashFuse is the name of a fuse that is never blown.
const crashFuse = "visits"

// crashPolicy asks a manager about everything but what is to be counted.
var crashPolicy = approval.Rules("1",
	approval.Rule{When: func(r *approval.Request) (bool, error) { return isCounted(r.Key), nil }, Then: approval.Allow("it is counted")},
	approval.Rule{Then: approval.Ask(approval.Role("manager"), 24*time.Hour, "always")},
)

// visitAction is what is proposed.
type visitAction struct {
	Customer string `json:"customer"`
}

func (visitAction) Kind() string    { return "approvaltest.visit" }
func (visitAction) Validate() error { return nil }

// crashSettle is how long a call of a process that is gone may still be on its way
// to the outside, which shares a busy machine with it.
const crashSettle = time.Second

// executor asks the outside for the effect.
func (k *crashKit) executor(outside string, steps *stepper) approval.Executor[visitAction, string] {
	ex := approval.Executor[visitAction, string]{
		Settle: crashSettle,
		Execute: func(ctx context.Context, e approval.Execution, _ visitAction) (string, error) {
			steps.step(beforeCall)
			defer steps.step(afterCall)
			return k.opts.Outside.Do(ctx, outside, e)
		},
	}
	if k.find {
		ex.Find = func(ctx context.Context, e approval.Execution, _ visitAction) (string, bool, error) {
			steps.step("before the read-back")
			defer steps.step("after the read-back")
			return k.opts.Outside.Find(ctx, outside, e)
		}
	}
	return ex
}

// makeVisit proposes, approves unless the policy does, and waits for the execution.
// It keeps what was
// promised by then, and holds the store to what an earlier process was promised.
func makeVisit(ctx context.Context, q *approval.Queue, store approval.Store, job *crashJob, key string) error {
	notes := job.promises()
	earlier, err := notes.read()
	if err != nil {
		return err
	}
	promised := earlier[key]
	promised.Key = key
	if promised.ID != "" {
		if _, err := q.Get(ctx, promised.ID); err != nil {
			return fmt.Errorf("the proposal was acknowledged, and is lost: %w", err)
		}
	}
	r, err := q.Propose(ctx, visitAction{"gid://shopify/Customer/1"}, approval.Proposal{Key: key, Proposer: Model("model-1")})
	if err != nil {
		return fmt.Errorf("propose: %w", err)
	}
	if promised.ID != "" && promised.ID != r.ID {
		return fmt.Errorf("the key was taken by request %s, and now by %s", promised.ID, r.ID)
	}
	promised.ID = r.ID
	if err := notes.add(promised); err != nil {
		return err
	}
	if !isCounted(key) {
		if err := decideVisit(ctx, q, r, promised.Decided); err != nil {
			return err
		}
		promised.Decided = true
		if err := notes.add(promised); err != nil {
			return err
		}
	}
	state := r.State
	for {
		rec, err := store.Get(ctx, r.ID)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("it is %s, and within %v nobody has brought it to an end", state, job.Patience)
		case err != nil:
			return fmt.Errorf("get: %w", err)
		}
		if state = rec.Request.State; (state == approval.Uncertain || state.Final()) && len(rec.Outbox) == 0 {
			promised.End = state
			return notes.add(promised)
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// decideVisit approves, unless an earlier process has; known is whether that one was
// told that it has.
func decideVisit(ctx context.Context, q *approval.Queue, r *approval.Request, known bool) error {
	_, err := q.Decide(ctx, approval.Decision{
		RequestID: r.ID, Digest: r.Digest, Verdict: approval.Approve, Channel: "test", By: Manager("manager-1"),
	})
	switch {
	case errors.Is(err, approval.ErrDecided):
		return nil
	case err != nil:
		return fmt.Errorf("decide: %w", err)
	case known:
		return errors.New("the decision was acknowledged, and is lost: it could be made again")
	}
	return nil
}
