package shopifytest

import (
	"slices"
	"strconv"
	"time"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
	"github.com/posai-go/posai/shopify/shopifytest/internal/search"
)

// transfer is goods on their way from one location to another. Once it is ready to
// ship, the goods are reserved at the origin; shipped, they are incoming at the
// destination; received, available there.
type transfer struct {
	head
	number              int
	status              string // InventoryTransferStatus
	origin, destination *location
	lines               []*transferLine
	shipments           []*shipment
	note, reference     string
	tags                []string
	created             time.Time
}

type transferLine struct {
	head
	item              *item
	quantity, shipped int
}

// shipment is a part of a transfer.
type shipment struct {
	head
	transfer *transfer
	number   int
	status   string // InventoryShipmentStatus
	barcode  string
	lines    []*shipmentLine
	shipped  time.Time
	received time.Time // zero: not yet
}

type shipmentLine struct {
	head
	line                         *transferLine
	quantity, accepted, rejected int
}

func (t *transfer) name() string { return "#T" + leading(t.number) }

func (s *shipment) name() string { return s.transfer.name() + "-" + strconv.Itoa(s.number) }

// leading writes a number with four digits at least.
func leading(n int) string {
	text := strconv.Itoa(n)
	for len(text) < 4 {
		text = "0" + text
	}
	return text
}

func sumOf[T any](things []T, one func(T) int) int {
	n := 0
	for _, t := range things {
		n += one(t)
	}
	return n
}

func snapshot(l *location, at time.Time) any {
	if l == nil {
		return nil
	}
	return graph.Object{
		"__typename": "LocationSnapshot", "name": l.data.Name, "location": object(l), "snapshottedAt": at,
		"address": graph.Func(func(c *graph.Call) (any, error) { return locationFields["address"](nil, l, c), nil }),
	}
}

var transferFields = table[*transfer]{
	"name":           func(_ *state, t *transfer, _ *graph.Call) any { return t.name() },
	"status":         func(_ *state, t *transfer, _ *graph.Call) any { return t.status },
	"note":           func(_ *state, t *transfer, _ *graph.Call) any { return orNull(t.note) },
	"referenceName":  func(_ *state, t *transfer, _ *graph.Call) any { return orNull(t.reference) },
	"tags":           func(_ *state, t *transfer, _ *graph.Call) any { return append([]string{}, t.tags...) },
	"dateCreated":    func(_ *state, t *transfer, _ *graph.Call) any { return t.created },
	"origin":         func(_ *state, t *transfer, _ *graph.Call) any { return snapshot(t.origin, t.createdAt) },
	"destination":    func(_ *state, t *transfer, _ *graph.Call) any { return snapshot(t.destination, t.createdAt) },
	"lineItems":      func(_ *state, t *transfer, _ *graph.Call) any { return list(t.lines) },
	"lineItemsCount": func(_ *state, t *transfer, _ *graph.Call) any { return count(len(t.lines)) },
	"shipments":      func(_ *state, t *transfer, _ *graph.Call) any { return list(t.shipments) },
	"totalQuantity": func(_ *state, t *transfer, _ *graph.Call) any {
		return sumOf(t.lines, func(l *transferLine) int { return l.quantity })
	},
	"receivedQuantity": func(_ *state, t *transfer, _ *graph.Call) any {
		return sumOf(t.shipments, (*shipment).receivedQuantity)
	},

	"hasTimelineComment": always[*transfer](false),
}

var transferLineFields = table[*transferLine]{
	"inventoryItem":             func(_ *state, l *transferLine, _ *graph.Call) any { return object(l.item) },
	"title":                     func(_ *state, l *transferLine, _ *graph.Call) any { return l.item.variant.displayName() },
	"totalQuantity":             func(_ *state, l *transferLine, _ *graph.Call) any { return l.quantity },
	"shippedQuantity":           func(_ *state, l *transferLine, _ *graph.Call) any { return l.shipped },
	"shippableQuantity":         func(_ *state, l *transferLine, _ *graph.Call) any { return l.quantity - l.shipped },
	"processableQuantity":       func(_ *state, l *transferLine, _ *graph.Call) any { return l.quantity - l.shipped },
	"pickedForShipmentQuantity": always[*transferLine](0),
}

func (s *shipment) acceptedQuantity() int {
	return sumOf(s.lines, func(l *shipmentLine) int { return l.accepted })
}

func (s *shipment) rejectedQuantity() int {
	return sumOf(s.lines, func(l *shipmentLine) int { return l.rejected })
}

