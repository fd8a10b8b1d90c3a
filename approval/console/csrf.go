package console

import (
	"crypto/rand"
	"errors"
	"net/http"
	"time"
)

// errStaleForm says that a form was not made by this console for this browser
// and this person, or too long ago.
var errStaleForm = errors.New("console: form is not valid any more")

// formLifetime is how long a form that was shown can be sent.
const formLifetime = 24 * time.Hour

const browserCookie = "posai_console"

// formToken is what a form carries: it proves that this console made it for
// one browser and one person, and when.
type formToken struct {
	Browser   string `json:"b"`
	Principal string `json:"p"`
	Shown     int64  `json:"t"` // Unix milliseconds
}

// browser returns the random name of the browser behind r, and gives it one
// with the answer if it has none.
func (c *Console) browser(w http.ResponseWriter, r *http.Request) string {
	if id := readCookie(r, browserCookie); len(id) >= 20 && len(id) <= 64 {
		return id
	}
	id := rand.Text()
	setCookie(w, r, browserCookie, id, 0)
	return id
}

// newForm returns the token for the forms of one page.
func (c *Console) newForm(w http.ResponseWriter, r *http.Request, principalID string) (string, error) {
	return c.forms.seal(formToken{Browser: c.browser(w, r), Principal: principalID, Shown: time.Now().UnixMilli()})
}

// checkForm says when the form of a POST was shown.
func (c *Console) checkForm(r *http.Request, principalID string) (shown time.Time, err error) {
	var t formToken
	if err := c.forms.open(r.PostForm.Get("csrf"), &t); err != nil {
		return time.Time{}, errStaleForm
	}
	shown = time.UnixMilli(t.Shown)
	if t.Browser == "" || t.Browser != readCookie(r, browserCookie) || t.Principal != principalID || time.Since(shown) > formLifetime {
		return time.Time{}, errStaleForm
	}
	return shown, nil
}
