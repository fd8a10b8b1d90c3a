// Package mail asks people by e-mail to decide: a short message with a link that
// signs them in at the console and opens the request. A mail never decides by
// itself: opening a link, or a mail program that previews it, approves nothing.
//
//	links, err := console.NewSignedLinks(key, &console.SignedLinksOptions{LinkLifetime: 24 * time.Hour})
//	…
//	asker, err := mail.New(queue, store, mail.SMTP{Host: "mail.example.com", From: "approvals@example.com"}.Sender(), &mail.Options{
//		People: directory, // who is asked about a request, and where
//		Link: func(p approval.Principal, path string) (string, error) {
//			return links.Link("https://pos.example.com/approvals/", p, path)
//		},
//	})
//	err = asker.Start(ctx)
//	…
//	err = asker.Stop(ctx)
//
// # When it asks
//
// Each person is asked once about a revision of a request that waits, and again
// when an escalation adds people or an edit makes another revision. Who was
// asked is remembered in the queue's store, so that a restart asks nobody twice.
// A mail is noted as begun before it is sent and as sent afterwards: should the
// process die in between, it is sent once more after twice
// [Options].SendTimeout, and somebody may get it twice, but never not at all. A
// mail that cannot be sent is tried again with growing waits for as long as the
// request waits. Nothing is sent about requests that are settled meanwhile.
//
// # What it says
//
// The title of the request, where, how much is at stake, until when, and why it
// was asked, as plain text. What the AI saw and what the action says stays in
// the console: mail travels through other people's machines.
package mail