func (s *shipment) receivedQuantity() int { return s.acceptedQuantity() + s.rejectedQuantity() }

func (s *shipment) quantity() int {
	return sumOf(s.lines, func(l *shipmentLine) int { return l.quantity })
}

var shipmentFields = table[*shipment]{
	"name":                  func(_ *state, s *shipment, _ *graph.Call) any { return s.name() },
	"status":                func(_ *state, s *shipment, _ *graph.Call) any { return s.status },
	"barcode":               func(_ *state, s *shipment, _ *graph.Call) any { return orNull(s.barcode) },
	"dateCreated":           func(_ *state, s *shipment, _ *graph.Call) any { return s.createdAt },
	"dateShipped":           func(_ *state, s *shipment, _ *graph.Call) any { return timeOrNull(s.shipped) },
	"dateReceived":          func(_ *state, s *shipment, _ *graph.Call) any { return timeOrNull(s.received) },
	"lineItems":             func(_ *state, s *shipment, _ *graph.Call) any { return list(s.lines) },
	"lineItemsCount":        func(_ *state, s *shipment, _ *graph.Call) any { return count(len(s.lines)) },
	"lineItemTotalQuantity": func(_ *state, s *shipment, _ *graph.Call) any { return s.quantity() },
	"totalAcceptedQuantity": func(_ *state, s *shipment, _ *graph.Call) any { return s.acceptedQuantity() },
	"totalRejectedQuantity": func(_ *state, s *shipment, _ *graph.Call) any { return s.rejectedQuantity() },
	"totalReceivedQuantity": func(_ *state, s *shipment, _ *graph.Call) any { return s.receivedQuantity() },
}

var shipmentLineFields = table[*shipmentLine]{
	"inventoryItem":      func(_ *state, l *shipmentLine, _ *graph.Call) any { return object(l.line.item) },
	"quantity":           func(_ *state, l *shipmentLine, _ *graph.Call) any { return l.quantity },
	"acceptedQuantity":   func(_ *state, l *shipmentLine, _ *graph.Call) any { return l.accepted },
	"rejectedQuantity":   func(_ *state, l *shipmentLine, _ *graph.Call) any { return l.rejected },
	"unreceivedQuantity": func(_ *state, l *shipmentLine, _ *graph.Call) any { return l.quantity - l.accepted - l.rejected },
}

var transferIndex = search.Index[*transfer]{
	Words: func(t *transfer) []string { return []string{t.name(), t.reference, t.note} },
	Fields: commonIndex(map[string]search.Field[*transfer]{
		"status":         one(search.Keyword, func(t *transfer) any { return t.status }),
		"tag":            many(search.Keyword, func(t *transfer) []string { return t.tags }),
		"origin_id":      one(search.ID, func(t *transfer) any { return idOf(t.origin) }),
		"destination_id": one(search.ID, func(t *transfer) any { return idOf(t.destination) }),
	}),
}

var transferSort = sorts[*transfer]{"CREATED_AT": byTime[*transfer]}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/inventoryTransferCreate
func inventoryTransferCreate(status string) func(*state, *graph.Call) (any, error) {
	return func(s *state, c *graph.Call) (any, error) {
		in := input(c, "input")
		if what := unknown(in, "dateCreated", "destinationLocationId", "lineItems", "note", "originLocationId", "referenceName", "tags"); what != "" {
			return nil, notSimulated("InventoryTransferCreateInput." + what)
		}
		t := &transfer{status: "DRAFT", note: text(in, "note"), reference: text(in, "referenceName"), tags: stringList(in["tags"]), created: s.now()}
		if at, err := time.Parse(time.RFC3339, text(in, "dateCreated")); err == nil {
			t.created = at
		}
		for key, to := range map[string]**location{"originLocationId": &t.origin, "destinationLocationId": &t.destination} {
			if id := text(in, key); id != "" {
				if *to, _ = find[*location](s, id); *to == nil || !(*to).active() {
					return refused(userError{[]string{"input", key}, "The location could not be found.", "LOCATION_NOT_FOUND"}), nil
				}
			}
		}
		if t.origin != nil && t.origin == t.destination {
			return refused(userError{[]string{"input", "originLocationId"}, "The origin location cannot be the same as the destination location.", "TRANSFER_ORIGIN_CANNOT_BE_THE_SAME_AS_DESTINATION"}), nil
		}
		lines, e := s.transferLines(objects(in["lineItems"]))
		if e != nil {
			return refused(*e), nil
		}
		t.lines = lines
		if status == "READY_TO_SHIP" && (t.origin == nil || t.destination == nil) {
			return refused(userError{[]string{"input"}, "A transfer needs an origin and a destination to be ready to ship.", "LOCATION_NOT_FOUND"}), nil
		}
		s.lastTransfer++
		t.number = s.lastTransfer
		s.add(t, "InventoryTransfer", 0, s.now())
		for _, l := range lines {
			s.add(l, "InventoryTransferLineItem", 0, s.now())
		}
		s.transfers = append(s.transfers, t)
		if status == "READY_TO_SHIP" {
			s.reserve(t, 1)
			t.status = status
		}
		return done("inventoryTransfer", object(t)), nil
	}
}

