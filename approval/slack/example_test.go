package slack_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/slack"
	"github.com/posai-go/posai/approval/sqlstore"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
)

// A queue that asks in Slack. What does not come from Slack is refused.
func Example() {
	dir := must(os.MkdirTemp("", "slack"))
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	entries := must(filestore.Open(filepath.Join(dir, "audit"), nil))
	trail := must(audit.Open(ctx, entries, nil))
	defer func() { _ = trail.Close() }()
	store := must(sqlstore.Open(ctx, "sqlite://"+filepath.Join(dir, "approval.db"), nil))
	defer func() { _ = store.Close() }()
	policy := approval.Rules("v1", approval.Rule{Then: approval.Ask(approval.Role("manager"), 0, "Everything is asked for")})
	queue := must(approval.NewQueue(store, trail, policy, nil))

	people := slack.PeopleFunc(func(_ context.Context, u slack.User) (approval.Principal, error) {
		if u.ID == "U0MARIA" {
			return approval.Principal{ID: "staff-1", Name: "Maria Lopez", Type: approval.Human, Roles: []string{"manager"}}, nil
		}
		return approval.Principal{}, slack.ErrUnknownUser
	})
	credentials := slack.Credentials{BotToken: "xoxb-your-token", SigningSecret: "your signing secret"}
	asks := must(slack.New(queue, credentials, "C0123456789", people, &slack.Options{Store: store}))
	check(asks.Start(ctx))
	defer func() { _ = asks.Stop(ctx) }()

	mux := http.NewServeMux()
	mux.Handle("/slack/interactions", asks)
	server := httptest.NewServer(mux)
	defer server.Close()
	res := must(http.Post(server.URL+"/slack/interactions", "application/x-www-form-urlencoded", strings.NewReader("payload={}")))
	_ = res.Body.Close()
	fmt.Println("unsigned:", res.Status)
	fmt.Println(credentials)
	// Output:
	// unsigned: 401 Unauthorized
	// [credentials]
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
