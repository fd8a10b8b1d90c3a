package shopifytest

import "net/http"

// controlOAuth adds what concerns tokens to the control surface.
func (s *Shop) controlOAuth(mux *http.ServeMux) {
	mux.HandleFunc("POST "+controlPath+"session_tokens", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Account int64 `json:"account"`
		}
		if !readJSON(w, r, &in) {
			return
		}
		writeJSON(w, http.StatusCreated, map[string]string{"session_token": s.SessionToken(in.Account)})
	})
	mux.HandleFunc("POST "+controlPath+"launches", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			URL     string `json:"url"`
			Account int64  `json:"account"`
		}
		if !readJSON(w, r, &in) {
			return
		}
		url, err := s.LaunchURL(in.URL, in.Account)
		if err != nil {
			writeProblem(w, http.StatusUnprocessableEntity, "url is not a URL")
			return
		}
		writeJSON(w, http.StatusCreated, map[string]string{"url": url})
	})
	mux.HandleFunc("POST "+controlPath+"expire_tokens", func(w http.ResponseWriter, _ *http.Request) {
		s.ExpireTokens()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST "+controlPath+"uninstall", func(w http.ResponseWriter, _ *http.Request) {
		s.Uninstall()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET "+controlPath+"token_requests", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.TokenRequests()) })
}
