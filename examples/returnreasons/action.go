package main

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/posai-go/posai/approval"
)

// kindRecord is the stable name of the action. It is in the database and in the
// audit log: change the shape of [Record] only in ways that old ones can still be
// read, or take a new name.
const kindRecord = "returnreasons.record"

// Record is the action that is proposed for goods that came back, decided by
// policy or by a manager, and then written to the order once.
type Record struct {
	GoodsID   string `json:"goods_id"` // GID of the return, or of a refund without one
	Name      string `json:"name"`
	OrderID   string `json:"order_id"`
	OrderName string `json:"order_name"`
	// Digest names what was judged: where the shop says something else by the
	// time of the effect, nothing is written.
	Digest string `json:"digest"`
	// By is who judged: "keywords-1", "openai gpt-5", or a manager's edit.
	By    string         `json:"by"`
	Items []RecordedItem `json:"items"`
}

// RecordedItem is why one item came back, as it is written.
type RecordedItem struct {
	LineItemID string  `json:"line_item,omitempty"` // GID
	ProductID  string  `json:"product,omitempty"`   // GID
	Title      string  `json:"title"`
	Quantity   int     `json:"quantity"`
	Reason     Reason  `json:"reason"`
	Second     Reason  `json:"second,omitempty"`
	Definition string  `json:"definition,omitempty"` // handle
	Confidence float64 `json:"confidence"`           // two decimals
	Quote      string  `json:"quote,omitempty"`      // without personal data
}

// byManager marks what a person changed.
const byManager = "manager"

// newRecord turns a checked judgment into an action.
func newRecord(g *Goods, v verdict) Record {
	r := Record{GoodsID: g.ID, Name: g.Name, OrderID: g.OrderID, OrderName: g.OrderName, Digest: g.digest(), By: v.by()}
	for _, i := range g.Items {
		for _, j := range v.Items {
			if j.Item != i.Key {
				continue
			}
			r.Items = append(r.Items, RecordedItem{
				LineItemID: i.LineItemID, ProductID: i.ProductID, Title: i.ProductTitle, Quantity: i.Quantity,
				Reason: j.Reason, Second: j.Second, Definition: j.Definition, Confidence: float64(int(j.Confidence*100+0.5)) / 100,
				Quote: quotable(j.Quote, g.person),
			})
		}
	}
	return r
}

func (v verdict) by() string {
	if v.Model.Baseline {
		return v.Model.Name
	}
	return v.Model.Provider + " " + v.Model.Name
}

// Kind returns the stable name of the action.
func (Record) Kind() string { return kindRecord }

// Validate checks the action by itself. It holds for a manager's edit what was
// checked of the model's words.
func (r Record) Validate() error {
	var errs []error
	if !strings.HasPrefix(r.OrderID, "gid://shopify/Order/") {
		errs = append(errs, errors.New("order_id is not an order"))
	}
	if metafieldKey(r.GoodsID) == "" {
		errs = append(errs, errors.New("goods_id is neither a return nor a refund"))
	}
	if len(r.Items) == 0 {
		errs = append(errs, errors.New("nothing came back"))
	}
	for n, i := range r.Items {
		if !i.Reason.valid() || i.Second != "" && !i.Second.valid() {
			errs = append(errs, fmt.Errorf("items[%d].reason is none of the reasons", n))
		}
		if !(i.Confidence >= 0 && i.Confidence <= 1) {
			errs = append(errs, fmt.Errorf("items[%d].confidence is not from 0 to 1", n))
		}
		if len([]rune(i.Quote)) > maxQuote || strings.ContainsFunc(i.Quote, unicode.IsControl) {
			errs = append(errs, fmt.Errorf("items[%d].quote is too long or no plain text", n))
		}
	}
	return errors.Join(errs...)
}

// Preview is what a manager sees.
func (r Record) Preview() approval.Preview {
	p := approval.Preview{
		Title:   "Why " + r.Name + " came back",
		Summary: "Writes the reason of each item to order " + r.OrderName + ", for the weekly summary.",
	}
	for _, i := range r.Items {
		value := i.Reason.String()
		if i.Second != "" {
			value += ", and also: " + i.Second.String()
		}
		if i.Quote != "" {
			value += "\n“" + i.Quote + "”"
		}
		value += fmt.Sprintf("\nConfidence %.0f %%", 100*i.Confidence)
		p.Fields = append(p.Fields, approval.PreviewField{Label: fmt.Sprintf("%d × %s", i.Quantity, i.Title), Value: value})
	}
	return p
}

// fieldReason is the name of the fields that a manager may change: reason1,
// reason2, one for each item.
const fieldReason = "reason"

// EditForm offers the reason of each item.
func (r Record) EditForm() []approval.FormField {
	var options []approval.Option
	for _, reason := range reasons {
		options = append(options, approval.Option{Value: string(reason), Label: reason.String()})
	}
	var form []approval.FormField
	for n, i := range r.Items {
		form = append(form, approval.FormField{
			Name: fmt.Sprint(fieldReason, n+1), Label: i.Title, Type: approval.FieldSelect, Value: string(i.Reason), Options: options, Required: true,
		})
	}
	return form
}

// ApplyEdit returns the action as the manager changed it. What was said for
// another reason goes.
func (r Record) ApplyEdit(values map[string]string) (approval.Action, error) {
	items := append([]RecordedItem(nil), r.Items...)
	for n := range items {
		reason := Reason(values[fmt.Sprint(fieldReason, n+1)])
		if reason == items[n].Reason {
			continue
		}
		items[n].Reason, items[n].Second, items[n].Definition, items[n].Quote, items[n].Confidence = reason, "", "", "", 1
		r.By = byManager
	}
	r.Items = items
	return r, nil
}
