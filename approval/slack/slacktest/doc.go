// Package slacktest is a simulated Slack, to test an app against: this module's
// own tests use it, and so can yours.
//
//	workspace := slacktest.NewServer(&slacktest.Options{InteractionURL: app.URL + "/slack/interactions"})
//	defer workspace.Close()
//	credentials := slack.Credentials{BotToken: slacktest.BotToken, SigningSecret: slacktest.SigningSecret}
//	asks, err := slack.New(queue, credentials, slacktest.Channel, people, &slack.Options{APIURL: workspace.APIURL()})
//	…
//	card := workspace.Messages(slacktest.Channel)[0]
//	_, err = workspace.Click(ctx, slacktest.User{ID: "U0MARIA"}, card, "posai_approve")
//
// # What it does
//
// It serves the methods of Slack's Web API that concern messages, modals and
// socket mode over real HTTP, keeps channels, messages, threads and modals as
// Slack does, and refuses what Slack refuses, with Slack's error codes: wrong
// tokens, unknown and archived channels, texts, blocks and modals beyond their
// limits, expired and used triggers, conflicting hashes. People press buttons
// ([Server.Click]) and send modals off ([Server.Submit]); what follows reaches the
// app signed over HTTP, or over its WebSocket in socket mode, and is delivered
// again if the app does not answer in time.
//
// [Server.Fail] makes a method fail, be slow, or lose its answer after the effect;
// [Server.Limit] enforces a rate with 429 and Retry-After; [Server.Disconnect],
// [Server.Drop] and [Server.SendRaw] treat WebSockets as Slack and the network do.
//
// What an app sends although Slack would refuse or ignore it is in
// [Server.Problems], so that a test can insist that there is nothing.
//
// # What it does not
//
// It knows what [approval/slack] uses, not all of Slack: no files, no events, no
// slash commands, no OAuth. Where Slack documents no number (how long all blocks
// of a message may be together, when an unacknowledged envelope comes again), it
// has a plausible one.
//
// [approval/slack]: https://pkg.go.dev/github.com/posai-go/posai/approval/slack
package slacktest
