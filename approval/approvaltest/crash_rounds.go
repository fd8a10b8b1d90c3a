package approvaltest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// crash is a place, with a log and an outside, where one process after the
// other dies.
type crash struct {
	kit     *crashKit
	t       *testing.T
	dir     string
	url     string
	outside string
	effects func() []string

	processes int
	logs      []string            // folders of the logs that were written
	visits    int                 // begun
	deaths    map[string][]string // by visit: at which steps, one after the other
	steps     map[string]int      // how often anybody died there
}

func (k *crashKit) newCrash(t *testing.T) *crash {
	t.Helper()
	c := &crash{kit: k, t: t, dir: t.TempDir(), deaths: map[string][]string{}, steps: map[string]int{}}
	require.NoError(t, os.Mkdir(c.job().place(nil).Dir, 0o700))
	if k.opts.NewURL != nil {
		c.url = k.opts.NewURL(t)
	}
	c.outside, c.effects = k.opts.Outside.Start(t)
	return c
}

// job is what the next process is told, but for the visits.
func (c *crash) job() *crashJob {
	return &crashJob{Test: c.t.Name(), Dir: c.dir, URL: c.url, Outside: c.outside, Patience: c.kit.patience(c.t)}
}

// start starts a process that makes the visits.
func (c *crash) start(visits ...crashVisit) (*crashProcess, error) {
	job := c.job()
	job.Visits = visits
	c.processes++
	job.Log = filepath.Join(c.dir, "log")
	if c.kit.pause { // two processes at once, and a log need not be for that
		job.Log += strconv.Itoa(c.processes)
	}
	if !slices.Contains(c.logs, job.Log) {
		if err := os.Mkdir(job.Log, 0o700); err != nil {
			return nil, err
		}
		c.logs = append(c.logs, job.Log)
	}
	return startProcess(job)
}

// process runs one that makes the visits, and reports whether it died. The last
// visit is the one at which that is noted.
func (c *crash) process(visits ...crashVisit) (died bool, err error) {
	p, err := c.start(visits...)
	if err != nil {
		return false, err
	}
	step, err := p.wait()
	if step != "" {
		c.note(visits[len(visits)-1].Key, step)
	}
	if err != nil {
		for _, v := range visits {
			if len(c.deaths[v.Key]) > 0 {
				err = fmt.Errorf("%s, which %s at %q: %w", v.Key, c.kit.died(), c.deaths[v.Key], err)
			}
		}
	}
	return step != "", err
}

func (c *crash) note(key, step string) {
	c.deaths[key] = append(c.deaths[key], step)
	c.steps[step]++
}

func (c *crash) nextKey(prefix string) string {
	c.visits++
	return prefix + strconv.Itoa(c.visits)
}

// asked is what the keys of visits begin with that a person is asked about.
const asked = "visit-"

// pastCounted reports whether a visit with the key has died where it is past what
// those that are counted have of their own: the rest of their way is like that of
// those that are asked about.
func (c *crash) pastCounted(key string) bool { return slices.Contains(c.deaths[key], afterCounted) }

// kill makes the rounds: in each, the steps of a visit are counted and a process
// dies at every one of them, or at every stride-th. Then it dies at every step of
// visits that are counted, until those are stored. The next process finishes what
// it left before its own visit begins; now and then one dies on the way.
func (c *crash) kill(rounds, stride int) error {
	left := []crashVisit{} // what the next process has to finish
	for round := range rounds {
		for step := 1; ; step += stride {
			key := c.nextKey(asked)
			died, err := c.process(append(left, crashVisit{key, step})...)
			if err != nil {
				return err
			}
			left = []crashVisit{{Key: key}}
			if !died {
				break
			}
			// The next one dies too, early in what it takes over.
			if step%3 == round%3 {
				if _, err := c.process(crashVisit{key, 1 + (step+round)%5}); err != nil {
					return err
				}
			}
		}
		for step := 1; ; step++ {
			key := c.nextKey(counted)
			died, err := c.process(append(left, crashVisit{key, step})...)
			if err != nil {
				return err
			}
			left = []crashVisit{{Key: key}}
			if !died || c.pastCounted(key) {
				break
			}
		}
	}
	_, err := c.process(left...)
	return err
}

// rounds lets processes die in a place.
type rounds func(c *crash, rounds, stride int) error

// crashAll lets processes die in all places, checks what is left, and reports.
func (k *crashKit) crashAll(t *testing.T, rounds rounds) {
	t.Helper()
	crashes := make([]*crash, k.opts.Places)
	errs := make([]error, len(crashes))
	var wg sync.WaitGroup
	for i := range crashes {
		c := k.newCrash(t)
		crashes[i] = c
		n := k.opts.Rounds / len(crashes)
		if i < k.opts.Rounds%len(crashes) {
			n++
		}
		wg.Go(func() { errs[i] = rounds(c, n, k.opts.Stride) })
	}
	wg.Wait()
	total, uncertain, visits, steps := k.sum(t, crashes, errs)
	// What a request's lease does in the background moves its steps by one now and
	// then, so a round can jump over one of them.
	for more := 0; more < 5 && !t.Failed() && k.opts.Stride == 1 && missed(steps); more++ {
		errs[0] = rounds(crashes[0], 1, 1)
		total, uncertain, visits, steps = k.sum(t, crashes, errs)
	}
	if t.Failed() {
		return
	}
	const fewest = 20 // steps of a request
	require.GreaterOrEqual(t, total, max(1, fewest/k.opts.Stride), "nobody %s at most steps", k.died())
	if k.opts.Stride == 1 {
		require.Subset(t, slices.Sorted(maps.Keys(steps)), everyStep, "nobody %s at some step", k.died())
	}
	t.Logf("%d visits; %s %d times; %d visits uncertain, all others executed once; by step:", visits, k.died(), total, uncertain)
	for _, step := range slices.Sorted(maps.Keys(steps)) {
		t.Logf("%6d %s", steps[step], step)
	}
}

// sum checks what is left in all places, and counts.
func (k *crashKit) sum(t *testing.T, crashes []*crash, errs []error) (total, uncertain, visits int, steps map[string]int) {
	t.Helper()
	steps = map[string]int{}
	for i, c := range crashes {
		if !assert.NoError(t, errs[i]) {
			continue
		}
		uncertain += c.check(t)
		visits += c.visits
		for step, n := range c.steps {
			steps[step] += n
			total += n
		}
	}
	return total, uncertain, visits, steps
}

// missed reports whether there is a step at which nobody died yet.
func missed(steps map[string]int) bool {
	return slices.ContainsFunc(everyStep, func(step string) bool { return steps[step] == 0 })
}

// died is the word for what happens to the processes.
func (k *crashKit) died() string {
	if k.pause {
		return "was stopped"
	}
	return "died"
}
