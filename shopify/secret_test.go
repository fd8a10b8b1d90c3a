package shopify_test

import (
	"net/http"
	"testing"

	"github.com/posai-go/posai/internal/secrettest"
	"github.com/posai-go/posai/shopify"
	"github.com/stretchr/testify/require"
)

func TestNothingPrintsSecrets(t *testing.T) {
	source := shopify.StaticToken(testToken)
	s := newServer(t, reply{body: okShop})
	c, err := shopify.NewClient(testShop, source, &shopify.Options{BaseURL: s.URL})
	require.NoError(t, err)
	secrettest.Check(t, testToken, source, c, *c, c.With(shopify.CallOptions{Header: http.Header{"X-Own": {"1"}}}))
	_, _, err = do(t.Context(), c, readShop, nil)
	require.NoError(t, err)
	secrettest.Check(t, testToken, c)
}
