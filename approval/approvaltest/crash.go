package approvaltest

import (
	"cmp"
	"context"
	"testing"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
)

// CrashPlace is where a store keeps what has to outlive its process.
type CrashPlace struct {
	// Dir is a folder of the store's own, empty at first.
	Dir string

	// URL is what [CrashOptions].NewURL returned, "" without it.
	URL string

	// Step names a place within the store's own methods where the process may
	// die too, such as between two writes that should count as one. It returns
	// at once wherever the process does not die. Without calls to it, the
	// process dies around the store's writes, not within them.
	Step func(name string)
}

// CrashOptions are the optional settings of [TestCrash] and [TestPause].
type CrashOptions struct {
	// Rounds is how often the process dies at every step. If zero, 1. A round
	// starts about 30 processes one after the other.
	Rounds int

	// Stride tries only every Stride-th step, where each of them takes long. If
	// zero, 1: all.
	Stride int

	// Places is among how many places, side by side, the rounds are divided. If
	// zero, 1.
	Places int

	// Patience bounds how long one process may take to bring two requests to
	// their ends, the wait for a dead predecessor's lease included. A test that
	// has a deadline leaves less. If zero, 10 min.
	Patience time.Duration

	// NewURL makes an empty database and returns how to reach it. It is called
	// once for each place. If nil, a store has its folder alone.
	NewURL func(t *testing.T) string

	// OpenLog opens the store of the audit log in a folder, which is empty at
	// first. It may be an [io.Closer]. If nil, a file of the kit's own.
	OpenLog func(ctx context.Context, dir string) (audit.Store, error)

	// Outside is where the effects happen. If nil, an HTTP server of the kit's
	// own which, like many APIs, knows no idempotency: each call is an effect.
	// [TestPause] always uses that one, with fencing.
	Outside *CrashOutside
}

// CrashOutside is the world outside of the process that dies: it counts every
// effect, however often it is asked for the same one. Start is called in the
// test's own process, Do and Find in the ones that die.
type CrashOutside struct {
	// Start starts the outside, which lives until the test ends. The address is
	// what Do and Find are given to reach it; effects returns the idempotency
	// key of every effect, as often as it happened.
	Start func(t *testing.T) (address string, effects func() []string)

	// Do has the effect. What its errors mean is as for [approval.Executor].
	Do func(ctx context.Context, address string, e approval.Execution) (result string, err error)

	// Find reads back whether it had it. If nil, the setting with read-back is
	// left out.
	Find func(ctx context.Context, address string, e approval.Execution) (result string, found bool, err error)
}

// TestCrash kills a process that uses the store, with SIGKILL, at one step of a
// request after the other, and checks what is left. open opens the store: in the
// processes that die, again and again at the same place, and once in the test's
// own. If the store is an [io.Closer], that one is closed.
//
// A request is proposed, approved by a person and executed; others are allowed by
// the policy, as long as a fuse does. The process dies
// before and after each write to the store and to the audit log on that way,
// before the call to the outside, after its effect when nobody has heard of it
// yet, around the read-back, and where the store itself says, see
// [CrashPlace].Step. The next process takes over what the dead one left, and
// sometimes dies over it too. There are two settings: with a read-back
// ([approval.Executor].Find) and without.
//
// At the end it must hold of each request:
//
//   - It is there, once, under its first ID.
//   - What was acknowledged holds: a decision is not asked for again, an end
//     is the end.
//   - It has at most one effect, and one exactly if it is executed.
//   - It is executed; or it is uncertain, is listed so, and the log says so,
//     which must not happen with a read-back.
//   - Nobody had to wait for it longer than [CrashOptions].Patience.
//   - The log verifies, and has its proposal, ruling and decision once each, and
//     its effect once, at the end, if it is executed.
//   - The fuse has counted it once exactly if it was allowed.
//
// Each process runs the same test binary with -test.run set to this test, so
// what a test does before it calls TestCrash happens in those too, and should
// be little: prepare databases in [CrashOptions].NewURL, and let TestMain start
// nothing that is costly. Processes end with the test's own.
//
// On an idle machine with two cores a round takes a few seconds per setting with
// a store that takes over at once. With leases, each of its processes waits
// until the dead one's has run out: open the store with leases of about a second.
// Settings run in parallel, like the rules of [TestStore], after the calling test
// has returned; let [testing.T.Cleanup] release what they need.
func TestCrash(t *testing.T, open func(ctx context.Context, at CrashPlace) (approval.Store, error), opts *CrashOptions) {
	t.Helper()
	crashKit{open: open, opts: opts.withDefaults(t)}.run(t, (*crash).kill)
}

func readBack(find bool) string {
	if find {
		return "with read-back"
	}
	return "without read-back"
}

func (o *CrashOptions) withDefaults(t *testing.T) CrashOptions {
	var v CrashOptions
	if o != nil {
		v = *o
	}
	v.Rounds = max(v.Rounds, 1)
	v.Stride = max(v.Stride, 1)
	v.Places = min(max(v.Places, 1), v.Rounds)
	v.Patience = cmp.Or(v.Patience, 10*time.Minute)
	if v.OpenLog == nil {
		v.OpenLog = func(ctx context.Context, dir string) (audit.Store, error) { return openJournal(ctx, t, dir) }
	}
	if v.Outside == nil {
		v.Outside = counter
	}
	return v
}

// crashKit is one setting of [TestCrash] or [TestPause], the same in the test's
// own process and in those that die.
type crashKit struct {
	open  func(context.Context, CrashPlace) (approval.Store, error)
	opts  CrashOptions
	pause bool // stop the process for a while rather than kill it
	find  bool
}

// run runs the settings with and without read-back.
func (k crashKit) run(t *testing.T, rounds rounds) {
	t.Helper()
	for _, find := range []bool{true, false} {
		if find && k.opts.Outside.Find == nil {
			continue
		}
		kit := k
		kit.find = find
		t.Run(readBack(find), func(t *testing.T) {
			t.Parallel()
			if !kit.isChild(t) {
				kit.crashAll(t, rounds)
			}
		})
	}
}
