package shopifytest

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
	"github.com/posai-go/posai/shopify/shopifytest/internal/search"
)

// metaobjectDefinition is a type of metaobjects.
type metaobjectDefinition struct {
	head
	kind           string // expanded: "app--1--chart", never "$app:chart"
	name           string
	description    string
	displayNameKey string // "": the handle is shown
	fields         []metaobjectFieldDefinition
	publishable    bool
	translatable   bool
	access         map[string]string // by the name of the field of MetaobjectAccess
}

type metaobjectFieldDefinition struct {
	key, name, description, kind string
	required                     bool
	rules                        []validation
}

func (d *metaobjectDefinition) field(key string) *metaobjectFieldDefinition {
	if i := slices.IndexFunc(d.fields, func(f metaobjectFieldDefinition) bool { return f.key == key }); i >= 0 {
		return &d.fields[i]
	}
	return nil
}

// metaobject is one thing of a type that the app defined.
type metaobject struct {
	head
	definition *metaobjectDefinition
	handle     string
	values     map[string]string // by the field's key; what is empty is not there
	status     string            // MetaobjectStatus; counts where the definition is publishable
}

func (m *metaobject) displayName() string {
	if name := m.values[m.definition.displayNameKey]; name != "" {
		return name
	}
	return sentence(strings.ReplaceAll(m.handle, "-", " "))
}

func (s *state) metaobjectDefinition(kind string) *metaobjectDefinition {
	kind = s.metaobjectType(kind)
	for _, d := range s.metaobjectDefinitions {
		if d.kind == kind {
			return d
		}
	}
	return nil
}

// metaobjectType expands the app's own types.
func (s *state) metaobjectType(kind string) string {
	if kind == "" {
		return ""
	}
	return s.namespace(kind)
}

func (s *state) metaobjectByHandle(in map[string]any) *metaobject {
	d, wish := s.metaobjectDefinition(text(in, "type")), handle(text(in, "handle"))
	for _, m := range s.metaobjects {
		if m.definition == d && m.handle == wish {
			return m
		}
	}
	return nil
}

func (s *state) metaobjectsOf(d *metaobjectDefinition) []*metaobject {
	out := []*metaobject{}
	for _, m := range s.metaobjects {
		if m.definition == d {
			out = append(out, m)
		}
	}
	return out
}

func (s *state) deleteMetaobject(m *metaobject) {
	s.metaobjects = remove(s.metaobjects, m)
	delete(s.byID, m.gid)
	s.emit("metaobjects/delete", m, s.metaobjectPayload(m), s.newGroup())
}

func (s *state) metaobjectPayload(m *metaobject) map[string]any {
	fields := map[string]any{}
	for _, f := range m.definition.fields {
		fields[f.key] = orNull(m.values[f.key])
	}
	p := map[string]any{
		"id": m.gid, "type": m.definition.kind, "handle": m.handle, "display_name": m.displayName(), "fields": fields,
		"created_at": s.restTime(m.createdAt), "updated_at": s.restTime(m.updatedAt), "created_by_app_id": s.app.app.gid, "created_by_staff_id": nil,
		"definition_id": m.definition.gid, "capabilities": map[string]any{},
	}
	if m.definition.publishable {
		p["capabilities"] = map[string]any{"publishable": map[string]any{"status": strings.ToLower(m.status)}}
	}
	return p
}

