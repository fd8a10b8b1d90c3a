package salesforcetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// Object is the definition of one.
type Object struct {
	Name   string
	Prefix string // of its ids, "003"
	Fields []Field
}

// Field is the definition of one.
type Field struct {
	Name       string
	Type       string // string, textarea, email, phone, boolean, double, datetime, reference, id
	Length     int    // of texts
	Required   bool   // at creation
	ExternalID bool
	Unique     bool
	Sensitive  bool // to case
	ReadOnly   bool
	Hidden     bool // from the user

	// Of a reference: the object that it is to, and the name of the relationship.
	To, Relation string
}

// Objects are Contact, with fields for a client book beside some of its own, and
// Posai_Purchase__c.
func Objects() []Object {
	key := Field{Name: "Posai_Key__c", Type: "string", Length: 255, ExternalID: true, Unique: true, Sensitive: true}
	return []Object{
		{Name: "Account", Prefix: "001", Fields: []Field{
			{Name: "Name", Type: "string", Length: 255, Required: true},
		}},
		{Name: "Contact", Prefix: "003", Fields: []Field{
			key,
			{Name: "AccountId", Type: "reference", To: "Account", Relation: "Account"},
			{Name: "FirstName", Type: "string", Length: 40},
			{Name: "LastName", Type: "string", Length: 80, Required: true},
			{Name: "Name", Type: "string", Length: 121, ReadOnly: true},
			{Name: "Email", Type: "email", Length: 80},
			{Name: "Phone", Type: "phone", Length: 40},
			{Name: "MobilePhone", Type: "phone", Length: 40},
			{Name: "Title", Type: "string", Length: 128},
			{Name: "MailingCity", Type: "string", Length: 40},
			{Name: "MailingCountry", Type: "string", Length: 80},
			{Name: "HasOptedOutOfEmail", Type: "boolean"},
			{Name: "Posai_Locale__c", Type: "string", Length: 35},
			{Name: "Posai_No_SMS__c", Type: "boolean"},
			{Name: "Posai_Segment__c", Type: "string", Length: 40},
			{Name: "Posai_Lifetime_Value__c", Type: "double"},
			{Name: "Posai_Currency__c", Type: "string", Length: 3},
			{Name: "Posai_Orders__c", Type: "double"},
			{Name: "Posai_Last_Visit__c", Type: "datetime"},
			{Name: "Posai_Preferences__c", Type: "textarea", Length: 32768},
			{Name: "Posai_Service_Notes__c", Type: "textarea", Length: 32768},
		}},
		{Name: "Posai_Purchase__c", Prefix: "a0P", Fields: []Field{
			key,
			{Name: "Name", Type: "string", Length: 80},
			{Name: "Contact__c", Type: "reference", To: "Contact", Relation: "Contact__r"},
			{Name: "Purchased_At__c", Type: "datetime"},
			{Name: "Channel__c", Type: "string", Length: 40},
			{Name: "Store__c", Type: "string", Length: 255},
			{Name: "Net__c", Type: "double"},
			{Name: "Currency__c", Type: "string", Length: 3},
			{Name: "Items__c", Type: "textarea", Length: 32768},
		}},
	}
}

// system are the fields that every object has.
var system = []Field{
	{Name: "Id", Type: "id", Length: 18, ReadOnly: true},
	{Name: "IsDeleted", Type: "boolean", ReadOnly: true},
	{Name: "CreatedDate", Type: "datetime", ReadOnly: true},
	{Name: "LastModifiedDate", Type: "datetime", ReadOnly: true},
	{Name: "SystemModstamp", Type: "datetime", ReadOnly: true},
}

// object is one with its records.
type object struct {
	def     Object
	fields  map[string]Field // by name in lower case, those of the user
	records map[string]*record
	order   []string
	unique  map[string]map[string][]string // ids by field and value, of external ids
	serial  int
}

// record is one. Its values are strings, json.Number and bool; null ones are missing.
type record struct {
	id       string
	values   map[string]any
	created  time.Time
	modified time.Time
	deleted  bool
}

func (r *record) copy() map[string]any {
	m := maps.Clone(r.values)
	m["Id"] = r.id
	return m
}

