package accesslog_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/accesslog"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// A program reads a customer. The log says which fields, with which operation,
// and not what was in them.
func ExampleHooks() {
	ctx := context.Background()
	log, err := audit.Open(ctx, audittest.NewMemory(new(testing.T)), &audit.Options{MaxWait: time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close()
	shop, err := shopifytest.Start(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer shop.Close()

	hooks, err := accesslog.Hooks(log, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := shopify.NewClient(shopify.Domain(shop.Domain()), shopify.StaticToken(shop.Token()), &shopify.Options{
		BaseURL: shop.URL(), Hooks: []shopify.Hooks{hooks},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := admin.GetCustomer(ctx, client, shopify.GID(shop.Customers()[0].ID)); err != nil {
		fmt.Println(err)
		return
	}
	for r, err := range log.Trail(ctx, audit.Query{Kind: audit.KindRead}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(r.Entry.Effect.Operation, "read", r.Entry.Attributes["content"], "of a", r.Entry.Subjects[0].Type)
	}
	// Output: GetCustomer read name email address of a customer
}

// The decision on an order is proven by a receipt; a metafield of the order says
// so, for whoever looks at it in the shop's own admin.
func Example_metafield() {
	ctx := context.Background()
	store := audittest.NewMemory(new(testing.T))
	log, err := audit.Open(ctx, store, &audit.Options{MaxWait: time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close()
	shop, err := shopifytest.Start(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer shop.Close()
	client, err := shopify.NewClient(shopify.Domain(shop.Domain()), shopify.StaticToken(shop.Token()), &shopify.Options{BaseURL: shop.URL()})
	if err != nil {
		fmt.Println(err)
		return
	}
	order, err := shop.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{Variant: shop.Products()[0].Variants[0].ID, Quantity: 1}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	decision, err := log.Append(ctx, audit.Entry{
		Kind: audit.KindDecided, Actor: audit.Actor{Type: audit.Human, ID: "manager-7"}, Action: "postpurchase.followup",
		Subjects: []audit.Subject{{Type: "order", ID: order.ID}}, Decision: &audit.Decision{Verdict: "approve"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	receipt, err := log.Receipt(ctx, decision.Index) // a file for the auditor
	if err != nil {
		fmt.Println(err)
		return
	}
	known, err := store.Verifiers()
	if err != nil {
		fmt.Println(err)
		return
	}
	pointer, err := receipt.Pointer(known)
	if err != nil {
		fmt.Println(err)
		return
	}
	value, err := json.Marshal(pointer)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = admin.MetafieldsSet(ctx, client, []admin.MetafieldsSetInput{{
		OwnerID: shopify.GID(order.ID), Namespace: shopify.Some("audit"), Key: "decision", Type: shopify.Some("json"), Value: string(value),
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("entry", pointer.Index, "of", pointer.Log, "says", pointer.Verdict)
	// Output: entry 0 of example.com/log says approve
}
