package shopifytest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

const locationDetail = `location { id name isActive deactivatedAt fulfillsOnlineOrders hasActiveInventory hasUnfulfilledOrders activatable deactivatable deletable address { address1 city countryCode provinceCode zip } metafield(namespace: "shop", key: "floor") { value } }`

// places runs the mutations on locations.
type places struct {
	t    *testing.T
	shop *shopifytest.Shop
	keys int
}

func (p *places) add(in map[string]any) any {
	p.t.Helper()
	return at(data(p.t, p.shop, `mutation($in: LocationAddInput!) { locationAdd(input: $in) { `+locationDetail+` userErrors { field message code } } }`, map[string]any{"in": in}), "locationAdd")
}

func (p *places) edit(id string, in map[string]any) any {
	p.t.Helper()
	return at(data(p.t, p.shop, `mutation($id: ID!, $in: LocationEditInput!) { locationEdit(id: $id, input: $in) { `+locationDetail+` userErrors { field message code } } }`, map[string]any{"id": id, "in": in}), "locationEdit")
}

// run runs one of the others, whose errors are called userErrors in the answer.
func (p *places) run(mutation, location, destination string) any {
	p.t.Helper()
	args, payload, key := "locationId: $id", locationDetail, ""
	if destination != "" {
		args += `, destinationLocationId: "` + destination + `"`
	}
	if mutation == "locationDelete" {
		payload = "deletedLocationId"
	} else {
		p.keys++
		key = fmt.Sprintf(`@idempotent(key: "k%d")`, p.keys)
	}
	query := "mutation($id: ID!) { " + mutation + "(" + args + ") " + key + " { " + payload + " userErrors: " + mutation + "UserErrors { field message code } } }"
	return at(data(p.t, p.shop, query, map[string]any{"id": location}), mutation)
}

// levels are the quantities of an item by the names of the locations where it is stocked.
func levels(t *testing.T, s *shopifytest.Shop, item string, inactive bool) map[any]any {
	t.Helper()
	read := data(t, s, `query($i: ID!, $all: Boolean) { inventoryItem(id: $i) { inventoryLevels(first: 9, includeInactive: $all) { nodes { location { name } isActive quantities(names: ["available", "committed"]) { quantity } } } } }`, map[string]any{"i": item, "all": inactive})
	out := map[any]any{}
	for _, n := range at(read, "inventoryItem", "inventoryLevels", "nodes").([]any) {
		out[at(n, "location", "name")] = fmt.Sprint(at(n, "isActive"), " ", at(n, "quantities", 0, "quantity"), " ", at(n, "quantities", 1, "quantity"))
	}
	return out
}

