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

// faultRequest is a [Fault] in JSON; delays are in milliseconds.
type faultRequest struct {
	Grant         string `json:"grant,omitempty"`
	OAuthError    string `json:"oauth_error,omitempty"`
	OmitExpiry    bool   `json:"omit_expiry,omitempty"`
	Operation     string `json:"operation,omitempty"`
	Field         string `json:"field,omitempty"`
	Skip          int    `json:"skip,omitempty"`
	Times         int    `json:"times,omitempty"`
	DelayMS       int    `json:"delay_ms,omitempty"`
	Cut           bool   `json:"cut,omitempty"`
	Status        int    `json:"status,omitempty"`
	RetryAfter    string `json:"retry_after,omitempty"`
	Throttle      bool   `json:"throttle,omitempty"`
	InternalError bool   `json:"internal_error,omitempty"`
	LoseResponse  bool   `json:"lose_response,omitempty"`

	Code      string     `json:"code,omitempty"`
	Message   string     `json:"message,omitempty"`
	Path      string     `json:"path,omitempty"`
	UserError *UserError `json:"user_error,omitempty"`
}

func (f faultRequest) fault() Fault {
	return Fault{
		Grant: f.Grant, OAuthError: f.OAuthError, OmitExpiry: f.OmitExpiry,
		Operation: f.Operation, Field: f.Field, Skip: f.Skip, Times: f.Times, Delay: time.Duration(f.DelayMS) * time.Millisecond,
		Cut: f.Cut, Status: f.Status, RetryAfter: f.RetryAfter, Throttle: f.Throttle, InternalError: f.InternalError, LoseResponse: f.LoseResponse,
		Code: f.Code, Message: f.Message, Path: f.Path, UserError: f.UserError,
	}
}

// armedRequest is a fault that waits: skip and times are what is left of them.
type armedRequest struct {
	ID string `json:"id"`
	faultRequest
}

func (f armedFault) request() armedRequest {
	if f.Grant != "" {
		f.Operation = "" // where the token endpoint looks for the grant
	}
	return armedRequest{f.id, faultRequest{
		Grant: f.Grant, OAuthError: f.OAuthError, OmitExpiry: f.OmitExpiry,
		Operation: f.Operation, Field: f.Field, Skip: f.skip, Times: f.left, DelayMS: int(f.Delay / time.Millisecond),
		Cut: f.Cut, Status: f.Status, RetryAfter: f.RetryAfter, Throttle: f.Throttle, InternalError: f.InternalError, LoseResponse: f.LoseResponse,
		Code: f.Code, Message: f.Message, Path: f.Path, UserError: f.UserError,
	}}
}

func (s *Shop) postFault(w http.ResponseWriter, r *http.Request) {
	var f faultRequest
	if !readJSON(w, r, &f) {
		return
	}
	if f.DelayMS < 0 || f.DelayMS > 600_000 || f.Status != 0 && (f.Status < 400 || f.Status > 599) {
		writeProblem(w, http.StatusUnprocessableEntity, "delay_ms must be 0 to 600000, status 400 to 599")
		return
	}
	id, _ := s.inject(f.fault())
	writeJSON(w, http.StatusCreated, map[string]string{"id": id})
}

func (s *Shop) getFaults(w http.ResponseWriter, _ *http.Request) {
	out := []armedRequest{}
	for _, f := range slices.Concat(s.admin.faults.armed(), s.oauth.faults.armed()) {
		out = append(out, f.request())
	}
	writeJSON(w, http.StatusOK, out)
}
