package console_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/internal/testqueue"
)

// FuzzForm sends arbitrary bytes as the form of somebody who is signed in.
// Without the token of a page that was shown, nothing is ever decided.
func FuzzForm(f *testing.F) {
	s := newSite(f, nil)
	r := s.Propose(f, "612.50", testqueue.Thanks("1043"))
	maria := s.visit(f, testqueue.Maria)
	f.Add("csrf=&digest=&verdict=approve")
	f.Add("csrf=a.b&verdict=edit&field.text=x;y&%zz")
	f.Add("verdict=reject&reason=%FF")
	f.Fuzz(func(t *testing.T, body string) {
		v := *maria
		v.t = t
		q := v.request(http.MethodPost, "requests/"+r.ID+"/decision", "text/html", strings.NewReader(body))
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := v.client.Do(q)
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		assert.Contains(t, []int{http.StatusBadRequest, http.StatusForbidden, http.StatusRequestEntityTooLarge}, res.StatusCode)
		now, err := s.Get(t.Context(), r.ID)
		require.NoError(t, err)
		assert.Equal(t, approval.Pending, now.State)
	})
}

// FuzzEdit sends arbitrary values in a form that was shown. Whatever comes in,
// what is executed is an action that its own rules allow.
func FuzzEdit(f *testing.F) {
	s := newSite(f, nil)
	maria := s.visit(f, testqueue.Maria)
	f.Add("edit", "text", "Dear Ana", "[]", "")
	f.Add("edit", "gift", "true", `[["Title","x"]]`, "")
	f.Add("edit", "tone", "rude", `{"`, "")
	f.Add("edit", "text", "A discount\r\n", "", "")
	f.Add("reject", "", "", "", "\xff")
	f.Add("approve", "order", "9", `[[`, "ok")
	f.Fuzz(func(t *testing.T, verdict, field, value, shown, reason string) {
		v := *maria
		v.t = t
		r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
		_, form := v.look(r.ID)
		form = with(form, "verdict", verdict, "field."+field, value, "shown", shown, "reason", reason)
		res, body := v.post("requests/"+r.ID+"/decision", form, "text/html")
		want := []int{http.StatusSeeOther, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity}
		require.True(t, slices.Contains(want, res.StatusCode), "%d\n%s", res.StatusCode, body)
		now, err := s.Get(t.Context(), r.ID)
		require.NoError(t, err)
		if res.StatusCode != http.StatusSeeOther {
			assert.Equal(t, approval.Pending, now.State)
			return
		}
		m, ok := approval.ActionOf[testqueue.Message](now)
		require.True(t, ok)
		require.NoError(t, m.Validate())
		assert.Equal(t, "1043", m.Order, "the form does not offer it")
		assert.Contains(t, []string{"warm", "brief"}, m.Tone)
		if verdict != "edit" {
			assert.Equal(t, testqueue.Thanks("1043"), m)
		}
	})
}
