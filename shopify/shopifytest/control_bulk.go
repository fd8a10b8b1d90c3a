package shopifytest

import (
	"net/http"
	"slices"
)

// controlBulkFaults adds the faults of [Shop.InjectBulk] to the control surface.
func (s *Shop) controlBulkFaults(mux *http.ServeMux) {
	mux.HandleFunc("POST "+controlPath+"bulk_faults", s.postBulkFault)
	mux.HandleFunc("GET "+controlPath+"bulk_faults", s.getBulkFaults)
	mux.HandleFunc("DELETE "+controlPath+"bulk_faults", func(w http.ResponseWriter, _ *http.Request) {
		s.bulk.disarm("")
		w.WriteHeader(http.StatusNoContent)
	})
	for pattern, do := range map[string]func(id string) bool{
		"DELETE " + controlPath + "bulk_faults/{id}":       s.bulk.disarm,
		"POST " + controlPath + "bulk_faults/{id}/release": s.bulk.release,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if !do(r.PathValue("id")) {
				writeProblem(w, http.StatusNotFound, "no such fault is armed or holds an operation")
				return
			}
			w.WriteHeader(http.StatusNoContent)
		})
	}
}

// bulkFaultRequest is a [BulkFault] in JSON.
type bulkFaultRequest struct {
	ID string `json:"id,omitempty"`
	BulkFault
	// Hold keeps operations RUNNING until the fault is released.
	Hold bool `json:"hold"`
}

func (s *Shop) postBulkFault(w http.ResponseWriter, r *http.Request) {
	var f bulkFaultRequest
	if !readJSON(w, r, &f) {
		return
	}
	known := []string{"", "ACCESS_DENIED", "INTERNAL_SERVER_ERROR", "TIMEOUT"}
	if f.ID != "" || !slices.Contains(known, f.Fail) || f.CutAfter < 0 || f.StopAfter < 0 || f.Status != 0 && (f.Status < 400 || f.Status > 599) {
		writeProblem(w, http.StatusUnprocessableEntity, "id cannot be chosen, fail must be an error code, cut_after and stop_after must not be negative, status must be 400 to 599")
		return
	}
	writeJSON(w, http.StatusCreated, map[string]string{"id": s.bulk.injectHeld(f.BulkFault, f.Hold)})
}

// getBulkFaults lists the faults that wait for operations; times is what is left.
func (s *Shop) getBulkFaults(w http.ResponseWriter, _ *http.Request) {
	s.bulk.mu.Lock()
	out := []bulkFaultRequest{}
	for _, f := range s.bulk.faults {
		r := bulkFaultRequest{ID: f.id, BulkFault: f.BulkFault, Hold: f.Hold != nil}
		r.Times = f.left
		out = append(out, r)
	}
	s.bulk.mu.Unlock()
	writeJSON(w, http.StatusOK, out)
}

// injectHeld arms a fault; one that holds can be released by its id.
func (w *bulkWork) injectHeld(f BulkFault, hold bool) (id string) {
	if !hold {
		id, _ = w.inject(f)
		return id
	}
	gate := make(chan struct{})
	f.Hold = gate
	id, _ = w.inject(f)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.holds[id] = gate
	return id
}

// release lets the operations go that the fault holds, or will hold.
func (w *bulkWork) release(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open(id)
}

// open is release with mu held.
func (w *bulkWork) open(id string) bool {
	gate, ok := w.holds[id]
	if ok {
		close(gate)
		delete(w.holds, id)
	}
	return ok
}

// disarm takes the fault away, if id is empty all, and releases what it holds.
func (w *bulkWork) disarm(id string) (found bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = slices.DeleteFunc(w.faults, func(f *armedBulkFault) bool {
		hit := id == "" || f.id == id
		found = found || hit
		return hit
	})
	for held := range w.holds {
		if id == "" || held == id {
			found = w.open(held) || found
		}
	}
	return found
}
