package console

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/posai-go/posai/approval"
)

// sendToSignIn answers somebody who is not signed in. A form that was sent is
// not repeated after sign-in: whoever decides looks at the request again.
func (c *Console) sendToSignIn(w http.ResponseWriter, r *http.Request) {
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead
	if c.opts.SignInURL != "" && safe && !wantsJSON(r) && r.Header.Get("Accept") != "text/event-stream" {
		to, err := url.Parse(c.opts.SignInURL)
		if err == nil {
			query := to.Query()
			query.Set("next", r.RequestURI)
			to.RawQuery = query.Encode()
			redirect(w, to.String())
			return
		}
	}
	c.refuse(w, r, nil, http.StatusUnauthorized, signedOut)
}

// signIn shows whom a link would sign in (GET) and signs in (POST). A GET
// changes nothing, since programs follow links too.
func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	links, ok := c.auth.(*SignedLinks)
	if !ok {
		c.refuse(w, r, nil, http.StatusNotFound, noPage)
		return
	}
	token := r.URL.Query().Get("token")
	if r.Method == http.MethodPost {
		if !c.readForm(w, r, nil) {
			return
		}
		st, err := links.signIn(w, r, r.PostForm.Get("token"))
		if err != nil {
			c.refuseLink(w, r, err)
			return
		}
		redirect(w, "./"+st.Next)
		return
	}
	st, err := links.checkLink(r.Context(), token)
	if err == nil || errors.Is(err, ErrLinkUsed) {
		if now, e := links.session(r); e == nil && now.Principal.ID == st.Principal.ID {
			redirect(w, "./"+st.Next) // signed in already: the link still leads there
			return
		}
	}
	if err != nil {
		c.refuseLink(w, r, err)
		return
	}
	page := messagePage{
		Tone:   "wait",
		Lines:  []string{"This link signs you in on this device. Only continue if this is you."},
		Person: newPerson(st.Principal),
		Token:  token,
		Button: "Sign in",
	}
	page.frame = c.frame(r, nil, "Sign in", "")
	if wantsJSON(r) {
		c.writeJSON(w, r, http.StatusOK, struct {
			ID    string `json:"id"`
			Name  string `json:"name"`
			Token string `json:"token"`
		}{st.Principal.ID, page.Person.Name, token})
		return
	}
	c.show(w, r, http.StatusOK, page)
}

func (c *Console) refuseLink(w http.ResponseWriter, r *http.Request, err error) {
	m := message{code: "link_forged", Tone: "bad", Title: "This link does not sign you in", Lines: []string{"It is not complete, or it was not made by this console. Ask for a new one."}, NoList: true}
	status := http.StatusForbidden
	switch {
	case errors.Is(err, ErrLinkExpired):
		m.code, m.Title, m.Tone = "link_expired", "This link has expired", "wait"
		m.Lines = []string{"Sign-in links are short-lived. Ask for a new one."}
	case errors.Is(err, ErrLinkUsed):
		m.code, m.Title, m.Tone = "link_used", "This link was used already", "wait"
		m.Lines = []string{"A sign-in link works once. If it was not you who used it, tell whoever runs this console. Ask for a new one."}
	case !errors.Is(err, ErrLinkForged):
		c.opts.Logger.ErrorContext(r.Context(), "console: sign-in failed", "error", err)
		m, status = noSignIn, http.StatusServiceUnavailable
	}
	c.refuse(w, r, nil, status, m)
}

// signOut ends a session of [SignedLinks].
func (c *Console) signOut(w http.ResponseWriter, r *http.Request, me approval.Principal) {
	links, ok := c.auth.(*SignedLinks)
	if !ok {
		c.refuse(w, r, &me, http.StatusNotFound, noPage)
		return
	}
	if !c.readForm(w, r, &me) {
		return
	}
	if _, err := c.checkForm(r, me.ID); err != nil {
		c.refuse(w, r, &me, http.StatusForbidden, staleForm)
		return
	}
	err := links.signOut(w, r)
	setCookie(w, r, browserCookie, "", -1)
	if err != nil {
		c.opts.Logger.ErrorContext(r.Context(), "console: signing out was not remembered", "error", err)
	}
	m := signedOut
	m.Title, m.Tone, m.Lines = "You are signed out", "good", []string{"Open a sign-in link to come back."}
	c.refuse(w, r, nil, http.StatusOK, m)
}
