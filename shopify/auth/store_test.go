package auth_test

import (
	"testing"

	"github.com/posai-go/posai/shopify/auth"
	"github.com/posai-go/posai/shopify/auth/authtest"
)

func TestMemoryStore(t *testing.T) {
	authtest.TestStore(t, func(*testing.T) auth.Store { return auth.NewMemoryStore() })
}
