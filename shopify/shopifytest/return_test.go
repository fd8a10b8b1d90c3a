package shopifytest_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

const returnSelection = `return { id name status closedAt requestApprovedAt totalQuantity decline { reason note } refunds(first: 5) { nodes { id } }
	order { id returnStatus } returnLineItems(first: 5) { nodes { id quantity processedQuantity refundedQuantity unprocessedQuantity returnReasonNote customerNote
		returnReasonDefinition { id handle name deleted } ... on ReturnLineItem { fulfillmentLineItem { lineItem { id } } } } } }
	userErrors { field message code }`

// mutateReturn runs a mutation that answers with a return.
func mutateReturn(t *testing.T, s *shopifytest.Shop, name, arg, typ string, in any) any {
	t.Helper()
	return at(data(t, s, `mutation($in: `+typ+`!) { `+name+`(`+arg+`: $in) { `+returnSelection+` } }`, map[string]any{"in": in}), name)
}

// fulfillmentLines are the ids that a return names its lines by.
func fulfillmentLines(t *testing.T, s *shopifytest.Shop, order string) []string {
	t.Helper()
	out := data(t, s, `query($id: ID!) { order(id: $id) { fulfillments(first: 1) { fulfillmentLineItems(first: 10) { nodes { id } } } } }`, map[string]any{"id": order})
	var ids []string
	nodes, _ := at(out, "order", "fulfillments", 0, "fulfillmentLineItems", "nodes").([]any)
	for _, n := range nodes {
		ids = append(ids, at(n, "id").(string))
	}
	return ids
}

