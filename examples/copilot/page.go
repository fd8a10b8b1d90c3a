package main

import (
	"crypto/rand"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
)

//go:embed assets
var files embed.FS

var pageTemplate = template.Must(template.ParseFS(files, "assets/page.html"))

// pagePolicy lets a page run its own script, use its own style and talk to its own
// server, and nothing else; no text becomes markup.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// pageData is what the page is made of. Answers are put in by its script, as text.
type pageData struct {
	Shop, Store, Location string
	Mode                  mode
	Associate             bool
	AI                    bool
}

// page serves the page of a mode. The associate's is for people who are signed in at
// the console.
func (s *web) page(m mode) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers(w)
		w.Header().Set("Content-Security-Policy", pagePolicy)
		if m == associate {
			if _, err := s.signedIn(r); err != nil {
				// The console says how to sign in.
				http.Redirect(w, r, "/approvals/", http.StatusSeeOther)
				return
			}
		}
		here := s.shop.locations[0]
		if at := r.URL.Query().Get("location"); at != "" {
			var ok bool
			if here, ok = s.shop.place(at); !ok {
				http.Error(w, "No such store.", http.StatusNotFound)
				return
			}
		}
		if c, err := r.Cookie(cookieName); err != nil || !conversationID.MatchString(c.Value) {
			http.SetCookie(w, &http.Cookie{
				Name: cookieName, Value: rand.Text(), Path: "/" + string(m), HttpOnly: true, Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https", SameSite: http.SameSiteStrictMode,
			})
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		data := pageData{Shop: plain(s.shop.name), Store: plain(here.Name), Location: here.ID, Mode: m, Associate: m == associate, AI: s.model != nil}
		if err := pageTemplate.Execute(w, data); err != nil {
			s.logger.Warn("the page could not be sent", "error", err)
		}
	})
}

// assets serves the page's script and style.
func assets() http.Handler {
	sub, err := fs.Sub(files, "assets")
	if err != nil {
		panic(err) // they are linked in
	}
	server := http.FileServerFS(sub)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "page.js" && r.URL.Path != "page.css" && r.URL.Path != "icon.svg" {
			http.NotFound(w, r)
			return
		}
		headers(w)
		w.Header().Set("Cache-Control", "no-cache")
		server.ServeHTTP(w, r)
	})
}
