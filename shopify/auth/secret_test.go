package auth_test

import (
	"testing"
	"time"

	"github.com/posai-go/posai/internal/secrettest"
	"github.com/posai-go/posai/shopify/auth"
	"github.com/stretchr/testify/require"
)

func TestNothingPrintsSecrets(t *testing.T) {
	const secret = "shpss_0123456789abcdef"
	secrets := auth.Secrets{Current: secret, Previous: secret, PreviousUntil: time.Now().Add(time.Hour)}
	token := auth.Token{Key: auth.Key{Shop: "acme.myshopify.com", Access: auth.Offline}, AccessToken: secret, RefreshToken: secret}
	secrettest.CheckSelf(t, secret, secrets, &secrets, token, &token)
	store := auth.NewMemoryStore()
	app, err := auth.New("client", secrets, &auth.Options{Store: store})
	require.NoError(t, err)
	require.NoError(t, app.Save(t.Context(), &token))
	source := app.Offline("acme.myshopify.com")
	secrettest.Check(t, secret, app, source, *source, store)
}
