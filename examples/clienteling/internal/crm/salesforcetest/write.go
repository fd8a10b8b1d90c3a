package salesforcetest

import (
	"maps"
	"slices"
	"strings"
)

// dupOptions are what the header Sforce-Duplicate-Rule-Header says.
type dupOptions struct {
	allow   bool // allowSave
	details bool // includeRecordDetails
	terse   bool
}

func parseDup(header string) dupOptions {
	var d dupOptions
	for part := range strings.SplitSeq(header, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch yes := strings.EqualFold(value, "true"); strings.ToLower(name) {
		case "allowsave":
			d.allow = yes
		case "includerecorddetails":
			d.details = yes
		}
	}
	return d
}

// insert creates a record.
func (o *Org) insert(obj *object, in map[string]any, dup dupOptions) (string, *Problem) {
	values, p := o.read(obj, in)
	if p != nil {
		return "", p
	}
	maps.DeleteFunc(values, func(_ string, v any) bool { return v == nil })
	var missing []string
	for _, f := range obj.def.Fields {
		if f.Required && values[f.Name] == nil {
			missing = append(missing, f.Name)
		}
		if f.Type == "boolean" && values[f.Name] == nil && !f.ReadOnly {
			values[f.Name] = false
		}
	}
	if len(missing) > 0 {
		return "", &Problem{Code: "REQUIRED_FIELD_MISSING", Message: "Required fields are missing: [" + strings.Join(missing, ", ") + "]", Fields: missing}
	}
	r := &record{id: obj.newID(), values: values, created: now(), modified: now()}
	if p := o.admit(obj, r, dup); p != nil {
		return "", p
	}
	obj.records[r.id] = r
	obj.order = append(obj.order, r.id)
	obj.enter(r)
	o.undoable(func() {
		obj.leave(r)
		delete(obj.records, r.id)
		obj.order = obj.order[:len(obj.order)-1]
	})
	return r.id, nil
}

// undoable remembers how to take a change back.
func (o *Org) undoable(fn func()) {
	if o.undo != nil {
		o.undo = append(o.undo, fn)
	}
}

// rollBack takes back what the request did, the last first.
func (o *Org) rollBack() {
	for _, fn := range slices.Backward(o.undo) {
		fn()
	}
	o.undo = []func(){}
}

// update changes a record.
func (o *Org) update(obj *object, r *record, in map[string]any, dup dupOptions) *Problem {
	changed, p := o.read(obj, in)
	if p != nil {
		return p
	}
	next := &record{id: r.id, values: maps.Clone(r.values), created: r.created, modified: now()}
	for name, v := range changed {
		if v == nil {
			delete(next.values, name)
			if f, _ := obj.field(name); f.Required {
				return &Problem{Code: "REQUIRED_FIELD_MISSING", Message: "Required fields are missing: [" + name + "]", Fields: []string{name}}
			}
			continue
		}
		next.values[name] = v
	}
	if p := o.admit(obj, next, dup); p != nil {
		return p
	}
	obj.leave(r)
	values, modified := r.values, r.modified
	r.values, r.modified = next.values, next.modified
	obj.enter(r)
	o.undoable(func() {
		obj.leave(r)
		r.values, r.modified = values, modified
		obj.enter(r)
	})
	return nil
}

// admit holds a record against the org's rules, and completes it.
func (o *Org) admit(obj *object, r *record, dup dupOptions) *Problem {
	if o.locked > 0 {
		o.locked--
		return &Problem{Code: "UNABLE_TO_LOCK_ROW", Message: "unable to obtain exclusive access to this record or 1 records: " + r.id}
	}
	for _, f := range obj.fields {
		s, is := r.values[f.Name].(string)
		if !is || !f.Unique {
			continue
		}
		for _, id := range obj.unique[f.Name][f.fold(s)] {
			if id != r.id {
				return &Problem{Code: "DUPLICATE_VALUE", Message: "duplicate value found: " + f.Name + " duplicates value on record with id: " + id}
			}
		}
	}
	if obj.def.Name == "Contact" {
		first, _ := r.values["FirstName"].(string)
		last, _ := r.values["LastName"].(string)
		r.values["Name"] = strings.TrimSpace(first + " " + last)
		if p := o.duplicates(obj, r, dup); p != nil {
			return p
		}
	} else if name, has := obj.field("Name"); has && r.values["Name"] == nil && !name.ReadOnly {
		r.values["Name"] = r.id
	}
	if o.reject != nil {
		return o.reject(obj.def.Name, r.copy())
	}
	return nil
}

