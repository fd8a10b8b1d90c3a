package shopifytest

import (
	"slices"
	"strings"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// home is the location that sends what is ordered online: the first that does.
func (s *state) home() *location {
	if i := slices.IndexFunc(s.locations, (*location).sendsOrders); i >= 0 {
		return s.locations[i]
	}
	return s.locations[0]
}

func (l *location) sendsOrders() bool { return l.online && l.active() }

func (l *location) active() bool { return l.deactivatedAt.IsZero() }

// activeLocations are those where something can be stocked and sold.
func (s *state) activeLocations() []*location {
	return slices.DeleteFunc(slices.Clone(s.locations), func(l *location) bool { return !l.active() })
}

// locationsOf are those that a call asks for.
func (s *state) locationsOf(c *graph.Call) []*location {
	if c.Args["includeInactive"] == true {
		return s.locations
	}
	return s.activeLocations()
}

// namesake is another active location of that name, or nil.
func (s *state) namesake(l *location, name string) *location {
	for _, o := range s.locations {
		if o != l && o.active() && strings.EqualFold(o.data.Name, name) {
			return o
		}
	}
	return nil
}

// lastToSend tells that nobody but l sends what is ordered online.
func (s *state) lastToSend(l *location) bool {
	return l.sendsOrders() && !slices.ContainsFunc(s.locations, func(o *location) bool { return o != l && o.sendsOrders() })
}

// levelsAt are the active levels of the location.
func (s *state) levelsAt(l *location) []*level {
	out := make([]*level, 0, len(s.variants))
	for _, v := range s.variants {
		if lv := v.item.at(l); lv != nil {
			out = append(out, lv)
		}
	}
	return out
}

// empty tells that no quantity of the level says anything.
func (l *level) empty() bool {
	for _, n := range l.quantities {
		if n != 0 {
			return false
		}
	}
	return true
}

func (s *state) hasStock(l *location) bool {
	return slices.ContainsFunc(s.levelsAt(l), func(lv *level) bool { return !lv.empty() })
}

// pending are the orders of which the location has yet to send something.
func (s *state) pending(l *location) []*order {
	var out []*order
	for _, o := range s.orders {
		if o.cancelledAt.IsZero() && s.origin(o) == l && slices.ContainsFunc(o.lines, func(l *lineItem) bool { return l.unfulfilled() > 0 }) {
			out = append(out, o)
		}
	}
	return out
}

// moving are the transfers from or to the location that have not come to their end.
func (s *state) moving(l *location) []*transfer {
	var out []*transfer
	for _, t := range s.transfers {
		if (t.origin == l || t.destination == l) && t.status != "TRANSFERRED" && t.status != "CANCELED" {
			out = append(out, t)
		}
	}
	return out
}

// newLevel files that an item is stocked at a location.
func (s *state) newLevel(i *item, l *location, available int) *level {
	lv := &level{item: i, location: l, quantities: map[string]int{"available": available}}
	id, own := s.newID("InventoryLevel")
	lv.gid = own + "?inventory_item_id=" + numeric(i)
	s.add(lv, "InventoryLevel", id, s.now())
	i.levels = append(i.levels, lv)
	return lv
}

// stock is the level of an item at a location; it makes it active if it is not.
func (s *state) stock(i *item, l *location, group string) *level {
	if lv := i.at(l); lv != nil {
		return lv
	}
	n := slices.IndexFunc(i.levels, func(lv *level) bool { return lv.location == l })
	if n < 0 {
		s.newLevel(i, l, 0)
		n = len(i.levels) - 1
	}
	lv := i.levels[n]
	lv.inactive = false
	s.touch(lv)
	s.emit("inventory_levels/connect", lv, s.levelPayload(lv), group)
	return lv
}

// unstock ends that an item is stocked at a location. Its quantities are gone.
func (s *state) unstock(lv *level, group string) {
	lv.inactive, lv.quantities = true, map[string]int{}
	s.touch(lv)
	s.emit("inventory_levels/disconnect", lv, map[string]any{"inventory_item_id": lv.item.id, "location_id": lv.location.id}, group)
}

// stays says why the item cannot cease to be stocked at the location, or "".
func (l *level) stays() string {
	others := slices.ContainsFunc(l.item.levels, func(o *level) bool { return o != l && !o.inactive })
	switch {
	case l.inactive:
		return ""
	case !others:
		return "The inventory item couldn't be unstocked from " + l.location.data.Name + " because it isn't stocked at another location."
	}
	for _, name := range []string{"committed", "incoming", "reserved"} {
		if l.quantities[name] != 0 {
			return "The inventory item couldn't be unstocked from " + l.location.data.Name + " because it has " + name + " inventory there."
		}
	}
	return ""
}

// closeLocation closes the location. What it has and what it has yet to do moves to the other one, nil if there is nothing
// to move.
func (s *state) closeLocation(l, to *location) {
	group := s.newGroup()
	for _, lv := range s.levelsAt(l) {
		if !lv.empty() {
			other := s.stock(lv.item, to, group)
			for name, n := range lv.quantities {
				other.quantities[name] += n
			}
			s.touch(other)
			s.emit("inventory_levels/update", other, s.levelPayload(other), group)
		}
		s.unstock(lv, group)
	}
	for _, o := range s.pending(l) {
		o.origin = to
	}
	for _, t := range s.moving(l) {
		if t.origin == l {
			t.origin = to
		}
		if t.destination == l {
			t.destination = to
		}
		s.touch(t)
	}
	l.deactivatedAt = s.now()
	s.tellLocation(l, "deactivate", group)
}

// tellLocation tells that a location was activated or deactivated, which is an update, too.
//
// https://changelog.shopify.com/posts/webhook-topics-specifically-for-activating-and-deactivating-locations
func (s *state) tellLocation(l *location, what, group string) {
	s.touch(l)
	s.emit("locations/"+what, l, s.locationPayload(l), group)
	s.emit("locations/update", l, s.locationPayload(l), group)
}

// removeLocation takes a closed location out of what can be found. Orders that were sold there say so still.
func (s *state) removeLocation(l *location) {
	for _, v := range s.variants {
		v.item.levels = slices.DeleteFunc(v.item.levels, func(lv *level) bool {
			if lv.location == l {
				delete(s.byID, lv.gid)
			}
			return lv.location == l
		})
	}
	for _, m := range s.staff {
		if m.location == l {
			m.location = nil
		}
	}
	s.locations = remove(s.locations, l)
	s.forget(l)
	s.emit("locations/delete", l, map[string]any{"id": l.id}, s.newGroup())
}

func (s *state) locationPayload(l *location) map[string]any {
	a := l.data.Address
	return map[string]any{
		"id": l.id, "name": l.data.Name, "address1": orNull(a.Address1), "address2": orNull(a.Address2), "city": orNull(a.City), "zip": orNull(a.Zip),
		"province": orNull(a.Province), "country": orNull(a.CountryCode), "phone": orNull(a.Phone), "created_at": s.restTime(l.createdAt), "updated_at": s.restTime(l.updatedAt),
		"country_code": orNull(a.CountryCode), "country_name": orNull(a.Country), "province_code": orNull(a.ProvinceCode), "legacy": false, "active": l.active(),
		"admin_graphql_api_id": l.gid,
	}
}
