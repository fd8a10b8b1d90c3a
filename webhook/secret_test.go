package webhook_test

import (
	"context"
	"testing"
	"time"

	"github.com/posai-go/posai/internal/secrettest"
	"github.com/posai-go/posai/webhook"
	"github.com/stretchr/testify/require"
)

func TestNothingPrintsSecrets(t *testing.T) {
	const secret = "shpss_0123456789abcdef"
	secrets := webhook.Secrets{Current: secret, Previous: secret, PreviousUntil: time.Now().Add(time.Hour)}
	secrettest.CheckSelf(t, secret, secrets, &secrets)
	box := &memory{}
	h, err := webhook.NewHandler(box, secrets, nil)
	require.NoError(t, err)
	p, err := webhook.NewPubSubHandler(box, secrets, nil)
	require.NoError(t, err)
	f, err := webhook.NewFlowHandler(secrets, func(context.Context, webhook.FlowAction[int]) (any, error) { return nil, nil }, nil)
	require.NoError(t, err)
	secrettest.Check(t, secret, h, p, f, *h, *p, *f)
}