// Problem is why a record is refused.
type Problem struct {
	Code    string
	Message string
	Fields  []string
	status  int
	body    bool // the request is not understood: nothing of it is done
	dup     map[string]any
}

func (o *Org) define(def Object) error {
	if def.Name == "" || len(def.Prefix) != 3 || o.objects[def.Name] != nil {
		return fmt.Errorf("object %q: no name, no prefix of three, or twice", def.Name)
	}
	obj := &object{def: def, records: make(map[string]*record)}
	obj.index()
	o.objects[def.Name] = obj
	return nil
}

func (obj *object) index() {
	obj.fields = make(map[string]Field)
	for _, f := range slices.Concat(system, obj.def.Fields) {
		if !f.Hidden {
			obj.fields[strings.ToLower(f.Name)] = f
		}
	}
	obj.unique = make(map[string]map[string][]string)
	for _, id := range obj.order {
		if r := obj.live(id); r != nil {
			obj.enter(r)
		}
	}
}

func (obj *object) field(name string) (Field, bool) {
	f, is := obj.fields[strings.ToLower(name)]
	return f, is
}

// relation finds the reference with this relationship name.
func (obj *object) relation(name string) (Field, bool) {
	for _, f := range obj.fields {
		if f.Relation != "" && strings.EqualFold(f.Relation, name) {
			return f, true
		}
	}
	return Field{}, false
}

func (obj *object) live(id string) *record {
	if r := obj.records[long(id)]; r != nil && !r.deleted {
		return r
	}
	return nil
}

func (f Field) fold(s string) string {
	if f.Sensitive {
		return s
	}
	return strings.ToLower(s)
}

func (obj *object) enter(r *record) {
	for _, f := range obj.fields {
		if s, is := r.values[f.Name].(string); is && f.ExternalID {
			if obj.unique[f.Name] == nil {
				obj.unique[f.Name] = make(map[string][]string)
			}
			obj.unique[f.Name][f.fold(s)] = append(obj.unique[f.Name][f.fold(s)], r.id)
		}
	}
}

func (obj *object) leave(r *record) {
	for _, f := range obj.fields {
		if s, is := r.values[f.Name].(string); is && f.ExternalID {
			ids := obj.unique[f.Name][f.fold(s)]
			obj.unique[f.Name][f.fold(s)] = slices.DeleteFunc(ids, func(id string) bool { return id == r.id })
		}
	}
}

// newID makes an id of 18 characters.
func (obj *object) newID() string {
	obj.serial++
	return long(obj.def.Prefix + fmt.Sprintf("Sim%09d", obj.serial))
}

// long adds the three characters that tell the case of the others.
func long(id string) string {
	if len(id) != 15 {
		return id
	}
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
	for i := 0; i < 15; i += 5 {
		n := 0
		for j := range 5 {
			if c := id[i+j]; c >= 'A' && c <= 'Z' {
				n += 1 << j
			}
		}
		id += letters[n : n+1]
	}
	return id
}

// read turns the values of a request into those of a record. Null ones are nil.
func (o *Org) read(obj *object, in map[string]any) (map[string]any, *Problem) {
	out := make(map[string]any, len(in))
	for name, v := range in {
		if name == "attributes" {
			continue
		}
		if rel, is := obj.relation(name); is {
			id, p := o.parent(rel, v)
			if p != nil {
				return nil, p
			}
			out[rel.Name] = id
			continue
		}
		f, is := obj.field(name)
		if !is {
			return nil, &Problem{Code: "INVALID_FIELD", Message: "No such column '" + name + "' on sobject of type " + obj.def.Name}
		}
		if f.ReadOnly {
			return nil, &Problem{
				Code: "INVALID_FIELD_FOR_INSERT_UPDATE", Fields: []string{f.Name},
				Message: "Unable to create/update fields: " + f.Name + ". Please check the security settings of this field and verify that it is read/write for your profile or permission set.",
			}
		}
		value, p := o.convert(f, v)
		if p != nil {
			return nil, p
		}
		out[f.Name] = value
	}
	return out, nil
}