func TestLocationAddAndEdit(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	p := &places{t: t, shop: s}
	hooks := watch(t, s, "LOCATIONS_CREATE", "LOCATIONS_UPDATE")
	front := s.Locations()[0].ID
	us := func(zip string) map[string]any {
		return map[string]any{"countryCode": "US", "provinceCode": "NY", "city": "New York", "zip": zip}
	}
	for want, in := range map[string]map[string]any{
		"input.name BLANK":                       {"name": " ", "address": us("10001")},
		"input.name TAKEN":                       {"name": "front", "address": us("10001")},
		"input.address.zip INVALID_US_ZIPCODE":   {"name": "Uptown", "address": us("1000")},
		"input.metafields.0.value INVALID_VALUE": {"name": "Uptown", "address": us("10001"), "metafields": []any{map[string]any{"namespace": "shop", "key": "floor", "type": "number_integer", "value": "first"}}},
		"input.metafields.0.namespace TOO_SHORT": {"name": "Uptown", "address": us("10001"), "metafields": []any{map[string]any{"namespace": "s", "key": "floor", "type": "boolean", "value": "true"}}},
	} {
		out := p.add(in)
		assert.Equal(t, want, refusal(out))
		assert.Nil(t, at(out, "location"))
	}
	require.Len(t, s.Locations(), 1)
	out := p.add(map[string]any{"name": "Uptown", "address": us("10001-1234"), "metafields": []any{map[string]any{"namespace": "shop", "key": "floor", "type": "number_integer", "value": "3"}}})
	require.Empty(t, at(out, "userErrors"))
	id := at(out, "location", "id").(string)
	assert.Subset(t, at(out, "location"), map[string]any{"isActive": true, "fulfillsOnlineOrders": true, "deletable": false, "hasActiveInventory": false, "metafield": map[string]any{"value": "3"}})
	assert.Equal(t, shopifytest.Location{ID: id, Name: "Uptown", Active: true}, s.Locations()[1])
	item := s.Products()[0].Variants[0].InventoryItemID
	assert.NotContains(t, levels(t, s, item, true), "Uptown", "nothing is stocked there yet")

	out = p.edit(id, map[string]any{"name": "Downtown", "fulfillsOnlineOrders": false, "address": map[string]any{"address1": "1 Wall Street", "zip": nil}})
	require.Empty(t, at(out, "userErrors"))
	assert.Equal(t, map[string]any{"address1": "1 Wall Street", "city": "New York", "countryCode": "US", "provinceCode": "NY", "zip": nil}, at(out, "location", "address"))
	assert.Equal(t, false, at(out, "location", "fulfillsOnlineOrders"))
	for want, got := range map[string]any{
		"id NOT_FOUND":                         p.edit("gid://shopify/Location/1", map[string]any{"name": "X"}),
		"input.name BLANK":                     p.edit(id, map[string]any{"name": ""}),
		"input.name TAKEN":                     p.edit(id, map[string]any{"name": "Front"}),
		"input.address.zip INVALID_US_ZIPCODE": p.edit(id, map[string]any{"address": map[string]any{"zip": "x"}}),
		"input.fulfillsOnlineOrders CANNOT_DISABLE_ONLINE_ORDER_FULFILLMENT": p.edit(front, map[string]any{"fulfillsOnlineOrders": false}),
	} {
		assert.Equal(t, want, refusal(got))
	}
	require.Empty(t, at(p.edit(id, map[string]any{"name": "Downtown"}), "userErrors"), "its own name")
	got := hooks()
	require.Equal(t, []string{"locations/create", "locations/update", "locations/update"}, topicsOf(got))
	assert.Equal(t, id, got[0].body["admin_graphql_api_id"])
	assert.Equal(t, "Uptown", got[0].body["name"])
	assert.Equal(t, true, got[0].body["active"])
	assert.Equal(t, "1 Wall Street", got[1].body["address1"])
}

