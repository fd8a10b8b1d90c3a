package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook"
)

// sample is a topic and how its body becomes a payload: the way of a delivery,
// through a mux.
type sample struct {
	topic  string
	decode func(ctx context.Context, body []byte) (payload any, err error)
	typ    reflect.Type
}

func typed[T any](topic webhook.Topic[T]) sample {
	return sample{string(topic), func(ctx context.Context, body []byte) (payload any, err error) {
		mux := new(webhook.Mux)
		webhook.On(mux, topic, func(_ context.Context, ev webhook.Event[T]) error {
			payload = ev.Payload
			return nil
		})
		err = mux.Process(ctx, webhook.Delivery{Topic: string(topic), Body: body})
		return payload, err
	}, reflect.TypeFor[T]()}
}

// samples are the topics with typed payloads. Package webhooktest has a body of each.
var samples = []sample{
	typed(webhook.OrdersCreate),
	typed(webhook.OrdersPaid),
	typed(webhook.OrdersUpdated),
	typed(webhook.OrdersCancelled),
	typed(webhook.OrdersFulfilled),
	typed(webhook.OrdersPartiallyFulfilled),
	typed(webhook.OrdersLinkRequested),
	typed(webhook.OrdersEdited),
	typed(webhook.OrdersDelete),
	typed(webhook.OrdersRiskAssessmentChanged),
	typed(webhook.OrdersShopifyProtectEligibilityChanged),
	typed(webhook.OrderTransactionsCreate),
	typed(webhook.TenderTransactionsCreate),
	typed(webhook.DisputesCreate),
	typed(webhook.DisputesUpdate),
	typed(webhook.RefundsCreate),
	typed(webhook.ReturnsRequest),
	typed(webhook.ReturnsApprove),
	typed(webhook.ReturnsDecline),
	typed(webhook.ReturnsProcess),
	typed(webhook.ReturnsCancel),
	typed(webhook.ReturnsClose),
	typed(webhook.ReturnsReopen),
	typed(webhook.ReturnsUpdate),
	typed(webhook.DraftOrdersCreate),
	typed(webhook.DraftOrdersUpdate),
	typed(webhook.DraftOrdersDelete),
	typed(webhook.CartsCreate),
	typed(webhook.CartsUpdate),
	typed(webhook.CheckoutsCreate),
	typed(webhook.CheckoutsUpdate),
	typed(webhook.CheckoutsDelete),
	typed(webhook.FulfillmentsCreate),
	typed(webhook.FulfillmentsUpdate),
	typed(webhook.FulfillmentEventsCreate),
	typed(webhook.FulfillmentEventsDelete),
	typed(webhook.CustomersCreate),
	typed(webhook.CustomersUpdate),
	typed(webhook.CustomersEnable),
	typed(webhook.CustomersDisable),
	typed(webhook.CustomersDelete),
	typed(webhook.CustomersMerge),
	typed(webhook.CustomersPurchasingSummary),
	typed(webhook.CustomersEmailMarketingConsentUpdate),
	typed(webhook.CustomersMarketingConsentUpdate),
	typed(webhook.CustomersWhatsAppMarketingConsentUpdate),
	typed(webhook.CustomerTagsAdded),
	typed(webhook.CustomerTagsRemoved),
	typed(webhook.CustomerJoinedSegment),
	typed(webhook.CustomerLeftSegment),
	typed(webhook.SegmentsCreate),
	typed(webhook.SegmentsUpdate),
	typed(webhook.SegmentsDelete),
	typed(webhook.ProductsCreate),
	typed(webhook.ProductsUpdate),
	typed(webhook.ProductsDelete),
	typed(webhook.VariantsInStock),
	typed(webhook.VariantsOutOfStock),
	typed(webhook.CollectionsCreate),
	typed(webhook.CollectionsUpdate),
	typed(webhook.CollectionsDelete),
	typed(webhook.DiscountsCreate),
	typed(webhook.DiscountsUpdate),
	typed(webhook.DiscountsDelete),
	typed(webhook.DiscountsRedeemcodeAdded),
	typed(webhook.DiscountsRedeemcodeRemoved),
	typed(webhook.InventoryLevelsConnect),
	typed(webhook.InventoryLevelsUpdate),
	typed(webhook.InventoryLevelsDisconnect),
	typed(webhook.InventoryItemsCreate),
	typed(webhook.InventoryItemsUpdate),
	typed(webhook.InventoryItemsDelete),
	typed(webhook.InventoryTransfersAddItems),
	typed(webhook.InventoryTransfersCancel),
	typed(webhook.InventoryTransfersComplete),
	typed(webhook.InventoryTransfersReadyToShip),
	typed(webhook.InventoryTransfersRemoveItems),
	typed(webhook.InventoryTransfersUpdated),
	typed(webhook.InventoryTransfersUpdateItemQuantities),
	typed(webhook.InventoryShipmentsAddItems),
	typed(webhook.InventoryShipmentsCreate),
	typed(webhook.InventoryShipmentsMarkInTransit),
	typed(webhook.InventoryShipmentsReceiveItems),
	typed(webhook.InventoryShipmentsRemoveItems),
	typed(webhook.InventoryShipmentsUpdateItemQuantities),
	typed(webhook.InventoryShipmentsUpdateTracking),
	typed(webhook.InventoryShipmentsDelete),
	typed(webhook.LocationsCreate),
	typed(webhook.LocationsUpdate),
	typed(webhook.LocationsActivate),
	typed(webhook.LocationsDeactivate),
	typed(webhook.LocationsDelete),
	typed(webhook.AppUninstalled),
	typed(webhook.ShopUpdate),
	typed(webhook.AppScopesUpdate),
	typed(webhook.BulkOperationsFinish),
	typed(webhook.CustomersDataRequest),
	typed(webhook.CustomersRedact),
	typed(webhook.ShopRedact),
}

