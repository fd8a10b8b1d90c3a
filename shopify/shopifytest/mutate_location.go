package shopifytest

import (
	"regexp"
	"strings"
	"time"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

var locationMutations = map[string]func(s *state, c *graph.Call) (any, error){
	"locationAdd":        locationAdd,
	"locationEdit":       locationEdit,
	"locationActivate":   locationActivate,
	"locationDeactivate": locationDeactivate,
	"locationDelete":     locationDelete,

	"inventoryActivate":   inventoryActivate,
	"inventoryDeactivate": inventoryDeactivate,
}

// usZip is the form of ZIP codes of the United States, with or without the four digits more.
var usZip = regexp.MustCompile(`^[0-9]{5}(-[0-9]{4})?$`)

// checkLocation is what is wrong with an input; the location is nil if it is to be made.
func (s *state) checkLocation(l *location, in map[string]any) []userError {
	var errs []userError
	bad := func(code, message string, field ...string) {
		errs = append(errs, userError{append([]string{"input"}, field...), message, code})
	}
	if _, sent := in["name"]; sent {
		switch name := strings.TrimSpace(text(in, "name")); {
		case name == "":
			bad("BLANK", "Name can't be blank", "name")
		case s.namesake(l, name) != nil:
			bad("TAKEN", "Name has already been taken", "name")
		}
	}
	var a AddressData
	if l != nil {
		a = l.data.Address
	}
	writeLocationAddress(&a, nested(in, "address"))
	if a.CountryCode == "US" && a.Zip != "" && !usZip.MatchString(a.Zip) {
		bad("INVALID_US_ZIPCODE", "Zip is not a valid US ZIP code", "address", "zip")
	}
	if in["fulfillsOnlineOrders"] == false && l != nil && s.lastToSend(l) {
		bad("CANNOT_DISABLE_ONLINE_ORDER_FULFILLMENT", "At least one location must fulfill online orders.", "fulfillsOnlineOrders")
	}
	return append(errs, s.checkMetafields("LOCATION", nodeOrNil(l), in["metafields"], "input", "metafields")...)
}

// writeLocation carries out a checked input.
func (s *state) writeLocation(l *location, in map[string]any) {
	if _, sent := in["name"]; sent {
		l.data.Name = strings.TrimSpace(text(in, "name"))
	}
	writeLocationAddress(&l.data.Address, nested(in, "address"))
	if online, sent := in["fulfillsOnlineOrders"].(bool); sent {
		l.online = online
	}
	s.setMetafields(l, in["metafields"])
	s.touch(l)
}

func writeLocationAddress(a *AddressData, in map[string]any) {
	if country, sent := in["countryCode"].(string); sent && country != a.CountryCode {
		a.CountryCode, a.Country = country, "" // the input has no name of it
	}
	if _, sent := in["provinceCode"]; sent && text(in, "provinceCode") != a.ProvinceCode {
		a.ProvinceCode, a.Province = text(in, "provinceCode"), ""
	}
	for key, target := range map[string]*string{"address1": &a.Address1, "address2": &a.Address2, "city": &a.City, "zip": &a.Zip, "phone": &a.Phone} {
		setText(in, key, target)
	}
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/locationAdd
func locationAdd(s *state, c *graph.Call) (any, error) {
	in := input(c, "input")
	if errs := s.checkLocation(nil, in); len(errs) > 0 {
		return refused(errs...), nil
	}
	home := s.home().data
	l := &location{data: LocationData{TaxTitle: home.TaxTitle, TaxRate: home.TaxRate}, online: true}
	s.add(l, "Location", 0, s.now())
	l.data.ID = l.id
	s.locations = append(s.locations, l)
	s.writeLocation(l, in)
	s.emit("locations/create", l, s.locationPayload(l), s.newGroup())
	return done("location", object(l)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/locationEdit
func locationEdit(s *state, c *graph.Call) (any, error) {
	l, ok := find[*location](s, text(c.Args, "id"))
	if !ok {
		return refused(userError{[]string{"id"}, "Location not found.", "NOT_FOUND"}), nil
	}
	in := input(c, "input")
	if errs := s.checkLocation(l, in); len(errs) > 0 {
		return refused(errs...), nil
	}
	s.writeLocation(l, in)
	s.emit("locations/update", l, s.locationPayload(l), s.newGroup())
	return done("location", object(l)), nil
}

// named is a payload whose list of user errors is called otherwise.
func named(list string, payload graph.Object) graph.Object {
	payload[list] = payload["userErrors"]
	delete(payload, "userErrors")
	return payload
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/locationActivate
func locationActivate(s *state, c *graph.Call) (any, error) {
	const errs = "locationActivateUserErrors"
	l, ok := find[*location](s, text(c.Args, "locationId"))
	switch {
	case !ok:
		return named(errs, refused(userError{[]string{"locationId"}, "Location not found.", "LOCATION_NOT_FOUND"})), nil
	case l.active():
		return named(errs, done("location", object(l))), nil
	case s.namesake(l, l.data.Name) != nil:
		return named(errs, refused(userError{[]string{"locationId"}, "There is already an active location with this name.", "HAS_NON_UNIQUE_NAME"})), nil
	}
	l.deactivatedAt = time.Time{}
	s.tellLocation(l, "activate", s.newGroup())
	return named(errs, done("location", object(l))), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/locationDeactivate
func locationDeactivate(s *state, c *graph.Call) (any, error) {
	const errs = "locationDeactivateUserErrors"
	no := func(code, message, field string) (any, error) {
		return named(errs, refused(userError{[]string{field}, message, code})), nil
	}
	l, ok := find[*location](s, text(c.Args, "locationId"))
	if !ok {
		return no("LOCATION_NOT_FOUND", "Location not found.", "locationId")
	}
	id := text(c.Args, "destinationLocationId")
	to, found := find[*location](s, id)
	switch {
	case to == l:
		return no("DESTINATION_LOCATION_IS_THE_SAME_LOCATION", "Destination location is the same as the location to be deactivated.", "destinationLocationId")
	case id != "" && (!found || !to.active()):
		return no("DESTINATION_LOCATION_NOT_FOUND_OR_INACTIVE", "Destination location is not found or inactive.", "destinationLocationId")
	case !l.active():
		return named(errs, done("location", object(l))), nil
	case s.lastToSend(l):
		return no("CANNOT_DISABLE_ONLINE_ORDER_FULFILLMENT", "At least one location must fulfill online orders.", "locationId")
	case id == "" && s.hasStock(l):
		return no("HAS_ACTIVE_INVENTORY_ERROR", "Location could not be deactivated without specifying where to relocate inventory at the location.", "locationId")
	case id == "" && len(s.pending(l)) > 0:
		return no("HAS_FULFILLMENT_ORDERS_ERROR", "Location could not be deactivated because it has pending orders.", "locationId")
	case id == "" && len(s.moving(l)) > 0:
		return no("HAS_INCOMING_MOVEMENTS_ERROR", "Location could not be deactivated because it has inventory movements.", "locationId")
	}
	for _, t := range s.moving(l) {
		if t.origin == to || t.destination == to {
			return no("FAILED_TO_RELOCATE_INCOMING_MOVEMENTS", "Failed to relocate incoming movements to the destination location.", "destinationLocationId")
		}
	}
	s.closeLocation(l, to)
	return named(errs, done("location", object(l))), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/locationDelete
func locationDelete(s *state, c *graph.Call) (any, error) {
	const errs = "locationDeleteUserErrors"
	l, ok := find[*location](s, text(c.Args, "locationId"))
	switch {
	case !ok:
		return named(errs, refused(userError{[]string{"locationId"}, "Location not found.", "LOCATION_NOT_FOUND"})), nil
	case l.active(): // one that is not has neither stock nor pending orders
		return named(errs, refused(userError{[]string{"locationId"}, "The location cannot be deleted while it is active.", "LOCATION_IS_ACTIVE"})), nil
	}
	s.removeLocation(l)
	return named(errs, done("deletedLocationId", l.gid)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/inventoryActivate
func inventoryActivate(s *state, c *graph.Call) (any, error) {
	no := func(field, message string) (any, error) {
		return refused(userError{field: []string{field}, message: message}), nil
	}
	i, ok := find[*item](s, text(c.Args, "inventoryItemId"))
	if !ok {
		return no("inventoryItemId", "The inventory item couldn't be found")
	}
	l, ok := find[*location](s, text(c.Args, "locationId"))
	if !ok || !l.active() {
		return no("locationId", "The location couldn't be found")
	}
	for _, key := range []string{"available", "onHand"} {
		n, given := c.Args[key].(int)
		switch {
		case given && i.at(l) != nil:
			return no(key, "Not allowed to set "+lower(sentence(key))+" quantity when the item is already active at the location.")
		case n > maxQuantity || n < -maxQuantity:
			return no(key, "The quantity must be between -1,000,000,000 and 1,000,000,000.")
		case given && key == "onHand" && c.Args["available"] != nil:
			return no(key, "Not allowed to set both the available and the on hand quantity.")
		}
	}
	if lv := i.at(l); lv != nil {
		return done("inventoryLevel", object(lv)), nil
	}
	group := s.newGroup()
	lv := s.stock(i, l, group)
	for _, key := range []string{"available", "onHand"} { // nothing else of it is on hand yet
		if n, given := c.Args[key].(int); given {
			s.adjust(lv, "available", n)
			s.emit("inventory_levels/update", lv, s.levelPayload(lv), group)
		}
	}
	return done("inventoryLevel", object(lv)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/inventoryDeactivate
func inventoryDeactivate(s *state, c *graph.Call) (any, error) {
	lv, ok := find[*level](s, text(c.Args, "inventoryLevelId"))
	message := "The inventory level couldn't be found"
	if ok {
		message = lv.stays()
	}
	if message != "" {
		return refused(userError{field: []string{"inventoryLevelId"}, message: message}), nil
	}
	if !lv.inactive {
		s.unstock(lv, s.newGroup())
	}
	return graph.Object{"userErrors": graph.List{}, graph.Closed: true}, nil
}