// TestLocationsLife closes a location: what it has and what it has yet to do moves to another one.
func TestLocationsLife(t *testing.T) {
	s := newShop(t, nil)
	p := &places{t: t, shop: s}
	harbor, market := s.Locations()[0].ID, s.Locations()[1].ID
	item := s.Products()[0].Variants[0].InventoryItemID
	sku := s.Products()[0].Variants[0].SKU
	order, err := s.RingUp(shopifytest.Sale{Location: "Market Square", SendLater: true, Lines: []shopifytest.SaleLine{{SKU: sku, Quantity: 2}}})
	require.NoError(t, err)
	here, there := available(t, s, sku, harbor), available(t, s, sku, market)
	for want, got := range map[string]any{
		"locationId LOCATION_NOT_FOUND":                                    p.run("locationDeactivate", "gid://shopify/Location/1", ""),
		"destinationLocationId DESTINATION_LOCATION_IS_THE_SAME_LOCATION":  p.run("locationDeactivate", market, market),
		"destinationLocationId DESTINATION_LOCATION_NOT_FOUND_OR_INACTIVE": p.run("locationDeactivate", market, "gid://shopify/Location/1"),
		"locationId CANNOT_DISABLE_ONLINE_ORDER_FULFILLMENT":               p.run("locationDeactivate", harbor, market),
		"locationId HAS_ACTIVE_INVENTORY_ERROR":                            p.run("locationDeactivate", market, ""),
	} {
		assert.Equal(t, want, refusal(got))
		assert.Nil(t, at(got, "location"))
	}
	assert.Equal(t, "locationId LOCATION_IS_ACTIVE", refusal(p.run("locationDelete", market, "")))
	assert.Equal(t, "locationId LOCATION_NOT_FOUND", refusal(p.run("locationDelete", "gid://shopify/Location/1", "")))
	assert.Equal(t, "locationId LOCATION_NOT_FOUND", refusal(p.run("locationActivate", "gid://shopify/Location/1", "")))
	missing := call(t, s, `mutation($id: ID!) { locationDeactivate(locationId: $id) { location { id } } }`, map[string]any{"id": market})
	assert.Equal(t, "BAD_REQUEST", at(missing, "errors", 0, "extensions", "code"), "without a key")

	transfer := func(origin, destination string) any {
		out := data(t, s, `mutation($in: InventoryTransferCreateInput!) { inventoryTransferCreate(input: $in) @idempotent(key: "`+origin+destination+`") { inventoryTransfer { id } userErrors { code } } }`, map[string]any{"in": map[string]any{
			"originLocationId": origin, "destinationLocationId": destination, "lineItems": []any{map[string]any{"inventoryItemId": item, "quantity": 1}},
		}})
		require.Empty(t, at(out, "inventoryTransferCreate", "userErrors"))
		return at(out, "inventoryTransferCreate", "inventoryTransfer", "id")
	}
	draft := transfer(harbor, market)
	assert.Equal(t, "destinationLocationId FAILED_TO_RELOCATE_INCOMING_MOVEMENTS", refusal(p.run("locationDeactivate", market, harbor)), "it would lead from there to there")
	data(t, s, `mutation($id: ID!) { inventoryTransferCancel(id: $id) { userErrors { code } } }`, map[string]any{"id": draft})

	hooks := watch(t, s, "LOCATIONS_UPDATE", "LOCATIONS_ACTIVATE", "LOCATIONS_DEACTIVATE", "LOCATIONS_DELETE")
	out := p.run("locationDeactivate", market, harbor)
	require.Empty(t, at(out, "userErrors"))
	assert.Subset(t, at(out, "location"), map[string]any{"isActive": false, "activatable": true, "deactivatable": false, "deletable": true, "hasActiveInventory": false, "hasUnfulfilledOrders": false})
	assert.NotNil(t, at(out, "location", "deactivatedAt"))
	assert.Equal(t, here+there, available(t, s, sku, harbor))
	assert.Equal(t, map[any]any{"Harbor Street": fmt.Sprint("true ", here+there, " 2")}, levels(t, s, item, false))
	assert.Equal(t, "false 0 0", levels(t, s, item, true)["Market Square"])
	refund := data(t, s, `mutation($in: RefundInput!) { refundCreate(input: $in) @idempotent(key: "refund") { userErrors { message } } }`, map[string]any{"in": map[string]any{
		"orderId": order.ID, "refundLineItems": []any{map[string]any{"lineItemId": order.Lines[0].ID, "quantity": 2, "restockType": "CANCEL", "locationId": harbor}},
	}})
	require.Empty(t, at(refund, "refundCreate", "userErrors"))
	assert.Equal(t, map[any]any{"Harbor Street": fmt.Sprint("true ", here+there+2, " 0")}, levels(t, s, item, false), "the order moved along")

	// Nothing happens at a location that is closed, and lists leave it out.
	_, err = s.RingUp(shopifytest.Sale{Location: "Market Square", Lines: []shopifytest.SaleLine{{SKU: sku}}})
	require.ErrorIs(t, err, shopifytest.ErrSale)
	adjusted := data(t, s, adjust, change(item, market, 1, "adjust"))
	assert.Equal(t, "INVALID_LOCATION", at(adjusted, "inventoryAdjustQuantities", "userErrors", 0, "code"))
	read := data(t, s, `{ locations(first: 9) { nodes { name } } all: locations(first: 9, includeInactive: true) { nodes { name } } locationsCount { count } }`, nil)
	assert.Equal(t, []any{map[string]any{"name": "Harbor Street"}}, at(read, "locations", "nodes"))
	assert.Len(t, at(read, "all", "nodes"), 2)
	assert.InDelta(t, 1, at(read, "locationsCount", "count"), 0)
	assert.False(t, s.Locations()[1].Active)

	again := p.run("locationDeactivate", market, "")
	require.Empty(t, at(again, "userErrors"), "it is")
	namesake := at(p.add(map[string]any{"name": "Market Square", "address": map[string]any{"countryCode": "US"}}), "location", "id").(string)
	assert.Equal(t, "locationId HAS_NON_UNIQUE_NAME", refusal(p.run("locationActivate", market, "")))
	require.Empty(t, at(p.edit(namesake, map[string]any{"name": "Another square"}), "userErrors"))
	out = p.run("locationActivate", market, "")
	require.Empty(t, at(out, "userErrors"))
	assert.Equal(t, true, at(out, "location", "isActive"))
	assert.NotContains(t, levels(t, s, item, false), "Market Square", "what was stocked there is not by itself")
	require.Empty(t, at(p.run("locationDeactivate", market, ""), "userErrors"), "there is nothing to move")
	out = p.run("locationDelete", market, "")
	require.Empty(t, at(out, "userErrors"))
	assert.Equal(t, market, at(out, "deletedLocationId"))
	assert.NotContains(t, levels(t, s, item, true), "Market Square")
	assert.Nil(t, at(data(t, s, `query($id: ID!) { location(id: $id) { id } }`, map[string]any{"id": market}), "location"))
	got := hooks()
	assert.Equal(t, []string{
		"locations/deactivate", "locations/update", "locations/update", "locations/activate", "locations/update",
		"locations/deactivate", "locations/update", "locations/delete",
	}, topicsOf(got))
	assert.Equal(t, false, got[0].body["active"])
	assert.Len(t, got[7].body, 1)
}