// Every sample decodes, and nothing that it says is lost: each value is found
// again in what the payload encodes to.
func TestSamples(t *testing.T) {
	for _, s := range samples {
		t.Run(s.topic, func(t *testing.T) {
			body, err := os.ReadFile("webhooktest/samples/" + s.topic + ".json")
			require.NoError(t, err)
			payload, err := s.decode(t.Context(), body)
			require.NoError(t, err)
			for _, lost := range lostIn(t, body, payload) {
				t.Error(lost)
			}
		})
	}
}

// lostIn lists the values of a body that its payload does not encode again.
func lostIn(t testing.TB, body []byte, payload any) (lost []string) {
	t.Helper()
	encoded, err := json.Marshal(payload)
	require.NoError(t, err)
	var sent, kept any
	require.NoError(t, json.Unmarshal(body, &sent))
	require.NoError(t, json.Unmarshal(encoded, &kept))
	compare("", sent, kept, &lost)
	return lost
}

// renamed are the fields that come under two names.
var renamed = map[string]string{"line_item_id": "id", "shipment_id": "id", "updated_tracking": "tracking", "currency": "currency_code", "currencyCode": "currency_code"}

func compare(path string, sent, kept any, lost *[]string) {
	fail := func() { *lost = append(*lost, fmt.Sprintf("%s: sent %v, kept %v", path, sent, kept)) }
	switch sent := sent.(type) {
	case nil:
		if v := reflect.ValueOf(kept); v.IsValid() && !v.IsZero() && (v.Kind() != reflect.Slice || v.Len() > 0) {
			fail()
		}
	case map[string]any:
		if list, ok := kept.([]any); ok { // properties
			for name, value := range sent {
				var found bool
				for _, a := range list {
					a := a.(map[string]any)
					found = found || a["name"] == name && a["value"] == fmt.Sprint(value)
				}
				if !found {
					fail()
				}
			}
			return
		}
		object, ok := kept.(map[string]any)
		if !ok && len(sent) > 0 {
			fail()
			return
		}
		for name, value := range sent {
			got, ok := object[name]
			if other := renamed[name]; !ok && other != "" {
				got = object[other]
			}
			compare(path+"."+name, value, got, lost)
		}
	case []any:
		if text, ok := kept.(string); ok { // tags
			var tags []string
			for _, tag := range sent {
				tags = append(tags, tag.(string))
			}
			if strings.Join(tags, ", ") != text {
				fail()
			}
			return
		}
		list, _ := kept.([]any)
		if len(list) != len(sent) {
			fail()
			return
		}
		for i := range sent {
			compare(fmt.Sprintf("%s[%d]", path, i), sent[i], list[i], lost)
		}
	default:
		if terms, ok := kept.(map[string]any); ok { // payment terms by name alone
			kept = terms["payment_terms_name"]
		}
		if text(sent) != text(kept) && (sent != false || kept != nil) {
			fail()
		}
	}
}

