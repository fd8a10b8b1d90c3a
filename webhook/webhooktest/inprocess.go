package webhooktest

import (
	"net/http"
	"net/http/httptest"
)

// InProcess returns a transport that calls handler instead of a server: without
// sockets, so that it works within [testing/synctest]. A panic of the handler
// is passed on.
func InProcess(handler http.Handler) http.RoundTripper { return inProcess{handler} }

type inProcess struct{ handler http.Handler }

func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	t.handler.ServeHTTP(w, in)
	_ = in.Body.Close()
	resp := w.Result()
	resp.Request = r
	return resp, nil
}
