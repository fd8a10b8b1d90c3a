package shopifytest

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// controlPath is where the control surface is; package comment of cmd/shopifytest describes it.
const controlPath = "/_sim/"

const maxControl = 1 << 20 // bytes of a request's body

// control is the control surface, for tests that drive the shop from another process.
func (s *Shop) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+controlPath+"sales", s.postSale)
	mux.HandleFunc("POST "+controlPath+"returns", s.postTakeBack)
	mux.HandleFunc("POST "+controlPath+"return_requests", s.postReturnRequest)
	mux.HandleFunc("GET "+controlPath+"orders", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.Orders()) })
	mux.HandleFunc("GET "+controlPath+"orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		o, ok := s.Order(r.PathValue("id"))
		if !ok {
			writeProblem(w, http.StatusNotFound, "no such order")
			return
		}
		writeJSON(w, http.StatusOK, o)
	})
	mux.HandleFunc("GET "+controlPath+"draft_orders", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.DraftOrders()) })
	s.controlCustomers(mux)
	mux.HandleFunc("GET "+controlPath+"products", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.Products()) })
	mux.HandleFunc("GET "+controlPath+"locations", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.Locations()) })
	mux.HandleFunc("GET "+controlPath+"subscriptions", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.Subscriptions()) })
	mux.HandleFunc("GET "+controlPath+"deliveries", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.Deliveries()) })
	mux.HandleFunc("POST "+controlPath+"deliveries/{webhook_id}/redeliver", s.postRedeliver)
	mux.HandleFunc("GET "+controlPath+"journal", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.Journal()) })
	mux.HandleFunc("DELETE "+controlPath+"journal", func(w http.ResponseWriter, _ *http.Request) {
		s.ResetJournal()
		w.WriteHeader(http.StatusNoContent)
	})
	s.controlFaults(mux)
	mux.HandleFunc("GET "+controlPath+"clock", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]time.Time{"now": s.Now()})
	})
	mux.HandleFunc("POST "+controlPath+"clock", s.postClock)
	s.controlOAuth(mux)
	s.controlBulkFaults(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A page in a browser must not reach this: neither by a form nor through a name of its own.
		if r.Header.Get("Origin") != "" || !loopbackHost(r.Host) {
			writeProblem(w, http.StatusForbidden, "the control surface is for programs on this machine")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (s *Shop) postTakeBack(w http.ResponseWriter, r *http.Request) {
	var t TakeBack
	if !readJSON(w, r, &t) {
		return
	}
	o, err := s.TakeBack(t)
	if err != nil {
		writeProblem(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	writeJSON(w, http.StatusCreated, o)
}

func (s *Shop) postReturnRequest(w http.ResponseWriter, r *http.Request) {
	var request ReturnRequest
	if !readJSON(w, r, &request) {
		return
	}
	ret, err := s.RequestReturn(request)
	if err != nil {
		writeProblem(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	writeJSON(w, http.StatusCreated, ret)
}

func (s *Shop) postSale(w http.ResponseWriter, r *http.Request) {
	var sale Sale
	if !readJSON(w, r, &sale) {
		return
	}
	o, err := s.RingUp(sale)
	if err != nil {
		writeProblem(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	writeJSON(w, http.StatusCreated, o)
}

func (s *Shop) postRedeliver(w http.ResponseWriter, r *http.Request) {
	if err := s.Redeliver(r.PathValue("webhook_id")); err != nil {
		writeProblem(w, http.StatusNotFound, "no such webhook")
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

func (s *Shop) postClock(w http.ResponseWriter, r *http.Request) {
	var move struct {
		AdvanceMS int64 `json:"advance_ms"`
	}
	if !readJSON(w, r, &move) {
		return
	}
	if move.AdvanceMS < 0 || move.AdvanceMS > int64(10*365*24*time.Hour/time.Millisecond) {
		writeProblem(w, http.StatusUnprocessableEntity, "advance_ms must be 0 to ten years")
		return
	}
	s.Advance(time.Duration(move.AdvanceMS) * time.Millisecond)
	writeJSON(w, http.StatusOK, map[string]time.Time{"now": s.Now()})
}

// readJSON reads the body into v, or answers what is wrong with it and returns false.
func readJSON(w http.ResponseWriter, r *http.Request, v any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxControl))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		writeProblem(w, http.StatusRequestEntityTooLarge, "the body is larger than 1 MiB")
		return false
	}
	if err != nil {
		writeProblem(w, http.StatusBadRequest, "the body is not the JSON that is expected here: "+decodeError(err).Error())
		return false
	}
	return true
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone if that fails
}

func writeProblem(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]string{"error": message})
}
