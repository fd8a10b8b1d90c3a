package shopifytest

import (
	"net/url"
	"slices"
	"strconv"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

const maxQuantity = 1_000_000_000

// inventoryReasons are why stock may change.
// https://shopify.dev/docs/apps/build/orders-fulfillment/inventory-management-apps#set-inventory-quantities-on-hand
var inventoryReasons = []string{
	"correction", "cycle_count_available", "damaged", "movement_canceled", "movement_created", "movement_received", "movement_updated", "other",
	"promotion", "quality_control", "received", "reservation_created", "reservation_deleted", "reservation_updated", "restock", "safety_stock", "shrinkage",
}

// inventoryChange is one element of what a call does to the stock.
type inventoryChange struct {
	level *level
	name  string
	delta int
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/inventoryAdjustQuantities
func inventoryAdjustQuantities(s *state, c *graph.Call) (any, error) {
	in := input(c, "input")
	name := text(in, "name")
	adjustable := slices.DeleteFunc(slices.Clone(quantityNames), func(n string) bool { return n == "on_hand" || n == "committed" })
	if !slices.Contains(adjustable, name) {
		return refused(userError{[]string{"input", "name"}, "The quantity name must be either 'available', 'damaged', 'incoming', 'quality_control', 'reserved' or 'safety_stock'.", "INVALID_QUANTITY_NAME"}), nil
	}
	return s.changeStock(in, "changes", func(lv *level, element map[string]any, field []string) (inventoryChange, *userError) {
		delta, _ := element["delta"].(int)
		after := lv.quantity(name) + delta
		if after > maxQuantity || delta > maxQuantity {
			return inventoryChange{}, &userError{append(field, "delta"), "The quantity can't be higher than 1,000,000,000.", "INVALID_QUANTITY_TOO_HIGH"}
		}
		if after < -maxQuantity || delta < -maxQuantity {
			return inventoryChange{}, &userError{append(field, "delta"), "The quantity can't be lower than -1,000,000,000.", "INVALID_QUANTITY_TOO_LOW"}
		}
		return inventoryChange{lv, name, delta}, nil
	})
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/inventorySetQuantities
func inventorySetQuantities(s *state, c *graph.Call) (any, error) {
	in := input(c, "input")
	name := text(in, "name")
	if name != "available" && name != "on_hand" {
		return refused(userError{[]string{"input", "name"}, "The quantity name must be either 'available' or 'on_hand'.", "INVALID_NAME"}), nil
	}
	return s.changeStock(in, "quantities", func(lv *level, element map[string]any, field []string) (inventoryChange, *userError) {
		quantity, _ := element["quantity"].(int)
		switch {
		case quantity < 0:
			return inventoryChange{}, &userError{append(field, "quantity"), "The quantity can't be negative.", "INVALID_QUANTITY_NEGATIVE"}
		case quantity > maxQuantity:
			return inventoryChange{}, &userError{append(field, "quantity"), "The quantity can't be higher than 1,000,000,000.", "INVALID_QUANTITY_TOO_HIGH"}
		}
		return inventoryChange{lv, name, quantity - lv.quantity(name)}, nil
	})
}

// changeStock checks and carries out the elements of in[list], all or none.
func (s *state) changeStock(in map[string]any, list string, plan func(lv *level, element map[string]any, field []string) (inventoryChange, *userError)) (any, error) {
	if !slices.Contains(inventoryReasons, text(in, "reason")) {
		return refused(userError{[]string{"input", "reason"}, "The specified reason is invalid.", "INVALID_REASON"}), nil
	}
	if uri := text(in, "referenceDocumentUri"); uri != "" {
		u, parseErr := url.Parse(uri)
		if bad := parseErr != nil || u.Scheme == ""; bad {
			return refused(userError{[]string{"input", "referenceDocumentUri"}, "The specified reference document is invalid.", "INVALID_REFERENCE_DOCUMENT"}), nil
		}
	}
	var (
		errs    []userError
		changes []inventoryChange
		name    = text(in, "name")
	)
	for i, element := range objects(in[list]) {
		field := []string{"input", list, strconv.Itoa(i)}
		from, sent := element["changeFromQuantity"]
		if !sent {
			return nil, graph.NewError("INVALID_FIELD_ARGUMENTS", "The changeFromQuantity argument is required: send the quantity that you expect, or null to change it whatever it is.")
		}
		it, ok := find[*item](s, text(element, "inventoryItemId"))
		if !ok {
			errs = append(errs, userError{append(field, "inventoryItemId"), "The specified inventory item could not be found.", "INVALID_INVENTORY_ITEM"})
			continue
		}
		l, ok := find[*location](s, text(element, "locationId"))
		if !ok {
			errs = append(errs, userError{append(field, "locationId"), "The specified location could not be found.", "INVALID_LOCATION"})
			continue
		}
		lv := it.at(l)
		if lv == nil {
			errs = append(errs, userError{append(field, "locationId"), "The inventory item is not stocked at the specified location.", "INVALID_LOCATION"})
			continue
		}
		if expected, ok := from.(int); ok && expected != lv.quantity(name) {
			errs = append(errs, userError{append(field, "changeFromQuantity"), "The changeFromQuantity argument no longer matches the persisted quantity.", "CHANGE_FROM_QUANTITY_STALE"})
			continue
		}
		change, e := plan(lv, element, field)
		if e != nil {
			errs = append(errs, *e)
			continue
		}
		changes = append(changes, change)
	}
	if len(errs) > 0 {
		return refused(errs...), nil
	}
	return done("inventoryAdjustmentGroup", s.applyStock(in, changes)), nil
}

func (s *state) applyStock(in map[string]any, changes []inventoryChange) any {
	group := s.newGroup()
	out := graph.List{}
	for _, ch := range changes {
		s.adjust(ch.level, ch.name, ch.delta)
		for _, name := range slices.Compact([]string{"available", ch.name, "on_hand"}) {
			if name == "available" && ch.name != "available" && ch.name != "on_hand" || name == "on_hand" && ch.name == "incoming" {
				continue
			}
			out = append(out, graph.Object{
				"__typename": "InventoryChange", "name": name, "delta": ch.delta, "quantityAfterChange": ch.level.quantity(name),
				"item": object(ch.level.item), "location": object(ch.level.location), "ledgerDocumentUri": nil,
			})
		}
		s.emit("inventory_levels/update", ch.level, s.levelPayload(ch.level), group)
	}
	if len(changes) == 0 {
		return nil
	}
	_, own := s.newID("InventoryAdjustmentGroup")
	return graph.Object{
		"__typename": "InventoryAdjustmentGroup", "id": own, "createdAt": s.now(),
		"reason": text(in, "reason"), "referenceDocumentUri": orNull(text(in, "referenceDocumentUri")), "changes": graph.Func(changeFilter(out)),
		"app": s.appObject(), "staffMember": nil,
	}
}

// changeFilter answers InventoryAdjustmentGroup.changes with its arguments.
func changeFilter(changes graph.List) func(*graph.Call) (any, error) {
	return func(c *graph.Call) (any, error) {
		wanted := func(arg, have string) bool {
			list := stringList(c.Args[arg])
			return list == nil || slices.Contains(list, have)
		}
		out := graph.List{}
		for _, ch := range changes {
			name, _ := ch["name"].(string)
			if wanted("quantityNames", name) && wanted("inventoryItemIds", ch["item"].(graph.Object).ID()) && wanted("locationIds", ch["location"].(graph.Object).ID()) {
				out = append(out, ch)
			}
		}
		return out, nil
	}
}
