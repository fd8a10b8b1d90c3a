package approvaltest_test

import (
	"testing"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	approvaltest.TestStore(t, func(*testing.T) approval.Store { return approvaltest.NewMemory() })
}
