package salesforcetest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// sobjects answers what is about one object or one record.
func (o *Org) sobjects(in *input, rest []string) answer {
	if len(rest) == 0 {
		return o.global()
	}
	obj := o.objects[rest[0]]
	if obj == nil {
		return notFound()
	}
	switch {
	case len(rest) == 2 && rest[1] == "describe" && in.Method == http.MethodGet:
		return answer{status: 200, body: describe(obj)}
	case len(rest) == 1 && in.Method == http.MethodPost:
		return o.create(in, obj)
	case len(rest) == 2:
		return o.byID(in, obj, rest[1])
	case len(rest) == 3:
		return o.byKey(in, obj, rest[1], rest[2])
	}
	return notFound()
}

func (o *Org) global() answer {
	var all []any
	for _, def := range o.opts.Objects {
		if obj := o.objects[def.Name]; obj != nil {
			all = append(all, map[string]any{"name": def.Name, "label": def.Name, "queryable": true, "createable": true, "updateable": true, "deletable": true, "custom": strings.HasSuffix(def.Name, "__c"), "keyPrefix": def.Prefix})
		}
	}
	return answer{status: 200, body: map[string]any{"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": all}}
}

// describe is what https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_describe.htm
// returns, as far as clients need it.
func describe(obj *object) map[string]any {
	var fields []any
	for _, f := range slices.Concat(system, obj.def.Fields) {
		if f.Hidden {
			continue
		}
		to, relation := []string{}, any(nil)
		if f.To != "" {
			to, relation = []string{f.To}, f.Relation
		}
		length := f.Length
		if f.Type == "reference" {
			length = 18
		}
		fields = append(fields, map[string]any{
			"name": f.Name, "label": strings.TrimSuffix(f.Name, "__c"), "type": f.Type, "length": length, "byteLength": 3 * length,
			"externalId": f.ExternalID, "unique": f.Unique, "caseSensitive": f.Sensitive, "idLookup": f.ExternalID || f.Name == "Id",
			"createable": !f.ReadOnly, "updateable": !f.ReadOnly, "filterable": f.Type != "textarea", "sortable": f.Type != "textarea",
			"nillable": !f.Required && f.Type != "boolean", "defaultedOnCreate": f.Type == "boolean", "custom": strings.HasSuffix(f.Name, "__c"),
			"referenceTo": to, "relationshipName": relation, "picklistValues": []any{},
		})
	}
	return map[string]any{
		"name": obj.def.Name, "label": obj.def.Name, "keyPrefix": obj.def.Prefix, "custom": strings.HasSuffix(obj.def.Name, "__c"),
		"createable": true, "updateable": true, "deletable": true, "queryable": true, "fields": fields, "childRelationships": []any{}, "recordTypeInfos": []any{},
	}
}

func object1(body []byte) (map[string]any, *Problem) {
	var fields map[string]any
	if p := decodeJSON(body, &fields); p != nil {
		return nil, p
	}
	if fields == nil {
		return nil, &Problem{Code: "JSON_PARSER_ERROR", Message: "The HTTP entity body is required, but this request has no entity body.", status: 400}
	}
	return fields, nil
}

func saved(status int, id string, created bool) answer {
	return answer{status: status, body: map[string]any{"id": id, "success": true, "errors": []any{}, "created": created}}
}

func (o *Org) create(in *input, obj *object) answer {
	fields, p := object1(in.body)
	if p != nil {
		return p.answer()
	}
	id, p := o.insert(obj, fields, in.dup)
	if p != nil {
		return p.answer()
	}
	a := saved(http.StatusCreated, id, true)
	delete(a.body.(map[string]any), "created")
	a.header = http.Header{"Location": {"/services/data/v" + in.version + "/sobjects/" + obj.def.Name + "/" + id}}
	return a
}

// byID answers https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_retrieve.htm
func (o *Org) byID(in *input, obj *object, id string) answer {
	r := obj.live(id)
	if r == nil {
		if gone := obj.records[long(id)]; gone != nil && in.Method != http.MethodGet {
			return errorAnswer(http.StatusNotFound, "ENTITY_IS_DELETED", "entity is deleted")
		}
		return notFound()
	}
	if since, err := time.Parse(http.TimeFormat, in.Header.Get("If-Unmodified-Since")); err == nil && r.modified.Truncate(time.Second).After(since) {
		return answer{status: http.StatusPreconditionFailed}
	}
	switch in.Method {
	case http.MethodGet:
		return o.show(in, obj, r)
	case http.MethodPatch:
		fields, p := object1(in.body)
		if p == nil {
			p = o.update(obj, r, fields, in.dup)
		}
		if p != nil {
			return p.answer()
		}
		return answer{status: http.StatusNoContent}
	case http.MethodDelete:
		if p := o.remove(obj, id, false); p != nil {
			return p.answer()
		}
		return answer{status: http.StatusNoContent}
	}
	return errorAnswer(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "HTTP Method '"+in.Method+"' not allowed. Allowed are HEAD,GET,PATCH,DELETE")
}