func (o *Org) parent(rel Field, v any) (any, *Problem) {
	by, is := v.(map[string]any)
	if v == nil {
		return nil, nil
	}
	to := o.objects[rel.To]
	if !is || to == nil {
		return nil, &Problem{Code: "JSON_PARSER_ERROR", Message: "Cannot deserialize a relationship", body: true}
	}
	for name, value := range by {
		if name == "attributes" {
			continue
		}
		s, _ := value.(string)
		f, is := to.field(name)
		if !is || !f.ExternalID {
			return nil, &Problem{Code: "INVALID_FIELD", Message: "Field name provided, " + name + " is not an External ID or indexed field for " + to.def.Name}
		}
		switch ids := to.unique[f.Name][f.fold(s)]; len(ids) {
		case 0:
			return nil, &Problem{Code: "INVALID_FIELD", Message: "Foreign key external ID: " + strings.ToLower(s) + " not found for field " + f.Name + " in entity " + to.def.Name}
		case 1:
			return ids[0], nil
		default:
			return nil, &Problem{Code: "INVALID_FIELD", Message: "More than one record found for field " + f.Name + " in entity " + to.def.Name}
		}
	}
	return nil, &Problem{Code: "INVALID_FIELD", Message: "Relationship without a field"}
}

// convert holds a value against the type of its field, as JSON demands.
func (o *Org) convert(f Field, v any) (any, *Problem) {
	wrong := func(want, got string) *Problem {
		return &Problem{Code: "JSON_PARSER_ERROR", Message: "Cannot deserialize instance of " + want + " from " + got + " value or request may be missing a required field", body: true}
	}
	if v == nil {
		if f.Type == "boolean" {
			return nil, &Problem{Code: "INVALID_TYPE_ON_FIELD_IN_RECORD", Message: f.Name + ": value not of required type: null", Fields: []string{f.Name}}
		}
		return nil, nil
	}
	switch f.Type {
	case "boolean":
		if b, is := v.(bool); is {
			return b, nil
		}
		return nil, wrong("boolean", "VALUE_STRING")
	case "double":
		switch n := v.(type) {
		case json.Number:
			return canonical(n), nil
		case float64:
			return canonical(json.Number(strconv.FormatFloat(n, 'f', -1, 64))), nil
		case int:
			return json.Number(strconv.Itoa(n)), nil
		}
		return nil, wrong("double", "VALUE_STRING")
	}
	s, is := v.(string)
	if !is {
		return nil, wrong("string", "START_OBJECT")
	}
	return o.convertText(f, s)
}

func canonical(n json.Number) json.Number {
	s := n.String()
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return json.Number(s)
}

func (o *Org) convertText(f Field, s string) (any, *Problem) {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, nil
	}
	switch f.Type {
	case "datetime":
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.000-0700"} {
			if at, err := time.Parse(layout, s); err == nil {
				return at.UTC().Format("2006-01-02T15:04:05.000+0000"), nil
			}
		}
		return nil, &Problem{Code: "JSON_PARSER_ERROR", Message: "Cannot deserialize instance of datetime from VALUE_STRING value", body: true}
	case "reference":
		to := o.objects[f.To]
		if len(s) != 15 && len(s) != 18 {
			return nil, &Problem{Code: "MALFORMED_ID", Message: f.Name + ": id value of incorrect type: " + s, Fields: []string{f.Name}}
		}
		if to == nil || to.live(s) == nil {
			return nil, &Problem{Code: "INVALID_CROSS_REFERENCE_KEY", Message: "invalid cross reference id"}
		}
		return long(s), nil
	case "email":
		if a, err := mail.ParseAddress(s); err != nil || a.Address != s || !strings.Contains(s[strings.LastIndexByte(s, '@'):], ".") {
			return nil, &Problem{Code: "INVALID_EMAIL_ADDRESS", Message: f.Name + ": invalid email address: " + s, Fields: []string{f.Name}}
		}
	}
	if strings.ContainsRune(s, 0) {
		return nil, &Problem{Code: "JSON_PARSER_ERROR", Message: "Illegal character", body: true}
	}
	if n := len(utf16.Encode([]rune(s))); n > f.Length {
		return nil, &Problem{Code: "STRING_TOO_LONG", Message: f.Name + ": data value too large: " + s + " (max length=" + strconv.Itoa(f.Length) + ")", Fields: []string{f.Name}}
	}
	return s, nil
}
