package salesforce

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
)

// field is what a describe says of one.
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_describesobjects_describesobjectresult.htm
type field struct {
	Name             string   `json:"name"`
	Type             string   `json:"type"`
	Length           int      `json:"length"`
	ExternalID       bool     `json:"externalId"`
	Unique           bool     `json:"unique"`
	CaseSensitive    bool     `json:"caseSensitive"`
	Createable       bool     `json:"createable"`
	Updateable       bool     `json:"updateable"`
	Filterable       bool     `json:"filterable"`
	ReferenceTo      []string `json:"referenceTo"`
	RelationshipName string   `json:"relationshipName"`
}

// object is what a describe says of an object.
type object struct {
	Name       string  `json:"name"`
	Createable bool    `json:"createable"`
	Updateable bool    `json:"updateable"`
	Deletable  bool    `json:"deletable"`
	Queryable  bool    `json:"queryable"`
	Fields     []field `json:"fields"`
	fields     map[string]field
}

// schema is what the sink needs to know of an org.
type schema struct{ contact, purchase *object }

// kinds are the types of fields that hold a kind of value.
var kinds = map[kind][]string{
	words:  {"string", "textarea", "email", "phone", "picklist", "combobox", "url", "id", "reference", "encryptedstring"},
	number: {"double", "currency", "int", "percent", "long"},
	flag:   {"boolean"},
	moment: {"datetime"},
}

// Check signs in and compares the org with what the sink needs: objects, fields, and the
// user's permissions for them. A *SetupError names all that is missing.
func (s *Sink) Check(ctx context.Context) error {
	s.forgetSchema()
	_, err := s.described(ctx)
	return err
}

func (s *Sink) forgetSchema() {
	s.schemaLock.Lock()
	defer s.schemaLock.Unlock()
	s.schema = nil
}

// schemaAge is how long a schema is believed.
const schemaAge = time.Hour

// described returns the schema, asking for it now and then.
func (s *Sink) described(ctx context.Context) (*schema, error) {
	s.schemaLock.Lock()
	known, at := s.schema, s.schemaAt
	s.schemaLock.Unlock()
	if known != nil && time.Since(at) < schemaAge {
		return known, nil
	}
	var problems []string
	contact, err := s.describe(ctx, s.opts.Contact.Object, &problems)
	if err != nil {
		return nil, err
	}
	purchase, err := s.describe(ctx, s.opts.Purchase.Object, &problems)
	if err != nil {
		return nil, err
	}
	if contact != nil {
		problems = append(problems, s.checkContact(contact)...)
	}
	if purchase != nil {
		problems = append(problems, s.checkPurchase(purchase)...)
	}
	if len(problems) > 0 {
		return nil, &SetupError{Problems: problems}
	}
	found := &schema{contact: contact, purchase: purchase}
	s.schemaLock.Lock()
	defer s.schemaLock.Unlock()
	s.schema, s.schemaAt = found, time.Now()
	return found, nil
}

// describe asks for an object. One that is not there is a problem and nil.
func (s *Sink) describe(ctx context.Context, name string, problems *[]string) (*object, error) {
	var o object
	err := s.call(ctx, request{method: http.MethodGet, path: s.path("/sobjects/" + name + "/describe"), urgent: true}, &o)
	if e, ok := errors.AsType[*APIError](err); ok && e.Status == http.StatusNotFound {
		*problems = append(*problems, name+": no such object, or the user may not see it")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if o.Name == "" {
		return nil, fmt.Errorf("salesforce: %w: not the description of an object", crm.ErrUnavailable)
	}
	o.fields = make(map[string]field, len(o.Fields))
	for _, f := range o.Fields {
		o.fields[f.Name] = f
	}
	for what, may := range map[string]bool{"read": o.Queryable, "create": o.Createable, "edit": o.Updateable, "delete": o.Deletable} {
		if !may {
			*problems = append(*problems, name+": the user may not "+what+" records")
		}
	}
	slices.Sort(*problems)
	return &o, nil
}

func (s *Sink) checkContact(o *object) []string {
	f := s.opts.Contact
	problems := o.checkKey(f.Key)
	for _, v := range f.values(crm.Record{}, "") {
		problems = append(problems, o.checkField(v.field, v.kind)...)
	}
	for name := range s.opts.Fixed {
		problems = append(problems, o.checkField(name, words)...)
	}
	for _, name := range slices.Concat(s.opts.MatchEmail, s.opts.MatchPhone) {
		if !o.fields[name].Filterable {
			problems = append(problems, o.Name+"."+name+": cannot be searched by")
		}
	}
	slices.Sort(problems)
	return slices.Compact(problems)
}

func (s *Sink) checkPurchase(o *object) []string {
	f := s.opts.Purchase
	problems := o.checkKey(f.Key)
	for _, v := range f.values(crm.Purchase{}) {
		problems = append(problems, o.checkField(v.field, v.kind)...)
	}
	problems = append(problems, o.checkField(f.Contact, words)...)
	switch lookup, there := o.fields[f.Contact]; {
	case !there: // said already
	case !slices.Contains(lookup.ReferenceTo, s.opts.Contact.Object):
		problems = append(problems, o.Name+"."+f.Contact+": is not a lookup to "+s.opts.Contact.Object)
	case lookup.RelationshipName != f.Relation:
		problems = append(problems, o.Name+"."+f.Contact+": its relationship name is not "+f.Relation)
	}
	return slices.Compact(problems)
}

func (o *object) checkKey(name string) []string {
	f, there := o.fields[name]
	if !there {
		return nil // checkField says so
	}
	var lacks []string
	if !f.ExternalID {
		lacks = append(lacks, "an external id")
	}
	if !f.Unique {
		lacks = append(lacks, "unique")
	}
	if !f.CaseSensitive {
		lacks = append(lacks, "case sensitive")
	}
	if f.Length < crm.MaxKey {
		lacks = append(lacks, fmt.Sprintf("%d characters long", crm.MaxKey))
	}
	if len(lacks) == 0 {
		return nil
	}
	return []string{o.Name + "." + name + ": is not " + strings.Join(lacks, ", not ")}
}

func (o *object) checkField(name string, k kind) []string {
	f, there := o.fields[name]
	switch {
	case !there:
		return []string{o.Name + "." + name + ": no such field, or the user may not see it"}
	case !slices.Contains(kinds[k], f.Type):
		return []string{o.Name + "." + name + ": is of type " + clean(f.Type) + ", not " + kinds[k][0]}
	case !f.Createable, !f.Updateable:
		return []string{o.Name + "." + name + ": the user may not edit it"}
	}
	return nil
}