var metaobjectFields = table[*metaobject]{
	"type":        func(_ *state, m *metaobject, _ *graph.Call) any { return m.definition.kind },
	"handle":      func(_ *state, m *metaobject, _ *graph.Call) any { return m.handle },
	"displayName": func(_ *state, m *metaobject, _ *graph.Call) any { return m.displayName() },
	"definition":  func(_ *state, m *metaobject, _ *graph.Call) any { return object(m.definition) },
	"createdBy":   func(s *state, _ *metaobject, _ *graph.Call) any { return s.appObject() },
	"createdByApp": func(s *state, _ *metaobject, _ *graph.Call) any {
		return s.appObject()
	},
	"field": func(_ *state, m *metaobject, c *graph.Call) any {
		if f := m.definition.field(text(c.Args, "key")); f != nil {
			return part("MetaobjectField", metaobjectValue{m, *f})
		}
		return nil
	},
	"fields": func(_ *state, m *metaobject, _ *graph.Call) any {
		out := graph.List{}
		for _, f := range m.definition.fields {
			out = append(out, part("MetaobjectField", metaobjectValue{m, f}))
		}
		return out
	},
	"values": func(_ *state, m *metaobject, _ *graph.Call) any {
		out := map[string]any{}
		for key := range m.values {
			out[key] = metaobjectValue{m, *m.definition.field(key)}.json()
		}
		return out
	},
	"capabilities": func(_ *state, m *metaobject, _ *graph.Call) any {
		out := graph.Object{"__typename": "MetaobjectCapabilityData", "publishable": nil, "onlineStore": nil}
		if m.definition.publishable {
			out["publishable"] = graph.Object{"__typename": "MetaobjectCapabilityDataPublishable", "status": m.status}
		}
		return out
	},
	"referencedBy": func(s *state, m *metaobject, _ *graph.Call) any { return s.referencesTo(m.gid) },
}

// referencesTo are the metafields and the fields of metaobjects that name the GID, as MetafieldRelation.
func (s *state) referencesTo(id string) graph.List {
	out := graph.List{}
	add := func(key, name, namespace string, from node) {
		out = append(out, graph.Object{"__typename": "MetafieldRelation", "key": key, "name": name, "namespace": namespace, "referencer": object(from), graph.Stored: true})
	}
	for _, m := range s.metaobjects {
		for _, f := range m.definition.fields {
			if strings.HasSuffix(f.kind, "_reference") && names(m.values[f.key], id) {
				add(f.key, f.name, m.definition.kind, m)
			}
		}
	}
	for _, owner := range sortedKeys(s.metafields) {
		for _, m := range s.metafields[owner] {
			if strings.HasSuffix(m.valueType, "_reference") && names(m.value, id) {
				add(m.key, m.key, m.namespace, m.owner)
			}
		}
	}
	return out
}

