// Package slack asks for approvals in Slack and takes the answers.
//
// Every request of an [approval.Queue] that waits for a person is posted as a
// card with the preview and the buttons Approve, Edit and Reject. Rejecting asks
// for the reason in a dialog; editing opens a form with the fields of the action,
// and shows once more what it will be before it counts. When anybody has decided,
// in Slack, in the console or elsewhere, every card of the request says who, what
// and when, and has no buttons any more; what then became of it is shown too.
// When a request is escalated, those who are asked next are mentioned below it.
//
//	asks, err := slack.New(queue, slack.Credentials{BotToken: token, SigningSecret: secret},
//		"C0123456789", people, &slack.Options{Store: store, ConsoleURL: "https://pos.example.com/approvals/"})
//	if err != nil { … }
//	mux.Handle("/slack/interactions", asks)
//	if err := asks.Start(ctx); err != nil { … }
//	defer asks.Stop(ctx)
//
// With an app-level token instead of the signing secret, clicks come over a
// WebSocket that the app opens itself (socket mode), and there is nothing to
// mount. docs/slack.md has the app's manifest, both modes and all limits.
//
// # What is safe
//
// A click over HTTP counts only if Slack signed it, less than five minutes ago,
// and it was not received before. Who clicked is decided by [People], what they
// may by the queue. A button carries the digest of what its card shows: when the
// request has changed since, nothing is decided. A dialog is sealed for the
// person, the dialog and the step that it was opened for. Whatever was written by
// a model or a person is sent as plain text, so that it can neither mention nor
// link nor format. A preview that does not fit into a card whole cannot be
// approved from it. The evidence, which holds more about customers than a channel
// should know, stays in the console, and the text of notifications has no words
// of the request at all.
//
// # What is known of how people decide
//
// Slack does not tell when somebody looked at a card. [approval.Decision].ShownAt
// is when the card came to show what was decided: when it was posted, or when the
// last edit changed it. So the times of decisions in Slack, which
// [approval.Queue.Attention] sums up, are the longest that they can have been; one
// that counts as fast was fast. Whoever decides after an edit sees in the card
// what was changed.
//
// # What is never lost
//
// What there is to do in Slack follows from the requests and from what is
// remembered in [Options].Store about each message, so a crash loses none of it.
// A request that waits is posted until Slack takes it; each message is remembered
// before it is posted, and looked for in the channel if the answer got lost, so
// that with the scope to read the channel it is posted once. Slack's rate limits
// are kept, and what it asks to wait is waited.
//
// # Concurrency and errors
//
// A [Slack] is safe for concurrent use; several processes may share a store.
// [Slack.Start] starts the goroutines that [Slack.Stop] ends and waits for. The
// handler works before and without them. People read in Slack why a click did
// not count; tokens, secrets and the content of requests are never logged.
// Package slacktest is a simulated Slack to test with.
package slack
