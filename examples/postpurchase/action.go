package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/posai-go/posai/approval"
)

// kindFollowUp is the stable name of the action. It is in the database and in
// the audit log: change the shape of [FollowUp] only in ways that old ones can
// still be read, or take a new name.
const kindFollowUp = "postpurchase.followup"

// FollowUp is the action that is proposed for a sale, decided by policy or by
// a manager, and then executed once.
type FollowUp struct {
	OrderID   string `json:"order_id"`
	OrderName string `json:"order_name"`
	// CustomerID is whom a draft order is for, or "" for a walk-in.
	CustomerID string `json:"customer_id,omitempty"`

	Occasion        Occasion         `json:"occasion"`
	Message         string           `json:"message"`
	Recommendations []Recommendation `json:"recommendations"`
	// Advertise says that the recommendations are shown to the customer. If
	// false they are kept for associates.
	Advertise bool `json:"advertise"`
	// Bundle asks for a draft order with the recommended products.
	Bundle bool `json:"bundle"`

	// What a text may name, so that an edit can be checked as the model's
	// words were.
	Shop      string   `json:"shop,omitempty"`
	Store     string   `json:"store,omitempty"`
	FirstName string   `json:"first_name,omitempty"`
	Bought    []string `json:"bought,omitempty"`
}

// Recommendation is one product of a follow-up.
type Recommendation struct {
	ProductID string `json:"product_id"`
	VariantID string `json:"variant_id"`
	Title     string `json:"title"`
	Reason    string `json:"reason"`
}

// newFollowUp turns a checked judgment into an action.
func newFollowUp(s *Sale, candidates []Candidate, j Judgment, bundle bool) FollowUp {
	f := FollowUp{
		OrderID: s.OrderID, OrderName: s.OrderName,
		Occasion: j.Occasion, Message: j.Message, Recommendations: []Recommendation{},
		Advertise: s.mayAdvertise(),
		Shop:      s.ShopName, Store: s.LocationName, FirstName: s.firstName(),
	}
	if s.Customer != nil {
		f.CustomerID = s.Customer.ID
	}
	for _, l := range s.Lines {
		f.Bought = append(f.Bought, l.Title)
	}
	for _, p := range j.Recommendations {
		for _, c := range candidates {
			if c.ProductID == p.ProductID {
				f.Recommendations = append(f.Recommendations, Recommendation{ProductID: c.ProductID, VariantID: c.VariantID, Title: c.Title, Reason: p.Reason})
			}
		}
	}
	f.Bundle = bundle && len(f.Recommendations) > 0
	return f
}

// Kind returns the stable name of the action.
func (FollowUp) Kind() string { return kindFollowUp }

// Validate checks the action by itself. It holds for a manager's edit what was
// checked of the model's words.
func (f FollowUp) Validate() error {
	var errs []error
	if !strings.HasPrefix(f.OrderID, "gid://shopify/Order/") {
		errs = append(errs, errors.New("order_id is not an order"))
	}
	if f.Bundle && len(f.Recommendations) == 0 {
		errs = append(errs, errors.New("a draft order needs a recommended product"))
	}
	j := Judgment{Occasion: f.Occasion, Message: f.Message}
	s := &Sale{ShopName: f.Shop, LocationName: f.Store, Customer: &Customer{FirstName: f.FirstName, Consent: f.Advertise}}
	for _, title := range f.Bought {
		s.Lines = append(s.Lines, Line{Title: title})
	}
	var candidates []Candidate
	for _, r := range f.Recommendations {
		if r.ProductID == "" || r.VariantID == "" {
			errs = append(errs, errors.New("a recommendation without product"))
		}
		candidates = append(candidates, Candidate{ProductID: r.ProductID, VariantID: r.VariantID, Title: r.Title})
		j.Recommendations = append(j.Recommendations, Pick{ProductID: r.ProductID, Reason: r.Reason})
	}
	return errors.Join(append(errs, j.check(s, candidates))...)
}

// Preview is what a manager sees.
func (f FollowUp) Preview() approval.Preview {
	p := approval.Preview{
		Title:   "Follow up on order " + f.OrderName,
		Summary: "Writes a thank-you message and what might go with the purchase to the order.",
		Fields: []approval.PreviewField{
			{Label: "Message", Value: f.Message},
			{Label: "Occasion", Value: occasionText[f.Occasion]},
		},
	}
	for i, r := range f.Recommendations {
		p.Fields = append(p.Fields, approval.PreviewField{Label: fmt.Sprintf("Recommendation %d", i+1), Value: r.Title + "\n" + r.Reason})
	}
	shown := "Associates only: the customer did not agree to marketing."
	switch {
	case len(f.Recommendations) == 0:
		shown = "Nobody: there is nothing in stock that fits."
	case f.Advertise:
		shown = "The customer, who agreed to marketing."
	}
	p.Fields = append(p.Fields, approval.PreviewField{Label: "Who sees the recommendations", Value: shown})
	if f.Bundle {
		p.Fields = append(p.Fields, approval.PreviewField{Label: "Draft order", Value: "One, with the recommended products, for the associate to follow up."})
	}
	return p
}

var occasionText = map[Occasion]string{
	OccasionGift:          "A gift",
	OccasionReplenishment: "Something bought again",
	OccasionDiscovery:     "Something new for this customer",
	OccasionUnknown:       "Not known",
}

// The names of the fields that a manager may change.
const (
	fieldMessage = "message"
	fieldBundle  = "bundle"
	fieldKeep    = "keep" // keep1, keep2: one for each recommendation
)

// EditForm offers the message, each recommendation and the draft order.
func (f FollowUp) EditForm() []approval.FormField {
	form := []approval.FormField{{Name: fieldMessage, Label: "Message", Type: approval.FieldTextArea, Value: f.Message, MaxLength: maxMessage, Required: true}}
	for i, r := range f.Recommendations {
		form = append(form, approval.FormField{Name: fmt.Sprint(fieldKeep, i+1), Label: "Recommend " + r.Title, Type: approval.FieldCheckbox, Value: checked(true)})
	}
	return append(form, approval.FormField{Name: fieldBundle, Label: "Create a draft order with the recommended products", Type: approval.FieldCheckbox, Value: checked(f.Bundle)})
}

// ApplyEdit returns the action as the manager changed it.
func (f FollowUp) ApplyEdit(values map[string]string) (approval.Action, error) {
	f.Message = strings.TrimSpace(strings.ReplaceAll(values[fieldMessage], "\r\n", "\n"))
	kept := []Recommendation{}
	for i, r := range f.Recommendations {
		if isChecked(values[fmt.Sprint(fieldKeep, i+1)]) {
			kept = append(kept, r)
		}
	}
	f.Recommendations = kept
	f.Bundle = isChecked(values[fieldBundle]) && len(kept) > 0
	return f, nil
}

func checked(on bool) string {
	if on {
		return "true"
	}
	return ""
}

func isChecked(value string) bool { return value == "true" || value == "on" }
