// Package console is the web console of an approval queue: where people see
// what an AI saw and proposes, and approve it, edit it or reject it.
//
// [New] makes an [http.Handler] for a queue. An [Authenticator] says who is
// who: your own sign-in, or [SignedLinks], which your program hands to people.
//
//	links, err := console.NewSignedLinks(key, nil)
//	if err != nil { … }
//	pages, err := console.New(queue, links, nil)
//	if err != nil { … }
//	mux.Handle("/approvals/", http.StripPrefix("/approvals", pages))
//	link, err := links.Link("https://pos.example.com/approvals/", manager, "")
//
// The pages are plain HTML from html/template. They work without JavaScript; a
// small script keeps an open page current. They load nothing from elsewhere.
//
// # What a decision needs
//
// A decision is a POST of a form that this console made for this browser and
// this person, and that carries the digest of the request that was shown. A
// request that has changed since is not decided: the page shows what changed. A
// click that comes late is told who decided, what and when; the same click twice
// counts once. Whether a person may decide is up to the queue.
//
// Several requests can be decided together: each is shown in full, has a digest
// of its own in the form, and is decided for itself. What an edit changed is
// shown to whoever decides next.
//
// # Besides deciding
//
// "Figures" shows how requests were decided in the last weeks, "Controls" what is
// stopped, approved in advance and delegated ([approval.Controls]), "Rollouts"
// the plans of [Options].Rollouts. What happened can be taken back where its kind
// can be undone, as a request of its own. From the page of a request, who may
// change controls can approve its like in advance ([approval.StandingRule]):
// exact arguments or ranges, so often, up to a day. "candidate" shows them where
// [approval.Options].Shadow would have ruled otherwise.
//
// Figures, reports of rollouts and comparisons go through many requests: each is
// computed at most once a minute, for figures for each person, one at a time, and
// shown with when.
//
// # Programs
//
// The same addresses answer with JSON when asked for by "Accept:
// application/json", through the same sign-in, the same forms and the same
// checks. A program that decides does what a browser does: it opens the sign-in
// link (GET), confirms it (POST sign-in with the field token), keeps the
// cookies, opens "requests/ID" (GET), and sends to "requests/ID/decision" (POST,
// form encoded) the fields
//
//	csrf      from the answer to the GET
//	digest    from the answer to the GET
//	verdict   approve, edit or reject
//	reason    why it is rejected
//	field.*   with edit: the values of the fields in request.form
//
// The list is paged: what waiting_next and decided_next say is sent back as the
// parameters wait and after.
//
// The answer is the request as it is then, or a problem with a code: signed_out
// (401), forbidden, stale_form, cross_origin (403), not_found (404), decided,
// stale, stopped, expired (409), bad_form (400), invalid (422).
//
// # Concurrency and errors
//
// A [Console] is safe for concurrent use and starts no goroutine. Its errors are
// those of the constructors; what goes wrong while serving becomes a page and,
// if it is ours, a line in [Options].Logger, never with the content of a
// request.
package console