func TestReturnsLife(t *testing.T) {
	s := newShop(t, nil)
	sub := newSubscriber(t, func(int) int { return http.StatusOK })
	for _, topic := range []string{"RETURNS_REQUEST", "RETURNS_APPROVE", "RETURNS_DECLINE", "RETURNS_PROCESS", "RETURNS_CLOSE", "RETURNS_REOPEN", "RETURNS_CANCEL", "REFUNDS_CREATE"} {
		subscribe(t, s, topic, map[string]any{"uri": sub.URL})
	}
	variant := s.Products()[0].Variants[0]
	o, err := s.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{Variant: variant.ID, Quantity: 3}}})
	require.NoError(t, err)
	line := fulfillmentLines(t, s, o.ID)[0]

	reasons := data(t, s, `{ returnReasonDefinitions(first: 5, handles: ["too-small"]) { nodes { id handle name } } }`, nil)
	small := at(reasons, "returnReasonDefinitions", "nodes", 0, "id")
	require.Equal(t, "gid://shopify/ReturnReasonDefinition/7", small, "Shopify's own number")

	request := func(quantity int, more map[string]any) any {
		in := map[string]any{"fulfillmentLineItemId": line, "quantity": quantity}
		maps.Copy(in, more)
		return mutateReturn(t, s, "returnRequest", "input", "ReturnRequestInput", map[string]any{"orderId": o.ID, "returnLineItems": []any{in}})
	}
	out := request(2, map[string]any{"returnReasonDefinitionId": small, "customerNote": "The sleeves end above my wrists."})
	require.Empty(t, at(out, "userErrors"))
	first := at(out, "return")
	assert.Equal(t, o.Name+"-R1", at(first, "name"))
	assert.Equal(t, "REQUESTED", at(first, "status"))
	assert.Equal(t, "RETURN_REQUESTED", at(first, "order", "returnStatus"))
	assert.Equal(t, "too-small", at(first, "returnLineItems", "nodes", 0, "returnReasonDefinition", "handle"))
	assert.Equal(t, "The sleeves end above my wrists.", at(first, "returnLineItems", "nodes", 0, "customerNote"))
	assert.NotEmpty(t, at(request(2, nil), "userErrors"), "one piece is left")

	approve := func(id any) any {
		return mutateReturn(t, s, "returnApproveRequest", "input", "ReturnApproveRequestInput", map[string]any{"id": id})
	}
	out = approve(at(first, "id"))
	assert.Equal(t, "OPEN", at(out, "return", "status"))
	assert.Equal(t, "IN_PROGRESS", at(out, "return", "order", "returnStatus"))
	assert.NotEmpty(t, at(mutateReturn(t, s, "returnDeclineRequest", "input", "ReturnDeclineRequestInput", map[string]any{"id": at(first, "id"), "declineReason": "FINAL_SALE"}), "userErrors"))

	payment := at(data(t, s, `query($id: ID!) { order(id: $id) { transactions(first: 1) { id } } }`, map[string]any{"id": o.ID}), "order", "transactions", 0, "id")
	process := func(quantity int, amount string) any {
		return mutateReturn(t, s, "returnProcess", "input", "ReturnProcessInput", map[string]any{
			"returnId": at(first, "id"), "returnLineItems": []any{map[string]any{"id": at(first, "returnLineItems", "nodes", 0, "id"), "quantity": quantity}},
			"financialTransfer": map[string]any{"issueRefund": map[string]any{"orderTransactions": []any{
				map[string]any{"parentId": payment, "transactionAmount": map[string]any{"amount": amount, "currencyCode": "USD"}},
			}}},
		})
	}
	out = process(1, "50.00")
	require.Empty(t, at(out, "userErrors"))
	assert.Equal(t, "OPEN", at(out, "return", "status"))
	assert.EqualValues(t, 1, at(out, "return", "returnLineItems", "nodes", 0, "unprocessedQuantity"))
	assert.NotEmpty(t, at(process(2, "50.00"), "userErrors"), "more than is on its way")
	assert.NotEmpty(t, at(process(1, "5000.00"), "userErrors"), "more than was paid")
	out = process(1, "50.00")
	assert.Equal(t, "CLOSED", at(out, "return", "status"))
	assert.EqualValues(t, 2, at(out, "return", "returnLineItems", "nodes", 0, "refundedQuantity"))
	assert.Len(t, at(out, "return", "refunds", "nodes"), 2)

	byID := func(name string) any {
		return at(data(t, s, `mutation($id: ID!) { `+name+`(id: $id) { `+returnSelection+` } }`, map[string]any{"id": at(first, "id")}), name)
	}
	out = byID("returnReopen")
	assert.Equal(t, "OPEN", at(out, "return", "status"))
	assert.Nil(t, at(out, "return", "closedAt"))
	assert.Equal(t, "CLOSED", at(byID("returnClose"), "return", "status"))

	second, err := s.RequestReturn(shopifytest.ReturnRequest{Order: o.Name, Lines: []shopifytest.ReturnRequestLine{{Reason: "arrived-late", Note: "Three weeks!"}}})
	require.NoError(t, err)
	declined := mutateReturn(t, s, "returnDeclineRequest", "input", "ReturnDeclineRequestInput", map[string]any{"id": second.ID, "declineReason": "RETURN_PERIOD_ENDED", "declineNote": "Bought in spring."})
	assert.Equal(t, "RETURN_PERIOD_ENDED", at(declined, "return", "decline", "reason"))
	assert.Equal(t, "RETURNED", at(declined, "return", "order", "returnStatus"))
	third, err := s.RequestReturn(shopifytest.ReturnRequest{Order: o.Name, Lines: []shopifytest.ReturnRequestLine{{}}})
	require.NoError(t, err, "a declined return holds nothing back")
	assert.Equal(t, "CANCELED", at(data(t, s, `mutation($id: ID!) { returnCancel(id: $id) { return { status } } }`, map[string]any{"id": third.ID}), "returnCancel", "return", "status"))

	waitIdle(t, s)
	seen := map[string]int{}
	for _, d := range s.Deliveries() {
		seen[d.Topic]++
	}
	assert.Equal(t, map[string]int{
		"returns/request": 3, "returns/approve": 1, "returns/process": 2, "returns/close": 2, "returns/reopen": 1,
		"returns/decline": 1, "returns/cancel": 1, "refunds/create": 2,
	}, seen)
}

