package console

import (
	"net/http"
	"strings"

	"github.com/posai-go/posai/approval"
)

// message is a page that says one thing: why something was not done, who
// decided already, who would be signed in.
type message struct {
	code   string // for programs
	Tone   string // good, bad or wait
	Title  string
	Lines  []string
	Link   *link // in addition to the way back to the list
	NoList bool
}

type link struct {
	Href, Label string
	Main        bool
}

// change is one field of a preview that is not what it was.
type change struct{ Label, Was, Now string }

// The refusals that need no detail.
var (
	noPage = message{
		code: "not_found", Tone: "wait", Title: "There is no such page",
		Lines: []string{"The address may be mistyped, or the request was removed."},
	}
	crossOrigin = message{
		code: "cross_origin", Tone: "bad", Title: "This came from another site",
		Lines: []string{"Another web page tried to send this form in your name. Nothing was done."},
	}
	noSignIn = message{
		code: "sign_in_unavailable", Tone: "bad", Title: "Sign-in does not work at the moment",
		Lines: []string{"Please try again in a minute. Nothing was done."}, NoList: true,
	}
	signedOut = message{
		code: "signed_out", Tone: "wait", Title: "You are signed out",
		Lines:  []string{"Open your sign-in link to continue. If it has expired, ask for a new one.", "Nothing was decided."},
		NoList: true,
	}
	staleForm = message{
		code: "stale_form", Tone: "wait", Title: "Please load the page again",
		Lines: []string{"This form was shown too long ago, or before you signed in. Nothing was done."},
	}
	badForm = message{
		code: "bad_form", Tone: "bad", Title: "This form cannot be read",
		Lines: []string{"Nothing was done. Load the request again and try once more."},
	}
	unrecorded = message{
		code: "unrecorded", Tone: "wait", Title: "Not recorded yet",
		Lines: []string{"The audit log does not take entries at the moment. Nothing happens before it does. Load the request again in a minute: it says what holds."},
	}
	broken = message{
		code: "internal", Tone: "bad", Title: "Something went wrong",
		Lines: []string{"It is not certain that your click arrived. Load the request again: it says what holds."},
	}
)

type messagePage struct {
	frame
	Tone    string
	Lines   []string
	Changes []change
	Links   []link
	Person  *person
	Token   string
	Button  string
}

// person is a principal as a page shows it.
type person struct{ Name, Initial, Roles string }

func newPerson(p approval.Principal) *person {
	v := &person{Name: p.Name, Roles: strings.Join(p.Roles, ", ")}
	if v.Name == "" {
		v.Name = p.ID
	}
	for _, first := range v.Name {
		v.Initial = strings.ToUpper(string(first))
		break
	}
	return v
}

// frame returns what a page for me has at its top; me may be nil.
func (c *Console) frame(r *http.Request, me *approval.Principal, heading, csrf string) frame {
	f := frame{Root: root(r), Title: c.opts.Title, Heading: heading, Nonce: newNonce(), CSRF: csrf, Assets: c.pages.names}
	if me != nil {
		f.Me = newPerson(*me)
		_, links := c.auth.(*SignedLinks)
		f.SignOut = links && csrf != ""
		f.Nav = c.nav(r, f.Root)
	}
	return f
}

// nav are the pages that somebody who is signed in can go to.
func (c *Console) nav(r *http.Request, root string) []navItem {
	here := strings.Trim(r.URL.Path, "/")
	items := []navItem{
		{root, "Requests", here == ""}, {root + "figures", "Figures", here == "figures"}, {root + "controls", "Controls", here == "controls"},
	}
	if len(c.opts.Rollouts) > 0 {
		items = append(items, navItem{root + "rollouts", "Rollouts", here == "rollouts"})
	}
	return items
}

// refuse answers with a message, as a page or as JSON.
func (c *Console) refuse(w http.ResponseWriter, r *http.Request, me *approval.Principal, status int, m message) {
	if wantsJSON(r) {
		c.writeJSON(w, r, status, problem{Code: m.code, Title: m.Title, Detail: strings.Join(m.Lines, " ")})
		return
	}
	page := messagePage{Tone: m.Tone, Lines: m.Lines}
	page.frame = c.frame(r, me, m.Title, "")
	if m.Link != nil {
		page.Links = append(page.Links, *m.Link)
	}
	if !m.NoList {
		page.Links = append(page.Links, link{Href: page.Root, Label: "All requests", Main: m.Link == nil})
	}
	c.show(w, r, status, page)
}

func (c *Console) show(w http.ResponseWriter, r *http.Request, status int, page messagePage) {
	c.failed(r, write(w, r, status, c.pages.message, page.Nonce, page))
}

// failed logs an error of rendering; the templates are ours, so it is a bug.
func (c *Console) failed(r *http.Request, err error) {
	if err != nil {
		c.opts.Logger.ErrorContext(r.Context(), "console: page not rendered", "error", err)
	}
}
