package salesforce

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
)

// SameEmailAndName is an Options.Sure: it takes the one contact that has the customer's
// e-mail address and both names, if there is one alone with the address.
func SameEmailAndName(r crm.Record, candidates []crm.Candidate) string {
	found := ""
	for _, c := range candidates {
		if !strings.EqualFold(c.Email, r.Email) || r.Email == "" {
			continue
		}
		if found != "" || !strings.EqualFold(c.Name, crm.OneLine(r.FirstName+" "+r.LastName)) {
			return ""
		}
		found = c.ID
	}
	return found
}

// row is a record as SOQL gives it.
type row map[string]any

func (r row) text(field string) string {
	s, _ := r[field].(string)
	return s
}

// tied finds the contacts that have the keys: usually one each.
func (s *Sink) tied(ctx context.Context, keys []string, urgent bool) (map[string][]string, error) {
	f := s.opts.Contact
	found := make(map[string][]string)
	err := selectIn(ctx, s, urgent, "SELECT Id, "+f.Key+" FROM "+f.Object+" WHERE "+f.Key+" IN (%s)", keys, func(r row) {
		if id := r.text("Id"); idForm.MatchString(id) {
			found[r.text(f.Key)] = append(found[r.text(f.Key)], id)
		}
	})
	return found, err
}

// alike finds, for customers whom the CRM has not yet, the contacts without a key that
// have their address or number.
func (s *Sink) alike(ctx context.Context, records []crm.Record) (map[string][]crm.Candidate, error) {
	byEmail, byPhone := make(map[string][]string), make(map[string][]string) // keys
	for _, r := range records {
		if email := strings.ToLower(crm.OneLine(r.Email)); email != "" {
			byEmail[email] = append(byEmail[email], r.Key)
		}
		if phone := digits(r.Phone); phone != "" {
			byPhone[phone] = append(byPhone[phone], r.Key)
		}
	}
	found := make(map[string][]crm.Candidate)
	add := func(key string, c crm.Candidate) {
		if !slices.ContainsFunc(found[key], func(o crm.Candidate) bool { return o.ID == c.ID }) {
			found[key] = append(found[key], c)
		}
	}
	err := s.search(ctx, s.opts.MatchEmail, slices.Sorted(maps.Keys(byEmail)), func(field string, r row, c crm.Candidate) {
		for _, key := range byEmail[strings.ToLower(r.text(field))] {
			add(key, c)
		}
	})
	if err != nil {
		return nil, err
	}
	var numbers []string
	national := make(map[string]string) // what a number may be written as, without its signs
	for _, phone := range slices.Sorted(maps.Keys(byPhone)) {
		for _, form := range forms(phone) {
			numbers = append(numbers, form)
			national[digits(form)] = phone
		}
	}
	err = s.search(ctx, s.opts.MatchPhone, numbers, func(field string, r row, c crm.Candidate) {
		for _, key := range byPhone[national[digits(r.text(field))]] {
			add(key, c)
		}
	})
	return found, err
}

// search looks for contacts without a key by one field after the other: a query about
// several at once would use no index.
func (s *Sink) search(ctx context.Context, in, values []string, each func(field string, r row, c crm.Candidate)) error {
	for _, field := range in {
		query := "SELECT " + s.candidateFields() + " FROM " + s.opts.Contact.Object + " WHERE " + field + " IN (%s) AND " + s.opts.Contact.Key + " = null"
		if err := selectIn(ctx, s, false, query, values, func(r row) { each(field, r, s.candidate(r)) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sink) candidateFields() string {
	names := slices.Concat([]string{"Id", "Name", s.opts.Contact.Key}, s.opts.MatchEmail, s.opts.MatchPhone)
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			names[i] = ""
		}
	}
	return strings.Join(slices.DeleteFunc(names, func(n string) bool { return n == "" }), ", ")
}

func (s *Sink) candidate(r row) crm.Candidate {
	c := crm.Candidate{ID: r.text("Id"), Name: r.text("Name"), Key: r.text(s.opts.Contact.Key)}
	for _, f := range s.opts.MatchEmail {
		if c.Email == "" {
			c.Email = r.text(f)
		}
	}
	for _, f := range s.opts.MatchPhone {
		if c.Phone == "" {
			c.Phone = r.text(f)
		}
	}
	return c
}

// candidates reads contacts by their ids.
func (s *Sink) candidates(ctx context.Context, ids []string) (map[string]crm.Candidate, error) {
	found := make(map[string]crm.Candidate)
	query := "SELECT " + s.candidateFields() + " FROM " + s.opts.Contact.Object + " WHERE Id IN (%s)"
	err := selectIn(ctx, s, false, query, ids, func(r row) { found[long(r.text("Id"))] = s.candidate(r) })
	return found, err
}

// long makes the form of 18 characters of an id, which ends in three that keep the case
// of the others. https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm
func long(id string) string {
	if len(id) != 15 {
		return id
	}
	for part := range 3 {
		bits := 0
		for i, c := range id[5*part : 5*part+5] {
			if c >= 'A' && c <= 'Z' {
				bits |= 1 << i
			}
		}
		id += string("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[bits])
	}
	return id
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// forms are the ways in which a number in E.164 is usually kept. Salesforce's own pages
// write those of North America with brackets.
func forms(phone string) []string {
	all := []string{"+" + phone, phone, "00" + phone}
	if len(phone) == 11 && phone[0] == '1' {
		area, office, rest := phone[1:4], phone[4:7], phone[7:]
		for _, form := range []string{"%s%s%s", "(%s) %s-%s", "%s-%s-%s", "%s.%s.%s", "+1 %s-%s-%s", "+1 (%s) %s-%s"} {
			all = append(all, fmt.Sprintf(form, area, office, rest))
		}
	}
	return all
}
