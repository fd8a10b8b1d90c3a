// Package slack asks for approvals in Slack and takes the answers.
//
// Every request of an [approval.Queue] that waits for a person is posted as a
// card with the preview and the buttons Approve and Reject. Rejecting asks for
// the reason in a dialog. When anybody has decided, in Slack, in the console or
// elsewhere, the card says who, what and when, and has no buttons any more.
//
//	asks, err := slack.New(queue, slack.Credentials{BotToken: token, SigningSecret: secret},
//		"C0123456789", people, &slack.Options{Messages: messages, ConsoleURL: "https://pos.example.com/approvals/"})
//	if err != nil { … }
//	mux.Handle("/slack/interactions", asks)
//	if err := asks.Start(ctx); err != nil { … }
//	defer asks.Stop(ctx)
//
// # The Slack app
//
// The app needs the bot scope chat:write, membership of the channel, and
// interactivity with the request URL that leads to the handler; its Bot User
// OAuth Token and Signing Secret are the [Credentials].
// https://docs.slack.dev/interactivity/handling-user-interaction/
//
// # What is safe
//
// A click counts only if Slack signed it, less than five minutes ago, and it was
// not received before. Who clicked is decided by [People], what they may by the
// queue. A button carries the digest of what its card shows: when the request
// has changed since, nothing is decided. Whatever was written by a model or a
// person is sent as plain text, so that it can neither mention nor link nor
// format. A preview that does not fit into a card whole cannot be approved from
// it. The evidence, which holds more about customers than a channel should know,
// stays in the console. Callbacks that were received are remembered in memory:
// after a restart, one of the last five minutes could come in again, as the same
// decision of the same person, which counts once.
//
// # What is never lost
//
// A request that waits is posted until Slack takes it, also after a restart;
// Slack's rate limits are obeyed. With [OpenFileMessages] and the scope to read
// the channel it is posted once, whatever crashes when.
//
// # Concurrency and errors
//
// A [Slack] is safe for concurrent use. [Slack.Start] starts one goroutine,
// which [Slack.Stop] ends and waits for. The handler works before, after and
// without them. People read in Slack why a click did not count; tokens, secrets
// and the content of requests are never logged.
package slack
