package webhook

// Topics with typed payloads. The others are in topics_raw.go.
//
// https://shopify.dev/docs/api/webhooks/latest
const (
	// Orders and what is paid for them.
	OrdersCreate                           Topic[Order]                          = "orders/create"
	OrdersPaid                             Topic[Order]                          = "orders/paid"
	OrdersUpdated                          Topic[Order]                          = "orders/updated"
	OrdersCancelled                        Topic[Order]                          = "orders/cancelled"
	OrdersFulfilled                        Topic[Order]                          = "orders/fulfilled"
	OrdersPartiallyFulfilled               Topic[Order]                          = "orders/partially_fulfilled"
	OrdersLinkRequested                    Topic[Order]                          = "orders/link_requested"
	OrdersEdited                           Topic[OrderEdited]                    = "orders/edited"
	OrdersDelete                           Topic[Deleted]                        = "orders/delete"
	OrdersRiskAssessmentChanged            Topic[OrderRiskAssessmentChanged]     = "orders/risk_assessment_changed"
	OrdersShopifyProtectEligibilityChanged Topic[OrderProtectEligibilityChanged] = "orders/shopify_protect_eligibility_changed"
	OrderTransactionsCreate                Topic[Transaction]                    = "order_transactions/create"
	TenderTransactionsCreate               Topic[TenderTransaction]              = "tender_transactions/create"
	DisputesCreate                         Topic[Dispute]                        = "disputes/create"
	DisputesUpdate                         Topic[Dispute]                        = "disputes/update"

	// Refunds and returns.
	RefundsCreate  Topic[Refund]       = "refunds/create"
	ReturnsRequest Topic[Return]       = "returns/request"
	ReturnsApprove Topic[Return]       = "returns/approve"
	ReturnsDecline Topic[Return]       = "returns/decline"
	ReturnsProcess Topic[Return]       = "returns/process"
	ReturnsCancel  Topic[Return]       = "returns/cancel"
	ReturnsClose   Topic[Return]       = "returns/close"
	ReturnsReopen  Topic[Return]       = "returns/reopen"
	ReturnsUpdate  Topic[ReturnUpdate] = "returns/update"

	// Drafts, carts and checkouts.
	DraftOrdersCreate Topic[DraftOrder] = "draft_orders/create"
	DraftOrdersUpdate Topic[DraftOrder] = "draft_orders/update"
	DraftOrdersDelete Topic[Deleted]    = "draft_orders/delete"
	CartsCreate       Topic[Cart]       = "carts/create"
	CartsUpdate       Topic[Cart]       = "carts/update"
	CheckoutsCreate   Topic[Checkout]   = "checkouts/create"
	CheckoutsUpdate   Topic[Checkout]   = "checkouts/update"
	CheckoutsDelete   Topic[Checkout]   = "checkouts/delete"

	// Fulfillments.
	FulfillmentsCreate      Topic[Fulfillment]      = "fulfillments/create"
	FulfillmentsUpdate      Topic[Fulfillment]      = "fulfillments/update"
	FulfillmentEventsCreate Topic[FulfillmentEvent] = "fulfillment_events/create"
	FulfillmentEventsDelete Topic[FulfillmentEvent] = "fulfillment_events/delete"

	// Customers.
	CustomersCreate                         Topic[Customer]                       = "customers/create"
	CustomersUpdate                         Topic[Customer]                       = "customers/update"
	CustomersEnable                         Topic[Customer]                       = "customers/enable"
	CustomersDisable                        Topic[Customer]                       = "customers/disable"
	CustomersDelete                         Topic[Deleted]                        = "customers/delete"
	CustomersMerge                          Topic[CustomerMerge]                  = "customers/merge"
	CustomersPurchasingSummary              Topic[PurchasingSummary]              = "customers/purchasing_summary"
	CustomersEmailMarketingConsentUpdate    Topic[EmailMarketingConsentUpdate]    = "customers_email_marketing_consent/update"
	CustomersMarketingConsentUpdate         Topic[SMSMarketingConsentUpdate]      = "customers_marketing_consent/update"
	CustomersWhatsAppMarketingConsentUpdate Topic[WhatsAppMarketingConsentUpdate] = "customers_whats_app_marketing_consent/update"
	CustomerTagsAdded                       Topic[CustomerTags]                   = "customer.tags_added"
	CustomerTagsRemoved                     Topic[CustomerTags]                   = "customer.tags_removed"
	CustomerJoinedSegment                   Topic[CustomerSegment]                = "customer.joined_segment"
	CustomerLeftSegment                     Topic[CustomerSegment]                = "customer.left_segment"
	SegmentsCreate                          Topic[Segment]                        = "segments/create"
	SegmentsUpdate                          Topic[Segment]                        = "segments/update"
	SegmentsDelete                          Topic[Deleted]                        = "segments/delete"

	// Products.
	ProductsCreate             Topic[Product]            = "products/create"
	ProductsUpdate             Topic[Product]            = "products/update"
	ProductsDelete             Topic[Deleted]            = "products/delete"
	VariantsInStock            Topic[Variant]            = "variants/in_stock"
	VariantsOutOfStock         Topic[Variant]            = "variants/out_of_stock"
	CollectionsCreate          Topic[Collection]         = "collections/create"
	CollectionsUpdate          Topic[Collection]         = "collections/update"
	CollectionsDelete          Topic[Deleted]            = "collections/delete"
	DiscountsCreate            Topic[Discount]           = "discounts/create"
	DiscountsUpdate            Topic[Discount]           = "discounts/update"
	DiscountsDelete            Topic[Discount]           = "discounts/delete"
	DiscountsRedeemcodeAdded   Topic[DiscountRedeemCode] = "discounts/redeemcode_added"
	DiscountsRedeemcodeRemoved Topic[DiscountRedeemCode] = "discounts/redeemcode_removed"

	// Inventory.
	InventoryLevelsConnect                 Topic[InventoryLevel]    = "inventory_levels/connect"
	InventoryLevelsUpdate                  Topic[InventoryLevel]    = "inventory_levels/update"
	InventoryLevelsDisconnect              Topic[InventoryLevel]    = "inventory_levels/disconnect"
	InventoryItemsCreate                   Topic[InventoryItem]     = "inventory_items/create"
	InventoryItemsUpdate                   Topic[InventoryItem]     = "inventory_items/update"
	InventoryItemsDelete                   Topic[Deleted]           = "inventory_items/delete"
	InventoryTransfersAddItems             Topic[InventoryTransfer] = "inventory_transfers/add_items"
	InventoryTransfersCancel               Topic[InventoryTransfer] = "inventory_transfers/cancel"
	InventoryTransfersComplete             Topic[InventoryTransfer] = "inventory_transfers/complete"
	InventoryTransfersReadyToShip          Topic[InventoryTransfer] = "inventory_transfers/ready_to_ship"
	InventoryTransfersRemoveItems          Topic[InventoryTransfer] = "inventory_transfers/remove_items"
	InventoryTransfersUpdated              Topic[InventoryTransfer] = "inventory_transfers/updated"
	InventoryTransfersUpdateItemQuantities Topic[InventoryTransfer] = "inventory_transfers/update_item_quantities"
	InventoryShipmentsAddItems             Topic[InventoryShipment] = "inventory_shipments/add_items"
	InventoryShipmentsCreate               Topic[InventoryShipment] = "inventory_shipments/create"
	InventoryShipmentsMarkInTransit        Topic[InventoryShipment] = "inventory_shipments/mark_in_transit"
	InventoryShipmentsReceiveItems         Topic[InventoryShipment] = "inventory_shipments/receive_items"
	InventoryShipmentsRemoveItems          Topic[InventoryShipment] = "inventory_shipments/remove_items"
	InventoryShipmentsUpdateItemQuantities Topic[InventoryShipment] = "inventory_shipments/update_item_quantities"
	InventoryShipmentsUpdateTracking       Topic[InventoryShipment] = "inventory_shipments/update_tracking"
	InventoryShipmentsDelete               Topic[InventoryShipment] = "inventory_shipments/delete"
	LocationsCreate                        Topic[Location]          = "locations/create"
	LocationsUpdate                        Topic[Location]          = "locations/update"
	LocationsActivate                      Topic[Location]          = "locations/activate"
	LocationsDeactivate                    Topic[Location]          = "locations/deactivate"
	LocationsDelete                        Topic[Deleted]           = "locations/delete"

	// The app and the shop.
	AppUninstalled       Topic[Shop]          = "app/uninstalled"
	ShopUpdate           Topic[Shop]          = "shop/update"
	AppScopesUpdate      Topic[ScopesUpdate]  = "app/scopes_update"
	BulkOperationsFinish Topic[BulkOperation] = "bulk_operations/finish"

	// The compliance topics: mandatory for apps in the App Store, and subscribed to
	// in the app's configuration file alone.
	CustomersDataRequest Topic[DataRequest]       = "customers/data_request"
	CustomersRedact      Topic[CustomerRedaction] = "customers/redact"
	ShopRedact           Topic[ShopRedaction]     = "shop/redact"
)
