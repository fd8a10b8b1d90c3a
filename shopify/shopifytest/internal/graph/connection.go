package graph

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// A page is the part of a connection that the arguments ask for.
type page struct {
	nodes                []any
	start                int // of nodes, in the whole list
	hasPrevious, hasNext bool
}

// paged turns the value of a connection field into the connection object, and
// tells how many elements the page has. Objects stay as they are.
func (x *execution) paged(s *selection, value any) (conn Object, n int, err error) {
	typeName := s.def.Type.NamedType
	var c Connection
	switch v := value.(type) {
	case Connection:
		c = v
	case *Connection:
		c = *v
	default:
		if obj, ok := asObject(value); ok {
			nodes, _ := asSlice(obj["nodes"])
			return obj, len(nodes), nil
		}
		nodes, ok := asSlice(value)
		if !ok {
			return nil, 0, fmt.Errorf("a %T is not a connection", value)
		}
		c = Connection{Nodes: nodes}
	}
	args, err := x.op.arguments(s)
	if err != nil {
		return nil, 0, NewError("INVALID_FIELD_ARGUMENTS", err.Error())
	}
	p, err := slicePage(c.Nodes, args)
	if err != nil {
		return nil, 0, err
	}
	conn = Object{typenameField: typeName}
	maps.Copy(conn, c.Fields)
	edges := make([]any, len(p.nodes))
	for i, node := range p.nodes {
		edge := Object{"node": node, "cursor": cursor(node, p.start+i)}
		if c.Edge != nil {
			maps.Copy(edge, c.Edge(node))
		}
		edges[i] = edge
	}
	info := Object{
		"hasNextPage": p.hasNext, "hasPreviousPage": p.hasPrevious,
		"startCursor": nil, "endCursor": nil,
	}
	if n := len(p.nodes); n > 0 {
		info["startCursor"] = cursor(p.nodes[0], p.start)
		info["endCursor"] = cursor(p.nodes[n-1], p.start+n-1)
	}
	conn["nodes"], conn["edges"], conn["pageInfo"] = p.nodes, edges, info
	return conn, len(p.nodes), nil
}

// slicePage applies reverse, after, before, first and last, in this order.
func slicePage(nodes []any, args map[string]any) (page, error) {
	first, hasFirst := args["first"].(int)
	last, hasLast := args["last"].(int)
	switch {
	case hasFirst && hasLast:
		return page{}, badPage("providing both first and last is not supported")
	case !hasFirst && !hasLast:
		return page{}, badPage("you must provide one of first or last")
	case first < 0, last < 0:
		return page{}, badPage("first and last must not be negative")
	case first > maxPage, last > maxPage:
		return page{}, badPage(fmt.Sprintf("first and last must not exceed %d", maxPage))
	}
	if reverse, _ := args["reverse"].(bool); reverse {
		nodes = slices.Clone(nodes)
		slices.Reverse(nodes)
	}
	lo, hi := 0, len(nodes)
	if text, ok := args["after"].(string); ok {
		at, exact, err := position(nodes, text)
		if err != nil {
			return page{}, err
		}
		lo = at
		if exact {
			lo++
		}
	}
	if text, ok := args["before"].(string); ok {
		at, _, err := position(nodes, text)
		if err != nil {
			return page{}, err
		}
		hi = at
	}
	lo = min(lo, len(nodes))
	hi = max(lo, min(hi, len(nodes)))
	if hasFirst {
		hi = min(hi, lo+first)
	} else {
		lo = max(lo, hi-last)
	}
	return page{nodes: nodes[lo:hi:hi], start: lo, hasPrevious: lo > 0, hasNext: hi < len(nodes)}, nil
}

func badPage(message string) *Error { return NewError("BAD_REQUEST", message) }

// A cursorValue is what a cursor says: the element, and where it was.
type cursorValue struct {
	ID string `json:"id,omitempty"`
	At int    `json:"at"`
}

func cursor(node any, at int) string {
	c := cursorValue{At: at}
	if obj, ok := asObject(node); ok {
		c.ID = obj.ID()
	}
	b, _ := json.Marshal(c) //nolint:errchkjson // a string and an int always marshal
	return base64.StdEncoding.EncodeToString(b)
}

// position finds a cursor's element. Where the element is gone, the position is
// that of its follower, as far as one can tell, and not exact.
func position(nodes []any, text string) (at int, exact bool, err error) {
	b, err := base64.StdEncoding.DecodeString(text)
	var c cursorValue
	if err != nil || json.Unmarshal(b, &c) != nil || c.At < 0 {
		return 0, false, NewError("INVALID_FIELD_ARGUMENTS", "Invalid cursor for current pagination sort.")
	}
	if c.ID == "" {
		return min(c.At, len(nodes)), c.At < len(nodes), nil
	}
	is := func(node any) bool {
		obj, ok := asObject(node)
		return ok && obj.ID() == c.ID
	}
	if c.At < len(nodes) && is(nodes[c.At]) {
		return c.At, true, nil
	}
	if i := slices.IndexFunc(nodes, is); i >= 0 {
		return i, true, nil
	}
	return min(c.At, len(nodes)), false, nil
}

// connection writes a connection object and charges for it: like the requested
// cost, with the elements that there are.
func (x *execution) connection(s *selection, t *ast.Type, conn Object, n int, seed uint64) bool {
	def := x.op.engine.schema.Types[t.NamedType]
	typeName, err := x.op.engine.concreteType(def, conn)
	if err != nil {
		return x.null(s, t, err)
	}
	start, waiting, before := len(x.buf), len(x.later), x.cost
	id := identity(conn, seed, s)
	var elements, others float64
	x.connections++
	x.buf = append(x.buf, '{')
	ok := true
	fields := x.op.children(s, typeName)
	for _, c := range fields {
		if c.later != nil {
			continue
		}
		if len(x.buf) > start+1 {
			x.buf = append(x.buf, ',')
		}
		x.buf = appendJSON(x.buf, c.key)
		x.buf = append(x.buf, ':')
		x.cost = 0
		x.path = append(x.path, c.key)
		ok = x.field(typeName, conn, id, c)
		x.path = x.path[:len(x.path)-1]
		if !ok || x.fatal != nil {
			ok = false
			break
		}
		switch c.name() {
		case "nodes", "edges":
			elements = max(elements, x.cost, float64(n))
		default:
			others += x.cost
		}
	}
	x.connections--
	x.cost = before + connectionBase + others
	if n > 0 {
		x.cost += elements / float64(n) * float64(share(n))
	}
	if !ok {
		x.rewind(start, waiting)
		return x.null(s, t, nil)
	}
	x.buf = append(x.buf, '}')
	x.postpone(typeName, conn, id, fields)
	return true
}