// duplicates asks the duplicate rule.
func (o *Org) duplicates(obj *object, r *record, dup dupOptions) *Problem {
	email, _ := r.values["Email"].(string)
	if o.rule == nil || email == "" || dup.allow && !o.rule.Block {
		return nil
	}
	var matches []any
	for _, id := range obj.order {
		other := obj.live(id)
		if other == nil || id == r.id {
			continue
		}
		if theirs, _ := other.values["Email"].(string); !strings.EqualFold(theirs, email) {
			continue
		}
		found := map[string]any{"attributes": attributes(obj, id), "Id": id}
		if dup.details {
			maps.Copy(found, other.copy())
		}
		matches = append(matches, map[string]any{"additionalInformation": []any{}, "fieldDiffs": []any{}, "matchConfidence": 100.0, "record": found})
	}
	if len(matches) == 0 {
		return nil
	}
	p := &Problem{Code: "DUPLICATES_DETECTED", Message: "Use one of these records?"}
	if !dup.terse {
		p.dup = map[string]any{
			"allowSave": !o.rule.Block, "duplicateRule": "Standard_Contact_Duplicate_Rule", "duplicateRuleEntityType": "Contact", "errorMessage": p.Message,
			"matchResults": []any{map[string]any{
				"entityType": "Contact", "errors": []any{}, "matchEngine": "ExactMatchEngine", "matchRecords": matches,
				"rule": "Email_Match", "size": len(matches), "success": true,
			}},
		}
	}
	return p
}

// remove deletes a record: into the recycle bin, or for good.
func (o *Org) remove(obj *object, id string, hard bool) *Problem {
	r := obj.records[long(id)]
	switch {
	case r == nil:
		return &Problem{Code: "INVALID_CROSS_REFERENCE_KEY", Message: "invalid cross reference id", status: 404}
	case r.deleted && !hard:
		return &Problem{Code: "ENTITY_IS_DELETED", Message: "entity is deleted", status: 404}
	case o.locked > 0:
		o.locked--
		return &Problem{Code: "UNABLE_TO_LOCK_ROW", Message: "unable to obtain exclusive access to this record or 1 records: " + r.id}
	}
	if !r.deleted {
		obj.leave(r)
		o.undoable(func() {
			r.deleted = false
			obj.enter(r)
		})
	}
	r.deleted = true
	for _, other := range o.objects { // lookups to what is gone are empty
		for _, f := range other.def.Fields {
			if f.To != obj.def.Name {
				continue
			}
			for _, from := range other.records {
				if from.values[f.Name] == r.id {
					delete(from.values, f.Name)
					o.undoable(func() { from.values[f.Name] = r.id })
				}
			}
		}
	}
	if hard {
		delete(obj.records, r.id)
		obj.order = slices.DeleteFunc(obj.order, func(id string) bool { return id == r.id })
	}
	return nil
}

// upsert creates or changes the record that has the value in an external id.
func (o *Org) upsert(obj *object, key Field, value string, in map[string]any, dup dupOptions) (id string, created bool, p *Problem) {
	switch ids := obj.unique[key.Name][key.fold(value)]; len(ids) {
	case 0:
		in = maps.Clone(in)
		in[key.Name] = value
		id, p = o.insert(obj, in, dup)
		return id, p == nil, p
	case 1:
		return ids[0], false, o.update(obj, obj.live(ids[0]), in, dup)
	default:
		return "", false, &Problem{Code: "DUPLICATE_EXTERNAL_ID", Message: key.Name + ": more than one record found for external id field: " + strings.Join(ids, ","), Fields: []string{key.Name}}
	}
}

func attributes(obj *object, id string) map[string]any {
	return map[string]any{"type": obj.def.Name, "url": "/services/data/v66.0/sobjects/" + obj.def.Name + "/" + id}
}
