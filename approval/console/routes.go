package console

import (
	"net/http"

	"github.com/posai-go/posai/approval"
)

// page answers a request of somebody who is signed in.
type page func(http.ResponseWriter, *http.Request, approval.Principal)

var (
	get     = []string{http.MethodGet}
	post    = []string{http.MethodPost}
	getPost = []string{http.MethodGet, http.MethodPost}
)

// route returns the methods and the page of a path, or no page.
func (c *Console) route(parts []string, method string) ([]string, page) {
	switch len(parts) {
	case 1:
		return c.top(parts[0], method)
	case 2:
		switch parts[0] {
		case "requests":
			return get, func(w http.ResponseWriter, r *http.Request, me approval.Principal) { c.detail(w, r, me, parts[1]) }
		case "controls":
			return post, func(w http.ResponseWriter, r *http.Request, me approval.Principal) { c.control(w, r, me, parts[1]) }
		}
	case 3:
		switch {
		case parts[0] == "requests" && parts[2] == "decision":
			return post, func(w http.ResponseWriter, r *http.Request, me approval.Principal) { c.decide(w, r, me, parts[1]) }
		case parts[0] == "requests" && parts[2] == "resolution":
			return post, func(w http.ResponseWriter, r *http.Request, me approval.Principal) { c.resolve(w, r, me, parts[1]) }
		case parts[0] == "requests" && parts[2] == "undo":
			return post, func(w http.ResponseWriter, r *http.Request, me approval.Principal) { c.undo(w, r, me, parts[1]) }
		case parts[0] == "requests" && parts[2] == "grant":
			return post, func(w http.ResponseWriter, r *http.Request, me approval.Principal) { c.grant(w, r, me, parts[1]) }
		case parts[0] == "rollouts" && len(c.opts.Rollouts) > 0:
			return post, func(w http.ResponseWriter, r *http.Request, me approval.Principal) {
				c.moveRollout(w, r, me, parts[1], parts[2])
			}
		}
	}
	return nil, nil
}

func (c *Console) top(name, method string) ([]string, page) {
	switch name {
	case "":
		return get, c.list
	case "events":
		return get, c.live
	case "sign-out":
		return post, c.signOut
	case "batch":
		if method == http.MethodPost {
			return getPost, c.decideBatch
		}
		return getPost, c.review
	case "controls":
		return get, c.controls
	case "candidate":
		return get, c.candidate
	case "figures":
		return get, c.figures
	case "rollouts":
		if len(c.opts.Rollouts) > 0 {
			return get, c.rollouts
		}
	}
	return nil, nil
}
