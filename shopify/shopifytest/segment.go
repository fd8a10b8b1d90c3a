package shopifytest

import (
	"slices"
	"strings"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
	"github.com/posai-go/posai/shopify/shopifytest/internal/search"
)

// segment is the customers that a query matches.
type segment struct {
	head
	name, query string
	match       segmentQuery
}

var segmentFields = table[*segment]{
	"name":         func(_ *state, g *segment, _ *graph.Call) any { return g.name },
	"query":        func(_ *state, g *segment, _ *graph.Call) any { return g.query },
	"creationDate": func(_ *state, g *segment, _ *graph.Call) any { return g.createdAt },
	"lastEditDate": func(_ *state, g *segment, _ *graph.Call) any { return g.updatedAt },
}

var segmentIndex = search.Index[*segment]{
	Words: func(g *segment) []string { return []string{g.name} },
	Fields: commonIndex(map[string]search.Field[*segment]{
		"name": one(search.Text, func(g *segment) any { return g.name }),
	}),
}

var segmentSort = sorts[*segment]{"CREATION_DATE": byTime[*segment], "LAST_EDIT_DATE": byUpdate[*segment]}

// memberFields are what a segment tells of a customer.
var memberFields = table[*customer]{
	"displayName": customerFields["displayName"], "firstName": customerFields["firstName"], "lastName": customerFields["lastName"], "note": customerFields["note"],
	"amountSpent": customerFields["amountSpent"], "numberOfOrders": customerFields["numberOfOrders"], "mergeable": customerFields["mergeable"],
	"defaultAddress": customerFields["defaultAddress"], "defaultEmailAddress": customerFields["defaultEmailAddress"], "defaultPhoneNumber": customerFields["defaultPhoneNumber"],
	"lastOrderId": func(_ *state, v *customer, _ *graph.Call) any {
		if o := v.lastOrder(); o != nil {
			return o.gid
		}
		return nil
	},
}

// segmentRoots are the fields of QueryRoot about segments.
var segmentRoots = map[string]func(s *state, c *graph.Call) (any, error){
	"segment": byID[*segment],
	"segments": func(s *state, c *graph.Call) (any, error) {
		return query(c, segmentIndex, s.segments, segmentSort), nil
	},
	"segmentsCount":             counter(segmentIndex, func(s *state) []*segment { return s.segments }),
	"customerSegmentMembers":    customerSegmentMembers,
	"customerSegmentMembership": customerSegmentMembership,
}

// https://shopify.dev/docs/api/admin-graphql/latest/queries/customerSegmentMembers
func customerSegmentMembers(s *state, c *graph.Call) (any, error) {
	text, id := text(c.Args, "query"), text(c.Args, "segmentId")
	var match segmentQuery
	switch {
	case c.Args["queryId"] != nil || c.Args["sortKey"] != nil:
		return nil, notSimulated("queryId and sortKey of customerSegmentMembers")
	case text != "" && id != "":
		return nil, graph.NewError("BAD_REQUEST", "Only one of query and segmentId may be given.")
	case text == "" && id == "":
		match = func(*state, *customer) bool { return true }
	case id != "":
		g, ok := find[*segment](s, id)
		if !ok {
			return nil, graph.NewError("RESOURCE_NOT_FOUND", "Segment does not exist")
		}
		match = g.match
	default:
		var problem string
		if match, problem = parseSegment(text); problem != "" {
			return nil, graph.NewError("BAD_REQUEST", problem)
		}
	}
	members := []any{}
	for _, v := range s.customers {
		if match(s, v) {
			members = append(members, graph.Object{"__typename": "CustomerSegmentMember", "id": gid("CustomerSegmentMember", v.id), self: v, graph.Stored: true})
		}
	}
	return graph.Connection{Nodes: members, Fields: graph.Object{"totalCount": len(members)}}, nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/queries/customerSegmentMembership
func customerSegmentMembership(s *state, c *graph.Call) (any, error) {
	v, known := find[*customer](s, text(c.Args, "customerId"))
	out := graph.List{}
	for _, id := range stringList(c.Args["segmentIds"]) {
		if g, ok := find[*segment](s, id); ok {
			out = append(out, graph.Object{"__typename": "SegmentMembership", "segmentId": id, "isMember": known && g.match(s, v)})
		}
	}
	return graph.Object{"__typename": "SegmentMembershipResponse", "memberships": out}, nil
}

// segmentMutations are those on segments.
var segmentMutations = map[string]func(s *state, c *graph.Call) (any, error){
	"segmentCreate": segmentCreate,
	"segmentUpdate": segmentUpdate,
	"segmentDelete": segmentDelete,
}

// checkSegment checks the arguments for the segment, nil for a new one, and reads the query.
func (s *state) checkSegment(g *segment, c *graph.Call) (match segmentQuery, errs []userError) {
	if name, sent := c.Args["name"].(string); sent {
		switch {
		case strings.TrimSpace(name) == "":
			errs = append(errs, userError{field: []string{"name"}, message: "Name can't be blank"})
		case len(name) > 255:
			errs = append(errs, userError{field: []string{"name"}, message: "Name is too long (maximum is 255 characters)"})
		case slices.ContainsFunc(s.segments, func(o *segment) bool { return o != g && strings.EqualFold(o.name, name) }):
			errs = append(errs, userError{field: []string{"name"}, message: "Name has already been taken"})
		}
	}
	if text, sent := c.Args["query"].(string); sent {
		var problem string
		if match, problem = parseSegment(text); problem != "" {
			errs = append(errs, userError{field: []string{"query"}, message: problem})
		}
	}
	return match, errs
}

func (s *state) emitSegment(topic string, g *segment) {
	s.emit(topic, g, map[string]any{
		"id": g.id, "name": g.name, "query": g.query, "creationDate": g.createdAt.UTC(), "lastEditDate": g.updatedAt.UTC(),
	}, s.newGroup())
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/segmentCreate
func segmentCreate(s *state, c *graph.Call) (any, error) {
	match, errs := s.checkSegment(nil, c)
	if len(errs) > 0 {
		return refused(errs...), nil
	}
	g := &segment{name: text(c.Args, "name"), query: text(c.Args, "query"), match: match}
	s.add(g, "Segment", 0, s.now())
	s.segments = append(s.segments, g)
	s.emitSegment("segments/create", g)
	return done("segment", object(g)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/segmentUpdate
func segmentUpdate(s *state, c *graph.Call) (any, error) {
	g, ok := find[*segment](s, text(c.Args, "id"))
	if !ok {
		return refused(userError{field: []string{"id"}, message: "Segment does not exist"}), nil
	}
	match, errs := s.checkSegment(g, c)
	if len(errs) > 0 {
		return refused(errs...), nil
	}
	if name, sent := c.Args["name"].(string); sent {
		g.name = name
	}
	if match != nil {
		g.query, g.match = text(c.Args, "query"), match
	}
	s.touch(g)
	s.emitSegment("segments/update", g)
	return done("segment", object(g)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/segmentDelete
func segmentDelete(s *state, c *graph.Call) (any, error) {
	g, ok := find[*segment](s, text(c.Args, "id"))
	if !ok {
		return refused(userError{field: []string{"id"}, message: "Segment does not exist"}), nil
	}
	s.segments = remove(s.segments, g)
	delete(s.byID, g.gid)
	s.emit("segments/delete", g, map[string]any{"id": g.id, "admin_graphql_api_id": g.gid}, s.newGroup())
	return done("deletedSegmentId", g.gid), nil
}