func (s *state) transferLines(in []map[string]any) ([]*transferLine, *userError) {
	var lines []*transferLine
	for i, element := range in {
		field := []string{"input", "lineItems", strconv.Itoa(i)}
		it, ok := find[*item](s, text(element, "inventoryItemId"))
		if !ok {
			return nil, &userError{append(field, "inventoryItemId"), "The inventory item could not be found.", "ITEM_NOT_FOUND"}
		}
		if slices.ContainsFunc(lines, func(l *transferLine) bool { return l.item == it }) {
			return nil, &userError{append(field, "inventoryItemId"), "The inventory item is listed more than once.", "DUPLICATE_ITEM"}
		}
		quantity, _ := element["quantity"].(int)
		if quantity < 1 || quantity > maxQuantity {
			return nil, &userError{append(field, "quantity"), "The quantity must be greater than 0.", "INVALID_QUANTITY"}
		}
		lines = append(lines, &transferLine{item: it, quantity: quantity})
	}
	return lines, nil
}

// reserve takes what is not shipped yet out of what can be sold at the origin (sign
// 1), or puts it back (-1).
func (s *state) reserve(t *transfer, sign int) {
	group := s.newGroup()
	for _, l := range t.lines {
		s.shift(s.stock(l.item, t.origin, group), "available", "reserved", sign*(l.quantity-l.shipped), group)
	}
}

// shift moves stock between two states at one place.
func (s *state) shift(lv *level, from, to string, quantity int, group string) {
	s.adjust(lv, from, -quantity)
	s.adjust(lv, to, quantity)
	s.emit("inventory_levels/update", lv, s.levelPayload(lv), group)
}

