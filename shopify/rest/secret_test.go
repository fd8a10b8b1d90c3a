package rest_test

import (
	"testing"

	"github.com/posai-go/posai/internal/secrettest"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/rest"
	"github.com/stretchr/testify/require"
)

func TestNothingPrintsSecrets(t *testing.T) {
	const token = "shpat_0123456789abcdef"
	c, err := rest.NewClient("acme.myshopify.com", shopify.StaticToken(token), nil)
	require.NoError(t, err)
	secrettest.Check(t, token, c, *c)
}
