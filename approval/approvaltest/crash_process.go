package approvaltest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// crashProcess is a process that is there to die.
type crashProcess struct {
	cmd  *exec.Cmd
	job  *crashJob
	in   io.Closer // open as long as the test's own process lives
	said tail
}

// startProcess runs the present test in a process of its own, which finds that
// it has a job.
func startProcess(job *crashJob) (*crashProcess, error) {
	if err := os.Remove(job.obituary()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	data, err := json.Marshal(job)
	if err != nil {
		return nil, err
	}
	p := &crashProcess{job: job}
	p.cmd = exec.Command(os.Args[0], "-test.run="+only(job.Test), "-test.count=1", "-test.timeout="+(job.Patience+time.Minute).String())
	p.cmd.Env = append(os.Environ(), envCrash+"="+string(data))
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	p.cmd.WaitDelay = 10 * time.Second // something that it started may hold its output open
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return p, p.cmd.Start()
}

// only returns the pattern of one test's name.
func only(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}

// died returns the step at which the process says that it dies, "" if it has
// not said so.
func (p *crashProcess) died() (string, error) {
	data, err := os.ReadFile(p.job.obituary())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(data), err
}

// wait waits for the end of the process, and returns at which step it was
// killed, or "". An end of another sort is an error, which says what the process
// said.
func (p *crashProcess) wait() (step string, err error) {
	failed := p.cmd.Wait()
	if failed == nil {
		return "", nil
	}
	if killed(p.cmd.ProcessState) {
		if step, err = p.died(); step != "" || err != nil {
			return step, err
		}
	}
	return "", fmt.Errorf("a process that made the visits %v failed: %w: %s", p.job.Visits, failed, p.said.String())
}

// killed reports whether a process may have ended by [killSelf]. It has no exit
// code then, or 1 on Windows.
func killed(s *os.ProcessState) bool {
	return s.ExitCode() == -1 || runtime.GOOS == "windows" && s.ExitCode() == 1
}

// patience is how long a process may take, so that the test can still say
// what it was that took too long.
func (k *crashKit) patience(t *testing.T) time.Duration {
	deadline, ok := t.Deadline()
	if !ok {
		return k.opts.Patience
	}
	return min(k.opts.Patience, max(time.Until(deadline)-30*time.Second, time.Second))
}

// tail is an [io.Writer] that keeps the end of what it is given.
type tail struct {
	mu   sync.Mutex
	data []byte
}

const maxTail = 32 << 10

func (w *tail) Write(data []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.data = append(w.data, data...)
	if n := len(w.data) - maxTail; n > 0 {
		w.data = append(w.data[:0], w.data[n:]...)
	}
	return len(data), nil
}

func (w *tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.TrimSpace(string(w.data))
}
