package slack_test

import (
	"testing"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/slack"
	"github.com/posai-go/posai/internal/secrettest"
	"github.com/stretchr/testify/require"
)

func TestNothingPrintsSecrets(t *testing.T) {
	const token = "xoxb-0123456789abcdef"
	creds := slack.Credentials{BotToken: token, SigningSecret: token, AppToken: token}
	other := slack.Workspace{TeamID: "T2", BotToken: token}
	s, err := slack.New(new(approval.Queue), creds, "C1", staff, &slack.Options{TeamID: "T1", Workspaces: []slack.Workspace{other}})
	require.NoError(t, err)
	secrettest.CheckSelf(t, token, creds, other, s)
}