// TestPendingOrdersHoldALocation sells what is no stock: the order alone is in the way.
func TestPendingOrdersHoldALocation(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	p := &places{t: t, shop: s}
	front := s.Locations()[0].ID
	back := at(p.add(map[string]any{"name": "Back", "address": map[string]any{"countryCode": "DE"}}), "location", "id").(string)
	for _, v := range s.Products()[0].Variants { // so that nothing is left at the front
		set := data(t, s, `mutation($in: InventorySetQuantitiesInput!) { inventorySetQuantities(input: $in) @idempotent(key: "`+v.SKU+`") { userErrors { code } } }`, map[string]any{"in": map[string]any{
			"name": "available", "reason": "correction", "quantities": []any{map[string]any{"inventoryItemId": v.InventoryItemID, "locationId": front, "quantity": 0, "changeFromQuantity": nil}},
		}})
		require.Empty(t, at(set, "inventorySetQuantities", "userErrors"))
	}
	made := data(t, s, `mutation($o: OrderCreateOrderInput!) { orderCreate(order: $o) { order { id } userErrors { message } } }`, map[string]any{"o": map[string]any{
		"lineItems": []any{map[string]any{"title": "Engraving", "quantity": 1, "priceSet": map[string]any{"shopMoney": map[string]any{"amount": "5", "currencyCode": "EUR"}}}},
	}})
	require.Empty(t, at(made, "orderCreate", "userErrors"))
	assert.Equal(t, "locationId HAS_FULFILLMENT_ORDERS_ERROR", refusal(p.run("locationDeactivate", front, "")))
	data(t, s, `mutation($id: ID!) { orderCancel(orderId: $id, reason: OTHER, restock: false) { orderCancelUserErrors { code } } }`, map[string]any{"id": at(made, "orderCreate", "order", "id")})
	moved := data(t, s, `mutation($in: InventoryTransferCreateInput!) { inventoryTransferCreate(input: $in) @idempotent(key: "move") { inventoryTransfer { id } userErrors { code } } }`, map[string]any{"in": map[string]any{
		"destinationLocationId": front, "lineItems": []any{map[string]any{"inventoryItemId": s.Products()[0].Variants[0].InventoryItemID, "quantity": 1}},
	}})
	transfer := at(moved, "inventoryTransferCreate", "inventoryTransfer", "id")
	assert.Equal(t, "locationId HAS_INCOMING_MOVEMENTS_ERROR", refusal(p.run("locationDeactivate", front, "")))
	require.Empty(t, at(p.run("locationDeactivate", front, back), "userErrors"))
	read := data(t, s, `query($id: ID!) { inventoryTransfer(id: $id) { destination { location { id } } } location { id } }`, map[string]any{"id": transfer})
	assert.Equal(t, back, at(read, "inventoryTransfer", "destination", "location", "id"), "it goes where the goods are wanted now")
	assert.Equal(t, back, at(read, "location", "id"), "the shop's first")
}

