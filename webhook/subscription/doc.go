// Package subscription keeps a shop's webhook subscriptions as they are
// declared, and finds what was never delivered.
//
//	keeper, err := subscription.NewKeeper(client, []subscription.Subscription{
//		{Topic: "orders/create", URI: "https://pos.example.com/webhooks"},
//		{Topic: "refunds/create", URI: "https://pos.example.com/webhooks"},
//	}, nil)
//	reconciler, err := subscription.NewReconciler(client, "example.myshopify.com", box, nil)
//	go keeper.Guard(ctx)
//	go reconciler.Run(ctx)
//
// The client is anything that runs GraphQL operations on the shop's Admin API,
// such as a shopify.Client; box is an inbox.Inbox, whose function then gets
// what Shopify delivered and what it did not.
//
// # Why both
//
// Shopify tries a delivery nine times over four hours, and after eight that
// failed for good it deletes the subscription. A receiver that is down for a
// night comes back to silence: the [Keeper] restores the subscription, the
// [Reconciler] finds what happened in between. It also finds the rare delivery
// that Shopify never made.
//
// # What the reconciler feeds
//
// Its payloads have the form of Shopify's own, so that the same functions
// decode them: see [NewReconciler] for what they lack. They are marked
// ([inbox.Attempt.Reconciled]), and an event is processed once even if the
// real delivery comes after all.
//
// # Scopes
//
// Subscriptions need the scopes of their topics. The reconciler needs
// read_orders for orders and refunds, read_customers for customers, and
// read_inventory with read_locations for inventory levels. Fields that the
// token may not see are null in what it feeds.
package subscription
