// Package shopifytest is a simulated Shopify shop, for the tests of programs that talk to one.
//
// A [Shop] answers the GraphQL Admin and Storefront APIs over HTTP and sends webhooks. It validates every operation against
// the pinned schema and executes any that is valid: from what is stored where there is something, with
// made-up values of the right type elsewhere. It charges query cost and throttles, enforces
// idempotency keys, and fails on demand ([Shop.Inject]): as a whole, in one field or with a user error. Start with [NewShop]:
//
//	func TestSync(t *testing.T) {
//		shop := shopifytest.NewShop(t, nil)
//		client := newClient(shop.URL(), shop.Token()) // the client under test
//		order, err := shop.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{SKU: "AW-CAN-CEDA"}}})
//		…
//	}
//
// [Start] is the same outside of tests, and the command in cmd/shopifytest serves clients in other languages.
//
// # What is stored
//
// Shop, locations, staff, products, variants, collections, inventory and its transfers, customers with their store credit, gift
// cards, orders with transactions, discounts, refunds and returns, the general part of the library of return
// reasons, risk assessments, draft orders, discounts with codes and automatic ones, segments, metaobjects, metafields, their definitions, tags, bulk operations and webhook
// subscriptions. The data is made up ([GenerateData]) or read from a file ([ReadData]). Fields of stored things that
// the shop knows nothing of are null or empty where the schema allows it.
//
// # What can be written
//
//   - Bulk: bulkOperationCancel, bulkOperationRunMutation, bulkOperationRunQuery, stagedUploadsCreate
//   - Collections: collectionAddProducts, collectionAddProductsV2, collectionCreate, collectionDelete,
//     collectionRemoveProducts, collectionUpdate
//   - Customers: customerAddressCreate, customerAddressDelete, customerAddressUpdate, customerCancelDataErasure,
//     customerCreate, customerDelete, customerEmailMarketingConsentUpdate, customerMerge, customerRequestDataErasure,
//     customerSet, customerSmsMarketingConsentUpdate, customerUpdate, customerUpdateDefaultAddress,
//     storeCreditAccountCredit, storeCreditAccountDebit
//   - Discounts: discountAutomaticActivate, discountAutomaticBasicCreate, discountAutomaticBasicUpdate,
//     discountAutomaticBulkDelete, discountAutomaticBxgyCreate, discountAutomaticBxgyUpdate, discountAutomaticDeactivate,
//     discountAutomaticDelete, discountAutomaticFreeShippingCreate, discountAutomaticFreeShippingUpdate,
//     discountCodeActivate, discountCodeBasicCreate, discountCodeBasicUpdate, discountCodeBulkActivate,
//     discountCodeBulkDeactivate, discountCodeBulkDelete, discountCodeBxgyCreate, discountCodeBxgyUpdate,
//     discountCodeDeactivate, discountCodeDelete, discountCodeFreeShippingCreate, discountCodeFreeShippingUpdate,
//     discountCodeRedeemCodeBulkDelete, discountRedeemCodeBulkAdd
//   - Draft orders: draftOrderCalculate, draftOrderComplete, draftOrderCreate, draftOrderDelete, draftOrderInvoiceSend,
//     draftOrderUpdate
//   - Gift cards: giftCardCreate, giftCardCredit, giftCardDeactivate, giftCardDebit, giftCardUpdate
//   - Inventory: inventoryActivate, inventoryAdjustQuantities, inventoryDeactivate, inventoryItemUpdate,
//     inventoryMoveQuantities, inventorySetQuantities
//   - Locations: locationActivate, locationAdd, locationDeactivate, locationDelete, locationEdit
//   - Metafields and tags: metafieldDefinitionCreate, metafieldDefinitionDelete, metafieldDefinitionPin,
//     metafieldDefinitionUnpin, metafieldDefinitionUpdate, metafieldsDelete, metafieldsSet, tagsAdd, tagsRemove
//   - Metaobjects: metaobjectBulkDelete, metaobjectCreate, metaobjectDefinitionCreate, metaobjectDefinitionDelete,
//     metaobjectDefinitionUpdate, metaobjectDelete, metaobjectUpdate, metaobjectUpsert
//   - Orders: orderCancel, orderClose, orderCreate, orderEditAddCustomItem, orderEditAddLineItemDiscount,
//     orderEditAddVariant, orderEditBegin, orderEditCommit, orderEditRemoveDiscount, orderEditSetQuantity,
//     orderMarkAsPaid, orderOpen, orderRiskAssessmentCreate, orderUpdate, refundCreate
//   - Products: productCreate, productDelete, productSet, productUpdate, productVariantsBulkCreate,
//     productVariantsBulkDelete, productVariantsBulkUpdate
//   - Returns: returnApproveRequest, returnCancel, returnClose, returnCreate, returnDeclineRequest, returnProcess,
//     returnReopen, returnRequest
//   - Segments: segmentCreate, segmentDelete, segmentUpdate
//   - Transfers: inventoryShipmentCreate, inventoryShipmentCreateInTransit, inventoryShipmentMarkInTransit,
//     inventoryShipmentReceive, inventoryTransferCancel, inventoryTransferCreate, inventoryTransferCreateAsReadyToShip,
//     inventoryTransferEdit, inventoryTransferMarkAsReadyToShip, inventoryTransferRemoveItems, inventoryTransferSetItems
//   - Webhooks: webhookSubscriptionCreate, webhookSubscriptionDelete, webhookSubscriptionUpdate
//
// They answer with the user errors of Shopify. Every other mutation, and every part of an input that these do not
// carry out, is refused with the top-level error NOT_SIMULATED: nothing pretends to have been written. With
// [Options.Improvise], and by default in the command, it is answered with made-up values and marked in the journal.
//
// What people do in the shop is done from Go: [Shop.RingUp], [Shop.TakeBack], [Shop.RequestReturn],
// [Shop.AddCustomer], [Shop.SetConsent], [Shop.DeleteCustomer], [Shop.EraseCustomer] and [Shop.RequestCustomerData].
//
// # Storefront API
//
// Buyers see active products, the shop's own search and carts (cartCreate, cartLinesAdd, cartLinesUpdate,
// cartLinesRemove, cartAttributesUpdate, cartNoteUpdate, cartDiscountCodesUpdate, cartBuyerIdentityUpdate), with
// [Shop.StorefrontToken] as the public or the private token, or without one. No discount code applies. What @defer
// puts off comes in parts (multipart/mixed).
//
// # REST
//
// Of the legacy REST Admin API there are shop, orders (read; note and tags can be changed), products and customers
// (read) and webhooks, with their counts, pages by the Link header, the filters ids and since_id, and a bucket of
// requests by [Options.Plan] (40 on Standard); a [Fault] hits a request by an operation such as "GET orders.json".
// Filters and fields beyond those are refused.
//
// # Tokens
//
// The app is installed at /admin/oauth/authorize, where nobody has to click, and gets tokens at
// /admin/oauth/access_token ([OAuth]): by authorization code, token exchange, client credentials and refresh.
// They expire and rotate as Shopify's do. [Shop.SessionToken] is what App Bridge and POS UI
// extensions send, [Shop.LaunchURL] opens the app, [Shop.Uninstall] removes it, and a [Fault]
// with a grant type makes the token endpoint fail.
//
// # Webhooks
//
// Deliveries go to https addresses, and to http ones of this machine, with Shopify's headers and signature and
// on Shopify's schedule ([Options.RetrySchedule]). Events are sent for orders/create, orders/paid, orders/fulfilled,
// orders/updated, orders/edited, orders/cancelled, refunds/create, returns/request, returns/approve, returns/decline, returns/process, returns/cancel,
// returns/close, returns/reopen, tender_transactions/create, draft_orders/create, draft_orders/update, draft_orders/delete, customers/create,
// customers/update, customers/delete, customers/merge, customers_email_marketing_consent/update,
// customers_marketing_consent/update, customer.tags_added, customer.tags_removed, discounts/create, discounts/update,
// discounts/delete, discounts/redeemcode_added, discounts/redeemcode_removed, metafield_definitions/create,
// metafield_definitions/update, metafield_definitions/delete, metaobjects/create, metaobjects/update,
// metaobjects/delete, products/create, products/update, products/delete, collections/create, collections/update,
// collections/delete, segments/create, segments/update, segments/delete, inventory_items/update, inventory_levels/connect,
// inventory_levels/update, inventory_levels/disconnect, locations/create, locations/update, locations/activate, locations/deactivate,
// locations/delete and app/uninstalled; a subscription to another topic, or to Pub/Sub or EventBridge, is accepted
// and stays silent. A subscription is deleted when a delivery has come to its end after at least
// eight failures in a row.
//
// # Bulk operations
//
// A bulk query is executed when it runs, over everything that is stored, and its connections become lines of a
// JSONL file: level by level, or each object with what is below it where groupObjects is asked for. A bulk mutation
// carries out its lines one after the other, like requests. [Options.BulkDelay] is how long an operation takes on the
// shop's clock, [Shop.InjectBulk] makes it go wrong. Files are at the shop's own address, in the manner of Google
// Cloud Storage: signed, with ranges, for seven days; forms are held against what stagedUploadsCreate said. A
// request to them that carries an access token is refused.
//
// # Errors
//
// Wrong data matches [ErrData] and is a [*DataError]; a wrong sale matches [ErrSale]; what is not there matches [ErrNotFound].
//
// # Concurrency
//
// A Shop is safe for concurrent use; a mutation excludes everything else while it runs. [Shop.Close] leaves
// nothing behind. With [Options.Socketless] and [Options.WebhookTransport] a shop lives in a testing/synctest bubble.
package shopifytest
