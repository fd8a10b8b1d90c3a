package shopifytest

import (
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// mutations are the fields of Mutation that the shop carries out. Each gets the whole write lock,
// checks everything first and then changes all or nothing.
var mutations = joined(generalMutations, discountMutations, metaobjectMutations, definitionMutations, collectionMutations, locationMutations, orderMutations, segmentMutations)

// joined is all entries of the maps. No key is in two of them.
func joined[V any](all ...map[string]V) map[string]V {
	out := map[string]V{}
	for _, m := range all {
		for key, v := range m {
			if _, taken := out[key]; taken {
				panic("shopifytest: " + key + " is there twice") // a mistake in this package
			}
			out[key] = v
		}
	}
	return out
}

var generalMutations = map[string]func(s *state, c *graph.Call) (any, error){
	"metafieldsSet":    metafieldsSet,
	"metafieldsDelete": metafieldsDelete,
	"tagsAdd":          tagsAdd,
	"tagsRemove":       tagsRemove,

	"orderUpdate":  orderUpdate,
	"orderCreate":  orderCreate,
	"refundCreate": refundCreate,

	"orderMarkAsPaid": orderMarkAsPaid,

	"returnCreate":         returnCreate,
	"returnRequest":        returnRequest,
	"returnApproveRequest": returnStep(inputID, "OPEN", "approve", "REQUESTED"),
	"returnDeclineRequest": returnStep(inputID, "DECLINED", "decline", "REQUESTED"),
	"returnCancel":         returnStep(argID, "CANCELED", "cancel", "OPEN", "REQUESTED"),
	"returnClose":          returnStep(argID, "CLOSED", "close", "OPEN"),
	"returnReopen":         returnStep(argID, "OPEN", "reopen", "CLOSED"),
	"returnProcess":        returnProcess,

	"orderRiskAssessmentCreate": orderRiskAssessmentCreate,

	"draftOrderCreate":   draftOrderCreate,
	"draftOrderUpdate":   draftOrderUpdate,
	"draftOrderDelete":   draftOrderDelete,
	"draftOrderComplete": draftOrderComplete,

	"draftOrderCalculate":   draftOrderCalculate,
	"draftOrderInvoiceSend": draftOrderInvoiceSend,

	"customerCreate":                      customerCreate,
	"customerUpdate":                      customerUpdate,
	"customerSet":                         customerSet,
	"customerDelete":                      customerDelete,
	"customerMerge":                       customerMerge,
	"customerEmailMarketingConsentUpdate": customerEmailMarketingConsentUpdate,
	"customerSmsMarketingConsentUpdate":   customerSmsMarketingConsentUpdate,
	"customerRequestDataErasure":          customerRequestDataErasure,
	"customerCancelDataErasure":           customerCancelDataErasure,
	"customerAddressCreate":               onAddress(customerAddressCreate),
	"customerAddressUpdate":               onAddress(customerAddressUpdate),
	"customerAddressDelete":               onAddress(customerAddressDelete),
	"customerUpdateDefaultAddress":        onAddress(customerUpdateDefaultAddress),

	"productCreate": productCreate,
	"productUpdate": productUpdate,
	"productSet":    productSet,
	"productDelete": productDelete,

	"productVariantsBulkCreate": productVariantsBulkCreate,
	"productVariantsBulkUpdate": productVariantsBulkUpdate,
	"productVariantsBulkDelete": productVariantsBulkDelete,

	"inventoryItemUpdate": inventoryItemUpdate,

	"inventoryAdjustQuantities": inventoryAdjustQuantities,
	"inventorySetQuantities":    inventorySetQuantities,
	"inventoryMoveQuantities":   inventoryMoveQuantities,

	"inventoryTransferCreate":              inventoryTransferCreate("DRAFT"),
	"inventoryTransferCreateAsReadyToShip": inventoryTransferCreate("READY_TO_SHIP"),
	"inventoryTransferSetItems":            onTransfer(inputID, inventoryTransferSetItems, "DRAFT", "READY_TO_SHIP"),
	"inventoryTransferRemoveItems":         onTransfer(inputID, inventoryTransferRemoveItems, "DRAFT", "READY_TO_SHIP"),
	"inventoryTransferEdit":                onTransfer(argID, inventoryTransferEdit, "DRAFT", "READY_TO_SHIP", "IN_PROGRESS"),
	"inventoryTransferMarkAsReadyToShip":   onTransfer(argID, inventoryTransferReady, "DRAFT"),
	"inventoryTransferCancel":              onTransfer(argID, inventoryTransferCancel, "DRAFT", "READY_TO_SHIP"),
	"inventoryShipmentCreate":              inventoryShipmentCreate(false),
	"inventoryShipmentCreateInTransit":     inventoryShipmentCreate(true),
	"inventoryShipmentMarkInTransit":       inventoryShipmentMarkInTransit,
	"inventoryShipmentReceive":             inventoryShipmentReceive,

	"storeCreditAccountCredit": storeCreditAccountCredit,
	"storeCreditAccountDebit":  storeCreditAccountDebit,

	"giftCardCreate":     giftCardCreate,
	"giftCardUpdate":     giftCardUpdate,
	"giftCardCredit":     giftCardMove("creditInput", "creditAmount", "giftCardCreditTransaction", "GiftCardCreditTransaction", 1),
	"giftCardDebit":      giftCardMove("debitInput", "debitAmount", "giftCardDebitTransaction", "GiftCardDebitTransaction", -1),
	"giftCardDeactivate": giftCardDeactivate,

	"bulkOperationRunQuery":    bulkOperationRunQuery,
	"bulkOperationRunMutation": bulkOperationRunMutation,
	"bulkOperationCancel":      bulkOperationCancel,
	"stagedUploadsCreate":      stagedUploadsCreate,

	"webhookSubscriptionCreate": webhookSubscriptionCreate,
	"webhookSubscriptionUpdate": webhookSubscriptionUpdate,
	"webhookSubscriptionDelete": webhookSubscriptionDelete,
}

// userError is one entry of a payload's userErrors. The code is left out of types that have none.
type userError struct {
	field   []string
	message string
	code    string
}

// refused is the payload of a mutation that changed nothing.
func refused(errs ...userError) graph.Object {
	out := make(graph.List, len(errs))
	for i, e := range errs {
		out[i] = graph.Object{"message": e.message, graph.Closed: true}
		if e.field != nil {
			out[i]["field"] = e.field
		}
		if e.code != "" {
			out[i]["code"] = e.code
		}
	}
	return graph.Object{"userErrors": out, graph.Closed: true}
}

// done is the payload of a mutation that succeeded.
func done(name string, value any) graph.Object {
	return graph.Object{name: value, "userErrors": graph.List{}, graph.Closed: true}
}

// notSimulated refuses an input that the shop does not understand: ignoring it would pretend that it was written.
func notSimulated(what string) error {
	return graph.NewError(codeNotSimulated, "The simulated shop does not understand "+what+".")
}

// unknown is the first key of in that is not among the known ones, sent with another value than null.
func unknown(in map[string]any, known ...string) string {
next:
	for key, value := range in {
		for _, k := range known {
			if k == key {
				continue next
			}
		}
		switch v := value.(type) {
		case nil:
		case []any:
			if len(v) > 0 {
				return key
			}
		case bool:
			if v {
				return key
			}
		default:
			return key
		}
	}
	return ""
}

func input(c *graph.Call, name string) map[string]any {
	m, _ := c.Args[name].(map[string]any)
	return m
}

func text(in map[string]any, key string) string {
	v, _ := in[key].(string)
	return v
}

// setText sets *target if key was sent; null clears it.
func setText(in map[string]any, key string, target *string) {
	if v, sent := in[key]; sent {
		*target, _ = v.(string)
	}
}

// number is an amount that the input has as a string or a number.
func number(v any) (decimal.Decimal, bool) {
	switch v := v.(type) {
	case string:
		d, err := decimal.NewFromString(v)
		return d, err == nil && len(v) <= 40 && d.Exponent() < 20 && d.Exponent() > -20
	case float64:
		return decimal.NewFromFloat(v), true
	case int:
		return decimal.NewFromInt(int64(v)), true
	default:
		return decimal.Zero, false
	}
}

func objects(v any) []map[string]any {
	elements, _ := v.([]any)
	out := make([]map[string]any, 0, len(elements))
	for _, e := range elements {
		if m, ok := e.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func attributesFrom(v any) []Attribute {
	var out []Attribute
	for _, a := range objects(v) {
		out = append(out, Attribute{Key: text(a, "key"), Value: text(a, "value")})
	}
	return out
}

// addressFrom is the address of an input, filed under an id of its own; nil if it was null or not sent.
func (s *state) addressFrom(v any) *address {
	in, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	a := &address{
		AddressData: AddressData{
			Address1: text(in, "address1"), Address2: text(in, "address2"), City: text(in, "city"), Zip: text(in, "zip"), Phone: text(in, "phone"),
			Province: text(in, "province"), ProvinceCode: text(in, "provinceCode"), Country: text(in, "country"), CountryCode: text(in, "countryCode"),
		},
		firstName: text(in, "firstName"), lastName: text(in, "lastName"), company: text(in, "company"),
	}
	s.add(a, "MailingAddress", 0, s.now())
	return a
}

// setMetafields carries out the metafields of an input object.
func (s *state) setMetafields(owner node, v any) {
	for _, in := range objects(v) {
		s.setMetafield(owner, s.namespace(text(in, "namespace")), text(in, "key"), s.metafieldType(in, owner, ownerTypes[owner.common().typename]), text(in, "value"))
	}
}

// checkMetafields checks the metafields of an input object for an owner of that MetafieldOwnerType; the owner is nil
// if it does not exist yet.
func (s *state) checkMetafields(ownerType string, owner node, v any, field ...string) []userError {
	var errs []userError
	for i, in := range objects(v) {
		if e := s.checkMetafield(in, owner, ownerType); e != nil {
			e.field = slices.Concat(field, []string{strconv.Itoa(i)}, e.field)
			errs = append(errs, *e)
		}
	}
	return errs
}