// text is a scalar in a form in which equal values are equal.
func text(v any) string {
	if v == nil {
		return ""
	}
	s := fmt.Sprint(v)
	if f, ok := v.(float64); ok {
		s = decimal.NewFromFloat(f).String()
	}
	if id, ok := strings.CutPrefix(s, "gid://shopify/"); ok {
		if _, n, ok := strings.Cut(id, "/"); ok {
			s = n
		}
	}
	if d, err := decimal.NewFromString(s); err == nil && len(s) < 18 { // beyond, float64 rounds ids
		return d.String()
	} else if err == nil {
		return d.Round(-6).String()
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC().String()
		}
	}
	var tags []string
	for tag := range strings.SplitSeq(s, ",") {
		if tag = strings.TrimSpace(tag); tag != "" {
			tags = append(tags, tag)
		}
	}
	return strings.Join(tags, ", ")
}

// What is sent as null or not at all decodes to the zero payload, and back.
func TestSamplesOfNothing(t *testing.T) {
	for _, s := range samples {
		for _, body := range []string{`{}`, nulls(s.typ)} {
			payload, err := s.decode(t.Context(), []byte(body))
			require.NoError(t, err, s.topic)
			assert.Equal(t, reflect.Zero(s.typ).Interface(), payload, s.topic)
		}
	}
}

// Every field of every payload is set by some sample: a misspelled name would
// leave it zero.
func TestSamplesSetEveryField(t *testing.T) {
	set := make(map[string]bool)
	for _, s := range samples {
		body, err := os.ReadFile("webhooktest/samples/" + s.topic + ".json")
		require.NoError(t, err)
		payload, err := s.decode(t.Context(), body)
		require.NoError(t, err)
		visit(reflect.ValueOf(payload), set)
	}
	assert.Greater(t, len(set), 600)
	for name, ok := range set {
		if _, field, _ := strings.Cut(name, "."); !ok && field != "Extra" {
			t.Errorf("no sample sets %s", name)
		}
	}
}

// visit notes for each field whether it is set.
func visit(v reflect.Value, set map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		visit(v.Elem(), set)
	case reflect.Slice:
		for i := range v.Len() {
			visit(v.Index(i), set)
		}
	case reflect.Struct:
		if !strings.HasSuffix(v.Type().PkgPath(), "/webhook") {
			return
		}
		for i := range v.NumField() {
			name := v.Type().Name() + "." + v.Type().Field(i).Name
			set[name] = set[name] || !v.Field(i).IsZero()
			visit(v.Field(i), set)
		}
	}
}

// FuzzPayloads decodes anything as the payload of each topic: it is refused
// without quoting it, or what it decodes to encodes to the same again.
func FuzzPayloads(f *testing.F) {
	for i, s := range samples {
		body, err := os.ReadFile("webhooktest/samples/" + s.topic + ".json")
		require.NoError(f, err)
		f.Add(uint8(i), body)
	}
	f.Add(uint8(0), []byte(`{"id":"gid://shopify/Order/1?x","total_price":"1e32","created_at":"2026-11-24","test":"true"}`))
	f.Fuzz(func(t *testing.T, i uint8, body []byte) {
		s := samples[int(i)%len(samples)]
		payload, err := s.decode(t.Context(), body)
		if err != nil {
			var pe *webhook.PayloadError
			require.ErrorAs(t, err, &pe)
			return
		}
		data, err := json.Marshal(payload)
		require.NoError(t, err)
		require.Less(t, len(data), 20_000+100*len(body), "the encoding exploded")
		again, err := s.decode(t.Context(), data)
		require.NoError(t, err, "%s", data)
		second, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(data), string(second))
	})
}
