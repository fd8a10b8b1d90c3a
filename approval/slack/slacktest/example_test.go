package slacktest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/posai-go/posai/approval/slack/slacktest"
)

// An app of any kind against the simulated Slack: it posts a button, somebody
// presses it, and the app hears of it.
func Example() {
	ctx := context.Background()
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var c slackapi.InteractionCallback
		if err := json.Unmarshal([]byte(r.FormValue("payload")), &c); err == nil {
			fmt.Println(c.User.ID, "pressed", c.ActionCallback.BlockActions[0].Value)
		}
	}))
	defer app.Close()
	workspace := slacktest.NewServer(&slacktest.Options{InteractionURL: app.URL, AckTimeout: time.Minute})
	defer workspace.Close()

	client := slackapi.New(slacktest.BotToken, slackapi.OptionAPIURL(workspace.APIURL()))
	label := slackapi.NewTextBlockObject(slackapi.PlainTextType, "Press me", false, false)
	row := slackapi.NewActionBlock("row", slackapi.NewButtonBlockElement("press", "the button", label))
	if _, _, err := client.PostMessageContext(ctx, slacktest.Channel, slackapi.MsgOptionText("A button", false), slackapi.MsgOptionBlocks(row)); err != nil {
		fmt.Println(err)
	}
	workspace.Fail("chat.postMessage", slacktest.Fault{Error: "is_archived"})
	_, _, err := client.PostMessageContext(ctx, slacktest.Channel, slackapi.MsgOptionText("Another one", false))
	fmt.Println(err)

	d, err := workspace.Click(ctx, slacktest.User{ID: "U0MARIA"}, workspace.Messages(slacktest.Channel)[0], "press")
	fmt.Println(d.Acknowledged(), err, len(workspace.Problems()))
	// Output:
	// is_archived
	// U0MARIA pressed the button
	// true <nil> 0
}
