package shopifytest

import (
	"net/http"
	"slices"
	"time"
)

// controlFaults adds the faults of [Shop.Inject] to the control surface.
func (s *Shop) controlFaults(mux *http.ServeMux) {
	mux.HandleFunc("POST "+controlPath+"faults", s.postFault)
	mux.HandleFunc("GET "+controlPath+"faults", s.getFaults)
	mux.HandleFunc("DELETE "+controlPath+"faults", func(w http.ResponseWriter, _ *http.Request) {
		s.disarm(func(*armedFault) bool { return true })
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("DELETE "+controlPath+"faults/{id}", func(w http.ResponseWriter, r *http.Request) {
		if s.disarm(func(f *armedFault) bool { return f.id == r.PathValue("id") }) == 0 {
			writeProblem(w, http.StatusNotFound, "no such fault is armed")
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

func (s *Shop) disarm(which func(*armedFault) bool) int {
	return s.admin.faults.remove(which) + s.oauth.faults.remove(which)
}

// faultRequest is a [Fault] in JSON. Of one that waits, skip and times are what is left of them.
type faultRequest struct {
	ID string `json:"id,omitempty"`
	Fault
	DelayMS int `json:"delay_ms,omitempty"`
}

func (f armedFault) request() faultRequest {
	r := faultRequest{f.id, f.Fault, int(f.Delay / time.Millisecond)}
	r.Skip, r.Times = f.skip, f.left
	if f.Grant != "" {
		r.Operation = "" // where the token endpoint looks for the grant
	}
	return r
}

func (s *Shop) postFault(w http.ResponseWriter, r *http.Request) {
	var f faultRequest
	if !readJSON(w, r, &f) {
		return
	}
	if f.ID != "" || f.DelayMS < 0 || f.DelayMS > 600_000 || f.Status != 0 && (f.Status < 400 || f.Status > 599) {
		writeProblem(w, http.StatusUnprocessableEntity, "id cannot be chosen, delay_ms must be 0 to 600000, status 400 to 599")
		return
	}
	f.Delay = time.Duration(f.DelayMS) * time.Millisecond
	id, _ := s.inject(f.Fault)
	writeJSON(w, http.StatusCreated, map[string]string{"id": id})
}

func (s *Shop) getFaults(w http.ResponseWriter, _ *http.Request) {
	out := []faultRequest{}
	for _, f := range slices.Concat(s.admin.faults.armed(), s.oauth.faults.armed()) {
		out = append(out, f.request())
	}
	writeJSON(w, http.StatusOK, out)
}
