package storefront_test

import (
	"testing"

	"github.com/posai-go/posai/internal/secrettest"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/storefront"
	"github.com/stretchr/testify/require"
)

func TestNothingPrintsSecrets(t *testing.T) {
	const token = "shpat_0123456789abcdef"
	access := storefront.Private(shopify.StaticToken(token))
	c, err := storefront.NewClient("acme.myshopify.com", access, nil)
	require.NoError(t, err)
	secrettest.Check(t, token, access, storefront.Public(shopify.StaticToken(token)), c)
}
