package inbox

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/posai-go/posai/webhook"
)

// Resource is what a delivery is about.
type Resource struct {
	// ID names the thing within its shop, such as
	// "orders/820982911946154508". Of deliveries with the same topic and ID,
	// the one with the latest Version is the present state. If empty, it is
	// not known, and the delivery is never stale.
	ID string

	// Ordering names what must not be worked on twice at once, such as the
	// order that a refund belongs to. If empty, the ID.
	Ordering string

	// Version is when the thing was last changed, as of the delivery. If zero,
	// the delivery's TriggeredAt.
	Version time.Time
}

// maxResource bounds names that come out of a body, in bytes.
const maxResource = 200

// ResourceOf reads what a delivery is about from its topic and body: the ID
// from "id" (of an inventory level, from the ids of item and location), the
// version from "updated_at", or else "created_at". What belongs to an order,
// such as a refund, a return, a transaction or a fulfillment, is ordered with
// that order. It is the default of [Options.Resource] and does not decode the
// whole body.
func ResourceOf(d webhook.Delivery) Resource {
	family, _, ok := strings.Cut(d.Topic, "/")
	if !ok {
		family, _, _ = strings.Cut(d.Topic, ".") // "customer.tags_added"
		family += "s"
	}
	var f members
	f.scan(d.Body)
	if inner := f.inner(); inner != nil { // {"order_edit": {…}}
		f = members{}
		f.scan(inner)
	}
	var r Resource
	switch item, location := number(f.item), number(f.location); {
	case family == "inventory_levels" && item != "":
		r.ID = "inventory_levels/" + item + "-" + location
	case number(f.id) != "":
		r.ID = family + "/" + number(f.id)
	case number(f.customer) != "":
		r.ID = "customers/" + number(f.customer)
	}
	order := number(f.orderID)
	if order == "" && len(f.order) > 0 { // a return's order
		var o members
		o.scan(f.order)
		order = number(o.id)
	}
	if order != "" {
		r.Ordering = "orders/" + order
		if family == "orders" { // orders/edited is about an edit
			r.ID = strings.Replace(r.ID, "orders/", "order_edits/", 1)
		}
	}
	if len(r.ID) > maxResource || len(r.Ordering) > maxResource {
		return Resource{}
	}
	for _, raw := range [...][]byte{f.updated, f.created} {
		var at time.Time
		if len(raw) > 0 && json.Unmarshal(raw, &at) == nil && !at.IsZero() {
			r.Version = at
			break
		}
	}
	return r
}

// number is the numeric id in a JSON number, a string of digits or a GID, or
// "".
func number(raw []byte) string {
	s := strings.Trim(string(raw), `"`)
	if i := strings.LastIndexByte(s, '/'); i >= 0 && strings.HasPrefix(s, "gid:") {
		s = s[i+1:]
	}
	if n, err := strconv.ParseInt(s, 10, 64); err != nil || n <= 0 {
		return ""
	}
	return s
}

// members are the raw values of an object's members that tell what it is
// about.
type members struct {
	id, updated, created, orderID, order, item, location, customer []byte
	single                                                         []byte // the value, if there is but one member
	count                                                          int
}

// inner is the object that is the only member's value, or nil.
func (f *members) inner() []byte {
	if f.count == 1 && len(f.single) > 0 && f.single[0] == '{' {
		return f.single
	}
	return nil
}

func (f *members) set(key, value []byte) {
	f.single = value
	f.count++
	switch string(key) {
	case "id":
		f.id = value
	case "updated_at":
		f.updated = value
	case "created_at":
		f.created = value
	case "order_id":
		f.orderID = value
	case "order":
		f.order = value
	case "inventory_item_id":
		f.item = value
	case "location_id":
		f.location = value
	case "customerId":
		f.customer = value
	}
}

// scan finds the members of the object in data without decoding their values,
// which for a large body is many times as fast. It stops where data is no
// JSON; whoever decodes the body will say so.
func (f *members) scan(data []byte) {
	i := skipSpace(data, 0)
	if i >= len(data) || data[i] != '{' {
		return
	}
	for i++; ; i++ {
		i = skipSpace(data, i)
		if i >= len(data) || data[i] != '"' {
			return
		}
		end := skipString(data, i)
		if end < 0 {
			return
		}
		key := data[i+1 : end-1]
		if i = skipSpace(data, end); i >= len(data) || data[i] != ':' {
			return
		}
		i = skipSpace(data, i+1)
		if end = skipValue(data, i); end < 0 {
			return
		}
		f.set(key, bytes.TrimRight(data[i:end], " \t\r\n"))
		if i = skipSpace(data, end); i >= len(data) || data[i] != ',' {
			return
		}
	}
}

func skipSpace(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\n' || data[i] == '\r' || data[i] == '\t') {
		i++
	}
	return i
}

// skipString returns the index after the string that begins at i, or -1.
func skipString(data []byte, i int) int {
	for i++; ; i++ {
		n := bytes.IndexByte(data[i:], '"')
		if n < 0 {
			return -1
		}
		i += n
		slashes := 0
		for data[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i + 1
		}
	}
}

// skipValue returns the index after the value that begins at i, or -1.
func skipValue(data []byte, i int) int {
	for depth := 0; i < len(data); {
		switch data[i] {
		case '"':
			if i = skipString(data, i); i < 0 {
				return -1
			}
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // the end of what is around a number
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return -1
}
