package console

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed templates/*.html assets/*
var files embed.FS

// asset is one embedded file under a name that changes with its content, so
// that a tablet may keep it for good.
type asset struct {
	name, contentType string
	body              []byte
}

// pages are the parsed templates and the assets that they refer to.
type pages struct {
	list, detail, message, batch, results, controls, figures, rollouts, candidate *template.Template

	assets map[string]asset
	names  assetNames
}

type assetNames struct{ CSS, JS, Icon string }

func loadPages() (*pages, error) {
	p := &pages{assets: make(map[string]asset)}
	for _, a := range []struct {
		file, contentType string
		name              *string
	}{
		{"console.css", "text/css; charset=utf-8", &p.names.CSS},
		{"console.js", "text/javascript; charset=utf-8", &p.names.JS},
		{"icon.svg", "image/svg+xml", &p.names.Icon},
	} {
		body, err := fs.ReadFile(files, "assets/"+a.file)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(body)
		ext := path.Ext(a.file)
		*a.name = strings.TrimSuffix(a.file, ext) + "-" + hex.EncodeToString(sum[:6]) + ext
		p.assets[*a.name] = asset{name: *a.name, contentType: a.contentType, body: body}
	}
	for _, t := range []struct {
		file string
		to   **template.Template
	}{{"list", &p.list}, {"detail", &p.detail}, {"message", &p.message}, {"batch", &p.batch}, {"results", &p.results}, {"controls", &p.controls}, {"figures", &p.figures}, {"rollouts", &p.rollouts}, {"candidate", &p.candidate}} {
		parsed, err := template.ParseFS(files, "templates/layout.html", "templates/"+t.file+".html")
		if err != nil {
			return nil, err
		}
		*t.to = parsed
	}
	return p, nil
}

// serveAsset answers with an embedded file and reports whether there is one.
func (p *pages) serveAsset(w http.ResponseWriter, r *http.Request, name string) bool {
	a, ok := p.assets[name]
	if !ok {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body)
	}
	return true
}

// frame is what every page needs. Root leads from the page to the list.
type frame struct {
	Root, Title, Heading string
	Nonce, CSRF          string
	Assets               assetNames
	Me                   *person
	SignOut              bool
	Nav                  []navItem
}

// navItem is one of the console's pages.
type navItem struct {
	Href, Label string
	Here        bool
}

// secure sets the headers that hold for every answer.
func secure(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Vary", "Accept, Cookie")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}

// pagePolicy lets a page load the console's own style, script and icon, by
// nonce where there is one, and talk to the console alone.
func pagePolicy(nonce string) string {
	return "default-src 'none'; script-src 'nonce-" + nonce + "'; style-src 'nonce-" + nonce + "'; img-src 'self'; " +
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

func newNonce() string { return rand.Text() }

// write sends a page. It is rendered whole first: half a page could end
// within a form.
func write(w http.ResponseWriter, r *http.Request, status int, t *template.Template, nonce string, data any) error {
	var page bytes.Buffer
	if err := t.ExecuteTemplate(&page, "layout", data); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy(nonce))
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(page.Bytes())
	}
	return nil
}
