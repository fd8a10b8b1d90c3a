package shopifytest

import (
	"errors"
	"net/http"
)

// controlCustomers is the part of the control surface about customers.
func (s *Shop) controlCustomers(mux *http.ServeMux) {
	mux.HandleFunc("GET "+controlPath+"customers", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.Customers()) })
	mux.HandleFunc("POST "+controlPath+"customers", func(w http.ResponseWriter, r *http.Request) {
		var d CustomerData
		if !readJSON(w, r, &d) {
			return
		}
		v, err := s.AddCustomer(d)
		writeCustomer(w, http.StatusCreated, v, err)
	})
	mux.HandleFunc("POST "+controlPath+"customers/{id}/consent", func(w http.ResponseWriter, r *http.Request) {
		var c Consent
		if !readJSON(w, r, &c) {
			return
		}
		v, err := s.SetConsent(r.PathValue("id"), c)
		writeCustomer(w, http.StatusOK, v, err)
	})
	for route, do := range map[string]func(string) error{
		"DELETE " + controlPath + "customers/{id}":             s.DeleteCustomer,
		"POST " + controlPath + "customers/{id}/erase":         s.EraseCustomer,
		"POST " + controlPath + "customers/{id}/data_requests": s.RequestCustomerData,
	} {
		mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) {
			writeCustomer(w, http.StatusNoContent, Customer{}, do(r.PathValue("id")))
		})
	}
}

// writeCustomer answers with v, with nothing, or with what went wrong.
func writeCustomer(w http.ResponseWriter, status int, v Customer, err error) {
	switch {
	case errors.Is(err, ErrNotFound):
		writeProblem(w, http.StatusNotFound, "no such customer")
	case errors.Is(err, ErrCustomerHasOrders):
		writeProblem(w, http.StatusConflict, err.Error())
	case err != nil:
		writeProblem(w, http.StatusUnprocessableEntity, err.Error())
	case status == http.StatusNoContent:
		w.WriteHeader(status)
	default:
		writeJSON(w, status, v)
	}
}
