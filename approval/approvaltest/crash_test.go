package approvaltest_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
)

// TestCrash is all that the author of a store writes.
func TestCrash(t *testing.T) {
	t.Parallel()
	approvaltest.TestCrash(t, func(ctx context.Context, at approvaltest.CrashPlace) (approval.Store, error) {
		return openFileStore(ctx, at, fault{})
	}, nil)
}

// envBroken is set in a process that runs the kit on stores that are broken,
// where it has to fail.
const envBroken = "POSAI_APPROVALTEST_BROKEN"

// TestCrashFindsFaults: a broken store does not pass, and the kit says why.
func TestCrashFindsFaults(t *testing.T) {
	t.Parallel()
	open := func(f fault) func(context.Context, approvaltest.CrashPlace) (approval.Store, error) {
		return func(ctx context.Context, at approvaltest.CrashPlace) (approval.Store, error) {
			return openFileStore(ctx, at, f)
		}
	}
	for name, test := range map[string]struct {
		open     func(context.Context, approvaltest.CrashPlace) (approval.Store, error)
		setting  string
		says     string
		patience time.Duration
	}{
		"a claim is lost":                {open(fault{lost: approval.Executing}), "without_read-back", "there are two effects, or more", 0},
		"a proposal is lost":             {open(fault{lost: approval.Pending}), "with_read-back", "the proposal was acknowledged, and is lost", 0},
		"a decision is lost":             {open(fault{lost: approval.Approved}), "with_read-back", "the decision was acknowledged, and is lost", 0},
		"an end is lost":                 {open(fault{lost: approval.Executed}), "with_read-back", "it is not as it was when it had ended", 0},
		"what is uncertain is forgotten": {open(fault{lost: approval.Uncertain}), "without_read-back", "it is not as it was when it had ended", 0},
		"what is uncertain is not shown": {open(fault{hidden: approval.Uncertain}), "without_read-back", "it is not listed as uncertain", 0},
		"half a line is taken for one":   {open(fault{keepTorn: true}), "with_read-back", "open the store: invalid character", 0},
		"a count is apart":               {open(fault{apart: true}), "with_read-back", "the fuse has not counted each request that it let pass once", 0},
		"nobody is woken":                {open(fault{asleep: true}), "with_read-back", "and within 15s nobody has brought it to an end", 15 * time.Second},
		"nothing is kept": {
			func(context.Context, approvaltest.CrashPlace) (approval.Store, error) {
				return approvaltest.NewMemory(), nil
			},
			"with_read-back", "the proposal was acknowledged, and is lost", 0,
		},
		"it panics": {
			func(context.Context, approvaltest.CrashPlace) (approval.Store, error) { panic("the store broke") },
			"with_read-back", "panic: the store broke", 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if os.Getenv(envBroken) != "" {
				approvaltest.TestCrash(t, test.open, &approvaltest.CrashOptions{Patience: test.patience})
				return
			}
			mustFail(t, test.setting, test.says)
		})
	}
}

// mustFail runs one setting of the present test in a process of its own, where
// it has to fail and to say why.
func mustFail(t *testing.T, setting, says string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$/^"+setting+"$")
	cmd.Env = append(os.Environ(), envBroken+"=1")
	out, err := cmd.CombinedOutput()
	require.Error(t, err, "it passes: %s", out)
	assert.Contains(t, string(out), says)
	assert.Contains(t, string(out), "--- FAIL: "+t.Name()+"/"+setting)
}