func (o *Org) show(in *input, obj *object, r *record) answer {
	var names []string
	if only := in.URL.Query().Get("fields"); only != "" {
		names = strings.Split(only, ",")
	} else {
		for _, f := range slices.Concat(system, obj.def.Fields) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		}
	}
	for _, n := range names {
		if _, is := obj.field(n); !is {
			return noField(obj, n).answer()
		}
	}
	return answer{status: 200, body: o.project(obj, r, names), header: http.Header{"Last-Modified": {httpTime(r.modified)}}}
}

// byKey answers https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_upsert_patch.htm
func (o *Org) byKey(in *input, obj *object, field, value string) answer {
	key, is := obj.field(field)
	if !is || !key.ExternalID {
		return errorAnswer(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: "+field)
	}
	ids := obj.unique[key.Name][key.fold(value)]
	if len(ids) > 1 {
		all := make([]string, len(ids))
		for i, id := range ids {
			all[i] = "/services/data/v" + in.version + "/sobjects/" + obj.def.Name + "/" + id
		}
		return answer{status: http.StatusMultipleChoices, body: all}
	}
	switch in.Method {
	case http.MethodGet, http.MethodDelete:
		if len(ids) == 0 {
			return notFound()
		}
		return o.byID(in, obj, ids[0])
	case http.MethodPatch:
		fields, p := object1(in.body)
		if p != nil {
			return p.answer()
		}
		for n := range fields {
			if f, is := obj.field(n); is && (f.Name == key.Name || f.Name == "Id") {
				return errorAnswer(http.StatusBadRequest, "INVALID_FIELD", "The "+n+" field should not be specified in the sobject data.")
			}
		}
		if len(ids) == 0 && in.URL.Query().Get("updateOnly") == "true" {
			return notFound()
		}
		id, created, p := o.upsert(obj, key, value, fields, in.dup)
		switch {
		case p != nil:
			return p.answer()
		case created:
			return saved(http.StatusCreated, id, true)
		}
		return saved(http.StatusOK, id, false)
	}
	return errorAnswer(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "HTTP Method '"+in.Method+"' not allowed. Allowed are HEAD,GET,PATCH,DELETE")
}

// maxCollection is how many records one request has at most.
const maxCollection = 200

// collections answers https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections.htm
func (o *Org) collections(in *input, rest []string) answer {
	if in.Method == http.MethodDelete && len(rest) == 0 {
		return o.deleteSome(in)
	}
	in.dup.terse = o.opts.Terse
	var body struct {
		AllOrNone bool             `json:"allOrNone"`
		Records   []map[string]any `json:"records"`
	}
	if p := decodeJSON(in.body, &body); p != nil {
		return p.answer()
	}
	in.records = len(body.Records)
	if a, wrong := tooMany(len(body.Records)); wrong {
		return a
	}
	var one func(map[string]any) map[string]any
	switch {
	case len(rest) == 0 && in.Method == http.MethodPost:
		one = func(m map[string]any) map[string]any {
			obj, p := o.typeOf(m)
			id := ""
			if p == nil {
				id, p = o.insert(obj, m, in.dup)
			}
			return outcome(id, false, false, p)
		}
	case len(rest) == 0 && in.Method == http.MethodPatch:
		one = func(m map[string]any) map[string]any { return o.change(in, m) }
	case len(rest) == 2 && in.Method == http.MethodPatch:
		obj := o.objects[rest[0]]
		if obj == nil {
			return notFound()
		}
		key, is := obj.field(rest[1])
		if !is || !key.ExternalID {
			return errorAnswer(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: "+rest[1])
		}
		seen := make(map[string]int)
		for _, m := range body.Records {
			if s, _ := m[key.Name].(string); s != "" {
				seen[key.fold(s)]++
			}
		}
		one = func(m map[string]any) map[string]any { return o.upsertOne(in, obj, key, seen, m) }
	default:
		return notFound()
	}
	results, unread := o.apply(body.Records, body.AllOrNone, one)
	if unread != nil {
		return unread.answer()
	}
	return answer{status: 200, body: results}
}

func tooMany(n int) (answer, bool) {
	if n > maxCollection {
		return errorAnswer(http.StatusBadRequest, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 200 records into this call"), true
	}
	if n == 0 {
		return errorAnswer(http.StatusBadRequest, "JSON_PARSER_ERROR", "The request has no records"), true
	}
	return answer{}, false
}

// apply does one record after the other. If one of them cannot even be read, nothing is
// done.
func (o *Org) apply(records []map[string]any, allOrNone bool, one func(map[string]any) map[string]any) ([]map[string]any, *Problem) {
	o.undo = []func(){}
	defer func() { o.undo = nil }()
	results := make([]map[string]any, len(records))
	failed := false
	for i, m := range records {
		results[i] = one(m)
		if p, is := results[i]["unread"].(*Problem); is {
			o.rollBack()
			return nil, p
		}
		failed = failed || results[i]["success"] == false
	}
	if failed && allOrNone {
		o.rollBack()
		for i, r := range results {
			if r["success"] == true {
				results[i] = outcome("", false, false, &Problem{Code: "ALL_OR_NONE_OPERATION_ROLLED_BACK", Message: "Record rolled back because not all records were valid and the request was using AllOrNone header"})
			}
		}
	}
	return results, nil
}

func outcome(id string, created, upsert bool, p *Problem) map[string]any {
	m := map[string]any{"success": p == nil, "errors": []any{}}
	if p == nil {
		m["id"] = id
		if upsert {
			m["created"] = created
		}
		return m
	}
	if p.body {
		m["unread"] = p
	}
	fields := p.Fields
	if fields == nil {
		fields = []string{}
	}
	e := map[string]any{"statusCode": p.Code, "message": p.Message, "fields": fields}
	if p.dup != nil {
		e["duplicateResult"] = p.dup
	}
	m["errors"] = []any{e}
	return m
}

func (o *Org) typeOf(m map[string]any) (*object, *Problem) {
	a, _ := m["attributes"].(map[string]any)
	name, _ := a["type"].(string)
	if obj := o.objects[name]; obj != nil {
		return obj, nil
	}
	return nil, &Problem{Code: "INVALID_TYPE", Message: "sObject type '" + name + "' is not supported."}
}

func (o *Org) change(in *input, m map[string]any) map[string]any {
	obj, p := o.typeOf(m)
	if p != nil {
		return outcome("", false, false, p)
	}
	fields := make(map[string]any)
	id := ""
	for n, v := range m {
		if strings.EqualFold(n, "id") {
			id, _ = v.(string)
			continue
		}
		fields[n] = v
	}
	r := obj.live(id)
	if r == nil {
		return outcome("", false, false, &Problem{Code: "INVALID_CROSS_REFERENCE_KEY", Message: "invalid cross reference id"})
	}
	return outcome(r.id, false, false, o.update(obj, r, fields, in.dup))
}

func (o *Org) upsertOne(in *input, obj *object, key Field, seen map[string]int, m map[string]any) map[string]any {
	of, p := o.typeOf(m)
	value, _ := m[key.Name].(string)
	switch {
	case p != nil:
	case of != obj:
		p = &Problem{Code: "INVALID_TYPE", Message: "The type of the record is not that of the request", body: true}
	case m["Id"] != nil || m["id"] != nil:
		p = &Problem{Code: "INVALID_FIELD", Message: "The Id field should not be specified in the sobject data."}
	case value == "":
		p = &Problem{Code: "MISSING_ARGUMENT", Message: key.Name + " not specified"}
	case seen[key.fold(value)] > 1:
		p = &Problem{Code: "DUPLICATE_VALUE", Message: "Duplicate external id specified: " + value, Fields: []string{key.Name}}
	}
	if p != nil {
		return outcome("", false, true, p)
	}
	fields := make(map[string]any, len(m))
	for n, v := range m {
		if !strings.EqualFold(n, key.Name) {
			fields[n] = v
		}
	}
	id, created, p := o.upsert(obj, key, value, fields, in.dup)
	return outcome(id, created, true, p)
}

// deleteSome answers https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_delete.htm
func (o *Org) deleteSome(in *input) answer {
	q := in.URL.Query()
	var ids []string
	if q.Get("ids") != "" {
		ids = strings.Split(q.Get("ids"), ",")
	}
	in.records = len(ids)
	if a, wrong := tooMany(len(ids)); wrong {
		return a
	}
	o.undo = []func(){}
	defer func() { o.undo = nil }()
	failed := false
	results := make([]map[string]any, len(ids))
	for i, id := range ids {
		var p *Problem
		if obj := o.ofID(id); obj != nil {
			p = o.remove(obj, id, false)
		} else {
			p = &Problem{Code: "MALFORMED_ID", Message: "malformed id " + id}
		}
		results[i] = outcome(long(id), false, false, p)
		failed = failed || p != nil
	}
	if failed && q.Get("allOrNone") == "true" {
		o.rollBack()
	}
	return answer{status: 200, body: results}
}

func (o *Org) ofID(id string) *object {
	if len(id) != 15 && len(id) != 18 {
		return nil
	}
	for _, obj := range o.objects {
		if strings.HasPrefix(id, obj.def.Prefix) {
			return obj
		}
	}
	return nil
}
