package approvaltest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/posai-go/posai/approval"
)

// TestPause is for stores that several processes may have open at once. Like
// [TestCrash], but the process is stopped at a step (SIGSTOP) as if its machine
// hung, until another one has taken the request over and brought it to its end.
// Then the first goes on (SIGCONT), and what it still brings home must not
// count. At the end the same must hold as there.
//
// This is where an Update that does not compare versions is seen, or a claim
// whose fence does not grow. That a call which is under way meanwhile has no
// second effect is what the fence is for: the outside refuses a smaller one than
// it has seen, see [approval.Execution].
//
// A round stops about 15 processes in each setting, each until its lease has run
// out, so that leases should be short: a second. Every process writes a log of its
// own. Where processes cannot be stopped, as on Windows, the test is skipped.
func TestPause(t *testing.T, open func(ctx context.Context, at CrashPlace) (approval.Store, error), opts *CrashOptions) {
	t.Helper()
	if !canPause {
		t.Skip("processes cannot be stopped on this system")
	}
	k := crashKit{open: open, opts: opts.withDefaults(t), pause: true}
	k.opts.Outside = fencing
	k.run(t, (*crash).stop)
}

// stop makes the rounds: in each, the steps of a visit are counted and a process
// is stopped at every one of them, or at every stride-th, while another finishes
// the visit. Then it is stopped at every step of visits that are counted, until
// those are stored.
func (c *crash) stop(rounds, stride int) error {
	for range rounds {
		for step := 1; ; step += stride {
			if stopped, err := c.stopAt(c.nextKey(asked), step); err != nil {
				return err
			} else if !stopped {
				break
			}
		}
		for step := 1; ; step++ {
			key := c.nextKey(counted)
			if stopped, err := c.stopAt(key, step); err != nil {
				return err
			} else if !stopped || c.pastCounted(key) {
				break
			}
		}
	}
	return nil
}

func (c *crash) stopAt(key string, step int) (stopped bool, err error) {
	first, err := c.start(crashVisit{key, step})
	if err != nil {
		return false, err
	}
	end := make(chan error, 1)
	go func() {
		_, err := first.wait()
		end <- err
	}()
	at, err := first.stopped(end)
	if at == "" || err != nil {
		return false, err
	}
	c.note(key, at)
	if _, err = c.process(crashVisit{Key: key}); err != nil {
		_ = first.cmd.Process.Kill()
		return true, errors.Join(err, <-end)
	}
	if err := first.goOn(end); err != nil {
		return true, fmt.Errorf("%s, which was stopped at %q and went on: %w", key, at, err)
	}
	return true, nil
}

// goOn lets a process that was stopped go on, and waits for its end. It is told
// again and again: it may have said that it stops, and not have done so yet.
func (p *crashProcess) goOn(end <-chan error) error {
	for {
		if err := resume(p.cmd.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		select {
		case err := <-end:
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stopped waits until the process is stopped, and returns at which step; or
// until it has ended otherwise, and returns "".
func (p *crashProcess) stopped(end <-chan error) (step string, err error) {
	for {
		select {
		case err := <-end:
			return "", err
		case <-time.After(5 * time.Millisecond):
		}
		if step, err := p.died(); step != "" || err != nil {
			return step, err
		}
	}
}
