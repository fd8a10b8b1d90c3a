package slack_test

import (
	"context"
	"fmt"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/slack"
)

// Discounts of the main street are asked there and in the owner's workspace,
// everything else in one channel.
func ExampleRoutes() {
	places := slack.Routes(
		slack.Route{
			Scope: approval.Scope{Kind: "shop.discount", Location: "gid://shopify/Location/1"},
			To:    []slack.Place{{Channel: "C0MAINSTREET"}, {TeamID: "T0OWNER", Channel: "C0OWNER"}},
		},
		slack.Route{To: []slack.Place{{Channel: "C0EVERYTHING"}}},
	)
	r := &approval.Request{Kind: "shop.discount"}
	fmt.Println(places(r))
	r.Location = "gid://shopify/Location/1"
	fmt.Println(places(r))
	// Output:
	// [{ C0EVERYTHING}]
	// [{ C0MAINSTREET} {T0OWNER C0OWNER}]
}

// Who is mentioned when a request is escalated to the owner or the district
// manager.
func ExampleMentionRoles() {
	mentions := slack.MentionRoles(map[string][]string{"owner": {"U024BE7LH"}, "district": {"S0604QSJC"}}, map[string]string{"staff-9": "U0NINE"})
	fmt.Println(mentions(context.Background(), nil, approval.Any(approval.Role("owner"), approval.Role("district"), approval.Person("staff-9"))))
	// Output:
	// [S0604QSJC U024BE7LH U0NINE]
}