func TestGoodsTakenBackAreAReturn(t *testing.T) {
	s := newShop(t, nil)
	sub := newSubscriber(t, func(int) int { return http.StatusOK })
	for _, topic := range []string{"RETURNS_APPROVE", "RETURNS_CLOSE", "REFUNDS_CREATE"} {
		subscribe(t, s, topic, map[string]any{"uri": sub.URL})
	}
	o, err := s.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{Variant: s.Products()[0].Variants[0].ID}}})
	require.NoError(t, err)
	_, err = s.TakeBack(shopifytest.TakeBack{Order: o.ID, Note: "seam open", Lines: []shopifytest.TakeBackLine{{Reason: "loose-seams"}}})
	require.NoError(t, err)
	waitIdle(t, s)
	returns := s.Returns(o.ID)
	require.Len(t, returns, 1)
	assert.Equal(t, "CLOSED", returns[0].Status)
	assert.Equal(t, "loose-seams", returns[0].Lines[0].Reason)
	bodies := map[string]any{}
	for _, d := range s.Deliveries() {
		var body any
		require.NoError(t, json.Unmarshal(d.Body, &body))
		bodies[d.Topic] = body
	}
	approved := bodies["returns/approve"]
	assert.Equal(t, o.ID, at(approved, "order", "admin_graphql_api_id"))
	line := at(approved, "return_line_items", 0)
	assert.Equal(t, "loose-seams", at(line, "return_reason_definition", "handle"))
	assert.Equal(t, "defective", at(line, "return_reason"), "the older enum's word")
	assert.Equal(t, "seam open", at(line, "return_reason_note"))
	assert.Equal(t, o.Lines[0].ID, at(line, "fulfillment_line_item", "line_item", "admin_graphql_api_id"))
	assert.Equal(t, returns[0].ID, at(bodies["returns/close"], "admin_graphql_api_id"))
	assert.Equal(t, returns[0].ID, at(bodies["refunds/create"], "return", "admin_graphql_api_id"))
}

func TestReturnsThatAreRefused(t *testing.T) {
	s := newShop(t, nil)
	variant := s.Products()[0].Variants[0]
	o, err := s.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{Variant: variant.ID}}})
	require.NoError(t, err)
	other, err := s.RingUp(shopifytest.Sale{SendLater: true, Lines: []shopifytest.SaleLine{{Variant: variant.ID}}})
	require.NoError(t, err)
	line := fulfillmentLines(t, s, o.ID)[0]
	for name, in := range map[string]map[string]any{
		"no order":          {"orderId": "gid://shopify/Order/1", "returnLineItems": []any{map[string]any{"fulfillmentLineItemId": line, "quantity": 1}}},
		"another's line":    {"orderId": other.ID, "returnLineItems": []any{map[string]any{"fulfillmentLineItemId": line, "quantity": 1}}},
		"no lines":          {"orderId": o.ID, "returnLineItems": []any{}},
		"none of it":        {"orderId": o.ID, "returnLineItems": []any{map[string]any{"fulfillmentLineItemId": line, "quantity": 0}}},
		"too many":          {"orderId": o.ID, "returnLineItems": []any{map[string]any{"fulfillmentLineItemId": line, "quantity": 1}, map[string]any{"fulfillmentLineItemId": line, "quantity": 1}}},
		"no such reason":    {"orderId": o.ID, "returnLineItems": []any{map[string]any{"fulfillmentLineItemId": line, "quantity": 1, "returnReasonDefinitionId": "gid://shopify/ReturnReasonDefinition/999999"}}},
		"other without why": {"orderId": o.ID, "returnLineItems": []any{map[string]any{"fulfillmentLineItemId": line, "quantity": 1, "returnReason": "OTHER"}}},
	} {
		out := mutateReturn(t, s, "returnCreate", "returnInput", "ReturnInput", in)
		assert.NotEmpty(t, at(out, "userErrors"), name)
		assert.Nil(t, at(out, "return"), name)
	}
	assert.Empty(t, s.Returns(o.ID))
	for name, r := range map[string]shopifytest.ReturnRequest{
		"no order":       {Order: "#1"},
		"no line":        {Order: o.ID},
		"not fulfilled":  {Order: other.ID, Lines: []shopifytest.ReturnRequestLine{{}}},
		"line that is 5": {Order: o.ID, Lines: []shopifytest.ReturnRequestLine{{Line: 5}}},
		"no such reason": {Order: o.ID, Lines: []shopifytest.ReturnRequestLine{{Reason: "whatever"}}},
	} {
		_, err := s.RequestReturn(r)
		require.ErrorIs(t, err, shopifytest.ErrSale, name)
	}
}