// names tells whether a reference, or a list of some, has the GID.
func names(value, id string) bool { return value == id || strings.Contains(value, `"`+id+`"`) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// metaobjectValue is one field of a metaobject.
type metaobjectValue struct {
	*metaobject
	field metaobjectFieldDefinition
}

func (v metaobjectValue) text() string { return v.values[v.field.key] }

func (v metaobjectValue) json() any {
	m := metafield{valueType: v.field.kind, value: v.text()}
	return m.jsonValue()
}

var metaobjectValueFields = table[metaobjectValue]{
	"key":        func(_ *state, v metaobjectValue, _ *graph.Call) any { return v.field.key },
	"type":       func(_ *state, v metaobjectValue, _ *graph.Call) any { return v.field.kind },
	"value":      func(_ *state, v metaobjectValue, _ *graph.Call) any { return orNull(v.text()) },
	"definition": func(_ *state, v metaobjectValue, _ *graph.Call) any { return v.field.object() },
	"jsonValue": func(_ *state, v metaobjectValue, _ *graph.Call) any {
		if v.text() == "" {
			return nil
		}
		return v.json()
	},
	"reference": func(s *state, v metaobjectValue, _ *graph.Call) any {
		if !strings.HasSuffix(v.field.kind, "_reference") {
			return nil
		}
		return s.byGID(v.text())
	},
	"references": func(s *state, v metaobjectValue, _ *graph.Call) any {
		if !strings.HasPrefix(v.field.kind, "list.") || !strings.HasSuffix(v.field.kind, "_reference") {
			return nil
		}
		var ids []string
		_ = json.Unmarshal([]byte(v.text()), &ids) // nothing was written
		return s.those(ids)
	},
}

func (f metaobjectFieldDefinition) object() graph.Object {
	return graph.Object{
		"__typename": "MetaobjectFieldDefinition", "key": f.key, "name": f.name, "description": orNull(f.description), "required": f.required,
		"type": typeObject(f.kind), "validations": validationObjects(f.kind, f.rules), graph.Stored: true,
		"capabilities": graph.Object{"__typename": "MetaobjectFieldDefinitionCapabilities", "adminFilterable": graph.Object{
			"__typename": "MetaobjectFieldCapabilityAdminFilterable", "enabled": false, "eligible": true, "status": "NOT_FILTERABLE",
		}},
	}
}

var metaobjectDefinitionFields = table[*metaobjectDefinition]{
	"type":           func(_ *state, d *metaobjectDefinition, _ *graph.Call) any { return d.kind },
	"name":           func(_ *state, d *metaobjectDefinition, _ *graph.Call) any { return d.name },
	"description":    func(_ *state, d *metaobjectDefinition, _ *graph.Call) any { return orNull(d.description) },
	"displayNameKey": func(_ *state, d *metaobjectDefinition, _ *graph.Call) any { return orNull(d.displayNameKey) },
	"fieldDefinitions": func(_ *state, d *metaobjectDefinition, _ *graph.Call) any {
		return copies(d.fields, metaobjectFieldDefinition.object)
	},
	"hasThumbnailField": always[*metaobjectDefinition](false),
	"createdByApp":      func(s *state, _ *metaobjectDefinition, _ *graph.Call) any { return s.appObject() },
	"metaobjects":       func(s *state, d *metaobjectDefinition, _ *graph.Call) any { return list(s.metaobjectsOf(d)) },
	"metaobjectsCount":  func(s *state, d *metaobjectDefinition, _ *graph.Call) any { return len(s.metaobjectsOf(d)) },
	"access": func(_ *state, d *metaobjectDefinition, _ *graph.Call) any {
		return graph.Object{
			"__typename": "MetaobjectAccess", "admin": d.access["admin"], "storefront": d.access["storefront"], "customerAccount": d.access["customerAccount"],
		}
	},
	"capabilities": func(_ *state, d *metaobjectDefinition, _ *graph.Call) any {
		return graph.Object{
			"__typename":   "MetaobjectCapabilities",
			"publishable":  graph.Object{"__typename": "MetaobjectCapabilitiesPublishable", "enabled": d.publishable},
			"translatable": graph.Object{"__typename": "MetaobjectCapabilitiesTranslatable", "enabled": d.translatable},
			"onlineStore":  nil, "renderable": nil,
		}
	},
}

var metaobjectIndex = search.Index[*metaobject]{
	Words: func(m *metaobject) []string {
		return append([]string{m.displayName(), m.handle}, slices.Collect(maps.Values(m.values))...)
	},
	Fields: commonIndex(map[string]search.Field[*metaobject]{
		"handle":       one(search.Keyword, func(m *metaobject) any { return m.handle }),
		"display_name": one(search.Text, func(m *metaobject) any { return m.displayName() }),
		"status":       one(search.Keyword, func(m *metaobject) any { return m.status }),
	}),
	Unlisted: func(name string) (search.Field[*metaobject], bool) {
		key, ok := strings.CutPrefix(name, "fields.")
		return one(search.Auto, func(m *metaobject) any { return m.values[key] }), ok
	},
}

var metaobjectSort = sorts[*metaobject]{
	"updated_at":   byUpdate[*metaobject],
	"display_name": func(a, b *metaobject) int { return strings.Compare(a.displayName(), b.displayName()) },
}

// metaobjectRoots are the fields of QueryRoot about metaobjects.
var metaobjectRoots = map[string]func(s *state, c *graph.Call) (any, error){
	"metaobject": byID[*metaobject],
	"metaobjectByHandle": func(s *state, c *graph.Call) (any, error) {
		return ref(s.metaobjectByHandle(input(c, "handle"))), nil
	},
	"metaobjects": func(s *state, c *graph.Call) (any, error) {
		return query(c, metaobjectIndex, s.metaobjectsOf(s.metaobjectDefinition(text(c.Args, "type"))), metaobjectSort), nil
	},
	"metaobjectDefinition": byID[*metaobjectDefinition],
	"metaobjectDefinitionByType": func(s *state, c *graph.Call) (any, error) {
		return ref(s.metaobjectDefinition(text(c.Args, "type"))), nil
	},
	"metaobjectDefinitions": func(s *state, _ *graph.Call) (any, error) { return list(s.metaobjectDefinitions), nil },
}

// newHandle makes a handle of a text, with a number behind it if it is taken.
func newHandle(base string, taken func(string) bool) string {
	out := base
	for i := 1; taken(out); i++ {
		out = base + "-" + strconv.Itoa(i)
	}
	return out
}