// onTransfer makes a mutation of a change to a transfer in one of the states.
func onTransfer(id func(*graph.Call) string, change func(*state, *transfer, *graph.Call) (*userError, error), states ...string) func(*state, *graph.Call) (any, error) {
	return func(s *state, c *graph.Call) (any, error) {
		t, ok := find[*transfer](s, id(c))
		if !ok {
			return refused(userError{[]string{"id"}, "The transfer could not be found.", "TRANSFER_NOT_FOUND"}), nil
		}
		if !slices.Contains(states, t.status) {
			return refused(userError{[]string{"id"}, "The transfer's status does not allow this.", "INVALID_TRANSFER_STATUS"}), nil
		}
		e, err := change(s, t, c)
		if err != nil {
			return nil, err
		}
		if e != nil {
			return refused(*e), nil
		}
		s.touch(t)
		return done("inventoryTransfer", object(t)), nil
	}
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/inventoryTransferSetItems
func inventoryTransferSetItems(s *state, t *transfer, c *graph.Call) (*userError, error) {
	lines, e := s.transferLines(objects(input(c, "input")["lineItems"]))
	if e != nil {
		return e, nil
	}
	if t.status == "READY_TO_SHIP" {
		s.reserve(t, -1)
		defer func() { s.reserve(t, 1) }()
	}
	for _, l := range lines {
		i := slices.IndexFunc(t.lines, func(old *transferLine) bool { return old.item == l.item })
		if i >= 0 {
			t.lines[i].quantity = l.quantity
			continue
		}
		s.add(l, "InventoryTransferLineItem", 0, s.now())
		t.lines = append(t.lines, l)
	}
	return nil, nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/inventoryTransferRemoveItems
func inventoryTransferRemoveItems(s *state, t *transfer, c *graph.Call) (*userError, error) {
	ids := stringList(input(c, "input")["transferLineItemIds"])
	for i, id := range ids {
		if !slices.ContainsFunc(t.lines, func(l *transferLine) bool { return l.gid == id }) {
			return &userError{[]string{"input", "transferLineItemIds", strconv.Itoa(i)}, "The item could not be found.", "ITEM_NOT_FOUND"}, nil
		}
	}
	if t.status == "READY_TO_SHIP" {
		s.reserve(t, -1)
		defer func() { s.reserve(t, 1) }()
	}
	t.lines = slices.DeleteFunc(t.lines, func(l *transferLine) bool { return slices.Contains(ids, l.gid) })
	return nil, nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/inventoryTransferEdit
func inventoryTransferEdit(_ *state, t *transfer, c *graph.Call) (*userError, error) {
	in := input(c, "input")
	if what := unknown(in, "note", "referenceName", "tags"); what != "" {
		return nil, notSimulated("InventoryTransferEditInput." + what)
	}
	setText(in, "note", &t.note)
	setText(in, "referenceName", &t.reference)
	if tags, sent := in["tags"]; sent {
		t.tags = stringList(tags)
	}
	return nil, nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/inventoryTransferMarkAsReadyToShip
func inventoryTransferReady(s *state, t *transfer, _ *graph.Call) (*userError, error) {
	if t.origin == nil || t.destination == nil {
		return &userError{[]string{"id"}, "A transfer needs an origin and a destination to be ready to ship.", "LOCATION_NOT_FOUND"}, nil
	}
	s.reserve(t, 1)
	t.status = "READY_TO_SHIP"
	return nil, nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/inventoryTransferCancel
func inventoryTransferCancel(s *state, t *transfer, _ *graph.Call) (*userError, error) {
	if len(t.shipments) > 0 {
		return &userError{[]string{"id"}, "A transfer with shipments cannot be canceled.", "SHIPMENT_EXISTS"}, nil
	}
	if t.status == "READY_TO_SHIP" {
		s.reserve(t, -1)
	}
	t.status = "CANCELED"
	return nil, nil
}

// inventoryShipmentCreate makes a shipment of a transfer that is ready; with inTransit
// it leaves at once.
// https://shopify.dev/docs/api/admin-graphql/latest/mutations/inventoryShipmentCreate
func inventoryShipmentCreate(inTransit bool) func(*state, *graph.Call) (any, error) {
	return func(s *state, c *graph.Call) (any, error) {
		in := input(c, "input")
		if what := unknown(in, "barcode", "lineItems", "movementId"); what != "" {
			return nil, notSimulated("InventoryShipmentCreateInput." + what)
		}
		t, ok := find[*transfer](s, text(in, "movementId"))
		if !ok {
			return refused(userError{[]string{"input", "movementId"}, "The transfer could not be found.", "TRANSFER_NOT_FOUND"}), nil
		}
		if t.status != "READY_TO_SHIP" && t.status != "IN_PROGRESS" {
			return refused(userError{[]string{"input", "movementId"}, "The transfer is not ready to ship.", "INVALID_TRANSFER_STATUS"}), nil
		}
		sh := &shipment{transfer: t, number: len(t.shipments) + 1, status: "DRAFT", barcode: text(in, "barcode")}
		for i, element := range objects(in["lineItems"]) {
			field := []string{"input", "lineItems", strconv.Itoa(i)}
			at := slices.IndexFunc(t.lines, func(l *transferLine) bool { return l.item.gid == text(element, "inventoryItemId") })
			if at < 0 {
				return refused(userError{append(field, "inventoryItemId"), "The inventory item is not on the transfer.", "INVALID_ITEM"}), nil
			}
			quantity, _ := element["quantity"].(int)
			if quantity < 1 || quantity > t.lines[at].quantity-t.lines[at].shipped {
				return refused(userError{append(field, "quantity"), "The quantity must be greater than 0 and not more than is left to ship.", "INVALID_QUANTITY"}), nil
			}
			if slices.ContainsFunc(sh.lines, func(l *shipmentLine) bool { return l.line == t.lines[at] }) {
				return refused(userError{append(field, "inventoryItemId"), "The inventory item is listed more than once.", "DUPLICATE_ITEM"}), nil
			}
			sh.lines = append(sh.lines, &shipmentLine{line: t.lines[at], quantity: quantity})
		}
		if len(sh.lines) == 0 {
			return refused(userError{[]string{"input", "lineItems"}, "A shipment needs at least one item.", "EMPTY_SHIPMENT_INPUT"}), nil
		}
		s.add(sh, "InventoryShipment", 0, s.now())
		for _, l := range sh.lines {
			s.add(l, "InventoryShipmentLineItem", 0, s.now())
			l.line.shipped += l.quantity
		}
		t.shipments = append(t.shipments, sh)
		t.status = "IN_PROGRESS"
		s.touch(t)
		if inTransit {
			s.ship(sh)
		}
		return done("inventoryShipment", object(sh)), nil
	}
}

// ship sends the goods off.
func (s *state) ship(sh *shipment) {
	group := s.newGroup()
	for _, l := range sh.lines {
		from, to := s.stock(l.line.item, sh.transfer.origin, group), s.stock(l.line.item, sh.transfer.destination, group)
		s.adjust(from, "reserved", -l.quantity)
		s.adjust(to, "incoming", l.quantity)
		s.emit("inventory_levels/update", from, s.levelPayload(from), group)
		s.emit("inventory_levels/update", to, s.levelPayload(to), group)
	}
	sh.status, sh.shipped = "IN_TRANSIT", s.now()
	s.touch(sh)
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/inventoryShipmentMarkInTransit
func inventoryShipmentMarkInTransit(s *state, c *graph.Call) (any, error) {
	sh, ok := find[*shipment](s, argID(c))
	switch {
	case !ok:
		return refused(userError{[]string{"id"}, "The shipment could not be found.", "SHIPMENT_NOT_FOUND"}), nil
	case sh.status != "DRAFT":
		return refused(userError{[]string{"id"}, "The shipment's status does not allow this.", "INVALID_SHIPMENT_STATUS"}), nil
	}
	s.ship(sh)
	return done("inventoryShipment", object(sh)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/inventoryShipmentReceive
func inventoryShipmentReceive(s *state, c *graph.Call) (any, error) {
	sh, ok := find[*shipment](s, argID(c))
	switch {
	case !ok:
		return refused(userError{[]string{"id"}, "The shipment could not be found.", "SHIPMENT_NOT_FOUND"}), nil
	case sh.status != "IN_TRANSIT" && sh.status != "PARTIALLY_RECEIVED":
		return refused(userError{[]string{"id"}, "The shipment's status does not allow this.", "INVALID_SHIPMENT_STATUS"}), nil
	}
	type receipt struct {
		line     *shipmentLine
		quantity int
		accepted bool
	}
	var receipts []receipt
	left := map[*shipmentLine]int{}
	for _, l := range sh.lines {
		left[l] = l.quantity - l.accepted - l.rejected
	}
	for i, element := range objects(c.Args["lineItems"]) {
		field := []string{"lineItems", strconv.Itoa(i)}
		at := slices.IndexFunc(sh.lines, func(l *shipmentLine) bool { return l.gid == text(element, "shipmentLineItemId") })
		if at < 0 {
			return refused(userError{append(field, "shipmentLineItemId"), "The item could not be found.", "ITEM_NOT_FOUND"}), nil
		}
		l := sh.lines[at]
		quantity, _ := element["quantity"].(int)
		if quantity < 1 || quantity > left[l] {
			return refused(userError{append(field, "quantity"), "The quantity must be greater than 0 and not more than is to be received.", "INVALID_QUANTITY"}), nil
		}
		left[l] -= quantity
		receipts = append(receipts, receipt{l, quantity, element["reason"] == "ACCEPTED"})
	}
	if all, given := c.Args["bulkReceiveAction"].(string); given {
		for _, l := range sh.lines {
			if left[l] > 0 {
				receipts = append(receipts, receipt{l, left[l], all == "ACCEPTED"})
				left[l] = 0
			}
		}
	}
	group := s.newGroup()
	for _, r := range receipts {
		lv := s.stock(r.line.line.item, sh.transfer.destination, group)
		s.adjust(lv, "incoming", -r.quantity)
		if r.accepted {
			s.adjust(lv, "available", r.quantity)
			r.line.accepted += r.quantity
		} else {
			r.line.rejected += r.quantity
		}
		s.emit("inventory_levels/update", lv, s.levelPayload(lv), group)
	}
	if len(receipts) > 0 {
		sh.status, sh.received = "PARTIALLY_RECEIVED", s.now()
	}
	if sh.receivedQuantity() == sh.quantity() {
		sh.status = "RECEIVED"
	}
	t := sh.transfer
	if sumOf(t.shipments, (*shipment).receivedQuantity) == sumOf(t.lines, func(l *transferLine) int { return l.quantity }) {
		t.status = "TRANSFERRED"
	}
	s.touch(sh)
	s.touch(t)
	return done("inventoryShipment", object(sh)), nil
}
