package shopifytest

import (
	"strings"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// self is the key under which an object that stands for a stored thing keeps it. It is no GraphQL name.
const self = "."

// table has the fields of one GraphQL type that are known of a stored T.
type table[T any] map[string]func(s *state, v T, c *graph.Call) any

type fieldTable interface {
	field(s *state, c *graph.Call) (value any, ok bool)
}

func (t table[T]) field(s *state, c *graph.Call) (any, bool) {
	f, ok := t[c.Field]
	if !ok {
		return nil, false
	}
	v, ok := c.Parent[self].(T)
	if !ok {
		return nil, false
	}
	return f(s, v, c), true
}

// tables has the types whose objects are stored.
var tables = map[string]fieldTable{
	"AppInstallation":        installationFields,
	"BulkOperation":          bulkFields,
	"CalculatedDraftOrder":   calculatedDraftFields,
	"CalculatedOrder":        orderEditFields,
	"Collection":             collectionFields,
	"Customer":               customerFields,
	"CustomerEmailAddress":   emailFields,
	"CustomerPhoneNumber":    phoneFields,
	"DiscountAutomaticNode":  discountFields,
	"DiscountCodeNode":       discountFields,
	"DiscountNode":           discountFields,
	"DiscountRedeemCode":     redeemCodeFields,
	"DraftOrder":             draftFields,
	"DraftOrderLineItem":     draftLineFields,
	"Fulfillment":            fulfillmentFields,
	"InventoryItem":          itemFields,
	"InventoryLevel":         levelFields,
	"LineItem":               lineFields,
	"Location":               locationFields,
	"Metafield":              metafieldFields,
	"MetafieldDefinition":    metafieldDefinitionFields,
	"Metaobject":             metaobjectFields,
	"MetaobjectDefinition":   metaobjectDefinitionFields,
	"MetaobjectField":        metaobjectValueFields,
	"Order":                  orderFields,
	"OrderTransaction":       transactionFields,
	"Product":                productFields,
	"ProductVariant":         variantFields,
	"Refund":                 refundFields,
	"RefundLineItem":         refundLineFields,
	"Return":                 returnFields,
	"ReturnLineItem":         returnLineFields,
	"ReturnReasonDefinition": returnReasonFields,
	"Segment":                segmentFields,
	"CustomerSegmentMember":  memberFields,
	"Shop":                   shopFields,
	"StaffMember":            staffFields,
	"WebhookSubscription":    subscriptionFields,

	"CalculatedDraftOrderLineItem":        calculatedDraftLineFields,
	"DiscountRedeemCodeBulkCreation":      bulkCreationFields,
	"GiftCard":                            giftCardFields,
	"GiftCardCreditTransaction":           giftCardTransactionFields,
	"GiftCardDebitTransaction":            giftCardTransactionFields,
	"InventoryShipment":                   shipmentFields,
	"InventoryShipmentLineItem":           shipmentLineFields,
	"InventoryTransfer":                   transferFields,
	"InventoryTransferLineItem":           transferLineFields,
	"StoreCreditAccount":                  creditAccountFields,
	"StoreCreditAccountCreditTransaction": creditTransactionFields,
	"StoreCreditAccountDebitTransaction":  creditTransactionFields,
}

// Resolve answers one field from the stored state. The caller holds the lock.
func (s *state) Resolve(c *graph.Call) (any, bool, error) {
	switch c.ParentType {
	case "QueryRoot":
		if f, ok := roots[c.Field]; ok {
			v, err := f(s, c)
			return v, true, err
		}
		return nil, false, nil
	case "Mutation":
		v, err := s.carryOut(mutations[c.Field], c, improvised)
		return v, true, err
	}
	t, ok := tables[c.ParentType]
	if !ok {
		return nil, false, nil
	}
	if v, ok := t.field(s, c); ok {
		if f, fails := v.(graph.Func); fails { // a field that may refuse its arguments
			v, err := f(c)
			return v, true, err
		}
		return v, true, nil
	}
	v, ok := s.commonField(c)
	return v, ok, nil
}

// commonField answers the fields that many types share.
func (s *state) commonField(c *graph.Call) (any, bool) {
	n, ok := c.Parent[self].(node)
	if !ok {
		return nil, false
	}
	h := n.common()
	switch c.Field {
	case "legacyResourceId":
		return h.id, true
	case "createdAt":
		return h.createdAt, true
	case "updatedAt":
		return h.updatedAt, true
	case "defaultCursor":
		return h.gid, true
	}
	if ownerTypes[h.typename] == "" {
		return nil, false
	}
	switch c.Field {
	case "metafield":
		namespace, _ := c.Args["namespace"].(string)
		key, _ := c.Args["key"].(string)
		// Both may also come in one: "namespace.key".
		if dot := strings.LastIndexByte(key, '.'); namespace == "" && dot >= 0 {
			namespace, key = key[:dot], key[dot+1:]
		}
		return ref(s.metafield(h.gid, s.namespace(namespace), key)), true
	case "metafields":
		return s.metafieldList(h.gid, c.Args), true
	case "metafieldDefinitions":
		return s.definitionList(ownerTypes[h.typename], c), true
	}
	return nil, false
}

func (s *state) metafieldList(owner string, args map[string]any) graph.List {
	namespace, filtered := args["namespace"].(string)
	keys := stringList(args["keys"])
	var out graph.List
	for _, m := range s.metafields[owner] {
		if filtered && m.namespace != s.namespace(namespace) {
			continue
		}
		if keys != nil && !s.hasKey(keys, namespace, m) {
			continue
		}
		out = append(out, object(m))
	}
	return out
}

// hasKey tells whether one of the keys, with or without a namespace in front, is m's.
func (s *state) hasKey(keys []string, namespace string, m *metafield) bool {
	for _, k := range keys {
		in := namespace
		if dot := strings.LastIndexByte(k, '.'); dot >= 0 {
			in, k = k[:dot], k[dot+1:]
		}
		if k == m.key && s.namespace(in) == m.namespace {
			return true
		}
	}
	return false
}

// object is n for the engine; its fields are asked for one by one.
func object(n node) graph.Object {
	h := n.common()
	return graph.Object{"__typename": h.typename, "id": h.gid, self: n, graph.Stored: true}
}

// ref is object for what may be nil.
func ref[T interface {
	comparable
	node
}](n T) any {
	var none T
	if n == none {
		return nil
	}
	return object(n)
}

// nodeOrNil is n as a node, nil where it is no thing.
func nodeOrNil[T interface {
	comparable
	node
}](n T) node {
	var none T
	if n == none {
		return nil
	}
	return n
}

// list is the objects of a slice.
func list[T node](things []T) graph.List {
	out := make(graph.List, len(things))
	for i, t := range things {
		out[i] = object(t)
	}
	return out
}

// part is an object without an id of its own that is answered from v.
func part(typename string, v any) graph.Object {
	return graph.Object{"__typename": typename, self: v, graph.Stored: true}
}

func count(n int) graph.Object {
	return graph.Object{"__typename": "Count", "count": n, "precision": "EXACT"}
}

// orNull is the string, or null if it is empty.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func stringList(v any) []string {
	elements, _ := v.([]any)
	if elements == nil {
		return nil
	}
	out := make([]string, 0, len(elements))
	for _, e := range elements {
		if text, ok := e.(string); ok {
			out = append(out, text)
		}
	}
	return out
}

func attributeList(attributes []Attribute) graph.List {
	out := make(graph.List, len(attributes))
	for i, a := range attributes {
		out[i] = graph.Object{"__typename": "Attribute", "key": a.Key, "value": a.Value}
	}
	return out
}