// TestInventoryDeactivate stocks an item somewhere and ends it again.
func TestInventoryDeactivate(t *testing.T) {
	s := newShop(t, nil)
	p := &places{t: t, shop: s}
	item, sku := s.Products()[0].Variants[0].InventoryItemID, s.Products()[0].Variants[0].SKU
	harbor, market := s.Locations()[0].ID, s.Locations()[1].ID
	level := func(location string) any {
		return at(data(t, s, `query($i: ID!, $l: ID!) { inventoryItem(id: $i) { inventoryLevel(locationId: $l, includeInactive: true) { id isActive canDeactivate deactivationAlert } } }`, map[string]any{"i": item, "l": location}), "inventoryItem", "inventoryLevel")
	}
	end := func(id any) any {
		return at(data(t, s, `mutation($id: ID!) { inventoryDeactivate(inventoryLevelId: $id) { userErrors { field message } } }`, map[string]any{"id": id}), "inventoryDeactivate")
	}
	hooks := watch(t, s, "INVENTORY_LEVELS_CONNECT", "INVENTORY_LEVELS_UPDATE", "INVENTORY_LEVELS_DISCONNECT")
	assert.Equal(t, "inventoryLevelId The inventory level couldn't be found", refusal(end("gid://shopify/InventoryLevel/1?inventory_item_id=1")))
	assert.Equal(t, true, at(level(market), "canDeactivate"))
	require.Empty(t, at(end(at(level(market), "id")), "userErrors"))
	assert.Subset(t, level(market), map[string]any{"isActive": false, "canDeactivate": false, "deactivationAlert": nil})
	require.Empty(t, at(end(at(level(market), "id")), "userErrors"), "it is not stocked there")
	assert.Zero(t, available(t, s, sku, market))
	last := level(harbor)
	assert.Equal(t, false, at(last, "canDeactivate"))
	assert.Equal(t, "inventoryLevelId "+at(last, "deactivationAlert").(string), refusal(end(at(last, "id"))), "the last place")

	uptown := at(p.add(map[string]any{"name": "Uptown", "address": map[string]any{"countryCode": "US"}}), "location", "id").(string)
	activate := func(key, location string, more map[string]any) any {
		variables := map[string]any{"i": item, "l": location, "n": more["available"], "h": more["onHand"]}
		return at(data(t, s, `mutation($i: ID!, $l: ID!, $n: Int, $h: Int) { inventoryActivate(inventoryItemId: $i, locationId: $l, available: $n, onHand: $h) @idempotent(key: "`+key+`") { inventoryLevel { id isActive } userErrors { field message } } }`, variables), "inventoryActivate")
	}
	assert.NotEmpty(t, at(activate("both", uptown, map[string]any{"available": 1, "onHand": 1}), "userErrors"))
	require.Empty(t, at(activate("new", uptown, map[string]any{"available": 4}), "userErrors"))
	assert.Equal(t, 4, available(t, s, sku, uptown))
	require.Empty(t, at(activate("old", market, map[string]any{"onHand": 3}), "userErrors"))
	assert.Equal(t, 3, available(t, s, sku, market))
	require.Empty(t, at(activate("again", market, nil), "userErrors"))

	_, err := s.RingUp(shopifytest.Sale{Location: "Uptown", SendLater: true, Lines: []shopifytest.SaleLine{{SKU: sku}}})
	require.NoError(t, err)
	assert.Contains(t, refusal(end(at(level(uptown), "id"))), "committed")
	got := hooks()
	assert.Equal(t, []string{
		"inventory_levels/disconnect", "inventory_levels/connect", "inventory_levels/update",
		"inventory_levels/connect", "inventory_levels/update", "inventory_levels/update",
	}, topicsOf(got))
	assert.Len(t, got[0].body, 2)
}
