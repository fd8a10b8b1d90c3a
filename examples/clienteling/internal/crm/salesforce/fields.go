package salesforce

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/shopify"
)

// Skip as the name of a field leaves it out.
const Skip = "-"

// ContactFields are the API names of the object that customers are, and of its fields.
// Empty ones are the defaults in the comments; [Skip] leaves a field out, except for
// Object, Key and LastName.
type ContactFields struct {
	Object        string // "Contact"
	Key           string // "Posai_Key__c", Text(255), external id, unique, case sensitive
	FirstName     string // "FirstName"
	LastName      string // "LastName"
	Email         string // "Email"
	Phone         string // "MobilePhone"
	City          string // "MailingCity"
	Country       string // "MailingCountry"; with state and country picklists use "MailingCountryCode"
	Locale        string // "Posai_Locale__c", Text(35)
	NoEmail       string // "HasOptedOutOfEmail"
	NoSMS         string // "Posai_No_SMS__c", Checkbox
	Segment       string // "Posai_Segment__c", Text(40)
	LifetimeValue string // "Posai_Lifetime_Value__c", Number(16, 2)
	Currency      string // "Posai_Currency__c", Text(3)
	Orders        string // "Posai_Orders__c", Number(18, 0)
	LastVisit     string // "Posai_Last_Visit__c", Date/Time
	Preferences   string // "Posai_Preferences__c", Long Text Area(32768)
	ServiceNotes  string // "Posai_Service_Notes__c", Long Text Area(32768)
}

// PurchaseFields are the API names of the object that orders are, and of its fields.
// Contact is the lookup to the customer. Empty names are the defaults; [Skip] leaves a
// field out, except for Object, Key, Contact and Relation.
type PurchaseFields struct {
	Object   string // "Posai_Purchase__c"
	Key      string // "Posai_Key__c", Text(255), external id, unique, case sensitive
	Contact  string // "Contact__c", Lookup(Contact)
	Relation string // "Contact__r", the relationship name of that lookup
	Name     string // "Name", Text(80)
	At       string // "Purchased_At__c", Date/Time
	Channel  string // "Channel__c", Text(40)
	Store    string // "Store__c", Text(255)
	Net      string // "Net__c", Number(16, 2)
	Currency string // "Currency__c", Text(3)
	Items    string // "Items__c", Long Text Area(32768)
}

func (f ContactFields) withDefaults() ContactFields {
	for name, def := range map[*string]string{
		&f.Object: "Contact", &f.Key: "Posai_Key__c", &f.FirstName: "FirstName", &f.LastName: "LastName", &f.Email: "Email",
		&f.Phone: "MobilePhone", &f.City: "MailingCity", &f.Country: "MailingCountry", &f.Locale: "Posai_Locale__c",
		&f.NoEmail: "HasOptedOutOfEmail", &f.NoSMS: "Posai_No_SMS__c", &f.Segment: "Posai_Segment__c",
		&f.LifetimeValue: "Posai_Lifetime_Value__c", &f.Currency: "Posai_Currency__c", &f.Orders: "Posai_Orders__c",
		&f.LastVisit: "Posai_Last_Visit__c", &f.Preferences: "Posai_Preferences__c", &f.ServiceNotes: "Posai_Service_Notes__c",
	} {
		*name = cmp.Or(*name, def)
	}
	return f
}

func (f PurchaseFields) withDefaults() PurchaseFields {
	for name, def := range map[*string]string{
		&f.Object: "Posai_Purchase__c", &f.Key: "Posai_Key__c", &f.Contact: "Contact__c", &f.Relation: "Contact__r", &f.Name: "Name",
		&f.At: "Purchased_At__c", &f.Channel: "Channel__c", &f.Store: "Store__c", &f.Net: "Net__c", &f.Currency: "Currency__c", &f.Items: "Items__c",
	} {
		*name = cmp.Or(*name, def)
	}
	return f
}

func (f ContactFields) names() []string {
	names := []string{f.Object, f.Key, f.LastName} // also if they are Skip
	for _, v := range f.values(crm.Record{}, "") {
		names = append(names, v.field)
	}
	return names
}

func (f PurchaseFields) names() []string {
	names := []string{f.Object, f.Key, f.Contact, f.Relation} // also if they are Skip
	for _, v := range f.values(crm.Purchase{}) {
		names = append(names, v.field)
	}
	return names
}

// kind is what a field must be able to hold.
type kind int

const (
	words kind = iota
	number
	flag
	moment
)

// value is one field of a record. What is nil empties the field.
type value struct {
	field string
	kind  kind
	of    any // string, json.Number, bool or nil
}

func (f ContactFields) values(r crm.Record, unnamed string) []value {
	return slices.DeleteFunc([]value{
		{f.Key, words, r.Key},
		{f.FirstName, words, line(r.FirstName)},
		{f.LastName, words, cmp.Or(line(r.LastName), any(unnamed))},
		{f.Email, words, line(r.Email)},
		{f.Phone, words, line(r.Phone)},
		{f.City, words, line(r.City)},
		{f.Country, words, line(r.Country)},
		{f.Locale, words, line(r.Locale)},
		{f.NoEmail, flag, r.NoEmail},
		{f.NoSMS, flag, r.NoSMS},
		{f.Segment, words, line(r.Segment)},
		{f.LifetimeValue, number, amount(r.LifetimeValue)},
		{f.Currency, words, line(r.LifetimeValue.CurrencyCode)},
		{f.Orders, number, json.Number(strconv.Itoa(r.Orders))},
		{f.LastVisit, moment, stamp(r.LastVisit)},
		{f.Preferences, words, text(r.Preferences)},
		{f.ServiceNotes, words, text(r.ServiceNotes)},
	}, skipped)
}

func (f PurchaseFields) values(p crm.Purchase) []value {
	return slices.DeleteFunc([]value{
		{f.Key, words, p.Key},
		{f.Name, words, cmp.Or(line(p.Name), any(p.Key))},
		{f.At, moment, stamp(p.At)},
		{f.Channel, words, line(p.Channel)},
		{f.Store, words, line(p.Store)},
		{f.Net, number, amount(p.Net)},
		{f.Currency, words, line(p.Net.CurrencyCode)},
		{f.Items, words, text(p.Items)},
	}, skipped)
}

func skipped(v value) bool { return v.field == Skip }

// Salesforce keeps no empty texts: they are null.
func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func line(s string) any { return orNil(crm.OneLine(s)) }
func text(s string) any { return orNil(crm.Text(s)) }

func amount(m shopify.Money) any {
	if m.CurrencyCode == "" {
		return nil
	}
	return json.Number(m.Amount.String())
}

// stamp is a date and time as Salesforce reads it.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/intro_valid_date_formats.htm
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// fit cuts a text to n of the characters that Salesforce counts, which are taken to be
// UTF-16 code units, and never inside of a character.
func fit(s string, n int) (string, bool) {
	units := 0
	for i, r := range s {
		if units++; r > 0xffff {
			units++
		}
		if units > n {
			return s[:i], true
		}
	}
	return s, false
}

// shorten cuts the texts of a row to what their fields hold, and names those that it cut.
// A key is not cut: half a key is another one.
func (o *object) shorten(row []value) []string {
	var cut []string
	for i, v := range row {
		s, is := v.of.(string)
		length := o.fields[v.field].Length
		if !is || v.kind != words || length <= 0 || len(s) <= length || utf8.RuneCountInString(s)*2 <= length {
			continue
		}
		if short, did := fit(s, length); did {
			row[i].of = orNil(crm.Text(short))
			cut = append(cut, v.field)
		}
	}
	return cut
}
