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
	for name, test := range map[string]struct {
		fault
		setting string
		says    string
	}{
		"a claim is lost":                {fault{lost: approval.Executing}, "without_read-back", "there are two effects, or more"},
		"a proposal is lost":             {fault{lost: approval.Pending}, "with_read-back", "the proposal was acknowledged, and is lost"},
		"a decision is lost":             {fault{lost: approval.Approved}, "with_read-back", "the decision was acknowledged, and is lost"},
		"an end is lost":                 {fault{lost: approval.Executed}, "with_read-back", "it is not as it was when it had ended"},
		"what is uncertain is forgotten": {fault{lost: approval.Uncertain}, "without_read-back", "it is not as it was when it had ended"},
		"what is uncertain is not shown": {fault{hidden: approval.Uncertain}, "without_read-back", "it is not listed as uncertain"},
		"half a line is taken for one":   {fault{keepTorn: true}, "with_read-back", "open the store: invalid character"},
		"nobody is woken":                {fault{asleep: true}, "with_read-back", "and within 15s nobody has brought it to an end"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if os.Getenv(envBroken) != "" {
				approvaltest.TestCrash(t, func(ctx context.Context, at approvaltest.CrashPlace) (approval.Store, error) {
					return openFileStore(ctx, at, test.fault)
				}, &approvaltest.CrashOptions{Patience: 15 * time.Second})
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
