package shopifytest

import (
	"slices"
	"strconv"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// movable are the states between which stock may be moved.
var movable = []string{"available", "damaged", "quality_control", "reserved", "safety_stock"}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/inventoryMoveQuantities
func inventoryMoveQuantities(s *state, c *graph.Call) (any, error) {
	in := input(c, "input")
	if !slices.Contains(inventoryReasons, text(in, "reason")) {
		return refused(userError{[]string{"input", "reason"}, "The specified reason is invalid.", "INVALID_REASON"}), nil
	}
	var changes []inventoryChange
	for i, element := range objects(in["changes"]) {
		field := []string{"input", "changes", strconv.Itoa(i)}
		from, _ := element["from"].(map[string]any)
		to, _ := element["to"].(map[string]any)
		it, ok := find[*item](s, text(element, "inventoryItemId"))
		if !ok {
			return refused(userError{append(field, "inventoryItemId"), "The specified inventory item could not be found.", "INVALID_INVENTORY_ITEM"}), nil
		}
		l, ok := find[*location](s, text(from, "locationId"))
		if !ok {
			return refused(userError{append(field, "from", "locationId"), "The specified location could not be found.", "INVALID_LOCATION"}), nil
		}
		quantity, _ := element["quantity"].(int)
		switch {
		case text(from, "locationId") != text(to, "locationId"):
			return refused(userError{field, "The quantities can't be moved between different locations.", "DIFFERENT_LOCATIONS"}), nil
		case !slices.Contains(movable, text(from, "name")) || !slices.Contains(movable, text(to, "name")):
			return refused(userError{field, "The quantity name is invalid.", "INVALID_QUANTITY_NAME"}), nil
		case text(from, "name") == text(to, "name"):
			return refused(userError{field, "The quantity names for each change can't be the same.", "SAME_QUANTITY_NAME"}), nil
		case quantity < 0:
			return refused(userError{append(field, "quantity"), "The quantity can't be negative.", "INVALID_QUANTITY_NEGATIVE"}), nil
		case quantity > maxQuantity:
			return refused(userError{append(field, "quantity"), "The quantity can't be higher than 1,000,000,000.", "INVALID_QUANTITY_TOO_HIGH"}), nil
		}
		lv := it.at(l)
		if lv == nil {
			return refused(userError{append(field, "from", "locationId"), "The inventory item is not stocked at the specified location.", "INVALID_LOCATION"}), nil
		}
		for end, terminal := range map[string]map[string]any{"from": from, "to": to} {
			expected, sent := terminal["changeFromQuantity"]
			if !sent {
				return nil, graph.NewError("INVALID_FIELD_ARGUMENTS", "The changeFromQuantity argument is required: send the quantity that you expect, or null to change it whatever it is.")
			}
			if n, ok := expected.(int); ok && n != lv.quantity(text(terminal, "name")) {
				return refused(userError{append(field, end, "changeFromQuantity"), "The changeFromQuantity argument no longer matches the persisted quantity.", "CHANGE_FROM_QUANTITY_STALE"}), nil
			}
		}
		changes = append(changes, inventoryChange{lv, text(from, "name"), -quantity}, inventoryChange{lv, text(to, "name"), quantity})
	}
	return done("inventoryAdjustmentGroup", s.applyStock(in, changes)), nil
}
