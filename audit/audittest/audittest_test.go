package audittest_test

import (
	"testing"

	"github.com/posai-go/posai/audit/audittest"
)

func TestMemory(t *testing.T) {
	audittest.TestStore(t, func(t *testing.T) func() audittest.Store {
		m := audittest.NewMemory(t)
		return func() audittest.Store { return m }
	})
}
